# SPDX-License-Identifier: GPL-2.0-or-later
"""What a modem asks a USIM from power-on to its first registration: some 250 TPDUs, in order.

Modelled on how modems walk a card: SELECT with its data fetched, then READ; files that this card
lacks are tried as well; everything a modem writes and every toolkit command is in it.
`python3 -m remsim_lab.rspro.startup` plays it through the cache and prints how long it takes over
links of several round-trip times. Sources: ETSI TS 102 221 section 14, 3GPP TS 31.102 section 5.1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from remsim.card.cache import IDLE_S, CardCache
from remsim_lab.clock import HandClock
from remsim_lab.rspro.files import ISIM_AID, USIM_AID
from remsim_lab.rspro.milenage import Subscriber
from remsim_lab.rspro.sim import VirtualSim

Ask = Callable[[bytes], bytes]
ROUND_TRIPS_MS = (0, 30, 100, 300)
PROACTIVE = (
    "d00d81030105008202818199030a1603",  # set up event list
    "d00d8103010300820281828402001e",  # poll interval
    "d00981030126008202818200"[:22],  # provide local information
    "d00981030125008202818200"[:22],  # set up menu, without items
)
PROFILE = bytes.fromhex("801000001c") + bytes(range(0x80, 0x80 + 28))
# Identifier, octets. 0 octets: SELECT only.
FIRST_FILES = ((0x6F38, 14), (0x6FAD, 4), (0x6F07, 9), (0x6F05, 10), (0x6F78, 2), (0x6FB7, 20))
IDENTITY_FILES = ((0x6F46, 17), (0x6F3E, 20), (0x6F3F, 20), (0x6F56, 1), (0x6F31, 1), (0x6F42, 40))
NETWORK_FILES = (
    *((0x6F7E, 11), (0x6F73, 14), (0x6FE3, 18), (0x6FE4, 54), (0x6F08, 33), (0x6F09, 33)),
    *((0x6F5B, 6), (0x6F5C, 3), (0x6F7B, 12), (0x6F60, 250), (0x6F61, 250), (0x6F62, 50)),
    *((0x6FD9, 30), (0x6FDC, 1), (0x6FC5, 60), (0x6FC6, 40), (0x6FCD, 30), (0x6FC4, 50)),
    *((0x6F45, 20), (0x6F48, 20), (0x6F50, 20), (0x6F43, 2)),
)
MISSING_FILES = (0x6FC7, 0x6FC9, 0x6FCA, 0x6FCB, 0x6FDB, 0x6FE6, 0x6FE8, 0x6F41, 0x6F49, 0x6F4B)
WRITTEN_FILES = ((0x6F7E, 11), (0x6F73, 14), (0x6FE3, 18), (0x6FE4, 54), (0x6F08, 33), (0x6F5B, 6))


class Modem:
    """`trail` is what it asked and got."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.trail: list[tuple[bytes, bytes]] = []

    def ask(self, command: str | bytes) -> bytes:
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        response = self._ask(octets)
        self.trail.append((octets, response))
        return response

    def fetch(self, command: str | bytes) -> bytes:
        """And what was announced by 61xx."""
        response = self.ask(command)
        if response[-2] != 0x61:
            return response
        cla = self.trail[-1][0][0]
        return self.ask(bytes((cla, 0xC0, 0, 0, response[-1])))

    def select(self, file: int, cla: int = 0) -> bytes:
        return self.fetch(bytes((cla, 0xA4, 0, 4, 2)) + file.to_bytes(2, "big"))

    def read(self, file: int, octets: int, cla: int = 0) -> None:
        if self.select(file, cla)[-2] == 0x90 and octets:
            self.ask(bytes((cla, 0xB0, 0, 0, octets)))

    def records(self, file: int, octets: int, count: int) -> None:
        if self.select(file)[-2] == 0x90:
            for number in range(1, count + 1):
                self.ask(bytes((0, 0xB2, number, 4, octets)))

    def start(self, challenge: bytes) -> None:
        """From power-on to the first registration. `challenge` is the network's RAND and AUTN."""
        self._look_at_the_card()
        self._enter_the_usim()
        self._toolkit()
        for file, octets in NETWORK_FILES:
            self.read(file, octets)
        for file in MISSING_FILES:
            self.select(file)
        self._five_g_and_two_g()
        self._ims()
        self._phone_book_and_messages()
        self._register(challenge)

    def _look_at_the_card(self) -> None:
        self.select(0x3F00)
        self.read(0x2FE2, 10)
        self.read(0x2F05, 10)
        self.records(0x2F00, 38, 2)
        self.read(0x2F08, 5)
        self.ask("80aa000005a903830180")

    def _enter_the_usim(self) -> None:
        self.fetch(b"\x00\xa4\x04\x04\x10" + USIM_AID)
        self.ask("0020000100")
        self.ask("80f2010c00")
        for file, octets in FIRST_FILES + IDENTITY_FILES:
            self.read(file, octets)

    def _toolkit(self) -> None:
        response = self.ask(PROFILE)
        while response[-2] == 0x91:
            number, kind = self.ask(bytes((0x80, 0x12, 0, 0, response[-1])))[4:6]
            details = bytes((0x81, 3, number, kind, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, 0))
            response = self.ask(bytes((0x80, 0x14, 0, 0, len(details))) + details)

    def _five_g_and_two_g(self) -> None:
        self.select(0x5FC0)
        for file, octets in ((0x4F01, 20), (0x4F02, 20), (0x4F03, 57), (0x4F05, 68), (0x4F07, 0)):
            self.read(file, octets)
        for file in (0x4F06, 0x4F08, 0x4F0A):
            self.select(file)
        self.select(0x7FFF)
        self.select(0x5F3B)
        self.read(0x4F20, 9)
        self.read(0x4F52, 9)

    def _ims(self) -> None:
        cla = self.ask("0070000001")[0]
        self.fetch(bytes((cla, 0xA4, 4, 4, 16)) + ISIM_AID)
        for file, octets in ((0x6FAD, 4), (0x6F02, 60), (0x6F03, 40), (0x6F04, 0), (0x6F07, 0)):
            self.read(file, octets, cla)

    def _phone_book_and_messages(self) -> None:
        self.select(0x7FFF)
        self.records(0x6F40, 26, 2)
        self.records(0x6F3C, 176, 10)
        self.select(0x3F00)
        self.select(0x7F10)
        self.select(0x5F3A)
        self.records(0x4F30, 50, 1)
        self.records(0x4F3A, 30, 10)

    def _register(self, challenge: bytes) -> None:
        self.select(0x7FFF)
        self.ask("80f2000c00")
        self.fetch(bytes.fromhex("0088008122") + challenge)
        for file, octets in WRITTEN_FILES:
            self.select(file)
            self.ask(bytes((0, 0xD6, 0, 0, octets)) + bytes(octets))
        self.ask("80f2000c00")


def challenge_for(sim: VirtualSim, sequence: int) -> bytes:
    rand = bytes(range(sequence, sequence + 16))
    autn = Subscriber(sim.subscriber.key, sim.subscriber.opc).challenge(rand, sequence * 32)
    return b"\x10" + rand + b"\x10" + autn


def proactive_commands() -> list[bytes]:
    """What a card's toolkit asks at a start-up."""
    return [bytes.fromhex(each) for each in PROACTIVE]


def new_card() -> VirtualSim:
    return VirtualSim(proactive=proactive_commands())


# --- measuring ------------------------------------------------------------------------------------


class MemoryShelf:
    """Keeps texts as long as the process lives."""

    def __init__(self) -> None:
        self.texts: dict[tuple[bytes, bytes], str] = {}

    def has(self, atr: bytes) -> bool:
        return any(known == atr for _, known in self.texts)

    def load(self, iccid: bytes, atr: bytes) -> str | None:
        return self.texts.get((iccid, atr))

    def keep(self, iccid: bytes, atr: bytes, text: str) -> None:
        self.texts[iccid, atr] = text

    def drop(self, iccid: bytes, atr: bytes) -> None:
        self.texts.pop((iccid, atr), None)


class Link:
    """A card behind a cache and a link: an exchange moves the clock by one round trip, also one of
    several commands that travel together.
    """

    def __init__(self, sim: VirtualSim, shelf: MemoryShelf, round_trip_ms: int) -> None:
        self.clock = HandClock()
        self.cache = CardCache(shelf)
        self.exchanges = 0
        self._sim = sim
        self._round_trip_s = round_trip_ms / 1000
        self._waiting: list[bytes] = []
        self._answers: list[bytes] = []
        self.cache.bind(self._waiting.append, self._answered, self._distrusted)
        self._sim.reset()
        self.cache.begin(sim.atr)

    def ask(self, command: bytes) -> bytes:
        self.cache.command(command, self.clock.monotonic())
        self._carry()
        return self._answers.pop()

    def be_quiet(self) -> None:
        self.clock.move(IDLE_S)
        self.cache.tick(self.clock.monotonic())
        self._carry()

    def _carry(self) -> None:
        while self._waiting:
            self.exchanges += 1
            self.clock.move(self._round_trip_s)
            together, self._waiting[:] = tuple(self._waiting), []
            for command in together:
                self.cache.answer(self._sim.process(command), self.clock.monotonic())

    def _answered(self, response: bytes, _: float) -> None:
        self._answers.append(response)

    def _distrusted(self, reason: str, _: bool) -> None:
        raise RuntimeError(reason)


def seconds(round_trip_ms: int) -> Iterator[tuple[str, int, float]]:
    """(how, exchanges with the card, seconds) without a cache, cold, and warm."""
    plain = Modem(new_card().process)
    plain.start(challenge_for(new_card(), 1))
    count = len(plain.trail)
    yield "none", count, count * round_trip_ms / 1000
    shelf = MemoryShelf()
    for turn, how in enumerate(("cold", "warm"), 1):
        sim = new_card()
        link = Link(sim, shelf, round_trip_ms)
        modem = Modem(link.ask)
        modem.start(challenge_for(sim, turn))
        yield how, link.exchanges, link.clock.monotonic() - HandClock().monotonic()
        link.be_quiet()


def main() -> None:
    sys.stdout.write("round trip   cache   exchanges   seconds   of none\n")
    for round_trip_ms in ROUND_TRIPS_MS:
        bare = 0
        for how, exchanges, took_s in seconds(round_trip_ms):
            bare = bare or exchanges
            share = exchanges / bare
            sys.stdout.write(
                f"{round_trip_ms:7d} ms   {how:5s} {exchanges:11d} {took_s:9.2f} {share:9.0%}\n"
            )


if __name__ == "__main__":
    main()
