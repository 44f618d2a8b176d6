# SPDX-License-Identifier: GPL-2.0-or-later
"""The remote-SIM client measured: `python -m remsim_lab.bench_rspro [--quick] [--json FILE]`.

APDU round trip through remsim-client (front-end shell) against a bare peer of the same bank and
against osmo-remsim-client-shell where that is installed (in PATH, or below REMSIM_REFERENCE),
taking turns in short rounds, so that the machine's load meets all of them. The bank is the lab's,
in a process of its own. `figures()` is what `make bench` takes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from remsim.client import CARDS_DIRECTORY
from remsim.client_settings import CLIENT_FILE
from remsim.rspro import framing
from remsim.rspro.messages import (
    BankSlot,
    ClientSlot,
    Component,
    ConnectClientReq,
    Pdu,
)
from remsim_lab import procfs
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.delay import DelayLine
from remsim_lab.rspro.peer import identity
from remsim_lab.rspro.server import RemsimServer
from remsim_lab.rspro.startup import Modem, challenge_for, new_card

PYTHON_DIR = Path(__file__).resolve().parents[1]
C_CLIENT = "osmo-remsim-client-shell"
REFERENCE = "REMSIM_REFERENCE"
CLIENT, SLOT = ClientSlot(5, 0), BankSlot(1, 0)
SELECT, READ = bytes.fromhex("00a40004022fe2"), bytes.fromhex("00b000000a")
ROUNDS, COMMANDS, WARM_UP = 9, 1500, 200
QUICK_ROUNDS, QUICK_COMMANDS = 3, 300
ROUND_TRIPS_MS = (0, 30, 100, 300)
QUICK_ROUND_TRIPS_MS = (0, 30)
START_LIMIT_S = 15.0
KEEP_LIMIT_S = 180.0
IDLE_S, QUICK_IDLE_S = 30.0, 5.0
ADDED_P99_MS, RATIO, RESIDENT_MB = 0.5, 1.5, 16.0
IDLE_PERCENT, WAKE_UPS_PER_S = 0.5, 8.0


@dataclass(frozen=True, slots=True)
class Figure:
    """As `remsim_lab.bench` writes it."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    against: str | None = None

    @property
    def ok(self) -> bool:
        return self.budget is None or self.value <= self.budget

    @property
    def row(self) -> tuple[str, float, str, float | None, str | None]:
        return self.name, self.value, self.unit, self.budget, self.against


Ask = Callable[[bytes], bytes]


class BankSide:
    """Server and bank in a process of their own, without which they would share our interpreter."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "remsim_lab.bench_rspro", "--bank-side"],
            env={**os.environ, "PYTHONPATH": str(PYTHON_DIR)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ports = self._process.stdout.readline().split()
        self.server_port, self.bank_port = int(ports[0]), int(ports[1])

    def close(self) -> None:
        self._process.communicate("")


def serve_bank_side() -> None:
    """Until the end of input."""
    server = RemsimServer()
    server.start()
    bank = Bankd({0: new_card()}, ("127.0.0.1", server.rspro_port))
    bank.start()
    server.ask(lambda: setattr(server, "bankd_port", bank.port))
    server.ask(lambda: server.create(SLOT, CLIENT))
    print(server.rspro_port, bank.port, flush=True)
    sys.stdin.read()


class BarePeer:
    """Pre-encoded frames out, answers not decoded: what the network and the bank cost."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._codec = framing.TpduCodec(CLIENT, SLOT)
        self._sock.send(framing.frame(Pdu(ConnectClientReq(identity(Component.CLIENT), CLIENT))))
        time.sleep(0.3)
        self._sock.recv(4096)

    def ask(self, command: bytes) -> bytes:
        self._sock.send(self._codec.command_frame(command))
        return self._sock.recv(4096)

    def close(self) -> None:
        self._sock.close()


class Piped:
    """A client on pipes: one hexadecimal TPDU a line in, `R-APDU: ...` lines out."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._in = self.process.stdin.fileno()
        self._out = self.process.stdout.fileno()
        self._unread = b""
        while not self._line().startswith(b"SET_ATR: 3b 9f"):
            pass

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, command: bytes) -> bytes:
        os.write(self._in, command.hex().encode() + b"\n")
        while True:
            line = self._line()
            if line.startswith(b"R-APDU: "):
                return bytes.fromhex(line[8:].decode())

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            octets = os.read(self._out, 65536)
            if not octets:
                raise RuntimeError("the client ended")
            self._unread += octets
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def our_client(root: Path, values: dict[str, Any]) -> Piped:
    path = Path(f"{root}{CLIENT_FILE}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"front_end": "shell", "client_id": CLIENT.client_id, **values}))
    command = [sys.executable, "-sP", "-m", "remsim.client", "--root", str(root)]
    return Piped(command, {"PYTHONPATH": str(PYTHON_DIR)})


def c_client(server_port: int) -> Piped | None:
    """None where it is not installed."""
    folders = [f"{os.environ[REFERENCE]}/bin"] if REFERENCE in os.environ else []
    program = shutil.which(C_CLIENT, path=os.pathsep.join([*folders, os.environ["PATH"]]))
    if program is None:
        return None
    options = ["-i", "127.0.0.1", "-p", str(server_port), "-c", str(CLIENT.client_id), "-n", "0"]
    return Piped([program, *options, "-L"], dict(os.environ))


# --- figures -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Samples:
    """Round trips in ms, by round."""

    rounds: list[list[float]]
    cpu_s: float = 0.0
    resident_mb: float = 0.0
    octets: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(statistics.median(each) for each in self.rounds)

    @property
    def mean(self) -> float:
        return statistics.mean(statistics.mean(each) for each in self.rounds)

    @property
    def p99(self) -> float:
        """The median round's: one disturbed round must not decide."""
        return statistics.median(sorted(each)[len(each) * 99 // 100] for each in self.rounds)


def timed(ask: Ask, count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        ask(READ)
        times.append((time.perf_counter() - began) * 1000)
    return times


def measure_round(make: Callable[[], BarePeer | Piped | None], count: int, into: Samples) -> None:
    """One client for one round: the bank serves one at a time."""
    peer = make()
    if peer is None:
        return
    try:
        peer.ask(SELECT)
        timed(peer.ask, WARM_UP)
        pid = peer.pid if isinstance(peer, Piped) else os.getpid()
        before = procfs.usage(pid)
        into.rounds.append(timed(peer.ask, count))
        into.cpu_s += procfs.usage(pid).cpu_s - before.cpu_s
        into.resident_mb = max(into.resident_mb, procfs.resident_bytes(pid) / 2**20)
    finally:
        peer.close()
    time.sleep(0.1)


def round_trips(side: BankSide, root: Path, rounds: int, commands: int) -> Iterator[Figure]:
    server = {"server": {"host": "127.0.0.1", "port": side.server_port}}
    makers: dict[str, Callable[[], BarePeer | Piped | None]] = {
        "bare": lambda: BarePeer(side.bank_port),
        "c": lambda: c_client(side.server_port),
        "ours": lambda: our_client(root, server),
    }
    samples = {name: Samples([]) for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            measure_round(make, commands, samples[name])
    bare, c, ours = samples["bare"], samples["c"], samples["ours"]
    total = rounds * commands
    yield Figure("APDU round trip, bare peer: median", bare.median, "ms")
    yield Figure("APDU round trip, remsim-client: median", ours.median, "ms")
    yield Figure("APDU round trip, remsim-client: p99", ours.p99, "ms")
    added = ours.p99 - bare.p99
    against = f"bare peer's p99: {bare.p99:.3f} ms"
    yield Figure("APDU round trip, added at p99", added, "ms", ADDED_P99_MS, against)
    if c.rounds:
        against = f"{C_CLIENT}: median {c.median:.3f} ms, p99 {c.p99:.3f} ms"
        yield Figure(
            "APDU round trip against the C client", ours.median / c.median, "x", RATIO, against
        )
    yield Figure("APDUs per second", 1000 / ours.mean, "/s")
    yield Figure("CPU per 1000 APDUs", 1000 * ours.cpu_s / total, "s")
    if c.rounds:
        yield Figure("CPU per 1000 APDUs, C client", 1000 * c.cpu_s / total, "s")
    yield Figure("remsim-client: resident memory", ours.resident_mb, "MiB", RESIDENT_MB)


def idle(side: BankSide, root: Path, seconds: float) -> Iterator[Figure]:
    """Card presented, the modem silent; the server's and our keep-alives only."""
    client = our_client(root, {"server": {"host": "127.0.0.1", "port": side.server_port}})
    try:
        client.ask(SELECT)
        before = procfs.usage(client.pid)
        time.sleep(seconds)
        used = procfs.between(before, procfs.usage(client.pid))
    finally:
        client.close()
    yield Figure("remsim-client: idle CPU", used.cpu_percent, "%", IDLE_PERCENT, "one core")
    yield Figure("remsim-client: idle wake-ups", used.wakeups_per_s, "/s", WAKE_UPS_PER_S)


def octets_per_command(root: Path, commands: int) -> Iterator[Figure]:
    """On TCP, both directions, while the session runs; the bank's frames are the same for both."""
    server = RemsimServer()
    server.start()
    bank = Bankd({0: new_card()}, ("127.0.0.1", server.rspro_port))
    bank.start()
    line = DelayLine(("127.0.0.1", bank.port), 0.0)
    line.start()
    server.ask(lambda: setattr(server, "bankd_port", line.port))
    server.ask(lambda: server.create(SLOT, CLIENT))
    try:
        place = {"server": {"host": "127.0.0.1", "port": server.rspro_port}}
        ours = counted(our_client(root, place), line, commands)
        theirs = counted(c_client(server.rspro_port), line, commands)
    finally:
        line.stop()
        bank.stop()
        server.stop()
    against = f"{C_CLIENT}: {theirs:.1f} B" if theirs else None
    yield Figure("octets per READ BINARY of 10", ours or 0.0, "B", theirs, against)


def counted(client: Piped | None, line: DelayLine, commands: int) -> float | None:
    if client is None:
        return None
    try:
        client.ask(SELECT)
        before = line.to_peer.octets + line.to_client.octets
        for _ in range(commands):
            client.ask(READ)
        return (line.to_peer.octets + line.to_client.octets - before) / commands
    finally:
        client.close()


def direct(port: int) -> dict[str, Any]:
    return {"bank": {"host": "127.0.0.1", "port": port, "bank_id": 1, "bank_slot": 0}}


def start_ups(root: Path, round_trips_ms: Sequence[int]) -> Iterator[Figure]:
    """A modem's start-up through the whole client, over lines of several round trips."""
    for round_trip_ms in round_trips_ms:
        plain_s = 0.0
        for how, has_cache, turn in (
            ("without cache", False, 1),
            ("cold", True, 2),
            ("warm", True, 3),
        ):
            folder = root / f"{round_trip_ms}{'cache' if has_cache else ''}"
            took_s, count = start_up(folder, round_trip_ms, has_cache, turn)
            plain_s = plain_s or took_s
            name = f"start-up of {count} APDUs at {round_trip_ms} ms, {how}"
            against = None if how == "without cache" else f"{100 * took_s / plain_s:.0f} % of none"
            yield Figure(name, took_s, "s", None, against)


def start_up(root: Path, round_trip_ms: int, has_cache: bool, turn: int) -> tuple[float, int]:
    """In this process but for the client: the line's delay hides what that costs."""
    sim = new_card()
    bank = Bankd({0: sim})
    bank.start()
    bank.ask(lambda: bank.map(CLIENT, 0))
    line = DelayLine(("127.0.0.1", bank.port), round_trip_ms / 2000)
    line.start()
    try:
        client = our_client(root, {**direct(line.port), "cache": has_cache})
        try:
            modem = Modem(client.ask)
            began = time.monotonic()
            modem.start(challenge_for(sim, turn))
            took_s = time.monotonic() - began
            if has_cache:
                wait_until_kept(root)
        finally:
            client.close()
    finally:
        line.stop()
        bank.stop()
    return took_s, len(modem.trail)


def wait_until_kept(root: Path) -> None:
    """The cache proves what it knows while the modem is quiet, and then keeps it."""
    end = time.monotonic() + KEEP_LIMIT_S
    while not list(Path(f"{root}{CARDS_DIRECTORY}").glob("*.json")):
        if time.monotonic() > end:
            raise RuntimeError("the cache kept nothing")
        time.sleep(0.2)


def figures(is_quick: bool) -> Iterator[Figure]:
    """Everything, as it is measured."""
    rounds = QUICK_ROUNDS if is_quick else ROUNDS
    commands = QUICK_COMMANDS if is_quick else COMMANDS
    side = BankSide()
    try:
        with tempfile.TemporaryDirectory(prefix="remsim-rspro-") as folder:
            root = Path(folder)
            yield from round_trips(side, root / "a", rounds, commands)
            yield from idle(side, root / "a", QUICK_IDLE_S if is_quick else IDLE_S)
            yield from octets_per_command(root / "b", commands)
            yield from start_ups(root, QUICK_ROUND_TRIPS_MS if is_quick else ROUND_TRIPS_MS)
    finally:
        side.close()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="remsim_lab.bench_rspro")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bank-side", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.bank_side:
        serve_bank_side()
        return 0
    found = []
    for figure in figures(options.quick):
        found.append(figure)
        budget = "" if figure.budget is None else f"   budget {figure.budget:g}"
        mark = "" if figure.ok else "   OVER"
        against = f"   ({figure.against})" if figure.against else ""
        print(
            f"{figure.name:<52} {figure.value:9.3f} {figure.unit}{budget}{mark}{against}",
            flush=True,
        )
    if options.json:
        rows = [{**asdict(each), "ok": each.ok} for each in found]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
