# SPDX-License-Identifier: GPL-2.0-or-later
"""Two views of one card: what the modem believes, and where the card really is. Pure.

Answers given from memory move the modem's view only. `way()` lists the commands that bring the card
to where the modem believes it is, as far as the command that follows depends on it. PINs are held
by reference number only. Sources: ETSI TS 102 221 sections 7.3.1.1, 8.4, 8.7, 9.5, 11.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from remsim.card.apdu import GSM_CLASS, HEADER, Ins, channel_of, has_more, is_done, on_channel
from remsim.card.cache_files import (
    ROOT,
    Path,
    base_of,
    directory_of,
    has_certain_root,
    is_directory,
    is_whole_name,
)
from remsim.card.cache_memory import Key
from remsim.card.place import CURRENT_APPLICATION, MASTER_FILE, Place

_BY_FILE, _BY_NAME, _BY_PATH = 0x00, 0x04, 0x08  # P1 of SELECT, 11.1.1.2
_NOT_PLAIN_NAME = 0x03 | 0x40  # P2: another occurrence, or a termination
_CLOSE = 0x80  # P1 of MANAGE CHANNEL
_LOCAL = 0x80  # key references from here on hold for one application, 9.5.1
_ANNOUNCED, _DONE = 0x91, 0x90
LOST = Place(None, (bytes((0x00, Ins.SELECT, 0xFF, 0x00, 0x00)),), False)
"""Nobody knows where, until a SELECT that does not depend on it."""


class Need(Enum):
    """What a command needs to be right before the card may see it."""

    NOTHING = 0
    APPLICATION = 1
    DIRECTORY = 2
    PLACE = 3


class Pending(NamedTuple):
    """A SELECT answered from memory, from `before` on channel `number`; its data were announced and
    not yet fetched.
    """

    number: int
    before: Place
    was_stale: bool
    command: bytes


class OutOfReach(Exception):
    """No commands lead to where the modem believes the card to be."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of ours; `key` is where its answer may be remembered. The way ends if one that
    `is_needed` fails.
    """

    command: bytes
    key: Key | None = None
    is_needed: bool = True


@dataclass(slots=True)
class Channel:
    """`place` is where the modem believes the channel is, `live` where it is. `is_stale`: the modem
    believes to have selected its application since the card did; a new session loses local PINs.
    """

    place: Place = field(default_factory=Place)
    live: Place = field(default_factory=Place)
    is_stale: bool = False
    pins: frozenset[int] = frozenset()  # those of the application's session

    @property
    def is_in_application(self) -> bool:
        return self.place.application == self.live.application and not self.is_stale

    @property
    def is_right(self) -> bool:
        return self.place == self.live and not self.is_stale

    def returned(self) -> None:
        self.live = self.place
        self.is_stale = False


class CardView:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The card was reset: both views begin anew."""
        self._channels: dict[int, Channel] = {0: Channel()}
        self._pins: frozenset[int] = frozenset()
        self.is_security_known = True
        self.is_announcing = False  # the card has a proactive command for the modem
        self.is_settled = True  # the modem's last command has had its whole answer
        self.pending: Pending | None = None
        self._is_in_step = True  # the card's last command is the modem's last command
        self._owing_class: int | None = None  # class of a live command with data yet to be fetched

    def channel(self, number: int) -> Channel | None:
        return self._channels.get(number)

    def pins(self, number: int) -> bytes:
        """References of the PINs that were verified and count on a channel."""
        channel = self._channels.get(number)
        return bytes(sorted(self._pins | (channel.pins if channel else frozenset())))

    @property
    def can_leave(self) -> bool:
        """Channel 0 can be used for commands of our own, and be brought back."""
        return self.is_settled and self._channels[0].place.is_exact

    # --- events -----------------------------------------------------------------------------------

    def told(self, command: bytes, answer: bytes) -> None:
        """The modem had its answer from memory."""
        number = channel_of(command[0])
        channel = self._channels[number]
        pending = Pending(number, channel.place, channel.is_stale, command)
        channel.place = channel.place.after(command, answer)
        if _is_new_session(command, answer):
            channel.is_stale = True
            channel.pins = frozenset()
        self.pending = pending if has_more(answer) else None
        self.is_settled = not has_more(answer)
        self._is_in_step = False

    def exchanged(self, command: bytes, answer: bytes) -> None:
        """The card answered a command of the modem."""
        self.pending = None
        self._is_in_step = True
        self._heard(command, answer)
        self.is_settled = self._owing_class is None
        number = channel_of(command[0])
        channel = self._channels.get(number)
        if channel is None:
            if is_done(answer):  # opened in a way that was not understood
                self._channels[number] = Channel(LOST, LOST)
            return
        channel.place = channel.place.after(command, answer)
        channel.live = channel.live.after(command, answer)
        if _is_new_session(command, answer):
            channel.is_stale = False
            channel.pins = frozenset()
        if command[1] == Ins.MANAGE_CHANNEL and is_done(answer):
            self._manage(number, channel, command, answer)

    def moved(self, command: bytes, answer: bytes) -> None:
        """The card answered a command of ours."""
        self._is_in_step = False
        self._heard(command, answer)
        channel = self._channels.get(channel_of(command[0]))
        if channel is not None:
            channel.live = channel.live.after(command, answer)
            channel.is_stale = channel.is_stale and not _is_new_session(command, answer)

    def lose(self, number: int) -> None:
        """The modem's last command there may have done anything."""
        if number in self._channels:
            self._channels[number] = Channel(LOST, LOST)

    def verified(self, command: bytes, is_right: bool) -> None:
        """A PIN was shown to the card."""
        reference = command[3] or 1  # a SIM's UNBLOCK CHV says 0 for CHV1, TS 51.011 9.2.13
        if not is_right:
            self.is_security_known = False
        elif reference < _LOCAL:
            self._pins |= {reference}
        else:
            channel = self._channels.get(channel_of(command[0]))
            if channel is not None:
                channel.pins |= {reference}

    # --- the way ----------------------------------------------------------------------------------

    def way(self, command: bytes) -> list[Step]:
        """What must be sent before `command`. OutOfReach."""
        if command[1] == Ins.GET_RESPONSE:
            return self._way_to_fetch()
        number = channel_of(command[0])
        channel = self._channels.get(number)
        if channel is None or channel.is_right:
            return []
        match needed(command):
            case Need.NOTHING:
                return []
            case Need.APPLICATION:
                return self._way_to_application(channel)
            case Need.DIRECTORY:
                directory = channel.place.directory
                return _way_to(number, channel.live.directory, directory, channel.is_stale)
            case _:
                return _way_to(number, channel.live, channel.place, channel.is_stale)

    def arrived(self, command: bytes) -> None:
        """The way to `command` was gone: the card is where the command needs it."""
        if command[1] == Ins.GET_RESPONSE:
            if self.pending is not None:
                self._channels[self.pending.number].returned()
            return
        channel = self._channels.get(channel_of(command[0]))
        if channel is None or channel.is_right:
            return
        need = needed(command)
        if need is Need.PLACE:
            channel.returned()
        elif need is Need.DIRECTORY and channel.live.directory != channel.place.directory:
            channel.live = channel.place.directory

    def way_back(self) -> list[Step]:
        """To where the modem believes channel 0 is."""
        channel = self._channels[0]
        return _way_to(0, channel.live, channel.place, channel.is_stale)

    def returned(self) -> None:
        """The way back was gone."""
        self._channels[0].returned()

    def _way_to_application(self, channel: Channel) -> list[Step]:
        application = channel.place.application
        if application is None or channel.is_in_application:
            return []
        return [_step(Place(), application)]

    def _way_to_fetch(self) -> list[Step]:
        """The answer that the modem is about to fetch, and no other, must be waiting in the
        card.
        """
        if self._is_in_step:
            return []
        if self.pending is not None:
            number, before, was_stale, command = self.pending
            steps = _way_to(number, self._channels[number].live, before, was_stale)
            return [*steps, _step(before, command)]
        if self._owing_class is None:
            return []
        is_gsm = self._owing_class == GSM_CLASS
        return [Step(_GSM_STATUS if is_gsm else _STATUS, is_needed=False)]

    # --- what commands leave behind ---------------------------------------------------------------

    def _heard(self, command: bytes, answer: bytes) -> None:
        if answer[-2] == _ANNOUNCED:
            self.is_announcing = True
        elif answer[-2] == _DONE:
            self.is_announcing = False
        if has_more(answer) or answer[-2] == 0x6C:
            self._owing_class = command[0]
        elif command[1] != Ins.GET_RESPONSE or is_done(answer):
            self._owing_class = None

    def _manage(self, origin: int, channel: Channel, command: bytes, answer: bytes) -> None:
        if command[2] & _CLOSE:
            number = command[3] or origin
            if number:
                self._channels.pop(number, None)
            return
        number = answer[0] if len(answer) > 2 else command[3]
        if number:
            # opened from channel 0 it begins at the master file, else at the same place, 8.7
            place = Place() if origin == 0 else channel.place.on_channel(number)
            self._channels[number] = Channel(place, place)


_GSM_STATUS = bytes((GSM_CLASS, Ins.STATUS, 0x00, 0x00, 0x02))
_STATUS = bytes((0x80, Ins.STATUS, 0x00, 0x0C, 0x00))  # no data wanted


def _way_to(number: int, live: Place, wanted: Place, is_stale: bool) -> list[Step]:
    if live == wanted and not is_stale:
        return []
    if not wanted.is_exact:
        raise OutOfReach
    start, steps = Place(wanted.application), list[Step]()
    if wanted.application != live.application or is_stale:
        if wanted.application is None:
            raise OutOfReach
        steps.append(_step(Place(), wanted.application))
    elif live.directory == wanted.directory != wanted:
        start = wanted.directory
    elif not wanted.is_anchored:
        steps.append(Step(_to_base(number, wanted)))
    return steps + _steps(start, wanted.trail[len(start.trail) :])


def needed(command: bytes) -> Need:
    """On what of the card's selection the command and its answer depend."""
    if command[1] == Ins.MANAGE_CHANNEL and channel_of(command[0]) == 0:
        return Need.NOTHING
    if command[1] != Ins.SELECT or len(command) != HEADER + command[4]:
        return Need.PLACE
    way, target = command[2], command[HEADER:]
    if way == _BY_NAME and command[0] != GSM_CLASS:
        return Need.PLACE if command[3] & _NOT_PLAIN_NAME else Need.NOTHING
    if way == _BY_PATH and target and command[0] != GSM_CLASS:
        return Need.APPLICATION if target[:2] == CURRENT_APPLICATION else Need.NOTHING
    if way != _BY_FILE:
        return Need.PLACE
    if target in (MASTER_FILE, b""):
        return Need.NOTHING
    if target == CURRENT_APPLICATION:
        return Need.APPLICATION
    return Need.DIRECTORY if len(target) == 2 else Need.PLACE


def select_key(place: Place, command: bytes) -> Key | None:
    """Where the answer to a SELECT from `place` belongs; None if it cannot be told for sure."""
    bare = command if command[0] == GSM_CLASS else on_channel(command, 0)
    need = needed(command)
    path: Path | None = None
    if need is Need.NOTHING:
        is_by_name = command[1] == Ins.SELECT and command[2] == _BY_NAME
        is_by_name = is_by_name and command[0] != GSM_CLASS
        path = () if not is_by_name or is_whole_name(command[HEADER:]) else None
    elif need is Need.APPLICATION and place.application is not None:
        path = base_of(place) if has_certain_root(base_of(place)) else None
    elif need is Need.DIRECTORY and place.directory.is_exact:
        path = directory_of(place)
        path = path if path is not None and is_directory(path) else None
    return None if path is None else Key(path, b"", bare)


def way_to_path(application: bytes | None, path: Path, is_gsm: bool) -> list[bytes]:
    """Commands of ours that lead to a path from anywhere on channel 0, in the current application.
    Empty if none do.
    """
    is_in_master_file = path[0] == MASTER_FILE
    if not is_in_master_file and (application is None or path[0] != application[HEADER:]):
        return []
    if is_gsm:
        return [] if not is_in_master_file else [b"\xa0\xa4\x00\x00\x02" + each for each in path]
    if path == ROOT:
        return [_QUIET_SELECT + MASTER_FILE]
    inside = path[1:] if is_in_master_file else (CURRENT_APPLICATION, *path[1:])
    if inside == (CURRENT_APPLICATION,):
        return [_QUIET_SELECT + CURRENT_APPLICATION]
    target = b"".join(inside)
    return [bytes((0x00, Ins.SELECT, _BY_PATH, 0x0C, len(target))) + target]


_QUIET_SELECT = bytes((0x00, Ins.SELECT, _BY_FILE, 0x0C, 0x02))  # no answer wanted


def _to_base(number: int, place: Place) -> bytes:
    """To where the trail of a place begins."""
    if place.application is not None:
        return on_channel(_QUIET_SELECT + CURRENT_APPLICATION, number)
    if place.trail and place.trail[0][0] == GSM_CLASS:
        return b"\xa0\xa4\x00\x00\x02" + MASTER_FILE
    return on_channel(_QUIET_SELECT + MASTER_FILE, number)


def _step(place: Place, command: bytes) -> Step:
    return Step(command, select_key(place, command) if command[1] == Ins.SELECT else None)


def _steps(place: Place, commands: tuple[bytes, ...]) -> list[Step]:
    """The modem's own SELECTs, one after the other."""
    steps = []
    for command in commands:
        steps.append(_step(place, command))
        place = place.after(command, b"\x90\x00")
    return steps


def _is_new_session(command: bytes, answer: bytes) -> bool:
    is_by_name = command[1] == Ins.SELECT and command[2] == _BY_NAME and command[0] != GSM_CLASS
    return is_by_name and is_done(answer)
