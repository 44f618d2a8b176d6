# SPDX-License-Identifier: GPL-2.0-or-later
"""What the session asks of its shell. Frozen, no behaviour.

Each `Send` is exactly one frame and must become exactly one write: the bank does not reassemble.
Actions are to be carried out in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from remsim.rspro.messages import BankSlot, ClientSlot


class LinkName(Enum):
    SERVER = "server"
    BANK = "bank"


class Cause(Enum):
    """Why the shell is told something. The value is the word in logs, status and ubus events."""

    SERVER_CONNECTED = "server_connected"
    SERVER_LOST = "server_lost"
    SERVER_REFUSED = "server_refused"
    BANK_ASSIGNED = "bank_assigned"
    BANK_WITHDRAWN = "bank_withdrawn"
    BANK_CONNECTED = "bank_connected"
    BANK_LOST = "bank_lost"
    BANK_REFUSED = "bank_refused"
    CLIENT_RENAMED = "client_renamed"
    ATR_MISSING = "atr_missing"
    CARD_PRESENTED = "card_presented"
    CARD_REMOVED = "card_removed"
    CARD_RESTORED = "card_restored"
    CARD_NOT_RESTORED = "card_not_restored"
    COMMAND_LOST = "command_lost"
    CACHE_DROPPED = "cache_dropped"
    SLOT_HELD = "slot_held"
    SLOT_RELEASED = "slot_released"
    NONSENSE = "nonsense"


@dataclass(frozen=True, slots=True)
class Connect:
    """Open TCP with no-delay; answer with `connected()` or `closed()`."""

    link: LinkName
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Send:
    link: LinkName
    frame: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close without further events of that connection."""

    link: LinkName


@dataclass(frozen=True, slots=True)
class PresentCard:
    """Select the remote SIM, set this ATR, insert the card."""

    atr: bytes


@dataclass(frozen=True, slots=True)
class RemoveCard:
    """Remove the card, select the local SIM."""


@dataclass(frozen=True, slots=True)
class ResetModem:
    """The modem holds a state that no longer fits the card: have it read the card anew, once."""


@dataclass(frozen=True, slots=True)
class SetAtr:
    """Use this ATR at the next reset of the modem; nothing is sent to the modem by itself."""

    atr: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Response data and status word for the command that the modem is waiting for."""

    response: bytes


@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    """The bank holds the card for a dead connection of ours: have the server make the mapping anew;
    answer with `slot_released()`.
    """

    bank: BankSlot
    client: ClientSlot


@dataclass(frozen=True, slots=True)
class Tell:
    cause: Cause
    text: str


Action = (
    Connect
    | Send
    | Close
    | PresentCard
    | RemoveCard
    | ResetModem
    | SetAtr
    | Answer
    | ReleaseSlot
    | Tell
)
