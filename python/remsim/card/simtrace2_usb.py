# SPDX-License-Identifier: GPL-2.0-or-later
"""A SIMtrace2 board on USB. The only importer of pyusb, and only when a board is opened.

pyusb blocks: one thread waits on each IN endpoint and hands what comes to the event loop. A board
is found by vendor, product, serial number, address or USB path, its card emulation interface by
number or as the first of its class. Source: facts of simtrace2 0.9.1, read; unverified on hardware.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from remsim.card.simtrace2_codec import MAX_TRANSFER
from remsim.errors import DeviceError, DeviceGone, NotPossibleError
from remsim.eventloop import EventLoop

LOG = logging.getLogger(__name__)

VENDOR = 0x1D50
PRODUCTS = {
    0x60E3: "SIMtrace2",
    0x4004: "sysmoQMOD",
    0x4001: "OWHW",
    0x616D: "octal SIM tester",
    0x616E: "NGFF card emulator",
}
MODEM_CARRIERS = (0x4004, 0x4001)  # boards with the modems on them: their reset line is the board's
CARD_EMULATION = (0xFF, 0x02)  # interface class and sub-class
BULK, INTERRUPT = 0x02, 0x03
IN = 0x80
STATUS_OCTETS = 64
WRITE_LIMIT_MS = 1000
READ_LIMIT_MS = 1000  # so that the threads notice a closed board
_TIME_OUT = (110, 116)  # errno of libusb's time-out on Linux with musl and glibc


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """None or empty: any. `path` is like 1-1.2."""

    vendor: int | None = None
    product: int | None = None
    path: str = ""
    serial: str = ""
    address: int | None = None
    configuration: int | None = None
    interface: int | None = None
    alternate_setting: int = 0


@dataclass(slots=True)
class _Endpoints:
    out: Any
    data: Any
    status: Any


class UsbBoard:
    """`remsim.card.simtrace2.Board` on pyusb."""

    def __init__(self, settings: BoardSettings, loop: EventLoop) -> None:
        self._settings = settings
        self._loop = loop
        self._arrived: deque[bytes | str] = deque()
        self._device: Any = None
        self._endpoints: _Endpoints | None = None
        self._on_transfer: Callable[[bytes], None] | None = None
        self._on_gone: Callable[[str], None] | None = None
        self._threads: list[threading.Thread] = []
        self._generation = 0  # threads of an earlier opening end by it
        self.can_reset_modem = False

    def open(self, on_transfer: Callable[[bytes], None], on_gone: Callable[[str], None]) -> None:
        self._on_transfer = on_transfer
        self._on_gone = on_gone
        usb = load_usb()
        try:
            self._device = self._find(usb)
            interface = self._claim(usb, self._device)
            self._endpoints = _endpoints_of(interface)
        except usb.core.NoBackendError as error:
            raise NotPossibleError("simtrace2 needs the package libusb-1.0") from error
        except (usb.core.USBError, ValueError) as error:  # ValueError: it tells no serial number
            raise DeviceError("SIMtrace2", f"cannot be opened: {error}") from error
        self.can_reset_modem = self._device.idProduct in MODEM_CARRIERS
        self._generation += 1
        for endpoint, octets in (
            (self._endpoints.data, MAX_TRANSFER),
            (self._endpoints.status, STATUS_OCTETS),
        ):
            thread = threading.Thread(
                target=self._listen,
                args=(usb, endpoint, octets, self._generation),
                name="simtrace2",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)

    def write(self, octets: bytes) -> None:
        if self._endpoints is None:
            raise DeviceGone("SIMtrace2", "not open")
        try:
            self._endpoints.out.write(octets, WRITE_LIMIT_MS)
        except OSError as error:  # usb.core.USBError is one
            raise DeviceGone("SIMtrace2", f"cannot be written to: {error}") from error

    def close(self) -> None:
        """Takes as long as a read at most: libusb must not lose a device that is being read."""
        self._generation += 1
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        device, self._device = self._device, None
        self._endpoints = None
        if device is not None:
            load_usb().util.dispose_resources(device)

    # --- finding ----------------------------------------------------------------------------------

    def _find(self, usb: Any) -> Any:
        found = [device for device in usb.core.find(find_all=True) if self._fits(device)]
        if not found:
            raise DeviceGone("SIMtrace2", "no such board on USB")
        if len(found) > 1:
            paths = ", ".join(path_of(device) for device in found)
            LOG.warning("several boards fit (%s); the first one is used", paths)
        return found[0]

    def _fits(self, device: Any) -> bool:
        wanted = self._settings
        is_kind = device.idVendor == VENDOR and device.idProduct in PRODUCTS
        if wanted.vendor is not None or wanted.product is not None:
            is_kind = (wanted.vendor is None or wanted.vendor == device.idVendor) and (
                wanted.product is None or wanted.product == device.idProduct
            )
        return (
            is_kind
            and (not wanted.path or wanted.path == path_of(device))
            and (wanted.address is None or wanted.address == device.address)
            and (not wanted.serial or wanted.serial == device.serial_number)
        )

    def _claim(self, usb: Any, device: Any) -> Any:
        if self._settings.configuration is not None:
            device.set_configuration(self._settings.configuration)
        interface = next(self._interfaces(device.get_active_configuration()), None)
        if interface is None:
            raise DeviceError("SIMtrace2", "the board has no such card emulation interface")
        usb.util.claim_interface(device, interface.bInterfaceNumber)
        if self._settings.alternate_setting:
            device.set_interface_altsetting(interface)
        return interface

    def _interfaces(self, configuration: Any) -> Iterator[Any]:
        wanted = self._settings
        for interface in configuration:
            kind = (interface.bInterfaceClass, interface.bInterfaceSubClass)
            is_number = wanted.interface in (None, interface.bInterfaceNumber)
            is_setting = interface.bAlternateSetting == wanted.alternate_setting
            if kind == CARD_EMULATION and is_number and is_setting:
                yield interface

    # --- listening --------------------------------------------------------------------------------

    def _listen(self, usb: Any, endpoint: Any, octets: int, generation: int) -> None:
        """On a thread of its own, until the board is closed or gone."""
        while generation == self._generation:
            try:
                self._arrive(bytes(endpoint.read(octets, READ_LIMIT_MS)), generation)
            except usb.core.USBError as error:
                if error.errno in _TIME_OUT:
                    continue
                self._arrive(f"SIMtrace2: gone: {error}", generation)
                return

    def _arrive(self, what: bytes | str, generation: int) -> None:
        if generation == self._generation:
            self._arrived.append(what)
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        while self._arrived:
            what = self._arrived.popleft()
            if isinstance(what, bytes):
                if self._on_transfer is not None:
                    self._on_transfer(what)
            elif self._on_gone is not None:
                self._arrived.clear()
                self._on_gone(what)


def load_usb() -> Any:
    """pyusb. NotPossibleError names the package that is missing."""
    try:
        import usb.core
        import usb.util
    except ImportError as error:
        raise NotPossibleError("simtrace2 needs the package python3-pyusb") from error
    return usb


def path_of(device: Any) -> str:
    """As the kernel names it in /sys/bus/usb/devices."""
    return f"{device.bus}-{'.'.join(str(port) for port in device.port_numbers or ())}"


def _endpoints_of(interface: Any) -> _Endpoints:
    """The first bulk OUT, bulk IN and interrupt IN, as the C client takes them."""

    def first(kind: int, direction: int) -> Any:
        for endpoint in interface:
            is_kind = endpoint.bmAttributes & 0x03 == kind
            if is_kind and endpoint.bEndpointAddress & IN == direction:
                return endpoint
        raise DeviceError("SIMtrace2", "an endpoint is missing")

    return _Endpoints(first(BULK, 0), first(BULK, IN), first(INTERRUPT, IN))
