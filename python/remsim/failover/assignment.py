# SPDX-License-Identifier: GPL-2.0-or-later
"""Heartbeat and registration: when they leave, over which path, and what their end means. Pure."""

from __future__ import annotations

from dataclasses import replace

from remsim.events import (
    BeatDone,
    BeatOutcome,
    Register,
    RegisterDone,
    SendBeat,
    Unregister,
    UnregisterDone,
)
from remsim.failover import path as paths_module
from remsim.failover.policy import (
    FIRST_RETRY_S,
    REFUSED_RETRY_S,
    REGISTER_RETRY_MAX_S,
    RETRY_MAX_S,
    backoff_s,
    clamp_interval,
)
from remsim.failover.state import Bank, Flight
from remsim.failover.turn import (
    ORDER_SLACK_S,
    BaseTurn,
    counted,
    reason_of,
)
from remsim.model import (
    AssignmentState,
    Role,
)


class AssignmentTurn(BaseTurn):
    """The bank's part of a turn."""

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
            failure=counted(event.failure, failures, retry_at),
        )
        if failures == 1:
            self.note("heartbeat", f"heartbeat failed: {reason_of(event.failure)}", event.role)
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
        failure = counted(event.failure, failures, retry_at)
        self.bank = replace(self.bank, failures=failures, next_at=retry_at, failure=failure)
        if failures == 1:
            text = f"registration failed: {reason_of(event.failure)}"
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
