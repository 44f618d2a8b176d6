# SPDX-License-Identifier: GPL-2.0-or-later
"""All GPIO lines of the daemon: opened as they are, levels held and verified, pulses that always
end.

Opening never moves a line, and neither does closing: a restart or an upgrade causes no edge. A line
moves only through `set`, `pulse` and `hold`, and at start to end a pulse that a crash interrupted.
Back-ends: the character device by way of the line keeper, else sysfs (docs/gpio.md says when
which).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from remsim.clock import Clock
from remsim.errors import DeviceError, DeviceTimeout, RemsimError, StorageError
from remsim.gpio.api import LineSettings, LineSpec, Pin, SpecKind
from remsim.gpio.journal import PulseJournal, PulseMark
from remsim.gpio.kept import KeeperLink, LineTaken, NoChardev
from remsim.gpio.sysfs import find_line
from remsim.model import Failure, LineState
from remsim.paths import Paths

LOG = logging.getLogger(__name__)

# How much longer than the pulse the keeper waits before it ends the pulse by itself: the daemon is
# then dead or so stuck that the watchdog will end it.
PULSE_GUARD_MS = 2000

# A pulse in another thread keeps its line for up to a power cycle's length; a set waits this long
# for it.
LINE_WAIT_S = 15.0


class HeldLine:
    """One line: polarity, read-back, pulse, and the level it should have. Used by any thread."""

    def __init__(
        self, settings: LineSettings, pin: Pin, journal: PulseJournal, clock: Clock
    ) -> None:
        self.settings = settings
        self._pin = pin
        self._journal = journal
        self._clock = clock
        self._busy = threading.Lock()
        self._wanted: int | None = None
        self._failure: Failure | None = None
        self._last_level: int | None = None

    @property
    def where(self) -> str:
        return self._pin.where

    def read(self) -> int:
        return self._pin.read() ^ self.settings.active_low

    def set(self, level: int) -> None:
        """Drive the line at `level`, verify it, and hold it from now on."""
        with _Turn(self._busy, self.settings.name):
            self._wanted = level
            self._drive(level)

    def hold(self, level: int) -> None:
        """As `set`, but a line that already drives this level is not written."""
        with _Turn(self._busy, self.settings.name):
            self._wanted = level
            self._assure(self.read())

    def pulse(self, ms: int, cancel: threading.Event) -> None:
        with _Turn(self._busy, self.settings.name):
            idle = self._raw(0)
            is_noted = self._note(PulseMark(self.settings.name, self.settings.spec, idle))
            try:
                self._pin.write(1 - idle, ms + PULSE_GUARD_MS)
                self._clock.wait(cancel, ms / 1000)
            finally:
                self._pin.write(idle)
                if is_noted:
                    self._journal.end(self.settings.name)
            self._wanted = 0

    def _note(self, mark: PulseMark) -> bool:
        """A full disk must not keep a modem from its reset where the keeper ends the pulse."""
        try:
            self._journal.begin(mark)
        except StorageError as error:
            if not self._pin.ends_pulses:
                raise
            LOG.warning("pulse not noted, the line keeper watches it: %s", error.reason)
            return False
        return True

    def check(self) -> LineState:
        """Read the line back; one that left its wanted level is reported and driven there again."""
        if not self._busy.acquire(blocking=False):
            return self._state(
                self._last_level
            )  # a pulse is under way: the level is meant to differ
        try:
            self._last_level = None
            self._last_level = self.read()
            self._assure(self._last_level)
            self._failure = self._verdict(self._last_level)
        except RemsimError as error:
            self._failure = self._failed(error.code, error.reason)
        finally:
            self._busy.release()
        return self._state(self._last_level)

    def _assure(self, level: int) -> None:
        """`level` was read just now."""
        if self._wanted is None:
            return
        if not self._pin.is_output or level != self._wanted:
            self._drive(self._wanted)

    def _drive(self, level: int) -> None:
        self._pin.write(self._raw(level))
        if self.settings.read_back and self.read() != level:
            raise DeviceError(
                f"{self.settings.name} ({self.where})",
                f"reads {1 - level} after being set to {level}",
            )

    def _verdict(self, level: int) -> Failure | None:
        if self._wanted is None or level == self._wanted:
            return None
        return self._failed("read_back", f"read {level} where {self._wanted} is held; set again")

    def _failed(self, code: str, reason: str) -> Failure:
        attempt = self._failure.attempt + 1 if self._failure else 1
        return Failure(attempt, code, reason, DeviceError.code, self._clock.monotonic())

    def _raw(self, level: int) -> int:
        return level ^ self.settings.active_low

    def _state(self, level: int | None) -> LineState:
        return LineState(self.settings.name, self.where, level, self._wanted, self._failure)


class LineHolder:
    """The lines by name. A line that cannot be opened is reported by `check` and tried again
    there.
    """

    def __init__(self, paths: Paths, clock: Clock, lines: Iterable[LineSettings]) -> None:
        self._paths = paths
        self._clock = clock
        self._settings = {line.name: line for line in lines}
        self._link = KeeperLink(paths, clock)
        self._journal = PulseJournal(paths)
        self._lines: dict[str, HeldLine] = {}
        self._to_hold: dict[str, int] = {}
        self._failures: dict[str, Failure] = {}
        self._opening = threading.Lock()
        self._is_recovered = False

    def open(self) -> tuple[LineState, ...]:
        """End interrupted pulses, then open every line as it is; what went wrong is in the
        states.
        """
        with self._opening:
            self._end_interrupted_pulses()
        return self.check()

    def line(self, name: str) -> HeldLine:
        """DeviceError when it cannot be opened, or is not configured."""
        with self._opening:
            self._end_interrupted_pulses()
            if name not in self._lines:
                self._lines[name] = self._open_line(name)
            return self._lines[name]

    def has(self, name: str) -> bool:
        return name in self._settings

    def hold(self, name: str, level: int) -> None:
        """Keep the line at `level` for good. Without an edge when it has that level already."""
        self._to_hold[name] = level
        self.line(name).hold(level)

    def check(self) -> tuple[LineState, ...]:
        """Every configured line, read back; held levels are restored."""
        return tuple(self._check(name) for name in self._settings)

    def close(self) -> None:
        """Detach: no line moves, the keeper stays."""
        self._link.close()

    def dismiss(self) -> None:
        """Give the lines back to the kernel (after a release): their levels are then the board's
        affair.
        """
        self._lines.clear()
        self._link.dismiss()

    def _check(self, name: str) -> LineState:
        try:
            line = self.line(name)
        except RemsimError as error:
            return self._unopened(name, error)
        self._failures.pop(name, None)
        return line.check()

    def _unopened(self, name: str, error: RemsimError) -> LineState:
        before = self._failures.get(name)
        failure = Failure(
            before.attempt + 1 if before else 1,
            error.code,
            error.reason,
            DeviceError.code,
            self._clock.monotonic(),
        )
        self._failures[name] = failure
        wanted = self._to_hold.get(name)
        return LineState(name, self._settings[name].spec.text, None, wanted, failure)

    def _open_line(self, name: str) -> HeldLine:
        settings = self._settings.get(name)
        if settings is None:
            raise DeviceError(name, "no GPIO line is configured for this")
        line = HeldLine(settings, self._find(settings.spec), self._journal, self._clock)
        if name in self._to_hold:
            line.hold(self._to_hold[name])
        return line

    def _find(self, spec: LineSpec) -> Pin:
        if spec.kind is SpecKind.SYSFS:
            return find_line(self._paths, spec)
        try:
            return self._link.hold(spec)
        except LineTaken as taken:
            return self._exported(spec, taken)
        except NoChardev:
            return find_line(self._paths, spec)
        except DeviceTimeout:
            raise
        except DeviceError as missing:
            return self._exported(spec, missing)

    def _exported(self, spec: LineSpec, refusal: DeviceError) -> Pin:
        """The board's own export of a line that the character device refuses; else the refusal
        stands.
        """
        consumer = refusal.consumer if isinstance(refusal, LineTaken) else None
        try:
            return find_line(self._paths, spec, consumer)
        except DeviceError:
            raise refusal from None

    def _end_interrupted_pulses(self) -> None:
        """Once, before any line is used: later marks are those of our own pulses."""
        if self._is_recovered:
            return
        self._is_recovered = True
        for mark in self._journal.interrupted():
            try:
                self._find(mark.spec).write(mark.idle)
            except DeviceError:
                continue  # the mark stays; check() reports the line, and the next start tries again
            self._journal.end(mark.name)


class _Turn:
    """Exclusive use of a line, waited for no longer than a pulse can last."""

    def __init__(self, lock: threading.Lock, name: str) -> None:
        self._lock = lock
        self._name = name

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=LINE_WAIT_S):
            raise DeviceTimeout(self._name, "another pulse does not end")

    def __exit__(self, *_: object) -> None:
        self._lock.release()
