# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of the SIM's command language: instructions, classes, status words. Pure.

A command here is a TPDU as RSPRO carries it: CLA INS P1 P2 P3 and, for commands with data, the P3
octets; no Le behind data. Sources: ISO 7816-4 section 5, ETSI TS 102 221 sections 10 and 11, 3GPP
TS 51.011 section 9.
"""

from __future__ import annotations

from enum import IntEnum

HEADER = 5
MIN_COMMAND = 5  # what a bank takes; fewer or more octets make it close the connection
MAX_COMMAND = 260
MAX_RESPONSE = 258  # 256 octets of data and the status word
GSM_CLASS = 0xA0

TECHNICAL_PROBLEM = b"\x6f\x00"  # no precise diagnosis, TS 102 221 10.2.1.5
WRONG_LENGTH = b"\x67\x00"


class Ins(IntEnum):
    DEACTIVATE_FILE = 0x04
    TERMINAL_PROFILE = 0x10
    FETCH = 0x12
    TERMINAL_RESPONSE = 0x14
    VERIFY = 0x20
    CHANGE_PIN = 0x24
    DISABLE_PIN = 0x26
    ENABLE_PIN = 0x28
    UNBLOCK_PIN = 0x2C
    INCREASE = 0x32
    ACTIVATE_FILE = 0x44
    MANAGE_CHANNEL = 0x70
    MANAGE_SECURE_CHANNEL = 0x73
    TRANSACT_DATA = 0x75
    SUSPEND = 0x76
    GET_IDENTITY = 0x78
    GET_CHALLENGE = 0x84
    AUTHENTICATE = 0x88
    AUTHENTICATE_ODD = 0x89
    SEARCH_RECORD = 0xA2
    SELECT = 0xA4
    TERMINAL_CAPABILITY = 0xAA
    READ_BINARY = 0xB0
    READ_RECORD = 0xB2
    GET_RESPONSE = 0xC0
    ENVELOPE = 0xC2
    RETRIEVE_DATA = 0xCB
    UPDATE_BINARY = 0xD6
    SET_DATA = 0xDB
    UPDATE_RECORD = 0xDC
    STATUS = 0xF2


def channel_of(cla: int) -> int:
    """Logical channel of a class octet, TS 102 221 10.1.1. The GSM class knows only channel 0."""
    if cla == GSM_CLASS:
        return 0
    return 4 + (cla & 0x0F) if cla & 0x40 else cla & 0x03


def on_channel(command: bytes, number: int) -> bytes:
    """The same command for another logical channel, TS 102 221 10.1.1. No secure messaging."""
    base = command[0] & 0x80
    cla = base | number if number < 4 else base | 0x40 | (number - 4)
    return bytes((cla,)) + command[1:]


def status_word(response: bytes) -> int:
    return int.from_bytes(response[-2:], "big")


def is_done(response: bytes) -> bool:
    """The command was carried out, also with a warning or a response yet to be fetched."""
    return len(response) >= 2 and response[-2] in (0x90, 0x91, 0x61, 0x62, 0x63, 0x9F)


def has_more(response: bytes) -> bool:
    """GET RESPONSE is due: 61xx, or 9Fxx of a SIM."""
    return len(response) == 2 and response[0] in (0x61, 0x9F)


_SAFE_TO_REPEAT = frozenset(
    {
        Ins.DEACTIVATE_FILE,
        Ins.TERMINAL_PROFILE,
        Ins.ACTIVATE_FILE,
        Ins.GET_IDENTITY,
        Ins.GET_CHALLENGE,
        Ins.AUTHENTICATE,  # at worst a synchronisation failure, which the network mends
        Ins.AUTHENTICATE_ODD,
        Ins.SEARCH_RECORD,
        Ins.SELECT,
        Ins.MANAGE_CHANNEL,
        Ins.TERMINAL_CAPABILITY,
        Ins.READ_BINARY,
        Ins.READ_RECORD,
        Ins.GET_RESPONSE,
        Ins.UPDATE_BINARY,
        Ins.STATUS,
    }
)
ABSOLUTE_RECORD = 0x04  # P2 bits 3..1 of record commands, TS 102 221 11.1.5


def is_safe_to_repeat(command: bytes) -> bool:
    """Whether the card ends up the same if it got this command twice, or nobody knows how often.

    PIN commands would spend a try, INCREASE and cyclic updates count, ENVELOPE and the proactive
    ones belong to a dialogue.
    """
    if command[1] == Ins.UPDATE_RECORD:
        return command[3] & 0x07 == ABSOLUTE_RECORD
    return command[1] in _SAFE_TO_REPEAT
