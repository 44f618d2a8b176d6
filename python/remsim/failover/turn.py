# SPDX-License-Identifier: GPL-2.0-or-later
"""The ground of a turn: state taken apart, orders, notes, the next deadline, jitter. Pure."""

from __future__ import annotations

from dataclasses import replace

from remsim.events import (
    BeatReport,
    Order,
    Probe,
)
from remsim.failover import path as paths_module
from remsim.failover.path import Verdict
from remsim.failover.policy import (
    JITTER,
)
from remsim.failover.state import FailoverState, Note
from remsim.model import (
    Failure,
    LinkObservation,
    Role,
)

# A worker that has not answered this long after the deadline has lost the order.
ORDER_SLACK_S = 20.0


class BaseTurn:
    """One step: the state of before taken apart, orders and notes as they come."""

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

    def _is_adopting(self) -> bool:
        """After a start, until every path has been seen: nothing is moved, reset or rerouted."""
        return any(self.paths[role].verdict is Verdict.UNKNOWN for role in self.policy.roles)


def routing_key(link: LinkObservation | None) -> tuple[object, ...]:
    if link is None:
        return ()
    return (link.device, link.is_up, link.addresses, link.gateways, link.dns_servers)


def reason_of(failure: Failure | None) -> str:
    return failure.reason if failure is not None else "no reason given"


def counted(failure: Failure | None, attempt: int, retry_at: float | None) -> Failure | None:
    if failure is None:
        return None
    return replace(failure, attempt=attempt, next_retry_at=retry_at)


def lost_order(now: float) -> Failure:
    return Failure(1, "lost", "the worker did not answer in time", "internal", now)
