# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core is told (events) and what it asks of the workers (orders). Frozen, no behaviour.

Every order has an `id` unique in this run of the daemon; the worker answers each order with exactly
one event that carries the same id, whatever happens. Progress events may come before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from remsim.model import (
    Assignment,
    Failure,
    LineState,
    LinkObservation,
    ModemObservation,
    RemoteCommand,
    Role,
    SimSource,
    Step,
)


class BeatOutcome(Enum):
    """How a heartbeat ended. Only ANSWERED renews the assignment."""

    ANSWERED = "answered"
    NOT_REGISTERED = "not_registered"  # HTTP 404
    REFUSED = "refused"  # 400, 401, 403: will not get better by itself
    SERVER_ERROR = "server_error"  # 5xx, nonsense, endless answer: the server was reached
    UNREACHABLE = "unreachable"  # no name, no route, no connection, no answer


# --- orders: core -> workers -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeatReport:
    """What a heartbeat tells the orchestrator. Unknown values are left out of the body."""

    status: str  # "active", "warning" or "error"
    uptime_s: int
    tpdus: int | None = None
    errors: int | None = None
    signal_dbm: float | None = None
    rsrp_dbm: float | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    modem_model: str | None = None
    modem_firmware: str | None = None


@dataclass(frozen=True, slots=True)
class SendBeat:
    id: int
    role: Role  # the link it leaves by
    report: BeatReport
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Register:
    id: int
    role: Role
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Unregister:
    id: int
    role: Role
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask an unrelated target over one link: is the path itself alive?"""

    id: int
    role: Role
    target: str  # IPv4 or IPv6 address
    timeout_s: float


@dataclass(frozen=True, slots=True)
class RunStep:
    id: int
    role: Role
    step: Step


@dataclass(frozen=True, slots=True)
class SwitchSim:
    id: int
    role: Role
    source: SimSource
    expected_iccid: str | None = None


@dataclass(frozen=True, slots=True)
class AskAt:
    id: int
    role: Role
    command: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class ApplyRoutes:
    """Bring the kernel to the plan for this control path; what fits already is not touched."""

    id: int
    control: Role | None
    links: tuple[LinkObservation, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRoutes:
    """Take away what remsim put there; default routes go back with their configured metrics."""

    id: int


Order = (
    SendBeat
    | Register
    | Unregister
    | Probe
    | RunStep
    | SwitchSim
    | AskAt
    | ApplyRoutes
    | ReleaseRoutes
)

# --- events: workers -> core -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModemSeen:
    observation: ModemObservation


@dataclass(frozen=True, slots=True)
class LinkSeen:
    observation: LinkObservation


@dataclass(frozen=True, slots=True)
class LinesSeen:
    lines: tuple[LineState, ...]


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """`phase` is one word or a short phrase of the field ("interface down", "SIM ready")."""

    id: int
    phase: str


@dataclass(frozen=True, slots=True)
class BeatDone:
    id: int
    role: Role
    outcome: BeatOutcome
    host: str
    rtt_ms: float | None = None
    next_interval_s: float | None = None
    commands: tuple[RemoteCommand, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RegisterDone:
    """`assignment` when the server accepted; otherwise `outcome` and `failure` say why not."""

    id: int
    role: Role
    outcome: BeatOutcome
    host: str
    assignment: Assignment | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class UnregisterDone:
    id: int
    role: Role
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ProbeDone:
    id: int
    role: Role
    target: str
    rtt_ms: float | None = None  # None = no answer
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class StepDone:
    """The step was carried out (or not). Whether it helped shows in later observations."""

    id: int
    role: Role
    step: Step
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SimSwitched:
    id: int
    role: Role
    source: SimSource
    iccid: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class AtDone:
    id: int
    role: Role
    lines: tuple[str, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RoutesDone:
    id: int
    changes: int = 0  # kernel objects added, changed or removed
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RoutesLost:
    """Somebody flushed our rules or routes (netifd reload, firewall restart)."""

    reason: str


@dataclass(frozen=True, slots=True)
class StorageSeen:
    """`what` could not be written, and why; or can be again (`trouble` None)."""

    what: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Hotplugged:
    subsystem: str
    action: str
    name: str
    path: str


Event = (
    ModemSeen
    | LinkSeen
    | LinesSeen
    | OrderProgress
    | BeatDone
    | RegisterDone
    | UnregisterDone
    | ProbeDone
    | StepDone
    | SimSwitched
    | AtDone
    | RoutesDone
    | RoutesLost
    | StorageSeen
    | Hotplugged
)
