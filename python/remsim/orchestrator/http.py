# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP over one link through `requests`: one kept-alive connection, as few bytes as HTTP/1.1
allows, one deadline.

The only importer of requests, and itself imported only when the first order needs it (19 MB).
Connections are made by our own bound sockets and resolver; nothing comes from the environment: no
proxy, no netrc, no CA bundle. No redirect is followed (on a mobile link it is a captive portal's),
no cookie kept, no compression asked for. Source: RFC 9110, RFC 9112; what may be left out of a
request is left out.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from remsim.orchestrator.lean import imported_without

try:
    with imported_without("chardet", "charset_normalizer"):
        import requests
except ImportError:  # before 2.32 it insists on one of them
    import requests

from requests.adapters import BaseAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER
from urllib3.util.wait import wait_for_read

from remsim.clock import Clock, Deadline
from remsim.errors import ArgumentError, PeerError, PeerNonsense, PeerUnreachable
from remsim.net.bind import (
    LimitedSocket,
    LinkBinding,
    TooLong,
    abandon,
    connect_any,
    errno_word,
)
from remsim.net.resolve import LinkResolver
from remsim.net.sntp import ask_time
from remsim.orchestrator.api import HttpReply, HttpRequest, Target, TlsSettings
from remsim.orchestrator.tls import LimitedTlsSocket, NotYetValid, TlsClient, explain

LOG = logging.getLogger(__name__)

ANSWER_MAX = 64 * 1024  # bytes of head and body; a registration is below 1 KB
KEPT_SHARE = 0.5  # of the deadline that a silent kept connection may use up before a new one
ADDRESS_CHECK_S = 3600.0  # a kept connection's host name is looked up again this often
LEFT_OUT = {"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER}  # what urllib3 would add

CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)  # by the peer, without a word

LinkSocket = LimitedSocket | LimitedTlsSocket


class _Unanswered(PeerUnreachable):
    """Not one byte came back. On a kept connection that says nothing about the server."""


class _Connection(HTTPConnection):
    """HTTP/1.1 on a socket that somebody else opened; head and body leave in one segment."""

    def __init__(self, target: Target, dial: Callable[[], LinkSocket], default_port: int) -> None:
        super().__init__(target.host, target.port, timeout=None)
        self.default_port = default_port  # type: ignore[misc] # decides whether Host names the port
        self.named_at = 0.0  # when the host's name last led to this connection's address
        self._dial = dial
        self._gathered: bytearray | None = None

    def _new_conn(self) -> socket.socket:
        return self._dial()

    def send(self, data: Any) -> None:
        if self._gathered is None:
            super().send(data)
        else:
            self._gathered += data

    def send_whole(self, request: requests.PreparedRequest) -> None:
        """Two writes would be two segments: 52 bytes more a beat, and another acknowledgement."""
        self._gathered = bytearray()
        try:
            headers = {**LEFT_OUT, **request.headers}
            self.request(str(request.method), request.path_url, body=request.body, headers=headers)
            whole = bytes(self._gathered)
        finally:
            self._gathered = None
        self.send(whole)


class _LinkAdapter(BaseAdapter):
    """Hands requests' requests to LinkHttp. `timeout` is for the whole exchange, as nowhere else in
    requests.
    """

    def __init__(
        self, carry: Callable[[requests.PreparedRequest, float], requests.Response]
    ) -> None:
        super().__init__()
        self._carry = carry

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        return self._carry(request, float(timeout))

    def close(self) -> None:
        """The connection belongs to LinkHttp."""


class LinkHttp:
    """An HttpClient over one link. One thread, except `abort`."""

    def __init__(
        self, clock: Clock, tls: TlsSettings | None = None, resolver: LinkResolver | None = None
    ) -> None:
        self._clock = clock
        self._resolver = resolver or LinkResolver(clock)
        self._link = LinkBinding()
        self._tls = TlsClient(tls, clock, self._ask_time) if tls is not None else None
        self._time_servers = tls.time_servers if tls is not None else ()
        self._not_before_s = tls.build_time_s if tls is not None else 0.0
        self._kept: tuple[Target, _Connection] | None = None
        self._target = Target("", 0)  # of the exchange in hand
        self._rtt_ms = 0.0  # of the last exchange
        self._sock: LinkSocket | None = None
        self._is_aborted = False
        self._session = self._make_session()

    def exchange(self, target: Target, request: HttpRequest, deadline: Deadline) -> HttpReply:
        """Sent again once when a kept connection brought no answer: every request here may arrive
        twice.
        """
        self._target = target
        scheme = "http" if self._tls is None else "https"
        try:
            response = self._session.request(
                request.method,
                f"{scheme}://{target}{request.path}",
                data=request.body,
                headers=dict(request.headers),
                timeout=deadline.left_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ArgumentError("request", f"{target}: {type(error).__name__}") from error
        return HttpReply(response.status_code, response.content, self._rtt_ms)

    def rebind(self, link: LinkBinding) -> None:
        """A connection from an address or device that the link no longer has is given up."""
        moved = (link.device, link.mark) != (self._link.device, self._link.mark)
        self._link = link
        self._resolver.rebind(link)
        if self._kept is not None and (moved or not _still_ours(self._kept[1].sock, link)):
            abandon(self._kept[1].sock)
            self._kept = None

    def abort(self) -> None:
        """From another thread: the exchange in hand ends now, and there will be no other."""
        self._is_aborted = True
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                LOG.debug("abort: %s", error)

    def close(self) -> None:
        """A polite end: the server learns at once that nobody is left."""
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    # --- one exchange --------------------------------------------------------------------------

    def _carry(self, request: requests.PreparedRequest, timeout_s: float) -> requests.Response:
        if self._is_aborted:
            raise _given_up(self._target)
        deadline = Deadline.after(self._clock, timeout_s)
        kept = self._take(deadline)
        if kept is not None:
            try:
                share = Deadline.after(self._clock, timeout_s * KEPT_SHARE)
                return self._round(kept, request, share)
            except _Unanswered as error:
                if self._is_aborted:
                    raise
                LOG.debug("kept connection replaced: %s", error.reason)
        return self._round(self._open(deadline), request, deadline)

    def _round(
        self, connection: _Connection, request: requests.PreparedRequest, deadline: Deadline
    ) -> requests.Response:
        sock: Any = connection.sock
        self._sock = sock
        if self._is_aborted:
            raise _given_up(self._target)
        sock.limit(deadline, ANSWER_MAX)
        started_at = self._clock.monotonic()
        try:
            connection.send_whole(request)
            answer = http.client.HTTPConnection.getresponse(connection)
            body = answer.read()
        except (OSError, http.client.HTTPException, HTTPError) as error:
            abandon(sock)
            connection.close()
            waited_s = self._clock.monotonic() - started_at
            raise self._explain(error, sock.taken_bytes, waited_s) from error
        finally:
            self._sock = None
        self._rtt_ms = (self._clock.monotonic() - started_at) * 1000
        self._keep(connection, answer)
        return _response(request, answer.status, body)

    def _explain(self, error: Exception, taken_bytes: int, waited_s: float) -> PeerError:
        peer = str(self._target)
        if isinstance(error, TooLong):
            return PeerNonsense(
                peer, f"answer longer than {ANSWER_MAX // 1024} KB", word="TOO LONG"
            )
        if isinstance(error, TimeoutError):
            if taken_bytes == 0:
                return _Unanswered(peer, f"no answer within {waited_s:.1f} s", word="ETIMEDOUT")
            return PeerNonsense(
                peer, f"answer not finished within {waited_s:.1f} s", word="ETIMEDOUT"
            )
        if isinstance(error, CLOSED):
            if taken_bytes == 0:
                return _Unanswered(peer, "connection closed without an answer", word="ECONNRESET")
            return PeerNonsense(peer, "connection closed within the answer", word="ECONNRESET")
        if isinstance(error, OSError) and self._tls is not None:
            return explain(error, self._target)
        if isinstance(error, OSError):
            return _Unanswered(peer, error.strerror or str(error), word=errno_word(error))
        return PeerNonsense(peer, "answer is not HTTP, or not whole", word=type(error).__name__)

    # --- connections ---------------------------------------------------------------------------

    def _open(self, deadline: Deadline) -> _Connection:
        target = self._target
        default_port = 80 if self._tls is None else 443
        connection = _Connection(target, lambda: self._dial(target, deadline), default_port)
        connection.connect()
        connection.named_at = self._clock.monotonic()
        return connection

    def _dial(self, target: Target, deadline: Deadline) -> LinkSocket:
        if self._tls is None:
            return self._dial_plain(target, deadline)
        try:
            return self._tls.wrap(self._dial_plain(target, deadline), target, deadline)
        except NotYetValid:
            if not self._tls.learn_time(deadline):
                raise
        return self._tls.wrap(self._dial_plain(target, deadline), target, deadline)

    def _dial_plain(self, target: Target, deadline: Deadline) -> LimitedSocket:
        addresses = self._resolver.resolve(target.host, deadline)
        try:
            return connect_any(self._link, addresses, target.port, deadline)
        except OSError as error:
            reason = "no connection in time" if isinstance(error, TimeoutError) else error.strerror
            raise PeerUnreachable(
                str(target), reason or str(error), word=errno_word(error)
            ) from error

    def _take(self, deadline: Deadline) -> _Connection | None:
        """The kept connection, if it is to this target, still open, and the name still means it."""
        if self._kept is None:
            return None
        (target, connection), self._kept = self._kept, None
        usable = target == self._target and not _has_something_to_read(connection.sock)
        if usable and self._still_named(connection, deadline):
            return connection
        connection.close()
        return None

    def _still_named(self, connection: _Connection, deadline: Deadline) -> bool:
        now = self._clock.monotonic()
        if now - connection.named_at < ADDRESS_CHECK_S:
            return True
        connection.named_at = now
        sock: Any = connection.sock
        try:
            return sock.getpeername()[0] in self._resolver.resolve(self._target.host, deadline)
        except (
            PeerUnreachable,
            OSError,
        ) as error:  # the exchange itself will show what it is worth
            LOG.debug("address of %s not checked: %s", self._target, error)
            return True

    def _keep(self, connection: _Connection, answer: http.client.HTTPResponse) -> None:
        if self._tls is not None and isinstance(connection.sock, LimitedTlsSocket):
            self._tls.remember(connection.sock, self._target)
        if answer.will_close or connection.sock is None:
            connection.close()
        else:
            self._kept = (self._target, connection)

    def _ask_time(self, deadline: Deadline) -> float:
        return ask_time(
            self._link, self._resolver, self._time_servers, self._not_before_s, deadline
        )

    def _make_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _LinkAdapter(self._carry))
        return session


def _given_up(target: Target) -> PeerUnreachable:
    return PeerUnreachable(str(target), "given up, remsim stops", word="ECANCELED")


def _response(request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
    """Without headers: none is used, and without Location nothing can be followed."""
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.url = str(request.url)
    response.request = request
    return response


def _has_something_to_read(sock: Any) -> bool:
    """Before a request was sent that means closed by the peer, or rubbish: either way it is of no
    use.
    """
    return sock is None or bool(wait_for_read(sock, timeout=0.0))


def _still_ours(sock: Any, link: LinkBinding) -> bool:
    """Whether the link still has the address that the connection was made from."""
    if not link.addresses:
        return True
    try:
        mine = sock.getsockname()[0]
    except OSError:
        return False
    return mine in {address.partition("/")[0] for address in link.addresses}
