# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker against the IonMesh stand-in on loopback: the whole path, and every way a server
fails.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator_bench import (
    LOOPBACK,
    REPORT,
    SHORT_S,
    TIMEOUT_S,
    Router,
    make_mesh,
    router,
    running,
)
from remsim.clock import Clock, SystemClock
from remsim.errors import BusyError
from remsim.events import BeatDone, BeatOutcome, Event, SendBeat
from remsim.model import LinkObservation, RemoteCommand, Role
from remsim.orchestrator.api import Orchestrator, OrchestratorSettings, TlsSettings
from remsim.orchestrator.worker import OrchestratorWorker
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_answers import Fault


@pytest.fixture
def mesh() -> Iterator[IonMesh]:
    with running(make_mesh()) as mesh:
        yield mesh


@pytest.fixture
def iot(mesh: IonMesh) -> Iterator[Router]:
    with router(mesh) as iot:
        assert iot.register().assignment is not None
        yield iot


def test_registers_beats_and_unregisters(mesh: IonMesh) -> None:
    with router(mesh) as iot:
        registered = iot.register()
        assert registered.outcome is BeatOutcome.ANSWERED
        assert registered.assignment is not None
        assert registered.assignment.slot_id == 1
        done = iot.beat()
        assert done.outcome is BeatOutcome.ANSWERED
        assert done.next_interval_s == 60
        assert done.rtt_ms is not None
        assert done.failure is None
        assert iot.unregister().failure is None
        assert iot.beat().outcome is BeatOutcome.NOT_REGISTERED


def test_one_connection_serves_all(mesh: IonMesh, iot: Router) -> None:
    for _ in range(5):
        iot.beat()
    assert {request["connection"] for request in mesh.requests} == {1}


def test_request_has_no_header_that_http_does_not_need(mesh: IonMesh, iot: Router) -> None:
    iot.beat()
    assert mesh.requests[-1]["headers"] == ["Host", "Content-Type", "Content-Length"]


def test_environment_sends_nothing_through_a_proxy(
    mesh: IonMesh, iot: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert iot.beat().outcome is BeatOutcome.ANSWERED


# --- the kept connection -----------------------------------------------------------------------


def test_connection_reset_by_nat_or_server_is_replaced_and_the_beat_sent_again(
    mesh: IonMesh, iot: Router
) -> None:
    iot.beat()
    mesh.drop_connections()
    assert iot.beat().outcome is BeatOutcome.ANSWERED
    assert mesh.requests[-1]["connection"] == 2


def test_connection_closed_after_each_answer_costs_no_beat(mesh: IonMesh, iot: Router) -> None:
    mesh.fail(Fault.CLOSE_AFTER)
    assert [iot.beat().outcome for _ in range(4)] == [BeatOutcome.ANSWERED] * 4


def test_server_restart_costs_no_beat(mesh: IonMesh, iot: Router) -> None:
    iot.beat()
    mesh.restart(lose_state=False)
    assert iot.beat().outcome is BeatOutcome.ANSWERED


def test_kept_connection_that_has_gone_silent_is_replaced_in_time(
    mesh: IonMesh, iot: Router
) -> None:
    """A NAT that forgot the connection drops what comes: nothing is reset, nothing answered."""
    iot.beat()
    mesh.fail(Fault.SILENT, times=1)
    done = iot.beat(timeout_s=1.0)
    assert done.outcome is BeatOutcome.ANSWERED
    assert mesh.requests[-1]["connection"] == mesh.requests[-2]["connection"] + 1


def test_new_connection_that_stays_silent_is_not_asked_twice(mesh: IonMesh) -> None:
    mesh.fail(Fault.SILENT)
    with router(mesh) as iot:
        assert iot.beat(SHORT_S).outcome is BeatOutcome.UNREACHABLE
    assert len(mesh.requests) == 1


def test_other_device_or_lost_address_means_a_new_connection(mesh: IonMesh, iot: Router) -> None:
    iot.beat()
    iot.worker.set_link(replace(LOOPBACK, addresses=("127.0.0.1/8", "127.0.0.2/8")))
    iot.beat()
    assert mesh.requests[-1]["connection"] == 1
    iot.worker.set_link(replace(LOOPBACK, addresses=("127.0.0.2/8",)))
    iot.beat()
    assert mesh.requests[-1]["connection"] == 2


def test_link_that_was_down_means_a_new_connection_though_nothing_else_changed(
    mesh: IonMesh, iot: Router
) -> None:
    """A modem that was reset comes back with a new device of the old name and address."""
    iot.beat()
    iot.worker.set_link(replace(LOOPBACK, is_up=False))
    iot.worker.set_link(LOOPBACK)
    assert iot.beat().outcome is BeatOutcome.ANSWERED
    assert mesh.requests[-1]["connection"] == 2


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "outcome", "code", "reason"),
    [
        (Fault.DOWN, BeatOutcome.UNREACHABLE, "ECONNREFUSED", "Connection refused"),
        (Fault.SILENT, BeatOutcome.UNREACHABLE, "ETIMEDOUT", "no answer within"),
        (Fault.ERROR_500, BeatOutcome.SERVER_ERROR, "HTTP 500", "answers 500"),
        (Fault.NO_SLOTS, BeatOutcome.SERVER_ERROR, "HTTP 503", "KI_PROXY_SWSIM"),
        (Fault.WRONG_TYPE, BeatOutcome.SERVER_ERROR, "", "a JSON list"),
        (Fault.NOT_JSON, BeatOutcome.SERVER_ERROR, "", "not JSON"),
        (Fault.REDIRECT, BeatOutcome.SERVER_ERROR, "HTTP 302", "not followed"),
        (Fault.HUGE, BeatOutcome.SERVER_ERROR, "TOO LONG", "longer than 64 KB"),
        (Fault.DRIP, BeatOutcome.SERVER_ERROR, "ETIMEDOUT", "not finished"),
        (Fault.CUT, BeatOutcome.SERVER_ERROR, "IncompleteRead", "not whole"),
        (Fault.NOT_FOUND, BeatOutcome.NOT_REGISTERED, "HTTP 404", "answers 404"),
        (Fault.REFUSE, BeatOutcome.REFUSED, "HTTP 401", "Unauthorized"),
    ],
)
def test_fault_is_named_and_ends_with_the_deadline(
    mesh: IonMesh, iot: Router, fault: Fault, outcome: BeatOutcome, code: str, reason: str
) -> None:
    mesh.fail(fault)
    begun_at = SystemClock().monotonic()
    done = iot.beat(SHORT_S)
    assert SystemClock().monotonic() - begun_at < SHORT_S + 1
    assert done.outcome is outcome
    assert done.failure is not None
    assert done.failure.code == code
    assert reason in done.failure.reason
    mesh.restore()
    assert iot.beat().outcome is BeatOutcome.ANSWERED


def test_registration_with_wrong_types_yields_no_assignment(mesh: IonMesh) -> None:
    mesh.fail(Fault.WRONG_FIELDS)
    with router(mesh) as iot:
        done = iot.register()
    assert done.assignment is None
    assert done.outcome is BeatOutcome.SERVER_ERROR
    assert done.failure is not None
    assert "bank_id" in done.failure.reason


def test_beat_whose_answer_is_partly_senseless_counts_and_says_so(
    mesh: IonMesh, iot: Router
) -> None:
    mesh.fail(Fault.WRONG_FIELDS)
    done = iot.beat()
    assert done.outcome is BeatOutcome.ANSWERED
    assert done.failure is not None
    assert "next_heartbeat_interval" in done.failure.reason


def test_name_that_dns_does_not_answer_is_unreachable(mesh: IonMesh) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody,
        router(mesh, hosts=("ionmesh.example.com",)) as iot,
    ):
        nobody.bind(("127.0.0.3", 0))
        iot.worker.set_link(replace(LOOPBACK, dns_servers=("127.0.0.3",)))
        done = iot.beat(SHORT_S)
    assert done.outcome is BeatOutcome.UNREACHABLE
    assert done.failure is not None
    assert "DNS server 127.0.0.3" in done.failure.reason


def test_link_that_is_down_is_not_used(mesh: IonMesh, iot: Router) -> None:
    iot.worker.set_link(LinkObservation(Role.IOT, 2.0, "wwan1"))
    done = iot.beat()
    assert done.outcome is BeatOutcome.UNREACHABLE
    assert done.failure is not None
    assert done.failure.code == "ENETDOWN"
    assert len(mesh.requests) == 1


def test_attempts_are_counted_until_a_success(mesh: IonMesh, iot: Router) -> None:
    mesh.fail(Fault.ERROR_500)
    attempts = [iot.beat().failure for _ in range(3)]
    mesh.restore()
    iot.beat()
    mesh.fail(Fault.ERROR_500)
    attempts.append(iot.beat().failure)
    assert [failure.attempt for failure in attempts if failure] == [1, 2, 3, 1]


def test_missing_certificate_file_is_answered_as_a_configuration_error(mesh: IonMesh) -> None:
    with router(mesh, tls=TlsSettings(0.0, ca_file="/nonexistent.pem")) as iot:
        done = iot.beat()
    assert done.outcome is BeatOutcome.REFUSED
    assert done.failure is not None
    assert (done.failure.type, "/nonexistent.pem" in done.failure.reason) == ("config", True)


def test_unforeseen_error_is_answered_too() -> None:
    def broken(settings: OrchestratorSettings, clock: Clock) -> Orchestrator:
        raise ZeroDivisionError

    iot = Router(1)
    iot.worker = OrchestratorWorker(
        Role.IOT, iot.settings, 0, SystemClock(), iot.events.put, broken
    )
    iot.worker.set_link(LOOPBACK)
    iot.worker.start()
    done = iot.beat()
    iot.worker.stop(TIMEOUT_S)
    assert done.failure is not None
    assert "ZeroDivisionError" in done.failure.reason


# --- keys, intervals, commands -----------------------------------------------------------------


def test_key_opens_its_tenant_only() -> None:
    with running(make_mesh(keys={1: "k1-secret", 2: "k2-secret"})) as mesh:
        for key, tenant_id, code in (
            ("k1-secret", 1, None),
            ("", 1, "HTTP 401"),
            ("wrong", 1, "HTTP 401"),
            ("k2-secret", 1, "HTTP 403"),
        ):
            with router(mesh, api_key=key, tenant_id=tenant_id) as iot:
                failure = iot.register().failure
            assert (failure.code if failure else None) == code
            assert not key or key not in repr(failure)
        with router(mesh, api_key="k2-secret", tenant_id=2) as other:
            assert other.beat().outcome is BeatOutcome.NOT_REGISTERED
        assert "secret" not in repr(mesh.requests)


def test_interval_of_the_server_is_passed_on_within_limits(mesh: IonMesh, iot: Router) -> None:
    mesh.behaviour = replace(mesh.behaviour, heartbeat_interval_s=120)
    assert iot.beat().next_interval_s == 120
    mesh.behaviour = replace(mesh.behaviour, heartbeat_interval_s=1)
    assert iot.beat().next_interval_s == 10


def test_commands_arrive_once(mesh: IonMesh, iot: Router) -> None:
    mesh.add_command({"id": 7, "name": "report", "arguments": {"full": 1}})
    assert iot.beat().commands == (RemoteCommand("7", "report", (("full", "1"),)),)
    assert iot.beat().commands == ()


# --- life --------------------------------------------------------------------------------------


def test_too_many_orders_are_refused_at_once(mesh: IonMesh, iot: Router) -> None:
    mesh.fail(Fault.SILENT)
    order = SendBeat(1, Role.IOT, REPORT, TIMEOUT_S)
    with pytest.raises(BusyError):
        for _ in range(100):
            iot.worker.submit(order)
    mesh.restore()


def test_stop_cuts_the_exchange_in_hand(
    mesh: IonMesh, iot: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.fail(Fault.SILENT)
    arrived = threading.Event()
    monkeypatch.setattr(mesh, "log", lambda record: arrived.set())
    iot.worker.submit(SendBeat(1, Role.IOT, REPORT, 60.0))
    assert arrived.wait(TIMEOUT_S)
    begun_at = SystemClock().monotonic()
    iot.worker.stop(TIMEOUT_S)
    assert SystemClock().monotonic() - begun_at < TIMEOUT_S - 1


def test_requests_is_imported_by_the_first_order_and_without_its_guesser_of_encodings() -> None:
    python = str(Path(__file__).parents[2] / "python")
    code = (
        "import sys, remsim.orchestrator.worker;"
        "assert 'requests' not in sys.modules;"
        "import remsim.orchestrator.http;"
        "assert 'requests' in sys.modules;"
        "assert 'charset_normalizer' not in sys.modules and 'chardet' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": python},
    )


def test_worker_tells_its_link_by_role() -> None:
    events: list[Event] = []
    posted = threading.Event()

    def post(event: Event) -> None:
        events.append(event)
        posted.set()

    settings = OrchestratorSettings(("127.0.0.1",), "r")
    worker = OrchestratorWorker(Role.PRIMARY, settings, 0, SystemClock(), post)
    worker.start()
    worker.submit(SendBeat(9, Role.PRIMARY, REPORT, 1.0))
    assert posted.wait(TIMEOUT_S)
    worker.stop(TIMEOUT_S)
    assert isinstance(events[0], BeatDone)
    assert events[0].failure is not None
    assert "primary" in events[0].failure.reason
