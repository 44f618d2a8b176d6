# SPDX-License-Identifier: GPL-2.0-or-later
"""One field of a modem: its last value, its failure, when to ask again. No I/O; time is passed in.

A field that cannot be read keeps its last value beside the failure and is asked more and more
rarely, so that a command this firmware does not know costs nothing. No field's failure touches
another's.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from remsim.errors import AtError, RemsimError
from remsim.model import Failure, Reading

T = TypeVar("T")

# First pause after a failure and the longest one, seconds; it doubles in between. An hour is often
# enough to notice that a firmware update brought the command.
RETRY_S, RETRY_MAX_S = 10.0, 3600.0


def failure_of(
    error: RemsimError, now: float, attempt: int = 1, next_retry_at: float | None = None
) -> Failure:
    """The failure context of an exception."""
    code = error.code
    if isinstance(error, AtError):
        code = error.kind if error.number is None else f"{error.kind} {error.number}"
    return Failure(attempt, code, error.reason, error.code, now, next_retry_at)


class Field(Generic[T]):
    """`retry_max_s` bounds the pause between attempts of fields that matter."""

    def __init__(self, name: str, retry_max_s: float = RETRY_MAX_S) -> None:
        self.name = name
        self.reading: Reading[T] = Reading()
        self._retry_max_s = retry_max_s
        self._attempt = 0
        self._next_at = 0.0

    @property
    def value(self) -> T | None:
        return self.reading.value

    @property
    def is_fresh(self) -> bool:
        """Read without failure since it was last forgotten."""
        return self.reading.read_at is not None and self.reading.failure is None

    def is_due(self, now: float) -> bool:
        return now >= self._next_at

    def took(self, value: T | None, now: float, again_in_s: float = 0.0) -> None:
        """Read; a value of None means that the modem itself does not know."""
        self.reading = Reading(value, None, now)
        self._attempt = 0
        self._next_at = now + again_in_s

    def missed(self, error: RemsimError, now: float) -> None:
        self._attempt += 1
        pause_s = min(self._retry_max_s, RETRY_S * 2.0 ** min(self._attempt - 1, 20))
        self._next_at = now + pause_s
        failure = failure_of(error, now, self._attempt, self._next_at)
        self.reading = Reading(self.reading.value, failure, self.reading.read_at)

    def forget(self) -> None:
        """A restart or another SIM: nothing is known any more."""
        self.reading = Reading()
        self._attempt = 0
        self._next_at = 0.0

    def ask_soon(self) -> None:
        """Keep the value, but ask at the next occasion."""
        if self.reading.failure is None:
            self._next_at = 0.0
