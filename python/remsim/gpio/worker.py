# SPDX-License-Identifier: GPL-2.0-or-later
"""Watches the GPIO lines on a thread of its own and tells the core what it read. Decides nothing.

The modem workers drive their lines themselves, through `LineHolder.line`; this thread opens them,
holds what must be held from the first moment on (modem 2's SIM switch at local), and reads them
back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from remsim.clock import Clock
from remsim.errors import DeviceError
from remsim.events import LinesSeen
from remsim.gpio.holder import LineHolder

# A switch that somebody moved is put back within this time. Reading four lines costs about 0.2 ms.
CHECK_INTERVAL_S = 30.0


class LineWorker:
    """`holds` gives the level of each line that must never leave it, by the line's name."""

    def __init__(
        self,
        holder: LineHolder,
        holds: Mapping[str, int],
        post: Callable[[LinesSeen], None],
        clock: Clock,
    ) -> None:
        self._holder = holder
        self._holds = dict(holds)
        self._post = post
        self._clock = clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpio", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look_soon(self) -> None:
        """From any thread: read the lines now instead of at the next check."""
        self._wake.set()

    def stop(self, deadline_s: float) -> None:
        """Detach: no line moves. `deadline_s` is how long to wait for the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(deadline_s)
        self._holder.close()

    def _run(self) -> None:
        said: LinesSeen | None = None
        self._hold_all()
        while not self._stopping.is_set():
            self._wake.clear()
            seen = LinesSeen(self._holder.check())
            if seen != said:
                self._post(seen)
                said = seen
            if not self._stopping.is_set():
                self._clock.wait(self._wake, CHECK_INTERVAL_S)

    def _hold_all(self) -> None:
        for name, level in self._holds.items():
            if not self._holder.has(name):
                continue
            try:
                self._holder.hold(name, level)
            except DeviceError:
                continue  # the next check reports it, and holds the line once it can be opened
