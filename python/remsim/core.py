# SPDX-License-Identifier: GPL-2.0-or-later
"""The decider: `step(state, event, now)` gives the next state, orders, news and a deadline. Pure.

Around `failover.machine` it keeps jobs, alerts, the event log, GPIO read-back, the remote-SIM
client's word, commands of the orchestrator and the local fallback. No clock, no log, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from remsim import alerts as alerts_module
from remsim import jobs as jobs_module
from remsim.alerts import Alert
from remsim.errors import ArgumentError, BusyError, NotPossibleError, RemsimError
from remsim.events import (
    AskAt,
    AtDone,
    BeatDone,
    BeatOutcome,
    BeatReport,
    Event,
    LinesSeen,
    Order,
    OrderProgress,
    RegisterDone,
    RoutesDone,
    SimSwitched,
    StepDone,
    StorageSeen,
    SwitchSim,
    UnregisterDone,
)
from remsim.failover.machine import BANKS_MATTER, FailoverState, Note, Turn
from remsim.failover.policy import Policy, backoff_s
from remsim.jobs import Job, Kind, Wanted
from remsim.model import (
    AssignmentState,
    Failure,
    LineState,
    RemoteCommand,
    Role,
    SimSource,
    Step,
)

EVENTS_KEPT = 500
COMMAND_IDS_KEPT = 64  # orchestrator commands remembered, so that each runs once
COMMANDS_PER_ANSWER = 8
AT_TIMEOUT_S = 10.0
FOLLOW_RETRY_S = 60.0  # a SIM switch for the client that failed: first pause, doubled each time
JOB_LIMIT_S = (
    900.0  # a job whose worker never answered is given up; the longest SIM switch is 300 s
)
AT_LENGTH_MAX = 512  # 27.007 sets none; modems take 256 to 1024 characters


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the event log. `seq` grows for ever, also over restarts."""

    seq: int
    at: float
    kind: str
    text: str
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class ClientReport:
    """The remote-SIM client's last word, settled (see `client_events`)."""

    cause: str = ""
    state: str = "stopped"
    bank_connected: bool = False
    sim_wanted: SimSource = SimSource.UNKNOWN  # what the primary's SIM switch should select
    modem_resets: int = 0  # resets that the client asked the daemon for since its own start
    at: float | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClientChanged:
    """The client's settled state (event for `step`)."""

    report: ClientReport


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """A new configuration was accepted; or `problems` says why it was not."""

    policy: Policy | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReloadDone:
    """The storage worker read the configuration for a reload job."""

    job_id: str
    problems: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time."""


CoreEvent = Event | ClientChanged | PolicyChanged | ReloadDone | Tick


@dataclass(frozen=True, slots=True)
class State:
    """Everything the daemon knows. Frozen; replaced as a whole."""

    failover: FailoverState
    started_at: float = 0.0
    jobs: tuple[Job, ...] = ()
    log: tuple[LogEntry, ...] = ()
    alerts: tuple[Alert, ...] = ()
    lines: tuple[LineState, ...] = ()
    client: ClientReport = field(default_factory=ClientReport)
    problems: tuple[str, ...] = ()
    unwritten: tuple[tuple[str, str], ...] = ()  # what could not be written, and why
    command_ids: tuple[str, ...] = ()
    fell_back: bool = False
    follow_failures: int = 0  # SIM switches for the client that failed in a row
    follow_at: float | None = None
    unusable_since: float | None = None
    usable_since: float | None = None
    next_job: int = 1
    next_seq: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What one step came to. `raised`/`cleared` are alerts to be announced."""

    state: State
    orders: tuple[Order, ...] = ()
    news: tuple[LogEntry, ...] = ()
    raised: tuple[Alert, ...] = ()
    cleared: tuple[Alert, ...] = ()
    deadline: float | None = None


def step(state: State, event: CoreEvent, now: float) -> Result:
    """One event, every conclusion."""
    work = _Work(state, now)
    work.handle(event)
    return work.result()


def want(state: State, wanted: Wanted, now: float) -> tuple[Result, str]:
    """Start a job for somebody; its id. Raises ArgumentError, BusyError or NotPossibleError."""
    work = _Work(state, now)
    job_id = work.start_job(wanted)
    return work.result(), job_id


class _Work:
    """The mutable inside of one step."""

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.turn = Turn(state.failover, now, _report(state, now))
        self.jobs = {job.id: job for job in state.jobs}
        self.problems = state.problems
        self.unwritten = dict(state.unwritten)
        self.lines = state.lines
        self.client = state.client
        self.command_ids = state.command_ids
        self.next_job = state.next_job
        self.fell_back = state.fell_back
        self.follow_failures = state.follow_failures
        self.follow_at = state.follow_at
        self.unusable_since = state.unusable_since
        self.usable_since = state.usable_since

    # --- events ----------------------------------------------------------------------------

    def handle(self, event: CoreEvent) -> None:
        if isinstance(event, LinesSeen):
            self.lines = event.lines
        elif isinstance(event, ClientChanged):
            self._client_changed(event.report)
        elif isinstance(event, PolicyChanged):
            self.problems = event.problems
            if event.policy is not None:
                self.turn.change_policy(event.policy)
        elif isinstance(event, ReloadDone):
            self._reload_done(event)
        elif isinstance(event, StorageSeen):
            self._storage_seen(event)
        elif isinstance(event, OrderProgress):
            self._progress(event)
        elif isinstance(event, Tick):
            pass
        else:
            self.turn.handle(event)
            self._order_done(event)
        if isinstance(event, BeatDone):
            self._obey(event.commands)

    def _storage_seen(self, event: StorageSeen) -> None:
        if event.trouble is None:
            self.unwritten.pop(event.what, None)
        else:
            self.unwritten[event.what] = event.trouble

    def _client_changed(self, report: ClientReport) -> None:
        if report.bank_connected != self.client.bank_connected:
            word = "connected" if report.bank_connected else "lost"
            self.turn.note("client", f"bank {word} ({report.state})", Role.PRIMARY)
        wants_reset = report.modem_resets > self.client.modem_resets and report.bank_connected
        self.client = report
        if wants_reset:
            self._start_for_client(Wanted(Kind.RESET, Role.PRIMARY, origin="client"))

    # --- jobs ------------------------------------------------------------------------------

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
        return replace(job, order_id=self._switch_sim(role, source))

    def _check_remote(self) -> None:
        if not self.turn.policy.remote_possible:
            raise NotPossibleError(
                "no card front-end is configured (client.front_end): a GPIO line and AT commands "
                "alone cannot present a remote SIM to the modem"
            )
        if not self.client.bank_connected:
            raise NotPossibleError("the bank connection does not stand")

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
        if isinstance(event, SimSwitched):
            self._sim_switched(event)
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

    # --- commands of the orchestrator ------------------------------------------------------

    def _obey(self, commands: tuple[RemoteCommand, ...]) -> None:
        for command in commands[:COMMANDS_PER_ANSWER]:
            if command.id in self.command_ids:
                continue
            self.command_ids = (*self.command_ids, command.id)[-COMMAND_IDS_KEPT:]
            if command.name not in self.turn.policy.allowed_commands:
                text = (
                    f"orchestrator's command {command.name} refused: not in ionmesh.allow_commands"
                )
                self.turn.note("audit", text)
                continue
            try:
                job_id = self.start_job(_wanted_by_orchestrator(command))
            except RemsimError as error:
                self.turn.note("audit", f"orchestrator's {command.name} failed: {error.reason}")
            else:
                self.turn.note("audit", f"orchestrator's {command.name} is job {job_id}")

    # --- the remote SIM as the bank's matter -----------------------------------------------

    def _sim_source(self, role: Role) -> SimSource:
        name = f"{role.value}.sim_switch"
        line = next((line for line in self.lines if line.name == name), None)
        if line is None or line.level is None:
            return SimSource.UNKNOWN
        return SimSource.REMOTE if line.level else SimSource.LOCAL

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
        if not policy.follows_client or settled or self.fell_back or self.turn.is_released:
            return
        if wanted is SimSource.REMOTE and not (
            policy.remote_possible and self.client.bank_connected
        ):
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
        if not (self.client.bank_connected and active):
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

    # --- the end of a step -----------------------------------------------------------------

    def _expire_jobs(self) -> None:
        for job in [job for job in self.jobs.values() if job.is_running]:
            if self.now < job.started_at + JOB_LIMIT_S:
                self.turn.wake(job.started_at + JOB_LIMIT_S)
                continue
            self.jobs[job.id] = jobs_module.failed(job, self.now, "lost", "no answer in time")
            if job.wanted.kind is Kind.SIM and job.wanted.role is not None:
                self.turn.blocked.pop(job.wanted.role, None)

    def result(self) -> Result:
        self._expire_jobs()
        self._block_banks_matter()
        self._fall_back()
        self._follow_client()
        self.turn.settle()
        failover = self.turn.state()
        unwritten = tuple(self.unwritten.items())
        found = alerts_module.find(failover, self.lines, self.problems, unwritten, self.now)
        alerts = alerts_module.merged(self.state.alerts, found, self.now)
        raised, cleared = _compared(self.state.alerts, alerts)
        self.turn.notes.extend(_alert_notes(raised, cleared))
        news = tuple(
            LogEntry(self.state.next_seq + index, self.now, note.kind, note.text, note.role)
            for index, note in enumerate(self.turn.notes)
        )
        state = replace(
            self.state,
            failover=failover,
            jobs=jobs_module.kept(tuple(self.jobs.values())),
            log=(*self.state.log, *news)[-EVENTS_KEPT:] if news else self.state.log,
            alerts=alerts,
            lines=self.lines,
            client=self.client,
            problems=self.problems,
            unwritten=unwritten,
            command_ids=self.command_ids,
            fell_back=self.fell_back,
            follow_failures=self.follow_failures,
            follow_at=self.follow_at,
            unusable_since=self.unusable_since,
            usable_since=self.usable_since,
            next_job=self.next_job,
            next_seq=self.state.next_seq + len(news),
        )
        orders = tuple(self.turn.orders)
        return Result(state, orders, news, raised, cleared, self.turn.wake_at)


def _compared(
    before: tuple[Alert, ...], after: tuple[Alert, ...]
) -> tuple[tuple[Alert, ...], tuple[Alert, ...]]:
    old, new = {alert.id for alert in before}, {alert.id for alert in after}
    raised = tuple(alert for alert in after if alert.id not in old)
    cleared = tuple(alert for alert in before if alert.id not in new)
    return raised, cleared


def _alert_notes(raised: tuple[Alert, ...], cleared: tuple[Alert, ...]) -> list[Note]:
    told = [Note("alert", f"{alert.severity.value}: {alert.reason}") for alert in raised]
    return told + [Note("alert", f"over: {alert.reason}") for alert in cleared]


def _report(state: State, now: float) -> BeatReport:
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


def _wanted_by_orchestrator(command: RemoteCommand) -> Wanted:
    """A command of the allow-list as a job. Arguments: modem, source, step."""
    arguments = dict(command.arguments)
    try:
        kind = Kind(command.name)
        role = Role(arguments["modem"]) if "modem" in arguments else None
        source = SimSource(arguments["source"]) if "source" in arguments else None
        step = Step(arguments["step"]) if "step" in arguments else None
    except ValueError as error:
        raise ArgumentError(command.name, str(error)) from error
    return Wanted(kind, role, source, step, origin="orchestrator")
