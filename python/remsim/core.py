# SPDX-License-Identifier: GPL-2.0-or-later
"""The decider: `step(state, event, now)` gives the next state, orders, news and a deadline. Pure.

Around `failover.machine` it keeps jobs, alerts, the event log, GPIO read-back, the remote-SIM
client's word, commands of the orchestrator and the local fallback. No clock, no log, no I/O.
"""

from __future__ import annotations

from dataclasses import replace

from remsim import alerts as alerts_module
from remsim import jobs as jobs_module
from remsim.alerts import Alert
from remsim.errors import ArgumentError, RemsimError
from remsim.events import (
    BeatDone,
    LinesSeen,
    OrderProgress,
    SimSwitched,
    StorageSeen,
)
from remsim.failover.state import Note
from remsim.jobs import Kind, Wanted
from remsim.model import (
    RemoteCommand,
    Role,
    SimSource,
    Step,
)
from remsim.sim_follower import SimFollower
from remsim.state import (
    ClientChanged,
    ClientReport,
    CoreEvent,
    LogEntry,
    PolicyChanged,
    ReloadDone,
    Result,
    State,
    Tick,
)

EVENTS_KEPT = 500
COMMAND_IDS_KEPT = 64  # orchestrator commands remembered, so that each runs once
COMMANDS_PER_ANSWER = 8


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


class _Work(SimFollower):
    """The mutable inside of one step: events in, result out."""

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
            if isinstance(event, SimSwitched):
                self._sim_switched(event)
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
        before = self.client.modem_resets if report.pid == self.client.pid else 0
        wants_reset = report.modem_resets > before and report.bank_connected
        self.client = report
        # On its local SIM the modem has nothing to read anew: the switch to remote does that.
        if wants_reset and self._sim_source(Role.PRIMARY) is not SimSource.LOCAL:
            self._start_for_client(Wanted(Kind.RESET, Role.PRIMARY, origin="client"))

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

    # --- the end of a step -----------------------------------------------------------------

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
            held_local=self.held_local,
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
