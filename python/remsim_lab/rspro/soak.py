# SPDX-License-Identifier: GPL-2.0-or-later
"""A long run of remsim-client: `python -m remsim_lab.rspro.soak [MOVES [APDUS]]`.

The mapping moves from card to card while commands flow; every answer carries the card's mark and
the command's number, so a lost, swapped or late one is seen. Memory of the client is watched. By
default a thousand moves and a million commands, some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from remsim.client_settings import CLIENT_FILE
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim_lab import procfs
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.server import MapState, RemsimServer
from remsim_lab.rspro.sim import VirtualSim

PYTHON_DIR = Path(__file__).resolve().parents[2]
MOVES, COMMANDS = 1000, 1_000_000
WINDOW = 16  # commands that the client may hold at a time
CLIENT = ClientSlot(1, 0)
LIMIT_S = 30.0


@dataclass(slots=True)
class CountingCard(VirtualSim):
    """Answers with its mark and the command's number."""

    mark: int = 0

    def process(self, command: bytes) -> bytes:
        return bytes((self.mark,)) + command[5:9] + b"\x90\x00"


def card(mark: int) -> CountingCard:
    return CountingCard(atr=bytes((0x3B, 0x01, mark)), mark=mark)


@dataclass(slots=True)
class Soak:
    """One run. `log` is what went wrong; an empty one is success."""

    client: subprocess.Popen[bytes]
    unread: bytes = b""
    number: int = 0
    answered: int = 0
    resident: list[int] = field(default_factory=list)

    def run(self, server: RemsimServer, moves: int, commands: int) -> None:
        slot = 0
        self._expect_card(slot)
        for move in range(moves):
            self._exchange(commands // moves, slot)
            if move % max(1, moves // 10) == 0:
                self.resident.append(procfs.resident_bytes(self.client.pid))
            late = self._send(WINDOW // 2)
            _move(server, slot, 1 - slot)
            self._drain(slot, late)
            slot = 1 - slot
        self._exchange(100, slot)
        self.resident.append(procfs.resident_bytes(self.client.pid))

    def _send(self, count: int) -> list[int]:
        numbers = list(range(self.number, self.number + count))
        self.number += count
        lines = "".join(f"00d6000004{number & 0xFFFFFFFF:08x}\n" for number in numbers)
        assert self.client.stdin is not None
        self.client.stdin.write(lines.encode())
        return numbers

    def _exchange(self, count: int, slot: int) -> None:
        left = count
        while left:
            numbers = self._send(min(left, WINDOW))
            left -= len(numbers)
            for number in numbers:
                self._check(self._line(), slot, number)

    def _drain(self, slot: int, late: list[int]) -> None:
        """Answers of the old card to the first of the late commands, then the new card."""
        for number in late:
            line = self._line()
            if line.startswith(b"SET_ATR"):
                self._check_card(line, 1 - slot)
                return
            self._check(line, slot, number)
        self._expect_card(1 - slot)

    def _check(self, line: bytes, slot: int, number: int) -> None:
        wanted = f"R-APDU: {(bytes((slot + 1,)) + number.to_bytes(4, 'big')).hex(' ')} 90 00"
        if line != wanted.encode():
            raise AssertionError(f"{line!r} instead of {wanted}")
        self.answered += 1

    def _expect_card(self, slot: int) -> None:
        self._check_card(self._line(), slot)

    def _check_card(self, line: bytes, slot: int) -> None:
        wanted = f"SET_ATR: 3b 01 {slot + 1:02x}"
        if line != wanted.encode():
            raise AssertionError(f"{line!r} instead of {wanted}")

    def _line(self) -> bytes:
        assert self.client.stdout is not None
        while b"\n" not in self.unread:
            octets = os.read(self.client.stdout.fileno(), 65536)
            if not octets:
                raise AssertionError("the client ended")
            self.unread += octets
        line, self.unread = self.unread.split(b"\n", 1)
        return line


def _move(server: RemsimServer, old: int, new: int) -> None:
    server.ask(lambda: server.remove(65536 + old))
    end = time.monotonic() + LIMIT_S
    while server.ask(lambda: [each for each in server.maps if each.state is not MapState.ACTIVE]):
        if time.monotonic() > end:
            raise AssertionError("the mapping was never removed")
        time.sleep(0.0005)
    server.ask(lambda: server.create(BankSlot(1, new), CLIENT))


def main(arguments: list[str]) -> int:
    moves = int(arguments[0]) if arguments else MOVES
    commands = int(arguments[1]) if len(arguments) > 1 else COMMANDS
    server = RemsimServer()
    server.start()
    bank = Bankd({0: card(1), 1: card(2)}, ("127.0.0.1", server.rspro_port))
    bank.start()
    server.ask(lambda: setattr(server, "bankd_port", bank.port))
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    with tempfile.TemporaryDirectory(prefix="remsim-soak-") as root:
        path = Path(f"{root}{CLIENT_FILE}")
        path.parent.mkdir(parents=True)
        where = {"host": "127.0.0.1", "port": server.rspro_port}
        path.write_text(json.dumps({"front_end": "shell", "client_id": 1, "server": where}))
        client = subprocess.Popen(
            [sys.executable, "-sP", "-m", "remsim.client", "--root", root],
            env={"PYTHONPATH": str(PYTHON_DIR)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        soak = Soak(client)
        began = time.monotonic()
        try:
            soak.run(server, moves, commands)
        finally:
            client.terminate()
            client.wait()
            bank.stop()
            server.stop()
    resident = " ".join(f"{each / 2**20:.2f}" for each in soak.resident)
    print(f"{moves} moves, {soak.answered} answers, none lost or swapped,", end=" ")
    print(f"{time.monotonic() - began:.0f} s; resident MiB: {resident}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
