# SPDX-License-Identifier: GPL-2.0-or-later
"""The series of the history: names, units, and one sample of each from the state. Pure.

A value that is not known is left out: a gap in the graph, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from remsim.model import AssignmentState, Role
from remsim.state import State

NAMES_MAX = 6  # in one query: six of 600 points stay below a ubus reply's bound


class Window(Enum):
    """How far back a graph looks. `span_s`, and the `step_s` of the rows it is made from."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def span_s(self) -> int:
        return {"hour": 3600, "day": 86_400, "week": 604_800, "month": 31 * 86_400}[self.value]

    @property
    def step_s(self) -> int:
        return MINUTE_S if self in (Window.HOUR, Window.DAY) else HOUR_S


MINUTE_S = 60
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Question:
    """What a page wants: `names` of series in `window`, or without names the audit."""

    names: tuple[str, ...] = ()
    window: Window = Window.DAY
    before: int = 0
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """`is_counter`: grows for ever; stored as what it grew by in each step."""

    name: str
    unit: str
    is_counter: bool = False


def _of_modem(name: str) -> tuple[Series, ...]:
    return (
        Series(f"{name}.rssi", "dBm"),
        Series(f"{name}.rsrp", "dBm"),
        Series(f"{name}.rsrq", "dB"),
        Series(f"{name}.sinr", "dB"),
        Series(f"{name}.temperature", "C"),
        Series(f"{name}.rx", "B", is_counter=True),
        Series(f"{name}.tx", "B", is_counter=True),
        Series(f"{name}.up", "1"),
    )


SERIES: tuple[Series, ...] = (
    *_of_modem(Role.PRIMARY.value),
    *_of_modem(Role.IOT.value),
    Series("heartbeat.rtt", "ms"),
    Series("heartbeat.path", "1"),  # 0 none, 1 IoT, 2 primary
    Series("assignment.state", "1"),  # 0 unregistered, 1 expired, 2 grace, 3 active
    Series("sim.latency", "ms"),  # median of a SIM command through the client
)
BY_NAME = {series.name: series for series in SERIES}

_PATHS = {None: 0.0, Role.IOT: 1.0, Role.PRIMARY: 2.0}
_STATES = {
    AssignmentState.UNREGISTERED: 0.0,
    AssignmentState.EXPIRED: 1.0,
    AssignmentState.GRACE: 2.0,
    AssignmentState.ACTIVE: 3.0,
}


def sample(state: State) -> dict[str, float]:
    """`{series: value}` of what is known now. Counters as they stand."""
    failover = state.failover
    values: dict[str, float | None] = {
        "heartbeat.rtt": failover.beats.rtt_ms if failover.beats.failures == 0 else None,
        "heartbeat.path": _PATHS[failover.control],
        "assignment.state": _STATES[failover.bank.state] if failover.policy.orchestrated else None,
        "sim.latency": _number(dict(state.client.values).get("latency_p50_ms")),
    }
    for role in failover.policy.roles:
        values.update(_sample_modem(state, role))
    return {name: value for name, value in values.items() if value is not None}


def _sample_modem(state: State, role: Role) -> dict[str, float | None]:
    path, name = state.failover.path(role), role.value
    signal = path.modem.signal if path.modem is not None else None
    good = signal.value if signal is not None and signal.failure is None else None
    heat = path.modem.temperature_c if path.modem is not None else None
    link = path.link
    return {
        f"{name}.rssi": good.rssi_dbm if good else None,
        f"{name}.rsrp": good.rsrp_dbm if good else None,
        f"{name}.rsrq": good.rsrq_db if good else None,
        f"{name}.sinr": good.sinr_db if good else None,
        f"{name}.temperature": heat.value if heat is not None and heat.failure is None else None,
        f"{name}.rx": None if link is None or link.rx_bytes is None else float(link.rx_bytes),
        f"{name}.tx": None if link is None or link.tx_bytes is None else float(link.tx_bytes),
        f"{name}.up": float(path.is_up),
    }


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
