# SPDX-License-Identifier: GPL-2.0-or-later
"""Round-trip times as a histogram of ever wider classes: constant memory, cheap to add to. Pure."""

from __future__ import annotations

FINEST_S = 20e-6  # width of the narrowest class; below it nothing is told apart
GROWTH = 8  # classes per doubling: a percentile is off by at most 9 %
CLASSES = GROWTH * 24  # up to 5 minutes


class Latency:
    def __init__(self) -> None:
        self.count = 0
        self._classes = [0] * CLASSES

    def add(self, seconds: float) -> None:
        """Class = GROWTH * log2, by the float's own exponent and mantissa: no logarithm needed."""
        self.count += 1
        steps = int(seconds / FINEST_S)
        if steps <= 0:
            self._classes[0] += 1
            return
        doublings = steps.bit_length() - 1
        fraction = (steps * GROWTH >> doublings) - GROWTH
        self._classes[min(doublings * GROWTH + fraction, CLASSES - 1)] += 1

    def percentile(self, percent: float) -> float | None:
        """Seconds, the upper edge of the class; None before the first value."""
        if not self.count:
            return None
        wanted = self.count * percent / 100
        seen = 0
        for position, amount in enumerate(self._classes):
            seen += amount
            if seen >= wanted:
                return _upper_edge_s(position)
        return _upper_edge_s(CLASSES - 1)


def _upper_edge_s(position: int) -> float:
    doublings, fraction = divmod(position, GROWTH)
    return FINEST_S * 2.0**doublings * (1 + (fraction + 1) / GROWTH)
