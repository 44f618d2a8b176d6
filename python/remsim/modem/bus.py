# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking a modem off its bus and back: USB de-authorisation,
PCI removal and rescan, through sysfs below the root.

Must never touch anything but the device at the place it was given. Source:
Documentation/usb/authorization.rst, Documentation/ABI/testing/sysfs-bus-pci of the kernel.
"""

from __future__ import annotations

import os
import threading

from remsim.clock import Clock
from remsim.errors import DeviceError, DeviceGone
from remsim.modem.discover import PCI_DEVICES, PCI_PLACE, USB_DEVICES, USB_PLACE
from remsim.paths import Paths

# Between off and on, seconds: the device's drivers need it to let go (field recipes use 2 s).
PAUSE_S = 2.0


class SysfsBus:
    """`hurry` ends a pause early; the device is switched on all the same."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        self._paths = paths
        self._clock = clock

    def restart(self, place: str, hurry: threading.Event) -> None:
        """Off and on again. However it ends, the device is switched on."""
        if USB_PLACE.fullmatch(place):
            self._reauthorise(place, hurry)
        elif PCI_PLACE.fullmatch(place):
            self._rescan(place, hurry)
        else:
            raise DeviceError(place, "is not the place of a USB or PCI device")

    def _reauthorise(self, place: str, hurry: threading.Event) -> None:
        path = self._paths.at(f"{USB_DEVICES}/{place}/authorized")
        _write(place, path, "0")
        try:
            self._clock.wait(hurry, PAUSE_S)
        finally:
            _write(place, path, "1")

    def _rescan(self, place: str, hurry: threading.Event) -> None:
        """A PCI modem that crashed may be off the bus already:
        then the rescan alone is the cure."""
        remove = self._paths.at(f"{PCI_DEVICES}/{place}/remove")
        try:
            if os.path.exists(remove):
                _write(place, remove, "1")
            self._clock.wait(hurry, PAUSE_S)
        finally:
            _write(place, self._paths.at("/sys/bus/pci/rescan"), "1")

    def finish_interrupted(self, place: str) -> bool:
        """Switch a USB device on that an interrupted restart left off. True if there was one."""
        if not USB_PLACE.fullmatch(place):
            return False
        path = self._paths.at(f"{USB_DEVICES}/{place}/authorized")
        try:
            with open(path, encoding="ascii") as file:
                if file.read(8).strip() != "0":
                    return False
        except OSError:
            return False
        _write(place, path, "1")
        return True


def _write(place: str, path: str, text: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY)  # never creates: sysfs has the file or the device is gone
        try:
            os.write(fd, text.encode("ascii"))
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise DeviceGone(place, "not on the bus") from error
    except OSError as error:
        raise DeviceError(place, f"{os.path.basename(path)}: {error.strerror}") from error
