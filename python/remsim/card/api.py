# SPDX-License-Identifier: GPL-2.0-or-later
"""What every card front-end offers the client, and what it may tell it. No behaviour.

A front-end shows the bank's card to somebody: a modem's SIM slot, PC/SC programs, a script. It
knows nothing of RSPRO. Constructors store; `open()` opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from remsim.rspro.messages import SlotPhysStatus


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the front-end can show a card now, and if not, why (one sentence, no final dot)."""

    is_there: bool
    why_not: str = ""


class CardUser(Protocol):
    """The other direction: what the modem, reader or script did."""

    def command(self, command: bytes) -> bool:
        """A TPDU: CLA INS P1 P2 P3 and, for commands with data, the P3 octets. False: it was
        dropped and will never be answered.
        """

    def line_changed(self, status: SlotPhysStatus) -> None:
        """Reset or power changed."""

    def front_end_ended(self, reason: str) -> None:
        """Nobody is there any more (end of input, board unplugged): the client is to end."""


class FrontEnd(Protocol):
    """`answer()` is called once for each command taken, unless the card is removed or reset."""

    name: str

    @property
    def presence(self) -> Presence: ...

    def open(self, user: CardUser) -> None:
        """Start to listen. DeviceError if that is impossible for good."""

    def close(self) -> None:
        """Let go of everything; a card that is shown disappears."""

    def present(self, atr: bytes) -> None:
        """Select the remote SIM and insert the card."""

    def remove(self) -> None:
        """Remove the card and select the local SIM."""

    def set_atr(self, atr: bytes) -> None:
        """For the next reset."""

    def answer(self, response: bytes) -> None:
        """Data and status word of the command that waits."""

    def reset_modem(self) -> bool:
        """Have the modem read the card anew. False: somebody else has to do it."""
