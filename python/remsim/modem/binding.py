# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the modems found plays this role, and by which port it is asked. Pure.

Order of proof: the configured place; the place learnt earlier; the configured device; any known
modem that shows the right IMEI. Never the USB id alone: two identical modems share it, and ttyUSB
numbers change places after a reboot. A modem that is known to play the other role is never taken.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from remsim.errors import DeviceGone, NotPossibleError
from remsim.modem.discover import FoundModem
from remsim.modem.profile import ProfileTable


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration and earlier runs say about this role's modem and the other's."""

    role: str  # "modem1", for messages
    device: str  # "/dev/ttyUSB2"
    place: str | None = None  # configured
    imei: str | None = None  # configured
    learnt_place: str | None = None
    learnt_imei: str | None = None
    claimed_places: frozenset[str] = frozenset()  # in use by the other role, or configured for it
    foreign_place: str | None = None  # where the other role's modem was last seen
    foreign_imei: str | None = None  # the other role's modem


@dataclass(frozen=True, slots=True)
class Binding:
    """A port to try. `must_be`/`must_not_be` are IMEIs to be checked before the modem is used."""

    device: str
    place: str | None = None
    hardware_id: str | None = None
    must_be: str | None = None
    must_not_be: str | None = None


def choose(
    wanted: Wanted,
    found: tuple[FoundModem, ...],
    table: ProfileTable,
    rejected: frozenset[str] = frozenset(),
) -> Binding:
    """The port to open. `rejected` places have shown a wrong IMEI.
    DeviceGone while there is none."""
    for binding in _candidates(wanted, found, table):
        if binding.place is None or binding.place not in rejected:
            return binding
    raise DeviceGone(wanted.device, _why_none(wanted, found))


def _why_none(wanted: Wanted, found: tuple[FoundModem, ...]) -> str:
    """What is missing, and what is there instead: the answer to a wrong device name is in it."""
    where = wanted.place or wanted.learnt_place
    if where is not None:
        return f"no modem at {where}"
    free = [f"{m.hardware_id} at {m.place}" for m in found if m.place not in wanted.claimed_places]
    if not free:
        return "no such device"
    others = ", ".join(free)
    return f"no such device; there is {others}: set {wanted.role}.device or {wanted.role}.bus_path"


def _candidates(
    wanted: Wanted, found: tuple[FoundModem, ...], table: ProfileTable
) -> Iterator[Binding]:
    by_place = {modem.place: modem for modem in found}
    if wanted.place:
        modem = by_place.get(wanted.place)
        if modem is not None and modem.ttys:
            yield _bind(wanted, modem, table, must_be=wanted.imei, must_not_be=None)
        return
    free = [m for m in found if m.ttys and m.place not in wanted.claimed_places]
    for modem in free:
        if modem.place == wanted.learnt_place:
            yield _bind(wanted, modem, table, wanted.imei, wanted.foreign_imei)
    yield from _strangers(wanted, free, table)
    name = posixpath.basename(wanted.device)
    if not any(name in modem.ttys for modem in found) and not (wanted.learnt_place or wanted.imei):
        # sysfs does not know the device (a real serial port, perhaps): it is taken at its word.
        yield Binding(wanted.device, must_not_be=wanted.foreign_imei)


def _strangers(wanted: Wanted, free: list[FoundModem], table: ProfileTable) -> Iterator[Binding]:
    """Modems at places this role has not learnt: the configured device first."""
    name = posixpath.basename(wanted.device)
    must_be = wanted.imei or wanted.learnt_imei
    others = [m for m in free if m.place not in (wanted.learnt_place, wanted.foreign_place)]
    for modem in others:
        if name in modem.ttys:
            yield _bind(wanted, modem, table, must_be, wanted.foreign_imei)
    if must_be is None:
        return
    for modem in others:
        if name not in modem.ttys and table.is_modem(modem.hardware_id):
            yield _bind(wanted, modem, table, must_be, wanted.foreign_imei)


def _bind(
    wanted: Wanted,
    modem: FoundModem,
    table: ProfileTable,
    must_be: str | None,
    must_not_be: str | None,
) -> Binding:
    device = f"/dev/{_port_of(wanted, modem, table)}"
    if must_be is not None:
        must_not_be = None
    return Binding(device, modem.place, modem.hardware_id, must_be, must_not_be)


def _port_of(wanted: Wanted, modem: FoundModem, table: ProfileTable) -> str:
    """By interface number where the id is known;
    else the configured device; else the first port."""
    for number in table.at_interfaces(modem.hardware_id):
        if ttys := modem.ttys_of(number):
            return ttys[0]
    name = posixpath.basename(wanted.device)
    return name if name in modem.ttys else modem.ttys[0]


def check_imei(wanted: Wanted, binding: Binding, imei: str) -> None:
    """NotPossibleError if the modem at the port is another one than this role's."""
    where = binding.place or binding.device
    cure = f"set {wanted.role}.imei or {wanted.role}.bus_path if that is meant"
    if binding.must_be is not None and not same_imei(binding.must_be, imei):
        raise NotPossibleError(
            f"the modem at {where} has IMEI {imei}, but {wanted.role} is {binding.must_be}; {cure}"
        )
    if binding.must_not_be is not None and same_imei(binding.must_not_be, imei):
        raise NotPossibleError(
            f"the modem at {where} is the other modem (IMEI {imei}), not {wanted.role}; {cure}"
        )


def same_imei(left: str, right: str) -> bool:
    """The first 14 digits: the 15th is a check digit that some modems leave out or replace by 0."""
    return left[:14] == right[:14]
