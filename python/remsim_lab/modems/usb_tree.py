# SPDX-License-Identifier: GPL-2.0-or-later
"""A USB device in a simulated sysfs and /dev below the lab's root, laid out as the kernel does it.

Real directories below /sys/devices, links from /sys/bus/usb/devices, /sys/class/tty and
/sys/class/net. Names that are in use by another simulated device are not taken twice: like the
kernel, the next free number is used.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Set

from remsim_lab.modems.model import Model, UsbInterface


class UsbTree:
    """One device at `place` ("1-1.2"). `net_name` is its network interface's name, if any."""

    def __init__(self, root: str, place: str, model: Model, net_name: str | None) -> None:
        self.place = place
        self._root = root.rstrip("/")
        self._model = model
        self._net_name = net_name
        self._device = f"/sys/devices/platform/lab-usb/{place}"
        self._links: list[str] = []

    @property
    def authorized_path(self) -> str:
        return self._at(f"{self._device}/authorized")

    def enter(self, ttys: Mapping[int, tuple[str, str]]) -> None:
        """The device appears. `ttys`:
        interface number -> (name, path of the terminal behind it)."""
        self._make_device()
        for interface in self._model.interfaces:
            path = self._make_interface(interface)
            if interface.number in ttys:
                name, terminal = ttys[interface.number]
                self._make_tty(path, name, terminal)
            if interface.kind == "net" and self._net_name:
                self._make_net(path, self._net_name)

    def leave(self, *, keep_device: bool = False) -> None:
        """Nodes and interfaces go; `keep_device` when it was only de-authorised."""
        for link in reversed(self._links):
            if os.path.islink(link):
                os.unlink(link)
        self._links.clear()
        shutil.rmtree(self._at(f"{self._device}/interfaces"), ignore_errors=True)
        if not keep_device:
            device_link = self._at(f"/sys/bus/usb/devices/{self.place}")
            if os.path.islink(device_link):
                os.unlink(device_link)
            shutil.rmtree(self._at(self._device), ignore_errors=True)

    def _make_device(self) -> None:
        vendor, product_id = self._model.usb_id.split(":")
        path = self._at(self._device)
        os.makedirs(path, exist_ok=True)
        texts = {
            "idVendor": vendor,
            "idProduct": product_id,
            "manufacturer": self._model.manufacturer,
            "product": self._model.product,
            "authorized": "1",
        }
        for name, text in texts.items():
            if name != "authorized" or not os.path.exists(f"{path}/{name}"):
                _write(f"{path}/{name}", text)
        self._link(f"/sys/bus/usb/devices/{self.place}", self._device, keep=True)

    def _make_interface(self, interface: UsbInterface) -> str:
        name = f"{self.place}:1.{interface.number}"
        path = f"{self._device}/interfaces/{name}"
        os.makedirs(self._at(path))
        _write(self._at(f"{path}/bInterfaceNumber"), f"{interface.number:02x}")
        self._link(f"/sys/bus/usb/devices/{name}", path)
        return path

    def _make_tty(self, interface_path: str, name: str, terminal: str) -> None:
        # usb-serial puts the port between interface and tty, cdc_acm does not.
        inner = f"{name}/tty/{name}" if name.startswith("ttyUSB") else f"tty/{name}"
        path = f"{interface_path}/{inner}"
        os.makedirs(self._at(path))
        self._link(f"/sys/class/tty/{name}", path)
        os.makedirs(self._at("/dev"), exist_ok=True)
        node = self._at(f"/dev/{name}")
        os.symlink(terminal, node)
        self._links.append(node)

    def _make_net(self, interface_path: str, name: str) -> None:
        path = f"{interface_path}/net/{name}"
        os.makedirs(self._at(path))
        self._link(f"/sys/class/net/{name}", path)

    def _link(self, link: str, target: str, *, keep: bool = False) -> None:
        """A relative link, so that it also leads right from inside the root."""
        at = self._at(link)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        if os.path.islink(at):
            os.unlink(at)
        os.symlink(os.path.relpath(target, os.path.dirname(link)), at)
        if not keep:
            self._links.append(at)

    def _at(self, path: str) -> str:
        return self._root + path


def free_name(root: str, name: str, taken: Set[str] = frozenset()) -> str:
    """`name`, or the next number that is not taken and no node below <root>/dev has."""
    prefix = name.rstrip("0123456789")
    number = int(name[len(prefix) :])
    dev = f"{root.rstrip('/')}/dev"
    while f"{prefix}{number}" in taken or os.path.lexists(f"{dev}/{prefix}{number}"):
        number += 1
    return f"{prefix}{number}"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
