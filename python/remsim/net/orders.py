# SPDX-License-Identifier: GPL-2.0-or-later
"""One thread that carries out orders one after the other from a bounded queue. Never decides, never
polls.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from remsim.errors import BusyError

O = TypeVar("O")  # noqa: E741 - an order

QUEUE_MAX = (
    32  # orders waiting; the core never has more than a few open, so more means a stuck worker
)


class OrderThread(Generic[O]):
    """`carry_out` is called on the thread with each order. It has to answer for its own
    failures.
    """

    def __init__(self, name: str, carry_out: Callable[[O], None]) -> None:
        self._name = name
        self._carry_out = carry_out
        self._orders: queue.Queue[O | None] = queue.Queue(QUEUE_MAX + 1)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def submit(self, order: O) -> None:
        """Never blocks. BusyError when the queue is full."""
        if self._orders.qsize() >= QUEUE_MAX:
            raise BusyError(f"{self._name} is busy")
        self._orders.put_nowait(order)

    def stop(self, deadline_s: float) -> None:
        """The order in hand may finish until then; those behind it are not begun."""
        if self._thread is None:
            return
        self._stopping.set()
        self._orders.put(None, timeout=0 if self._orders.full() else None)
        self._thread.join(deadline_s)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            order = self._orders.get()
            if order is None or self._stopping.is_set():
                return
            self._carry_out(order)
