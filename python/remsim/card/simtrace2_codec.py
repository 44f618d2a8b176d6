# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of the SIMtrace2 card emulation firmware as octets. Pure: no USB.

Little endian, an 8-octet header with class, type, slot and whole length, then the payload; several
messages may follow each other in one transfer. Source: headers and firmware of simtrace2 0.9.1,
read; not verified on hardware.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from remsim.errors import DeviceError
from remsim.rspro.messages import SlotPhysStatus

HEADER = struct.Struct("<BBBBHH")  # class, type, sequence number, slot, reserved, length
_DATA = struct.Struct("<IH")  # flags, length
_STATUS = struct.Struct("<IHBBBI")  # flags, mV, F, D, waiting integer, waiting time in etu
_PULSE = struct.Struct("<BH")  # action, ms
_ERROR = struct.Struct("<BBHB")  # severity, subsystem, code, length of text
MAX_TRANSFER = 4096
MAX_ATR = 55


class MessageClass(IntEnum):
    GENERIC = 0
    CARD = 1
    MODEM = 2


class CardType(IntEnum):
    """Types of class CARD."""

    TRANSMIT = 1
    SET_ATR = 2
    STATUS = 4
    INSERT = 5
    RECEIVED = 6
    PTS = 7
    CONFIGURE = 8


class ModemType(IntEnum):
    RESET = 1
    SELECT_SIM = 2


GENERIC_ERROR = 0


class DataFlag(IntFlag):
    """Of TRANSMIT and RECEIVED."""

    HEADER = 0x01
    FINAL = 0x02
    THEN_TRANSMIT = 0x04  # a procedure byte, then the device goes on transmitting
    THEN_RECEIVE = 0x08  # a procedure byte, then it goes on receiving


class StatusFlag(IntFlag):
    VCC = 0x01
    CLOCK = 0x02
    EMULATING = 0x04
    INSERTED = 0x08
    RESET = 0x10


REPORTS_STATUS = 0x01  # feature: every edge of VCC, clock and reset on the interrupt endpoint
PULSE = 2  # action of a modem reset
REMOTE, LOCAL = 1, 0


@dataclass(frozen=True, slots=True)
class BoardMessage:
    kind: int
    type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """Octets from the phone."""

    flags: DataFlag
    data: bytes


# --- to the board --------------------------------------------------------------------------------


def _message(kind: MessageClass, type_: int, payload: bytes) -> bytes:
    return HEADER.pack(kind, type_, 0, 0, 0, HEADER.size + len(payload)) + payload


def configure(presence_level: int | None) -> bytes:
    """Status reports on; the level of the presence pin while a card is there, if it matters."""
    payload = struct.pack("<I", REPORTS_STATUS)
    if presence_level is not None:
        payload += bytes((0, 0x02 | presence_level))  # slot mux 0; bit 1: the level is valid
    return _message(MessageClass.CARD, CardType.CONFIGURE, payload)


def set_atr(atr: bytes) -> bytes:
    """DeviceError for a length that RSPRO does not have either."""
    if not 1 <= len(atr) <= MAX_ATR:
        raise DeviceError("SIMtrace2", f"an ATR of {len(atr)} octets")
    return _message(MessageClass.CARD, CardType.SET_ATR, bytes((len(atr),)) + atr)


def insert_card(is_inserted: bool) -> bytes:
    return _message(MessageClass.CARD, CardType.INSERT, bytes((is_inserted,)))


def transmit(data: bytes, flags: DataFlag) -> bytes:
    """Octets for the phone; a procedure byte comes first where the flags say so."""
    return _message(MessageClass.CARD, CardType.TRANSMIT, _DATA.pack(flags, len(data)) + data)


def pulse_modem_reset(pulse_ms: int) -> bytes:
    return _message(MessageClass.MODEM, ModemType.RESET, _PULSE.pack(PULSE, pulse_ms))


def select_sim(source: int) -> bytes:
    return _message(MessageClass.MODEM, ModemType.SELECT_SIM, bytes((source,)))


# --- from the board ------------------------------------------------------------------------------


def messages_in(transfer: bytes) -> Iterator[BoardMessage]:
    """The messages of one transfer. DeviceError for what is none."""
    at = 0
    while at < len(transfer):
        if len(transfer) - at < HEADER.size:
            raise DeviceError("SIMtrace2", "a message shorter than its header")
        kind, type_, _, _, _, length = HEADER.unpack_from(transfer, at)
        if not HEADER.size <= length <= len(transfer) - at:
            raise DeviceError("SIMtrace2", f"a message of {length} octets")
        yield BoardMessage(kind, type_, transfer[at + HEADER.size : at + length])
        at += length


def received(payload: bytes) -> Received:
    """DeviceError if the announced octets are not there."""
    if len(payload) < _DATA.size:
        raise DeviceError("SIMtrace2", "data without its head")
    flags, length = _DATA.unpack_from(payload)
    if length != len(payload) - _DATA.size:
        raise DeviceError("SIMtrace2", f"data of {length} octets")
    return Received(DataFlag(flags & 0x0F), payload[_DATA.size :])


def line_status(payload: bytes) -> SlotPhysStatus:
    """Reset and power as the phone drives them; a card is always reported present."""
    if len(payload) < _STATUS.size:
        raise DeviceError("SIMtrace2", "a status that is too short")
    flags = StatusFlag(_STATUS.unpack_from(payload)[0] & 0x1F)
    return SlotPhysStatus(
        bool(flags & StatusFlag.RESET),
        bool(flags & StatusFlag.VCC),
        bool(flags & StatusFlag.CLOCK),
        True,
    )


def error_text(payload: bytes) -> str:
    if len(payload) < _ERROR.size:
        return "an error without words"
    severity, subsystem, code, length = _ERROR.unpack_from(payload)
    words = payload[_ERROR.size : _ERROR.size + length].decode("ascii", "replace").rstrip("\0")
    return f"error {code} of subsystem {subsystem}, severity {severity}: {words}"
