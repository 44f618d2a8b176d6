# SPDX-License-Identifier: GPL-2.0-or-later
"""Time, passed in: monotonic seconds for intervals, the wall clock for records only.

A router's wall clock jumps by years when NTP first answers: no interval is computed from it.
Tests use `remsim_lab.clock.HandClock`, which only moves when told to.
"""

from __future__ import annotations

import select
import threading
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Seconds; `wait()` returns early (True) when the event is set, `poll()` with what is ready."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...

    def wait(self, event: threading.Event, timeout_s: float) -> bool: ...

    def poll(self, watched: select.epoll, timeout_s: float) -> list[tuple[int, int]]: ...


class SystemClock:
    """The real clock. CLOCK_BOOTTIME is not used: a suspended router has no deadlines to keep."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(max(0.0, timeout_s))

    def poll(self, watched: select.epoll, timeout_s: float) -> list[tuple[int, int]]:
        return watched.poll(max(0.0, timeout_s))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a clock. Made once per operation and handed down, so that retries share it."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def is_over(self) -> bool:
        return self.clock.monotonic() >= self.at
