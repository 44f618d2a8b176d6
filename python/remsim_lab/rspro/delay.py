# SPDX-License-Identifier: GPL-2.0-or-later
"""A delay line between client and peer: both directions take a while, octets are counted, the line
can be cut as a dead radio link is (nothing arrives, nobody is told) or closed.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from remsim_lab.rspro.station import Station

READ_OCTETS = 65536


@dataclass(slots=True)
class Count:
    """What passed in one direction. A piece is what one receive call gave."""

    octets: int = 0
    pieces: int = 0


@dataclass(slots=True, eq=False)
class _Half:
    """One direction of one connection."""

    source: socket.socket
    target: socket.socket
    count: Count
    is_dead: bool = False
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)


class DelayLine(Station):
    """`target` is (host, port); `one_way_s` may change while it runs."""

    def __init__(self, target: tuple[str, int], one_way_s: float, port: int = 0) -> None:
        super().__init__()
        self.target = target
        self.one_way_s = one_way_s
        self.port = port
        self.to_peer = Count()
        self.to_client = Count()
        self._pairs: list[tuple[_Half, _Half]] = []

    def setup(self) -> None:
        self.port = self.listen(self.port, self._accepted).getsockname()[1]

    def teardown(self) -> None:
        self.close_all()

    def cut(self) -> None:
        """Whatever is connected now is dead from now on; new connections pass. Call by `ask`."""
        for pair in self._pairs:
            for half in pair:
                half.is_dead = True
                half.waiting.clear()

    def close_all(self) -> None:
        """Both ends see the end of their connection. Call by `ask`."""
        pairs, self._pairs = self._pairs, []
        for there, _ in pairs:
            self.drop(there.source)
            self.drop(there.target)

    def _accepted(self, client: socket.socket) -> None:
        peer = socket.socket()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            peer.connect(self.target)
        except OSError:
            client.close()
            peer.close()
            return
        peer.setblocking(False)
        there = _Half(client, peer, self.to_peer)
        back = _Half(peer, client, self.to_client)
        self._pairs.append((there, back))
        self.loop.watch(client.fileno(), self._reader(there))
        self.loop.watch(peer.fileno(), self._reader(back))

    def _reader(self, half: _Half) -> Callable[[], None]:
        return lambda: self._readable(half)

    def _readable(self, half: _Half) -> None:
        try:
            octets = half.source.recv(READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if half.is_dead:
            if not octets:
                self.loop.unwatch(half.source.fileno())
            return
        if octets:
            half.count.octets += len(octets)
            half.count.pieces += 1
        else:
            self.loop.unwatch(half.source.fileno())
        half.waiting.append((self.clock.monotonic() + self.one_way_s, octets))
        self._pass_on(half)

    def _pass_on(self, half: _Half) -> None:
        now = self.clock.monotonic()
        while half.waiting and half.waiting[0][0] <= now:
            _, octets = half.waiting.popleft()
            if not octets:
                self._close_pair(half)
                return
            try:
                half.target.sendall(octets)
            except OSError:
                self._close_pair(half)
                return
        if half.waiting:
            self.loop.at(half.waiting[0][0], half, lambda: self._pass_on(half))

    def _close_pair(self, half: _Half) -> None:
        self._pairs = [pair for pair in self._pairs if half not in pair]
        self.drop(half.source)
        self.drop(half.target)
