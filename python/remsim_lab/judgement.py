# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario expects, beside what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from remsim_lab.film import Film
from remsim_lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation and what the captures say about it."""

    is_met: bool
    expected: str
    seen: str

    @property
    def line(self) -> str:
        return f"  {'ok  ' if self.is_met else 'FAIL'}  {self.expected}: {self.seen}"


Script = Callable[[Lab, Film], Iterator[Judgement]]


def tell_nobody(_line: str) -> None:
    """The film tells it."""
