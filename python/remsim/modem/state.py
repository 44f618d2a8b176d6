# SPDX-License-Identifier: GPL-2.0-or-later
"""How a modem is, from what was seen of it. Pure: a few facts in, one state out.

Source: 3GPP TS 27.007 section 9.2.1 (errors of the SIM) and 7.2 (registration).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from remsim.errors import AtError
from remsim.model import ModemState, Registration

# How long a modem that answered before may be silent before it counts as hung, seconds: longer than
# the slowest answer of a living one (AT+CFUN, 15 s),
# short enough to be noticed before the bank's grace is half over.
HUNG_AFTER_S = 30.0


class Sim(Enum):
    """What is known of the SIM. BUSY is "not yet", never an error."""

    UNKNOWN = "unknown"
    READY = "ready"
    BUSY = "busy"
    ABSENT = "absent"
    PIN = "pin"
    FAULTY = "faulty"


# CME numbers that say how the SIM is, as words; everything else is an error of the question.
SIM_ERRORS = {
    5: "PH-SIM PIN",
    10: "not inserted",
    11: "SIM PIN",
    12: "SIM PUK",
    13: "failure",
    14: "busy",
    15: "wrong",
    17: "SIM PIN2",
    18: "SIM PUK2",
}
_BUSY, _NOT_INSERTED = "busy", "not inserted"


def sim_word(error: AtError, *, is_early: bool) -> str | None:
    """What an error of +CPIN? says about the SIM; None if it says nothing.

    `is_early`: so soon after a boot, a radio cycle or a SIM switch, "not inserted" may mean "not
    yet".
    """
    word = (
        SIM_ERRORS.get(error.number) if error.kind == "CME" and error.number is not None else None
    )
    if word is None and error.kind == "CMS" and error.number in (310, 314):
        word = _NOT_INSERTED if error.number == 310 else _BUSY
    return _BUSY if word == _NOT_INSERTED and is_early else word


def sim_of(word: str | None) -> Sim:
    if word is None:
        return Sim.UNKNOWN
    known = {
        "READY": Sim.READY,
        "BUSY": Sim.BUSY,
        "NOT INSERTED": Sim.ABSENT,
        "NOT READY": Sim.BUSY,
    }
    if word.upper() in known:
        return known[word.upper()]
    if word.upper().endswith(("PIN2", "PUK2")):
        return Sim.READY  # PIN2 guards dialling lists, not the network
    return Sim.PIN if word.upper().endswith(("PIN", "PUK")) else Sim.FAULTY


@dataclass(frozen=True, slots=True)
class Seen:
    """The facts. `is_ours` False:
    the port belongs to another program, or the modem is another one."""

    is_present: bool
    is_ours: bool = True
    answers: bool = False
    silent_s: float = 0.0  # since the last answer, or since the port appeared
    is_restarting: bool = False  # a restart was ordered or seen and is not over
    may_be_silent: bool = False  # inside the time this model may take after its port appeared
    sim: Sim = Sim.UNKNOWN
    registration: Registration | None = None
    roaming_allowed: bool = True
    has_context: bool = False

    @property
    def roams_in_vain(self) -> bool:
        registration = self.registration
        return registration is not None and registration.is_roaming and not self.roaming_allowed


def decide(seen: Seen, before: ModemState) -> ModemState:
    """The state; `before` stays while a silence is too short to mean anything."""
    if not seen.is_ours:
        return ModemState.FAILED
    if seen.is_restarting:
        return ModemState.BOOTING
    if not seen.is_present:
        return ModemState.ABSENT
    if not seen.answers:
        return _silent(seen, before)
    if seen.sim is Sim.ABSENT or seen.sim is Sim.FAULTY:
        return ModemState.NO_SIM
    if seen.sim is Sim.PIN:
        return ModemState.PIN_NEEDED
    if seen.roams_in_vain:
        return ModemState.SEARCHING
    if seen.registration is not None and seen.registration.is_registered:
        return ModemState.CONNECTED if seen.has_context else ModemState.REGISTERED
    return ModemState.SEARCHING


def _silent(seen: Seen, before: ModemState) -> ModemState:
    if seen.may_be_silent:
        return ModemState.BOOTING
    if seen.silent_s >= HUNG_AFTER_S:
        return ModemState.FAILED
    return before if before is not ModemState.ABSENT else ModemState.BOOTING


# The more telling the earlier: registered, denied,
# searching, emergency only, not searching, unknown.
_TELLING = (1, 5, 6, 7, 9, 10, 3, 2, 8, 0, 4)


def most_telling(found: Iterable[Registration]) -> Registration | None:
    """One registration out of several domains' (LTE, 5G, GPRS): any that is registered wins."""
    return min(found, key=lambda r: _TELLING.index(r.stat), default=None)
