# SPDX-License-Identifier: GPL-2.0-or-later
"""The ubus methods over a lived state: every row of the table, every wrong value, every field."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.bus.api import METHODS, OBJECT, Wire
from remsim.bus.objects import Methods
from remsim.bus.payload import MAX_REPLY_BYTES, wire_bytes
from remsim.client_events import ClientEvent
from remsim.errors import ArgumentError, RemsimError
from remsim.events import Hotplugged, ModemSeen
from remsim.history.series import Question
from remsim.jobs import Wanted
from remsim.model import Failure, ModemObservation, ModemState, Reading, Role, Signal
from remsim.snapshot import Context, Json
from remsim.state import State
from scenario.world import World


class Daemon:
    """What the methods need, on a world that has lived a little."""

    def __init__(self) -> None:
        self.world = World()
        self.world.start()
        self.world.run(90.0)
        self.client_events: list[ClientEvent] = []
        self.hotplugs: list[Hotplugged] = []

    def state(self) -> State:
        return self.world.state

    def now(self) -> float:
        return self.world.now

    def context(self) -> Context:
        return Context(1_790_000_000.0, "accepted", True, "router-slot0", "none", "policy", 10)

    def start_job(self, wanted: Wanted) -> str:
        return self.world.want(wanted)

    def reload(self) -> str:
        return "77"

    def config_json(self) -> Json:
        return {"state": "accepted", "values": {}}

    def validate(self, values: Mapping[str, object]) -> Json:
        return {"ok": True, "problems": []}

    def history(self, question: Question) -> Json:
        return {"pending": True}

    def client_event(self, event: ClientEvent) -> None:
        self.client_events.append(event)

    def hotplug(self, event: Hotplugged) -> None:
        self.hotplugs.append(event)


def call(daemon: Daemon, method: str, **arguments: Any) -> Json:
    return Methods(daemon).handle(OBJECT, method, arguments)


GOOD: dict[str, dict[str, Any]] = {
    "events_since": {"since": 0, "limit": 10},
    "job": {"id": "1"},
    "validate": {"values": {"heartbeat.interval": 30}},
    "history": {"series": "modem1.rsrp heartbeat.rtt", "window": "day"},
    "audit": {"before": 0, "limit": 20},
    "sim": {"modem": "modem2", "source": "local"},
    "reset": {"modem": "modem2"},
    "reset_by": {"modem": "modem1", "step": "radio"},
    "at": {"modem": "modem1", "command": "ATI"},
    "client_event": {"cause": "event-bankd-connect", "variables": {}, "started": 1.5, "pid": 7},
    "hotplug": {"subsystem": "tty", "action": "add", "name": "ttyUSB2", "path": "/devices/x"},
}


def test_every_row_of_the_table_has_its_function_and_no_other() -> None:
    assert set(Methods(Daemon()).names) == {method.name for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_answers_with_sound_json(method: Any) -> None:
    daemon = Daemon()
    call(daemon, "heartbeat")
    answer = call(daemon, method.name, **GOOD.get(method.name, {}))
    assert wire_bytes(answer) < MAX_REPLY_BYTES
    json.dumps(answer, allow_nan=False)
    if method.starts_job:
        assert set(answer) == {"job"} and isinstance(answer["job"], str)


def wrong_values(wire: Wire) -> list[Any]:
    if wire is Wire.STRING:
        return ["", "no such thing", "x" * 5000, "modem3"]
    if wire is Wire.ANY:
        return [True, -1, 10**18, 1.5, "1", None, [], {}]
    return [{f"o{index}": 1 for index in range(1000)}]


CASES = [
    (method.name, argument.name, value)
    for method in METHODS
    for argument in method.arguments
    for value in wrong_values(argument.wire)
    if (method.name, argument.name)
    not in {("hotplug", "path"), ("hotplug", "name"), ("hotplug", "action")}
    and not (argument.name == "cause" and value in ("", "no such thing", "modem3"))
    and not (argument.name == "started" and value == 1.5)
]


@pytest.mark.parametrize(("method", "argument", "value"), CASES, ids=lambda part: str(part)[:20])
def test_wrong_value_is_named_by_its_argument(method: str, argument: str, value: Any) -> None:
    arguments = {**GOOD[method], argument: value}
    with pytest.raises(ArgumentError) as caught:
        call(Daemon(), method, **arguments)
    assert caught.value.argument == argument


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150)
@given(st.data())
def test_no_argument_brings_anything_but_remsims_own_errors(data: st.DataObject) -> None:
    daemon = Daemon()
    method = data.draw(st.sampled_from([row for row in METHODS if row.arguments]))
    kinds = {
        Wire.STRING: st.text(max_size=30),
        Wire.TABLE: st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4),
        Wire.ANY: JSON_VALUES,
        Wire.BOOL: st.booleans(),
    }
    arguments = {row.name: data.draw(kinds[row.wire]) for row in method.arguments}
    with contextlib.suppress(RemsimError):
        call(daemon, method.name, **arguments)


def test_one_unreadable_field_hides_no_other() -> None:
    daemon = Daemon()
    why = Failure(
        19, "CME 33", "option not subscribed", "at", daemon.now() - 5.0, daemon.now() + 60
    )
    seen = ModemObservation(
        Role.PRIMARY,
        ModemState.CONNECTED,
        daemon.now(),
        imei=Reading("866000000000001", None, daemon.now() - 30.0),
        operator=Reading(None, why),
        signal=Reading(Signal(rssi_dbm=-48.0), why, daemon.now() - 70.0),
    )
    daemon.world._feed(ModemSeen(seen))
    fields = call(daemon, "status")["modem1"]["fields"]
    assert fields["imei"] == {"value": "866000000000001", "age_s": 30.0}
    assert fields["operator"]["value"] is None
    assert fields["operator"]["error"]["code"] == "CME 33"
    assert fields["operator"]["error"]["attempt"] == 19
    assert fields["operator"]["error"]["next_retry_in_s"] == 60.0
    assert fields["signal"]["value"]["rssi_dbm"] == -48.0, "the last good value stays"
    assert fields["signal"]["error"] is not None
    assert fields["temperature_c"] == {"value": None, "age_s": None}, "unknown is null, not zero"


def test_times_are_null_until_the_clock_is_set() -> None:
    daemon = Daemon()
    unset = Context(-1000.0, "accepted", True, "c", "none", "policy", 10)
    daemon.context = lambda: unset  # type: ignore[method-assign]
    shown = call(daemon, "events")["events"]
    assert all(entry["time"] is None and entry["uptime_s"] > 0 for entry in shown)
    daemon.context = lambda: Context(  # type: ignore[method-assign]
        1_790_000_000.0, "accepted", True, "c", "none", "policy", 10
    )
    assert call(daemon, "events")["events"][0]["time"].startswith("2026-")


def test_events_since_goes_on_where_it_stopped() -> None:
    daemon = Daemon()
    first = call(daemon, "events_since", since=0, limit=2)["events"]
    then = call(daemon, "events_since", since=first[-1]["seq"], limit=500)["events"]
    assert next(entry["seq"] for entry in then) == first[-1]["seq"] + 1
    assert call(daemon, "events_since", since=then[-1]["seq"], limit=1)["events"] == []


def test_full_log_and_full_job_list_fit_into_a_reply() -> None:
    daemon = Daemon()
    for _ in range(300):
        call(daemon, "at", modem="modem1", command="AT+" + "X" * 400)
        daemon.world.run(1.0)
    for method in ("events", "jobs", "status", "info"):
        assert wire_bytes(call(daemon, method)) < MAX_REPLY_BYTES
    assert wire_bytes(call(daemon, "events_since", since=0, limit=500)) < MAX_REPLY_BYTES
