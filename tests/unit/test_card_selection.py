# SPDX-License-Identifier: GPL-2.0-or-later
"""The belief about a card against a card: after a reset the plan must bring it back exactly."""

from __future__ import annotations

import random

import pytest

from remsim.card.place import Place
from remsim.card.selection import Selection
from remsim_lab.rspro.files import ISIM_AID, USIM_AID
from remsim_lab.rspro.sim import VirtualSim

PIN = b"1234".ljust(8, b"\xff")
ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")


def run(sim, selection, *commands):
    """Commands of the modem, seen by the selection."""
    answers = []
    for command in commands:
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        response = sim.process(octets)
        selection.note(octets, response)
        answers.append(response)
    return answers


def restored(sim, selection, interrupted=None):
    """Reset the card, run the plan; True if every step fits."""
    sim.reset()
    plan = selection.plan(interrupted)
    if plan is None:
        return False
    return all(step.fits(sim.process(step.command)) for step in plan)


@pytest.mark.parametrize(
    "commands",
    [
        (),
        ("00a40004022fe2",),
        ("00a40004023f00", "00a40004022f05"),
        ("00a40004027f10", "00a40004026f3a"),
        ("00a40004027f10", "00a40004025f3a", "00a40004024f30"),
        ("00a40004027f10", "00a40004027f20", "00a40004026f07", "00a40004027f10"),
        ("00a40804047f206f07",),
        ("00a40804047f106f3a", "00a40004026f3b"),
        ("00a40804047f105f3a", "00a40004024f30", "00a4030c00"),
        ("a0a40000023f00", "a0a40000027f20", "a0a40000026f07", "a0a40000026f78"),
        ("00a40004027f10", "00a40004026f3a", "00b2030464", "00b203041c"),
        ("00a40004022f05", "00b0820001"),
        ("00a40004027f10", "00a40004025f3a", "00a40304", "00a4030c00"),
    ],
)
def test_selection_of_the_basic_channel_comes_back(commands):
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, *[command for command in commands if len(command) >= 10])
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def select_aid(aid, cla="00", p2="04"):
    return bytes.fromhex(cla + "a404" + p2) + bytes((len(aid),)) + aid


def test_application_file_and_directory_come_back():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, *ICCID_READ, select_aid(USIM_AID), "00a40004025f3b", "00a40004024f20")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_application_survives_a_visit_to_the_master_file():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, select_aid(USIM_AID), *ICCID_READ, "00a40004027fff", "00a40004026f07")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_open_channels_come_back_with_their_numbers_and_selections():
    sim, selection = VirtualSim(), Selection()
    run(
        sim,
        selection,
        *ICCID_READ,
        select_aid(USIM_AID),
        "0070000001",
        select_aid(ISIM_AID, "01"),
        "01a40004026f02",
        "0170000001",
        "02a40004026f03",
        "00a40004026f07",
    )
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_closed_channel_stays_closed_and_the_one_behind_it_keeps_its_number():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, "0070000001", "0070000001", "02a40004022fe2", "0070800100")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_pin_is_verified_again_after_the_iccid_was_found_the_same():
    sim, selection = VirtualSim(), Selection()
    sim.pin.is_enabled = True
    run(sim, selection, *ICCID_READ, select_aid(USIM_AID), b"\x00\x20\x00\x01\x08" + PIN)
    run(sim, selection, "00a40004026f07")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted
    assert sim.pin.tries == 3


def test_no_pin_is_shown_to_another_card():
    sim, selection = VirtualSim(), Selection()
    sim.pin.is_enabled = True
    run(sim, selection, *ICCID_READ, b"\x00\x20\x00\x01\x08" + PIN)
    other = VirtualSim(iccid="8988209999999999999")
    other.pin.is_enabled, other.pin.value = True, b"9999".ljust(8, b"\xff")
    assert not restored(other, selection)
    assert other.pin.tries == 3


def test_pin_without_a_known_iccid_is_no_restoration():
    sim, selection = VirtualSim(), Selection()
    sim.pin.is_enabled = True
    run(sim, selection, b"\x00\x20\x00\x01\x08" + PIN)
    assert selection.plan(None) is None


def test_changed_pin_is_the_one_that_is_verified():
    sim, selection = VirtualSim(), Selection()
    sim.pin.is_enabled = True
    new = b"5678".ljust(8, b"\xff")
    run(sim, selection, *ICCID_READ, b"\x00\x24\x00\x01\x10" + PIN + new)
    assert restored(sim, selection)
    assert sim.pin.tries == 3


def test_pin_never_shows_in_a_repr():
    sim, selection = VirtualSim(), Selection()
    sim.pin.is_enabled = True
    run(sim, selection, *ICCID_READ, b"\x00\x20\x00\x01\x08" + PIN)
    assert "1234" not in repr(selection.plan(None))
    assert "1234" not in repr(selection._channels)


def test_iccid_is_told_as_printed():
    sim, selection = VirtualSim(iccid="8988201234567890123"), Selection()
    assert selection.iccid is None
    run(sim, selection, *ICCID_READ)
    assert selection.iccid == "8988201234567890123"


def test_moved_record_pointer_cannot_be_brought_back_until_another_file_is_selected():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, "00a40004027f10", "00a40004026f3a", "00b200021c")
    assert selection.plan(None) is None
    run(sim, selection, "00a40004026f3b")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_profile_comes_back():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, *ICCID_READ, "8010000002ffff")
    wanted = sim.state()
    assert restored(sim, selection)
    assert sim.state() == wanted


def test_response_that_was_about_to_be_fetched_is_made_again():
    sim, selection = VirtualSim(), Selection()
    (announced,) = run(sim, selection, select_aid(USIM_AID))
    fetch = b"\x00\xc0\x00\x00" + announced[1:]
    assert restored(sim, selection, interrupted=fetch)
    assert sim.process(fetch).endswith(b"\x90\x00")


def test_response_is_made_again_also_when_something_else_comes_last_in_the_plan():
    sim, selection = VirtualSim(), Selection()
    run(sim, selection, "8010000002ffff")
    (announced,) = run(sim, selection, "00a40004022fe2")
    fetch = b"\x00\xc0\x00\x00" + announced[1:]
    assert restored(sim, selection, interrupted=fetch)
    assert sim.process(fetch).endswith(b"\x90\x00")


def test_refused_commands_change_nothing():
    place = Place()
    assert place.after(bytes.fromhex("00a4000402abcd"), b"\x6a\x82") is place
    assert place.after(bytes.fromhex("00b000000a"), b"\x6c\x0a") is place


def test_trail_stays_short_however_long_the_walk():
    sim, selection = VirtualSim(), Selection()
    walk = [
        "00a40004027f10",
        "00a40004025f3a",
        "00a40004024f30",
        "00a40004027f20",
        "00a40004026f07",
    ]
    for _ in range(50):
        run(sim, selection, *walk)
    place = selection.place(0)
    assert place.is_exact
    assert len(list(place.steps())) <= 4


WORDS = [
    *ICCID_READ,
    "00a40004027f10",
    "00a40004027f20",
    "00a40004025f3a",
    "00a40004025f3b",
    "00a40004025fc0",
    "00a40004026f3a",
    "00a40004026f07",
    "00a40004026f78",
    "00a40004026f05",
    "00a40004024f30",
    "00a40004024f20",
    "00a40004027fff",
    "00a4030c00",
    "00a40804047f206f07",
    "00a40804067f105f3a4f30",
    "00a40904025f3a",
    "00a40904045f3a4f3a",
    "00a4000402eeee",
    "00a4040410" + USIM_AID.hex(),
    "00a4044410" + USIM_AID.hex(),
    "00a4040407a0000000871004",
    "00b0870009",
    "00b0850001",
    "00b2011c26",
    "00b201041c",
    "00b200021c",
    "00b200041c",
    "00d6000001aa",
    "00d6850001aa",
    "00a2010401ff",
    "0070000001",
    "0070800100",
    "0070800200",
    "0170000001",
    "01a40004026f3a",
    "01a40004027f10",
    "01a4040410" + USIM_AID.hex(),
    "01b0870009",
    "02a40004026f07",
    "a0a40000023f00",
    "a0a40000027f20",
    "a0a40000026f07",
    "a0b0000009",
    "8010000002ffff",
    "80f2010c00",
    "80f200000c",
    "0020000108" + PIN.hex(),
    "002000010831313131ffffffff",
    "00c0000016",
]
SEEDS = range(300)


@pytest.mark.parametrize("chunk", range(6))
def test_random_walks_come_back_or_say_that_they_cannot(chunk):
    exact = 0
    for seed in list(SEEDS)[chunk::6]:
        dice = random.Random(seed)
        sim, selection = VirtualSim(), Selection()
        sim.pin.is_enabled = dice.random() < 0.5
        for _ in range(dice.randint(1, 60)):
            run(sim, selection, dice.choice(WORDS))
        wanted, tries = sim.state(), sim.pin.tries
        if selection.plan(None) is None:
            continue
        if restored(sim, selection):
            exact += 1
            assert sim.state() == wanted, f"seed {seed}"
        assert sim.pin.tries >= tries
    assert exact > 5
