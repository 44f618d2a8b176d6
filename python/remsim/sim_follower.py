# SPDX-License-Identifier: GPL-2.0-or-later
"""The primary's SIM: the switch follows the client's card, the local SIM is the fallback, and a
modem whose SIM is the bank's trouble is not reset. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from remsim.errors import BusyError, RemsimError
from remsim.events import (
    SimSwitched,
)
from remsim.failover.policy import Policy, backoff_s
from remsim.failover.state import BANKS_MATTER
from remsim.job_starter import JobStarter
from remsim.jobs import Kind, Wanted
from remsim.model import (
    AssignmentState,
    Role,
    SimSource,
)

FOLLOW_RETRY_S = 60.0  # a SIM switch for the client that failed: first pause, doubled each time


class SimFollower(JobStarter):
    """Builds on the jobs: every switch is one."""

    def _block_banks_matter(self) -> None:
        """While the bank is the trouble, resetting the primary modem would only hurt it."""
        remote = self._sim_source(Role.PRIMARY) is SimSource.REMOTE
        some_path = self.turn.control is not None
        banks_matter = (
            self.turn.policy.remote_possible
            and remote
            and some_path
            and not self.client.bank_connected
        )
        if banks_matter:
            self.turn.blocked.setdefault(Role.PRIMARY, BANKS_MATTER)
        elif self.turn.blocked.get(Role.PRIMARY) == BANKS_MATTER:
            del self.turn.blocked[Role.PRIMARY]

    def _follow_client(self) -> None:
        """The client's card came or went: the primary's SIM switch follows, with back-off."""
        policy, wanted = self.turn.policy, self.client.sim_wanted
        source = self._sim_source(Role.PRIMARY)
        settled = wanted is source or SimSource.UNKNOWN in (wanted, source)
        is_elsewhere = self.fell_back or self.held_local or self.turn.is_released
        if not policy.follows_client or settled or is_elsewhere:
            return
        is_reachable = self.client.bank_connected and not self._is_own_branch
        if wanted is SimSource.REMOTE and not (policy.remote_possible and is_reachable):
            return
        if self.follow_at is not None and self.now < self.follow_at:
            self.turn.wake(self.follow_at)
            return
        self._start_for_client(Wanted(Kind.SIM, Role.PRIMARY, wanted, origin="client"))

    def _followed(self, succeeded: bool) -> None:
        self.follow_failures = 0 if succeeded else self.follow_failures + 1
        pause_s = backoff_s(FOLLOW_RETRY_S, self.follow_failures, self.turn.policy.backoff_max_s)
        self.follow_at = None if succeeded else self.now + pause_s

    def _start_for_client(self, wanted: Wanted) -> None:
        """A busy modem is asked again at its next event; what is impossible is in the log."""
        try:
            self.start_job(wanted)
        except BusyError:
            return
        except RemsimError as error:
            self.follow_at = self.now + FOLLOW_RETRY_S
            self.turn.note("client", f"{wanted.kind.value}: {error.reason}", wanted.role)

    def _fall_back(self) -> None:
        """Local fallback (off by default): the local SIM while the remote one stays unusable."""
        policy = self.turn.policy
        if not policy.local_fallback or not policy.remote_possible or self.turn.is_released:
            return
        if self._sim_source(Role.PRIMARY) is SimSource.REMOTE:
            self._consider_local(policy)
        elif self.fell_back:
            self._consider_remote(policy)

    def _consider_local(self, policy: Policy) -> None:
        if self.turn.paths[Role.PRIMARY].is_up:
            self.unusable_since = None
            return
        if self.unusable_since is None:
            self.unusable_since = self.now
        due_at = self.unusable_since + policy.local_fallback_after_s
        if self.now < due_at:
            self.turn.wake(due_at)
            return
        if self._try_switch(SimSource.LOCAL):
            self.fell_back = True
            self.unusable_since = None

    def _consider_remote(self, policy: Policy) -> None:
        active = self.turn.bank.state is AssignmentState.ACTIVE or not policy.orchestrated
        if not (self.client.bank_connected and active) or self._is_own_branch:
            self.usable_since = None
            return
        if self.usable_since is None:
            self.usable_since = self.now
        due_at = self.usable_since + policy.hold_down_s
        if self.now < due_at:
            self.turn.wake(due_at)
            return
        if self._try_switch(SimSource.REMOTE):
            self.fell_back = False
            self.usable_since = None

    def _try_switch(self, source: SimSource) -> bool:
        try:
            self.start_job(Wanted(Kind.SIM, Role.PRIMARY, source, origin="fallback"))
        except RemsimError:
            return False
        return True

    def _sim_switched(self, event: SimSwitched) -> None:
        self.turn.blocked.pop(event.role, None)
        self._followed(event.failure is None)
        if event.failure is None:
            self._line_moved(event.role, event.source)
            text = f"{event.role.value}: SIM is {event.source.value}"
        else:
            text = f"{event.role.value}: SIM switch failed: {event.failure.reason}"
        self.turn.note("sim", text, event.role)

    def _line_moved(self, role: Role, source: SimSource) -> None:
        """The switch was verified; the next read-back of all lines comes seconds later."""
        name, level = f"{role.value}.sim_switch", int(source is SimSource.REMOTE)
        self.lines = tuple(
            replace(line, level=level, wanted=level) if line.name == name else line
            for line in self.lines
        )
