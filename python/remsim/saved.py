# SPDX-License-Identifier: GPL-2.0-or-later
"""What a restarted daemon must know to adopt what it finds: state to JSON text and back. Pure.

The text lives in /var/run/remsim (gone after a boot). Monotonic times are only worth something
within one boot, so a text of another boot keeps counters and the log's numbering and forgets the
rest: the router then registers anew. A text that cannot be understood is an error, never a
half-restored state.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from remsim.errors import StorageError
from remsim.failover import recovery
from remsim.failover.path import Path
from remsim.failover.policy import Policy
from remsim.failover.recovery import Ladder
from remsim.failover.state import Bank, Beats, FailoverState
from remsim.model import Assignment, AssignmentState, Role, Step
from remsim.state import LogEntry, State

FORMAT = 1
LOG_SAVED = 100
NAME = "state.json"


def to_text(state: State, boot_id: str) -> str:
    """One JSON object, about 20 KB at most (bounded by the log's length)."""
    failover = state.failover
    return json.dumps(
        {
            "format": FORMAT,
            "boot_id": boot_id,
            "started_at": state.started_at,
            "next_seq": state.next_seq,
            "next_job": state.next_job,
            "next_id": failover.next_id,
            "seed": failover.seed,
            "command_ids": list(state.command_ids),
            "fell_back": state.fell_back,
            "held_local": state.held_local,
            "client": {"pid": state.client.pid, "modem_resets": state.client.modem_resets},
            "is_released": failover.is_released,
            "control": failover.control.value if failover.control is not None else None,
            "control_since": failover.control_since,
            "both_down_since": failover.both_down_since,
            "bank": _bank_out(failover.bank),
            "beats": {name: getattr(failover.beats, name) for name in _BEATS},
            "paths": {role.value: _path_out(failover.path(role)) for role in Role},
            "ladders": {role.value: _ladder_out(failover.ladder(role)) for role in Role},
            "log": [_entry_out(entry) for entry in state.log[-LOG_SAVED:]],
        },
        separators=(",", ":"),
    )


def is_worth_saving(before: State, after: State) -> bool:
    """Whether a crash now would lose something: a decision, an answer, a step."""
    old, new = before.failover, after.failover
    return (
        old.control is not new.control
        or old.bank is not new.bank
        or old.iot_ladder.order_id != new.iot_ladder.order_id
        or old.primary_ladder.order_id != new.primary_ladder.order_id
        or old.is_released is not new.is_released
        or before.command_ids is not after.command_ids
        or before.held_local is not after.held_local
        or before.client.modem_resets != after.client.modem_resets
        or before.client.pid != after.client.pid
    )


def from_text(text: str, policy: Policy, boot_id: str, now: float) -> State:
    """The state to start with. Raises StorageError when the text is not what `to_text` writes."""
    fresh = State(FailoverState(policy=policy, control_since=now), started_at=now)
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("unknown format")
        state = replace(
            fresh,
            next_seq=int(data["next_seq"]),
            next_job=int(data["next_job"]),
            command_ids=tuple(str(item) for item in data["command_ids"]),
        )
        if data["boot_id"] != boot_id:
            return state
        return _same_boot(state, data, now)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(NAME, f"cannot be restored: {error!r}") from error


def _same_boot(state: State, data: dict[str, Any], now: float) -> State:
    control = Role(data["control"]) if data["control"] is not None else None
    bank = _bank_in(data["bank"])
    if data["is_released"]:
        bank, control = Bank(registrations=bank.registrations), None
    failover = replace(
        state.failover,
        control=control,
        control_since=float(data["control_since"]),
        both_down_since=data["both_down_since"],
        bank=bank,
        beats=Beats(**{name: data["beats"][name] for name in _BEATS}),
        iot=_path_in(Role.IOT, data["paths"]["modem2"], now),
        primary=_path_in(Role.PRIMARY, data["paths"]["modem1"], now),
        iot_ladder=_ladder_in(Role.IOT, data["ladders"]["modem2"], state, now),
        primary_ladder=_ladder_in(Role.PRIMARY, data["ladders"]["modem1"], state, now),
        next_id=int(data["next_id"]),
        seed=int(data["seed"]),
    )
    return replace(
        state,
        failover=failover,
        fell_back=bool(data["fell_back"]),
        held_local=bool(data.get("held_local", False)),  # an older version did not know it
        # What the client has asked for is done: a new daemon does not do it again.
        client=replace(state.client, **data.get("client", {})),
        log=tuple(_entry_in(item) for item in data["log"]),
    )


_BEATS = ("interval_s", "next_at", "sent", "answered", "failed", "rtt_ms", "host", "longest_gap_s")
_LADDER_PLAIN = ("down_since", "rounds", "steps_run", "restarts", "settle_until", "not_before")
_LADDER_STEP = ("running", "settling", "helped")


def _path_out(path: Path) -> dict[str, Any]:
    """Only suspicions of silence: the rest is seen again at once."""
    return {
        "server_failed_at": path.server_failed_at,
        "server_answered_at": path.server_answered_at,
        "failed_targets": list(path.failed_targets),
        "probe_rounds": path.probe_rounds,
    }


def _path_in(role: Role, data: dict[str, Any], now: float) -> Path:
    failed_at = data["server_failed_at"]
    return Path(
        role=role,
        server_failed_at=failed_at,
        server_answered_at=data["server_answered_at"],
        failed_targets=tuple(str(target) for target in data["failed_targets"]),
        probe_rounds=int(data["probe_rounds"]),
        next_probe_at=now if failed_at is not None else None,
    )


def _bank_out(bank: Bank) -> dict[str, Any]:
    assignment = bank.assignment
    return {
        "state": bank.state.value,
        "wanted": bank.wanted,
        "last_answer_at": bank.last_answer_at,
        "registrations": bank.registrations,
        "assignment": None
        if assignment is None
        else {item.name: getattr(assignment, item.name) for item in fields(assignment)},
    }


def _bank_in(data: dict[str, Any]) -> Bank:
    assignment = data["assignment"]
    return Bank(
        state=AssignmentState(data["state"]),
        wanted=bool(data["wanted"]),
        last_answer_at=data["last_answer_at"],
        registrations=int(data["registrations"]),
        assignment=None if assignment is None else Assignment(**assignment),
    )


def _ladder_out(ladder: Ladder) -> dict[str, Any]:
    out: dict[str, Any] = {name: getattr(ladder, name) for name in _LADDER_PLAIN}
    for name in _LADDER_STEP:
        step = getattr(ladder, name)
        out[name] = step.value if step is not None else None
    out["tried"] = [step.value for step in ladder.tried]
    return out


def _ladder_in(role: Role, data: dict[str, Any], state: State, now: float) -> Ladder:
    values: dict[str, Any] = {name: data[name] for name in _LADDER_PLAIN}
    for name in _LADDER_STEP:
        values[name] = Step(data[name]) if data[name] is not None else None
    tried = tuple(Step(word) for word in data["tried"])
    ladder = Ladder(role=role, tried=tried, **values)
    return recovery.interrupted(ladder, state.failover.policy.default_boot_time_s, now)


def _entry_out(entry: LogEntry) -> list[Any]:
    return [entry.seq, entry.at, entry.kind, entry.text, entry.role.value if entry.role else None]


def _entry_in(data: list[Any]) -> LogEntry:
    seq, at, kind, text, role = data
    return LogEntry(int(seq), float(at), str(kind), str(text), Role(role) if role else None)
