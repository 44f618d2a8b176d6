# SPDX-License-Identifier: GPL-2.0-or-later
"""A small HTTP server with uhttpd's manners: header by header, chunk by chunk, on loopback only.

Chunked answers to HTTP/1.1, kept-alive connections, 400 for what it does not know, HEAD and bodies
that are too large refused with the connection closed. It must never listen anywhere but on the
loopback device. Source: uhttpd client.c, utils.c.
"""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

ADDRESS = "127.0.0.1"
KEEP_ALIVE_S = 20.0  # uhttpd -k
LINE_MAX = 65536
HEADERS_MAX = 100
BODY_MAX = 1 << 20  # of anything but /ubus, which has its own limit
DRAIN_MAX = 1 << 22  # bytes of a refused request that are taken in before closing
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
VERSIONS = ("HTTP/0.9", "HTTP/1.0", "HTTP/1.1")
BAD_REQUEST = (400, "Bad Request")


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have lower-case names. `path` is decoded, `target` as it was sent."""

    method: str
    target: str
    version: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """Fields of a posted form, and those of the query behind them."""
        posted = parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True)
        return {**self.query, **dict(posted)}

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs if name}


@dataclass(frozen=True, slots=True)
class Response:
    """`body` may be an iterator of pieces, sent as they come; an empty one only looks whether the
    client is still there. `is_sized`: a Content-Length is among the headers, so no chunks."""

    status: int = 200
    reason: str = "OK"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""
    closes: bool = False
    is_sized: bool = False


def text_response(content_type: str, body: bytes | str, *more: tuple[str, str]) -> Response:
    data = body.encode() if isinstance(body, str) else body
    return Response(headers=(("Content-Type", content_type), *more), body=data)


def error_response(status: int, reason: str, words: str = "") -> Response:
    """uhttpd's own error page."""
    body = f"<h1>{reason}</h1>{words}".encode()
    return Response(status, reason, (("Content-Type", "text/html"),), body)


# answer(request) of one request whose body is within `body_max(path)`.
Answer = Callable[[Request], Response]


class _Refused(Exception):
    """What is answered without asking anybody."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.reason)
        self.response = response


class _Connection(socketserver.StreamRequestHandler):
    """One connection, request after request."""

    server: HttpServer
    timeout = KEEP_ALIVE_S
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.server.opened(self.request)
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError, ValueError):
            return  # gone, silent too long, or closed by the server's end
        finally:
            self.server.closed(self.request)

    def _one(self) -> bool:
        """False when the connection ends."""
        self._version = "HTTP/1.0"
        try:
            request = self._read()
        except _Refused as refusal:
            self._write(None, refusal.response)
            self._drain()
            return False
        if request is None:
            return False
        response = self.server.answer(request)
        self._write(request, response)
        return not (response.closes or _closes(request))

    def _read(self) -> Request | None:
        line = self.rfile.readline(LINE_MAX)
        if line == b"\r\n":
            line = self.rfile.readline(LINE_MAX)
        if not line:
            return None
        words = line.decode("latin-1").split()
        if len(words) != 3 or words[0] not in METHODS or words[2] not in VERSIONS:
            raise _Refused(error_response(*BAD_REQUEST))
        self._version = words[2]
        headers = self._read_headers()
        body = self._read_body(words[1], headers)
        return Request(words[0], words[1], words[2], headers, body)

    def _read_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(HEADERS_MAX):
            line = self.rfile.readline(LINE_MAX).decode("latin-1").strip()
            if not line:
                return headers
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        raise _Refused(error_response(*BAD_REQUEST))

    def _read_body(self, target: str, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if not length.isdigit() or "transfer-encoding" in headers:
            raise _Refused(error_response(*BAD_REQUEST))
        limit, refusal = self.server.body_limit(target)
        if int(length) > limit:
            raise _Refused(refusal)
        return self.rfile.read(int(length))

    def _write(self, request: Request | None, response: Response) -> None:
        version = self._version
        is_kept = not (request is None or response.closes or _closes(request))
        is_head = request is not None and request.method == "HEAD"
        is_chunked = version == "HTTP/1.1" and not (
            is_head or response.is_sized or response.status in (204, 304)
        )
        lines = [f"{version} {response.status:03} {response.reason}"]
        lines.append("Connection: Keep-Alive" if is_kept else "Connection: close")
        lines += ["Transfer-Encoding: chunked"] if is_chunked else []
        lines += [f"Keep-Alive: timeout={KEEP_ALIVE_S:g}"] if is_kept else []
        lines += [f"{name}: {value}" for name, value in response.headers]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        pieces = [response.body] if isinstance(response.body, bytes) else response.body
        for piece in pieces:
            if not piece:
                self._look_for_the_client()
            else:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _drain(self) -> None:
        """Closing over unread bytes would reset the connection, and the answer with it."""
        self.connection.shutdown(socket.SHUT_WR)
        left = DRAIN_MAX
        while left > 0 and (some := self.connection.recv(65536)):
            left -= len(some)

    def _look_for_the_client(self) -> None:
        """Raises ConnectionError when it is gone; nothing was written that would tell."""
        ready, _, _ = select.select([self.connection], [], [], 0)
        if ready and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionError("the client left")


def _closes(request: Request) -> bool:
    return request.version != "HTTP/1.1" or request.headers.get("connection", "").lower() == "close"


class HttpServer(socketserver.ThreadingTCPServer):
    """`port` 0 takes a free one; `body_limit(target)` gives a limit and what is said above it."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        port: int,
        answer: Answer,
        body_limit: Callable[[str], tuple[int, Response]],
    ) -> None:
        super().__init__((ADDRESS, port), _Connection)
        self.answer = answer
        self.body_limit = body_limit
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Every connection ends."""
        self.shutdown()
        if self._thread is not None:
            self._thread.join()
        self.server_close()
        with self._lock:
            for connection in self._open:
                _end(connection)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # ended meanwhile
