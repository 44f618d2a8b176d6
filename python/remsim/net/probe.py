# SPDX-License-Identifier: GPL-2.0-or-later
"""Prober: one ICMP echo over one link answers whether the path itself is alive. One thread per
link.

It asks an unrelated target, so that a dead server is never taken for a dead path (design section
5).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

from remsim.clock import Clock, Deadline
from remsim.errors import NotPossibleError, PeerUnreachable, RemsimError
from remsim.events import Event, Probe, ProbeDone
from remsim.model import Failure, LinkObservation, Role
from remsim.net.bind import (
    LimitedSocket,
    LinkBinding,
    errno_word,
    family_of,
    is_literal,
    open_socket,
    sockaddr,
)
from remsim.net.icmp import ECHO_V4, ECHO_V6, EchoKind, build_echo, is_echo_reply
from remsim.net.orders import OrderThread

LOG = logging.getLogger(__name__)

NONCE_SIZE = 8  # bytes; 36 bytes each way at IPv4 level
MESSAGE_MAX = 512  # longer messages are nobody's answer to 8 bytes
STRAY_MAX = 256  # a raw socket sees every ICMP message of the router


class Prober:
    """Executes `Probe` orders for one link and posts one `ProbeDone` for each."""

    def __init__(self, role: Role, mark: int, clock: Clock, post: Callable[[Event], None]) -> None:
        self._role = role
        self._mark = mark
        self._clock = clock
        self._post = post
        self._link: LinkObservation | None = None
        self._failures = 0
        self._thread = OrderThread[Probe](f"probe-{role.value}", self._carry_out)

    def start(self) -> None:
        self._thread.start()

    def submit(self, order: Probe) -> None:
        self._thread.submit(order)

    def stop(self, deadline_s: float) -> None:
        self._thread.stop(deadline_s)

    def set_link(self, seen: LinkObservation) -> None:
        """From any thread; counts for the next order."""
        self._link = seen

    def _carry_out(self, order: Probe) -> None:
        self._post(self._answer(order))

    def _answer(self, order: Probe) -> ProbeDone:
        deadline = Deadline.after(self._clock, order.timeout_s)
        try:
            rtt_s = self._probe(order.target, deadline)
        except RemsimError as error:
            return self._failed(order, error.code, getattr(error, "word", ""), error.reason)
        except Exception as error:
            LOG.exception("probe of %s", order.target)
            return self._failed(order, "error", type(error).__name__, "unforeseen error")
        self._failures = 0
        return ProbeDone(order.id, order.role, order.target, round(rtt_s * 1000, 1))

    def _failed(self, order: Probe, kind: str, code: str, reason: str) -> ProbeDone:
        self._failures += 1
        failure = Failure(self._failures, code, reason, kind, self._clock.monotonic())
        return ProbeDone(order.id, order.role, order.target, None, failure)

    def _probe(self, target: str, deadline: Deadline) -> float:
        seen = self._link
        if seen is None or not seen.is_usable:
            raise PeerUnreachable(target, f"the {self._role.title} link is down", word="ENETDOWN")
        if not is_literal(target):
            raise NotPossibleError(f"{target} is not an IP address")
        try:
            return echo(LinkBinding.of(seen, self._mark), target, deadline)
        except OSError as error:
            reason = "no echo" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise PeerUnreachable(target, reason, word=errno_word(error)) from error


def echo(link: LinkBinding, target: str, deadline: Deadline) -> float:
    """Seconds until the echo came back over this link. TimeoutError or OSError if it does not."""
    kind, proto = (
        (ECHO_V4, socket.IPPROTO_ICMP)
        if family_of(target) is socket.AF_INET
        else (ECHO_V6, socket.IPPROTO_ICMPV6)
    )
    sock, is_raw = _open(link, family_of(target), proto)
    with sock:
        sock.deadline = deadline
        sock.connect(sockaddr(target, 0))
        return _exchange(sock, kind, is_raw, deadline.clock)


def _exchange(sock: LimitedSocket, kind: EchoKind, is_raw: bool, clock: Clock) -> float:
    nonce = os.urandom(NONCE_SIZE)
    sent_at = clock.monotonic()
    sock.send(build_echo(kind, int.from_bytes(os.urandom(2)), nonce))
    for _ in range(STRAY_MAX):
        if is_echo_reply(kind, sock.recv(MESSAGE_MAX), nonce, is_raw):
            return clock.monotonic() - sent_at
    raise TimeoutError("only other messages came")


def _open(
    link: LinkBinding, family: socket.AddressFamily, proto: int
) -> tuple[LimitedSocket, bool]:
    """Raw where allowed (a router); otherwise the kernel's unprivileged echo socket, if its group
    range permits.
    """
    try:
        return open_socket(link, family, socket.SOCK_RAW, proto), True
    except PermissionError:
        return open_socket(link, family, socket.SOCK_DGRAM, proto), False
