# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything the daemon knows, as one frozen object, and the core's own events. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from remsim.alerts import Alert
from remsim.events import Event, Order
from remsim.failover.policy import Policy
from remsim.failover.state import FailoverState
from remsim.jobs import Job
from remsim.model import LineState, Role, SimSource


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
    pid: int = 0  # of the process that counts them
    at: float | None = None
    values: tuple[tuple[str, str], ...] = ()

    @property
    def missing_front_end(self) -> str:
        """Why nothing can show the card to the modem; empty if something can."""
        return dict(self.values).get("front_end_why_not", "")


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
    held_local: bool = False  # somebody switched the primary to its local SIM, and it stays there
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
