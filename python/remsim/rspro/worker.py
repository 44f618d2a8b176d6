# SPDX-License-Identifier: GPL-2.0-or-later
"""The session's shell: its sockets in an event loop, its card front-end, its log.

Single thread: whatever the session wants is carried out at once and in order. One `Send` is one
write on a socket without Nagle's delay. Sockets are bound to the link that carries the control
traffic; when that changes, both connections are made anew over the new one.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from remsim.card.api import FrontEnd
from remsim.eventloop import EventLoop
from remsim.net.bind import LinkBinding, errno_word, family_of, is_literal, open_socket, sockaddr
from remsim.rspro.actions import (
    Action,
    Answer,
    Cause,
    Close,
    Connect,
    LinkName,
    PresentCard,
    ReleaseSlot,
    RemoveCard,
    ResetModem,
    Send,
    SetAtr,
    Tell,
)
from remsim.rspro.lookup import Lookups
from remsim.rspro.messages import SlotPhysStatus
from remsim.rspro.release import Releaser
from remsim.rspro.session import STALL_S, Bank, Session

LOG = logging.getLogger(__name__)

READ_OCTETS = 65536
MAX_UNSENT = 64 * 1024  # octets that a dead link may hold back before it is given up
CLOSED = "closed by the peer"
PEERS_WORDS = (CLOSED, "ECONNRESET", "EPIPE")  # the peer knows that the connection is over
QUIET_S = 600.0  # the same word again within this time goes to the debug log
_PASSING = (Send, Answer)  # a command or an answer passed on: no earlier moment comes of it
LOUD = (Cause.CARD_NOT_RESTORED, Cause.NONSENSE, Cause.COMMAND_LOST)
_ENDS = {Cause.SERVER_CONNECTED: Cause.SERVER_LOST, Cause.BANK_CONNECTED: Cause.BANK_LOST}


class Wrapper(Protocol):
    """TLS, if it is wanted."""

    def wrap(self, sock: socket.socket, host: str) -> Any: ...

    def judge(self, sock: Any) -> str: ...


@dataclass(slots=True)
class _Connection:
    host: str
    port: int
    lookup: int | None = None
    sock: Any = None
    is_up: bool = False
    unsent: deque[bytes] = field(default_factory=deque)
    unsent_octets: int = 0


class Worker:
    """`on_change` gets what the session tells; `on_end` the reason why nobody uses the card any
    more.
    """

    def __init__(
        self,
        session: Session,
        front_end: FrontEnd,
        loop: EventLoop,
        tls: Wrapper | None = None,
        releaser: Releaser | None = None,
        on_change: Callable[[Tell], None] | None = None,
        on_end: Callable[[str], None] | None = None,
    ) -> None:
        self.session = session
        self.front_end = front_end
        self._loop = loop
        self._tls = tls
        self._releaser = releaser
        self._on_change = on_change
        self._on_end = on_end
        self._lookups = Lookups(loop)
        self._binding: LinkBinding | None = LinkBinding()
        self._connections: dict[LinkName, _Connection] = {}
        self._next_address: dict[str, int] = {}
        self._last_told: dict[Cause, tuple[str, float]] = {}
        self._loud_troubles: set[Cause] = set()
        self._released: deque[tuple[bool, str]] = deque()  # from the releaser's thread
        self._queue: deque[Action] = deque()
        self._is_performing = False
        self._tick_at: float | None = None  # None: to be found out anew
        self.modem_reset_by_front_end = False
        self._do: dict[type, Callable[[Any], None]] = {
            Connect: self._connect,
            Send: self._send,
            Close: self._close,
            PresentCard: lambda action: front_end.present(action.atr),
            RemoveCard: lambda _: front_end.remove(),
            SetAtr: lambda action: front_end.set_atr(action.atr),
            Answer: lambda action: front_end.answer(action.response),
            ResetModem: self._reset_modem,
            ReleaseSlot: self._release_slot,
            Tell: self._tell,
        }

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        self.front_end.open(self)
        self._perform(self.session.start(self._loop.clock.monotonic()))

    def run_once(self) -> None:
        """One round of the loop, no longer than to the session's next moment."""
        if self._tick_at is None:
            self._tick_at = self._next_tick()
        self._loop.run_once(self._tick_at)
        if self._lookups.is_done:
            self._lookups.deliver()
        while self._released:
            is_done, reason = self._released.popleft()
            now = self._loop.clock.monotonic()
            self._perform(self.session.slot_released(is_done, reason, now))
        now = self._loop.clock.monotonic()
        if self._tick_at is None or now >= self._tick_at:
            self._tick_at = None
            self._perform(self.session.tick(now))

    def _next_tick(self) -> float:
        """Never later than a stalled command would show: so passing one on changes nothing."""
        latest = self._loop.clock.monotonic() + STALL_S
        deadline = self.session.deadline
        return latest if deadline is None or deadline > latest else deadline

    def stop(self) -> None:
        """Close everything in an orderly way."""
        for name in tuple(self._connections):
            self._forget(name)
        self.front_end.close()

    def bind(self, binding: LinkBinding | None) -> None:
        """The control traffic leaves by this link from now on; None: there is none at present, and
        what is connected is left alone.
        """
        previous, self._binding = self._binding, binding
        if binding is None:
            return
        self._lookups.rebind(binding)
        if previous is None or (previous.device, previous.mark) != (binding.device, binding.mark):
            self._perform(self.session.path_changed(self._loop.clock.monotonic()))

    def assign(self, bank: Bank | None) -> None:
        """Direct mode: the orchestrator's word."""
        self._perform(self.session.assign(bank, self._loop.clock.monotonic()))

    # --- the front-end's side (card.api.CardUser) -------------------------------------------------

    def command(self, command: bytes) -> bool:
        is_taken = self.session.takes(command)
        self._perform(self.session.command(command, self._loop.clock.monotonic()))
        return is_taken

    def line_changed(self, status: SlotPhysStatus) -> None:
        self._perform(self.session.line_changed(status, self._loop.clock.monotonic()))

    def front_end_ended(self, reason: str) -> None:
        LOG.info("%s: %s", self.front_end.name, reason)
        if self._on_end is not None:
            self._on_end(reason)

    # --- actions ----------------------------------------------------------------------------------

    def _perform(self, actions: list[Action]) -> None:
        """An action may make the front-end tell something; what follows from that comes after."""
        if len(actions) != 1 or type(actions[0]) not in _PASSING:
            self._tick_at = None
        self._queue.extend(actions)
        if self._is_performing:
            return
        self._is_performing = True
        try:
            while self._queue:
                action = self._queue.popleft()
                self._do[type(action)](action)
        finally:
            self._is_performing = False

    def _release_slot(self, action: ReleaseSlot) -> None:
        def done(is_done: bool, reason: str) -> None:
            self._released.append((is_done, reason))
            self._loop.wake()

        if self._releaser is None or self._binding is None:
            done(False, "no path for the control traffic")
        else:
            self._releaser.release(self._binding, action.bank, action.client, done)

    def _reset_modem(self, _: ResetModem) -> None:
        self.modem_reset_by_front_end = self.front_end.reset_modem()

    def _tell(self, action: Tell) -> None:
        """Loud once per trouble, then only in the debug log for a while; as loud is its end."""
        now = self._loop.clock.monotonic()
        text, told_at = self._last_told.get(action.cause, ("", -QUIET_S))
        is_news = text != action.text or now - told_at >= QUIET_S
        trouble = _ENDS.get(action.cause)
        if trouble is not None:
            is_news = is_news or trouble in self._loud_troubles
            self._loud_troubles.discard(trouble)
        if is_news:
            self._last_told[action.cause] = (action.text, now)
            self._loud_troubles.add(action.cause)
        level = logging.WARNING if action.cause in LOUD else logging.INFO
        words = action.cause.value.replace("_", " ")
        LOG.log(level if is_news else logging.DEBUG, "%s: %s", words, action.text)
        if self._on_change is not None:
            self._on_change(action)

    def _connect(self, action: Connect) -> None:
        connection = _Connection(action.host, action.port)
        self._connections[action.link] = connection
        if is_literal(action.host):
            self._open(action.link, connection, (action.host,), "")
        else:
            connection.lookup = self._lookups.find(
                action.host,
                lambda addresses, reason: self._open(action.link, connection, addresses, reason),
            )

    def _open(
        self, name: LinkName, connection: _Connection, addresses: tuple[str, ...], reason: str
    ) -> None:
        if self._connections.get(name) is not connection:
            return
        connection.lookup = None
        if self._binding is None:
            reason = "no path for the control traffic"
        elif addresses:
            try:
                connection.sock = self._begin(connection, addresses, self._binding)
                self._loop.watch(connection.sock.fileno(), None, lambda: self._settle(name))
                return
            except OSError as error:
                reason = errno_word(error) or str(error)
        # told in the next round: the session is in the middle of a step
        now = self._loop.clock.monotonic()
        self._loop.at(now, name, lambda: self._lost(name, connection, reason))

    def _begin(
        self, connection: _Connection, addresses: tuple[str, ...], binding: LinkBinding
    ) -> socket.socket:
        """Each attempt takes the next address of the name."""
        turn = self._next_address.get(connection.host, 0)
        self._next_address[connection.host] = turn + 1
        address = addresses[turn % len(addresses)]
        sock = open_socket(binding, family_of(address), socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = sock.connect_ex(sockaddr(address, connection.port))
            if number not in (0, errno.EINPROGRESS):
                raise OSError(number, errno.errorcode.get(number, ""))
        except OSError:
            sock.close()
            raise
        return sock

    def _settle(self, name: LinkName) -> None:
        """TCP came up, or did not."""
        connection = self._connections[name]
        number = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._lost(name, connection, errno_word(OSError(number, "")))
        elif self._tls is None:
            self._up(name, connection)
        else:
            self._loop.unwatch(connection.sock.fileno())
            connection.sock = self._tls.wrap(connection.sock, connection.host)
            self._shake(name, connection)

    def _shake(self, name: LinkName, connection: _Connection) -> None:
        """The TLS handshake, as far as it goes without waiting."""
        import ssl

        fd = connection.sock.fileno()
        try:
            connection.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.watch(fd, lambda: self._shake(name, connection))
        except ssl.SSLWantWriteError:
            self._loop.watch(fd, None, lambda: self._shake(name, connection))
        except ssl.SSLCertVerificationError as error:
            self._lost(name, connection, f"TLS: {error.verify_message}")
        except ssl.SSLError as error:
            self._lost(name, connection, f"TLS: {error.reason or error}")
        except OSError as error:
            self._lost(name, connection, f"TLS: {errno_word(error) or error}")
        else:
            complaint = self._tls.judge(connection.sock) if self._tls is not None else ""
            if complaint:
                self._lost(name, connection, f"TLS: {complaint}")
            else:
                self._up(name, connection)

    def _up(self, name: LinkName, connection: _Connection) -> None:
        connection.is_up = True
        self._loop.watch(connection.sock.fileno(), lambda: self._readable(name, connection))
        self._perform(self.session.connected(name, self._loop.clock.monotonic()))

    def _readable(self, name: LinkName, connection: _Connection) -> None:
        try:
            octets = connection.sock.recv(READ_OCTETS)
            while octets and self._tls is not None and connection.sock.pending():
                octets += connection.sock.recv(READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if _wants_more(error):
                return
            self._lost(name, connection, _word_of(error))
            return
        if octets:
            self._perform(self.session.received(name, octets, self._loop.clock.monotonic()))
        else:
            self._lost(name, connection, CLOSED)

    # --- sending ----------------------------------------------------------------------------------

    def _send(self, action: Send) -> None:
        connection = self._connections.get(action.link)
        if connection is None or not connection.is_up:
            return
        if connection.unsent:
            self._keep(action.link, connection, action.frame)
            return
        try:
            sent = connection.sock.send(action.frame)
        except OSError as error:
            if not isinstance(error, BlockingIOError) and not _wants_more(error):
                self._lose_soon(action.link, connection, _word_of(error))
                return
            sent = 0
        if sent < len(action.frame):
            self._keep(action.link, connection, action.frame[sent:])

    def _keep(self, name: LinkName, connection: _Connection, rest: bytes) -> None:
        """The link takes nothing now: send when it does, frame by frame."""
        connection.unsent.append(rest)
        connection.unsent_octets += len(rest)
        if connection.unsent_octets > MAX_UNSENT:
            self._lose_soon(name, connection, "the link takes no data")
            return
        self._loop.watch(
            connection.sock.fileno(),
            lambda: self._readable(name, connection),
            lambda: self._flush(name, connection),
        )

    def _flush(self, name: LinkName, connection: _Connection) -> None:
        try:
            while connection.unsent:
                rest = connection.unsent[0]
                sent = connection.sock.send(rest)
                connection.unsent_octets -= sent
                if sent < len(rest):
                    connection.unsent[0] = rest[sent:]
                    return
                connection.unsent.popleft()
        except OSError as error:
            if not isinstance(error, BlockingIOError) and not _wants_more(error):
                self._lost(name, connection, _word_of(error))
            return
        self._loop.watch(connection.sock.fileno(), lambda: self._readable(name, connection))

    # --- the end of a connection ------------------------------------------------------------------

    def _close(self, action: Close) -> None:
        self._forget(action.link)

    def _lose_soon(self, name: LinkName, connection: _Connection, reason: str) -> None:
        """Inside a step of the session the news has to wait for the next round."""
        connection.is_up = False
        self._loop.unwatch(connection.sock.fileno())
        now = self._loop.clock.monotonic()
        self._loop.at(now, name, lambda: self._lost(name, connection, reason))

    def _lost(self, name: LinkName, connection: _Connection, reason: str) -> None:
        if self._connections.get(name) is not connection:
            return
        self._forget(name)
        now = self._loop.clock.monotonic()
        self._perform(self.session.closed(name, reason, now, reason in PEERS_WORDS))

    def _forget(self, name: LinkName) -> None:
        connection = self._connections.pop(name, None)
        if connection is None:
            return
        if connection.lookup is not None:
            self._lookups.forget(connection.lookup)
        if connection.sock is not None:
            self._loop.unwatch(connection.sock.fileno())
            connection.sock.close()


def _word_of(error: OSError) -> str:
    """OpenSSL counts its own errors, whose numbers mean something else to the kernel. With TLS 1.3
    a server's refusal of our certificate comes with the first read.
    """
    reason = getattr(error, "reason", None)
    if isinstance(reason, str):
        return f"TLS: {reason.lower().replace('_', ' ')}"
    return errno_word(error) or str(error)


def _wants_more(error: OSError) -> bool:
    """TLS is in the middle of a record."""
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")
