# SPDX-License-Identifier: GPL-2.0-or-later
"""SIM cards of the lab: numbers of the test networks 001/01 and 999/99, which no real card has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

TRIES = 3
PUK_TRIES = 10


@dataclass(slots=True)
class SimCard:
    """`pin` None = no PIN asked for.
    Attempts are the card's own and outlive the modem's restarts."""

    iccid: str
    imsi: str
    pin: str | None = None
    tries: int = TRIES
    puk_tries: int = PUK_TRIES
    is_genuine: bool = True  # the network's challenge was answered rightly

    @property
    def is_blocked(self) -> bool:
        return self.pin is not None and self.tries == 0

    def verify(self, pin: str) -> bool:
        """As a card does it: a wrong PIN costs an attempt, the right one restores them."""
        if self.is_blocked:
            return False
        if pin == self.pin:
            self.tries = TRIES
            return True
        self.tries -= 1
        return False


class CardSlot(Protocol):
    """Contacts behind which a card is played, elsewhere. What the modem has read comes later, by
    `SimulatedCore.card_was_read`.
    """

    def power_on(self) -> None:
        """The modem looks at the contacts."""

    def power_off(self) -> None:
        """It ends, or its contacts are switched away."""


LOCAL_PRIMARY = ("8988211000000000011", "001010000000011")
REMOTE_PRIMARY = ("8988211000000000029", "001010000000029")
LOCAL_IOT = ("8988211000000000037", "001010000000037")
