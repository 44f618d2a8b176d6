# SPDX-License-Identifier: GPL-2.0-or-later
"""A world around the pure core: two modems, two links and an orchestrator on a hand-moved clock.

The core's orders are carried out here with plausible delays; what really is the case is kept apart
from what the core was told. Tests break things, let time pass and look at what left when.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from remsim import core
from remsim.events import (
    ApplyRoutes,
    AskAt,
    AtDone,
    BeatDone,
    BeatOutcome,
    LinkSeen,
    ModemSeen,
    Order,
    Probe,
    ProbeDone,
    Register,
    RegisterDone,
    ReleaseRoutes,
    RoutesDone,
    RunStep,
    SendBeat,
    SimSwitched,
    StepDone,
    SwitchSim,
    Unregister,
    UnregisterDone,
)
from remsim.failover.policy import Policy
from remsim.failover.state import FailoverState
from remsim.jobs import Wanted
from remsim.model import (
    Assignment,
    Failure,
    LinkObservation,
    ModemObservation,
    ModemState,
    Role,
    Step,
)
from remsim.state import CoreEvent, State, Tick

BOOT_S = {Role.PRIMARY: 77.0, Role.IOT: 40.0}  # FM350 as tabulated; the default of the others
SEARCH_S = 8.0
NOTICE_S = 15.0  # a modem that was mended this short ago cannot be known to be well yet


@dataclass
class Modem:
    """The truth about one modem and its link."""

    role: Role
    has_signal: bool = True
    is_hung: bool = False  # AT silent, no data; a restart cures it
    carries: bool = True  # the carrier forwards packets (False: silent)
    has_carrier: bool = True  # the link has carrier and address
    booting_until: float | None = None
    resets: list[float] = field(default_factory=list)
    steps: list[tuple[float, Step]] = field(default_factory=list)


@dataclass
class Server:
    """The orchestrator's truth: who is registered until when."""

    grace_s: float = 300.0
    answers: bool = True
    active_until: float | None = None
    beats: list[tuple[float, Role]] = field(default_factory=list)
    registrations: list[float] = field(default_factory=list)
    unregistrations: list[float] = field(default_factory=list)
    next_interval_s: float | None = None


class World:
    """Runs the core against the truth. `sent` holds every heartbeat that left, answered or not."""

    def __init__(self, policy: Policy | None = None, now: float = 1000.0, delay_s: float = 0.05):
        self.now = now
        self.delay_s = delay_s
        self.policy = policy or Policy()
        self.modems = {role: Modem(role) for role in Role}
        self.server = Server()
        self.sent: list[tuple[float, Role]] = []
        self.routes: list[tuple[float, Role | None]] = []
        self.well_since: dict[Role, float] = {}
        self.in_reset: dict[Role, float] = {}
        self.violations: list[str] = []
        self.state = State(FailoverState(policy=self.policy), started_at=now)
        self._queue: list[tuple[float, int, Callable[[], CoreEvent | None]]] = []
        self._serial = 0
        self._told: dict[tuple[str, Role], object] = {}
        self._deadline: float | None = now
        self.on_order: Callable[[Order], None] | None = None

    # --- time ------------------------------------------------------------------------------

    def start(self) -> None:
        self.tell_all()
        self._feed(Tick())

    def run(self, seconds: float) -> None:
        """Let time pass; the core is woken at its own deadlines and by what happens."""
        end = self.now + seconds
        self.tell_all()
        while True:
            moments = [end]
            if self._queue:
                moments.append(self._queue[0][0])
            if self._deadline is not None:
                moments.append(max(self._deadline, self.now))
            moments.extend(m for m in self._boots() if m > self.now)
            moment = min(moments)
            if moment >= end and not (self._queue and self._queue[0][0] <= end):
                self.now = end
                return
            self.now = max(self.now, moment)
            self._turn()

    def _turn(self) -> None:
        fed = False
        while self._queue and self._queue[0][0] <= self.now:
            event = heapq.heappop(self._queue)[2]()
            if event is not None:
                self._feed(event)
                fed = True
        fed = self.tell_all() or fed
        if not fed and self._deadline is not None and self._deadline <= self.now:
            before = self._deadline
            self._feed(Tick())
            if self._deadline is not None and self._deadline <= before:
                raise AssertionError(f"the core asks to be woken at once for ever: {before}")

    def _boots(self) -> list[float]:
        return [
            moment
            for modem in self.modems.values()
            if modem.booting_until is not None
            for moment in (modem.booting_until, modem.booting_until + SEARCH_S)
        ]

    def _feed(self, event: CoreEvent) -> None:
        result = core.step(self.state, event, self.now)
        self.state = result.state
        self._deadline = result.deadline
        for order in result.orders:
            self.do(order)

    def want(self, wanted: Wanted) -> str:
        result, job_id = core.want(self.state, wanted, self.now)
        self.state = result.state
        self._deadline = result.deadline
        for order in result.orders:
            self.do(order)
        return job_id

    def _later(self, seconds: float, make: Callable[[], CoreEvent | None]) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (self.now + seconds, self._serial, make))

    # --- what the core can see -------------------------------------------------------------

    def modem_state(self, role: Role) -> ModemState:
        modem = self.modems[role]
        if modem.booting_until is not None:
            if self.now < modem.booting_until:
                return ModemState.BOOTING
            if self.now < modem.booting_until + SEARCH_S:
                return ModemState.SEARCHING
        if modem.is_hung:
            return ModemState.FAILED
        return ModemState.CONNECTED if modem.has_signal else ModemState.SEARCHING

    def link(self, role: Role) -> LinkObservation:
        usable = self.modem_state(role) in (ModemState.CONNECTED, ModemState.FAILED)
        usable = usable and self.modems[role].has_carrier
        device = "wwan0" if role is Role.PRIMARY else "wwan1"
        addresses = (f"10.64.{int(role is Role.IOT)}.2/30",) if usable else ()
        return LinkObservation(role, 0.0, device, device, usable, addresses)

    def forwards(self, role: Role) -> bool:
        modem = self.modems[role]
        return self.link(role).is_usable and modem.carries and not modem.is_hung

    def tell_all(self) -> bool:
        """Observations are posted when they change, as the workers do."""
        told = False
        for role in self.policy.roles:
            if self.forwards(role) and self.modem_state(role) is ModemState.CONNECTED:
                self.well_since.setdefault(role, self.now)
            else:
                self.well_since.pop(role, None)
            state = self.modem_state(role)
            boot_s = BOOT_S[role]
            if self._told.get(("modem", role)) != state:
                self._told[("modem", role)] = state
                self._feed(ModemSeen(ModemObservation(role, state, self.now, boot_time_s=boot_s)))
                told = True
            link = self.link(role)
            if self._told.get(("link", role)) != link:
                self._told[("link", role)] = link
                self._feed(LinkSeen(replace(link, at=self.now)))
                told = True
        return told

    # --- carrying out orders ---------------------------------------------------------------

    def do(self, order: Order) -> None:
        if self.on_order is not None:
            self.on_order(order)
        if isinstance(order, SendBeat):
            self._beat(order)
        elif isinstance(order, Register):
            self._register(order)
        elif isinstance(order, Unregister):
            self._unregister(order)
        elif isinstance(order, Probe):
            self._probe(order)
        elif isinstance(order, RunStep):
            self._step(order)
        elif isinstance(order, SwitchSim):
            self._later(30.0, lambda: SimSwitched(order.id, order.role, order.source))
        elif isinstance(order, AskAt):
            self._later(0.1, lambda: AtDone(order.id, order.role, ("OK",)))
        elif isinstance(order, ApplyRoutes):
            self.routes.append((self.now, order.control))
            self._later(0.02, lambda: RoutesDone(order.id, 1))
        elif isinstance(order, ReleaseRoutes):
            self._later(0.02, lambda: RoutesDone(order.id, 1))

    def _failure(self, text: str) -> Failure:
        return Failure(1, "x", text, "peer_unreachable", self.now)

    def _reaches(self, role: Role) -> bool:
        return self.forwards(role) and self.server.answers

    def _beat(self, order: SendBeat) -> None:
        self.sent.append((self.now, order.role))
        if not self._reaches(order.role):
            unreachable = BeatOutcome.UNREACHABLE
            why = self._failure("no answer")
            wait = order.timeout_s if self.link(order.role).is_usable else 0.01
            self._later(wait, lambda: BeatDone(order.id, order.role, unreachable, "h", failure=why))
            return
        server = self.server
        known = server.active_until is not None and self.now < server.active_until
        if known:
            server.beats.append((self.now, order.role))
            server.active_until = self.now + server.grace_s
            done = BeatDone(
                order.id, order.role, BeatOutcome.ANSWERED, "h", 50.0, server.next_interval_s
            )
        else:
            gone = self._failure("404")
            done = BeatDone(order.id, order.role, BeatOutcome.NOT_REGISTERED, "h", failure=gone)
        self._later(self.delay_s, lambda: done)

    def _register(self, order: Register) -> None:
        if not self._reaches(order.role):
            unreachable = BeatOutcome.UNREACHABLE
            why = self._failure("no answer")
            self._later(
                order.timeout_s,
                lambda: RegisterDone(order.id, order.role, unreachable, "h", failure=why),
            )
            return
        self.server.registrations.append(self.now)
        self.server.active_until = self.now + self.server.grace_s
        assigned = Assignment("router-slot0", 1, 2)
        answered = BeatOutcome.ANSWERED
        self._later(
            self.delay_s,
            lambda: RegisterDone(order.id, order.role, answered, "h", assigned),
        )

    def _unregister(self, order: Unregister) -> None:
        if self._reaches(order.role):
            self.server.unregistrations.append(self.now)
            self.server.active_until = None
        self._later(self.delay_s, lambda: UnregisterDone(order.id, order.role))

    def _probe(self, order: Probe) -> None:
        if self.forwards(order.role):
            self._later(0.05, lambda: ProbeDone(order.id, order.role, order.target, 50.0))
        else:
            self._later(order.timeout_s, lambda: ProbeDone(order.id, order.role, order.target))

    def _step(self, order: RunStep) -> None:
        modem = self.modems[order.role]
        modem.steps.append((self.now, order.step))
        if order.step.restarts_modem:
            self._check_reset(order)
            modem.resets.append(self.now)
            modem.is_hung = False
            modem.booting_until = self.now + BOOT_S[order.role]
            self.in_reset[order.role] = modem.booting_until
        self._later(0.5, lambda: StepDone(order.id, order.role, order.step))

    def _check_reset(self, order: RunStep) -> None:
        other_until = self.in_reset.get(order.role.other, 0.0)
        if self.now < other_until:
            self.violations.append(f"{self.now}: both modems in reset ({order})")
        well_since = self.well_since.get(order.role)
        if well_since is not None and self.now - well_since > NOTICE_S:
            self.violations.append(f"{self.now}: reset of a healthy modem ({order})")
