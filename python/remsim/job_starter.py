# SPDX-License-Identifier: GPL-2.0-or-later
"""How each job begins, goes on and ends: what is asked of which worker, and what is refused. Pure.

One method for each kind of job. The mutable `JobStarter` lives within one `core.step`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from remsim import jobs as jobs_module
from remsim.errors import ArgumentError, BusyError, NotPossibleError
from remsim.events import (
    AskAt,
    AtDone,
    BeatDone,
    BeatOutcome,
    BeatReport,
    Event,
    OrderProgress,
    RegisterDone,
    RoutesDone,
    SimSwitched,
    StepDone,
    SwitchSim,
    UnregisterDone,
)
from remsim.failover.machine import Turn
from remsim.failover.state import BANKS_MATTER
from remsim.jobs import OWN_ORIGINS, Job, Kind, Wanted
from remsim.model import (
    AssignmentState,
    Failure,
    Role,
    SimSource,
)
from remsim.state import (
    ReloadDone,
    State,
)

AT_TIMEOUT_S = 10.0
AT_LENGTH_MAX = 512  # 27.007 sets none; modems take 256 to 1024 characters
JOB_LIMIT_S = (
    900.0  # a job whose worker never answered is given up; the longest SIM switch is 300 s
)


class JobStarter:
    """The mutable inside of one step: jobs. `core` builds the rest on it."""

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.turn = Turn(state.failover, now, report(state, now))
        self.jobs = {job.id: job for job in state.jobs}
        self.problems = state.problems
        self.unwritten = dict(state.unwritten)
        self.lines = state.lines
        self.client = state.client
        self.command_ids = state.command_ids
        self.next_job = state.next_job
        self.fell_back = state.fell_back
        self.held_local = state.held_local
        self.follow_failures = state.follow_failures
        self.follow_at = state.follow_at
        self.unusable_since = state.unusable_since
        self.usable_since = state.usable_since

    def start_job(self, wanted: Wanted) -> str:
        job_id = str(self.next_job)
        job = Job(job_id, wanted, self.now)
        starters: dict[Kind, Callable[[Job], Job]] = {
            Kind.HEARTBEAT: self._start_heartbeat,
            Kind.REGISTER: self._start_register,
            Kind.UNREGISTER: self._start_unregister,
            Kind.RELEASE: self._start_release,
            Kind.SIM: self._start_sim,
            Kind.RESET: self._start_reset,
            Kind.AT: self._start_at,
            Kind.RELOAD: lambda job: job,
        }
        job = starters[wanted.kind](job)
        self.next_job += 1
        self.jobs[job_id] = job
        self.turn.note("job", _job_text(wanted), wanted.role)
        return job_id

    def _control_role(self) -> Role:
        if not self.turn.policy.orchestrated:
            raise NotPossibleError("no orchestrator is configured (ionmesh.enabled is 0)")
        role = self.turn.control
        if role is None:
            raise NotPossibleError("no path is up")
        return role

    def _start_heartbeat(self, job: Job) -> Job:
        role = self._control_role()
        if self.turn.bank.state is AssignmentState.UNREGISTERED:
            raise NotPossibleError("not registered: run `remsim register` first")
        return replace(job, order_id=self.turn.beat_now(role))

    def _start_register(self, job: Job) -> Job:
        role = self._control_role()
        if self.turn.bank.order_id is not None:
            raise BusyError("a registration is on its way")
        return replace(job, order_id=self.turn.register_now(role))

    def _start_unregister(self, job: Job) -> Job:
        role = self._control_role()
        if self.turn.bank.order_id is not None:
            raise BusyError("a registration is on its way")
        return replace(job, order_id=self.turn.unregister_now(role))

    def _start_release(self, job: Job) -> Job:
        if self.turn.is_released:
            raise BusyError("already released; restart the service to take over again")
        registered = self.turn.bank.state is not AssignmentState.UNREGISTERED
        rest = ("sim", "routes")
        if registered and self.turn.control is not None:
            order_id = self.turn.unregister_now(self.turn.control)
            job = jobs_module.progressed(job, "unregister", self.now)
            return replace(job, order_id=order_id, rest=rest)
        self.turn.bank = replace(self.turn.bank, wanted=False)
        return self._release_next(replace(job, rest=rest))

    def _release_next(self, job: Job) -> Job:
        """The phases of a release that are left; each waits for its order."""
        while job.rest:
            phase, job = job.rest[0], replace(job, rest=job.rest[1:], order_id=None)
            if phase == "sim" and self._sim_source(Role.PRIMARY) is SimSource.REMOTE:
                job = jobs_module.progressed(job, "SIM switch to local", self.now)
                return replace(job, order_id=self._switch_sim(Role.PRIMARY, SimSource.LOCAL))
            if phase == "routes":
                job = jobs_module.progressed(job, "routes handed back", self.now)
                return replace(job, order_id=self.turn.release_routes())
        return jobs_module.finished(job, self.now, (("released", True),))

    def _start_sim(self, job: Job) -> Job:
        role, source = job.wanted.role, job.wanted.source
        if role is None or source is None:
            raise ArgumentError("modem", "modem and source are needed")
        self._check_role(role)
        if role is Role.IOT:
            if source is SimSource.REMOTE:
                raise NotPossibleError(
                    "modem2 carries the heartbeat: its SIM switch stays at local"
                )
            return jobs_module.finished(job, self.now, (("source", "local"),))
        if source is SimSource.REMOTE:
            self._check_remote()
        self._check_free(role)
        if job.wanted.origin not in OWN_ORIGINS:
            self.held_local = source is SimSource.LOCAL
            self.fell_back = False
        return replace(job, order_id=self._switch_sim(role, source))

    def _check_remote(self) -> None:
        if not self.turn.policy.remote_possible:
            raise NotPossibleError(
                "no card front-end is configured (client.front_end): a GPIO line and AT commands "
                "alone cannot present a remote SIM to the modem"
            )
        if self.client.missing_front_end:
            raise NotPossibleError(f"no card front-end: {self.client.missing_front_end}")
        if not self.client.bank_connected:
            raise NotPossibleError("the bank connection does not stand")
        if self._is_own_branch:
            raise NotPossibleError(
                "the bank is reached over modem1 itself: without its local SIM the bank is gone too"
            )

    @property
    def _is_own_branch(self) -> bool:
        """The switch to remote would cut off the very path that carries the SIM's commands."""
        return self.turn.policy.dual_modem and self.turn.control is Role.PRIMARY

    def _switch_sim(self, role: Role, source: SimSource) -> int:
        order_id = self.turn.new_id()
        self.turn.orders.append(SwitchSim(order_id, role, source, self._expected_iccid(source)))
        self.turn.blocked[role] = f"SIM switch to {source.value} in progress"
        return order_id

    def _expected_iccid(self, source: SimSource) -> str | None:
        assignment = self.turn.bank.assignment
        if source is SimSource.REMOTE and assignment is not None:
            return assignment.iccid
        return None

    def _start_reset(self, job: Job) -> Job:
        role = job.wanted.role
        if role is None:
            raise ArgumentError("modem", "modem is needed")
        return replace(job, order_id=self.turn.start_step_for_operator(role, job.wanted.step))

    def _start_at(self, job: Job) -> Job:
        role, command = job.wanted.role, job.wanted.command
        if role is None or command is None:
            raise ArgumentError("modem", "modem and command are needed")
        self._check_role(role)
        _check_at(command)
        order_id = self.turn.new_id()
        self.turn.orders.append(AskAt(order_id, role, command, AT_TIMEOUT_S))
        return replace(job, order_id=order_id)

    def _check_role(self, role: Role) -> None:
        if role not in self.turn.policy.roles:
            raise NotPossibleError(f"{role.value} is not in use: modems.dual_modem is 0")

    def _check_free(self, role: Role) -> None:
        if self.turn.blocked.get(role, BANKS_MATTER) != BANKS_MATTER:
            raise BusyError(f"{role.value}: {self.turn.blocked[role]}")
        if self.turn.ladders[role].order_id is not None:
            raise BusyError(f"{role.value}: a recovery step is running")

    def _progress(self, event: OrderProgress) -> None:
        for job in self.jobs.values():
            if job.is_running and job.order_id == event.id:
                self.jobs[job.id] = jobs_module.progressed(job, event.phase, self.now)

    def _order_done(self, event: Event) -> None:
        order_id = getattr(event, "id", None)
        if order_id is None:
            return
        for job in list(self.jobs.values()):
            if job.is_running and job.order_id == order_id:
                self.jobs[job.id] = self._ended(job, event)

    def _ended(self, job: Job, event: Event) -> Job:
        failure: Failure | None = getattr(event, "failure", None)
        if job.wanted.kind is Kind.RELEASE:
            if failure is not None:
                text = f"failed: {failure.reason}"
                job = jobs_module.progressed(job, text, self.now)
            return self._release_next(job)
        if failure is not None:
            return jobs_module.failed(job, self.now, failure.type, failure.reason)
        if isinstance(event, BeatDone) and event.outcome is not BeatOutcome.ANSWERED:
            return jobs_module.failed(job, self.now, event.outcome.value, "not answered")
        return jobs_module.finished(job, self.now, _result_of(event))

    def _reload_done(self, event: ReloadDone) -> None:
        job = self.jobs.get(event.job_id)
        if job is None or not job.is_running:
            return
        if event.problems:
            ended = jobs_module.failed(job, self.now, "config", "; ".join(event.problems))
        else:
            result = (("changed", list(event.changed)),)
            ended = jobs_module.finished(job, self.now, result)
        self.jobs[event.job_id] = ended

    def _expire_jobs(self) -> None:
        for job in [job for job in self.jobs.values() if job.is_running]:
            if self.now < job.started_at + JOB_LIMIT_S:
                self.turn.wake(job.started_at + JOB_LIMIT_S)
                continue
            self.jobs[job.id] = jobs_module.failed(job, self.now, "lost", "no answer in time")
            if job.wanted.kind is Kind.SIM and job.wanted.role is not None:
                self.turn.blocked.pop(job.wanted.role, None)

    # --- the SIM switch as read back -------------------------------------------------------

    def _sim_source(self, role: Role) -> SimSource:
        name = f"{role.value}.sim_switch"
        line = next((line for line in self.lines if line.name == name), None)
        if line is None or line.level is None:
            return SimSource.UNKNOWN
        return SimSource.REMOTE if line.level else SimSource.LOCAL


def report(state: State, now: float) -> BeatReport:
    """What the next heartbeat says. The signal is the primary modem's: that one is in question."""
    primary = state.failover.primary.modem
    signal = primary.signal.value if primary is not None else None
    link = state.failover.primary.link
    severities = {alert.severity.value for alert in state.alerts}
    status = next((word for word in ("error", "warning") if word in severities), "active")
    values = dict(state.client.values)
    return BeatReport(
        status=status,
        uptime_s=max(0, int(now - state.started_at)),
        tpdus=_count(values.get("tpdus")),
        errors=_count(values.get("errors")),
        signal_dbm=signal.rssi_dbm if signal is not None else None,
        rsrp_dbm=signal.rsrp_dbm if signal is not None else None,
        rx_bytes=link.rx_bytes if link is not None else None,
        tx_bytes=link.tx_bytes if link is not None else None,
        modem_model=primary.model.value if primary is not None else None,
        modem_firmware=primary.firmware.value if primary is not None else None,
    )


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _check_at(command: str) -> None:
    if not command[:2].upper() == "AT":
        raise ArgumentError("command", "an AT command begins with AT")
    if len(command) > AT_LENGTH_MAX:
        raise ArgumentError("command", f"longer than {AT_LENGTH_MAX} characters")
    if not (command.isascii() and command.isprintable()):
        raise ArgumentError("command", "only printable ASCII, no line ends")


def _job_text(wanted: Wanted) -> str:
    parts = [wanted.kind.value]
    parts.extend(part.value for part in (wanted.role, wanted.source, wanted.step) if part)
    return f"{' '.join(parts)} asked for by {wanted.origin}"


def _result_of(event: Event) -> tuple[tuple[str, object], ...]:
    if isinstance(event, BeatDone):
        return (("path", event.role.title), ("host", event.host), ("rtt_ms", event.rtt_ms))
    if isinstance(event, RegisterDone) and event.assignment is not None:
        bank, slot = event.assignment.bank_id, event.assignment.slot_id
        return (("path", event.role.title), ("bank_id", bank), ("slot_id", slot))
    if isinstance(event, UnregisterDone):
        return (("path", event.role.title),)
    if isinstance(event, SimSwitched):
        return (("source", event.source.value), ("iccid", event.iccid))
    if isinstance(event, StepDone):
        return (("step", event.step.value),)
    if isinstance(event, AtDone):
        return (("lines", list(event.lines)),)
    if isinstance(event, RoutesDone):
        return (("changes", event.changes),)
    return ()
