# SPDX-License-Identifier: GPL-2.0-or-later
"""What failover remembers, and the notes it makes. Frozen; `machine.Turn` makes the next one."""

from __future__ import annotations

from dataclasses import dataclass, field

from remsim.failover.path import Path
from remsim.failover.policy import (
    Policy,
)
from remsim.failover.recovery import Ladder, Surroundings
from remsim.model import (
    Assignment,
    AssignmentState,
    Failure,
    Role,
)

# Why a modem is blocked: keeps the ladder away, but no operator.
BANKS_MATTER = "its SIM is the bank's matter"


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth telling: a line of the event log and a ubus event. `kind` is one word."""

    kind: str
    text: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Flight:
    """A heartbeat on its way."""

    id: int
    role: Role
    sent_at: float


@dataclass(frozen=True, slots=True)
class Beats:
    """The heartbeat: rhythm, counters, last answer."""

    interval_s: float = 60.0
    next_at: float | None = None
    flights: tuple[Flight, ...] = ()
    failures: int = 0  # in a row
    sent: int = 0
    answered: int = 0
    failed: int = 0
    rtt_ms: float | None = None
    role: Role | None = None  # of the last answer
    host: str | None = None
    failure: Failure | None = None
    longest_gap_s: float = 0.0  # between two answers while registered


@dataclass(frozen=True, slots=True)
class Bank:
    """What the bank thinks of us. `wanted`: false after an explicit unregister."""

    state: AssignmentState = AssignmentState.UNREGISTERED
    wanted: bool = True
    assignment: Assignment | None = None
    last_answer_at: float | None = None
    order_id: int | None = None
    order_role: Role | None = None
    order_until: float | None = None
    is_leaving: bool = False  # the order in flight is an unregister
    next_at: float | None = None
    failures: int = 0
    failure: Failure | None = None
    registrations: int = 0

    def grace_ends_at(self, policy: Policy) -> float | None:
        if self.last_answer_at is None or self.state is AssignmentState.UNREGISTERED:
            return None
        return self.last_answer_at + policy.grace_s


@dataclass(frozen=True, slots=True)
class Routes:
    """Routing as the decider knows it; the worker compares with the kernel."""

    order_id: int | None = None
    order_until: float | None = None
    is_wanted: bool = False
    retry_at: float | None = None
    failure: Failure | None = None
    applied_at: float | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class FailoverState:
    """Everything failover remembers. Frozen; `Turn` makes the next one."""

    policy: Policy
    iot: Path = field(default_factory=lambda: Path(Role.IOT))
    primary: Path = field(default_factory=lambda: Path(Role.PRIMARY))
    iot_ladder: Ladder = field(default_factory=lambda: Ladder(Role.IOT))
    primary_ladder: Ladder = field(default_factory=lambda: Ladder(Role.PRIMARY))
    control: Role | None = None
    control_since: float = 0.0
    both_down_since: float | None = None
    beats: Beats = field(default_factory=Beats)
    bank: Bank = field(default_factory=Bank)
    routes: Routes = field(default_factory=Routes)
    blocked: tuple[tuple[Role, str], ...] = ()
    is_released: bool = False  # routes and SIM were handed back: touch nothing until a restart
    next_id: int = 1
    seed: int = 1

    def path(self, role: Role) -> Path:
        return self.iot if role is Role.IOT else self.primary

    def ladder(self, role: Role) -> Ladder:
        return self.iot_ladder if role is Role.IOT else self.primary_ladder

    def surroundings(self, role: Role, now: float) -> Surroundings:
        """What `role`'s ladder must know of the rest."""
        return Surroundings(
            both_down_since=self.both_down_since,
            last_answer_at=self.bank.last_answer_at,
            other_reset_until=self.ladder(role.other).reset_until(now),
            is_second=role is Role.PRIMARY and self._iot_comes_first(),
            is_blocked=any(role is blocked for blocked, _ in self.blocked),
        )

    def _iot_comes_first(self) -> bool:
        """Both down: the IoT modem's reset comes first, unless none could help it."""
        can_restart = any(step.restarts_modem for step in self.policy.iot_steps)
        untouched = self.iot_ladder.restarts == 0
        return (
            self.both_down_since is not None and self.iot.is_curable and can_restart and untouched
        )
