# SPDX-License-Identifier: GPL-2.0-or-later
"""One thread that moves packets between the TUN devices of both carriers.

It sleeps until a packet comes or a delayed one is due. All times are the monotonic clock's.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import threading
import time
from collections.abc import Callable

MAX_PACKET_BYTES = 65535
BURST = 64  # packets read from one device before the others get their turn

Receive = Callable[[bytes], None]


class Engine:
    """Calls `receive(packet)` of `watch()` and `action()` of `at()` on its own thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._selector = selectors.DefaultSelector()
        self._lock = threading.RLock()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._wake_read, self._wake_write = -1, -1
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def start(self) -> None:
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        self._is_ending = True
        self._wake()
        self._thread.join()
        self._thread = None
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def watch(self, descriptor: int, receive: Receive) -> None:
        with self._lock:
            self._selector.register(descriptor, selectors.EVENT_READ, receive)
        self._wake()

    def close(self, descriptor: int) -> None:
        """Stop watching and close: never in the middle of a packet, so the number is not reused."""
        with self._lock:
            self._selector.unregister(descriptor)
            os.close(descriptor)
        self._wake()

    def at(self, moment: float, action: Callable[[], object]) -> None:
        with self._lock:
            heapq.heappush(self._due, (moment, next(self._order), action))
        if threading.current_thread() is not self._thread:
            self._wake()

    def locked(self) -> threading.RLock:
        """Hold it to change what the callbacks look at."""
        return self._lock

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:
            return  # full: it is awake anyway

    def _run(self) -> None:
        while not self._is_ending:
            ready = self._selector.select(self._timeout_s())
            with self._lock:
                for key, _ in ready:
                    self._read(key)
                self._run_due()

    def _timeout_s(self) -> float | None:
        with self._lock:
            return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _read(self, key: selectors.SelectorKey) -> None:
        if key.data is None:
            os.read(self._wake_read, 4096)
            return
        if key.fd not in self._selector.get_map():
            return  # closed since select() looked
        for _ in range(BURST):
            try:
                packet = os.read(key.fd, MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError:
                return  # EBADFD, EIO: the device is down; it comes back with the next packet
            key.data(packet)

    def _run_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
