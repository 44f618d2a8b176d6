# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modems are plugged in, and where: sysfs below the root, read and nothing else.

A modem's *place* (USB port path "1-1.2", PCI address "0000:01:00.0") is what stays the same when
ttyUSB numbers change; two identical modems differ in nothing else that can be seen from outside.
Must never open a port.

Source: Documentation/ABI/testing/sysfs-bus-usb, sysfs-bus-pci and sysfs-class-wwan of the kernel.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from remsim.paths import Paths

USB_DEVICES = "/sys/bus/usb/devices"
PCI_DEVICES = "/sys/bus/pci/devices"
WWAN_CLASS = "/sys/class/wwan"

USB_PLACE = re.compile(r"\d{1,3}-\d{1,3}(?:\.\d{1,3})*")
PCI_PLACE = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_USB_INTERFACE = re.compile(r"(?P<place>[^:]+):\d+\.\d+")
_TTY = re.compile(r"tty(?:USB|ACM)\d{1,3}")
_WWAN_PORT = re.compile(r"wwan\d{1,3}(?P<kind>at|mbim|qmi|qcdm|fastboot|xmmrpc)\d{1,3}")


@dataclass(frozen=True, slots=True)
class Interface:
    """One function of the device.
    `ttys`, `nets`, `controls` are kernel names ("ttyUSB2", "wwan0", "cdc-wdm0")."""

    number: int
    ttys: tuple[str, ...] = ()
    nets: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundModem:
    """A device with at least one port. `hardware_id` is "vid:pid"."""

    place: str
    hardware_id: str
    product: str = ""
    is_pci: bool = False
    interfaces: tuple[Interface, ...] = ()

    @property
    def ttys(self) -> tuple[str, ...]:
        return tuple(tty for interface in self.interfaces for tty in interface.ttys)

    @property
    def nets(self) -> tuple[str, ...]:
        return tuple(net for interface in self.interfaces for net in interface.nets)

    def ttys_of(self, number: int) -> tuple[str, ...]:
        return tuple(tty for i in self.interfaces if i.number == number for tty in i.ttys)


def find_modems(paths: Paths) -> tuple[FoundModem, ...]:
    """Everything with a serial or WWAN port, in order of place.
    A device that vanishes meanwhile is left out."""
    return (*_find_usb(paths), *_find_pci(paths))


def is_place(text: str) -> bool:
    return bool(USB_PLACE.fullmatch(text) or PCI_PLACE.fullmatch(text))


def _find_usb(paths: Paths) -> list[FoundModem]:
    top = paths.at(USB_DEVICES)
    names = _names(top)
    interfaces: dict[str, list[Interface]] = {}
    for name in names:
        if match := _USB_INTERFACE.fullmatch(name):
            found = _read_interface(f"{top}/{name}")
            if found is not None:
                interfaces.setdefault(match["place"], []).append(found)
    modems = []
    for place in names:
        parts = sorted(interfaces.get(place, []), key=lambda i: i.number)
        if USB_PLACE.fullmatch(place) and any(part.ttys for part in parts):
            modems.append(_read_usb(f"{top}/{place}", place, tuple(parts)))
    return [modem for modem in modems if modem is not None]


def _read_usb(path: str, place: str, interfaces: tuple[Interface, ...]) -> FoundModem | None:
    vendor, product_id = _text(f"{path}/idVendor"), _text(f"{path}/idProduct")
    if not vendor or not product_id:
        return None
    hardware_id = f"{vendor}:{product_id}".lower()
    return FoundModem(place, hardware_id, _text(f"{path}/product"), False, interfaces)


def _read_interface(path: str) -> Interface | None:
    number = _text(f"{path}/bInterfaceNumber")
    if not re.fullmatch(r"[0-9a-fA-F]{2}", number):
        return None
    below = _names(path)
    ttys = {name for name in (*below, *_names(f"{path}/tty")) if _TTY.fullmatch(name)}
    return Interface(
        int(number, 16),
        tuple(sorted(ttys)),
        tuple(_names(f"{path}/net")),
        tuple(_names(f"{path}/usbmisc")),
    )


def _find_pci(paths: Paths) -> list[FoundModem]:
    """WWAN ports (mtk_t7xx and others) by the PCI device they hang from."""
    top = paths.at(WWAN_CLASS)
    ports: dict[str, list[str]] = {}
    for name in _names(top):
        if _WWAN_PORT.fullmatch(name):
            places = PCI_PLACE.findall(os.path.realpath(f"{top}/{name}"))
            if places:
                ports.setdefault(places[-1], []).append(name)
    found = (_read_pci(paths, place, names) for place, names in sorted(ports.items()))
    return [modem for modem in found if modem is not None]


def _read_pci(paths: Paths, place: str, ports: list[str]) -> FoundModem | None:
    path = paths.at(f"{PCI_DEVICES}/{place}")
    vendor, device = _text(f"{path}/vendor"), _text(f"{path}/device")
    if not vendor or not device:
        return None
    at_ports = tuple(sorted(name for name in ports if kind_of_wwan(name) == "at"))
    controls = tuple(sorted(set(ports) - set(at_ports)))
    hardware_id = f"{vendor.removeprefix('0x')}:{device.removeprefix('0x')}".lower()
    interface = Interface(0, at_ports, tuple(_names(f"{path}/net")), controls)
    return FoundModem(place, hardware_id, "", True, (interface,))


def kind_of_wwan(name: str) -> str | None:
    """ "at" of "wwan0at0"."""
    match = _WWAN_PORT.fullmatch(name)
    return match["kind"] if match else None


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(256).strip()
    except OSError:
        return ""
