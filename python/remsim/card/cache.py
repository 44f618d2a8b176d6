# SPDX-License-Identifier: GPL-2.0-or-later
"""The APDU cache: answers a modem's SELECTs and reads of files that practically never change. Pure.

Off unless configured. It remembers what the card itself said, per card (ATR and ICCID), for SELECT,
GET RESPONSE after it, READ BINARY and READ RECORD of the files in `cache_files`. STATUS always goes
to the card: it polls for proactive commands. So does everything else, after the card was brought
to where the modem believes it is (`cache_view`). What makes it forget: `cache_touch`. What was kept
from an earlier session is compared with the card once the modem is quiet; a difference drops all of
it, and the modem reads the card anew if it was misled. docs/rspro.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from remsim.card.apdu import MAX_RESPONSE, TECHNICAL_PROBLEM, Ins
from remsim.card.cache_check import Checker, Talk, take_identity
from remsim.card.cache_knowledge import Knowledge, Shelf
from remsim.card.cache_touch import touch_of
from remsim.card.cache_view import CardView, OutOfReach, Step

_MAY_GO_AHEAD = frozenset({Ins.SELECT, Ins.READ_BINARY, Ins.READ_RECORD, Ins.STATUS})
"""Harmless even if the step in front of it fails: so it travels together with its steps."""
IDLE_S = 5.0  # without a command; modems poll every 20 to 30 s
PATIENCE_S = 300.0  # a modem that is never quiet for so long is made to wait for comparisons


@dataclass(slots=True)
class CacheCounters:
    served: int = 0  # answers from memory
    missed: int = 0  # commands that went to the card because memory did not have the answer
    asked: int = 0  # commands of the modem that went to the card, those included
    moves: int = 0  # commands of ours that brought the card where the modem believed it was
    checks: int = 0  # commands of ours that looked whether memory is right
    wrong: int = 0  # times that it was not


class CardCache:
    """A `remsim.card.layer.CardLayer`. A dialogue that serves the modem ends with its answer, one
    of the cache's own with None.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.counters = CacheCounters()
        self.view = CardView()
        self.knowledge = Knowledge(shelf, self.view)
        self._checker: Checker | None = None
        self._wants_identity = False
        self._talk: Talk[bytes | None] | None = None
        self._in_flight = 0  # commands whose answers are due
        self._arrived: list[bytes] = []
        self._is_outdated = False  # what is in flight belongs to before a reset
        self._owes = False  # the relay waits for an answer
        self._is_abandoned = False  # but to a command of before a reset
        self._waiting: bytes | None = None
        self._due_at: float | None = None
        self._overdue_at: float | None = None  # there is work since PATIENCE_S before

    def bind(
        self,
        to_bank: Callable[[bytes], None],
        to_relay: Callable[[bytes, float], None],
        distrusted: Callable[[str, bool], None],
    ) -> None:
        self._to_bank = to_bank
        self._to_relay = to_relay
        self._distrusted = distrusted

    @property
    def deadline(self) -> float | None:
        return self._due_at

    def status(self) -> dict[str, Any]:
        """`entries` answers are known, `verified` ones of them the card itself gave since it was
        presented; `passed` commands are none of the cache's business.
        """
        memory, counters = self.knowledge.memory, self.counters
        return {
            "identified": self.knowledge.is_identified,
            "entries": 0 if memory is None else memory.size,
            "verified": 0 if memory is None else memory.verified,
            "hits": counters.served,
            "misses": counters.missed,
            "passed": counters.asked - counters.missed,
            "moves": counters.moves,
            "checks": counters.checks,
            "wrong": counters.wrong,
            "dropped": self.knowledge.dropped,
        }

    # --- the card's life --------------------------------------------------------------------------

    def begin(self, atr: bytes) -> None:
        self.card_reset()
        self._wants_identity = self.knowledge.begin(atr)

    def end(self) -> None:
        self.card_reset()
        self.knowledge.end()
        self._wants_identity = False

    def close(self) -> None:
        self.card_reset()
        self.knowledge.lose()
        self._in_flight = 0
        self._is_outdated = self._is_abandoned = self._owes = False

    def card_reset(self) -> None:
        self.knowledge.reset()
        self.view.reset()
        self._talk = self._waiting = self._due_at = None
        self._arrived.clear()
        self._is_outdated = self._in_flight > 0
        self._is_abandoned = self._owes

    # --- dialogue ---------------------------------------------------------------------------------

    def command(self, command: bytes, now: float) -> None:
        self._owes = True
        self._due_at = None
        if self._in_flight:
            self._waiting = command
        else:
            self._begin(self._serve(command), now)

    def answer(self, response: bytes, now: float) -> None:
        if not self._in_flight:
            self._to_relay(response, now)
            return
        self._in_flight -= 1
        self._arrived.append(response)
        if self._in_flight:
            return
        answers, self._arrived = tuple(self._arrived), []
        if self._is_outdated:
            self._is_outdated = False
            self._go_on(now)
        else:
            self._advance(answers, now)

    def tick(self, now: float) -> None:
        if self._due_at is None or now < self._due_at:
            return
        self._due_at = None
        if not self._in_flight and self._has_work:
            self._begin(self._work(), now)

    def _begin(self, talk: Talk[bytes | None], now: float) -> None:
        self._talk = talk
        self._advance(None, now)

    def _advance(self, answers: tuple[bytes, ...] | None, now: float) -> None:
        if self._talk is None:
            return
        try:
            commands = next(self._talk) if answers is None else self._talk.send(answers)
        except StopIteration as end:
            self._talk = None
            self._finish(end.value, now)
            return
        self._in_flight = len(commands)
        for command in commands:
            self._to_bank(command)

    def _finish(self, answer: bytes | None, now: float) -> None:
        if answer is not None:
            self._owes = False
        self._tell_verdict()
        if answer is not None:
            self._to_relay(answer, now)
        else:
            self._go_on(now)
        if self._talk is None:
            self._plan_work(now)

    def _plan_work(self, now: float) -> None:
        """When the modem is quiet, or at last when it is not."""
        if not self._has_work:
            self._overdue_at = None
            return
        if self._overdue_at is None:
            self._overdue_at = now + PATIENCE_S
        self._due_at = max(now, min(now + IDLE_S, self._overdue_at))

    def _tell_verdict(self) -> None:
        verdict, self.knowledge.verdict = self.knowledge.verdict, None
        if verdict is not None:
            self.counters.wrong += 1
            self._distrusted(*verdict)

    def _go_on(self, now: float) -> None:
        """With what came meanwhile."""
        command, self._waiting = self._waiting, None
        if self._is_abandoned:
            self._is_abandoned = self._owes = False
            self._to_relay(TECHNICAL_PROBLEM, now)
        elif command is not None:
            self._begin(self._serve(command), now)

    # --- one command of the modem -----------------------------------------------------------------

    def _serve(self, command: bytes) -> Talk[bytes]:
        if self._wants_identity:
            self._wants_identity = False
            yield from self._identify()
        answer = self.knowledge.remembered(command)
        if answer is None:
            return (yield from self._ask(command))
        self.counters.served += 1
        self.view.told(command, answer)
        return answer

    def _ask(self, command: bytes) -> Talk[bytes]:
        self.counters.asked += 1
        knowledge, touch = self.knowledge, touch_of(command)
        key = knowledge.key_of(command)
        self.counters.missed += key is not None
        try:
            steps = self.view.way(command)
        except OutOfReach:
            knowledge.distrust("the card cannot be brought where the modem believes it is", True)
            return TECHNICAL_PROBLEM
        ahead = (command,) if command[1] in _MAY_GO_AHEAD else ()
        answers = yield from self._way(steps, ahead)
        if answers is None:
            return TECHNICAL_PROBLEM
        self.view.arrived(command)
        knowledge.before(touch, command)
        (response,) = answers or (yield (command,))
        answer = _sound(response)
        knowledge.learn(key, command, answer)
        self.view.exchanged(command, answer)
        knowledge.after(touch, command, answer)
        return response

    def _way(
        self, steps: list[Step], ahead: tuple[bytes, ...] = ()
    ) -> Talk[tuple[bytes, ...] | None]:
        """Answers to what went ahead with the steps; None if a step failed."""
        if not steps:
            return ()
        self.counters.moves += len(steps)
        responses = yield (*(step.command for step in steps), *ahead)
        for step, response in zip(steps, responses, strict=False):
            answer = _sound(response)
            self.view.moved(step.command, answer)
            if not self.knowledge.holds(step, answer):
                return None
        return responses[len(steps) :]

    def _check(self, *commands: bytes) -> Talk[tuple[bytes, ...]]:
        self.counters.checks += len(commands)
        responses = yield commands
        answers = tuple(_sound(response) for response in responses)
        for command, answer in zip(commands, answers, strict=True):
            self.view.moved(command, answer)
        return answers

    # --- our own business -------------------------------------------------------------------------

    def _identify(self) -> Talk[None]:
        identity = yield from take_identity(self._check)
        if identity is not None:
            self.knowledge.identified(identity)

    @property
    def _has_work(self) -> bool:
        memory = self.knowledge.memory
        is_free = self.knowledge.is_identified and not self.view.is_announcing
        if memory is None or not is_free or not self.view.can_leave:
            return False
        return memory.is_changed or memory.is_in_doubt or not self._is_checked

    @property
    def _is_checked(self) -> bool:
        checker = self._checker
        return (
            checker is not None and checker.memory is self.knowledge.memory and checker.is_complete
        )

    def _work(self) -> Talk[None]:
        """While the modem is quiet: prove what is remembered, and keep it."""
        memory = self.knowledge.memory
        if memory is None:
            return
        if not memory.fingerprint:
            yield from self._identify()
        if self._checker is None or self._checker.memory is not self.knowledge.memory:
            self._checker = Checker(self.knowledge.memory or memory, self.view)
        if not self._is_interrupted():
            yield from self._checker.run(
                self._check, self._is_interrupted, self.knowledge.found_wrong
            )
        if self._is_interrupted() or self.knowledge.verdict is not None:
            return
        if (yield from self._way(self.view.way_back())) is not None:
            self.view.returned()
            self.knowledge.keep()

    def _is_interrupted(self) -> bool:
        return self._waiting is not None


def _sound(response: bytes) -> bytes:
    """What else comes from a bank is handed on, but believed as little as this."""
    return response if 2 <= len(response) <= MAX_RESPONSE else TECHNICAL_PROBLEM
