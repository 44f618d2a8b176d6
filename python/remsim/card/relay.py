# SPDX-License-Identifier: GPL-2.0-or-later
"""Carries the modem's commands to the bank, one at a time, over losses of the bank. Pure.

While the bank is away commands wait, at most MAX_WAITING. When it is back on the same card, the
card's state is replayed first (`remsim.card.selection`), then the command that was under way is
repeated if that is harmless, else answered with 6F00: whether it reached the card cannot be known.
An answer always belongs to the oldest command sent; an answer to a command that the modem has given
up by a reset is swallowed, never handed to the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from remsim.card.apdu import MAX_RESPONSE, TECHNICAL_PROBLEM, is_safe_to_repeat
from remsim.card.selection import Selection, Step

MAX_WAITING = 64  # a modem has one command at a time; scripts on the shell front-end may have more


@dataclass(slots=True)
class RelayCounters:
    commands: int = 0  # that the modem got an answer to
    repeated: int = 0  # sent again after a loss of the bank
    lost: int = 0  # answered with 6F00, because repeating might do harm
    dropped: int = 0  # by a reset, a removed card, or no room to wait
    replayed: int = 0  # commands of ours that restored the card's state
    unexpected: int = 0  # answers that nobody waited for
    nonsense: int = 0  # answers without a status word, or longer than any


class Relay:
    """`to_bank` and `to_modem` carry octets out; `restored(bool)` ends a `restore()`; `took()` gets
    the round trip of each command in seconds.
    """

    def __init__(
        self,
        to_bank: Callable[[bytes], None],
        to_modem: Callable[[bytes], None],
        restored: Callable[[bool], None],
        took: Callable[[float], None],
    ) -> None:
        self.selection = Selection()
        self.counters = RelayCounters()
        self._to_bank = to_bank
        self._to_modem = to_modem
        self._restored = restored
        self._took = took
        self._waiting: deque[bytes] = deque()
        self._running: bytes | None = None  # sent, not answered
        self._sent_at = 0.0
        self._is_abandoned = False  # the modem no longer waits for the running command
        self._interrupted: bytes | None = None  # was running when the bank went away
        self._plan: deque[Step] | None = None
        self._is_open = False  # the modem's commands may go to the bank

    @property
    def running_since(self) -> float | None:
        """When the command that the bank still owes an answer to was sent."""
        return None if self._running is None else self._sent_at

    @property
    def waiting(self) -> int:
        return len(self._waiting) + (self._interrupted is not None)

    # --- the modem --------------------------------------------------------------------------------

    def command(self, command: bytes, now: float) -> None:
        """From the modem: goes to the bank now or later."""
        if self._is_open and self._running is None:
            self._send(command, now)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(command)
        else:
            self.counters.dropped += 1

    def card_reset(self) -> None:
        """By the modem: it waits for nothing any more and has selected nothing."""
        is_restoring, self._plan = self._plan is not None, None
        self._drop_everything()
        self.selection.forget()
        if is_restoring:
            self._restored(True)

    # --- the bank ---------------------------------------------------------------------------------

    def answer(self, response: bytes, now: float) -> None:
        """From the bank, for the command that is running."""
        if self._running is None:
            self.counters.unexpected += 1
            return
        command, self._running = self._running, None
        if not 2 <= len(response) <= MAX_RESPONSE:
            self.counters.nonsense += 1
            response = TECHNICAL_PROBLEM
        if self._is_abandoned:
            self._is_abandoned = False
        elif self._plan is not None:
            self._next_step(response, now)
            return
        else:
            self._deliver(command, response, now)
        self._continue(now)

    def close(self) -> None:
        """The bank is away: what is running will never be answered."""
        self._is_open = False
        if self._running is not None and self._plan is None and not self._is_abandoned:
            self._interrupted = self._running
        self._running = None
        self._is_abandoned = False
        self._plan = None

    def open(self, now: float) -> None:
        """The bank is there with the card in the state that the modem knows."""
        self._is_open = True
        self._settle_interrupted(now)
        self._continue(now)

    def restore(self, now: float) -> None:
        """The bank is back with the same card, reset: bring it where the modem left it.
        `restored()` tells the end, possibly before this returns.
        """
        steps = self.selection.plan(self._interrupted)
        if steps is None:
            self._restored(False)
            return
        self._plan = deque(steps)
        self._run_plan(now)

    def start_anew(self) -> None:
        """Another card, or none: nothing of the old one counts."""
        self._plan = None
        self._drop_everything()
        self.selection.forget()

    # --- inside -----------------------------------------------------------------------------------

    def _send(self, command: bytes, now: float) -> None:
        self._running = command
        self._sent_at = now
        self._to_bank(command)

    def _deliver(self, command: bytes, response: bytes, now: float) -> None:
        self.counters.commands += 1
        self._took(now - self._sent_at)
        self.selection.note(command, response)
        self._to_modem(response)

    def _continue(self, now: float) -> None:
        if self._is_open and self._waiting and self._running is None:
            self._send(self._waiting.popleft(), now)

    def _settle_interrupted(self, now: float) -> None:
        command, self._interrupted = self._interrupted, None
        if command is None:
            return
        if is_safe_to_repeat(command):
            self.counters.repeated += 1
            self._send(command, now)
        else:
            self.counters.lost += 1
            self._to_modem(TECHNICAL_PROBLEM)

    def _run_plan(self, now: float) -> None:
        if not self._plan:
            self._plan = None
            self._restored(True)
            return
        self.counters.replayed += 1
        self._send(self._plan[0].command, now)

    def _next_step(self, response: bytes, now: float) -> None:
        if self._plan is None or not self._plan.popleft().fits(response):
            self._plan = None
            self._restored(False)
        else:
            self._run_plan(now)

    def _drop_everything(self) -> None:
        """The answer to a command that is still under way will be swallowed."""
        self.counters.dropped += len(self._waiting) + (self._interrupted is not None)
        self._waiting.clear()
        self._interrupted = None
        if self._running is not None and not self._is_abandoned:
            self._is_abandoned = True
            self.counters.dropped += 1
