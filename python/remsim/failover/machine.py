# SPDX-License-Identifier: GPL-2.0-or-later
"""Failover: the control traffic's path, the bank's view, the cure of each modem. Pure.

A `Turn` takes the frozen state of before, is told what happened, settles, and gives the state of
after, the orders for the workers, the notes for log and alerts, and the next deadline. It has no
clock, no log and no I/O; time and randomness (a seed in the state) come from outside.

The rules are design section 5; `path`, `recovery` and `policy` hold their parts of it.
"""

from __future__ import annotations

from dataclasses import replace

from remsim.events import (
    ApplyRoutes,
    BeatDone,
    BeatOutcome,
    Event,
    LinkSeen,
    ModemSeen,
    ProbeDone,
    RegisterDone,
    ReleaseRoutes,
    RoutesDone,
    RoutesLost,
    StepDone,
    UnregisterDone,
)
from remsim.failover import path as paths_module
from remsim.failover import recovery
from remsim.failover.assignment import AssignmentTurn
from remsim.failover.cure import CureTurn
from remsim.failover.policy import (
    SERVER_SHUN_S,
    Policy,
    clamp_interval,
)
from remsim.failover.turn import (
    ORDER_SLACK_S,
    lost_order,
    reason_of,
    routing_key,
)
from remsim.model import (
    LinkObservation,
    Role,
)

ROUTES_RETRY_S = 10.0


class Turn(AssignmentTurn, CureTurn):
    """One step of failover. Made, told, settled and thrown away within one call of `core.step`."""

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
        if routing_key(path.link) != routing_key(link):
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
            self.note("routing", f"routing could not be applied: {reason_of(event.failure)}")
        self.routes = replace(
            self.routes,
            order_id=None,
            order_until=None,
            failure=event.failure,
            retry_at=self.now + ROUTES_RETRY_S * self._jitter() if failed else None,
            applied_at=self.routes.applied_at if failed else self.now,
            changes=event.changes,
        )

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
                lost = lost_order(self.now)
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
                self._unregister_done(UnregisterDone(bank.order_id, role, lost_order(self.now)))
            else:
                role = bank.order_role or Role.IOT
                outcome = BeatOutcome.UNREACHABLE
                lost = lost_order(self.now)
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
                lost = lost_order(self.now)
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

    def _settle_probes(self) -> None:
        for role in self.policy.roles:
            self._settle_probe(role)

    # --- routing ---------------------------------------------------------------------------

    def _settle_routes(self) -> None:
        routes = self.routes
        if routes.order_id is not None:
            if routes.order_until is not None and self.now >= routes.order_until:
                self._routes_done(RoutesDone(routes.order_id, failure=lost_order(self.now)))
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
