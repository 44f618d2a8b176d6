# SPDX-License-Identifier: GPL-2.0-or-later
"""A GPIO chip as files, so that several processes see the same pins: what `/dev/gpiochipN` is in
the lab.

    /dev/gpiochip0/chip.json    label, line names, who else holds a line, what a release does
    /dev/gpiochip0/line/20      "out 1": direction and raw level
    /dev/gpiochip0/held/20      locked by the process that requested the line; its text is the
    consumer /dev/gpiochip0/edges        one line per change of a level: monotonic seconds, offset,
    raw level

The lab's stand-in for `gpiod` and the lab's board (`remsim_lab.gpio`) both work on these files.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from enum import Enum


class OnRelease(Enum):
    """What the simulated chip does with a line whose request is closed: drivers differ."""

    KEEP = "keep"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class LineDeclaration:
    """`kernel_consumer`: the board itself holds the line, as it does with one it exports."""

    name: str = ""
    kernel_consumer: str | None = None
    rest_level: int = 0  # raw level while nobody drives it (pull resistor)


@dataclass(frozen=True, slots=True)
class ChipDeclaration:
    label: str
    lines: tuple[LineDeclaration, ...]
    on_release: OnRelease = OnRelease.KEEP


@dataclass(frozen=True, slots=True)
class PinState:
    is_output: bool
    raw: int

    @property
    def text(self) -> str:
        return f"{'out' if self.is_output else 'in '} {self.raw}\n"


class ChipFiles:
    """Reads and writes one chip's files. OSError as they come."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    def create(self, declaration: ChipDeclaration) -> None:
        for directory in ("line", "held"):
            os.makedirs(os.path.join(self.path, directory), exist_ok=True)
        fields = {
            "label": declaration.label,
            "on_release": declaration.on_release.value,
            "lines": [
                [line.name, line.kernel_consumer, line.rest_level] for line in declaration.lines
            ],
        }
        for offset, line in enumerate(declaration.lines):
            _write(self._line(offset), PinState(False, line.rest_level).text)
            _write(self._held(offset), "")
        _write(os.path.join(self.path, "edges"), "")
        _write(os.path.join(self.path, "chip.json"), json.dumps(fields))

    def declaration(self) -> ChipDeclaration:
        with open(os.path.join(self.path, "chip.json"), encoding="utf-8") as file:
            fields = json.load(file)
        lines = tuple(LineDeclaration(*line) for line in fields["lines"])
        return ChipDeclaration(fields["label"], lines, OnRelease(fields["on_release"]))

    def pin(self, offset: int) -> PinState:
        with open(self._line(offset), encoding="ascii") as file:
            direction, raw = file.read().split()
        return PinState(direction == "out", int(raw))

    def set_pin(self, offset: int, state: PinState) -> None:
        """One write, so that no reader sees half of it; a changed level is logged as an edge."""
        before = self.pin(offset)
        descriptor = os.open(self._line(offset), os.O_WRONLY)
        try:
            os.write(descriptor, state.text.encode("ascii"))
        finally:
            os.close(descriptor)
        if before.raw != state.raw:
            self._log_edge(offset, state.raw)

    def edges(self) -> tuple[tuple[float, int, int], ...]:
        """(monotonic seconds, offset, raw level), in the order of their happening."""
        with open(os.path.join(self.path, "edges"), encoding="ascii") as file:
            rows = (line.split() for line in file)
            return tuple((float(at), int(offset), int(raw)) for at, offset, raw in rows)

    def acquire(self, offset: int, consumer: str) -> int:
        """A descriptor that holds the line until it is closed. BlockingIOError while it is held."""
        descriptor = os.open(self._held(offset), os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.write(descriptor, consumer.encode())
        return descriptor

    def consumer(self, offset: int) -> str | None:
        """Who holds the line; None when nobody does."""
        if kernel := self.declaration().lines[offset].kernel_consumer:
            return kernel
        descriptor = os.open(self._held(offset), os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            return os.read(descriptor, 64).decode()
        finally:
            os.close(descriptor)

    def fall_back(self, offset: int) -> None:
        """What a release does to the pin, by the chip's kind."""
        declaration = self.declaration()
        if declaration.on_release is OnRelease.RESET:
            self.set_pin(offset, PinState(False, declaration.lines[offset].rest_level))

    def mark_released(self, offset: int) -> None:
        _write(self._held(offset), "")

    def was_abandoned(self, offset: int) -> bool:
        """Its holder died without releasing: the text is there, the lock is not."""
        with open(self._held(offset), encoding="utf-8") as file:
            return bool(file.read()) and self.consumer(offset) is None

    def _log_edge(self, offset: int, raw: int) -> None:
        path = os.path.join(self.path, "edges")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, f"{time.monotonic():.6f} {offset} {raw}\n".encode("ascii"))
        finally:
            os.close(descriptor)

    def _line(self, offset: int) -> str:
        return os.path.join(self.path, "line", str(offset))

    def _held(self, offset: int) -> str:
        return os.path.join(self.path, "held", str(offset))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
