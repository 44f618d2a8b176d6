# SPDX-License-Identifier: GPL-2.0-or-later
"""What remsim knows about a modem family: one frozen record per family, and how one is found. Pure.

A family is one file in `remsim.modem.profiles` that defines `PROFILE`; adding a modem is adding a
file. A record holds facts only, each with its source in the file's docstring. A profile never
decides which modem plays which role: ids are shared by identical modems, places are not.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from enum import Enum

from remsim.errors import ConfigError
from remsim.model import Registration
from remsim.modem import commands as c
from remsim.modem.commands import Command, PinTries, Radio

GENERIC = "generic"
AUTO = "auto"


class SimReread(Enum):
    """How a modem is made to read the SIM again after the switch moved.
    A flip alone changes nothing."""

    RADIO_CYCLE = "radio cycle"  # radio off, flip, radio on
    RESET = "reset"  # flip, then the reset command


@dataclass(frozen=True, slots=True)
class Composition:
    """One USB or PCI id and where the AT port is in it.

    `at_interfaces` are USB interface numbers in order of preference; `at_port` is the kind of WWAN
    port ("at") on PCI. `needs_model`: the id is shared with other makers' devices, so the model
    must confirm it.
    """

    id: str
    at_interfaces: tuple[int, ...] = ()
    at_port: str | None = None
    needs_model: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds, commands, quirks.
    Tuples of commands are alternatives: the first that works is kept."""

    name: str
    title: str
    source: str
    compositions: tuple[Composition, ...] = ()
    models: tuple[str, ...] = ()  # beginnings of what +CGMM says, upper case

    # Timing. `boot_time_s`: from the reset to the first OK, until learnt. `drop_s`: how long after
    # the reset command the modem may still answer before it leaves the bus. `silent_s`: how long
    # the port may be silent once it is there. `sim_busy_s`:
    # how long after a boot "no SIM" may only mean "not yet".
    boot_time_s: float = 40.0
    drop_s: float = 15.0
    silent_s: float = 60.0
    sim_busy_s: float = 30.0

    reset: Command[None] = c.RESTART
    radio_off: Command[None] = c.RADIO_OFF
    radio_on: Command[None] = c.RADIO_ON
    sim_reread: SimReread = SimReread.RESET
    setup: tuple[Command[None], ...] = (c.CMEE, *c.LOCATION)
    slot_select: str | None = None  # "AT+GTDUALSIM={slot}"

    signal: tuple[Command[Radio], ...] = (c.CESQ, c.CSQ)
    rssi: Command[Radio] | None = c.CSQ  # asked as well where `signal` gave no RSSI
    band: Command[str] | None = None  # asked as well where `signal` gave no band
    registration: tuple[Command[Registration], ...] = (c.CEREG, c.CGREG, c.CREG)
    iccid: tuple[Command[str], ...] = (c.CCID, c.ICCID, c.CCID_READ)
    tries_left: tuple[Command[PinTries], ...] = (c.CPINR,)
    temperature: tuple[Command[float], ...] = ()
    act_tells_en_dc: bool = True  # False: <AcT> 13 only says that the LTE cell could anchor NR
    urcs: frozenset[str] = frozenset()
    extra: tuple[
        Command[object], ...
    ] = ()  # further read-only rows, for `remsim at` and support reports

    def at_interfaces(self, hardware_id: str) -> tuple[int, ...]:
        for composition in self.compositions:
            if composition.id == hardware_id:
                return composition.at_interfaces
        return ()

    def knows(self, hardware_id: str) -> bool:
        return any(composition.id == hardware_id for composition in self.compositions)

    def fits_model(self, model: str) -> bool:
        return bool(self.models) and model.upper().startswith(self.models)

    @property
    def rows(self) -> tuple[Command[object], ...]:
        """Every command of the record, for the table's test and for documentation."""
        optional = (self.rssi, self.band)
        return (
            *(command for command in optional if command is not None),
            *(self.reset, self.radio_off, self.radio_on),
            *(*self.setup, *self.signal, *self.registration, *self.iccid),
            *(*self.tries_left, *self.temperature, *self.extra),
        )


def load_profiles() -> dict[str, Profile]:
    """Every `PROFILE` below `remsim.modem.profiles`, by name."""
    package = importlib.import_module("remsim.modem.profiles")
    found: dict[str, Profile] = {}
    for entry in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        profile = importlib.import_module(entry.name).PROFILE
        if not isinstance(profile, Profile):
            raise TypeError(f"{entry.name}.PROFILE is not a Profile")
        found[profile.name] = profile
    return found


@dataclass(frozen=True, slots=True)
class ProfileTable:
    """All families, and the choice among them."""

    profiles: tuple[Profile, ...]

    @classmethod
    def load(cls) -> ProfileTable:
        return cls(tuple(load_profiles().values()))

    @property
    def generic(self) -> Profile:
        return self.named(GENERIC)

    def named(self, name: str) -> Profile:
        for profile in self.profiles:
            if profile.name == name:
                return profile
        known = ", ".join([AUTO, *sorted(profile.name for profile in self.profiles)])
        raise ConfigError("profile", name, f"one of {known}")

    def by_id(self, hardware_id: str | None) -> Profile:
        """Before the modem was asked; an id that others share is not enough."""
        for profile in self.profiles:
            for composition in profile.compositions:
                if composition.id == hardware_id and not composition.needs_model:
                    return profile
        return self.generic

    def by_model(self, hardware_id: str | None, model: str | None) -> Profile:
        """Once the modem said what it is: its own word first, the id second."""
        if model:
            for profile in self.profiles:
                if profile.fits_model(model):
                    return profile
        return self.by_id(hardware_id)

    def at_interfaces(self, hardware_id: str) -> tuple[int, ...]:
        """Where the AT port of this id is, whoever's profile says so."""
        for profile in self.profiles:
            if profile.knows(hardware_id):
                return profile.at_interfaces(hardware_id)
        return ()

    def is_modem(self, hardware_id: str) -> bool:
        return any(profile.knows(hardware_id) for profile in self.profiles)
