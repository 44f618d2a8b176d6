# SPDX-License-Identifier: GPL-2.0-or-later
"""Where one logical channel stands in the card's file tree, as the commands that lead there. Pure.

A place is the last application selected and the SELECTs from there (or from the master file) on. It
stays short: a file leaves no trace once another is selected, and sibling directories replace each
other. What no command brings back exactly (a record pointer, a selection by an update) is marked.
Sources: ETSI TS 102 221 sections 8.4, 8.5, 11.1.1; 3GPP TS 51.011 section 6.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from remsim.card.apdu import ABSOLUTE_RECORD, GSM_CLASS, HEADER, Ins, is_done, on_channel

MAX_TRAIL = 16  # deeper than any card's tree; a longer trail means that the rules here do not fit
MASTER_FILE = b"\x3f\x00"
CURRENT_APPLICATION = b"\x7f\xff"
_FIRST_LEVEL, _SECOND_LEVEL = 0x7F, 0x5F  # first octet of a directory's identifier, TS 102 221 8.6
_FILES = (0x2F, 0x6F, 0x4F)  # and of a file's; anything else is treated as a directory
_BY_FILE, _CHILD_DF, _CHILD_EF, _PARENT = 0x00, 0x01, 0x02, 0x03  # P1 of SELECT, 11.1.1.2
_BY_NAME, _BY_PATH, _BY_DF_PATH = 0x04, 0x08, 0x09
_WAYS = (_BY_FILE, _CHILD_DF, _CHILD_EF, _PARENT, _BY_NAME, _BY_PATH, _BY_DF_PATH)
_OCCURRENCE = 0x03  # P2: other than the first one of a name
_TERMINATION, _TERMINATION_MASK = 0x40, 0x60  # P2: application session termination
_SHORT_FILE = 0x80  # P1 of the binary commands


@dataclass(frozen=True, slots=True)
class Place:
    """`trail` leads on from `application`, both as the modem's own commands."""

    application: bytes | None = None
    trail: tuple[bytes, ...] = ()
    is_exact: bool = True

    def after(self, command: bytes, response: bytes) -> Place:
        """The place after one command, whatever it was."""
        instruction = command[1]
        if instruction not in _MOVING or not is_done(response):
            return self
        if instruction == Ins.SELECT:
            return self._bounded(self._selected(command))
        if instruction in (Ins.READ_BINARY, Ins.UPDATE_BINARY):
            short = command[0] != GSM_CLASS and bool(command[2] & _SHORT_FILE)
            return self._by_short_file(command) if short else self
        return self._after_record(command)

    def steps(self) -> Iterator[bytes]:
        """Commands that lead here from a reset card; from elsewhere only if `is_absolute`."""
        if self.application is not None:
            yield self.application
        yield from self.trail

    def on_channel(self, number: int) -> Place:
        """The same place on a channel that was opened from this one."""
        application = None if self.application is None else on_channel(self.application, number)
        trail = tuple(on_channel(command, number) for command in self.trail)
        return Place(application, trail, self.is_exact)

    @property
    def is_absolute(self) -> bool:
        """The steps lead here from anywhere, not just from a reset card."""
        return self.application is not None or self.is_anchored

    @property
    def is_anchored(self) -> bool:
        """The trail alone leads here, wherever it begins (within the same application)."""
        return bool(self.trail) and _is_anchor(self.trail[0])

    @property
    def directory(self) -> Place:
        """The place without the file that is selected in it."""
        return Place(self.application, self._directories(), self._stays_exact)

    @property
    def file(self) -> bytes:
        """Identifier of what was selected last; empty where it has none (by name, short file)."""
        last = self.trail[-1] if self.trail else b""
        return last[-2:] if last[1:2] == bytes((Ins.SELECT,)) and len(last) > HEADER else b""

    # --- rules ------------------------------------------------------------------------------------

    def _bounded(self, place: Place) -> Place:
        return replace(place, is_exact=False) if len(place.trail) > MAX_TRAIL else place

    def _selected(self, command: bytes) -> Place:
        way = command[2]
        if way == _BY_NAME:
            return self._by_name(command)
        if _is_anchor(command):
            return Place(self.application, (command,))
        if way in _WAYS:
            return Place(self.application, (*self._trail_to(command), command), self._stays_exact)
        return Place(self.application, (*self.trail[-MAX_TRAIL:], command), False)

    @property
    def _stays_exact(self) -> bool:
        """A record pointer that was moved is forgotten with its file, a lost directory is not."""
        if self.is_exact:
            return True
        is_in_file = bool(self.trail) and _is_leaf(self.trail[-1])
        return is_in_file and all(command[2] in _WAYS for command in self._directories())

    def _by_name(self, command: bytes) -> Place:
        is_first = not command[3] & _OCCURRENCE
        if command[3] & _TERMINATION_MASK == _TERMINATION:
            return Place(None, (command,), is_first)
        return Place(command, (), is_first)

    def _directories(self) -> tuple[bytes, ...]:
        return self.trail[:-1] if self.trail and _is_leaf(self.trail[-1]) else self.trail

    def _trail_to(self, command: bytes) -> tuple[bytes, ...]:
        """What has to stay in front of a SELECT that starts from the current directory."""
        directories = self._directories()
        first_octet = command[HEADER] if len(command) > HEADER else 0
        if not _is_by_file(command) or first_octet not in (_FIRST_LEVEL, _SECOND_LEVEL):
            return directories
        leaves = {_SECOND_LEVEL}
        if first_octet == _FIRST_LEVEL and self.application is None:
            leaves.add(_FIRST_LEVEL)
        while directories and _is_by_file(directories[-1]) and directories[-1][HEADER] in leaves:
            directories = directories[:-1]
        return directories

    def _by_short_file(self, command: bytes) -> Place:
        """Reading by short identifier selects as well; doing the same by an update cannot be
        repeated.
        """
        is_read = command[1] in (Ins.READ_BINARY, Ins.READ_RECORD)
        return Place(self.application, (*self._directories(), command), is_read)

    def _after_record(self, command: bytes) -> Place:
        is_pointer_kept = command[3] & 0x07 == ABSOLUTE_RECORD and command[1] != Ins.SEARCH_RECORD
        place = self
        if command[0] != GSM_CLASS and command[3] >> 3:
            place = self._by_short_file(command)
        return place if is_pointer_kept else replace(place, is_exact=False)


_MOVING = frozenset(
    {
        Ins.SELECT,
        Ins.READ_BINARY,
        Ins.UPDATE_BINARY,
        Ins.READ_RECORD,
        Ins.UPDATE_RECORD,
        Ins.SEARCH_RECORD,
        Ins.INCREASE,
    }
)


def _is_by_file(command: bytes) -> bool:
    return command[1] == Ins.SELECT and command[2] == _BY_FILE and len(command) == HEADER + 2


def _is_leaf(command: bytes) -> bool:
    """Leads to a file and moves no directory: nothing of it is left after the next SELECT."""
    if command[1:2] != bytes((Ins.SELECT,)):
        return bool(command)  # a read by short file identifier
    ways = (_BY_FILE, _CHILD_EF)
    return command[2] in ways and len(command) == HEADER + 2 and command[HEADER] in _FILES


def _is_anchor(command: bytes) -> bool:
    """Leads to the same place from everywhere (7FFF: within the application of the channel)."""
    if command[1] != Ins.SELECT:
        return False
    target = command[HEADER:]
    if command[2] == _BY_PATH:
        return True
    if command[2] == _BY_NAME:
        return True  # a termination
    return command[2] == _BY_FILE and target in (MASTER_FILE, CURRENT_APPLICATION, b"")
