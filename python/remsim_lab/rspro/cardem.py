# SPDX-License-Identifier: GPL-2.0-or-later
"""A SIMtrace2 board in card emulation, played: its USB messages on one side, a phone on the other.

`usb_package()` is a stand-in for pyusb that shows such boards. Messages are built and read here
from the facts alone, without the product's codec. What the firmware does by itself is done here
too: ATR after a reset, PPS, NULL bytes are left out (they have no message). Source: facts of
simtrace2 0.9.1, read; not verified on hardware.
"""

from __future__ import annotations

import queue
import struct
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

VENDOR, SIMTRACE2, QUAD_MODEM = 0x1D50, 0x60E3, 0x4004
LIMIT_S = 10.0  # for a test that went wrong
RX_BUFFER = 64  # octets from the phone that one message carries
TIME_OUT, GONE = 110, 19  # errno


def message(kind: int, type_: int, payload: bytes) -> bytes:
    head = bytes((kind, type_, 0, 0, 0, 0))
    return head + (8 + len(payload)).to_bytes(2, "little") + payload


LOG_KEPT = 10_000  # newest messages


def _nobody(_is_inserted: bool) -> None:
    """Nobody looks at the presence pin."""


class Cardem:
    """One card emulation interface. `log` holds what the host sent, as (class, type, payload).
    `on_insert` is called on the host's thread.
    """

    def __init__(self) -> None:
        self.log: list[tuple[int, int, bytes]] = []
        self.on_insert: Callable[[bool], None] = _nobody
        self.atr = bytes.fromhex("3b8080811fc759")
        self.is_inserted = self.is_remote = self.reports_status = False
        self.resets = 0
        self.bulk_in: queue.Queue[bytes] = queue.Queue()
        self.interrupt_in: queue.Queue[bytes] = queue.Queue()
        self.to_phone: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._flags = 0x10

    # --- the host's side --------------------------------------------------------------------------

    def out(self, transfer: bytes) -> None:
        """A bulk OUT transfer: messages one behind the other, cut by their length."""
        while transfer:
            length = int.from_bytes(transfer[6:8], "little")
            if not 8 <= length <= len(transfer):
                raise ValueError(f"a message of {length} octets in {len(transfer)}")
            self._obey(transfer[0], transfer[1], transfer[8:length])
            transfer = transfer[length:]

    def _obey(self, kind: int, type_: int, payload: bytes) -> None:
        self.log.append((kind, type_, payload))
        del self.log[:-LOG_KEPT]
        match kind, type_:
            case 1, 1:
                self._transmit(payload)
            case 1, 2:
                self.atr = payload[1 : 1 + payload[0]]
            case 1, 4:
                self.bulk_in.put(self._status())
            case 1, 5:
                self.is_inserted = bool(payload[0])
                self.on_insert(self.is_inserted)
            case 1, 8:
                self.reports_status = bool(payload[0] & 1)
                self.bulk_in.put(message(1, 8, payload))
            case 2, 1:
                self.resets += payload[0] in (1, 2)
            case 2, 2:
                self.is_remote = bool(payload[0])
            case _:
                raise ValueError(f"class {kind} type {type_}")

    def _transmit(self, payload: bytes) -> None:
        flags, length = struct.unpack_from("<IH", payload)
        data = payload[6:]
        if length != len(data):
            raise ValueError(f"{length} octets announced, {len(data)} there")
        if self._flags & 0x13 != 0x03:
            return  # no power, no clock or in reset: dropped
        word = {0x08: "receive", 0x04: "transmit", 0x06: "word"}.get(flags)
        if word is None:
            raise ValueError(f"flags {flags:02x}")
        self.to_phone.put((word, data))

    def _status(self) -> bytes:
        return message(1, 4, struct.pack("<IHBBBI", self._flags, 3000, 1, 1, 10, 9600))

    # --- the phone's side -------------------------------------------------------------------------

    def line(self, flags: int) -> None:
        """VCC 01, clock 02, reset 10."""
        self._flags = flags
        if flags & 0x10:
            while not self.to_phone.empty():
                self.to_phone.get_nowait()
            if not flags & 0x01:
                self.to_phone.put(("off", b""))  # whoever still waits for an answer
        if self.reports_status:
            self.interrupt_in.put(self._status())

    def header(self, octets: bytes) -> None:
        self.bulk_in.put(message(1, 6, struct.pack("<IH", 0x01, len(octets)) + octets))

    def data(self, octets: bytes) -> None:
        parts = [octets[at : at + RX_BUFFER] for at in range(0, len(octets), RX_BUFFER)]
        for number, part in enumerate(parts, 1):
            flags = 0x02 if number == len(parts) else 0
            self.bulk_in.put(message(1, 6, struct.pack("<IH", flags, len(part)) + part))

    def pts(self) -> None:
        request = bytes.fromhex("ff10947b0000")
        self.bulk_in.put(message(1, 7, bytes((6,)) + request + request))


class Phone:
    """A modem's card interface on T=0. The board keeps it waiting with NULL bytes; `limit_s` is its
    patience.
    """

    def __init__(self, cardem: Cardem, limit_s: float = LIMIT_S) -> None:
        self._cardem = cardem
        self._limit_s = limit_s

    def power_on(self) -> bytes:
        """Cold reset: the ATR."""
        for flags in (0x10, 0x11, 0x13, 0x03):
            self._cardem.line(flags)
        self._cardem.pts()
        return self._cardem.atr

    def power_off(self) -> None:
        self._cardem.line(0x10)

    def command(self, command: bytes) -> bytes:
        """The answer to a TPDU. TimeoutError if there is none, ConnectionError once powered off."""
        header, data = command[:5], command[5:]
        self._cardem.header(header)
        heard = b""
        while True:
            try:
                word, octets = self._cardem.to_phone.get(timeout=self._limit_s)
            except queue.Empty:
                raise TimeoutError(header.hex()) from None
            if word == "off":
                raise ConnectionError("powered off")
            if word == "word":
                return heard + octets
            if octets[:1] != header[1:2]:
                raise ValueError(f"procedure byte {octets[:1].hex()} for {header.hex()}")
            if word == "receive":
                self._cardem.data(data)
            else:
                heard = octets[1:]
                if len(heard) != (header[4] or 256):
                    raise ValueError(f"{len(heard)} octets for {header.hex()}")


# --- pyusb --------------------------------------------------------------------------------------


class _UsbError(OSError):
    def __init__(self, words: str, _: int | None = None, errno: int | None = None) -> None:
        super().__init__(errno, words)


class _UsbTimeoutError(_UsbError):
    pass


class _NoBackendError(ValueError):
    pass


class Endpoint:
    def __init__(self, device: Board, cardem: Cardem | None, address: int, kind: int) -> None:
        self.bEndpointAddress, self.bmAttributes = address, kind
        self._device, self._cardem = device, cardem

    def write(self, octets: bytes, timeout: int | None = None) -> int:
        self._device.check()
        if self._cardem is not None:
            self._cardem.out(bytes(octets))
        return len(octets)

    def read(self, size: int, timeout: int | None = None) -> bytes:
        waited_s = 0.0
        while waited_s < (timeout or 0) / 1000:
            self._device.check()
            try:
                return self._queue().get(timeout=0.02)
            except queue.Empty:
                waited_s += 0.02
        raise _UsbTimeoutError("Operation timed out", -7, TIME_OUT)

    def _queue(self) -> queue.Queue[bytes]:
        if self._cardem is None:
            return queue.Queue()
        is_interrupt = self.bmAttributes & 0x03 == 0x03
        return self._cardem.interrupt_in if is_interrupt else self._cardem.bulk_in


class Interface(list[Endpoint]):
    bInterfaceClass = 0xFF
    bAlternateSetting = 0

    def __init__(self, device: Board, number: int, cardem: Cardem | None) -> None:
        out, bulk, interrupt = (1, 0x82, 0x83) if number == 1 else (4, 0x85, 0x86)
        kinds = ((out, 0x02), (bulk, 0x02), (interrupt, 0x03))
        super().__init__(Endpoint(device, cardem, *each) for each in kinds)
        self.bInterfaceNumber = number
        self.bInterfaceSubClass = 0x01 if cardem is None else 0x02


class Board:
    """A USB device with a sniffer and two card emulation interfaces."""

    def __init__(self, product: int = SIMTRACE2, serial: str = "0001", port: int = 2) -> None:
        self.idVendor, self.idProduct, self.serial_number = VENDOR, product, serial
        self.bus, self.port_numbers, self.address = 1, (1, port), 4 + port
        self.slots = (Cardem(), Cardem())
        self.claimed: list[int] = []
        self.is_plugged = True
        self._interfaces = [
            Interface(self, number, cardem) for number, cardem in enumerate((*self.slots, None))
        ]

    def check(self) -> None:
        if not self.is_plugged:
            raise _UsbError("No such device (it may have been disconnected)", -4, GONE)

    def get_active_configuration(self) -> list[Interface]:
        self.check()
        return self._interfaces

    def set_configuration(self, _: int) -> None:
        self.check()


class Bus:
    """What is plugged in. `package()` belongs into `sys.modules`."""

    def __init__(self, *boards: Board) -> None:
        self.boards = list(boards)
        self.has_libusb = True
        self.lock = threading.Lock()

    def modules(self) -> dict[str, ModuleType]:
        """`usb`, `usb.core` and `usb.util`, as far as the product uses them."""
        usb, core, util = (ModuleType(name) for name in ("usb", "usb.core", "usb.util"))
        parts: dict[ModuleType, dict[str, Any]] = {
            core: {
                "find": self._find,
                "USBError": _UsbError,
                "USBTimeoutError": _UsbTimeoutError,
                "NoBackendError": _NoBackendError,
            },
            util: {"claim_interface": self._claim, "dispose_resources": self._dispose},
            usb: {"core": core, "util": util},
        }
        for module, names in parts.items():
            vars(module).update(names)
        return {"usb": usb, "usb.core": core, "usb.util": util}

    def _find(self, find_all: bool = False) -> Iterator[Board]:
        if not self.has_libusb:
            raise _NoBackendError("No backend available")
        return iter([board for board in self.boards if board.is_plugged])

    def _claim(self, board: Board, interface: int) -> None:
        board.check()
        board.claimed.append(interface)

    def _dispose(self, board: Board) -> None:
        board.claimed.clear()
