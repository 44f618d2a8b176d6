# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end simtrace2, from USB transfers to a card; board and phone are played."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from remsim.card.simtrace2 import Simtrace2FrontEnd
from remsim.card.simtrace2_usb import BoardSettings, UsbBoard
from remsim.clock import SystemClock
from remsim.eventloop import EventLoop
from remsim_lab.rspro.cardem import QUAD_MODEM, Board, Bus, Phone
from remsim_lab.rspro.sim import ATR, VirtualSim
from remsim_lab.rspro.startup import Modem, challenge_for

LIMIT_S = 10.0


class Rig:
    """A front-end in its loop on one thread, the phone on the test's."""

    def __init__(self, bus, settings=None):
        self.sim = VirtualSim()
        self.lines = []
        self.loop = EventLoop(SystemClock())
        board = UsbBoard(settings or BoardSettings(), self.loop)
        self.front_end = Simtrace2FrontEnd(board, None, self.loop)
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.bus = bus

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_ending = True
        self.loop.wake()
        self._thread.join(LIMIT_S)
        self.loop.close()
        assert not self._thread.is_alive()

    def _run(self):
        self.front_end.open(self)
        self.front_end.present(ATR)
        self.front_end.reset_modem()
        while not self._is_ending:
            self.loop.run_once(time.monotonic() + 0.05)
        self.front_end.close()

    def command(self, command):
        self.front_end.answer(self.sim.process(command))
        return True

    def line_changed(self, status):
        self.lines.append((status.reset_active, status.vcc_present))
        if status.reset_active or not status.vcc_present:
            self.sim.reset()

    def front_end_ended(self, reason):
        raise AssertionError(reason)


def until(condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def bus(monkeypatch):
    bus = Bus(Board())
    for name, module in bus.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return bus


def test_modem_starts_on_the_remote_card(bus):
    slot = bus.boards[0].slots[0]
    with Rig(bus) as rig:
        until(lambda: slot.is_inserted)
        assert slot.is_remote
        phone = Phone(slot)
        assert phone.power_on() == ATR
        until(lambda: rig.lines[-1:] == [(False, True)])
        modem, plain = Modem(phone.command), Modem(VirtualSim().process)
        modem.start(challenge_for(rig.sim, 1))
        plain.start(challenge_for(rig.sim, 1))
        assert modem.trail == plain.trail
    assert not slot.is_inserted and not slot.is_remote


def test_card_is_presented_in_order_and_the_board_reports_its_lines(bus):
    slot = bus.boards[0].slots[0]
    with Rig(bus):
        until(lambda: slot.is_inserted)
        kinds = [(kind, type_) for kind, type_, _ in slot.log]
        assert kinds[:4] == [(1, 8), (2, 2), (1, 2), (1, 5)]
        assert slot.reports_status


def test_other_slot_of_the_board_is_another_interface(bus):
    board = bus.boards[0]
    with Rig(bus, BoardSettings(interface=1)):
        until(lambda: board.slots[1].is_inserted)
        assert board.claimed == [1]
        assert board.slots[0].log == []


def test_board_with_the_modem_on_it_resets_it(bus):
    bus.boards[:] = [Board(product=QUAD_MODEM, port=1)]
    with Rig(bus):
        until(lambda: bus.boards[0].slots[0].resets)


def test_board_of_the_wanted_serial_number_is_taken(bus):
    bus.boards.append(Board(serial="wanted", port=3))
    with Rig(bus, BoardSettings(serial="wanted")):
        until(lambda: bus.boards[1].slots[0].is_inserted)
        assert bus.boards[0].slots[0].log == []


def test_board_that_is_unplugged_says_so_and_comes_back_with_the_card(bus, monkeypatch):
    monkeypatch.setattr("remsim.card.simtrace2.FIND_AGAIN_S", 0.05)
    with Rig(bus) as rig:
        first = bus.boards[0]
        until(lambda: first.slots[0].is_inserted)
        Phone(first.slots[0]).power_on()
        until(lambda: rig.lines[-1:] == [(False, True)])
        first.is_plugged = False
        until(lambda: rig.lines[-1] == (True, False))
        assert not rig.front_end.presence.is_there
        until(lambda: rig.front_end.presence.why_not == "SIMtrace2: no such board on USB")
        second = Board()
        bus.boards.append(second)
        until(lambda: second.slots[0].resets)
        assert rig.front_end.presence.is_there
        assert second.slots[0].is_inserted
        assert second.slots[0].resets == 1
        phone = Phone(second.slots[0])
        assert phone.power_on() == ATR
        until(lambda: rig.lines[-1:] == [(False, True)])  # another end point than the commands'
        assert phone.command(bytes.fromhex("00a4000c022fe2")) == b"\x90\x00"


def test_missing_libusb_is_told_and_installing_it_is_enough(bus, monkeypatch):
    monkeypatch.setattr("remsim.card.simtrace2.FIND_AGAIN_S", 0.05)
    bus.has_libusb = False
    with Rig(bus) as rig:
        until(lambda: "libusb-1.0" in rig.front_end.presence.why_not)
        bus.has_libusb = True
        until(lambda: rig.front_end.presence.is_there)
