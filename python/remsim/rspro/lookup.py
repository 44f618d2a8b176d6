# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of server and bank, asked of the link's own DNS servers without holding up the card.

A look-up takes seconds when DNS is dead, and the modem's commands must pass meanwhile: each one
runs on a short-lived thread, at most one per host at a time. The answer comes back in the loop.
Without a link's DNS servers (bench set-ups, one plain uplink) the C library is asked.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable

from remsim.clock import Clock, Deadline
from remsim.errors import PeerUnreachable
from remsim.eventloop import EventLoop
from remsim.net.bind import LinkBinding, is_literal
from remsim.net.resolve import LinkResolver

LOOKUP_LIMIT_S = 8.0  # below the session's 10 s for a connection

Found = Callable[[tuple[str, ...], str], None]
"""`found(addresses, reason)`: no addresses means that `reason` is why."""


class Lookups:
    """`find()` from the loop's thread; `found` is called by `deliver()`, on the same thread."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._link = LinkBinding()
        self._resolver = LinkResolver(loop.clock)
        self._done: deque[tuple[int, tuple[str, ...], str]] = deque()
        self._asked: dict[int, Found] = {}
        self._number = 0

    def rebind(self, link: LinkBinding) -> None:
        """From now on names are asked over this link; answers on their way still count."""
        self._link = link

    def find(self, host: str, found: Found) -> int:
        """Start a look-up; its number can be forgotten."""
        self._number += 1
        self._asked[self._number] = found
        threading.Thread(
            target=self._run, args=(self._number, host, self._link), name="lookup", daemon=True
        ).start()
        return self._number

    def forget(self, number: int) -> None:
        """Nobody waits for this one any more."""
        self._asked.pop(number, None)

    @property
    def is_done(self) -> bool:
        return bool(self._done)

    def deliver(self) -> None:
        """Hand over what was found."""
        while self._done:
            number, addresses, reason = self._done.popleft()
            found = self._asked.pop(number, None)
            if found is not None:
                found(addresses, reason)

    def _run(self, number: int, host: str, link: LinkBinding) -> None:
        try:
            answer = (number, self._addresses(host, link), "")
        except PeerUnreachable as error:
            answer = (number, (), error.reason)
        except OSError as error:
            answer = (number, (), f"{host}: {error.strerror}")
        self._done.append(answer)
        with contextlib.suppress(OSError):  # the loop has ended meanwhile
            self._loop.wake()

    def _addresses(self, host: str, link: LinkBinding) -> tuple[str, ...]:
        """The C library's look-ups take as long as they like and keep no other one waiting."""
        if not link.dns_servers and not is_literal(host):
            return addresses_of(host, link, self._resolver, self._loop.clock)
        with self._lock:
            return addresses_of(host, link, self._resolver, self._loop.clock)


def addresses_of(
    host: str, link: LinkBinding, resolver: LinkResolver, clock: Clock
) -> tuple[str, ...]:
    """Blocks for up to LOOKUP_LIMIT_S. PeerUnreachable or OSError if there is none."""
    if link.dns_servers or is_literal(host):
        resolver.rebind(link)
        return resolver.resolve(host, Deadline.after(clock, LOOKUP_LIMIT_S))
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))
