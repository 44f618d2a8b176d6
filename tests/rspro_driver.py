# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a session by hand: collects its actions, plays the peers, moves the clock."""

from __future__ import annotations

from remsim.rspro import framing
from remsim.rspro.actions import (
    Answer,
    Close,
    Connect,
    LinkName,
    PresentCard,
    RemoveCard,
    ResetModem,
    Send,
    SetAtr,
    Tell,
)
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import (
    BankSlot,
    ClientSlot,
    ClientSlotStatusInd,
    Component,
    ConfigClientBankReq,
    ConnectClientRes,
    Identity,
    IpPort,
    Pdu,
    Result,
    SetAtrReq,
    TpduCardToModem,
    TpduFlags,
    TpduModemToCard,
)
from remsim.rspro.session import RELEASED, Session, SessionSettings
from remsim_lab.clock import HandClock

SERVER, BANK = LinkName.SERVER, LinkName.BANK
ATR = bytes.fromhex("3b9e96801fc78031a073be21135253494d303101bb")
OTHER_ATR = bytes.fromhex("3b9e96801fc78031a073be21135253494d303201b8")
CLIENT = ClientSlot(1, 0)
SLOT = BankSlot(1, 0)
ADDRESS = IpPort(bytes((127, 0, 0, 1)), 9999)
US = Identity(Component.CLIENT, "client-host", "remsim-client", "1.1.3.14-4b36-dirty")
PEER = {
    SERVER: Identity(Component.SERVER, "peer-host", "scripted", "1.1.3"),
    BANK: Identity(Component.BANK, "peer-host", "scripted", "1.1.3"),
}
SERVER_AT = Endpoint("127.0.0.1", 9998)


def settings(**changes):
    values = {"identity": US, "client_slot": CLIENT, "server": SERVER_AT}
    return SessionSettings(**(values | changes))


class Driver:
    """`actions` holds everything since `clear()`; `wanted` the links that wait for TCP."""

    def __init__(self, dice=lambda: 0.5, layer=None, **changes):
        self.clock = HandClock()
        self.session = Session(settings(**changes), dice, layer)
        self.actions = []
        self.wanted = {}
        self.open_links = set()
        self.do(self.session.start(self.clock.monotonic()))

    @property
    def now(self):
        return self.clock.monotonic()

    @property
    def state(self):
        return self.session.state.value

    def do(self, actions):
        for action in actions:
            self.actions.append(action)
            if isinstance(action, Connect):
                assert action.link not in self.wanted and action.link not in self.open_links
                self.wanted[action.link] = (action.host, action.port)
            elif isinstance(action, Close):
                self.wanted.pop(action.link, None)
                self.open_links.discard(action.link)
            elif isinstance(action, Send):
                assert action.link in self.open_links
        return actions

    def clear(self):
        self.actions.clear()

    def of(self, kind):
        return [action for action in self.actions if isinstance(action, kind)]

    def sent(self, link):
        """Messages and CCM frames that went out on a link."""
        return [
            framing.message_of(action.frame).message
            if framing.is_rspro(action.frame)
            else action.frame
            for action in self.of(Send)
            if action.link is link
        ]

    def messages(self, link):
        """Messages without keep-alive and without the report of a released line."""
        return [
            message
            for message in self.sent(link)
            if not isinstance(message, bytes)
            and not (
                isinstance(message, ClientSlotStatusInd) and message.slot_phys_status == RELEASED
            )
        ]

    def commands(self):
        return [m.data for m in self.sent(BANK) if isinstance(m, TpduModemToCard)]

    def answers(self):
        return [action.response for action in self.of(Answer)]

    def causes(self):
        return [action.cause.value for action in self.of(Tell)]

    def card(self):
        """What happened to the card, as words."""
        words = {PresentCard: "present", RemoveCard: "remove", ResetModem: "reset", SetAtr: "atr"}
        return [words[type(action)] for action in self.actions if type(action) in words]

    # --- the world ---

    def accept(self, link):
        self.wanted.pop(link)
        self.open_links.add(link)
        self.do(self.session.connected(link, self.now))

    def refuse(self, link, reason="ECONNREFUSED"):
        self.wanted.pop(link)
        self.do(self.session.closed(link, reason, self.now))

    def drop(self, link, reason="closed by peer"):
        self.open_links.discard(link)
        self.do(self.session.closed(link, reason, self.now))

    def octets(self, link, data):
        if link in self.open_links:
            self.do(self.session.received(link, data, self.now))

    def say(self, link, *messages):
        self.octets(link, b"".join(framing.frame(Pdu(message)) for message in messages))

    def greet(self, link, result=Result.OK, *more):
        self.say(link, ConnectClientRes(PEER[link], result), *more)

    def assign(self, slot=SLOT, address=ADDRESS):
        self.say(SERVER, ConfigClientBankReq(slot, address))

    def withdraw(self, slot=SLOT):
        self.assign(slot, IpPort(bytes(4), 0))

    def atr(self, atr=ATR, slot=CLIENT):
        self.say(BANK, SetAtrReq(slot, atr))

    def answer(self, data, slot=SLOT, client=CLIENT):
        self.say(BANK, TpduCardToModem(slot, client, TpduFlags(), data))

    def command(self, command):
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        self.do(self.session.command(octets, self.now))

    def line(self, status):
        self.do(self.session.line_changed(status, self.now))

    def move(self, seconds):
        """Time passes; the session's timers fire when they are due."""
        end = self.now + seconds
        while True:
            deadline = self.session.deadline
            if deadline is None or deadline > end:
                self.clock.move(end - self.now)
                return
            self.clock.move(max(0.0, deadline - self.now))
            before = (self.session.deadline, len(self.actions))
            self.do(self.session.tick(self.now))
            assert (self.session.deadline, len(self.actions)) != before, "a timer that stays due"

    # --- usual beginnings ---

    def connect_server(self):
        self.accept(SERVER)
        self.greet(SERVER)

    def connect_bank(self, atr=ATR):
        if BANK not in self.wanted:
            self.move(2.0)
        self.accept(BANK)
        self.greet(BANK, Result.OK, *([SetAtrReq(self.session.client_slot, atr)] if atr else []))

    def serve(self):
        """Up to a presented card."""
        self.connect_server()
        self.assign()
        self.connect_bank()
        self.clear()

    def replay(self, sim):
        """Let a virtual card answer whatever is under way, until nothing is."""
        while self.session.relay.running_since is not None:
            self.answer(sim.process(self.commands()[-1]))
