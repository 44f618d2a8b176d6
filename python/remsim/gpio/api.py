# SPDX-License-Identifier: GPL-2.0-or-later
"""GPIO lines: how they are named in the configuration, and what every back-end must do.

A *level* is logical: 1 means remote (SIM switch), asserted (reset), off (power line's pulse). The
*raw* level is what the pin carries; `active_low` stands between the two. Pure: no file and no
device is opened here.

Line names follow the kernel's GPIO documentation: the character device knows chips and offsets, the
device tree may name lines, sysfs knows global numbers whose base moved from 0 to 512 with kernel
6.2.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from remsim.errors import ArgumentError

SYSFS_CLASS = "/sys/class/gpio"

# Default length of a reset pulse: long enough for the modules' reset inputs (Quectel EC25 hardware
# design, RESET_N: 150 to 460 ms), and short enough not to be taken for a power-off.
DEFAULT_PULSE_MS = 300


class SpecKind(Enum):
    NUMBER = "number"  # "20": a global number of an older kernel or configuration
    OFFSET = "offset"  # "gpiochip0:20"; the chip may also be given by its label
    NAME = "name"  # "modem1_sim": line name of the device tree
    SYSFS = "sysfs"  # "/sys/class/gpio/modem1_sim": exported by the board


@dataclass(frozen=True, slots=True)
class LineSpec:
    """Which line is meant. `text` is what the user wrote."""

    text: str
    kind: SpecKind
    chip: str | None = None  # OFFSET: "gpiochip0" or a chip label
    offset: int | None = None  # OFFSET: offset on the chip; NUMBER: the number
    name: str | None = None  # NAME: line name; SYSFS: directory name below /sys/class/gpio

    @property
    def warning(self) -> str | None:
        """Why this way of naming a line is not a good one, or None."""
        if self.kind is not SpecKind.NUMBER:
            return None
        return (
            f"GPIO {self.text} is a plain number, and numbers move with the kernel version; "
            "better write chip and offset (gpiochip0:20) or the line's name"
        )


_OFFSET = re.compile(r"(?:/dev/)?(?P<chip>[A-Za-z0-9_.@,-]+):(?P<offset>\d{1,4})")
# GPIO_MAX_NAME_SIZE of linux/gpio.h is 32 with the NUL; a sysfs export's name may be longer.
_NAME = re.compile(r"(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30}")
_EXPORT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def parse_line(text: str) -> LineSpec:
    """What a configuration value means. ArgumentError when it names no line."""
    value = text.strip()
    if value.isdecimal() and len(value) <= 5:
        return LineSpec(value, SpecKind.NUMBER, offset=int(value))
    if value.startswith(SYSFS_CLASS + "/"):
        name = value.removeprefix(SYSFS_CLASS + "/").removesuffix("/value").rstrip("/")
        if _EXPORT.fullmatch(name) and name not in (".", ".."):
            return LineSpec(value, SpecKind.SYSFS, name=name)
    elif match := _OFFSET.fullmatch(value):
        return LineSpec(value, SpecKind.OFFSET, match["chip"], int(match["offset"]))
    elif _NAME.fullmatch(value) and not value.isdecimal():
        return LineSpec(value, SpecKind.NAME, name=value)
    raise ArgumentError(
        "gpio",
        f"{text!r} is not a GPIO line: a number, chip:offset, a line name or {SYSFS_CLASS}/NAME",
    )


@dataclass(frozen=True, slots=True)
class LineSettings:
    """`name` is "modem1.sim_switch"; `read_back` says whether a set level is verified."""

    name: str
    spec: LineSpec
    active_low: bool = False
    pulse_ms: int = DEFAULT_PULSE_MS
    read_back: bool = True


def power_line(name: str, spec: LineSpec, active_low: bool, off_ms: int) -> LineSettings:
    """A power line: `active_low` says how *on* is wired, and level 1 is off, so a pulse is a
    cycle.
    """
    return LineSettings(name, spec, active_low=not active_low, pulse_ms=off_ms)


class Pin(Protocol):
    """A back-end's line: raw levels, nothing else. DeviceError names the line."""

    @property
    def where(self) -> str:
        """The resolved line: "gpiochip0:20" or "/sys/class/gpio/modem1_sim"."""
        ...

    @property
    def is_output(self) -> bool: ...

    @property
    def ends_pulses(self) -> bool:
        """Whether `back_after_ms` is kept by somebody who outlives this process."""
        ...

    def read(self) -> int: ...

    def write(self, raw: int, back_after_ms: int | None = None) -> None:
        """Drive the pin at `raw`; becoming an output happens at that level, without a glitch.

        With `back_after_ms` a back-end that outlives this process returns to the opposite level by
        itself when nothing was written until then.
        """
        ...


class Line(Protocol):
    """One line as the modem workers see it. Levels are logical; every method may raise
    DeviceError.
    """

    def read(self) -> int: ...

    def set(self, level: int) -> None: ...

    def pulse(self, ms: int, cancel: threading.Event) -> None:
        """Level 1 for `ms`, then level 0, on every way out; `cancel` ends it early."""
        ...
