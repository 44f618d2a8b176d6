# SPDX-License-Identifier: GPL-2.0-or-later
"""May the PIN be sent? Pure, and careful: a wrong PIN twice more and the card wants its PUK.

Rules, each from somebody's blocked card: at least two attempts must be left, and known to be; a PIN
that a card rejected is not sent to it again in this boot of the router; a PIN whose outcome is
unknown is sent again only if all attempts are left; where several cards may be in the modem, the
expected ICCID must be configured and seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from remsim.modem.commands import PinTries

MIN_TRIES = 2


class Outcome(Enum):
    SENT = "sent"  # the answer never came
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class PinMemory:
    """What became of the PIN, by card. Survives the daemon, not the router's boot."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def with_outcome(self, card: str, outcome: Outcome) -> PinMemory:
        return replace(self, outcomes={**self.outcomes, card: outcome})


@dataclass(frozen=True, slots=True)
class PinQuestion:
    """`card` is the ICCID, None if it cannot be read while the card is locked.
    `word` is what +CPIN? said."""

    word: str
    pin: str | None
    card: str | None
    expected_card: str | None
    several_cards: bool
    tries: PinTries | None


def is_pin(text: str) -> bool:
    """Source: ETSI TS 102 221 section 9.5.1."""
    return text.isascii() and text.isdecimal() and 4 <= len(text) <= 8


def why_not(question: PinQuestion, memory: PinMemory) -> str | None:
    """Why the PIN must not be sent, as a sentence; None if it may."""
    if question.word != "SIM PIN":
        return f"the SIM asks for {question.word}, which remsim never enters"
    if not question.pin:
        return "the SIM asks for its PIN and none is configured"
    if not is_pin(question.pin):
        return "the configured PIN is not 4 to 8 digits"
    return _wrong_card(question) or _too_risky(question, memory)


def _wrong_card(question: PinQuestion) -> str | None:
    if question.card is None:
        return "the ICCID cannot be read, so the PIN might go to the wrong card"
    if question.expected_card is None:
        if question.several_cards:
            return "two SIMs may be in this modem: set expected_iccid for the one with the PIN"
        return None
    if question.card.rstrip("Ff") != question.expected_card.rstrip("Ff"):
        return f"the PIN belongs to SIM {question.expected_card}, but {question.card} is in"
    return None


def _too_risky(question: PinQuestion, memory: PinMemory) -> str | None:
    tries = question.tries
    if tries is None:
        return "the attempts left cannot be read, so the PIN is not risked"
    if tries.left < MIN_TRIES:
        return f"only {tries.left} PIN attempt(s) left; enter the PIN by hand"
    outcome = memory.outcomes.get(question.card or "")
    if outcome is Outcome.REJECTED:
        return "this SIM rejected the configured PIN; it is not tried again until the PIN changes"
    if outcome is Outcome.SENT and tries.left < (tries.default or 3):
        return "an earlier attempt ended without an answer and an attempt is missing since"
    return None
