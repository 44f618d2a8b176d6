# SPDX-License-Identifier: GPL-2.0-or-later
"""The APDU cache between a modem and a bank that both talk rubbish: one answer for each command, no
exception, nothing that grows without end. Kept texts are damaged as well.
"""

from __future__ import annotations

from harness import main

from remsim.card.cache import IDLE_S, CardCache
from remsim.card.cache_memory import MAX_OCTETS, Memory
from remsim_lab.rspro.files import USIM_AID

H = bytes.fromhex
ATR = b"\x3b\x00"
COMMANDS = [
    H("00a40004023f00"),
    H("00a40004022fe2"),
    H("00b000000a"),
    H("00a4040410") + USIM_AID,
    H("00a40004026f07"),
    H("00a40804047fff6f07"),
    H("00b0000009"),
    H("00c0000014"),
    H("0070000001"),
    H("01a40004026f07"),
    H("80f2000c00"),
    H("00d6000001aa"),
    H("00200001083132333400000000"),
    H("801200000b"),
    H("80c2000003d10100"),
    H("00b2010426"),
    H("801400000c810301420082028281830100"),
    H("801400000c810301010082028281830100"),
    H("80e2910003bf3100"),
    H("00a4040407a0000000871002"),
]
ANSWERS = [
    b"\x90\x00",
    b"\x61\x14",
    b"\x6a\x82",
    b"\x6c\x0a",
    b"\x91\x0b",
    b"\x6e\x00",
    H("98880221436587092103") + b"\x90\x00",
    H("62128202412183022fe28a01058002000a880110") + b"\x90\x00",
    H("d009810301010082028182") + b"\x90\x00",
    H("d009810301420082028182") + b"\x90\x00",
    b"",
    b"\x90",
    bytes(300),
    b"\x01\x90\x00",
]
KEPT = Memory(ATR, H("98880221436587092103"), b"\xc6\x00").text()
SEEDS = [
    bytes((0x00, 0x51, 0x02, 0x16, 0x00, 0x51, 0x02, 0x10, 0x11, 0x00, 0x44)),
    bytes((0x01, 0x40, 0x60, 0x02, 0x00, 0x06, 0x00, 0x51, 0x84, 0x07, 0x03)),
    bytes((0x00, 0x51, 0x01, 0x51, 0x02, 0x56, 0x0D, 0x59, 0x10, 0x50, 0xB0, 0xC0, 0xD0)),
    KEPT.encode(),
]


class Shelf:
    def __init__(self, text: str) -> None:
        self.text: str | None = text

    def has(self, atr: bytes) -> bool:
        return self.text is not None

    def load(self, iccid: bytes, atr: bytes) -> str | None:
        return self.text

    def keep(self, iccid: bytes, atr: bytes, text: str) -> None:
        if Memory.parse(text) is None:
            raise AssertionError(text)
        self.text = text

    def drop(self, iccid: bytes, atr: bytes) -> None:
        self.text = None


class Bench:
    def __init__(self, text: str) -> None:
        self.cache = CardCache(Shelf(text))
        self.cache.bind(self._to_bank, self._to_relay, self._distrusted)
        self.on_its_way = 0
        self.owed = 0
        self.now = 0.0
        self.cache.begin(ATR)

    def _to_bank(self, command: bytes) -> None:
        if len(command) < 5:
            raise AssertionError(command)
        self.on_its_way += 1

    def _to_relay(self, response: bytes, now: float) -> None:
        self.owed -= 1
        if self.owed < 0:
            raise AssertionError("an answer too many")

    def _distrusted(self, reason: str, is_modem_misled: bool) -> None:
        """The session would present the card anew."""
        if is_modem_misled:
            self.cache.end()
            self.cache.begin(ATR)

    def answer(self, response: bytes) -> None:
        if self.on_its_way:
            self.on_its_way -= 1
            self.cache.answer(response, self.now)

    def step(self, octet: int, rest: bytes) -> None:
        low = octet & 0x0F
        match octet >> 4:
            case 0 | 1 | 2 | 3 if not self.owed:
                self.owed += 1
                self.cache.command(COMMANDS[octet % len(COMMANDS)], self.now)
            case 4 if not self.owed and len(rest) >= 5:
                self.owed += 1
                self.cache.command(rest[: 5 + low], self.now)
            case 5 | 6 | 7 | 8 | 9:
                self.answer(ANSWERS[low % len(ANSWERS)])
            case 10:
                self.answer(rest[:low])
            case 11:
                self.cache.card_reset()
            case 12:
                self.cache.close()
                self.on_its_way = self.owed = 0
            case 13:
                self.now += IDLE_S
                self.cache.tick(self.now)
            case 14 if low == 0:
                self.cache.end()
                self.cache.begin(ATR)


def one_input(data: bytes) -> None:
    Memory.parse(data.decode("latin-1"))
    damaged = KEPT[: len(data) % len(KEPT)] + data.decode("latin-1")
    bench = Bench(damaged if data[:1] == b"\x00" else KEPT)
    for at, octet in enumerate(data[:600]):
        bench.step(octet, data[at + 1 : at + 40])
    for _ in range(100):
        bench.answer(b"\x6f\x00")
    if bench.owed or bench.on_its_way:
        raise AssertionError(f"{bench.owed} owed, {bench.on_its_way} on their way")
    memory = bench.cache.knowledge.memory
    if memory is not None and memory._octets > MAX_OCTETS:
        raise AssertionError(memory._octets)


if __name__ == "__main__":
    main(one_input, SEEDS)
