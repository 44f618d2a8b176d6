# SPDX-License-Identifier: GPL-2.0-or-later
"""Failover: the control traffic's path, the bank's view, the cure of each modem. Pure.

A `Turn` takes the frozen state of before, is told what happened, settles, and gives the state of
after, the orders for the workers, the notes for log and alerts, and the next deadline. It has no
clock, no log and no I/O; time and randomness (a seed in the state) come from outside.

The rules are design section 5; `path`, `recovery` and `policy` hold their parts of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from remsim.errors import BusyError, NotPossibleError
from remsim.events import (
    ApplyRoutes,
    BeatDone,
    BeatOutcome,
    BeatReport,
    Event,
    LinkSeen,
    ModemSeen,
    Order,
    Probe,
    ProbeDone,
    Register,
    RegisterDone,
    ReleaseRoutes,
    RoutesDone,
    RoutesLost,
    RunStep,
    SendBeat,
    StepDone,
    Unregister,
    UnregisterDone,
)
from remsim.failover import path as paths_module
from remsim.failover import recovery
from remsim.failover.path import Path, Verdict
from remsim.failover.policy import (
    FIRST_RETRY_S,
    JITTER,
    REFUSED_RETRY_S,
    REGISTER_RETRY_MAX_S,
    RETRY_MAX_S,
    SERVER_SHUN_S,
    Policy,
    backoff_s,
    clamp_interval,
)
from remsim.failover.recovery import Ladder, Surroundings, Wait
from remsim.model import (
    Assignment,
    AssignmentState,
    Failure,
    LinkObservation,
    ModemState,
    Role,
    Step,
)

BANKS_MATTER = "its SIM is the bank's matter"  # keeps the ladder away, but no operator
ORDER_SLACK_S = (
    20.0  # a worker that has not answered this long after the deadline has lost the order
)
ROUTES_RETRY_S = 10.0


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
        curable = self.iot.state not in (ModemState.NO_SIM, ModemState.PIN_NEEDED)
        can_restart = any(step.restarts_modem for step in self.policy.iot_steps)
        untouched = self.iot_ladder.restarts == 0
        return self.both_down_since is not None and curable and can_restart and untouched


class Turn:
    """One step of failover. Made, told, settled and thrown away within one call of `core.step`."""

    def __init__(self, state: FailoverState, now: float, report: BeatReport) -> None:
        self.now = now
        self.policy = state.policy
        self.paths = {Role.IOT: state.iot, Role.PRIMARY: state.primary}
        self.ladders = {Role.IOT: state.iot_ladder, Role.PRIMARY: state.primary_ladder}
        self.control = state.control
        self.control_since = state.control_since
        self.both_down_since = state.both_down_since
        self.beats = state.beats
        self.bank = state.bank
        self.routes = state.routes
        self.blocked = dict(state.blocked)
        self.is_released = state.is_released
        self.orders: list[Order] = []
        self.notes: list[Note] = []
        self.wake_at: float | None = None
        self._report = report
        self._next_id = state.next_id
        self._seed = state.seed

    # --- what came of it -------------------------------------------------------------------

    def state(self) -> FailoverState:
        return FailoverState(
            policy=self.policy,
            iot=self.paths[Role.IOT],
            primary=self.paths[Role.PRIMARY],
            iot_ladder=self.ladders[Role.IOT],
            primary_ladder=self.ladders[Role.PRIMARY],
            control=self.control,
            control_since=self.control_since,
            both_down_since=self.both_down_since,
            beats=self.beats,
            bank=self.bank,
            routes=self.routes,
            blocked=tuple(self.blocked.items()),
            is_released=self.is_released,
            next_id=self._next_id,
            seed=self._seed,
        )

    def new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def note(self, kind: str, text: str, role: Role | None = None) -> None:
        self.notes.append(Note(kind, text, role))

    def wake(self, at: float | None) -> None:
        """Settle again at `at`. What is due already waits for an event, not for the time."""
        if at is not None and at > self.now and (self.wake_at is None or at < self.wake_at):
            self.wake_at = at

    def _jitter(self) -> float:
        """1.0 to 1.2, from a linear congruential generator (Numerical Recipes' constants)."""
        self._seed = (self._seed * 1664525 + 1013904223) % 2**32
        return 1.0 + JITTER * (self._seed / 2**32)

    # --- being told ------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Events that are none of failover's business are ignored."""
        if isinstance(event, ModemSeen):
            self._modem_seen(event)
        elif isinstance(event, LinkSeen):
            self._link_seen(event.observation)
        elif isinstance(event, BeatDone):
            self._beat_done(event)
        elif isinstance(event, RegisterDone):
            self._register_done(event)
        elif isinstance(event, UnregisterDone):
            self._unregister_done(event)
        elif isinstance(event, ProbeDone):
            self._probe_done(event)
        elif isinstance(event, StepDone):
            self._step_done(event)
        elif isinstance(event, RoutesDone):
            self._routes_done(event)
        elif isinstance(event, RoutesLost):
            self.note("routing", f"routes were lost: {event.reason}")
            self.routes = replace(self.routes, is_wanted=True)

    def change_policy(self, policy: Policy) -> None:
        """A reload: timers keep running, numbers change."""
        interval_s = self.beats.interval_s
        if policy.heartbeat_interval_s != self.policy.heartbeat_interval_s:
            interval_s = policy.heartbeat_interval_s
        self.policy = policy
        self.beats = replace(self.beats, interval_s=clamp_interval(policy, interval_s))
        self.routes = replace(self.routes, is_wanted=True)

    def _modem_seen(self, event: ModemSeen) -> None:
        role = event.observation.role
        before = self.paths[role].state
        self.paths[role] = replace(self.paths[role], modem=event.observation)
        after = event.observation.state
        if before is not after:
            self.note("modem", f"{role.value} is {after.value.replace('_', ' ')}", role)

    def _link_seen(self, link: LinkObservation) -> None:
        path = self.paths[link.role]
        self.paths[link.role] = replace(path, link=link)
        if _routing_key(path.link) != _routing_key(link):
            self.routes = replace(self.routes, is_wanted=True)

    def _probe_done(self, event: ProbeDone) -> None:
        path = self.paths[event.role]
        if path.probe_id != event.id:
            return
        if event.rtt_ms is not None:
            self.paths[event.role] = paths_module.probe_answered(path)
        else:
            self.paths[event.role] = paths_module.probe_failed(
                path, event.target, self.policy, self.now
            )

    def _routes_done(self, event: RoutesDone) -> None:
        if event.id != self.routes.order_id:
            return
        failed = event.failure is not None
        if failed and self.routes.failure is None:
            self.note("routing", f"routing could not be applied: {_reason(event.failure)}")
        self.routes = replace(
            self.routes,
            order_id=None,
            order_until=None,
            failure=event.failure,
            retry_at=self.now + ROUTES_RETRY_S * self._jitter() if failed else None,
            applied_at=self.routes.applied_at if failed else self.now,
            changes=event.changes,
        )

    # --- heartbeat -------------------------------------------------------------------------

    def beat_now(self, role: Role) -> int:
        """A heartbeat leaves over `role`; its order's id."""
        order_id = self.new_id()
        self.orders.append(SendBeat(order_id, role, self._report, self.policy.heartbeat_timeout_s))
        flight = Flight(order_id, role, self.now)
        self.beats = replace(
            self.beats,
            flights=(*self.beats.flights, flight),
            sent=self.beats.sent + 1,
            next_at=self.now + self.beats.interval_s,
        )
        return order_id

    def _beat_done(self, event: BeatDone) -> None:
        flight = next((f for f in self.beats.flights if f.id == event.id), None)
        if flight is None:
            return
        rest = tuple(f for f in self.beats.flights if f.id != event.id)
        self.beats = replace(self.beats, flights=rest, host=event.host or self.beats.host)
        if event.outcome is BeatOutcome.ANSWERED:
            self._beat_answered(event, flight)
        else:
            self._beat_failed(event)

    def _beat_answered(self, event: BeatDone, flight: Flight) -> None:
        self.paths[event.role] = paths_module.server_answered(self.paths[event.role], self.now)
        interval_s = clamp_interval(self.policy, event.next_interval_s)
        last = self.bank.last_answer_at
        gap_s = self.now - last if last is not None else 0.0
        self.beats = replace(
            self.beats,
            interval_s=interval_s,
            next_at=flight.sent_at + interval_s,
            failures=0,
            answered=self.beats.answered + 1,
            rtt_ms=event.rtt_ms,
            role=event.role,
            failure=None,
            longest_gap_s=max(self.beats.longest_gap_s, gap_s),
        )
        if self.bank.state in (AssignmentState.GRACE, AssignmentState.EXPIRED):
            self.note("assignment", f"assignment is active again after {gap_s:.0f} s")
        if self.bank.state is not AssignmentState.UNREGISTERED:
            self.bank = replace(
                self.bank, state=AssignmentState.ACTIVE, last_answer_at=self.now, failure=None
            )

    def _beat_failed(self, event: BeatDone) -> None:
        failures = self.beats.failures + 1
        first_s = REFUSED_RETRY_S if event.outcome is BeatOutcome.REFUSED else FIRST_RETRY_S
        pause_s = backoff_s(first_s, failures, max(first_s, RETRY_MAX_S)) * self._jitter()
        retry_at = self.now + min(pause_s, max(self.beats.interval_s, FIRST_RETRY_S))
        self.beats = replace(
            self.beats,
            failures=failures,
            failed=self.beats.failed + 1,
            next_at=retry_at,
            failure=_counted(event.failure, failures, retry_at),
        )
        if failures == 1:
            self.note("heartbeat", f"heartbeat failed: {_reason(event.failure)}", event.role)
        if event.outcome is BeatOutcome.UNREACHABLE:
            self._server_silent(event.role)
            other = event.role.other
            if self._can_carry(other) and failures <= 1:
                self.beat_now(other)
            return
        self.paths[event.role] = paths_module.server_answered(self.paths[event.role], self.now)
        if event.outcome is BeatOutcome.NOT_REGISTERED:
            self._lost("the orchestrator does not know this client")

    def _server_silent(self, role: Role) -> None:
        self.paths[role] = paths_module.server_failed(self.paths[role], self.now)

    def _can_carry(self, role: Role) -> bool:
        if role not in self.policy.roles or not self.paths[role].is_up:
            return False
        return all(flight.role is not role for flight in self.beats.flights)

    # --- registration ----------------------------------------------------------------------

    def register_now(self, role: Role) -> int:
        """A registration leaves over `role`; its order's id."""
        order_id = self.new_id()
        self.orders.append(Register(order_id, role, self.policy.heartbeat_timeout_s))
        self._await_bank(order_id, role, is_leaving=False)
        return order_id

    def unregister_now(self, role: Role) -> int:
        """Give the assignment back; nothing registers again until somebody asks for it."""
        order_id = self.new_id()
        self.orders.append(Unregister(order_id, role, self.policy.heartbeat_timeout_s))
        self._await_bank(order_id, role, is_leaving=True)
        return order_id

    def _await_bank(self, order_id: int, role: Role, *, is_leaving: bool) -> None:
        self.bank = replace(
            self.bank,
            wanted=not is_leaving,
            order_id=order_id,
            order_role=role,
            order_until=self.now + self.policy.heartbeat_timeout_s + ORDER_SLACK_S,
            is_leaving=is_leaving,
            next_at=None,
        )

    def _register_done(self, event: RegisterDone) -> None:
        if event.id != self.bank.order_id:
            return
        role = event.role
        self.bank = replace(self.bank, order_id=None, order_role=None, order_until=None)
        if event.outcome is BeatOutcome.UNREACHABLE:
            self._server_silent(role)
        else:
            self.paths[role] = paths_module.server_answered(self.paths[role], self.now)
        if event.assignment is None:
            self._register_failed(event)
            return
        interval_s = clamp_interval(self.policy, event.assignment.heartbeat_interval_s)
        self.bank = replace(
            self.bank,
            state=AssignmentState.ACTIVE,
            assignment=event.assignment,
            last_answer_at=self.now,
            next_at=None,
            failures=0,
            failure=None,
            registrations=self.bank.registrations + 1,
        )
        self.beats = replace(
            self.beats,
            interval_s=interval_s,
            next_at=self.now + interval_s,
            failures=0,
            failure=None,
            host=event.host,
        )
        self.note("assignment", f"registered over {role.title} as {event.assignment.client_id}")

    def _register_failed(self, event: RegisterDone) -> None:
        failures = self.bank.failures + 1
        refused = event.outcome is BeatOutcome.REFUSED
        first_s = REFUSED_RETRY_S if refused else FIRST_RETRY_S
        pause_s = backoff_s(first_s, failures, REGISTER_RETRY_MAX_S) * self._jitter()
        unreachable = event.outcome is BeatOutcome.UNREACHABLE
        if unreachable and failures == 1 and self._can_carry(event.role.other):
            pause_s = 0.0  # the other link is tried at once, see _register_role
        retry_at = self.now + pause_s
        failure = _counted(event.failure, failures, retry_at)
        self.bank = replace(self.bank, failures=failures, next_at=retry_at, failure=failure)
        if failures == 1:
            text = f"registration failed: {_reason(event.failure)}"
            self.note("assignment", text, event.role)

    def _unregister_done(self, event: UnregisterDone) -> None:
        if event.id != self.bank.order_id:
            return
        said = "unregistered" if event.failure is None else "unregistered without an answer"
        self.note("assignment", said, event.role)
        self.bank = Bank(wanted=False, registrations=self.bank.registrations)
        self.beats = replace(self.beats, next_at=None, failures=0, failure=None)

    def _lost(self, why: str) -> None:
        """The assignment is gone; register as soon as any path is up."""
        self.note("assignment", f"assignment lost: {why}")
        self.bank = replace(
            self.bank, state=AssignmentState.UNREGISTERED, next_at=self.now, failures=0
        )

    # --- recovery --------------------------------------------------------------------------

    def start_step(self, role: Role, step: Step) -> int:
        """Begin a recovery step (of the ladder or an operator's); its order's id."""
        order_id = self.new_id()
        self.orders.append(RunStep(order_id, role, step))
        self.ladders[role] = recovery.started(self.ladders[role], step, order_id, self.now)
        self.note("recovery", f"{role.value}: {step.value.replace('_', ' ')}", role)
        return order_id

    def start_step_for_operator(self, role: Role, step: Step | None) -> int:
        """Checked: the role exists, the modem is free, the other one is not in reset."""
        if role not in self.policy.roles:
            raise NotPossibleError(f"{role.value} is not in use: modems.dual_modem is 0")
        possible = self.policy.steps_of(role)
        if step is None:
            step = next((s for s in _BEST_RESETS if s in possible), None)
        if step is None or step not in possible:
            wanted = "a reset" if step is None else step.value
            raise NotPossibleError(f"{role.value} has no way of doing {wanted}")
        if self.ladders[role].order_id is not None:
            raise BusyError(f"{role.value}: a recovery step is running")
        if self.blocked.get(role, BANKS_MATTER) != BANKS_MATTER:
            raise BusyError(f"{role.value}: {self.blocked[role]}")
        other_until = self.ladders[role.other].reset_until(self.now)
        if step.restarts_modem and other_until is not None:
            left_s = other_until - self.now
            raise BusyError(f"{role.other.value} is in reset for up to {left_s:.0f} s more")
        return self.start_step(role, step)

    def _step_done(self, event: StepDone) -> None:
        ladder = self.ladders[event.role]
        if ladder.order_id != event.id:
            return
        path = self.paths[event.role]
        around = self._surroundings(event.role)
        failure = _counted(event.failure, ladder.steps_run, None)
        self.ladders[event.role] = recovery.ended(
            ladder, path, self.policy, around, failure, self.now
        )
        if event.failure is not None:
            text = f"{event.role.value}: {event.step.value} failed: {_reason(event.failure)}"
            self.note("recovery", text, event.role)

    def _surroundings(self, role: Role) -> Surroundings:
        return self.state().surroundings(role, self.now)

    # --- settling --------------------------------------------------------------------------

    def settle(self) -> None:
        """Draw every conclusion; afterwards `orders`, `notes` and `wake_at` are complete."""
        self._expire_orders()
        self._judge()
        self._choose_control()
        if self.policy.orchestrated:
            self._settle_bank()
            self._settle_beats()
        self._settle_probes()
        if not self.is_released and not self._is_adopting():
            self._settle_ladders()
        self._settle_routes()

    def _expire_orders(self) -> None:
        """An order that its worker lost counts as unanswered."""
        limit_s = self.policy.heartbeat_timeout_s + ORDER_SLACK_S
        for flight in self.beats.flights:
            if self.now >= flight.sent_at + limit_s:
                lost = _lost_order(self.now)
                unreachable = BeatOutcome.UNREACHABLE
                self._beat_done(BeatDone(flight.id, flight.role, unreachable, "", failure=lost))
            else:
                self.wake(flight.sent_at + limit_s)
        bank = self.bank
        if bank.order_id is not None and bank.order_until is not None:
            if self.now < bank.order_until:
                self.wake(bank.order_until)
            elif bank.is_leaving:
                role = bank.order_role or Role.IOT
                self._unregister_done(UnregisterDone(bank.order_id, role, _lost_order(self.now)))
            else:
                role = bank.order_role or Role.IOT
                outcome = BeatOutcome.UNREACHABLE
                lost = _lost_order(self.now)
                self._register_done(RegisterDone(bank.order_id, role, outcome, "", failure=lost))
        for path in list(self.paths.values()):
            if path.probe_id is None or path.probe_until is None:
                continue
            if self.now >= path.probe_until:
                self._probe_done(ProbeDone(path.probe_id, path.role, path.probe_asked or ""))
            else:
                self.wake(path.probe_until)
        for role, ladder in self.ladders.items():
            until = ladder.running_until
            if ladder.order_id is None or until is None or ladder.running is None:
                continue
            if self.now >= until:
                lost = _lost_order(self.now)
                self._step_done(StepDone(ladder.order_id, role, ladder.running, lost))
            else:
                self.wake(until)

    def _judge(self) -> None:
        for role in self.policy.roles:
            before = self.paths[role]
            after = paths_module.judge(before, self.policy, self.now)
            self.paths[role] = after
            if after.verdict is not before.verdict:
                self.note("path", f"{role.title} path {after.verdict.value}: {after.reason}", role)
            self.ladders[role] = recovery.observe(self.ladders[role], after, self.policy, self.now)
        if self._is_adopting():
            return
        all_down = all(self.paths[role].is_down for role in self.policy.roles)
        if not all_down:
            self.both_down_since = None
        elif self.both_down_since is None and self.policy.dual_modem:
            self.both_down_since = self.now

    def _is_adopting(self) -> bool:
        """After a start, until every path has been seen: nothing is moved, reset or rerouted."""
        return any(self.paths[role].verdict is Verdict.UNKNOWN for role in self.policy.roles)

    def _choose_control(self) -> None:
        chosen = paths_module.choose(self.paths, self.control, self.policy, self.now)
        if chosen is not self.control:
            fell = self.control is not None and not self.paths[self.control].is_up
            title = chosen.title if chosen is not None else "none"
            self.note("control_path", f"control traffic: {title}", chosen)
            self.control = chosen
            self.control_since = self.now
            self.routes = replace(self.routes, is_wanted=True)
            if chosen is not None and (fell or self.beats.failures or self.bank.failures):
                self._hurry()
        preferred = self.paths[self.policy.prefer]
        if self.control is not self.policy.prefer and preferred.is_up:
            self.wake(preferred.since + self.policy.hold_down_s)
            if preferred.server_failed_at is not None:
                self.wake(preferred.server_failed_at + SERVER_SHUN_S)

    def _hurry(self) -> None:
        """A fresh path: whatever waits for a retry goes now."""
        if self.beats.next_at is not None:
            self.beats = replace(self.beats, next_at=self.now)
        if self.bank.next_at is not None:
            self.bank = replace(self.bank, next_at=self.now)

    def _settle_bank(self) -> None:
        bank = self.bank
        ends_at = bank.grace_ends_at(self.policy)
        if bank.state is AssignmentState.ACTIVE and bank.last_answer_at is not None:
            slack_s = self.beats.interval_s + 2 * self.policy.heartbeat_timeout_s
            overdue_at = bank.last_answer_at + slack_s
            if self.beats.failures > 1 or self.now >= overdue_at:
                bank = self.bank = replace(bank, state=AssignmentState.GRACE)
                left_s = max(0.0, (ends_at or self.now) - self.now)
                self.note("assignment", f"no answer: grace period, {left_s:.0f} s left")
            else:
                self.wake(overdue_at)
        if bank.state is AssignmentState.GRACE and ends_at is not None:
            if self.now >= ends_at:
                bank = self.bank = replace(
                    bank, state=AssignmentState.EXPIRED, next_at=self.now, failures=0
                )
                self.note("assignment", "grace period over: the assignment counts as lost")
            else:
                self.wake(ends_at)
        unassigned = bank.state in (AssignmentState.UNREGISTERED, AssignmentState.EXPIRED)
        if not (unassigned and bank.wanted and bank.order_id is None):
            return
        due_at = bank.next_at if bank.next_at is not None else self.now
        role = self._register_role()
        if role is None:
            return
        if self.now >= due_at:
            self.register_now(role)
        else:
            self.wake(due_at)

    def _register_role(self) -> Role | None:
        """The control path; while the server is silent over it, the paths take turns."""
        role = self.control
        if role is None or not self.paths[role].is_up:
            return None
        silent = self.paths[role].server_failed_at is not None
        if silent and self.bank.failures % 2 == 1 and self._can_carry(role.other):
            return role.other
        return role

    def _settle_beats(self) -> None:
        if self.bank.state not in (AssignmentState.ACTIVE, AssignmentState.GRACE):
            return
        role = self.control
        if self.bank.is_leaving or role is None or not self.paths[role].is_up:
            return
        due_at = self.beats.next_at if self.beats.next_at is not None else self.now
        if self.now < due_at:
            self.wake(due_at)
            return
        if not self._can_carry(role):
            return  # one is on its way; its end wakes us
        self.beat_now(role)
        if self.beats.failures and self._can_carry(role.other):
            self.beat_now(role.other)

    def _settle_probes(self) -> None:
        for role in self.policy.roles:
            self._settle_probe(role)

    def _settle_probe(self, role: Role) -> None:
        path = self.paths[role]
        if not paths_module.is_probe_due(path, self.now):
            if path.probe_id is None and path.server_failed_at is not None:
                self.wake(path.next_probe_at)
            return
        target = paths_module.probe_target(path, self.policy)
        if target is None:
            self.paths[role] = replace(path, next_probe_at=None)
            return
        order_id = self.new_id()
        self.orders.append(Probe(order_id, role, target, self.policy.probe_timeout_s))
        self.paths[role] = replace(
            path,
            probe_id=order_id,
            probe_asked=target,
            next_probe_at=None,
            probe_until=self.now + self.policy.probe_timeout_s + ORDER_SLACK_S,
        )

    def _settle_ladders(self) -> None:
        """The modem with fewer restarts first: both due at once must not starve one of them."""
        for role in sorted(self.policy.roles, key=lambda role: self.ladders[role].restarts):
            path = self.paths[role]
            if recovery.is_round_over(self.ladders[role], path, self.policy, self.now):
                jitter = self._jitter()
                self.ladders[role] = recovery.end_round(
                    self.ladders[role], self.policy, self.now, jitter
                )
                rounds = self.ladders[role].rounds
                text = f"{role.value}: round {rounds} of recovery did not help"
                self.note("recovery", text, role)
            around = self._surroundings(role)
            due = recovery.next_step(self.ladders[role], path, self.policy, around, self.now)
            if isinstance(due, Wait):
                self.wake(due.until)
            elif due.restarts_modem and not paths_module.is_surely_down(
                path, self.policy, self.now
            ):
                self.paths[role] = paths_module.probe_again(path, self.now)
                self._settle_probe(role)
            else:
                self.start_step(role, due)
            if path.is_up and self.ladders[role].tried:
                self.wake(path.since + self.policy.hold_down_s)

    def _settle_routes(self) -> None:
        routes = self.routes
        if routes.order_id is not None:
            if routes.order_until is not None and self.now >= routes.order_until:
                self._routes_done(RoutesDone(routes.order_id, failure=_lost_order(self.now)))
            self.wake(self.routes.order_until)
            return
        is_retry_due = routes.retry_at is not None and self.now >= routes.retry_at
        if routes.is_wanted or is_retry_due:
            self._apply_routes()
        else:
            self.wake(routes.retry_at)

    def _apply_routes(self) -> None:
        links = [self.paths[role].link for role in self.policy.roles]
        if self._is_adopting() or self.is_released:
            return
        order_id = self.new_id()
        seen = tuple(link for link in links if link is not None)
        self.orders.append(ApplyRoutes(order_id, self.control, seen))
        until = self.now + ORDER_SLACK_S
        self.routes = replace(
            self.routes, order_id=order_id, order_until=until, is_wanted=False, retry_at=None
        )
        self.wake(until)

    def release_routes(self) -> int:
        """Hand the routes back; from here on nothing is touched."""
        self.is_released = True
        order_id = self.new_id()
        self.orders.append(ReleaseRoutes(order_id))
        return order_id


# An operator's "reset": the surest way that leaves the bus in order, then the others.
_BEST_RESETS = (Step.RESET_LINE, Step.AT_RESET, Step.BUS, Step.POWER)


def _routing_key(link: LinkObservation | None) -> tuple[object, ...]:
    if link is None:
        return ()
    return (link.device, link.is_up, link.addresses, link.gateways, link.dns_servers)


def _reason(failure: Failure | None) -> str:
    return failure.reason if failure is not None else "no reason given"


def _counted(failure: Failure | None, attempt: int, retry_at: float | None) -> Failure | None:
    if failure is None:
        return None
    return replace(failure, attempt=attempt, next_retry_at=retry_at)


def _lost_order(now: float) -> Failure:
    return Failure(1, "lost", "the worker did not answer in time", "internal", now)
