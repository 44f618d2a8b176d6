# SPDX-License-Identifier: GPL-2.0-or-later
"""The IonMesh stand-in itself: slots, tenants, grace; what the C fork's client needs; control while
it runs.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator_bench import TIMEOUT_S, make_mesh, running
from remsim.events import BeatReport
from remsim.orchestrator.api import OrchestratorSettings
from remsim.orchestrator.wire import beat_body
from remsim_lab.clock import HandClock
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_bank import Bank, Client, NoSlot, make_slots
from remsim_lab.ionmesh_control import ask

BASE = "/api/backend/v1/remsim"
VECTORS = Path(__file__).parents[1] / "vectors" / "orchestrator"
PYTHON = str(Path(__file__).parents[2] / "python")


class Branch:
    """A bank on a hand-moved clock."""

    def __init__(self, banks: int = 1, slots: int = 2) -> None:
        self.clock = HandClock()
        self.bank = Bank(self.clock, make_slots(banks, slots), {1: None, 2: "key"}, 300.0)

    def register(
        self,
        client_id: str,
        mode: str = "ONE_TO_ONE_SWSIM",
        mcc_mnc: str = "",
        preferred: int | None = None,
    ) -> Client:
        return self.bank.register(client_id, 1, mode, mcc_mnc, preferred)[0]


def test_each_client_gets_a_slot_of_its_own_and_keeps_it() -> None:
    branch = Branch()
    first, second = branch.register("a"), branch.register("b")
    assert first.slot != second.slot
    assert branch.bank.register("a", 1, "ONE_TO_ONE_SWSIM", "", None) == (first, True)


def test_full_bank_names_the_modes_that_are_left() -> None:
    branch = Branch(slots=1)
    branch.register("a", "KI_PROXY_SWSIM")
    with pytest.raises(NoSlot) as caught:
        branch.register("b")
    assert caught.value.available_modes == ("KI_PROXY_SWSIM",)
    assert branch.register("c", "KI_PROXY_SWSIM").slot.slot_id == 1


def test_preferred_bank_and_network_are_respected() -> None:
    branch = Branch(banks=2)
    assert branch.register("a", preferred=2).slot.bank_id == 2
    assert branch.register("b", mcc_mnc="262010").slot.mcc_mnc == "262010"


def test_silence_longer_than_grace_costs_the_slot() -> None:
    branch = Branch()
    client = branch.register("a")
    branch.clock.move(299)
    assert branch.bank.find("a", None) is client
    branch.bank.beat(client, "active", {}, {})
    branch.clock.move(299)
    assert branch.bank.find("a", None) is client
    branch.clock.move(2)
    assert branch.bank.find("a", None) is None
    expired = branch.bank.happenings[-1]
    assert (expired.what, branch.clock.monotonic() - expired.at) == ("expired", 1.0)


def test_tenants_do_not_see_each_other() -> None:
    branch = Branch()
    branch.bank.register("theirs", 2, "ONE_TO_ONE_SWSIM", "", None)
    assert branch.bank.find("theirs", 1) is None
    assert branch.bank.find("theirs", None) is None
    assert branch.bank.find("theirs", 2) is not None


def test_restart_without_database_forgets() -> None:
    branch = Branch()
    branch.register("a")
    branch.bank.forget()
    assert branch.bank.find("a", None) is None


# --- over HTTP ---------------------------------------------------------------------------------


@pytest.fixture
def mesh() -> Iterator[IonMesh]:
    with running(make_mesh()) as mesh:
        yield mesh


def exchange(mesh: IonMesh, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", mesh.port, timeout=TIMEOUT_S)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, BASE + path, data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_c_fork_finds_texts_right_behind_their_colon(mesh: IonMesh) -> None:
    """Its parser searches `"bankd_endpoint":"` and takes bank or slot 0 for missing."""
    body = {"client_id": "cl-1", "mapping_mode": "KI_PROXY_SWSIM", "mcc_mnc": "", "tenant_id": 1}
    status, answer = exchange(mesh, "POST", "/register-client", body)
    assert status == 200
    assert b'"bankd_endpoint":"http://127.0.0.1:9999"' in answer
    assert b'"status":"ok"' in answer
    assert b'"bank_id":1' in answer
    assert b'"slot_id":1' in answer


def test_c_forks_heartbeat_and_unregistration_are_taken(mesh: IonMesh) -> None:
    assert exchange(mesh, "POST", "/heartbeat", {"client_id": "cl-1", "status": "active"})[0] == 404
    exchange(mesh, "POST", "/register-client", {"client_id": "cl-1", "tenant_id": 1})
    assert exchange(mesh, "POST", "/heartbeat", {"client_id": "cl-1", "status": "active"})[0] == 200
    assert exchange(mesh, "DELETE", "/unregister/cl-1")[0] == 200
    assert exchange(mesh, "DELETE", "/unregister/cl-1")[0] == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", {}, {"client_id": 5}, {"client_id": "a", "tenant_id": 77},
     {"client_id": "a", "mapping_mode": "X"}],
)  # fmt: skip
def test_wrong_registrations_are_400(mesh: IonMesh, body: Any) -> None:
    assert exchange(mesh, "POST", "/register-client", body)[0] == 400


def test_discovery_and_unknown_paths(mesh: IonMesh) -> None:
    status, answer = exchange(mesh, "GET", "/discover")
    assert status == 200
    assert json.loads(answer)["service"] == "ionmesh-orchestrator"
    assert exchange(mesh, "GET", "/elsewhere")[0] == 404


def test_too_long_a_request_is_refused(mesh: IonMesh) -> None:
    assert exchange(mesh, "POST", "/heartbeat", b" " * 70_000)[0] == 413


def recorded(mesh: IonMesh, name: str) -> tuple[int, str]:
    """Sends the very bytes of the C fork's client; status and body of the answer."""
    with socket.create_connection(("127.0.0.1", mesh.port), TIMEOUT_S) as sock:
        sock.sendall((VECTORS / f"c-fork-{name}.http").read_bytes())
        response = http.client.HTTPResponse(sock)
        response.begin()
        return response.status, response.read().decode()


def found_behind(text: str, literal: str) -> str:
    """As the C fork reads: the first place where the literal stands, up to the next quote or
    comma.
    """
    start = text.index(literal) + len(literal)
    return re.split(r'[",}]', text[start:], maxsplit=1)[0]


def test_recorded_life_of_a_c_fork_client(mesh: IonMesh) -> None:
    assert recorded(mesh, "heartbeat")[0] == 404
    status, assigned = recorded(mesh, "register")
    assert status == 200
    assert int(found_behind(assigned, '"bank_id":')) > 0
    assert int(found_behind(assigned, '"slot_id":')) > 0
    assert found_behind(assigned, '"bankd_endpoint":"') == "http://127.0.0.1:9999"
    assert len(found_behind(assigned, '"iccid":"')) == 19
    assert recorded(mesh, "heartbeat")[0] == 200
    assert recorded(mesh, "unregister")[0] == 200
    assert recorded(mesh, "unregister")[0] == 404


def test_our_lean_heartbeat_says_exactly_what_the_c_forks_does() -> None:
    settings = OrchestratorSettings(("h",), "router1-slot0")
    body = (VECTORS / "c-fork-heartbeat.http").read_bytes().partition(b"\r\n\r\n")[2]
    assert beat_body(settings, BeatReport("active", 5), False) == body


# --- as a program ------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    control = str(tmp_path / "control")
    words = ["--port", "0", "--control", control, "--log", str(tmp_path / "log"), "--grace", "60"]
    with subprocess.Popen(
        [sys.executable, "-m", "remsim_lab.ionmesh", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PYTHON},
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("ready on port ")
        yield process, int(ready.split()[-1]), control
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_program_is_steered_while_it_runs(
    program: tuple[subprocess.Popen[str], int, str], tmp_path: Path
) -> None:
    _, port, control = program
    body = json.dumps({"client_id": "r", "tenant_id": 1}).encode()

    def register() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        connection.request("POST", f"{BASE}/register-client", body)
        return connection.getresponse().status

    assert register() == 200
    ask(control, "fault", name="http_500", times=1)
    assert register() == 500
    assert register() == 200
    ask(control, "fault", name="down")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    ask(control, "restore")
    assert register() == 200
    ask(control, "interval", seconds=30)
    ask(control, "grace", seconds=120)
    state = ask(control, "state")
    assert (state["grace_s"], state["heartbeat_interval_s"], state["fault"]) == (120, 30, None)
    assert state["clients"][0]["client_id"] == "r"
    assert ask(control, "expire", client_id="r") == {"expired": True}
    ask(control, "command", command={"id": 1, "name": "report"})
    ask(control, "drop")
    ask(control, "restart", lose_state=True)
    assert register() == 200
    log = ask(control, "log", since=1)
    assert [request["status"] for request in log["requests"]] == [500, 200, 200, 200]
    assert log["newest"] == 5
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 500, 200, 200, 200]


@pytest.mark.parametrize(
    "asked", [{"do": "nonsense"}, {"do": "fault", "name": "x"}, {"do": "expire"}]
)
def test_senseless_control_is_answered(
    program: tuple[subprocess.Popen[str], int, str], asked: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError):
        ask(program[2], **asked)
