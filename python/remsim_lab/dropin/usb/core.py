# SPDX-License-Identifier: GPL-2.0-or-later
"""`usb.core`: the lab's board as a USB device. One sequenced-packet connection per endpoint; a
packet is a transfer, the first one names the endpoint.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

BOARD_VARIABLE = "REMSIM_LAB_USB"
LARGEST_TRANSFER = 4096


class USBError(OSError):
    def __init__(self, words: str, error_code: int | None = None, errno: int | None = None) -> None:
        super().__init__(errno, words)
        self.backend_error_code = error_code


class USBTimeoutError(USBError):
    pass


class NoBackendError(ValueError):
    pass


class Endpoint:
    def __init__(self, path: str, address: int, kind: int) -> None:
        self.bEndpointAddress = address
        self.bmAttributes = kind
        self._path = path
        self._sock: socket.socket | None = None

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.connect(self._path)
            sock.send(bytes((self.bEndpointAddress,)))
        except OSError as error:
            sock.close()
            raise _gone() from error
        self._sock = sock

    def close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def write(self, octets: bytes, timeout: int | None = None) -> int:
        """`timeout` in ms."""
        sock = self._claimed()
        sock.settimeout(None if timeout is None else timeout / 1000)
        try:
            return sock.send(octets)
        except TimeoutError as error:
            raise _timed_out() from error
        except OSError as error:
            raise _gone() from error

    def read(self, size: int, timeout: int | None = None) -> bytes:
        """One transfer; `timeout` in ms."""
        sock = self._claimed()
        sock.settimeout(None if timeout is None else timeout / 1000)
        try:
            octets = sock.recv(max(size, LARGEST_TRANSFER))
        except TimeoutError as error:
            raise _timed_out() from error
        except OSError as error:
            raise _gone() from error
        if not octets:
            raise _gone()
        return octets

    def _claimed(self) -> socket.socket:
        if self._sock is None:
            raise USBError("Resource busy", -6, errno.EBUSY)
        return self._sock


class Interface:
    """Card emulation, as the firmware of SIMtrace2 shows it."""

    bInterfaceNumber = 0
    bInterfaceClass = 0xFF
    bInterfaceSubClass = 0x02
    bAlternateSetting = 0

    def __init__(self, path: str) -> None:
        self.endpoints = tuple(
            Endpoint(path, *each) for each in ((0x01, 0x02), (0x82, 0x02), (0x83, 0x03))
        )

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.endpoints)


class Device:
    idVendor, idProduct = 0x1D50, 0x60E3
    serial_number = "lab-0001"
    bus, port_numbers, address = 1, (1, 1), 5

    def __init__(self, path: str) -> None:
        self._interface = Interface(path)

    def get_active_configuration(self) -> tuple[Interface, ...]:
        return (self._interface,)

    def set_configuration(self, configuration: int | None = None) -> None:
        """There is one."""

    def set_interface_altsetting(self, interface: Interface) -> None:
        """There is one."""

    def claim(self, _interface: int) -> None:
        self.release()
        for endpoint in self._interface.endpoints:
            endpoint.connect()

    def release(self) -> None:
        for endpoint in self._interface.endpoints:
            endpoint.close()


def find(find_all: bool = False) -> Iterator[Device] | Device | None:
    path = os.environ.get(BOARD_VARIABLE, "")
    devices = [Device(path)] if path and os.path.exists(path) else []
    return iter(devices) if find_all else next(iter(devices), None)


def _gone() -> USBError:
    return USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)


def _timed_out() -> USBTimeoutError:
    return USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
