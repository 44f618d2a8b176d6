# SPDX-License-Identifier: GPL-2.0-or-later
"""IonMesh JSON: exact bodies out, and nothing believed that was not checked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import ConfigError, PeerError, PeerNonsense, PeerRejected
from remsim.events import BeatReport
from remsim.model import RemoteCommand
from remsim.orchestrator import wire
from remsim.orchestrator.api import BeatReply, OrchestratorSettings, Target, TlsSettings

SETTINGS = OrchestratorSettings(
    hosts=("ionmesh.example.com",), client_id="router1-slot0", api_key="s3cret"
)
REPORT = BeatReport("active", 3600, 12, 0, -75.4, None, 1000, 2000, "FM350-GL", None)
# The answer of the C fork's integration guide.
ASSIGNED: dict[str, Any] = {
    "status": "ok",
    "bank_id": 1,
    "slot_id": 42,
    "iccid": "89014103211234567890",
    "imsi": "310410123456789",
    "bankd_endpoint": "http://bankd1.example.com:9999",
    "mapping_mode": "ONE_TO_ONE_SWSIM",
    "profile_id": "550e8400-e29b-41d4-a716-446655440000",
    "heartbeat_interval": 60,
    "ki_proxy_enabled": False,
}


def registered(**changes: object) -> Any:
    body = json.dumps({**ASSIGNED, **changes}).encode()
    return wire.parse_register(body, "h:5000", SETTINGS)


def beaten(**members: object) -> BeatReply:
    body = json.dumps({"status": "ok", **members}).encode()
    return wire.parse_beat(body, "h:5000", 1.0, SETTINGS)


# --- sent --------------------------------------------------------------------------------------


def test_registration_is_exactly_this() -> None:
    assert wire.register_body(SETTINGS) == (
        b'{"client_id":"router1-slot0","mapping_mode":"ONE_TO_ONE_SWSIM","tenant_id":1}'
    )


def test_registration_carries_what_is_configured() -> None:
    settings = OrchestratorSettings(
        ("h",), "r", 5000, 4, "KI_PROXY_SWSIM", "310410", 2, (("gpio_reset", 21),)
    )
    assert json.loads(wire.register_body(settings)) == {
        "client_id": "r",
        "mapping_mode": "KI_PROXY_SWSIM",
        "tenant_id": 4,
        "mcc_mnc": "310410",
        "preferred_bank_id": 2,
        "hardware_info": {"gpio_reset": 21},
    }


def test_lean_beat_is_exactly_this() -> None:
    assert wire.beat_body(SETTINGS, REPORT, False) == (
        b'{"client_id":"router1-slot0","status":"active"}'
    )


def test_full_beat_leaves_unknown_values_out() -> None:
    assert json.loads(wire.beat_body(SETTINGS, REPORT, True)) == {
        "client_id": "router1-slot0",
        "status": "active",
        "stats": {
            "uptime_seconds": 3600,
            "tpdus_sent": 12,
            "errors": 0,
            "signal_rssi": -75,
            "data_rx_bytes": 1000,
            "data_tx_bytes": 2000,
        },
        "modem_info": {"model": "FM350-GL"},
    }


def test_hosts_become_targets_in_order() -> None:
    settings = OrchestratorSettings(("a.example", "b.example:5001", "[2001:db8::1]:5002"), "r")
    assert wire.targets(settings) == (
        Target("a.example", 5000),
        Target("b.example", 5001),
        Target("2001:db8::1", 5002),
    )


@pytest.mark.parametrize("host", ["", "http://a", "a b", "a:0", "a:99999", "[::1", "a/b", "-x"])
def test_host_that_is_none_is_a_configuration_error(host: str) -> None:
    with pytest.raises(ConfigError):
        wire.targets(OrchestratorSettings((host,), "r"))


def test_no_host_at_all_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError):
        wire.targets(OrchestratorSettings((), "r"))


# --- registration ------------------------------------------------------------------------------


def test_the_guides_answer_is_taken_whole() -> None:
    assignment = registered()
    assert (assignment.bank_id, assignment.slot_id) == (1, 42)
    assert assignment.bankd_endpoint == "bankd1.example.com:9999"
    assert assignment.client_id == "router1-slot0"
    assert assignment.heartbeat_interval_s == 60


def test_parts_that_are_null_or_missing_are_unknown() -> None:
    assignment = registered(iccid=None, imsi="", profile_id=None, heartbeat_interval=None)
    assert assignment.iccid is None
    assert assignment.imsi is None
    assert assignment.heartbeat_interval_s is None


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("bankd1", "bankd1:9999"),
        ("bankd1:9998", "bankd1:9998"),
        ("tcp://192.0.2.1:9998/", "192.0.2.1:9998"),
        ("http://[2001:db8::1]:9998", "[2001:db8::1]:9998"),
    ],
)
def test_endpoint_loses_its_scheme(endpoint: str, expected: str) -> None:
    assert registered(bankd_endpoint=endpoint).bankd_endpoint == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"bank_id": "1"},
        {"bank_id": None},
        {"bank_id": True},
        {"bank_id": 1024},
        {"bank_id": -1},
        {"slot_id": 1.5},
        {"iccid": 8901},
        {"iccid": "8901-4103"},
        {"imsi": "310410x"},
        {"imsi": "3" * 16},
        {"bankd_endpoint": ["h"]},
        {"bankd_endpoint": "h:0"},
        {"bankd_endpoint": "h:70000"},
        {"bankd_endpoint": "h;reboot"},
        {"bankd_endpoint": "a b"},
        {"mapping_mode": "x" * 33},
        {"mapping_mode": "$(reboot)"},
        {"profile_id": "x" * 257},
        {"profile_id": "a\nb"},
        {"heartbeat_interval": "60"},
        {"heartbeat_interval": 0},
        {"heartbeat_interval": -60},
        {"heartbeat_interval": 1e300},
        {"status": 1},
    ],
)
def test_registration_with_one_wrong_part_is_refused_whole(changes: dict[str, object]) -> None:
    with pytest.raises(PeerNonsense):
        registered(**changes)


def test_status_error_is_a_refusal_whatever_else_stands_there() -> None:
    with pytest.raises(PeerRejected) as caught:
        registered(status="error", message="quota exceeded")
    assert "quota exceeded" in caught.value.reason


# --- heartbeat ---------------------------------------------------------------------------------


def test_interval_is_kept_within_our_limits() -> None:
    assert beaten(next_heartbeat_interval=60).next_interval_s == 60
    assert beaten(next_heartbeat_interval=1).next_interval_s == 10
    assert beaten(next_heartbeat_interval=3600).next_interval_s == 300


@pytest.mark.parametrize("interval", ["60", True, 0, -1, 1e9, [60], {}])
def test_senseless_interval_is_named_and_the_beat_counts(interval: object) -> None:
    reply = beaten(next_heartbeat_interval=interval)
    assert reply.next_interval_s is None
    assert "next_heartbeat_interval" in reply.ignored[0]


def test_commands_are_read() -> None:
    reply = beaten(
        commands=[
            {"id": "a1", "name": "reset_modem", "arguments": {"modem": "modem1", "hard": True}},
            {"id": 7, "command": "report"},
        ]
    )
    assert reply.commands == (
        RemoteCommand("a1", "reset_modem", (("modem", "modem1"), ("hard", "1"))),
        RemoteCommand("7", "report"),
    )
    assert reply.ignored == ()


@pytest.mark.parametrize(
    "command",
    [
        "reboot",
        {"id": "1"},
        {"name": "x"},
        {"id": "", "name": "x"},
        {"id": None, "name": "x"},
        {"id": "1", "name": "rm -rf"},
        {"id": "1", "name": 5},
        {"id": "1", "name": "x", "arguments": []},
        {"id": "1", "name": "x", "arguments": {"a b": 1}},
        {"id": "1", "name": "x", "arguments": {"a": [1]}},
        {"id": "1", "name": "x", "arguments": {"a": "y" * 257}},
        {"id": "1", "name": "x", "arguments": {str(n): n for n in range(9)}},
    ],
)
def test_senseless_command_is_left_out_and_the_others_stay(command: object) -> None:
    reply = beaten(commands=[command, {"id": "2", "name": "report"}])
    assert reply.commands == (RemoteCommand("2", "report"),)
    assert len(reply.ignored) == 1


def test_number_of_commands_is_bounded_and_an_id_counts_once() -> None:
    reply = beaten(commands=[{"id": n % 8, "name": "report"} for n in range(1000)])
    assert len(reply.commands) == 8
    assert reply.ignored == ("commands has more than 16 entries",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"5",
        b"null",
        b'"ok"',
        b"<html>",
        b'{"status":NaN}',
        b'{"status":"ok"',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"status":["ok"]}',
        b'{"next_heartbeat_interval":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_nonsense(body: bytes) -> None:
    with pytest.raises(PeerNonsense):
        wire.parse_beat(body, "h:5000", 1.0, SETTINGS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.dictionaries(
    st.sampled_from([*ASSIGNED, "commands", "next_heartbeat_interval", "message"]), JSON
)


@given(MEMBERS)
def test_any_answer_is_refused_or_yields_a_checked_assignment(members: dict[str, Any]) -> None:
    try:
        assignment = wire.parse_register(
            json.dumps({**ASSIGNED, **members}).encode(), "h:5000", SETTINGS
        )
    except PeerError:
        return
    assert 0 <= (assignment.bank_id or 0) <= 1023
    assert 10 <= (assignment.heartbeat_interval_s or 10) <= 300
    assert (assignment.iccid or "89").replace("F", "").isdigit()


@given(MEMBERS)
def test_any_heartbeat_answer_stays_within_bounds(members: dict[str, Any]) -> None:
    try:
        reply = wire.parse_beat(json.dumps(members).encode(), "h:5000", 1.0, SETTINGS)
    except PeerError:
        return
    assert 10 <= (reply.next_interval_s or 10) <= 300
    assert len(reply.commands) <= 16
    for command in reply.commands:
        assert command.name.isascii()
        assert len(command.arguments) <= 8


@given(st.binary(max_size=300))
def test_any_bytes_are_nonsense_or_an_answer(body: bytes) -> None:
    for parse in (
        lambda: wire.parse_beat(body, "h", 1.0, SETTINGS),
        lambda: wire.parse_register(body, "h", SETTINGS),
        lambda: wire.parse_discovery(body, "h"),
        lambda: wire.refusal(body, SETTINGS),
    ):
        try:
            parse()
        except PeerError:
            continue


# --- refusals and secrets ----------------------------------------------------------------------


def test_refusal_names_the_modes_with_free_slots() -> None:
    body = b'{"status":"error","message":"No slot","available_modes":["KI_PROXY_SWSIM",5]}'
    assert wire.refusal(body, SETTINGS) == "No slot; slots are free for KI_PROXY_SWSIM"
    assert "no mode" in wire.refusal(b'{"available_modes":[]}', SETTINGS)


def test_refusal_is_short_and_fit_for_a_log() -> None:
    body = json.dumps({"message": "a\n\x1b[31mb" + "x" * 5000}).encode()
    text = wire.refusal(body, SETTINGS)
    assert text.isprintable()
    assert len(text) <= 160


def test_refusal_that_repeats_our_key_does_not_get_it_into_a_log() -> None:
    body = b'{"status":"error","message":"bad key s3cret"}'
    assert "s3cret" not in wire.refusal(body, SETTINGS)
    with pytest.raises(PeerRejected) as caught:
        wire.parse_beat(body, "h", 1.0, SETTINGS)
    assert "s3cret" not in str(caught.value)


def test_secrets_are_in_no_repr() -> None:
    tls = TlsSettings(0.0, key_passphrase="pass-phrase")
    settings = OrchestratorSettings(("h",), "r", api_key="s3cret", tls=tls)
    assert "s3cret" not in repr(settings)
    assert "pass-phrase" not in repr(settings)


def test_discovery_is_read_leniently() -> None:
    body = b'{"service":"x","version":7,"supported_mapping_modes":["A","$"]}'
    found = wire.parse_discovery(body, "h:5000")
    assert (found.service, found.version, found.mapping_modes) == ("x", "unknown", ("A",))
