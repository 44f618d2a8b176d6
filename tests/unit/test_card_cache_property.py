# SPDX-License-Identifier: GPL-2.0-or-later
"""Random walks over two equal cards, one behind a cache: every answer must be the same.

Commands of all kinds, on several channels and in both classes, with resets, lost connections, new
processes, idle phases cut short, PINs right and wrong, writes, toolkit commands and data downloads,
and files that the card changes by itself where it may. Long walks by seed, and short ones that
hypothesis makes up and shortens. `make test` runs a seeded slice, `make soak` as many walks as
REMSIM_SOAK says.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from card_bench import CachedCard
from remsim_lab.rspro.files import USIM_AID
from remsim_lab.rspro.sim import VirtualSim

pytestmark = pytest.mark.soak

WALKS = int(os.environ.get("REMSIM_SOAK", "240"))
CHUNKS = 4
PIN = b"1234".ljust(8, b"\xff")
USUAL = [
    "00a4040410" + USIM_AID.hex(),
    "00a40004026f07",
    "00b0000009",
    "00a40004022fe2",
    "00b000000a",
    "00a40004023f00",
]
WORDS = [
    *USUAL,
    *("00a4000402" + file for file in ("7f10", "7f20", "5f3a", "5f3b", "5fc0", "7fff", "eeee")),
    *("00a4000402" + file for file in ("6f3a", "6f78", "6f05", "6f38", "6f46", "6fad", "4f30")),
    *("00a4000402" + file for file in ("4f20", "2f00", "6f39")),
    "00a4000c026f07",
    "00a4030c00",
    "00a40804047f206f07",
    "00a40804047fff6f07",
    "00a4080c067fff5fc04f02",
    "00a40804067f105f3a4f30",
    "00a40904025f3a",
    "00a40904045f3a4f3a",
    "00a4044410" + USIM_AID.hex(),
    "00a4040407a0000000871004",
    "00a4040407a0000000871002",
    *("00b00000" + length for length in ("02", "04", "00", "11", "0e")),
    *("00b0010004", "00b0870009", "00b0850001"),
    *("00b2011c26", "00b201041c", "00b2010426", "00b2020426", "00b2030426", "00b2010403"),
    *("00b200021c", "00b200041c", "00a2010401ff", "0032000003000001"),
    *("00d6000001aa", "00d6850001aa", "00d6870001aa"),
    *("0070000001", "0070800100", "0070800200", "0170000001"),
    *("01a40004026f3a", "01a40004027f10", "01a40004026f07", "02a40004026f07"),
    "01a4040410" + USIM_AID.hex(),
    *("01b0000009", "01b0870009", "02b0000009"),
    *("a0a40000023f00", "a0a40000027f20", "a0a40000026f07", "a0a40000026f38"),
    *("a0b0000009", "a0b000000a", "a0b0000010", "a0c000000f", "a0c0000016"),
    *("8010000002ffff", "80f2010c00", "80f200000c", "80f2000c00", "801200000b"),
    "8014000003010203",
    *(f"801400000c810301{kind}0082028281830100" for kind in ("01", "26", "42")),
    *("0020000100", "0020000108" + PIN.hex(), "002000010831313131ffffffff"),
    *("00c0000016", "00c0000020", "00c0000000", "00ee000000", "0044000000"),
    "0088008122" + "10" + "00" * 16 + "10" + "00" * 16,
    *("80c2000003d60100", "80c2000009d1006f07aabbccdd00"),
]
ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")
EVENTS = ("reset", "lose", "restart", *["quiet"] * 8, *["command"] * 89)
TOOLKIT = ("26", "01", "42", "05")  # types of proactive commands


class LivingSim(VirtualSim):
    """Changes fixed files by itself: when data that it asked for arrive, and after a REFRESH at the
    reset, or at the response that comes instead. Its ICCID becomes another one, too, at a reset.
    """

    def __init__(self):
        self.is_about_to_change = False
        super().__init__()

    def process(self, command):
        response = super().process(command)
        if command[1] == 0x12 and len(response) > 5 and response[5] == 0x01:
            self.is_about_to_change = True
        elif command[1] == 0x14 and command[8:9] == b"\x42":
            self.change()
            self.is_about_to_change = True
        elif command[1] == 0x14 and command[8:9] == b"\x01" and self.is_about_to_change:
            self.is_about_to_change = False
            self.change()
        return response

    def reset(self):
        super().reset()
        if self.is_about_to_change:
            self.is_about_to_change = False
            self.change()
            self.file(0x2FE2).data[8] ^= 0x11

    def change(self):
        for path in ((0xFF01, 0x6F07), (0xFF01, 0x6FAD), (0x7F20, 0x6F07)):
            self.file(*path).data[2] += 1


class Pair:
    """Two equal cards. `story` is what happened."""

    def __init__(self, has_pin, toolkit):
        self.has_pin, self.toolkit = has_pin, toolkit
        self.plain, self.cached = self.card(), CachedCard(self.card())
        self.plain.reset()
        self.story = []

    def card(self):
        sim = LivingSim()
        sim.pin.is_enabled = self.has_pin
        sim.proactive = [bytes.fromhex(f"d009810301{kind}0082028182") for kind in self.toolkit]
        return sim

    def break_off(self, how):
        """A reset, a lost connection or a new process."""
        getattr(self.cached, how)()
        self.plain.reset()

    def command(self, command):
        wanted = self.plain.process(bytes.fromhex(command))
        got = self.cached.ask(command)
        self.story.append((command, wanted.hex(), got.hex()))
        assert got == wanted, self.story
        assert not self.cached.verdicts, self.story
        return got

    def arrive(self):
        """A command that depends on everything brings the card wholly to where it would be."""
        for number in range(4):
            self.command(f"8{number}f2000c00")
        mine, its = self.plain.state(), self.cached.sim.state()
        assert its == mine, self.story
        assert self.cached.sim.writes == self.plain.writes, self.story
        assert self.cached.sim.pin == self.plain.pin, self.story


class Walk(Pair):
    def __init__(self, seed):
        self.dice = random.Random(seed)
        has_pin = self.dice.random() < 0.4
        super().__init__(
            has_pin, self.dice.choices(TOOLKIT, k=self.dice.choice((0, 0, 0, 1, 2, 3)))
        )
        self.favourites = [*USUAL * 2, *self.dice.choices(WORDS, k=self.dice.randint(3, 12))]

    def go(self):
        last = self.begin()
        for _ in range(self.dice.randint(20, 200)):
            event = self.dice.choice(EVENTS)
            if event == "command":
                last = self.command(self.next_command(last))
                continue
            self.story.append(event)
            if event == "quiet":
                self.cached.quiet(self.dice.choice((0, 1, 2, 3, 5, 100_000)))
            else:
                self.break_off(event)
                last = self.begin()
        self.arrive()

    def begin(self):
        """Most modems read the ICCID first."""
        if self.dice.random() < 0.8:
            for command in ICCID_READ:
                self.command(command)
        return b""

    def next_command(self, last):
        if len(last) == 2 and last[0] in (0x61, 0x9F) and self.dice.random() < 0.8:
            cla = "a0" if last[0] == 0x9F else self.dice.choice(("00", "00", "00", "01"))
            return cla + "c00000" + last[1:].hex()
        return self.dice.choice(self.favourites if self.dice.random() < 0.7 else WORDS)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_answer_differs_from_the_cards_own(chunk):
    served = 0
    for seed in range(chunk, WALKS, CHUNKS):
        walk = Walk(seed)
        walk.go()
        served += walk.cached.cache.counters.served
    assert served > WALKS // CHUNKS * 5


PHRASES = st.sampled_from(
    [
        ICCID_READ,
        ("00a4040410" + USIM_AID.hex(), "00a40004026f07", "00b0000009"),
        ("00a40004022fe2", "00c0000014", "00b000000a"),
        ("8010000001ff", "801200000b"),
        (
            "8010000001ff",
            "801200000b",
            "00a4040410" + USIM_AID.hex(),
            "00a40004026f07",
            "00b0000009",
        ),
        ("801200000b", "801400000c810301420082028281830100"),
        ("0070000001", "01a4040410" + USIM_AID.hex(), "01a40004026f07", "01b0000009"),
        ("a0a40000023f00", "a0a40000027f20", "a0a40000026f07", "a0b0000009"),
    ]
)
CHAPTERS = st.lists(
    PHRASES
    | st.tuples(st.sampled_from(WORDS))
    | st.sampled_from(["reset", "lose", "restart"])
    | st.sampled_from([0, 1, 2, 3, 5, 100_000]),  # quiet, for so many answers of the card
    max_size=40,
)


@settings(
    max_examples=max(150, WALKS // 2),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.booleans(), st.lists(st.sampled_from(TOOLKIT), max_size=3), CHAPTERS)
def test_no_story_is_told_otherwise(has_pin, toolkit, chapters):
    pair = Pair(has_pin, toolkit)
    for chapter in (ICCID_READ, *chapters):
        if isinstance(chapter, tuple):
            for command in chapter:
                pair.command(command)
            continue
        pair.story.append(chapter)
        if isinstance(chapter, int):
            pair.cached.quiet(chapter)
        else:
            pair.break_off(chapter)
    pair.arrive()
