# SPDX-License-Identifier: GPL-2.0-or-later
"""The client as a process: pipes, signals, files that change under it, ubus or none, exec."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from remsim.card.shelf import MAX_OCTETS
from remsim.client_settings import (
    ASSIGNMENT_FILE,
    CLIENT_FILE,
    PATH_FILE,
    assignment_json,
    client_json,
    path_json,
)
from remsim.config.load import load
from remsim.net.bind import LinkBinding
from remsim.paths import Paths
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim.rspro.session import Bank
from remsim.settings import build
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.server import RemsimServer
from remsim_lab.rspro.sim import VirtualSim
from remsim_lab.ubus.background import BackgroundBroker

PYTHON = Path(__file__).resolve().parents[2] / "python"
CLIENT = ClientSlot(5, 0)
LIMIT_S = 20.0


class Process:
    """remsim-client below a root of its own, with pipes."""

    def __init__(self, root, values, extra_path=""):
        self.root = root
        self.write(CLIENT_FILE, json.dumps(values))
        path = f"{PYTHON}:{extra_path}" if extra_path else str(PYTHON)
        self.process = subprocess.Popen(
            [sys.executable, "-sP", "-m", "remsim.client", "--root", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": path, "PATH": os.environ["PATH"]},
        )
        self.lines = []
        self.log = []
        for stream, kept in ((self.process.stdout, self.lines), (self.process.stderr, self.log)):
            threading.Thread(target=self._collect, args=(stream, kept), daemon=True).start()

    @staticmethod
    def _collect(stream, kept):
        for line in stream:
            kept.append(line.decode().rstrip("\n"))

    def write(self, name, text):
        path = Path(f"{self.root}{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(path)

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def until(self, condition, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, "\n".join(self.log[-10:])
            time.sleep(0.01)

    def has_logged(self, text):
        return any(text in line for line in self.log)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(LIMIT_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return status


@pytest.fixture
def bank():
    bank = Bankd({0: VirtualSim(), 1: VirtualSim(iccid="8988209999999999999")})
    bank.start()
    bank.ask(lambda: bank.map(CLIENT, 0))
    yield bank
    bank.stop()


@pytest.fixture
def start(tmp_path):
    begun = []

    def begin(values, extra_path="", name="root"):
        begun.append(Process(tmp_path / name, values, extra_path))
        return begun[-1]

    yield begin
    for each in begun:
        each.end(signal.SIGKILL)


def direct(bank, **more):
    where = {"host": "127.0.0.1", "port": bank.port, "bank_id": 1, "bank_slot": 0}
    return {"front_end": "shell", "client_id": 5, "bank": where, **more}


def test_commands_are_answered_and_the_end_of_input_ends_it_with_0(start, bank):
    client = start(direct(bank))
    client.type("00A40004022FE2\n00B000000A\n")
    client.process.stdin.close()
    assert client.process.wait(LIMIT_S) == 0
    iccid = bank.cards[0].file(0x2FE2).data.hex(" ")
    client.until(lambda: len(client.lines) == 3)
    assert client.lines[0] == f"SET_ATR: {bank.cards[0].atr.hex(' ')}"
    assert client.lines[1].startswith("R-APDU: 61")
    assert client.lines[2] == f"R-APDU: {iccid} 90 00"


def test_sigterm_ends_it_with_0_and_at_once(start, bank):
    client = start(direct(bank))
    client.until(lambda: client.lines)
    begin = time.monotonic()
    assert client.end() == 0
    assert time.monotonic() - begin < 1.0
    end = time.monotonic() + 5
    while bank.ask(lambda: list(bank.clients)):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_with_a_server(start):
    server = RemsimServer()
    server.start()
    bank = Bankd({0: VirtualSim()}, ("127.0.0.1", server.rspro_port))
    bank.start()
    server.ask(lambda: setattr(server, "bankd_port", bank.port))
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    try:
        where = {"host": "localhost", "port": server.rspro_port}
        client = start({"front_end": "shell", "client_id": 5, "server": where})
        client.until(lambda: client.lines)
        assert client.end() == 0
        assert server.deaths == []
    finally:
        bank.stop()
        server.stop()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"client_id": 5000}, "client.json.client_id"),
        ({"backend": "st2", "external": {"argv": ["/no/such/program"]}}, "/no/such/program"),
        ({"tls": {"ca_cert": "/no/such/ca"}, "front_end": "shell"}, "security.ca_cert"),
    ],
)
def test_unusable_parameters_are_told_once_and_waited_out(start, values, complaint):
    client = start(values)
    client.until(lambda: client.has_logged(complaint))
    time.sleep(0.2)
    assert client.process.poll() is None
    assert len([line for line in client.log if complaint in line]) == 1
    assert client.end() == 0


def test_without_a_front_end_it_says_so_and_connects_to_nothing(start, bank):
    client = start(direct(bank, front_end="none"))
    client.until(lambda: client.has_logged("no card front-end is configured"))
    time.sleep(0.2)
    assert bank.ask(lambda: len(bank.clients)) == 0
    assert client.end() == 0


def test_external_client_takes_its_place_with_arguments_and_environment(start, tmp_path):
    program = tmp_path / "fake-client"
    program.write_text('#!/bin/sh\necho "$MODEM1_DEVICE|$HOME|$1|$2"; exec sleep 60\n')
    program.chmod(0o755)
    argv = [str(program), "-i", "a b"]
    environment = {"MODEM1_DEVICE": "/dev/ttyUSB2"}
    client = start({"backend": "st2", "external": {"argv": argv, "environment": environment}})
    pid = client.process.pid
    client.until(lambda: client.lines == ["/dev/ttyUSB2||-i|a b"])
    assert "sleep" in Path(f"/proc/{pid}/cmdline").read_text()


def test_assignment_is_followed_while_it_runs(start, bank, tmp_path):
    values = direct(bank)
    del values["bank"]
    client = start(values)
    client.until(lambda: Path(f"/proc/{client.process.pid}/wchan").exists())
    client.write(ASSIGNMENT_FILE, assignment_json(_at(bank, 0)))
    client.until(lambda: len(client.lines) == 1)
    bank.ask(lambda: bank.map(CLIENT, 1))
    client.write(ASSIGNMENT_FILE, assignment_json(_at(bank, 1)))
    client.until(lambda: len(client.lines) == 2)
    client.write(ASSIGNMENT_FILE, "nonsense")
    client.process.send_signal(signal.SIGHUP)
    client.until(lambda: client.has_logged("assignment.json"))
    client.type("00A40004022FE2\n")
    client.until(lambda: len(client.lines) == 3)
    client.write(ASSIGNMENT_FILE, assignment_json(None))
    client.until(lambda: client.has_logged("card removed"))


def _at(bank, slot):
    return Bank(Endpoint("127.0.0.1", bank.port), BankSlot(1, slot))


def test_change_of_path_keeps_the_card(start, bank):
    client = start(direct(bank))
    client.until(lambda: client.lines)
    client.write(PATH_FILE, path_json(LinkBinding("lo", 0)))
    client.until(lambda: client.has_logged("card restored"))
    client.type("00A40004022FE2\n")
    client.until(lambda: len(client.lines) == 2)
    assert not client.has_logged("card removed")


def test_modem_sees_nothing_of_a_bank_that_restarts(start, bank):
    client = start(direct(bank))
    client.until(lambda: client.lines)
    client.type("00A40004022FE2\n")
    client.until(lambda: len(client.lines) == 2)
    bank.ask(bank.drop_clients)
    client.type("00B000000A\n")
    client.until(lambda: len(client.lines) == 3)
    assert client.lines[2].endswith("90 00")


# --- cache ---

USIM = "00A4040410A0000000871002FFFFFFFF8903020000"
START = ("00A40004023F00", "00A40004022FE2", "00B000000A", USIM, "00A40004026F07", "00B0000009")


def configured(bank, **client):
    """What the daemon writes for the client of a router whose UCI file says this."""
    where = {"host": "127.0.0.1", "port": str(bank.port), "bank_id": "1", "slot": "0"}
    sections = {"client": {"client_id": "5", "front_end": "shell", **client}, "bankd": where}
    config = load(sections).config
    assert config is not None
    return json.loads(client_json(build(config, Paths(), "router", 0.0).client))


def asked(bank, client, commands):
    """How many commands reached the card, for so many answers."""
    before = len(client.lines)
    bank.ask(lambda: setattr(bank.cards[0], "is_logging", True))
    begun = bank.ask(lambda: len(bank.cards[0].log))
    client.type("".join(f"{command}\n" for command in commands))
    client.until(lambda: len(client.lines) == before + len(commands))
    return bank.ask(lambda: len(bank.cards[0].log)) - begun


def test_numbers_of_the_connections_come_from_the_options(bank):
    values = configured(bank)
    assert (values["server_keepalive_s"], values["bank_keepalive_s"]) == (60, 60)
    assert values["rest_port"] == 9997
    values = configured(bank, server_keepalive="0", bank_keepalive="120", bank_hold="30")
    assert (values["server_keepalive_s"], values["bank_keepalive_s"]) == (0, 120)
    assert values["bank_hold_s"] == 30


@pytest.mark.parametrize(("client", "count"), [({}, 12), ({"cache": "0"}, 12), ({"cache": "1"}, 6)])
def test_option_of_the_cache_reaches_the_card(start, bank, client, count):
    process = start(configured(bank, **client))
    process.until(lambda: process.lines)
    assert asked(bank, process, START * 2) == count
    assert process.lines[1:7] == process.lines[7:]


def test_what_one_process_learnt_the_next_one_tells_after_it_saw_the_card(start, bank, tmp_path):
    values = configured(bank, cache="1")
    first = start(values)
    first.until(lambda: first.lines)
    asked(bank, first, START)
    flash = tmp_path / "root" / "etc" / "remsim" / "cards"
    first.until(lambda: list(flash.glob("*.json")))
    (kept,) = flash.glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert 0 < kept.stat().st_size <= MAX_OCTETS
    assert first.end() == 0
    second = start(values)
    second.until(lambda: second.lines)
    assert asked(bank, second, START) == 4  # its identity
    assert second.lines[1:] == first.lines[1:]


# --- ubus ---


@pytest.fixture
def daemon(tmp_path):
    """A stand-in for the daemon on a broker: collects client_event calls."""
    socket_path = tmp_path / "root" / "var" / "run" / "ubus" / "ubus.sock"
    socket_path.parent.mkdir(parents=True)
    with BackgroundBroker(str(socket_path)) as broker:
        program = tmp_path / "daemon.py"
        program.write_text(DAEMON)
        dropin = PYTHON / "remsim_lab" / "dropin"
        process = subprocess.Popen(
            [sys.executable, str(program), str(socket_path), str(tmp_path / "events")],
            env={"PYTHONPATH": f"{PYTHON}:{dropin}"},
        )
        while not (tmp_path / "events").exists():
            time.sleep(0.01)
        yield broker, tmp_path / "events", str(dropin)
        process.kill()
        process.wait()


DAEMON = """
import json, sys
import ubus
ubus.connect(sys.argv[1])
out = open(sys.argv[2], "w")
def event(handler, data):
    print(json.dumps(data), file=out, flush=True)
    handler.reply({})
signature = {"cause": 3, "variables": 2, "started": 0, "pid": 0}
ubus.add("remsim", {"client_event": {"method": event, "signature": signature}})
print("{}", file=out, flush=True)
while True:
    ubus.loop(200)
"""


def reports(events):
    return [json.loads(line) for line in events.read_text().splitlines()][1:]


def ask_status(broker, dropin):
    code = (
        "import ubus, sys, json; ubus.connect(sys.argv[1]);"
        "print(json.dumps(ubus.call('remsim.client', 'status', {}, 3000)[0]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, broker.path],
        env={"PYTHONPATH": f"{PYTHON}:{dropin}"},
        capture_output=True,
        check=True,
    )
    return json.loads(output.stdout)


def test_daemon_is_told_and_status_is_answered(start, bank, daemon):
    broker, events, dropin = daemon
    client = start(direct(bank), dropin)
    client.until(lambda: any(r["variables"]["state"] == "serving" for r in reports(events)))
    report = reports(events)[-1]
    assert report["variables"]["bank_state"] == "CONNECTED"
    assert report["variables"]["sim_wanted"] == "remote"
    assert report["pid"] == client.process.pid
    assert report["started"] > 0
    status = ask_status(broker, dropin)
    assert status["state"] == "serving"
    assert status["bank"]["slot"] == "1:0"
    assert status["card"]["atr"] == bank.cards[0].atr.hex()
    assert status["front_end"] == {"name": "shell", "there": True, "why_not": None}
    assert status["cache"] is None


def test_card_without_its_board_leaves_the_modem_on_its_local_sim(start, bank, daemon):
    broker, events, dropin = daemon
    client = start(direct(bank, front_end="simtrace2"), dropin)
    client.until(lambda: any(r["variables"]["card"] == "present" for r in reports(events)))
    report = reports(events)[-1]["variables"]
    assert report["sim_wanted"] == "local"
    assert "simtrace2" in report["front_end_why_not"].lower()
    status = ask_status(broker, dropin)
    assert status["sim_wanted"] == "local"
    assert not status["front_end"]["there"]
    assert status["front_end"]["why_not"] == report["front_end_why_not"]


def test_state_of_the_cache_is_in_the_status(start, bank, daemon):
    broker, _, dropin = daemon
    client = start(configured(bank, cache="1"), dropin)
    client.until(lambda: client.lines)
    asked(bank, client, (*START, "80F2000C00", *START))
    status = ask_status(broker, dropin)["cache"]
    assert {name: status[name] for name in ("identified", "entries", "verified")} == {
        "identified": True,
        "entries": 6,
        "verified": 6,
    }
    assert (status["hits"], status["misses"], status["passed"]) == (6, 6, 1)
    assert (status["wrong"], status["dropped"]) == (0, 0)


def test_client_survives_ubusd_and_comes_back_to_it(start, bank, daemon):
    broker, events, dropin = daemon
    client = start(direct(bank, debug=True), dropin)
    client.until(lambda: reports(events))
    broker.stop()
    client.type("00A40004022FE2\n")
    client.until(lambda: len(client.lines) == 2)
    broker.start()
    client.until(lambda: _answers(broker, dropin))
    client.type("00B000000A\n")
    client.until(lambda: len(client.lines) == 3)


def _answers(broker, dropin):
    try:
        return ask_status(broker, dropin)["state"] == "serving"
    except subprocess.CalledProcessError:
        return False


def test_memory_stays_below_the_budget(start, bank):
    client = start(direct(bank))
    client.until(lambda: client.lines)
    for _ in range(300):
        client.type("00B0000001\n")
    client.until(lambda: len(client.lines) == 301)
    status = Path(f"/proc/{client.process.pid}/status").read_text()
    resident_kb = int(next(row for row in status.splitlines() if "VmRSS" in row).split()[1])
    assert resident_kb <= 16 * 1024 + 1024  # 1 MB for builds of Python that are larger than most


def test_version_and_wrong_arguments():
    run = [sys.executable, "-m", "remsim.client"]
    environment = {"PYTHONPATH": str(PYTHON)}
    told = subprocess.run([*run, "--version"], env=environment, capture_output=True, text=True)
    assert told.stdout.startswith("remsim-client ")
    wrong = subprocess.run([*run, "--wrong"], env=environment, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr.split(":")[0]) == (2, "usage")
