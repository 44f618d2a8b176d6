# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses below /ubus: posts, lists, events, and what other origins may read.

Source: uhttpd ubus.c; recorded exchanges in tests/vectors/openwrt/jsonrpc/http.json.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

from remsim_lab.ubus import message, wire
from remsim_lab.ubus.client import OwnObject
from remsim_lab.ubus.wire import Frame
from remsim_lab.web.bus import Bus
from remsim_lab.web.http import Request, Response, error_response
from remsim_lab.web.jsonrpc import NULL_SESSION, PARSE, JsonRpc, error_text, plain_error

PREFIX = "/ubus"
BODY_MAX = 65536  # uhttpd UH_UBUS_MAX_POST_SIZE
JSON = ("Content-Type", "application/json")
CORS_METHODS = ("GET", "POST", "OPTIONS")
SILENCE_S = 5.0  # of an event stream: how often a client that left is looked for


def too_large() -> Response:
    body = error_text(None, PARSE).encode()
    return Response(headers=(JSON,), body=body, closes=True)


class UbusPages:
    """`has_cors` is uhttpd's -X."""

    def __init__(self, bus: Bus, rpc: JsonRpc, has_cors: bool = False) -> None:
        self._bus = bus
        self._rpc = rpc
        self._has_cors = has_cors

    def answer(self, request: Request) -> Response:
        rest = request.path[len(PREFIX) :]
        if request.method == "GET":
            return self._get(request, rest)
        if request.method == "POST":
            return self._post(request, rest)
        if request.method == "OPTIONS":
            headers = (*self._cors(request), JSON, ("Content-Length", "0"))
            return Response(headers=headers, is_sized=True)
        closes = bool(request.body)
        page = error_response(400, "Bad Request", "Invalid Request")
        return Response(page.status, page.reason, page.headers, page.body, closes)

    def _post(self, request: Request, rest: str) -> Response:
        if rest in ("", "/"):
            pieces = (piece.encode() for piece in self._rpc.parts(request.body))
            return self._json(request, pieces)
        if rest.startswith("/call/"):
            name = rest.removeprefix("/call/")
            return self._json(request, self._rpc.direct(name, _bearer(request), request.body))
        return Response(404, "Not Found")

    def _get(self, request: Request, rest: str) -> Response:
        if rest == "/list" or rest.startswith("/list/"):
            found, text = self._rpc.listed(rest.removeprefix("/list")[1:] or None)
            answer = self._json(request, text)
            if found:
                return answer
            return Response(500, "Ubus Protocol Error", answer.headers, answer.body)
        if rest.startswith("/subscribe/"):
            return self._subscribe(request, rest.removeprefix("/subscribe/"))
        return Response(404, "Not Found")

    def _json(self, request: Request, body: str | Iterator[bytes]) -> Response:
        content = body.encode() if isinstance(body, str) else body
        return Response(headers=(*self._cors(request), JSON), body=content)

    def _cors(self, request: Request) -> tuple[tuple[str, str], ...]:
        origin = request.headers.get("origin")
        wanted = request.headers.get("access-control-request-method")
        if not self._has_cors or origin is None:
            return ()
        if wanted is not None and wanted not in CORS_METHODS:
            return ()
        headers = request.headers.get("access-control-request-headers")
        lines = [("Access-Control-Allow-Origin", origin)]
        lines += [] if headers is None else [("Access-Control-Allow-Headers", headers)]
        lines.append(("Access-Control-Allow-Methods", ", ".join(CORS_METHODS)))
        return (*lines, ("Access-Control-Allow-Credentials", "true"))

    # --- events ---

    def _subscribe(self, request: Request, path: str) -> Response:
        if not self._rpc.allows(_bearer(request), path, ":subscribe"):
            words = os.strerror(errno.EACCES)
            return self._json(request, plain_error(-errno.EACCES, words))
        stream = EventStream(self._bus)
        status = stream.open(path)
        if status:
            return self._json(request, plain_error(status, wire.status_text(status)))
        headers = (*self._cors(request), ("Content-Type", "text/event-stream"))
        return Response(headers=headers, body=stream.pieces(), closes=True)


class EventStream:
    """Notifications of one object, as server-sent events."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._pieces: list[bytes] = []
        self._own = OwnObject(self._on_event)
        self._is_over = False
        self._held = ExitStack()

    def _on_event(self, _frame: Frame, name: bytes, data: bytes) -> int:
        self._pieces.append(b"event: %b\ndata: %b\n\n" % (name, message.format_json(data)))
        return wire.OK

    def _end(self, _target: int) -> None:
        self._is_over = True

    def open(self, path: str) -> int:
        """A status; when it is OK, `pieces()` has to be used up or closed."""
        target = self._bus.find(path.encode())
        if target is None:
            return wire.NOT_FOUND
        self._connection = self._held.enter_context(self._bus.connection())
        self._own.on_unsubscribe = self._end
        status = self._connection.add_object(self._own)
        return status or self._connection.subscribe(self._own, target)

    def pieces(self) -> Iterator[bytes]:
        """Until the object or the client goes."""
        with self._held:
            try:
                while not (self._is_over or self._connection.lost):
                    yield b"".join(self._pieces)
                    self._pieces.clear()
                    self._connection.read(time.monotonic() + SILENCE_S)
            finally:
                self._connection.remove_object(self._own)


def _bearer(request: Request) -> str:
    words = request.headers.get("authorization", "")
    return words[7:] if words[:7].lower() == "bearer " else NULL_SESSION
