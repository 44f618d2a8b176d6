# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines by name, as the modem workers use them: read, set, pulse. Decides nothing."""

from __future__ import annotations

import threading

from remsim.gpio.holder import LineHolder


class NamedLines:
    """Each method raises DeviceError naming the line. `stopping` ends a pulse early, never late."""

    def __init__(self, holder: LineHolder) -> None:
        self._holder = holder
        self._stopping = threading.Event()

    def read(self, name: str) -> int | None:
        return self._holder.line(name).read() if self._holder.has(name) else None

    def set(self, name: str, level: int) -> None:
        self._holder.line(name).set(level)

    def pulse(self, name: str, ms: int) -> None:
        self._holder.line(name).pulse(ms, self._stopping)

    def hurry(self) -> None:
        """The daemon is stopping: pulses in other threads end now."""
        self._stopping.set()
