# SPDX-License-Identifier: GPL-2.0-or-later
"""Rubbish from a SIMtrace2 board: the codec raises its own error only, the front-end none."""

from __future__ import annotations

import contextlib
import logging
import struct

from harness import main

from remsim.card import simtrace2_codec as codec
from remsim.card.iso_case import sends_data
from remsim.card.simtrace2 import Simtrace2FrontEnd
from remsim.clock import SystemClock
from remsim.errors import DeviceError
from remsim.eventloop import EventLoop

LOOP = EventLoop(SystemClock())


def message(kind: int, type_: int, payload: bytes) -> bytes:
    return struct.pack("<BBBBHH", kind, type_, 0, 0, 0, 8 + len(payload)) + payload


def data(flags: int, octets: bytes) -> bytes:
    return message(1, 6, struct.pack("<IH", flags, len(octets)) + octets)


def status(flags: int) -> bytes:
    return message(1, 4, struct.pack("<IHBBBI", flags, 3000, 1, 1, 10, 9600))


H = bytes.fromhex
SEEDS = [
    data(1, H("00a4000402")) + data(0, H("2f")) + data(2, H("e2")),
    data(1, H("00b000000a")),
    data(1, H("00d60000fa")) + data(0, bytes(200)) + data(2, bytes(50)),
    data(1, H("a0a4000002")) + status(0x10) + data(2, H("3f00")),
    status(0x13) + status(0x03) + data(1, H("80f2000000")) + status(0x00),
    message(1, 7, bytes(13)) + message(1, 8, bytes(6)),
    message(0, 0, struct.pack("<BBHB", 2, 1, 7, 4) + b"oops"),
]


class Board:
    """Takes everything; what it is sent must be sound."""

    can_reset_modem = True

    def open(self, on_transfer: object, on_gone: object) -> None:
        """It is there."""

    def close(self) -> None:
        """It goes."""

    def write(self, octets: bytes) -> None:
        for each in codec.messages_in(octets):
            if (each.kind, each.type) == (1, 1):
                flags, length = struct.unpack_from("<IH", each.payload)
                if flags not in (0x04, 0x06, 0x08) or length != len(each.payload) - 6:
                    raise AssertionError(each)


class User:
    """Answers some commands at once, some later, some never, some not as they should be."""

    def __init__(self) -> None:
        self.front_end: Simtrace2FrontEnd | None = None
        self.owed = 0

    def command(self, command: bytes) -> bool:
        if not 5 <= len(command) <= 260 or len(command) not in (5, 5 + command[4]):
            raise AssertionError(command.hex())
        match command[2] % 4:
            case 0:
                self.answer(command)
            case 1:
                self.owed += 1
            case 2:
                return False
        return True

    def answer(self, command: bytes) -> None:
        if self.front_end is not None:
            is_read = not sends_data(command[:5])
            octets = (command[4] or 256) if is_read and command[3] % 2 == 0 else 0
            self.front_end.answer(bytes(octets) + b"\x90\x00")

    def line_changed(self, _: object) -> None:
        if self.front_end is not None and self.owed:
            self.owed -= 1
            self.front_end.answer(b"\x90\x00")

    def front_end_ended(self, reason: str) -> None:
        raise AssertionError(reason)


def one_input(transfer: bytes) -> None:
    with contextlib.suppress(DeviceError):
        for each in codec.messages_in(transfer):
            for read in (codec.received, codec.line_status, codec.error_text):
                with contextlib.suppress(DeviceError):
                    read(each.payload)
    user = User()
    user.front_end = Simtrace2FrontEnd(Board(), None, LOOP)
    user.front_end.open(user)
    user.front_end.present(transfer[:40])
    for at in range(0, len(transfer), 64):
        user.front_end._transfer(transfer[at : at + 64])
    user.front_end._transfer(transfer)
    user.front_end.close()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    main(one_input, SEEDS)
