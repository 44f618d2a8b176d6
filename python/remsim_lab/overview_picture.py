# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of the Overview in README: a real browser over a lab whose primary has its SIM from
the bank.

    python -m remsim_lab.overview_picture [FILE]

With LUCI_SRC, a LuCI source tree, it has the looks of LuCI's own theme, else of the stand-in.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from remsim_lab.lab import ACTIVE_LIMIT_S, Lab, wait_for
from remsim_lab.launchers import PYTHON_DIR, Place
from remsim_lab.web.wanted import WebWanted

TARGET = PYTHON_DIR.parent / "docs/images/overview.png"
PAGE = "/cgi-bin/luci/admin/services/remsim/overview"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDTH, HEIGHT = 1100, 860
SPEED = 10.0
BYTES_MAX = 150_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def main() -> int:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    source = os.environ.get("LUCI_SRC")
    web = WebWanted(0, Path(source) if source else None)
    with (
        tempfile.TemporaryDirectory(prefix="remsim-picture-") as directory,
        Lab(Place(Path(directory) / "lab"), SPEED, print, web, has_remote_sim=True) as lab,
    ):
        wait_for(lambda: _is_worth_showing(lab), "the remote SIM", ACTIVE_LIMIT_S)
        png = smaller(_shot(lab))
    if len(png) > BYTES_MAX:
        raise SystemExit(f"{len(png)} bytes are more than {BYTES_MAX}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(png)
    print(f"{target}: {len(png)} bytes")
    return 0


def _is_worth_showing(lab: Lab) -> bool:
    """On the bank's SIM and on line, a heartbeat answered, nothing wrong."""
    status = lab.status() or {}
    modem = status.get("modem1", {})
    return bool(
        modem.get("state") == "connected"
        and modem["sim"]["source"] == "remote"
        and modem["fields"]["signal"]["value"]
        and status["heartbeat"]["rtt_ms"]
        and not status["alerts"]
    )


def _shot(lab: Lab) -> bytes:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", color_scheme="light"
        )
        page.goto(lab.url + PAGE)
        page.locator("[name=luci_username]").fill(lab.users.admin.username)
        page.locator("[name=luci_password]").fill(lab.users.admin.password)
        page.locator("button.important, input[type=submit], button").first.click()
        page.wait_for_selector("#view .remsim-picture")
        png: bytes = page.screenshot(animations="disabled")
        browser.close()
    return png


def smaller(png: bytes) -> bytes:
    """The same picture, compressed as far as it goes, without what is no picture."""
    kept = [(kind, data) for kind, data in chunks(png) if kind in KEPT]
    pixels = zlib.decompress(b"".join(data for kind, data in kept if kind == b"IDAT"))
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY)
    packed = packer.compress(pixels) + packer.flush()
    head = [chunk for chunk in kept if chunk[0] not in (b"IDAT", b"IEND")]
    written = [*head, (b"IDAT", packed), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in written)


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of each; source: PNG (third edition) section 5.3."""
    at = len(SIGNATURE)
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        yield kind, png[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", check)


if __name__ == "__main__":
    sys.exit(main())
