# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's remote SIM without a network: modem contacts, board on the lab's USB, bank's book."""

from __future__ import annotations

import threading
import time

import pytest

from remsim.card.simtrace2 import Simtrace2FrontEnd
from remsim.card.simtrace2_usb import BoardSettings, UsbBoard
from remsim.clock import SystemClock
from remsim.eventloop import EventLoop
from remsim.rspro.messages import BankSlot
from remsim_lab.clock import HandClock
from remsim_lab.ionmesh_bank import MODES, Bank, make_slots
from remsim_lab.modems import MODELS, SimCard, SimulatedCore
from remsim_lab.remote_sim import CLIENT, KEY, OPC, BankSide
from remsim_lab.rspro.milenage import Subscriber
from remsim_lab.rspro.remote_slot import HomeNetwork, RemoteSlot
from remsim_lab.rspro.server import MapState
from remsim_lab.rspro.sim import VirtualSim
from remsim_lab.rspro.usb_board import PluggedBoard

LIMIT_S = 10.0
ICCID, IMSI = "8901000000000100001", "310410000100001"


class Rig:
    """The product's front-end on a thread; a card that may fall silent answers through it."""

    def __init__(self, path, card):
        self.card = card
        self.is_silent = False
        self.loop = EventLoop(SystemClock())
        self.front_end = Simtrace2FrontEnd(UsbBoard(BoardSettings(), self.loop), None, self.loop)
        self.board = PluggedBoard(path)
        self.read = []
        network = HomeNetwork(Subscriber(KEY, OPC))
        self.slot = RemoteSlot(self.board, network, 1.0, bytes, time.monotonic, self.read.append)
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.board.plug()
        self._thread.start()
        self.until(lambda: self.board.cardem.is_inserted)
        return self

    def __exit__(self, *_):
        self.slot.power_off()
        self._is_ending = True
        self.loop.wake()
        self._thread.join(LIMIT_S)
        self.board.unplug()
        self.loop.close()
        assert not self._thread.is_alive()

    def _run(self):
        self.front_end.open(self)
        self.front_end.present(self.card.atr)
        while not self._is_ending:
            self.loop.run_once(time.monotonic() + 0.05)
        self.front_end.close()

    def until(self, condition):
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, self.slot.steps
            threading.Event().wait(0.005)

    def command(self, command):
        if not self.is_silent:
            self.front_end.answer(self.card.process(command))
        return True

    def line_changed(self, status):
        if status.reset_active or not status.vcc_present:
            self.card.reset()

    def front_end_ended(self, reason):
        raise AssertionError(reason)


@pytest.fixture
def make(tmp_path, monkeypatch):
    def made(key=KEY):
        path = tmp_path / "usb.sock"
        monkeypatch.setenv("REMSIM_LAB_USB", str(path))
        return Rig(path, VirtualSim(ICCID, IMSI, Subscriber(key, OPC)))

    return made


def test_modem_reads_the_card_and_the_home_network_accepts_it(make):
    with make() as rig:
        rig.slot.power_on()
        rig.until(lambda: rig.read)
        assert rig.read == [SimCard(ICCID, IMSI)]
        rig.slot.power_on()
        rig.until(lambda: len(rig.read) == 2)
        assert rig.read[1].is_genuine, "the next challenge is a fresh one"


def test_card_with_another_key_is_not_genuine(make):
    with make(key=bytes(16)) as rig:
        rig.slot.power_on()
        rig.until(lambda: rig.read)
        assert not rig.read[0].is_genuine


def test_contacts_without_a_card_say_so_and_a_removed_one_is_missed(make):
    with make() as rig:
        rig.slot.power_on()
        rig.until(lambda: rig.read)
        rig.loop.call_soon(rig.front_end.remove)
        rig.until(lambda: len(rig.read) == 2)
        rig.slot.power_on()
        assert rig.read[1:] == [None, None]


def test_modem_that_waits_for_an_answer_can_be_switched_off(make):
    with make() as rig:
        rig.is_silent = True
        rig.slot.power_on()
        rig.until(lambda: any("ATR" in step.text for step in rig.slot.steps))
        rig.slot.power_off()
        assert rig.read == []


def test_board_that_is_unplugged_is_gone_for_the_product(make):
    with make() as rig:
        assert rig.front_end.presence.is_there
        rig.board.unplug()
        rig.until(lambda: not rig.front_end.presence.is_there)


class HandSlot:
    """`remsim_lab.modems.cards.CardSlot` in a test's hand."""

    def __init__(self):
        self.calls = []

    def power_on(self):
        self.calls.append("on")

    def power_off(self):
        self.calls.append("off")


def test_simulated_modem_lives_on_what_its_slot_reads():
    slot = HandSlot()
    core = SimulatedCore(MODELS["fm350"], local=SimCard("1", "2"), remote=slot)
    core.switch_on(0.0)
    core.select("remote", 1.0)
    core.read_sim()
    core.advance(5.0)
    assert (slot.calls, core.sim_error) == (["on"], "+CME ERROR: 14")
    core.card_was_read(SimCard(ICCID, IMSI, is_genuine=False), 10.0)
    core.advance(100.0)
    assert (core.read_iccid, core.stat, core.is_registered) == (ICCID, 3, False)
    core.card_was_read(SimCard(ICCID, IMSI), 110.0)
    core.advance(200.0)
    assert core.is_registered
    core.card_was_read(None, 210.0)
    assert (core.is_registered, core.sim_error) == (False, "+CME ERROR: 10")
    core.select("local", 220.0)
    assert slot.calls == ["on", "off"]
    core.card_was_read(SimCard(ICCID, IMSI), 230.0)
    assert core.read_iccid is None, "a late word of contacts that are switched away"


def test_bank_maps_whoever_holds_a_slot_until_it_is_over():
    clock = HandClock()
    bank = Bank(clock, make_slots(1, 2), {1: None}, grace_s=300.0)
    side = BankSide(bank, SystemClock(), has_network=False)
    side.start()
    try:

        def maps():
            return side.server.ask(lambda: [(m.bank, m.client) for m in side.server.maps])

        bank.register("router", 1, MODES[0], "", None)
        assert maps() == [(BankSlot(1, 1), CLIENT)]
        bank.release("router")
        end = time.monotonic() + LIMIT_S
        while maps():
            assert time.monotonic() < end
        bank.register("router", 1, MODES[0], "", None)
        clock.move(301.0)
        while maps():
            assert time.monotonic() < end
        assert bank.happenings[-1].what == "expired", "nobody had to ask"
    finally:
        side.stop()


def test_server_and_bank_that_failed_come_back_with_the_mapping():
    bank = Bank(HandClock(), make_slots(1, 2), {1: None})
    side = BankSide(bank, SystemClock(), has_network=False)
    side.start()
    try:

        def is_active():
            maps = side.server.ask(lambda: [m.state for m in side.server.maps])
            return maps == [MapState.ACTIVE]

        def until(condition):
            end = time.monotonic() + LIMIT_S
            while not condition():
                assert time.monotonic() < end, side.words

        side.fail_server()
        bank.register("router", 1, MODES[0], "", None)
        assert "server down" in side.words
        side.mend_server()
        until(is_active)
        side.fail_bankd("down")
        until(lambda: not is_active())
        assert "bankd down" in side.words
        side.mend_bankd()
        until(is_active)
        side.fail_bankd("pull")
        assert side.bankd.ask(lambda: dict(side.bankd.cards)) == {}
        side.mend_bankd()
        assert sorted(side.bankd.ask(lambda: dict(side.bankd.cards))) == [1, 2]
    finally:
        side.stop()
