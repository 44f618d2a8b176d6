# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache between a virtual card and a test that plays the modem; the card may be slow or away."""

from __future__ import annotations

from collections import deque

from remsim.card.cache import IDLE_S, CardCache
from remsim_lab.clock import HandClock
from remsim_lab.rspro.sim import VirtualSim


class Shelf:
    """Keeps in memory what the product keeps in files."""

    def __init__(self):
        self.texts = {}
        self.log = []

    def has(self, atr):
        return any(known == atr for _, known in self.texts)

    def load(self, iccid, atr):
        return self.texts.get((iccid, atr))

    def keep(self, iccid, atr, text):
        self.texts[iccid, atr] = text
        self.log.append("keep")

    def drop(self, iccid, atr):
        if self.texts.pop((iccid, atr), None) is not None:
            self.log.append("drop")


class CachedCard:
    """`ask()` is the modem; `verdicts` what the cache said about itself."""

    def __init__(self, sim=None, shelf=None):
        self.sim = sim or VirtualSim()
        self.shelf = shelf or Shelf()
        self.clock = HandClock()
        self.cache = CardCache(self.shelf)
        self.cache.bind(self._to_bank, self._to_relay, self._distrusted)
        self.answers = []
        self.verdicts = []
        self.sent = []
        self._queue = deque()
        self.start()

    def start(self):
        """The card is presented, freshly reset."""
        self.sim.reset()
        self.cache.begin(self.sim.atr)
        self.sent.clear()

    def restart(self):
        """The process ends and another one begins."""
        self.cache = CardCache(self.shelf)
        self.cache.bind(self._to_bank, self._to_relay, self._distrusted)
        self._queue.clear()
        self.start()

    def reset(self):
        """By the modem: the bank resets the card after what it has on its way."""
        self.cache.card_reset()
        self.deliver()
        self.sim.reset()

    def lose(self):
        """The bank connection; the card comes back reset."""
        self._queue.clear()
        self.cache.close()
        self.sim.reset()

    def ask(self, command):
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        self.answers.clear()
        self.cache.command(octets, self.clock.monotonic())
        self.deliver()
        assert len(self.answers) == 1, self.answers
        return self.answers[0]

    def say(self, *commands):
        return [self.ask(command).hex() for command in commands]

    def deliver(self, most=100_000):
        """The card answers what is on its way."""
        while self._queue and most:
            most -= 1
            self.cache.answer(self.sim.process(self._queue.popleft()), self.clock.monotonic())
        return most

    def quiet(self, steps=100_000):
        """The modem is quiet for a while, in which the card answers so many commands."""
        self.clock.move(IDLE_S)
        if self.cache.deadline is not None:
            assert self.cache.deadline <= self.clock.monotonic()
            self.cache.tick(self.clock.monotonic())
        self.deliver(steps)

    @property
    def on_its_way(self):
        return len(self._queue)

    def _to_bank(self, command):
        self.sent.append(command)
        self._queue.append(command)

    def _to_relay(self, response, now):
        self.answers.append(response)

    def _distrusted(self, reason, is_modem_misled):
        self.verdicts.append((reason, is_modem_misled))
