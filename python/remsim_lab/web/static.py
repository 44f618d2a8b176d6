# SPDX-License-Identifier: GPL-2.0-or-later
"""Files below the router's /www, with what a browser needs to keep them.

It must never give a file that is not below /www by name. Source: uhttpd file.c.
"""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

from remsim_lab.web.http import Request, Response, error_response

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "application/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def static(root: Path, request: Request) -> Response:
    """GET or HEAD of a file."""
    parts = request.path.split("/")
    path = root / "www" / request.path.lstrip("/")
    if request.method not in ("GET", "HEAD") or ".." in parts or not path.is_file():
        return error_response(404, "Not Found", "The requested URL was not found on this server.")
    status = path.stat()
    tag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    headers = (
        ("ETag", tag),
        ("Last-Modified", formatdate(status.st_mtime, usegmt=True)),
        ("Cache-Control", "no-cache"),  # ask each time: a lab is for changing things
    )
    if request.headers.get("if-none-match") == tag:
        return Response(304, "Not Modified", headers)
    kind = TYPES.get(path.suffix, "application/octet-stream")
    sized = (*headers, ("Content-Type", kind), ("Content-Length", str(status.st_size)))
    body = b"" if request.method == "HEAD" else path.read_bytes()
    return Response(headers=sized, body=body, is_sized=True)
