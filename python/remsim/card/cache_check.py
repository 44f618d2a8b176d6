# SPDX-License-Identifier: GPL-2.0-or-later
"""Dialogues of the cache's own with the card: who are you, and is this still so? Pure.

All of it runs on channel 0 within the application that the modem selected itself, so that nothing
the modem could notice is lost: no session of an application, no PIN. `CardView` knows the way back.
Sources: ETSI TS 102 221 sections 8.4, 11.1.1, 13.2; 3GPP TS 51.011 section 9.2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from remsim.card.apdu import GSM_CLASS, HEADER, Ins, has_more, is_done
from remsim.card.cache_files import Path, directory_of, path_of
from remsim.card.cache_memory import Key, Memory, Remembered
from remsim.card.cache_touch import differs
from remsim.card.cache_view import CardView, Need, needed, way_to_path
from remsim.card.place import MASTER_FILE

ICCID_OCTETS = 10
_ICCID_FILE = b"\x2f\xe2"
_PIN_STATE_TAG = 0xC6  # PIN status template, TS 102 221 11.1.1.4.10
_BY_NAME = 0x04  # P1 of SELECT, TS 102 221 11.1.1.2
_CHV_STATE_AT = 13  # in a SIM's answer to SELECT of a directory, TS 51.011 9.2.1

T = TypeVar("T")
Talk = Generator[tuple[bytes, ...], tuple[bytes, ...], T]
"""A dialogue with the card: commands out, as many answers back. Commands sent together travel
together; the bank carries them out in their order.
"""
Move = Callable[..., Talk[tuple[bytes, ...]]]
"""Commands of ours: their answers come back."""


@dataclass(frozen=True, slots=True)
class CardIdentity:
    """`fingerprint` is the state of the card's PINs: it decides who may read what."""

    iccid: bytes
    fingerprint: bytes


def take_identity(move: Move) -> Talk[CardIdentity | None]:
    """None if the card does not tell."""
    cla, way = 0x00, b"\x00\x04\x02"
    (answer,) = yield from move(bytes((cla, Ins.SELECT)) + way + MASTER_FILE)
    if answer[-2] in (0x6D, 0x6E):  # a SIM knows its own class only
        cla, way = GSM_CLASS, b"\x00\x00\x02"
        (answer,) = yield from move(bytes((cla, Ins.SELECT)) + way + MASTER_FILE)
    if not has_more(answer):
        return None
    if cla != GSM_CLASS:
        way = b"\x00\x0c\x02"  # no answer wanted
    described, selected, iccid = yield from move(
        bytes((cla, Ins.GET_RESPONSE, 0, 0, answer[1])),
        bytes((cla, Ins.SELECT)) + way + _ICCID_FILE,
        bytes((cla, Ins.READ_BINARY, 0, 0, ICCID_OCTETS)),
    )
    is_read = is_done(selected) and len(iccid) == ICCID_OCTETS + 2 and is_done(iccid)
    if not is_read or not is_done(described):
        return None
    state = described[_CHV_STATE_AT:-2] if cla == GSM_CLASS else _pin_state(described[:-2])
    return CardIdentity(iccid[:ICCID_OCTETS], state or described[:-2])


def _pin_state(parameters: bytes) -> bytes:
    """Empty where a directory's control parameters do not show it."""
    at = 2
    while at + 2 <= len(parameters):
        length = parameters[at + 1]
        if parameters[at] == _PIN_STATE_TAG:
            return parameters[at : at + 2 + length]
        at += 2 + length
    return b""


class Checker:
    """Compares what is remembered with the card, once per card session, in as many goes as the
    modem leaves room for.
    """

    def __init__(self, memory: Memory, view: CardView) -> None:
        self.memory = memory
        self.is_complete = False
        self._view = view

    def run(
        self,
        move: Move,
        is_interrupted: Callable[[], bool],
        found_wrong: Callable[[Key, Remembered], None],
    ) -> Talk[None]:
        """Ends early if interrupted, and after the first difference."""
        for key, entry in self.memory.items():
            if not entry.is_due or not self._is_within_reach(key):
                continue
            is_right = yield from self._compare(key, entry, move)
            if is_right is False:
                found_wrong(key, entry)
                return
            if is_right:
                entry.prove()
            if is_interrupted():
                return
        self.is_complete = True
        self.memory.is_in_doubt = False
        if any(not entry.is_proven for _, entry in self.memory.items()):
            self.memory.is_changed = True  # what could not be proven is not kept again

    def _is_within_reach(self, key: Key) -> bool:
        channel = self._view.channel(0)
        if channel is None:
            return False
        trail, application = channel.place.trail, channel.place.application
        is_gsm = bool(trail) and trail[0][0] == GSM_CLASS
        if (key.command[0] == GSM_CLASS) is not is_gsm:
            return False
        if key.command[1] == Ins.SELECT:
            if needed(key.command) is Need.NOTHING and key.command[2] == _BY_NAME:
                return key.command == application and not channel.is_in_application
            return _is_inside(key.path, application)
        return _is_inside(key.path, application) and key.pins == self._view.pins(0)

    def _compare(self, key: Key, entry: Remembered, move: Move) -> Talk[bool | None]:
        """None if the card would not let us look."""
        if not (yield from self._go_to(key, move)):
            return None
        (answer,) = yield from move(key.command)
        if differs(entry.answer, answer):
            return False
        if entry.fetch and has_more(answer):
            (fetched,) = yield from move(entry.fetch)
            return not differs(entry.fetched, fetched)
        return True

    def _go_to(self, key: Key, move: Move) -> Talk[bool]:
        """Where the command depends on being."""
        channel = self._view.channel(0)
        if channel is None:
            return False
        need = needed(key.command)
        is_below = bool(key.path) and key.path[0] != MASTER_FILE
        application = channel.place.application
        is_away = is_below and not channel.is_in_application
        if is_away and application and not is_done((yield from move(application))[0]):
            return False
        if need in (Need.NOTHING, Need.APPLICATION):
            return True
        find = directory_of if need is Need.DIRECTORY else path_of
        if find(channel.live) == key.path:
            return True
        is_gsm = key.command[0] == GSM_CLASS
        for command in way_to_path(application, key.path, is_gsm):
            if not is_done((yield from move(command))[0]):
                return False
        return find(channel.live) == key.path


def _is_inside(path: Path, application: bytes | None) -> bool:
    """In the master file's tree, or in this application."""
    if not path or path[0] == MASTER_FILE:
        return True
    return application is not None and path[0] == application[HEADER:]
