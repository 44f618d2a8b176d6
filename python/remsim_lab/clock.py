# SPDX-License-Identifier: GPL-2.0-or-later
"""A clock that only moves when a test moves it."""

from __future__ import annotations

import select
import threading


class HandClock:
    """Satisfies `remsim.clock.Clock`. Nothing blocks: waiting in vain moves it by the time-out."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def move(self, seconds: float) -> None:
        """Both clocks go on by `seconds`."""
        self._monotonic += seconds
        self._wall += seconds

    def jump_wall(self, seconds: float) -> None:
        """Only the wall clock jumps, as when NTP first answers."""
        self._wall += seconds

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if event.is_set():
            return True
        self.move(max(0.0, timeout_s))
        return event.is_set()

    def poll(self, watched: select.epoll, timeout_s: float) -> list[tuple[int, int]]:
        ready = watched.poll(0)
        if not ready:
            self.move(max(0.0, timeout_s))
        return ready
