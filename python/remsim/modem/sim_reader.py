# SPDX-License-Identifier: GPL-2.0-or-later
"""The SIM as the modem sees it: state, ICCID, IMSI, and the PIN by the rules of `remsim.modem.pin`.

Must never send a PIN without having noted the attempt first, and never show one.
"""

from __future__ import annotations

import logging

from remsim.clock import Clock, Deadline
from remsim.errors import AtError, DeviceTimeout
from remsim.modem import commands as c
from remsim.modem import pin as pin_rules
from remsim.modem.asker import Asker
from remsim.modem.memory import ModemMemory
from remsim.modem.pin import Outcome, PinQuestion
from remsim.modem.profile import Profile
from remsim.modem.readings import Field
from remsim.modem.settings import ModemSettings
from remsim.modem.state import Sim, sim_of, sim_word

# Asked again so soon after a failure, seconds: everything waits for the SIM.
RETRY_SOON_S = 10.0


class SimReader:
    """`hold` is why the PIN was not entered, or None."""

    def __init__(
        self, settings: ModemSettings, asker: Asker, clock: Clock, memory: ModemMemory
    ) -> None:
        self.settings = settings
        self.word: Field[str] = Field("sim", RETRY_SOON_S)
        self.iccid: Field[str] = Field("iccid", RETRY_SOON_S)
        self.imsi: Field[str] = Field("imsi", RETRY_SOON_S)
        self.hold: str | None = None
        self._asker = asker
        self._clock = clock
        self._memory = memory
        self._early_until = 0.0
        self._log = logging.getLogger(f"remsim.{settings.role.value}")

    @property
    def state(self) -> Sim:
        return sim_of(self.word.value)

    def start_over(self, busy_s: float) -> None:
        """A boot, a radio cycle or a SIM switch:
        the next "not inserted" may mean "not yet" for `busy_s`."""
        for field in (self.word, self.iccid, self.imsi):
            field.forget()
        self.hold = None
        self._early_until = self._clock.monotonic() + busy_s

    def read(self, profile: Profile, deadline: Deadline) -> None:
        self._read_word(deadline)
        if self.state is Sim.PIN:
            if self.iccid.value is None:
                self._asker.fill(self.iccid, profile.iccid, deadline)
            self._enter_pin(profile, deadline)
        if self.state is Sim.READY:
            again_in_s = self.settings.signal_interval_s
            self._asker.fill(self.iccid, profile.iccid, deadline, again_in_s)
            self._asker.fill(self.imsi, (c.CIMI,), deadline, again_in_s)

    def _read_word(self, deadline: Deadline) -> None:
        now, before = self._clock.monotonic(), self.state
        try:
            self.word.took(self._asker.ask(c.CPIN, deadline), now)
        except DeviceTimeout as error:
            self._asker.went_unanswered(error, deadline)
            self.word.missed(error, now)
        except AtError as error:
            word = sim_word(error, is_early=now < self._early_until)
            if word is None:
                self.word.missed(error, now)
            else:
                self.word.took(word, now)
        if before is Sim.READY and self.state in (Sim.ABSENT, Sim.FAULTY, Sim.PIN):
            self.iccid.forget()
            self.imsi.forget()

    def _enter_pin(self, profile: Profile, deadline: Deadline) -> None:
        pin, card = self.settings.pin, self.iccid.value
        question = PinQuestion(
            word=self.word.value or "",
            pin=pin,
            card=card,
            expected_card=self.settings.expected_iccid,
            several_cards=self.settings.has_sim_switch and self.settings.may_use_remote_sim,
            tries=self._tries_left(profile, deadline) if pin else None,
        )
        hold = pin_rules.why_not(question, self._memory.load_pin(pin))
        if hold is not None and hold != self.hold:
            self._log.warning("PIN not entered: %s", hold)
        self.hold = hold
        if hold is None and card is not None and pin is not None:
            self._send_pin(pin, card, profile, deadline)

    def _tries_left(self, profile: Profile, deadline: Deadline) -> c.PinTries | None:
        for command in profile.tries_left:
            tries = self._asker.attempt(command, deadline)
            if tries is not None:
                return tries
        return None

    def _send_pin(self, pin: str, card: str, profile: Profile, deadline: Deadline) -> None:
        memory = self._memory.load_pin(pin).with_outcome(card, Outcome.SENT)
        if not self._memory.save_pin(pin, memory):
            self.hold = "the attempt cannot be noted, so the PIN is not risked"
            return
        try:
            self._asker.ask(c.enter_pin(pin), deadline)
        except AtError as error:
            self._log.warning("SIM %s rejected the PIN: %s", card, error)
            self._memory.save_pin(pin, memory.with_outcome(card, Outcome.REJECTED))
            return
        self._log.info("SIM %s accepted the PIN", card)
        self._memory.save_pin(pin, memory.with_outcome(card, Outcome.ACCEPTED))
        self._early_until = self._clock.monotonic() + profile.sim_busy_s
        self._read_word(deadline)
