# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker of the client over real sockets, with a front-end that a test holds in its hand."""

from __future__ import annotations

import time

from remsim.card.api import Presence
from remsim.clock import SystemClock
from remsim.eventloop import EventLoop
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import ClientSlot, Component, Identity
from remsim.rspro.session import Session, SessionSettings
from remsim.rspro.worker import Worker

CLIENT = ClientSlot(1, 0)
US = Identity(Component.CLIENT, "test", "remsim", "0")


class HandFrontEnd:
    """Collects what happens to the card; `ask()` is the modem."""

    name = "hand"
    presence = Presence(True)

    def __init__(self):
        self.user = None
        self.events = []
        self.answers = []
        self.atr = None

    def open(self, user):
        self.user = user

    def close(self):
        self.events.append("close")

    def present(self, atr):
        self.atr = atr
        self.events.append("present")

    def remove(self):
        self.atr = None
        self.events.append("remove")

    def set_atr(self, atr):
        self.atr = atr
        self.events.append("atr")

    def answer(self, response):
        self.answers.append(response)

    def reset_modem(self):
        self.events.append("reset")
        return True


class CountingCard:
    """Answers every command with its own mark and the command's parameters; counts resets."""

    def __init__(self, mark):
        self.mark = mark
        self.atr = bytes((0x3B, 0x01, mark))
        self.resets = 0
        self.commands = 0

    def reset(self):
        self.resets += 1

    def process(self, command):
        self.commands += 1
        return bytes((self.mark,)) + command[2:4] + b"\x90\x00"


class World:
    """The client's worker in the test's own thread."""

    def __init__(self, tls=None, releaser=None, **changes):
        self.loop = EventLoop(SystemClock())
        self.front_end = HandFrontEnd()
        self.told = []
        settings = SessionSettings(**({"identity": US, "client_slot": CLIENT} | changes))
        self.session = Session(settings, lambda: 0.5)
        self.worker = Worker(
            self.session, self.front_end, self.loop, tls, releaser, self.told.append
        )

    def __enter__(self):
        self.worker.start()
        return self

    def __exit__(self, *_):
        self.worker.stop()
        self.loop.close()

    def until(self, condition, limit_s=10.0):
        """Let the client run until something is true."""
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, f"{self.session.state} {self.front_end.events}"
            self.loop.at(time.monotonic() + 0.005, "test", lambda: None)
            self.worker.run_once()

    def serve(self):
        self.until(lambda: self.session.state.value == "serving")

    def ask(self, command, limit_s=10.0):
        """One command of the modem and its answer."""
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        expected = len(self.front_end.answers) + 1
        assert self.front_end.user.command(octets)
        self.until(lambda: len(self.front_end.answers) >= expected, limit_s)
        return self.front_end.answers[-1]


def at(port, host="127.0.0.1"):
    return Endpoint(host, port)
