# SPDX-License-Identifier: GPL-2.0-or-later
"""The state as the JSON that ubus callers get. Pure; no secret ever comes near it.

Ages are seconds at the time of the call; `*_time` are ISO 8601 or null while the clock is unset.
A value that is not known is null, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from remsim import __version__
from remsim.alerts import Alert
from remsim.failover.path import Path, Verdict
from remsim.failover.recovery import Ladder, Wait, next_step
from remsim.failover.state import FailoverState
from remsim.jobs import Job
from remsim.model import (
    AssignmentState,
    Failure,
    LineState,
    LinkObservation,
    ModemObservation,
    Reading,
    Role,
)
from remsim.state import LogEntry, State

Json = dict[str, Any]
CLOCK_SET_FROM = datetime(2025, 1, 1, tzinfo=UTC).timestamp()  # before: the clock was never set


@dataclass(frozen=True, slots=True)
class Context:
    """What the state does not hold. `wall_minus_monotonic` in seconds, of this moment."""

    wall_minus_monotonic: float
    config_state: str  # "accepted", "last_accepted" or "defaults"
    enabled: bool
    client_id: str
    front_end: str
    routing_mode: str
    table: int
    problems: tuple[Json, ...] = ()
    warnings: tuple[Json, ...] = ()
    interfaces: tuple[tuple[Role, str], ...] = ()

    def wall(self, at: float) -> float | None:
        """Unix seconds of a monotonic moment, None while the clock has not been set."""
        wall = at + self.wall_minus_monotonic
        return wall if wall >= CLOCK_SET_FROM else None

    def iso(self, at: float | None) -> str | None:
        """The same in ISO 8601."""
        wall = self.wall(at) if at is not None else None
        if wall is None:
            return None
        return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status(state: State, context: Context, now: float) -> Json:
    """The reply of `status`."""
    failover = state.failover
    return {
        "version": __version__,
        "uptime_s": _age(state.started_at, now),
        "config": {
            "state": context.config_state,
            "problems": list(context.problems),
            "warnings": list(context.warnings),
        },
        "enabled": context.enabled,
        "dual_modem": failover.policy.dual_modem,
        "control_path": _control_path(failover, now),
        "assignment": _assignment(failover, context, now),
        "heartbeat": _heartbeat(failover, context, now),
        **{role.value: _modem(state, role, context, now) for role in Role if _used(state, role)},
        "client": _client(state, context, now),
        "routing": _routing(failover, context, now),
        "alerts": [alert_json(alert, context, now) for alert in state.alerts],
        "released": failover.is_released,
    }


def info(state: State, context: Context, now: float) -> Json:
    """The reply of `info`: identities, lines and capabilities."""
    policy = state.failover.policy
    return {
        "version": __version__,
        "started_time": context.iso(state.started_at),
        "client_id": context.client_id,
        "dual_modem": policy.dual_modem,
        "orchestrated": policy.orchestrated,
        "remote_possible": policy.remote_possible,
        "lines": [_line(line, context, now) for line in state.lines],
        "modems": {
            role.value: _identity(state.failover.path(role).modem, policy.steps_of(role))
            for role in policy.roles
        },
        "limits": {
            "grace_s": policy.grace_s,
            "hold_down_s": policy.hold_down_s,
            "heartbeat_timeout_s": policy.heartbeat_timeout_s,
        },
    }


def events(entries: Iterable[LogEntry], newest: int, context: Context) -> Json:
    """The reply of `events` and `events_since`."""
    return {"events": [event_json(entry, context) for entry in entries], "newest": newest}


def event_json(entry: LogEntry, context: Context) -> Json:
    return {
        "seq": entry.seq,
        "time": context.iso(entry.at),
        "uptime_s": round(entry.at, 3),
        "kind": entry.kind,
        "modem": entry.role.value if entry.role is not None else None,
        "text": entry.text,
    }


def alert_json(alert: Alert, context: Context, now: float) -> Json:
    return {
        "id": alert.id,
        "severity": alert.severity.value,
        "reason": alert.reason,
        "advice": alert.advice,
        "since_s": _age(alert.since, now),
        "since_time": context.iso(alert.since),
    }


def job_json(job: Job, now: float, *, with_result: bool = True) -> Json:
    """The reply of `job`; the rows of `jobs` are without results."""
    wanted = job.wanted
    shown: Json = {
        "id": job.id,
        "kind": wanted.kind.value,
        "modem": wanted.role.value if wanted.role is not None else None,
        "origin": wanted.origin,
        "state": job.state.value,
        "age_s": _age(job.started_at, now),
        "took_s": None if job.ended_at is None else round(job.ended_at - job.started_at, 3),
    }
    if not with_result:
        return shown
    error = None
    if job.error_code is not None:
        error = {"code": job.error_code, "message": job.error_reason}
    return {
        **shown,
        "progress": [
            {"phase": phase.text, "elapsed_s": round(phase.at - job.started_at, 3)}
            for phase in job.phases
        ],
        "result": dict(job.result) or None,
        "error": error,
    }


def failure_json(failure: Failure | None, context: Context, now: float) -> Json | None:
    """Failure context as every reply carries it."""
    if failure is None:
        return None
    retry_at = failure.next_retry_at
    return {
        "attempt": failure.attempt,
        "code": failure.code,
        "reason": failure.reason,
        "type": failure.type,
        "last_failure_time": context.iso(failure.last_failure_at),
        "age_s": _age(failure.last_failure_at, now),
        "next_retry_time": context.iso(retry_at),
        "next_retry_in_s": None if retry_at is None else round(max(0.0, retry_at - now), 1),
    }


def _used(state: State, role: Role) -> bool:
    return role in state.failover.policy.roles


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 1)


def _left(until: float | None, now: float) -> float | None:
    return None if until is None else round(max(0.0, until - now), 1)


def _control_path(failover: FailoverState, now: float) -> Json:
    control = failover.control
    preferred = failover.path(failover.policy.prefer)
    held_back = None
    if control is not failover.policy.prefer and preferred.is_up:
        held_back = _left(preferred.since + failover.policy.hold_down_s, now)
    reasons = [
        f"{failover.path(role).role.title}: {failover.path(role).reason}"
        for role in failover.policy.roles
    ]
    return {
        "path": control.title if control is not None else "none",
        "modem": control.value if control is not None else None,
        "since_s": _age(failover.control_since, now),
        "reason": "; ".join(reasons),
        "held_back_s": held_back,
    }


def _assignment(failover: FailoverState, context: Context, now: float) -> Json:
    bank = failover.bank
    assigned = bank.assignment
    active = bank.state in (AssignmentState.ACTIVE, AssignmentState.GRACE)
    shown: Json = {
        "state": bank.state.value,
        "wanted": bank.wanted,
        "grace_left_s": _left(bank.grace_ends_at(failover.policy), now)
        if bank.state is AssignmentState.GRACE
        else None,
        "client_id": assigned.client_id if assigned is not None else context.client_id,
        "registrations": bank.registrations,
        "next_try_in_s": _left(bank.next_at, now),
        "failure": failure_json(bank.failure, context, now),
    }
    for name in ("bank_id", "slot_id", "iccid", "imsi", "bankd_endpoint", "mapping_mode"):
        known = assigned is not None and active
        shown[name] = getattr(assigned, name) if known else None
    return shown


def _heartbeat(failover: FailoverState, context: Context, now: float) -> Json:
    beats = failover.beats
    active = failover.bank.state in (AssignmentState.ACTIVE, AssignmentState.GRACE)
    return {
        "last_answer_age_s": _age(failover.bank.last_answer_at, now),
        "next_in_s": _left(beats.next_at, now) if active else None,
        "interval_s": beats.interval_s,
        "sent": beats.sent,
        "answered": beats.answered,
        "failed": beats.failed,
        "longest_gap_s": round(beats.longest_gap_s, 1),
        "rtt_ms": None if beats.rtt_ms is None else round(beats.rtt_ms, 1),
        "path": beats.role.title if beats.role is not None else None,
        "host": beats.host,
        "failure": failure_json(beats.failure, context, now),
    }


def _modem(state: State, role: Role, context: Context, now: float) -> Json:
    path = state.failover.path(role)
    seen = path.modem
    return {
        "role": role.title,
        "state": path.state.value,
        "age_s": _age(seen.at, now) if seen is not None else None,
        "device": seen.device if seen is not None else None,
        "bus_path": seen.bus_path if seen is not None else None,
        "usb_id": seen.usb_id if seen is not None else None,
        "profile": seen.profile if seen is not None else None,
        "boot_time_s": seen.boot_time_s if seen is not None else None,
        "fields": _fields(seen, context, now),
        "sim": _sim(state, role, context, now),
        "link": _link(path.link, role, context, now),
        "path": {
            "state": path.verdict.value,
            "up": path.is_up,
            "reason": path.reason,
            "since_s": None if path.verdict is Verdict.UNKNOWN else _age(path.since, now),
        },
        "recovery": _recovery(state, role, context, now),
        "busy": dict(state.failover.blocked).get(role),
        "failure": failure_json(seen.failure, context, now) if seen is not None else None,
    }


_FIELDS = (
    "manufacturer",
    "model",
    "firmware",
    "imei",
    "sim",
    "iccid",
    "imsi",
    "registration",
    "operator",
    "technology",
    "signal",
    "temperature_c",
)


def _fields(seen: ModemObservation | None, context: Context, now: float) -> Json:
    """Each field for itself: one that cannot be read never hides the others."""
    if seen is None:
        return {}
    return {name: _reading(getattr(seen, name), context, now) for name in _FIELDS}


def _reading(reading: Reading[Any], context: Context, now: float) -> Json:
    value = reading.value
    if value is not None and hasattr(value, "__dataclass_fields__"):
        value = asdict(value)
    shown: Json = {"value": value, "age_s": _age(reading.read_at, now)}
    if reading.failure is not None:
        shown["error"] = failure_json(reading.failure, context, now)
    return shown


def _sim(state: State, role: Role, context: Context, now: float) -> Json:
    name = f"{role.value}.sim_switch"
    line = next((line for line in state.lines if line.name == name), None)
    if line is None or line.level is None:
        source = "unknown"
    else:
        source = "remote" if line.level else "local"
    return {
        "source": source,
        "level": line.level if line is not None else None,
        "wanted": line.wanted if line is not None else None,
        "line": line.line if line is not None else None,
        "failure": failure_json(line.failure if line else None, context, now),
    }


def _link(link: LinkObservation | None, role: Role, context: Context, now: float) -> Json:
    if link is None:
        interface = dict(context.interfaces).get(role)
        return {"interface": interface, "device": None, "up": None, "age_s": None}
    return {
        "interface": link.interface,
        "device": link.device,
        "up": link.is_up,
        "age_s": _age(link.at, now),
        "addresses": list(link.addresses),
        "gateways": list(link.gateways),
        "dns_servers": list(link.dns_servers),
        "rx_bytes": link.rx_bytes,
        "tx_bytes": link.tx_bytes,
        "failure": failure_json(link.failure, context, now),
    }


def _recovery(state: State, role: Role, context: Context, now: float) -> Json:
    failover = state.failover
    ladder: Ladder = failover.ladder(role)
    step, in_s = _next_step(failover, failover.path(role), ladder, now)
    return {
        "active": ladder.down_since is not None or ladder.order_id is not None,
        "step": ladder.running.value if ladder.running is not None else None,
        "attempt": ladder.steps_run,
        "rounds": ladder.rounds,
        "tried": [tried.value for tried in ladder.tried],
        "next_step": step,
        "next_in_s": in_s,
        "helped": ladder.helped.value if ladder.helped is not None else None,
        "failure": failure_json(ladder.failure, context, now),
    }


def _next_step(
    failover: FailoverState, path: Path, ladder: Ladder, now: float
) -> tuple[str | None, float | None]:
    """What the ladder would do next if nothing changed; an estimate for people."""
    if ladder.down_since is None or ladder.order_id is not None:
        return None, None
    around = failover.surroundings(path.role, now)
    due = next_step(ladder, path, failover.policy, around, now)
    if not isinstance(due, Wait):
        return due.value, 0.0
    if due.until is None:
        return None, None
    later = next_step(ladder, path, failover.policy, around, due.until)
    return (None if isinstance(later, Wait) else later.value), _left(due.until, now)


def _client(state: State, context: Context, now: float) -> Json:
    client = state.client
    possible = state.failover.policy.remote_possible
    why_not = None
    if not possible:
        why_not = "no card front-end is configured (client.front_end)"
    elif client.missing_front_end:
        why_not = f"no card front-end: {client.missing_front_end}"
    elif not client.bank_connected:
        why_not = "the bank connection does not stand"
    elif state.held_local:
        why_not = "modem1 was switched to its local SIM by hand: remsim sim modem1 remote"
    return {
        "state": client.state,
        "cause": client.cause or None,
        "age_s": _age(client.at, now),
        "front_end": context.front_end,
        "bank_connected": client.bank_connected,
        "remote_possible": possible and client.bank_connected and not client.missing_front_end,
        "why_not": why_not,
        **dict(client.values),
    }


def _routing(failover: FailoverState, context: Context, now: float) -> Json:
    routes = failover.routes
    if context.routing_mode == "none":
        state = "off"
    elif routes.failure is not None:
        state = "failed"
    else:
        state = "applied" if routes.applied_at is not None else "pending"
    return {
        "mode": context.routing_mode,
        "state": state,
        "table": context.table,
        "applied_age_s": _age(routes.applied_at, now),
        "failure": failure_json(routes.failure, context, now),
    }


def _line(line: LineState, context: Context, now: float) -> Json:
    return {
        "name": line.name,
        "line": line.line,
        "level": line.level,
        "wanted": line.wanted,
        "failure": failure_json(line.failure, context, now),
    }


def _identity(seen: ModemObservation | None, steps: Iterable[Any]) -> Json:
    names: tuple[str, ...] = ("manufacturer", "model", "firmware", "imei", "iccid", "imsi")
    shown: Json = {name: getattr(seen, name).value if seen else None for name in names}
    shown["profile"] = seen.profile if seen is not None else None
    shown["usb_id"] = seen.usb_id if seen is not None else None
    shown["bus_path"] = seen.bus_path if seen is not None else None
    shown["recovery_steps"] = [step.value for step in steps]
    return shown
