# SPDX-License-Identifier: GPL-2.0-or-later
"""What the modem believes about the card, and how to bring a reset card there. Pure.

Watches every command with its answer and keeps, per logical channel, its place in the file tree;
beside it the PINs that were verified, the terminal's profile, and how the ICCID was read. `plan()`
lists the commands that restore all of it on a card that lost its state, or None if that cannot be
done exactly: then the modem has to read the card anew. PINs stay in memory and never leave in a
repr. No PIN is shown to a card before its ICCID was found to be the same.
Sources: ETSI TS 102 221 sections 8.7, 11.1.9 to 11.1.17; 3GPP TS 51.011 section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from remsim.card.apdu import (
    GSM_CLASS,
    HEADER,
    Ins,
    channel_of,
    has_more,
    is_done,
    is_safe_to_repeat,
)
from remsim.card.place import MASTER_FILE, Place

MAX_CHANNELS = 20  # TS 102 221 10.1.1
ICCID_FILE = b"\x2f\xe2"
ICCID_OCTETS = 10
_PIN_OCTETS = 8
_CLOSE = 0x80  # P1 of MANAGE CHANNEL
_ACTIVATES = 0x01  # P1 of STATUS: the application is initialised in the terminal
_OPEN_CHANNEL = b"\x00\x70\x00\x00\x01"  # number assigned by the card, one octet of answer
_OK = b"\x90\x00"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a plan. `fits` judges its answer."""

    command: bytes = field(repr=False)
    fits: Callable[[bytes], bool]


@dataclass(slots=True)
class _Channel:
    place: Place
    pins: dict[int, bytes] = field(default_factory=dict, repr=False)  # VERIFY by key reference


@dataclass(frozen=True, slots=True)
class _Identity:
    """How the modem read the ICCID, and what it got."""

    place: Place
    read: bytes
    data: bytes


class Selection:
    """`note()` every command of the modem with its answer, in order."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The modem reset the card, or it is another card."""
        self._channels: dict[int, _Channel] = {0: _Channel(Place())}
        self._identity: _Identity | None = None
        self._profile: bytes | None = None
        self._activation: bytes | None = None
        self._pending = b""  # the command whose response GET RESPONSE still has to fetch

    @property
    def iccid(self) -> str | None:
        """As printed on the card, once the modem has read it."""
        if self._identity is None:
            return None
        digits = "".join(f"{octet & 0xF:x}{octet >> 4:x}" for octet in self._identity.data)
        return digits.rstrip("f")

    @property
    def pending(self) -> bytes:
        """The command that a GET RESPONSE would belong to; empty if none."""
        return self._pending

    def place(self, number: int) -> Place | None:
        """Where a channel stands; None if it is not open."""
        channel = self._channels.get(number)
        return channel.place if channel else None

    def note(self, command: bytes, response: bytes) -> None:
        """Take one exchange into account."""
        instruction = command[1]
        if instruction == Ins.GET_RESPONSE:
            self._pending = b""
            return
        self._pending = command if has_more(response) else b""
        number = channel_of(command[0])
        channel = self._channels.get(number)
        if channel is None:  # opened in a way that was not understood
            channel = self._channels[number] = _Channel(Place(is_exact=False))
        channel.place = channel.place.after(command, response)
        noter = _NOTERS.get(instruction)
        if noter is not None and is_done(response):
            noter(self, channel, command, response)

    def plan(self, interrupted: bytes | None) -> list[Step] | None:
        """Commands that bring a freshly reset card here. `interrupted` had no answer yet; the
        caller repeats it afterwards. None if an exact return is impossible.
        """
        channels = self._channels.values()
        if not all(channel.place.is_exact for channel in channels):
            return None
        if self._identity is None and any(channel.pins for channel in channels):
            return None
        steps = [*self._check_identity(), *self._openings(), *self._selections(), *self._once()]
        return [*steps, *self._repeat_pending(steps, interrupted)]

    # --- the plan, in its order -------------------------------------------------------------------

    def _check_identity(self) -> Iterator[Step]:
        if self._identity is not None:
            wanted = self._identity.data + _OK
            yield from (Step(command, is_done) for command in self._identity.place.steps())
            yield Step(self._identity.read, lambda response: response == wanted)

    def _openings(self) -> Iterator[Step]:
        """The card gives out the lowest free number: open up to the highest, close the others."""
        highest = max(self._channels)
        yield from (Step(_OPEN_CHANNEL, _opens(number)) for number in range(1, highest + 1))
        for number in range(1, highest):
            if number not in self._channels:
                yield Step(_close_channel(number), is_done)

    def _selections(self) -> Iterator[Step]:
        for number, channel in self._channels.items():
            if number == self._identity_channel and not channel.place.is_absolute:
                yield Step(_to_master_file(self._identity_class), is_done)
            pins = [Step(verify, _is_verified) for verify in channel.pins.values()]
            commands = list(channel.place.steps())
            first = 1 if channel.place.application is not None else 0
            yield from (Step(command, is_done) for command in commands[:first])
            yield from pins
            yield from (Step(command, is_done) for command in commands[first:])

    @property
    def _identity_channel(self) -> int | None:
        return channel_of(self._identity.read[0]) if self._identity else None

    @property
    def _identity_class(self) -> int:
        return self._identity.read[0] if self._identity else 0

    def _once(self) -> Iterator[Step]:
        for command in (self._profile, self._activation):
            if command is not None:
                yield Step(command, is_done)

    def _repeat_pending(self, steps: list[Step], interrupted: bytes | None) -> Iterator[Step]:
        """The response that the modem is about to fetch is gone with the old card session."""
        is_fetched_next = interrupted is None or interrupted[1] == Ins.GET_RESPONSE
        is_there = bool(steps) and steps[-1].command == self._pending
        if not self._pending or not is_fetched_next or is_there:
            return
        if is_safe_to_repeat(self._pending):
            yield Step(self._pending, is_done)

    # --- what single commands leave behind --------------------------------------------------------

    def _note_read(self, channel: _Channel, command: bytes, response: bytes) -> None:
        is_iccid = channel.place.file == ICCID_FILE
        if is_iccid and command[2:4] == b"\x00\x00" and len(response) == ICCID_OCTETS + 2:
            self._identity = _Identity(channel.place, command, response[:ICCID_OCTETS])

    def _note_channel(self, origin: _Channel, command: bytes, response: bytes) -> None:
        if command[2] & _CLOSE:
            number = command[3] or channel_of(command[0])
            if number:
                self._channels.pop(number, None)
            return
        number = response[0] if len(response) > 2 else command[3]
        if 0 < number < MAX_CHANNELS:
            inherits = channel_of(command[0]) != 0  # TS 102 221 8.7: else the master file
            place = origin.place.on_channel(number) if inherits else Place()
            self._channels[number] = _Channel(place)

    def _note_verify(self, channel: _Channel, command: bytes, response: bytes) -> None:
        if len(command) == HEADER + _PIN_OCTETS and _is_verified(response):
            channel.pins[command[3]] = command

    def _note_new_pin(self, channel: _Channel, command: bytes, response: bytes) -> None:
        """CHANGE and UNBLOCK: the second half of the data is the PIN from now on."""
        if len(command) == HEADER + 2 * _PIN_OCTETS and _is_verified(response):
            reference = command[3] or 1  # a SIM's UNBLOCK CHV says 0 for CHV1, TS 51.011 9.2.13
            channel.pins[reference] = _verify(command[0], reference, command[-_PIN_OCTETS:])

    def _note_enabled_pin(self, channel: _Channel, command: bytes, response: bytes) -> None:
        if len(command) == HEADER + _PIN_OCTETS and _is_verified(response):
            channel.pins[command[3]] = _verify(command[0], command[3], command[HEADER:])

    def _note_disabled_pin(self, _: _Channel, command: bytes, response: bytes) -> None:
        if _is_verified(response):
            for channel in self._channels.values():
                channel.pins.pop(command[3], None)

    def _note_profile(self, _: _Channel, command: bytes, __: bytes) -> None:
        self._profile = command

    def _note_status(self, _: _Channel, command: bytes, __: bytes) -> None:
        if command[2] == _ACTIVATES and command[0] != GSM_CLASS:
            self._activation = command


_NOTERS: dict[int, Callable[[Selection, _Channel, bytes, bytes], None]] = {
    Ins.READ_BINARY: Selection._note_read,
    Ins.MANAGE_CHANNEL: Selection._note_channel,
    Ins.VERIFY: Selection._note_verify,
    Ins.CHANGE_PIN: Selection._note_new_pin,
    Ins.UNBLOCK_PIN: Selection._note_new_pin,
    Ins.ENABLE_PIN: Selection._note_enabled_pin,
    Ins.DISABLE_PIN: Selection._note_disabled_pin,
    Ins.TERMINAL_PROFILE: Selection._note_profile,
    Ins.STATUS: Selection._note_status,
}


def _is_verified(response: bytes) -> bool:
    """9000, or 91xx with a proactive command waiting; 63Cx is a spent try."""
    return len(response) == 2 and response[0] in (0x90, 0x91)


def _verify(cla: int, reference: int, pin: bytes) -> bytes:
    return bytes((cla, Ins.VERIFY, 0, reference, _PIN_OCTETS)) + pin


def _close_channel(number: int) -> bytes:
    return bytes((0x00, Ins.MANAGE_CHANNEL, _CLOSE, number, 0x00))


def _opens(number: int) -> Callable[[bytes], bool]:
    """MANAGE CHANNEL must get the same number as before."""
    return lambda response: is_done(response) and response[:-2] in (b"", bytes((number,)))


def _to_master_file(cla: int) -> bytes:
    way = b"\x00\x00" if cla == GSM_CLASS else b"\x00\x0c"  # 0C: no response data wanted
    return bytes((cla, Ins.SELECT)) + way + b"\x02" + MASTER_FILE
