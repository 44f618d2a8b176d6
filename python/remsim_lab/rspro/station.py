# SPDX-License-Identifier: GPL-2.0-or-later
"""A listening peer on a thread of its own: what the lab's server, bank and delay line share.

Everything a station does happens on its thread; `ask()` runs a callable there and waits for what it
returns, so tests may look at and change a running station.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from remsim.clock import Clock, SystemClock
from remsim.eventloop import EventLoop

T = TypeVar("T")
ASK_LIMIT_S = 10.0
ROUND_S = 1.0


class Station:
    """Subclasses open their sockets in `setup()`, on the station's thread."""

    def __init__(self, host: str = "127.0.0.1", clock: Clock | None = None) -> None:
        self.host = host
        self.clock = clock or SystemClock()
        self.loop = EventLoop(self.clock)
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def start(self) -> None:
        """Returns when the sockets are open."""
        ready: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        failure = ready.get(timeout=ASK_LIMIT_S)
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self._thread is None:
            return
        self._is_ending = True
        with contextlib.suppress(OSError):  # it saw the flag by itself and has closed the loop
            self.loop.wake()
        self._thread.join(ASK_LIMIT_S)
        self._thread = None

    def ask(self, call: Callable[[], T]) -> T:
        """`call()` on the station's thread; its exceptions come back too."""
        answer: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def carry_out() -> None:
            try:
                answer.put((call(), None))
            except Exception as error:  # noqa: BLE001  (handed to whoever asked)
                answer.put((None, error))

        self._orders.put(carry_out)
        self.loop.wake()
        value, failure = answer.get(timeout=ASK_LIMIT_S)
        if failure is not None:
            raise failure
        return value  # type: ignore[return-value]

    def setup(self) -> None:
        """Open the sockets."""

    def teardown(self) -> None:
        """Close them."""

    def listen(self, port: int, on_connection: Callable[[socket.socket], None]) -> socket.socket:
        """A listening socket whose connections are non-blocking and without delay."""
        listener = socket.create_server((self.host, port), backlog=64)
        listener.setblocking(False)

        def accept() -> None:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            on_connection(connection)

        self.loop.watch(listener.fileno(), accept)
        return listener

    def drop(self, sock: socket.socket) -> None:
        """Stop watching and close."""
        if sock.fileno() >= 0:
            self.loop.unwatch(sock.fileno())
            sock.close()

    def after(self, seconds: float, key: object, callback: Callable[[], None]) -> None:
        self.loop.at(self.clock.monotonic() + seconds, key, callback)

    def _run(self, ready: queue.SimpleQueue[BaseException | None]) -> None:
        try:
            self.setup()
        except OSError as error:
            ready.put(error)
            return
        ready.put(None)
        while not self._is_ending:
            self.loop.run_once(self.clock.monotonic() + ROUND_S)
            while not self._orders.empty():
                self._orders.get()()
        self.teardown()
        self.loop.close()
