# SPDX-License-Identifier: GPL-2.0-or-later
"""Random fault sequences against the core; what must hold whatever happens.

`make test` runs a seeded slice; `make soak` sets REMSIM_SOAK to the number of sequences (10 000).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from remsim import saved
from remsim.events import (
    ApplyRoutes,
    Order,
    Register,
    RunStep,
    SendBeat,
    SwitchSim,
    Unregister,
)
from remsim.failover.policy import Policy
from remsim.model import AssignmentState, Role, SimSource
from remsim.state import PolicyChanged
from scenario.world import World

pytestmark = pytest.mark.soak

SEQUENCES = int(os.environ.get("REMSIM_SOAK", "60"))
BOOT_ID = "boot"
# Interval, time-out, the longest retry pause with jitter, a reset's hold-off of the choice.
QUIET_LIMIT_S = 60.0 + 2 * 10.0 + 60.0 * 1.2 + 5.0
REGISTER_LIMIT_S = 300.0 * 1.2 + 2 * 10.0 + 5.0
# Hold-downs, probes and retries that may lie between the end of an outage and the next answer.
REGAIN_LIMIT_S = REGISTER_LIMIT_S + 90.0

roles = st.sampled_from([Role.PRIMARY, Role.IOT])


class Failover(RuleBasedStateMachine):
    """Breaks and mends everything in any order and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.steps_running: dict[Role, int] = {}
        self.last_try = self.world.now
        self.up_since: dict[Role, float | None] = dict.fromkeys(Role)
        self.good_since: float | None = None
        self.rounds: dict[Role, tuple[int, float]] = {}
        self.adopting: list[Order] | None = None

    @initialize()
    def boot(self) -> None:
        self.world.on_order = self.ordered
        self.world.start()
        self.pass_time(5.0)

    def ordered(self, order: Order) -> None:
        if isinstance(order, RunStep):
            ladder = self.world.state.failover.ladder(order.role)
            assert ladder.order_id == order.id, "an order that the ladder does not know"
            before = self.steps_running.get(order.role)
            assert before is None or before != order.id
        if isinstance(order, SwitchSim):
            assert not (order.role is Role.IOT and order.source is SimSource.REMOTE)
        if isinstance(order, (SendBeat, Register)):
            self.last_try = self.world.now
        if self.adopting is not None:
            self.adopting.append(order)

    # --- faults ----------------------------------------------------------------------------

    @rule(role=roles, present=st.booleans())
    def signal(self, role: Role, present: bool) -> None:
        self.world.modems[role].has_signal = present

    @rule(role=roles)
    def hang(self, role: Role) -> None:
        self.world.modems[role].is_hung = True

    @rule(role=roles, carries=st.booleans())
    def silence(self, role: Role, carries: bool) -> None:
        self.world.modems[role].carries = carries

    @rule(role=roles, has=st.booleans())
    def carrier(self, role: Role, has: bool) -> None:
        self.world.modems[role].has_carrier = has

    @rule(answers=st.booleans())
    def server(self, answers: bool) -> None:
        self.world.server.answers = answers

    @rule()
    def server_forgets(self) -> None:
        self.world.server.active_until = None
        self.good_since = None

    @rule(interval=st.sampled_from([None, 1.0, 30.0, 90.0, 10_000.0]))
    def server_asks_interval(self, interval: float | None) -> None:
        self.world.server.next_interval_s = interval

    @rule()
    def mend_everything(self) -> None:
        for modem in self.world.modems.values():
            modem.has_signal = modem.carries = modem.has_carrier = True
            modem.is_hung = False
        self.world.server.answers = True

    # --- life cycle ------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        """Detach and adopt: no unregister, no GPIO edge, no route change."""
        world = self.world
        world.run(0.01)  # what was due anyway is not the restart's doing
        control = world.state.failover.control
        text = saved.to_text(world.state, BOOT_ID)
        world.state = saved.from_text(text, world.policy, BOOT_ID, world.now)
        world._told.clear()
        self.adopting = []
        world.start()
        for order in self.adopting:
            assert not isinstance(order, (Unregister, SwitchSim)), order
            assert not (isinstance(order, RunStep) and order.step.restarts_modem), order
            if isinstance(order, ApplyRoutes) and control is not None:
                path = world.state.failover.path(control)
                assert order.control is control or not path.is_up, (order, control)
        self.adopting = None
        self.rounds.clear()

    @rule(interval=st.sampled_from([20.0, 60.0, 120.0]))
    def reload(self, interval: float) -> None:
        self.world.policy = Policy(heartbeat_interval_s=interval)
        self.world._feed(PolicyChanged(self.world.policy))

    # --- time ------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 5.0, 30.0, 59.0, 61.0, 120.0, 300.0, 900.0]))
    def pass_time(self, seconds: float) -> None:
        """In small bites, so that the invariants see what lies between."""
        left = seconds
        while left > 0.0:
            bite = min(left, 5.0)
            self.world.run(bite)
            left -= bite
            self.look()

    def look(self) -> None:
        world, now = self.world, self.world.now
        failover = world.state.failover
        assert not world.violations, world.violations
        for role in Role:
            up = failover.path(role).is_up
            since = self.up_since[role]
            self.up_since[role] = (since if since is not None else now) if up else None
        self.look_at_heartbeat(now)
        self.look_at_assignment(now)
        for role in Role:
            self.look_at_backoff(role, now)

    def look_at_heartbeat(self, now: float) -> None:
        bank = self.world.state.failover.bank
        ups = [since for since in self.up_since.values() if since is not None]
        if not ups:
            return
        interval = self.world.state.failover.beats.interval_s
        registered = bank.state in (AssignmentState.ACTIVE, AssignmentState.GRACE)
        limit = QUIET_LIMIT_S + interval if registered else REGISTER_LIMIT_S
        quiet = now - max(self.last_try, min(ups))
        assert quiet <= limit, f"{quiet} s without a try, {bank.state}"

    def look_at_assignment(self, now: float) -> None:
        """Any outage that ends: a path that really carries and a server that answers."""
        world = self.world
        good = world.server.answers and any(
            world.forwards(role) and world.modem_state(role).is_registered for role in Role
        )
        self.good_since = (
            (self.good_since if self.good_since is not None else now) if good else None
        )
        bank = world.state.failover.bank
        if self.good_since is not None and now - self.good_since > REGAIN_LIMIT_S:
            is_known = bank.state in (AssignmentState.ACTIVE, AssignmentState.GRACE)
            assert is_known, f"{bank.state} {now - self.good_since} s after the outage"

    def look_at_backoff(self, role: Role, now: float) -> None:
        ladder = self.world.state.failover.ladder(role)
        before = self.rounds.get(role)
        if before is not None and ladder.rounds < before[0]:
            path = self.world.state.failover.path(role)
            was_well = path.is_up or ladder.rounds == 0
            assert was_well, "rounds shrank without success"
            self.rounds.pop(role)
            before = None
        if ladder.rounds == 0 or ladder.not_before is None:
            return
        if before is None or ladder.rounds > before[0]:
            pause = ladder.not_before - now
            if before is not None:
                longest = self.world.policy.backoff_max_s
                assert pause >= min(before[1], longest) - 6.0, (pause, before)
            self.rounds[role] = (ladder.rounds, pause)

    @invariant()
    def both_in_reset_never(self) -> None:
        failover = self.world.state.failover
        resets = [failover.ladder(role).reset_until(self.world.now) for role in Role]
        running = [failover.ladder(role).running for role in Role]
        if all(moment is not None for moment in resets):
            assert not any(step is not None and step.restarts_modem for step in running), resets


TestFailover = Failover.TestCase
TestFailover.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=25,
    deadline=None,
    derandomize="REMSIM_SOAK" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
