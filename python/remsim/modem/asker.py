# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking commands and alternatives of commands, with everything that may go wrong told apart.

A refusal is an answer. A command that goes unanswered is followed by the question whether the modem
answers at all; only its silence then is the modem's trouble (DeviceTimeout), otherwise it is that
command's alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, AtNonsense, DeviceTimeout, RemsimError
from remsim.modem import commands as c
from remsim.modem.attach import Attachment
from remsim.modem.commands import Command
from remsim.modem.readings import Field
from remsim.modem.session import AtSession
from remsim.modem.state import sim_word

T = TypeVar("T")

log = logging.getLogger("remsim.modem.at")


class Asker:
    """`on_answer` is called for every answer, a refusal too: it proves that the modem lives."""

    def __init__(self, attachment: Attachment, clock: Clock, on_answer: Callable[[], None]) -> None:
        self._attachment = attachment
        self._clock = clock
        self._on_answer = on_answer
        self._unsupported: set[str] = set()
        self._preferred: dict[str, str] = {}

    @property
    def session(self) -> AtSession:
        return self._attachment.open()

    def start_over(self) -> None:
        """Another boot, another firmware perhaps: try everything again."""
        self._unsupported.clear()

    def get_in_step(self, deadline: Deadline) -> None:
        """DeviceTimeout if the modem is silent."""
        self.session.get_in_step(deadline)
        self._on_answer()

    def ask(self, command: Command[T], deadline: Deadline) -> T:
        """A value. AtError for a refusal, DeviceTimeout for silence, DeviceGone."""
        session = self.session
        try:
            value = session.ask(command, deadline)
        except AtError:
            self._on_answer()
            raise
        self._on_answer()
        return value

    def attempt(self, command: Command[T], deadline: Deadline) -> T | None:
        """A value, or None where this modem has none to give."""
        if command.text in self._unsupported:
            return None
        try:
            return self.ask(command, deadline)
        except DeviceTimeout as error:
            self.went_unanswered(error, deadline)
        except AtError as error:
            self.note_refusal(command, error)
        return None

    def fill(
        self,
        field: Field[T],
        commands: Iterable[Command[T]],
        deadline: Deadline,
        again_in_s: float = 0.0,
    ) -> None:
        """A field, if it is due, by the first command that works;
        that one is preferred from then on."""
        now = self._clock.monotonic()
        if not field.is_due(now):
            return
        trouble: RemsimError | None = None
        for command in self._ordered(field.name, commands):
            try:
                value = self.ask(command, deadline)
            except DeviceTimeout as error:
                self.went_unanswered(error, deadline)
                trouble = error
            except AtError as error:
                trouble = error
                if not isinstance(error, AtNonsense) and sim_word(error, is_early=False):
                    break  # the SIM is the trouble, not the command
            else:
                self._preferred[field.name] = command.text
                field.took(value, now, again_in_s)
                return
        if trouble is not None:
            field.missed(trouble, now)

    def supported(self, commands: Iterable[Command[T]]) -> list[Command[T]]:
        return [command for command in commands if command.text not in self._unsupported]

    def note_refusal(self, command: Command[T], error: AtError) -> None:
        if c.is_unsupported(error.kind, error.number):
            self._unsupported.add(command.text)

    def went_unanswered(self, error: DeviceTimeout, deadline: Deadline) -> None:
        """Does the modem still answer at all? DeviceTimeout if not."""
        log.debug("%s", error)
        self.get_in_step(deadline)

    def _ordered(self, name: str, commands: Iterable[Command[T]]) -> list[Command[T]]:
        preferred = self._preferred.get(name)
        return sorted(commands, key=lambda command: command.text != preferred)
