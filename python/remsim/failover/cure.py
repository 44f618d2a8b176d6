# SPDX-License-Identifier: GPL-2.0-or-later
"""Recovery steps of both modems: begun by ladder or operator, ended, never at once. Pure."""

from __future__ import annotations

from remsim.errors import BusyError, NotPossibleError
from remsim.events import (
    RunStep,
    StepDone,
)
from remsim.failover import path as paths_module
from remsim.failover import recovery
from remsim.failover.recovery import Surroundings, Wait
from remsim.failover.state import BANKS_MATTER
from remsim.failover.turn import (
    BaseTurn,
    counted,
    reason_of,
)
from remsim.model import (
    Role,
    Step,
)

# An operator's "reset": the surest way that leaves the bus in order, then the others.
_BEST_RESETS = (Step.RESET_LINE, Step.AT_RESET, Step.BUS, Step.POWER)


class CureTurn(BaseTurn):
    """The modems' part of a turn."""

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
        failure = counted(event.failure, ladder.steps_run, None)
        self.ladders[event.role] = recovery.ended(
            ladder, path, self.policy, around, failure, self.now
        )
        if event.failure is not None:
            text = f"{event.role.value}: {event.step.value} failed: {reason_of(event.failure)}"
            self.note("recovery", text, event.role)

    def _surroundings(self, role: Role) -> Surroundings:
        return self.state().surroundings(role, self.now)

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
