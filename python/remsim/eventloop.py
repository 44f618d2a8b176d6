# SPDX-License-Identifier: GPL-2.0-or-later
"""One thread, one epoll: descriptors and moments with a callback each.

The remote-SIM client runs in it, and the daemon's main thread, which watches its connection to
ubusd and is woken by its workers. Callbacks must not block; what they raise ends the loop.
"""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from remsim.clock import Clock

LONGEST_WAIT_S = 60.0  # nothing depends on it; a lost wake-up would heal within it
NEVER = float("inf")
_BROKEN = select.EPOLLERR | select.EPOLLHUP

Callback = Callable[[], None]


@dataclass(slots=True)
class _Watch:
    on_readable: Callback | None
    on_writable: Callback | None

    @property
    def events(self) -> int:
        readable = select.EPOLLIN if self.on_readable else 0
        return readable | (select.EPOLLOUT if self.on_writable else 0)


class EventLoop:
    """Not thread-safe but for `wake()` and `call_soon()`; callbacks may call everything."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._epoll = select.epoll()
        self._watches: dict[int, _Watch] = {}
        self._timers: dict[object, tuple[float, Callback]] = {}
        self._next_at = NEVER  # no timer is due before; may be too early, never too late
        self._soon: deque[Callback] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._wake_read, self._drain)

    @property
    def wake_fd(self) -> int:
        """A byte written here ends the present wait (also for `signal.set_wakeup_fd`)."""
        return self._wake_write

    def watch(
        self, fd: int, on_readable: Callback | None, on_writable: Callback | None = None
    ) -> None:
        """Call back whenever `fd` is ready; replaces what was watched there. A hung-up descriptor
        counts as ready. OSError for one that epoll cannot watch (a regular file).
        """
        watch = _Watch(on_readable, on_writable)
        if fd in self._watches:
            self._epoll.modify(fd, watch.events)
        else:
            self._epoll.register(fd, watch.events)
        self._watches[fd] = watch

    def unwatch(self, fd: int) -> None:
        """To be called before the descriptor is closed."""
        if self._watches.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, moment: float, key: object, callback: Callback) -> None:
        """Call back once at a monotonic moment; a second timer of the same key replaces it."""
        self._timers[key] = (moment, callback)
        self._next_at = min(self._next_at, moment)

    def cancel(self, key: object) -> None:
        self._timers.pop(key, None)

    def call_soon(self, callback: Callback) -> None:
        """From any thread: call back on the loop's own."""
        self._soon.append(callback)
        self.wake()

    def wake(self) -> None:
        """From any thread."""
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # it is full of wake-ups already

    def run_once(self, until: float) -> None:
        """Wait for the next events, no longer than to the moment `until`, and handle them."""
        end = until if until < self._next_at else self._next_at
        wait_s = end - self.clock.monotonic()
        for fd, events in self.clock.poll(self._epoll, min(wait_s, LONGEST_WAIT_S)):
            watch = self._watches.get(fd)
            if watch is None:
                continue  # unwatched by a callback of this round
            if watch.on_writable is not None and events & (select.EPOLLOUT | _BROKEN):
                watch.on_writable()
            elif watch.on_readable is not None:
                watch.on_readable()
        if self.clock.monotonic() >= self._next_at:
            self._run_timers()

    def close(self) -> None:
        self._epoll.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _run_timers(self) -> None:
        now = self.clock.monotonic()
        due = [key for key, (moment, _) in self._timers.items() if moment <= now]
        for key in due:
            timer = self._timers.pop(key, None)
            if timer is not None:
                timer[1]()
        self._next_at = min((moment for moment, _ in self._timers.values()), default=NEVER)

    def _drain(self) -> None:
        os.read(self._wake_read, 512)
        while self._soon:
            self._soon.popleft()()
