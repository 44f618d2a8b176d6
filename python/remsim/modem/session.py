# SPDX-License-Identifier: GPL-2.0-or-later
"""One command at a time over an open port: the dialogue's events turned into values and exceptions.

Must never wait longer than the deadline it was given, and never retry by itself: the caller
decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol, TypeVar

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, BusyError, DeviceError, DeviceTimeout
from remsim.modem.at import (
    ANYTHING,
    Answered,
    AtDialogue,
    AtEvent,
    Dropped,
    DropReason,
    Final,
    InStep,
    Prompted,
    Request,
    TimedOut,
    Unsolicited,
)
from remsim.modem.commands import Command, masked

T = TypeVar("T")

# How long a living modem may take to answer the marker, seconds. FM350 answers AT+CFUN=4 within 0.1
# s; a modem that is busy with its SIM has been seen to take 3 s for a bare AT.
STEP_TIMEOUT_S = 4.0

# Longest single wait for bytes, seconds: so soon does a request notice that it was called off.
SLICE_S = 0.5


class Port(Protocol):
    """An open port. Every method may raise DeviceGone; none takes longer than asked."""

    device: str

    def read(self, timeout_s: float) -> bytes:
        """What came within `timeout_s`, at least one byte if any came; empty when none did."""
        ...

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of it, or DeviceTimeout."""
        ...

    def close(self) -> None: ...


class AtSession:
    """An open port with its dialogue. `on_unsolicited` gets each unsolicited line."""

    def __init__(
        self,
        port: Port,
        clock: Clock,
        urcs: frozenset[str] = frozenset(),
        *,
        is_cancelled: Callable[[], bool] = lambda: False,
        on_unsolicited: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.port = port
        self.dropped: Counter[DropReason] = Counter()
        self._clock = clock
        self._dialogue = AtDialogue(urcs)
        self._is_cancelled = is_cancelled
        self._on_unsolicited = on_unsolicited

    @property
    def is_in_step(self) -> bool:
        return self._dialogue.is_in_step

    def get_in_step(self, deadline: Deadline) -> None:
        """Until the modem answers and owes nothing. DeviceTimeout if it is silent."""
        timeout_s = min(STEP_TIMEOUT_S, deadline.left_s)
        self._dialogue.get_in_step(self._clock.monotonic(), timeout_s)
        while True:
            for event in self._turn():
                if isinstance(event, InStep):
                    return
                if isinstance(event, TimedOut):
                    raise DeviceTimeout(self.port.device, f"no answer to AT within {timeout_s:g} s")

    def ask(self, command: Command[T], deadline: Deadline) -> T:
        """The command's value. AtError for a refusal, AtNonsense, DeviceTimeout, DeviceGone."""
        answer = self._exchange(command.request, command.timeout_s, deadline)
        return command.parse(answer.lines)

    def ask_typed(self, text: str, timeout_s: float, deadline: Deadline) -> tuple[str, ...]:
        """A command from a person: every line of its answer.
        The dialogue trusts nothing afterwards."""
        try:
            request = Request(text, ANYTHING, masked(text))
            return self._exchange(request, timeout_s, deadline).lines
        finally:
            self._dialogue.fall_out_of_step()

    def _exchange(self, request: Request, timeout_s: float, deadline: Deadline) -> Answered:
        if not self.is_in_step:
            self.get_in_step(deadline)
        timeout_s = min(timeout_s, deadline.left_s)
        self._dialogue.begin(request, self._clock.monotonic(), timeout_s)
        while True:
            for event in self._turn():
                if isinstance(event, Answered):
                    return _checked(event)
                if isinstance(event, TimedOut):
                    reason = f"no answer to {request.title} within {timeout_s:g} s"
                    raise DeviceTimeout(self.port.device, reason)

    def _turn(self) -> list[AtEvent]:
        """Send what is to be sent, wait for bytes or the next deadline, note what came unasked."""
        if self._is_cancelled():
            self._dialogue.fall_out_of_step()
            raise BusyError("called off")
        try:
            data = self._pass_bytes()
        except DeviceError:
            self._dialogue.fall_out_of_step()
            raise
        now = self._clock.monotonic()
        events = self._dialogue.receive(data, now) if data else self._dialogue.tick(now)
        for event in events:
            self._note(event)
        return events

    def _pass_bytes(self) -> bytes:
        tick_at, now = self._dialogue.next_tick_at, self._clock.monotonic()
        wait_s = SLICE_S if tick_at is None else max(0.0, min(SLICE_S, tick_at - now))
        if output := self._dialogue.take_output():
            self.port.write(output, SLICE_S)
        return self.port.read(wait_s)

    def _note(self, event: AtEvent) -> None:
        if isinstance(event, Unsolicited):
            self._on_unsolicited(event.line)
        elif isinstance(event, Dropped):
            self.dropped[event.reason] += 1
        elif isinstance(event, Prompted):
            self._on_unsolicited("> ")


def _checked(answer: Answered) -> Answered:
    if answer.final is not Final.OK:
        raise AtError(answer.request.title, answer.final.value, answer.number, answer.text)
    return answer
