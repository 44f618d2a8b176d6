# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of the GPIO character device through libgpiod v2. The only importer of `gpiod`.

Lines are requested as they are: requesting one changes neither its direction nor its level. The
kernel does not promise a level once the request is closed, so only the keeper process
(`remsim.gpio.keeper`) makes requests. Source: libgpiod 2 Python bindings;
Documentation/userspace-api/gpio/chardev.rst of the kernel.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import gpiod

from remsim.gpio.api import LineSpec, SpecKind
from remsim.gpio.sysfs import DYNAMIC_BASE, list_chips, translate
from remsim.paths import Paths

try:
    from gpiod.line import Direction, Value
except ImportError:  # libgpiod 1 (OpenWrt 23.05): the same module name, another API
    IS_VERSION_2 = False
else:
    IS_VERSION_2 = True

CONSUMER = "remsim"

_CHIP = re.compile(r"gpiochip(\d+)")


class LineRefused(OSError):
    """No line, or one that somebody else holds; `consumer` says who, as the kernel names it."""

    def __init__(self, number: int, reason: str, consumer: str | None = None) -> None:
        super().__init__(number, reason)
        self.consumer = consumer


@dataclass(frozen=True, slots=True)
class Place:
    """A line found: chip name and offset."""

    chip: str
    offset: int

    @property
    def text(self) -> str:
        return f"{self.chip}:{self.offset}"


class ChardevLine:
    """One requested line. Raw levels: the request is never active-low."""

    def __init__(self, place: Place, request: Any, is_output: bool) -> None:
        self.place = place
        self.is_output = is_output
        self._request = request

    def read(self) -> int:
        return 1 if self._request.get_value(self.place.offset) is Value.ACTIVE else 0

    def write(self, raw: int) -> None:
        value = Value.ACTIVE if raw else Value.INACTIVE
        if self.is_output:
            self._request.set_value(self.place.offset, value)
        else:
            self._drive(value)

    def release(self) -> None:
        self._request.release()

    def __enter__(self) -> ChardevLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def adopt_direction(self) -> None:
        """Tell the kernel that this output is ours to set, at the level it has."""
        if self.is_output:
            self._drive(self._request.get_value(self.place.offset))

    def _drive(self, value: Any) -> None:
        """Output at `value` in one step: the kernel sets the level before the direction."""
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value)
        self._request.reconfigure_lines({self.place.offset: settings})
        self.is_output = True


def find_place(paths: Paths, spec: LineSpec) -> Place:
    """Chip and offset that `spec` means on this kernel. LineRefused (ENOENT) when there is no such
    line.
    """
    place = _find(paths, spec)
    if place is None:
        raise LineRefused(errno.ENOENT, f"no GPIO line {spec.text}")
    return place


def request(paths: Paths, place: Place) -> ChardevLine:
    """Take the line as it is. LineRefused (EBUSY) when somebody else has it."""
    path = _device(paths, place.chip)
    with gpiod.Chip(path) as chip:
        info = chip.get_line_info(place.offset)
        try:
            taken = chip.request_lines({place.offset: gpiod.LineSettings()}, consumer=CONSUMER)
        except OSError as error:
            reason = f"{place.text} is held by {info.consumer or 'the kernel'}"
            raise LineRefused(error.errno or errno.EIO, reason, info.consumer or None) from error
    line = ChardevLine(place, taken, info.direction == Direction.OUTPUT)
    line.adopt_direction()
    return line


def _find(paths: Paths, spec: LineSpec) -> Place | None:
    if spec.kind is SpecKind.NAME:
        return _by_name(paths, spec.name or "")
    if spec.kind is SpecKind.NUMBER and spec.offset is not None:
        return _by_number(paths, spec.offset)
    if spec.kind is SpecKind.OFFSET and spec.offset is not None:
        named = spec.text  # a line's name may look like label:20
        return _by_offset(paths, spec.chip or "", spec.offset) or _by_name(paths, named)
    return None


def _by_name(paths: Paths, name: str) -> Place | None:
    for chip_name in _chip_names(paths):
        with gpiod.Chip(_device(paths, chip_name)) as chip:
            try:
                return Place(chip_name, chip.line_offset_from_id(name))
            except (OSError, ValueError):
                continue  # not on this chip
    return None


def _by_offset(paths: Paths, wanted: str, offset: int) -> Place | None:
    """None also when several chips carry this label: a guess would drive somebody else's line."""
    found = []
    for chip_name in _chip_names(paths):
        label, lines = _describe(paths, chip_name)
        if wanted in (chip_name, label) and offset < lines:
            found.append(Place(chip_name, offset))
    return found[0] if len(found) == 1 else None


def _by_number(paths: Paths, number: int) -> Place | None:
    """A plain number: by sysfs's bases where there are any, else by counting lines from chip 0."""
    if translated := translate(number, list_chips(paths)):
        numbered, offset = translated
        return _by_offset(paths, numbered.label, offset)
    left = number - DYNAMIC_BASE if number >= DYNAMIC_BASE else number
    for chip_name in _chip_names(paths):
        _, lines = _describe(paths, chip_name)
        if left < lines:
            return Place(chip_name, left)
        left -= lines
    return None


def _chip_names(paths: Paths) -> list[str]:
    names = [n for n in os.listdir(paths.at("/dev")) if _CHIP.fullmatch(n)]
    return sorted(names, key=lambda name: int(name.removeprefix("gpiochip")))


def _describe(paths: Paths, chip_name: str) -> tuple[str, int]:
    """Label and number of lines."""
    with gpiod.Chip(_device(paths, chip_name)) as chip:
        info = chip.get_info()
        return info.label, info.num_lines


def _device(paths: Paths, chip_name: str) -> str:
    return paths.at(f"/dev/{chip_name}")
