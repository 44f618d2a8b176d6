# SPDX-License-Identifier: GPL-2.0-or-later
"""The real osmo-remsim-server and -bankd with pcscd, a virtual reader and virtual cards.

For running the lab's own tests against them where they are installed. The programs are looked for
in PATH, or below the directory that REMSIM_REFERENCE names (bin/ with the programs, etc/ with
reader.conf.d for pcscd, lib/bindlo.so to keep its listeners on loopback). The server's ports are
fixed at build time (9998, 9997), and it names port 9999 to clients: one set per machine.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from remsim.rspro.messages import BankSlot, ClientSlot

VARIABLE = "REMSIM_REFERENCE"
SERVER_PORT, REST_PORT, BANKD_PORT, READER_PORT = 9998, 9997, 9999, 35963
START_LIMIT_S = 15.0
PROGRAMS = ("osmo-remsim-server", "osmo-remsim-bankd", "pcscd")
LAB = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the programs are."""

    programs: dict[str, str]
    prefix: Path | None

    @property
    def pcscd(self) -> list[str]:
        readers = self.prefix and self.prefix / "etc" / "reader.conf.d"
        return [self.programs["pcscd"], "-f", *(["-c", str(readers)] if readers else [])]

    @property
    def environment(self) -> dict[str, str]:
        preload = self.prefix and self.prefix / "lib" / "bindlo.so"
        if preload is not None and preload.exists():
            return {**os.environ, "LD_PRELOAD": str(preload)}
        return dict(os.environ)


def find() -> Reference | None:
    """None where the programs are not installed."""
    prefix = Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None
    folders = [str(prefix / "bin")] if prefix else []
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin"])
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    programs = {name: program for name, program in found.items() if program}
    return Reference(programs, prefix) if len(programs) == len(PROGRAMS) else None


@dataclass(slots=True)
class RealPrograms:
    """Server, bank, pcscd and two cards, each restartable. `folder` keeps their logs."""

    reference: Reference
    folder: Path
    bank_port: int = BANKD_PORT
    bank_options: tuple[str, ...] = ()
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        self.start_pcscd()
        for slot in (0, 1):
            self.start_card(slot)
        self.start_server()
        self.start_bank()

    def stop(self) -> None:
        for name in list(self._processes)[::-1]:
            self.kill(name)

    def start_pcscd(self) -> None:
        os.makedirs("/run/pcscd", exist_ok=True)
        self._run("pcscd", self.reference.pcscd, self.reference.environment)
        _wait_for_port(READER_PORT)

    def start_card(self, slot: int) -> None:
        iccid = f"898820100000000{slot}01{slot}"
        command = [sys.executable, "-m", "remsim_lab.rspro.vpcd_card", str(READER_PORT + slot)]
        environment = {**os.environ, "PYTHONPATH": str(LAB)}
        self._run(f"card{slot}", [*command, iccid, f"00101000000001{slot}"], environment)
        time.sleep(1.0)  # pcscd looks for cards every 0.4 s

    def start_server(self) -> None:
        self._run("server", [self.reference.programs["osmo-remsim-server"]], dict(os.environ))
        _wait_for_port(SERVER_PORT)
        _wait_for_port(REST_PORT)

    def start_bank(self) -> None:
        slots = "".join(f'"1","{slot}","Virtual PCD 00 0{slot}"\n' for slot in (0, 1))
        (self.folder / "bankd_pcsc_slots.csv").write_text(slots)
        command = [self.reference.programs["osmo-remsim-bankd"], "-i", "127.0.0.1"]
        address = ["-I", "127.0.0.1", "-P", str(self.bank_port)]
        self._run(
            "bank", [*command, "-b", "1", "-n", "8", *address, *self.bank_options], dict(os.environ)
        )
        _wait_for_port(self.bank_port)
        _wait(lambda: bool(self.get("banks")["banks"]))

    def kill(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def create(self, bank: BankSlot, client: ClientSlot) -> None:
        body = {
            "bank": {"bankId": bank.bank_id, "slotNr": bank.slot_nr},
            "client": {"clientId": client.client_id, "slotNr": client.slot_nr},
        }
        self._request("POST", "slotmaps", json.dumps(body).encode())

    def remove(self, bank: BankSlot) -> None:
        self._request("DELETE", f"slotmaps/{bank.bank_id * 65536 + bank.slot_nr}")
        _wait(lambda: not self.get("slotmaps")["slotmaps"])

    def get(self, what: str) -> dict[str, list[dict[str, object]]]:
        value: dict[str, list[dict[str, object]]] = json.loads(self._request("GET", what))
        return value

    def _request(self, method: str, what: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{REST_PORT}/api/backend/v1/{what}",
            data=body,
            method=method,
            headers={"Content-Type": "application/json"} if body else {},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    def _run(self, name: str, command: Sequence[str], environment: dict[str, str]) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen(
                list(command),
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def _wait_for_port(port: int) -> None:
    def is_open() -> bool:
        for name in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(name, encoding="ascii") as table:
                rows = [row.split() for row in table]
            if any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows[1:]):
                return True
        return False

    _wait(is_open)


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + START_LIMIT_S
    while True:
        try:
            if condition():
                return
        except (OSError, ValueError):
            pass  # not listening yet, or still starting
        if time.monotonic() >= end:
            raise TimeoutError("a reference program did not start in time")
        time.sleep(0.05)


def is_free() -> bool:
    """Nobody on this machine has the ports that cannot be chosen."""
    for port in (SERVER_PORT, REST_PORT, BANKD_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
