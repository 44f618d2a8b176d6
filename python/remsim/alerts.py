# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong and what to do about it, derived from the state. Pure: a list in, a list out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from remsim.failover.path import Path
from remsim.failover.state import FailoverState
from remsim.model import AssignmentState, LineState, ModemState, Role

PATH_DOWN_WARNING_S = 30.0  # a shorter loss of a path is no news


class Severity(Enum):
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Alert:
    """`id` is stable while the trouble lasts; `since` monotonic seconds."""

    id: str
    severity: Severity
    reason: str
    advice: str
    since: float


@dataclass(frozen=True, slots=True)
class Finding:
    id: str
    severity: Severity
    reason: str
    advice: str


def find(
    state: FailoverState,
    lines: tuple[LineState, ...],
    problems: tuple[str, ...],
    unwritten: tuple[tuple[str, str], ...],
    now: float,
) -> tuple[Finding, ...]:
    """Everything that is wrong now. `unwritten`: what could not be written, and why."""
    found = [*_about_bank(state, now), *_about_routing(state), *_about_lines(lines)]
    for role in state.policy.roles:
        found.extend(_about_path(state.path(role), now))
    if problems:
        found.append(
            Finding(
                "config",
                Severity.WARNING,
                f"/etc/config/remsim was not accepted: {problems[0]}",
                "correct it and run `remsim config check`; the last accepted one is in force",
            )
        )
    found.extend(_about_storage(unwritten))
    return tuple(found)


def merged(before: tuple[Alert, ...], found: tuple[Finding, ...], now: float) -> tuple[Alert, ...]:
    """Alerts that go on keep their `since`."""
    since = {alert.id: alert.since for alert in before}
    return tuple(
        Alert(item.id, item.severity, item.reason, item.advice, since.get(item.id, now))
        for item in found
    )


def _about_bank(state: FailoverState, now: float) -> list[Finding]:
    if not state.policy.orchestrated or not state.bank.wanted:
        return []
    bank = state.bank
    why = bank.failure or state.beats.failure
    reason = f": {why.reason}" if why is not None else ""
    if bank.state is AssignmentState.GRACE:
        ends_at = bank.grace_ends_at(state.policy)
        left_s = max(0.0, (ends_at or now) - now)
        return [
            Finding(
                "assignment.grace",
                Severity.WARNING,
                f"no heartbeat answered, the bank lets go in {left_s:.0f} s{reason}",
                "nothing to do yet: both paths and every host are tried",
            )
        ]
    if bank.state is AssignmentState.EXPIRED:
        return [
            Finding(
                "assignment.expired",
                Severity.ERROR,
                f"the assignment counts as lost{reason}",
                "it is registered again as soon as the orchestrator answers",
            )
        ]
    if bank.state is AssignmentState.UNREGISTERED and bank.failures:
        return [
            Finding(
                "assignment.refused",
                Severity.ERROR,
                f"registration fails{reason}",
                "check ionmesh.host, tenant, API key and the orchestrator's log",
            )
        ]
    return []


def _about_path(path: Path, now: float) -> list[Finding]:
    role = path.role
    name = role.value
    if path.state is ModemState.PIN_NEEDED:
        return [
            Finding(
                f"{name}.pin",
                Severity.ERROR,
                f"{name}: the SIM wants a PIN",
                f"set {name}.pin; it is tried once, and only with two tries left",
            )
        ]
    if path.state is ModemState.NO_SIM:
        return [_no_sim(role)]
    if path.roams_in_vain:
        return [
            Finding(
                f"{name}.roaming",
                Severity.ERROR,
                f"{name}: the only network found is a roaming one, and roaming is not allowed",
                f"set {name}.roaming to 1 where the plan permits it",
            )
        ]
    if not path.is_down or now - path.since < PATH_DOWN_WARNING_S:
        return []
    severity = Severity.ERROR if role is Role.IOT else Severity.WARNING
    return [
        Finding(
            f"{name}.down",
            severity,
            f"{role.title} path is down: {path.reason}",
            "recovery steps run by themselves; see the modem's recovery line",
        )
    ]


def _no_sim(role: Role) -> Finding:
    if role is Role.IOT:
        advice = "check the IoT SIM's holder and contacts"
    else:
        advice = "check the SIM switch, the card front-end and the bank's assignment"
    return Finding(f"{role.value}.no_sim", Severity.ERROR, f"{role.value}: no SIM", advice)


def _about_routing(state: FailoverState) -> list[Finding]:
    failure = state.routes.failure
    if failure is None:
        return []
    return [
        Finding(
            "routing",
            Severity.ERROR,
            f"routing could not be applied: {failure.reason}",
            "run `remsim routing check`",
        )
    ]


def _about_storage(unwritten: tuple[tuple[str, str], ...]) -> list[Finding]:
    if not unwritten:
        return []
    what = " and ".join(name for name, _ in unwritten)
    return [
        Finding(
            "storage",
            Severity.WARNING,
            f"{what} cannot be written: {unwritten[0][1]}",
            "free some space (`df`); what is not written is lost at the next restart",
        )
    ]


def _about_lines(lines: tuple[LineState, ...]) -> list[Finding]:
    found = []
    for line in lines:
        if line.failure is not None:
            found.append(
                Finding(
                    f"gpio.{line.name}",
                    Severity.ERROR,
                    f"{line.name} ({line.line}): {line.failure.reason}",
                    "check the line's name in the configuration and who else uses it",
                )
            )
    return found
