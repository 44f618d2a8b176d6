# SPDX-License-Identifier: GPL-2.0-or-later
"""libubox's event loop as a Python program meets it: signals, children, nested loops.

While C code runs, a program's own Python signal handlers wait. SIGINT and SIGTERM without a handler
only end the present loop. Without a SIGCHLD handler every ended child of the process is reaped
here, whoever started it. A nested loop that ends ends the outer ones too.

Signals are touched on the main thread only. Source: libubox uloop.c.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from remsim_lab.ubus.client import Connection

Handler = Callable[[int, "FrameType | None"], object]

# A loop without a time limit looks at its end condition at least this often.
SLICE_S = 1.0

# Signals whose handlers are made to wait; the others are of no use to a daemon.
_HELD_BACK = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGCHLD,
)


def _set_handler(number: int, handler: Handler | signal.Handlers) -> bool:
    """False on any thread but the main one, where no handler would run either."""
    try:
        signal.signal(number, handler)
    except ValueError:
        return False
    return True


class Uloop:
    """One per process, like libubox's."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._cancelled = False
        self._child_ended = False
        self._taken: dict[int, Handler] = {}
        self._held: dict[int, Handler] = {}
        self._waiting: list[tuple[Handler, int]] = []

    # --- signals that nobody else handles ---

    def take_signals(self) -> None:
        """uloop_init(): SIGINT, SIGTERM and SIGCHLD where they have no handler."""
        for number, handler in (
            (signal.SIGINT, self._on_end),
            (signal.SIGTERM, self._on_end),
            (signal.SIGCHLD, self._on_child),
        ):
            if signal.getsignal(number) is signal.SIG_DFL and _set_handler(number, handler):
                self._taken[number] = handler

    def give_signals_back(self) -> None:
        """uloop_done()."""
        for number, handler in self._taken.items():
            if signal.getsignal(number) == handler:
                _set_handler(number, signal.SIG_DFL)
        self._taken.clear()

    def _on_end(self, _number: int, _frame: FrameType | None) -> None:
        self._cancelled = True
        self._wake()

    def _on_child(self, _number: int, _frame: FrameType | None) -> None:
        self._child_ended = True
        self._wake()

    def _wake(self) -> None:
        if self._connection is not None:
            self._connection.wake()

    # --- signals of the program ---

    def hold(self) -> None:
        """C code is entered: handlers wait."""
        own = (self._on_end, self._on_child, self._note)
        for number in _HELD_BACK:
            handler = signal.getsignal(number)
            if not callable(handler) or handler in own:
                continue
            self._held[number] = handler
            if not _set_handler(number, self._note):
                del self._held[number]
                return

    def release(self) -> None:
        """C code is left: what waited runs now, and may raise."""
        for number, handler in self._held.items():
            if signal.getsignal(number) == self._note:
                _set_handler(number, handler)
        self._held.clear()
        while self._waiting:
            handler, number = self._waiting.pop(0)
            handler(number, None)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in self._held:
            self._waiting.append((self._held[number], number))

    # --- loop ---

    def run(self, connection: Connection, timeout_ms: int) -> None:
        """Handle messages for `timeout_ms`; 0: what is there now; negative: until a signal."""
        earlier_fd = self._wake_by_signals(connection)
        outer, self._connection = self._connection, connection
        try:
            if timeout_ms == 0:
                connection.handle_pending()
                connection.receive()
            else:
                self._run(connection, timeout_ms)
        finally:
            self._connection = outer
            if earlier_fd is not None:
                signal.set_wakeup_fd(earlier_fd)

    def _run(self, connection: Connection, timeout_ms: int) -> None:
        end = time.monotonic() + timeout_ms / 1000 if timeout_ms > 0 else None
        self._cancelled = False
        while not self._cancelled:
            now = time.monotonic()
            if end is not None and now >= end:
                self._cancelled = True
                return
            if self._child_ended:
                self._reap()
            connection.read(now + SLICE_S if end is None else min(end, now + SLICE_S))

    def _wake_by_signals(self, connection: Connection) -> int | None:
        """A signal ends a wait, whichever thread gets it. The descriptor to put back, if any."""
        try:
            return signal.set_wakeup_fd(connection.wake_fd, warn_on_full_buffer=False)
        except ValueError:  # not the main thread
            return None

    def _reap(self) -> None:
        self._child_ended = False
        try:
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                continue
        except ChildProcessError:
            return
