# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong with a simulated modem, and what cures it."""

from __future__ import annotations

from dataclasses import dataclass

# The cures, mildest first; a stronger one cures what a milder one does.
CURES = ("radio", "at_reset", "reset_line", "bus", "power")

# Fault -> the mildest cure, None = only `restore()`.
FAULTS: dict[str, str | None] = {
    "signal": None,  # no network there
    "denied": None,  # the network refuses this subscription
    "roaming": None,  # only another operator's network is there
    "no_sim": None,  # the card is out
    "pin": None,  # the card asks for its PIN
    "sim_busy": None,  # the card never becomes ready
    "hang": "reset_line",  # answers nothing, carries nothing
    "vanish": "power",  # leaves USB and stays away
    "garbage": None,  # noise between and inside of lines
    "half_lines": None,  # every third answer is cut off
    "slow": None,  # answers come 6 s late
    "no_boot": "power",  # does not come back from the next restart
}

LATE_S = 6.0


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    cure: str | None

    @classmethod
    def of(cls, kind: str, cure: str | None = None) -> Fault:
        """`cure` overrides the usual one; "never" means that only `restore()` helps."""
        if kind not in FAULTS:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(FAULTS)}")
        chosen = cure or FAULTS[kind]
        if chosen is not None and chosen != "never" and chosen not in CURES:
            raise ValueError(f"no cure {chosen!r}; there are never, {', '.join(CURES)}")
        return cls(kind, None if chosen == "never" else chosen)

    def is_cured_by(self, step: str) -> bool:
        return self.cure is not None and CURES.index(step) >= CURES.index(self.cure)
