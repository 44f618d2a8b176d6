# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of several hosts is asked next. Pure: the caller says what time it is.

The configured order is the order of preference. A host that failed rests, twice as long after each
failure, and is asked before its rest is over only if all others failed too.
"""

from __future__ import annotations

from dataclasses import dataclass

from remsim.orchestrator.api import Target

REST_FIRST_S = 30.0  # half a usual interval: the next beat already goes to the second host
REST_MAX_S = 900.0  # a repaired first host is noticed within a quarter of an hour


@dataclass(frozen=True, slots=True)
class _Rest:
    failures: int
    until: float


class HostOrder:
    """The state of one link's view of the hosts."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self._targets = targets
        self._rests: dict[Target, _Rest] = {}

    def at(self, now: float) -> tuple[Target, ...]:
        """All of them: rested ones as configured, then the others, soonest rested first."""
        resting = [target for target in self._targets if self._rested_at(target) > now]
        ready = tuple(target for target in self._targets if target not in resting)
        return ready + tuple(sorted(resting, key=self._rested_at))

    def ready(self, now: float) -> int:
        """How many of `at(now)` are rested; those share the time, the others get what is left."""
        return sum(self._rested_at(target) <= now for target in self._targets)

    def failed(self, target: Target, now: float) -> None:
        failures = self._rests[target].failures + 1 if target in self._rests else 1
        rest_s = min(REST_FIRST_S * 2 ** min(failures - 1, 16), REST_MAX_S)
        self._rests[target] = _Rest(failures, now + rest_s)

    def answered(self, target: Target) -> None:
        self._rests.pop(target, None)

    def _rested_at(self, target: Target) -> float:
        rest = self._rests.get(target)
        return rest.until if rest is not None else 0.0
