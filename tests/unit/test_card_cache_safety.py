# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways in which a card may change while nobody writes to it: what the cache must not tell then."""

from __future__ import annotations

import pytest

from card_bench import CachedCard
from remsim.card.cache import IDLE_S, PATIENCE_S
from remsim.card.cache_memory import MAX_VOLATILE, Key, Memory
from remsim_lab.rspro import sim
from remsim_lab.rspro.files import USIM_AID
from remsim_lab.rspro.sim import VirtualSim

ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")
USIM = "00a4040410" + USIM_AID.hex()
IMSI_READ = (USIM, "00a40004026f07", "00b0000009")
IMSI = (0xFF01, 0x6F07)
OTHER_IMSI = bytes.fromhex("080910101032547699")
PROFILE = "8010000001ff"
FETCH = "801200000b"


def announced(kind):
    return bytes.fromhex(f"d009810301{kind}0082028182")


def terminal_response(kind):
    return f"801400000c810301{kind}0082028281830100"


@pytest.fixture
def card():
    """Everything below was read once, and kept."""
    card = CachedCard()
    card.say(*ICCID_READ, *IMSI_READ)
    card.quiet()
    return card


def change(card):
    card.sim.file(*IMSI).data[:] = OTHER_IMSI


def imsi(card):
    return card.say(*IMSI_READ)[-1]


def is_true(card):
    return imsi(card) == card.sim.file(*IMSI).data.hex() + "9000"


@pytest.mark.parametrize("kind", ["42", "01"])
def test_data_that_reach_the_card_with_a_terminal_response_may_change_any_file(card, kind):
    card.sim.proactive.append(announced(kind))
    card.say(PROFILE, FETCH, *IMSI_READ)  # learnt again, between the command and its response
    card.say(terminal_response(kind))
    change(card)
    assert is_true(card)


@pytest.mark.parametrize("response", ["8014000003010203", "8014000000", "801400000481030126"])
def test_terminal_response_that_cannot_be_read_counts_as_one_that_brings_data(card, response):
    card.say(response)
    change(card)
    assert is_true(card)


def test_terminal_response_to_a_dialogue_with_the_user_changes_nothing(card):
    card.say(terminal_response("21"))
    assert imsi(card).endswith("9000")
    assert card.cache.counters.served == 3


@pytest.mark.parametrize("command", ["80e2910003bf3100", "80c2000009d1006f46aabbccdd00"])
def test_what_shook_the_card_may_take_effect_at_its_reset(card, command, monkeypatch):
    """Another profile of an eUICC, for one: another card behind the same ATR."""
    monkeypatch.setitem(sim._HANDLERS, 0xE2, VirtualSim._accept)
    card.say(PROFILE, command, *IMSI_READ)
    card.reset()
    card.sim.__init__(iccid="8988209999999999999", imsi="001019999999999")
    answers = card.say(*IMSI_READ, *ICCID_READ, *IMSI_READ)
    assert answers[2] == answers[-1] == card.sim.file(*IMSI).data.hex() + "9000"
    card.quiet()
    assert len(card.shelf.texts) == 1
    assert "9999999999" in next(iter(card.shelf.texts))[0].hex()


def test_refresh_may_take_effect_at_the_reset_that_it_asks_for(card):
    card.sim.proactive.append(announced("01"))
    card.say(PROFILE, FETCH, *ICCID_READ, *IMSI_READ)
    change(card)
    card.reset()
    assert not card.cache.status()["identified"]
    assert card.say(*ICCID_READ) == card.say(*ICCID_READ)
    assert is_true(card)


def test_what_a_reset_may_still_change_is_not_kept(card):
    card.sim.proactive.append(announced("01"))
    card.say(PROFILE, FETCH, *ICCID_READ, *IMSI_READ)
    card.quiet()
    change(card)
    card.restart()
    card.say(*ICCID_READ)
    assert is_true(card)


@pytest.mark.parametrize("how", ["reset", "lose"])
def test_fetched_command_that_was_never_seen_may_have_been_a_refresh(card, how):
    card.sim.proactive.append(announced("01"))
    card.say(PROFILE)
    card.cache.command(bytes.fromhex(FETCH), card.clock.monotonic())
    assert card.on_its_way == 1
    change(card)
    getattr(card, how)()
    assert not card.shelf.texts
    card.answers.clear()
    card.say(*ICCID_READ)
    assert is_true(card)


def test_after_a_loss_what_is_told_is_compared_again_and_nothing_else(card):
    card.lose()
    card.sim.is_logging = True
    card.say(*ICCID_READ)
    card.quiet()
    assert not any(command == bytes.fromhex(IMSI_READ[2]) for command, _ in card.sim.log)
    change(card)
    card.say(*IMSI_READ)
    card.quiet()
    assert [is_misled for _, is_misled in card.verdicts] == [True]
    assert is_true(card)


def test_after_a_loss_what_is_still_so_is_believed(card):
    card.lose()
    card.say(*ICCID_READ, *IMSI_READ)
    card.quiet()
    assert not card.verdicts
    card.sim.is_logging = True
    card.say(*IMSI_READ)
    card.quiet()
    assert not any(command[1] == 0xB0 for command, _ in card.sim.log)


def test_announced_command_that_a_reset_wiped_away_makes_told_answers_doubtful(card):
    card.sim.proactive.append(announced("01"))
    card.say(PROFILE)
    card.sim.proactive.clear()
    change(card)
    card.reset()
    card.say(*ICCID_READ, *IMSI_READ)
    card.quiet()
    assert [is_misled for _, is_misled in card.verdicts] == [True]


def test_modem_that_is_never_quiet_does_not_put_off_the_comparison_for_ever(card):
    card.restart()
    change(card)
    card.say(*ICCID_READ, *IMSI_READ)
    for _ in range(int(PATIENCE_S)):
        card.clock.move(1.0)  # never as long as IDLE_S
        card.cache.tick(card.clock.monotonic())
        card.deliver()
        card.say("80f2000c00")
    assert IDLE_S > 1.0
    assert [is_misled for _, is_misled in card.verdicts] == [True]


def test_name_that_more_than_one_application_may_have_is_not_remembered():
    card = CachedCard()
    partial = ("00a4040407a0000000871002", "00a40004026f07", "00b0000009")
    card.say(*ICCID_READ, *partial, *partial)
    assert card.cache.counters.served == 0


def test_card_that_never_answers_the_same_gets_no_cache():
    memory = Memory(b"\x3b\x00", b"\x98" * 10, b"\xc6\x00")
    path = (b"\x3f\x00", b"\x2f\xe2")
    keys = [Key(path, b"", bytes((0, 0xB0, 0, at, 1))) for at in range(MAX_VOLATILE + 1)]
    for key in keys[:-1]:
        assert memory.learn(key, b"\x00\x90\x00") is not None
        memory.disown(key)
    assert memory.learn(keys[-1], b"\x00\x90\x00") is None
    again = Memory.parse(memory.text())
    assert again is not None
    assert again.learn(keys[-1], b"\x00\x90\x00") is None


def test_status_says_what_was_told_what_was_not_and_what_is_verified(card):
    assert card.cache.status() == {
        "identified": True,
        "entries": 6,
        "verified": 6,
        "hits": 0,
        "misses": 6,
        "passed": 0,
        "moves": 2,
        "checks": 4,
        "wrong": 0,
        "dropped": 0,
    }
    card.say(*IMSI_READ, "80f2000c00")
    status = card.cache.status()
    assert (status["hits"], status["misses"], status["passed"]) == (3, 6, 1)
    card.restart()
    card.say(*ICCID_READ, *IMSI_READ)
    status = card.cache.status()
    assert (status["entries"], status["verified"], status["hits"]) == (6, 0, 6)
    card.quiet()
    assert card.cache.status()["verified"] == 6


def test_cards_that_cannot_be_told_apart_share_nothing():
    """Without an ICCID nothing is told and nothing kept."""
    card = CachedCard()
    del card.sim._master.files[0x2FE2]
    for _ in range(2):
        card.say(*ICCID_READ, *IMSI_READ)
        card.quiet()
    assert card.cache.counters.served == 0
    assert not card.shelf.texts


def test_equal_atr_and_iccid_but_another_atr_is_another_card(card):
    card.sim.atr = VirtualSim().atr[:-1] + b"\x00"
    card.restart()
    card.say(*ICCID_READ, *IMSI_READ)
    assert card.cache.counters.served == 0
