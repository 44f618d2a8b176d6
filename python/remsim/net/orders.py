# SPDX-License-Identifier: GPL-2.0-or-later
"""One thread that carries out orders one by one from a bounded queue. Never decides, never
polls.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from remsim.errors import BusyError

O = TypeVar("O")  # noqa: E741 - an order

QUEUE_MAX = 32  # orders waiting; the core has only a few open, so more means a stuck worker


class OrderThread(Generic[O]):
    """`carry_out` gets each order on the thread and answers for its own failures; `at_end` is the
    thread's last act.
    """

    def __init__(
        self, name: str, carry_out: Callable[[O], None], at_end: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._carry_out = carry_out
        self._at_end = at_end
        self._orders: queue.Queue[O | None] = queue.Queue(QUEUE_MAX + 1)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        self._stopping.clear()
        self._orders = queue.Queue(QUEUE_MAX + 1)  # one more than orders: the wake-up of stop()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def submit(self, order: O) -> None:
        """Never blocks. BusyError when the queue is full."""
        if self._orders.qsize() >= QUEUE_MAX:
            raise BusyError(f"{self._name} is busy")
        self._orders.put_nowait(order)

    def begin_stop(self) -> None:
        """No further order is begun. For a caller that then cuts off the one in hand."""
        self._stopping.set()

    def stop(self, deadline_s: float) -> None:
        """The order in hand may finish until then; those behind it are not begun."""
        if self._thread is None:
            return
        self._stopping.set()
        with contextlib.suppress(queue.Full):  # then the thread is not waiting for anything
            self._orders.put_nowait(None)
        self._thread.join(deadline_s)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                order = self._orders.get()
                if order is None or self._stopping.is_set():
                    return
                self._carry_out(order)
        finally:
            self._at_end()
