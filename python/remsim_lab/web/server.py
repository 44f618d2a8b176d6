# SPDX-License-Identifier: GPL-2.0-or-later
"""The web of the lab's router as one object: rpcd and procd on the ubus, HTTP in front of them.

with Web(root, socket, port=8080) as web:
    web.url
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from remsim.clock import Clock
from remsim_lab.web import cgi
from remsim_lab.web.bus import Bus
from remsim_lab.web.http import (
    ADDRESS,
    BODY_MAX,
    HttpServer,
    Request,
    Response,
    error_response,
)
from remsim_lab.web.install import version_of
from remsim_lab.web.jsonrpc import JsonRpc
from remsim_lab.web.luci_pages import SCRIPT, LuciPages
from remsim_lab.web.rpcd import Procd, Rpcd
from remsim_lab.web.static import static
from remsim_lab.web.ubus_pages import BODY_MAX as UBUS_BODY_MAX
from remsim_lab.web.ubus_pages import PREFIX as UBUS
from remsim_lab.web.ubus_pages import UbusPages, too_large

Say = Callable[[str], None]


class Web:
    """`root` has been filled by `install()`. `port` 0 takes a free one."""

    def __init__(self, root: Path, socket: str, port: int, clock: Clock, say: Say) -> None:
        self._root = root
        self._socket = socket
        self._port = port
        self._say = say
        self._clock = clock
        self._stack = ExitStack()

    def open(self) -> Web:
        """Raises OSError when the port is taken."""
        bus = Bus(self._socket)
        self._stack.callback(bus.close)
        self._ubus = UbusPages(bus, JsonRpc(bus))
        self._luci = LuciPages(self._root, bus, self._clock, version_of(self._root))
        self._bus = bus
        server = HttpServer(self._port, self._answer, _body_limit)
        self._stack.callback(server.server_close)
        rpcd = Rpcd(self._root, self._clock, bus)
        for provider in (rpcd.provider(self._socket), Procd(bus, self._say).provider(self._socket)):
            provider.start()
            self._stack.callback(provider.stop)
        server.start()
        self._stack.callback(server.stop)
        self.port = server.port
        return self

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Web:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, request: Request) -> Response:
        path = request.path
        try:
            if _is_below(path, UBUS):
                return self._ubus.answer(request)
            if _is_below(path, SCRIPT):
                return self._luci.answer(request)
            if path == cgi.PATH:
                return cgi.cgi_exec(self._bus, request)
        except OSError as error:
            return error_response(503, "Service Unavailable", str(error))
        if path == "/":
            return Response(302, "Found", (("Location", f"{SCRIPT}/"),))
        return static(self._root, request)


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def _body_limit(target: str) -> tuple[int, Response]:
    if _is_below(target.partition("?")[0], UBUS):
        return UBUS_BODY_MAX, too_large()
    return BODY_MAX, error_response(413, "Request Entity Too Large")
