# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache inside a session: over losses of the bank, resets, other cards."""

from __future__ import annotations

import pytest

from card_bench import Shelf
from remsim.card.cache import IDLE_S, CardCache
from remsim.rspro.messages import ClientSlotStatusInd, SlotPhysStatus
from remsim_lab.rspro.sim import VirtualSim
from rspro_driver import BANK, OTHER_ATR, SERVER, Driver

ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")
USIM = "00a4040410a0000000871002ffffffff8903020000"
IMSI_READ = (USIM, "00a40004026f07", "00b0000009")
RESET = SlotPhysStatus(True, True, True, True)
RELEASED = SlotPhysStatus(False, True, True, True)


class CachedSession:
    """A session with a cache that serves a virtual card."""

    def __init__(self, shelf=None, sim=None):
        self.shelf = shelf or Shelf()
        self.sim = sim or VirtualSim()
        self.driver = Driver(layer=CardCache(self.shelf))
        self.cache = self.driver.session.layer
        self.driver.serve()
        self.clear()

    def clear(self):
        self.driver.clear()
        self._answered = 0

    def ask(self, *commands):
        self.clear()
        for command in commands:
            self.driver.command(command)
            self.card()
        return [answer.hex() for answer in self.driver.answers()]

    def card(self):
        """The bank's card answers whatever it was sent."""
        while len(sent := self.driver.commands()) > self._answered:
            command = sent[self._answered]
            self._answered += 1
            self.driver.answer(self.sim.process(command))

    def lose(self):
        """The bank; what is on its way to it stays without an answer, and the card is reset."""
        self.driver.drop(BANK)
        self._answered = len(self.driver.commands())
        self.sim.reset()

    def quiet(self):
        self.clear()
        self.driver.move(IDLE_S)
        self.card()

    @property
    def sent(self):
        """What went to the card since the last question."""
        return [command.hex() for command in self.driver.commands()]


@pytest.fixture
def warm():
    """A session whose cache holds what the previous one kept."""
    first = CachedSession()
    first.ask(*ICCID_READ, *IMSI_READ)
    first.quiet()
    return CachedSession(first.shelf)


def test_answers_come_at_once_and_nothing_goes_to_the_bank():
    session = CachedSession()
    first = session.ask(*ICCID_READ, *IMSI_READ)
    assert session.ask(*IMSI_READ) == first[3:]
    assert session.sent == []
    assert session.driver.session.relay.counters.commands == 9


def test_next_session_begins_with_the_cards_identity_and_then_needs_no_card(warm):
    plain = VirtualSim()
    answers = warm.ask(*ICCID_READ, *IMSI_READ)
    assert answers == [plain.process(bytes.fromhex(each)).hex() for each in ICCID_READ + IMSI_READ]
    assert warm.sent == ["00a40004023f00", "00c0000015", "00a4000c022fe2", "00b000000a"]


def test_commands_at_the_same_time_have_their_answers_in_order():
    session = CachedSession()
    session.ask(*ICCID_READ)
    session.clear()
    for command in ("00a40004022fe2", "80f2000c00", "00b000000a", "00b0000002"):
        session.driver.command(command)
    session.card()
    assert [answer.hex() for answer in session.driver.answers()] == [
        "6114",
        "9000",
        "988802214365870921f39000",
        "98889000",
    ]


def test_after_a_loss_of_the_bank_nothing_is_told_before_the_iccid_was_read_again():
    session = CachedSession()
    session.ask(*ICCID_READ, *IMSI_READ)
    session.lose()
    assert session.driver.state == "holding"
    session.driver.connect_bank()
    session.card()
    assert session.driver.state == "serving"
    session.clear()
    assert session.ask("00b0000009")[0].endswith("9000")
    assert session.sent == []


def test_command_interrupted_by_a_loss_is_repeated_on_the_right_file(warm):
    warm.ask(*ICCID_READ, *IMSI_READ, "00a40004026f7e")
    warm.clear()
    warm.driver.command("00b000000b")
    assert warm.sent[-1] == "00b000000b"
    warm.lose()
    warm.driver.connect_bank()
    warm.card()
    plain = VirtualSim()
    for command in (USIM, "00a40004026f7e"):
        plain.process(bytes.fromhex(command))
    assert warm.driver.answers() == [plain.process(bytes.fromhex("00b000000b"))]


def test_card_of_another_slot_is_not_served_with_this_ones_answers():
    session = CachedSession()
    session.ask(*ICCID_READ, *IMSI_READ)
    session.quiet()
    session.lose()
    session.sim = VirtualSim(iccid="8988209999999999999", imsi="001019999999999")
    session.driver.connect_bank(OTHER_ATR)
    assert session.driver.state == "serving"
    assert session.ask(*IMSI_READ)[2] == session.sim.file(0xFF01, 0x6F07).data.hex() + "9000"


def test_same_atr_and_another_iccid_is_another_card(warm):
    warm.sim = VirtualSim(iccid="8988209999999999999", imsi="001019999999999")
    imsi = warm.sim.file(0xFF01, 0x6F07).data.hex()
    assert warm.ask(*IMSI_READ)[2] == imsi + "9000"
    assert warm.ask("00b0000009") == [imsi + "9000"]


def test_reset_by_the_modem_abandons_what_is_on_its_way(warm):
    warm.ask(*ICCID_READ)
    warm.clear()
    warm.driver.command("80f2000000")
    warm.driver.line(RESET)
    warm.driver.line(RELEASED)
    warm.driver.command("00a40004022fe2")
    warm.card()
    assert [answer.hex() for answer in warm.driver.answers()] == ["6114"]


def test_modem_that_was_misled_reads_the_card_anew(warm):
    warm.sim.file(0xFF01, 0x6F07).data[:] = bytes.fromhex("080910101032547699")
    warm.ask(*ICCID_READ, *IMSI_READ)
    warm.quiet()
    assert "cache_dropped" in warm.driver.causes()
    assert warm.driver.card() == ["remove", "present", "reset"]
    status = [
        each.slot_phys_status
        for each in warm.driver.messages(BANK)
        if isinstance(each, ClientSlotStatusInd)
    ]
    assert status and status[0].vcc_present is False
    warm.sim.reset()
    assert warm.driver.state == "serving"
    assert warm.ask(*ICCID_READ, *IMSI_READ)[5] == "0809101010325476999000"


def test_command_that_comes_while_the_card_is_compared_waits_for_one_answer_only(warm):
    warm.ask(*ICCID_READ, *IMSI_READ)
    warm.clear()
    warm.driver.move(IDLE_S)
    assert len(warm.driver.commands()) == 1
    warm.driver.command("80f2000c00")
    assert len(warm.driver.commands()) == 1
    warm.card()
    assert warm.driver.answers()[-1] == b"\x90\x00"


def test_bank_that_goes_away_during_a_comparison_leaves_nothing_behind(warm):
    warm.ask(*ICCID_READ, *IMSI_READ)
    warm.clear()
    warm.driver.move(IDLE_S)
    assert len(warm.driver.commands()) == 1
    warm.lose()
    warm.driver.connect_bank()
    warm.card()
    assert warm.driver.state == "serving"
    assert warm.ask("80f2000c00") == ["9000"]


def test_withdrawn_card_is_forgotten(warm):
    warm.ask(*ICCID_READ)
    warm.driver.withdraw()
    warm.driver.move(6.0)
    assert warm.driver.state == "no_bank"
    assert warm.cache.status()["entries"] == 0
    assert warm.driver.session.deadline is None or SERVER in warm.driver.open_links
