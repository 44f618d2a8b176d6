# SPDX-License-Identifier: GPL-2.0-or-later
"""The session's states, events and transition table: card and bank seen together. Pure data.

The table is all there is: `remsim.rspro.session` carries out the actions it names, in order, and a
pair that is not listed changes nothing. The diagram in docs/rspro.md is drawn from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class State(Enum):
    """The value is the word in status and ubus events."""

    NO_BANK = "no_bank"  # no bank named, no card presented
    JOINING = "joining"  # connecting to the bank, no card presented
    AWAITING_ATR = "awaiting_atr"  # bank connected, its ATR not yet there
    SERVING = "serving"
    HOLDING = "holding"  # card presented, bank away: commands wait
    RETURNED = "returned"  # bank back, its ATR not yet there
    RESTORING = "restoring"  # the card's state is being replayed
    MOVING = "moving"  # mapping withdrawn a moment ago; another one usually follows


class Event(Enum):
    ASSIGNED = "assigned"
    WITHDRAWN = "withdrawn"
    BANK_UP = "bank_up"
    BANK_LOST = "bank_lost"
    ATR = "atr"
    ATR_LATE = "atr_late"
    SAME_CARD = "same_card"
    OTHER_CARD = "other_card"
    RESTORED = "restored"
    NOT_RESTORED = "not_restored"
    MISLED = "misled"  # the cache gave answers that are out of date
    OVER = "over"  # the time that this state may last


_S, _E = State, Event
_SWAP = ("remove", "present", "reset_modem")

TABLE: Mapping[tuple[State, Event], tuple[State, tuple[str, ...]]] = MappingProxyType(
    {
        (_S.NO_BANK, _E.ASSIGNED): (_S.JOINING, ("open_bank",)),
        (_S.JOINING, _E.ASSIGNED): (_S.JOINING, ("open_bank",)),
        (_S.JOINING, _E.WITHDRAWN): (_S.NO_BANK, ("shut_bank",)),
        (_S.JOINING, _E.BANK_UP): (_S.AWAITING_ATR, ("await_atr",)),
        (_S.AWAITING_ATR, _E.ASSIGNED): (_S.JOINING, ("open_bank",)),
        (_S.AWAITING_ATR, _E.WITHDRAWN): (_S.NO_BANK, ("shut_bank",)),
        (_S.AWAITING_ATR, _E.BANK_LOST): (_S.JOINING, ()),
        (_S.AWAITING_ATR, _E.ATR): (_S.SERVING, ("present", "reset_modem")),
        (_S.AWAITING_ATR, _E.ATR_LATE): (_S.JOINING, ("open_bank",)),
        (_S.SERVING, _E.ASSIGNED): (_S.HOLDING, ("hold", "open_bank")),
        (_S.SERVING, _E.WITHDRAWN): (_S.MOVING, ("hold", "await_move", "shut_bank")),
        (_S.SERVING, _E.BANK_LOST): (_S.HOLDING, ("hold",)),
        (_S.SERVING, _E.MISLED): (_S.SERVING, ("reset_card", *_SWAP)),
        (_S.HOLDING, _E.ASSIGNED): (_S.HOLDING, ("open_bank",)),
        (_S.HOLDING, _E.WITHDRAWN): (_S.MOVING, ("await_move", "shut_bank")),
        (_S.HOLDING, _E.BANK_UP): (_S.RETURNED, ("await_atr",)),
        (_S.HOLDING, _E.OVER): (_S.JOINING, ("remove", "reset_modem")),
        (_S.RETURNED, _E.ASSIGNED): (_S.HOLDING, ("open_bank",)),
        (_S.RETURNED, _E.WITHDRAWN): (_S.MOVING, ("await_move", "shut_bank")),
        (_S.RETURNED, _E.BANK_LOST): (_S.HOLDING, ()),
        (_S.RETURNED, _E.ATR_LATE): (_S.HOLDING, ("open_bank",)),
        (_S.RETURNED, _E.SAME_CARD): (_S.RESTORING, ("restore",)),
        (_S.RETURNED, _E.OTHER_CARD): (_S.SERVING, _SWAP),
        (_S.RETURNED, _E.OVER): (_S.AWAITING_ATR, ("remove", "await_atr")),
        (_S.RESTORING, _E.ASSIGNED): (_S.HOLDING, ("hold", "open_bank")),
        (_S.RESTORING, _E.WITHDRAWN): (_S.MOVING, ("hold", "await_move", "shut_bank")),
        (_S.RESTORING, _E.BANK_LOST): (_S.HOLDING, ("hold",)),
        (_S.RESTORING, _E.RESTORED): (_S.SERVING, ("resume",)),
        (_S.RESTORING, _E.NOT_RESTORED): (_S.SERVING, ("reset_card", *_SWAP)),
        (_S.RESTORING, _E.OVER): (_S.SERVING, ("reset_card", *_SWAP)),
        (_S.MOVING, _E.ASSIGNED): (_S.HOLDING, ("hold", "open_bank")),
        (_S.MOVING, _E.OVER): (_S.NO_BANK, ("remove", "reset_modem")),
    }
)
CARD_STATES = (_S.SERVING, _S.HOLDING, _S.RETURNED, _S.RESTORING, _S.MOVING)
"""States in which the modem has a card."""
HELD_STATES = (_S.HOLDING, _S.RETURNED, _S.RESTORING)
"""States that share one `bank_hold_s`, so that a flapping bank does not prolong it."""
