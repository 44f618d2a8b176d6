# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command may change of what the cache remembers, and which answers last. Pure.

The tables list what is known to be harmless; everything that is not in them counts as able to
change anything. Sources: ETSI TS 102 221 sections 10.1 and 11.1, TS 101 220 section 7.2, TS 102 223
sections 8.6 and 9.4, 3GPP TS 31.111 section 7.1, TS 51.011 section 9.2.
"""

from __future__ import annotations

from enum import Enum

from remsim.card.apdu import ABSOLUTE_RECORD, GSM_CLASS, HEADER, Ins, on_channel, status_word
from remsim.card.cache_memory import Key
from remsim.card.place import MASTER_FILE


class Touch(Enum):
    NOTHING = "nothing"
    FILE = "file"  # contents of one file
    PIN = "pin"
    EVERYTHING = "everything"
    STRANGE = "strange"  # not known here: the selection may be another one, too


_HARMLESS = frozenset(
    {
        Ins.TERMINAL_PROFILE,
        Ins.FETCH,  # what it brings may not be
        Ins.MANAGE_CHANNEL,
        Ins.GET_IDENTITY,
        Ins.GET_CHALLENGE,
        Ins.AUTHENTICATE,
        Ins.AUTHENTICATE_ODD,
        Ins.SEARCH_RECORD,
        Ins.SELECT,
        Ins.TERMINAL_CAPABILITY,
        Ins.READ_BINARY,
        Ins.READ_RECORD,
        Ins.GET_RESPONSE,
        Ins.RETRIEVE_DATA,
        Ins.STATUS,
    }
)
_WRITES = frozenset({Ins.UPDATE_BINARY, Ins.UPDATE_RECORD, Ins.INCREASE})
_PIN = frozenset({Ins.VERIFY, Ins.CHANGE_PIN, Ins.DISABLE_PIN, Ins.ENABLE_PIN, Ins.UNBLOCK_PIN})
_CHANGES_FILES = frozenset({Ins.DEACTIVATE_FILE, Ins.ACTIVATE_FILE, Ins.SET_DATA})
_EVENTS = frozenset(
    {
        0xD3,  # menu selection
        0xD4,  # call control
        0xD5,  # control of short messages sent
        0xD6,  # event download
        0xD7,  # timer expiration
        0xDD,  # geographical location
    }
)
"""ENVELOPEs that bring no data from the network. What an application on the card changes on such an
occasion it must announce by REFRESH, for modems keep what they have read, too."""
_REFRESH, _RECEIVE_DATA = 0x01, 0x42  # types of proactive commands
_CHANGING_TYPES = (None, _REFRESH, _RECEIVE_DATA)  # None: it cannot be read
_COMMAND_DETAILS = (0x01, 0x81)
_PROACTIVE = 0xD0


def touch_of(command: bytes) -> Touch:
    instruction = command[1]
    if not is_plain(command[0]):
        return Touch.STRANGE
    if instruction in _HARMLESS:
        return Touch.NOTHING
    if instruction in _WRITES:
        return Touch.FILE
    if instruction in _PIN:
        is_question = instruction == Ins.VERIFY and len(command) == HEADER
        return Touch.NOTHING if is_question else Touch.PIN
    if instruction == Ins.ENVELOPE:
        return Touch.NOTHING if command[HEADER : HEADER + 1] in _EVENT_TAGS else Touch.EVERYTHING
    if instruction == Ins.TERMINAL_RESPONSE:
        return _touch_of_type(_type_in(command[HEADER:]))
    return Touch.EVERYTHING if instruction in _CHANGES_FILES else Touch.STRANGE


def _touch_of_type(kind: int | None) -> Touch:
    return Touch.EVERYTHING if kind in _CHANGING_TYPES else Touch.NOTHING


_EVENT_TAGS = frozenset(bytes((tag,)) for tag in _EVENTS)


def touch_of_answer(command: bytes, answer: bytes) -> Touch:
    """FETCH brings what the card is about to do, or has done."""
    if command[1] != Ins.FETCH or len(answer) <= 2:
        return Touch.NOTHING
    return _touch_of_type(proactive_type(answer[:-2]))


def proactive_type(command: bytes) -> int | None:
    """None if it cannot be read."""
    if command[:1] != bytes((_PROACTIVE,)):
        return None
    return _type_in(command[3 if command[1:2] == b"\x81" else 2 :])


def _type_in(elements: bytes) -> int | None:
    """TS 102 223 sections 6.6 and 6.8: the command's details come first, also in its response."""
    if len(elements) < 5 or elements[0] not in _COMMAND_DETAILS or elements[1] != 3:
        return None
    return elements[3]


def is_plain(cla: int) -> bool:
    """An interindustry or SIM class without secure messaging, TS 102 221 10.1.1."""
    if cla == GSM_CLASS:
        return True
    return cla & 0x70 == 0x40 or cla & 0x7C == 0x00


def is_plain_read(command: bytes) -> bool:
    """A read of the current file at an absolute position, with an interindustry or SIM class."""
    if len(command) != HEADER or (command[0] & 0x80 and command[0] != GSM_CLASS):
        return False
    if command[1] == Ins.READ_BINARY:
        return command[0] == GSM_CLASS or not command[2] & 0x80
    return command[1] == Ins.READ_RECORD and command[3] == ABSOLUTE_RECORD and command[2] > 0


def is_lasting(command: bytes, answer: bytes) -> bool:
    """An answer that depends on the card's files alone."""
    word = status_word(answer)
    if command[1] == Ins.SELECT:
        return answer[0] in (0x61, 0x9F) or word in (0x9000, 0x6A82, 0x9404)
    if word == 0x9000:
        return True
    is_length_told = answer[0] == 0x6C or (answer[0] == 0x67 and command[0] == GSM_CLASS)
    return len(answer) == 2 and (is_length_told or word in (0x6A83, 0x9402, 0x6B00))


def short_id(command: bytes) -> int:
    """Short identifier of the file that a write names; 0 for the current one."""
    if command[0] == GSM_CLASS:
        return 0
    if command[1] == Ins.UPDATE_RECORD:
        return command[3] >> 3
    return command[2] & 0x1F if command[2] & 0x80 else 0


def bare(command: bytes) -> bytes:
    """As on channel 0."""
    return command if command[0] == GSM_CLASS else on_channel(command, 0)


def differs(remembered: bytes, answer: bytes) -> bool:
    """A proactive command that has come up since then is no difference."""
    if remembered[-2:] == b"\x90\x00" and answer[-2] == 0x91:
        return remembered[:-2] != answer[:-2]
    return remembered != answer


def is_about_file(key: Key) -> bool:
    """A file's contents, size or absence; not the description of a directory, which some cards fill
    with what changes by itself (memory left).
    """
    if key.command[1] != Ins.SELECT:
        return True
    target = key.command[HEADER:]
    return len(target) == 2 and target[0] in (0x2F, 0x6F, 0x4F) and target != MASTER_FILE
