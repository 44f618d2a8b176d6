# SPDX-License-Identifier: GPL-2.0-or-later
"""User traffic of the LAN: small packets to a website that sends them back.

It does not stop when the network fails: that is the moment it is there for.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from dataclasses import dataclass

from remsim_lab.network.addresses import ECHO_PORT, LAN_HOST, WEBSITE
from remsim_lab.network.namespace import Namespace

PAYLOAD = b"user traffic of the LAN "  # a number follows, so that each answer is told apart


@dataclass(frozen=True, slots=True)
class TrafficCount:
    """`last_answer_at` is monotonic; None = no answer yet."""

    sent: int
    answered: int
    last_answer_at: float | None


class LanTraffic:
    """`per_second` packets from the LAN host to WEBSITE, and the echo (RFC 862) there."""

    def __init__(self, lan: Namespace, servers: Namespace, per_second: float = 20.0) -> None:
        self._lan = lan
        self._servers = servers
        self._period_s = 1 / per_second
        self._lock = threading.Lock()
        self._count = TrafficCount(0, 0, None)
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = socket.socketpair()

    def start(self) -> None:
        self._echo = self._servers.call(lambda: _bound(WEBSITE, ECHO_PORT))
        self._client = self._lan.call(lambda: _bound(LAN_HOST, 0))
        self._thread = threading.Thread(target=self._run, name="lab-lan", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._wake_write.send(b"w")
            self._thread.join()
            self._thread = None
            self._echo.close()
            self._client.close()
        self._wake_read.close()
        self._wake_write.close()

    @property
    def count(self) -> TrafficCount:
        with self._lock:
            return self._count

    def __enter__(self) -> LanTraffic:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        next_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for each in (self._echo, self._client, self._wake_read):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(max(0.0, next_at - time.monotonic())):
                    if key.fileobj is self._wake_read:
                        return
                    self._receive(self._echo if key.fileobj is self._echo else self._client)
                if time.monotonic() >= next_at:
                    next_at += self._period_s
                    self._send()

    def _receive(self, ready: socket.socket) -> None:
        try:
            raw, peer = ready.recvfrom(2048)
            if ready is self._echo:
                self._echo.sendto(raw, peer)
                return
        except OSError:
            return  # an ICMP error came back: the network is down, which is no fault of ours
        with self._lock:
            self._count = TrafficCount(self._count.sent, self._count.answered + 1, time.monotonic())

    def _send(self) -> None:
        with self._lock:
            count = self._count
            self._count = TrafficCount(count.sent + 1, count.answered, count.last_answer_at)
        try:
            self._client.sendto(PAYLOAD + str(count.sent).encode(), (WEBSITE, ECHO_PORT))
        except OSError:
            return  # unreachable: users try again, and so does this


def _bound(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind((address, port))
    return opened
