# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines below /sys/class/gpio: those the board already exported by name, and plain numbers exported
on demand.

Never unexports and never writes `active_low`: what the board set up is left as it was found, so a
line keeps its level when the daemon ends. A level is written without truncating the file, and a
line becomes an output by writing its level to `direction` ("high"/"low"), which the kernel does
without a glitch. Source: Documentation/admin-guide/gpio/sysfs.rst of the kernel.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from remsim.errors import DeviceError
from remsim.gpio.api import SYSFS_CLASS, LineSpec, SpecKind
from remsim.paths import Paths

# First global number that the kernel gives to a dynamically numbered chip, since 6.2
# (GPIO_DYNAMIC_BASE in drivers/gpio/gpiolib.h). Older kernels counted the first chip of most
# routers from 0.
DYNAMIC_BASE = 512


class SysfsPin:
    """`directory` is the router's path, "/sys/class/gpio/modem1_sim"."""

    ends_pulses = False

    def __init__(self, paths: Paths, directory: str) -> None:
        self._paths = paths
        self._directory = directory

    @property
    def where(self) -> str:
        return self._directory

    @property
    def is_output(self) -> bool:
        """A line without a `direction` file has a fixed one; the board made it an output to export
        it.
        """
        try:
            return self._get("direction") != "in"
        except FileNotFoundError:
            return True
        except OSError as error:
            raise self._failed(error) from error

    def read(self) -> int:
        try:
            return int(self._get("value") not in ("0", "")) ^ self._is_inverted()
        except OSError as error:
            raise self._failed(error) from error

    def write(self, raw: int, back_after_ms: int | None = None) -> None:
        try:
            if not self.is_output:
                self._put("direction", "high" if raw else "low")
            self._put("value", str(raw ^ self._is_inverted()))
        except OSError as error:
            raise self._failed(error) from error

    def _is_inverted(self) -> int:
        """The kernel's own polarity of this line: its `value` is the raw level turned round."""
        try:
            return int(self._get("active_low") == "1")
        except FileNotFoundError:
            return 0

    def _get(self, attribute: str) -> str:
        with open(self._file(attribute), encoding="ascii", errors="replace") as file:
            return file.read().strip()

    def _put(self, attribute: str, text: str) -> None:
        descriptor = os.open(self._file(attribute), os.O_WRONLY)
        try:
            os.write(descriptor, text.encode("ascii"))
        finally:
            os.close(descriptor)

    def _file(self, attribute: str) -> str:
        return os.path.join(self._paths.at(self._directory), attribute)

    def _failed(self, error: OSError) -> DeviceError:
        return DeviceError(self._directory, error.strerror or str(error))


@dataclass(frozen=True, slots=True)
class ChipNumbers:
    """One chip as sysfs numbers it."""

    base: int
    lines: int
    label: str

    def holds(self, number: int) -> bool:
        return self.base <= number < self.base + self.lines


def list_chips(paths: Paths) -> tuple[ChipNumbers, ...]:
    """Every gpiochipN directory of sysfs, lowest base first; empty without CONFIG_GPIO_SYSFS."""
    directory = paths.at(SYSFS_CLASS)
    try:
        names = os.listdir(directory)
    except OSError:
        return ()
    found = (_read_chip(os.path.join(directory, n)) for n in names if n.startswith("gpiochip"))
    return tuple(sorted((chip for chip in found if chip), key=lambda chip: chip.base))


def _read_chip(directory: str) -> ChipNumbers | None:
    try:
        texts = []
        for attribute in ("base", "ngpio", "label"):
            with open(os.path.join(directory, attribute), encoding="utf-8", errors="replace") as f:
                texts.append(f.read().strip())
        return ChipNumbers(int(texts[0]), int(texts[1]), texts[2])
    except (OSError, ValueError):
        return None  # a chip that just went away, or one the kernel does not describe


def translate(number: int, chips: tuple[ChipNumbers, ...]) -> tuple[ChipNumbers, int] | None:
    """Chip and offset of a plain number: as the kernel numbers it now, else as an older kernel
    did.
    """
    for candidate in (number, number + DYNAMIC_BASE, number - DYNAMIC_BASE):
        for chip in chips:
            if chip.holds(candidate):
                return chip, candidate - chip.base
    return None


def find_line(paths: Paths, spec: LineSpec, consumer: str | None = None) -> SysfsPin:
    """The pin that `spec` names. `consumer` is what the character device says holds the line: the
    export's name.

    DeviceError when sysfs has no such line and cannot make one.
    """
    names = [name for name in (spec.name, consumer) if name and _is_entry(name)]
    number = _number_of(paths, spec)
    if number is not None:
        names.append(f"gpio{number}")
    for name in names:
        directory = f"{SYSFS_CLASS}/{name}"
        if os.path.exists(os.path.join(paths.at(directory), "value")):
            return SysfsPin(paths, directory)
    if number is None:
        raise DeviceError(spec.text, "no such GPIO line")
    return _export(paths, spec, number)


def _is_entry(name: str) -> bool:
    """A line name may hold a slash; an entry of a directory may not."""
    return "/" not in name and name not in (".", "..")


def _number_of(paths: Paths, spec: LineSpec) -> int | None:
    """The global number by which this kernel exports the line, if it can be told."""
    chips = list_chips(paths)
    if spec.kind is SpecKind.NUMBER and spec.offset is not None:
        found = translate(spec.offset, chips)
        return found[0].base + found[1] if found else None
    if spec.kind is SpecKind.OFFSET and spec.offset is not None:
        chip = _chip_called(paths, spec.chip or "", chips)
        return chip.base + spec.offset if chip and spec.offset < chip.lines else None
    return None


def _chip_called(paths: Paths, name: str, chips: tuple[ChipNumbers, ...]) -> ChipNumbers | None:
    """By label, or by the character device's name: sysfs's gpiochip512/device holds a gpiochip0.

    Several chips of one device (MT7621 has three) cannot be told apart by the latter; then none is
    taken, because a guess would pulse somebody else's line.
    """
    found = [
        chip
        for chip in chips
        if chip.label == name
        or os.path.isdir(paths.at(f"{SYSFS_CLASS}/gpiochip{chip.base}/device/{name}"))
    ]
    return found[0] if len(found) == 1 else None


def _export(paths: Paths, spec: LineSpec, number: int) -> SysfsPin:
    """Exporting changes neither direction nor level."""
    pin = SysfsPin(paths, f"{SYSFS_CLASS}/gpio{number}")
    try:
        descriptor = os.open(paths.at(f"{SYSFS_CLASS}/export"), os.O_WRONLY)
        try:
            os.write(descriptor, str(number).encode("ascii"))
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise DeviceError(spec.text, "the kernel or another program holds this line") from error
        raise DeviceError(spec.text, f"cannot be exported: {error.strerror}") from error
    return pin
