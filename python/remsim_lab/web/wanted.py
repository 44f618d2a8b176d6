# SPDX-License-Identifier: GPL-2.0-or-later
"""How a lab is to serve the pages, and the program that does it."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from remsim_lab.launchers import Place, python
from remsim_lab.web.http import ADDRESS

PORT = 8080


@dataclass(frozen=True, slots=True)
class WebWanted:
    """`port` 0 takes a free one. `luci_source`: a LuCI source tree instead of the stand-in."""

    port: int = 0
    luci_source: Path | None = None


def url_file(place: Place) -> Path:
    return place.directory / "web.url"


def program(place: Place, wanted: WebWanted) -> tuple[str, ...]:
    return python(
        *("-m", "remsim_lab.web"),
        *("--root", str(place.root)),
        *("--socket", str(place.ubus_socket)),
        *("--port", str(wanted.port)),
        *("--url-file", str(url_file(place))),
    )


def is_free(port: int) -> bool:
    """Whether something could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
