# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs: what somebody asked for, its progress and its end. Pure data and transitions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from remsim.model import Role, SimSource, Step

JOBS_KEPT = 50  # finished jobs that `job` can still tell about
PHASES_KEPT = 64  # progress entries of one job


class Kind(Enum):
    HEARTBEAT = "heartbeat"
    REGISTER = "register"
    UNREGISTER = "unregister"
    RELEASE = "release"
    SIM = "sim"
    RESET = "reset"
    AT = "at"
    RELOAD = "reload"


class JobState(Enum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


OWN_ORIGINS = ("client", "fallback")  # nobody asked for these jobs


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for a job. `origin` is for the audit: "ubus", "LuCI", "orchestrator", or one of
    OWN_ORIGINS.
    """

    kind: Kind
    role: Role | None = None
    source: SimSource | None = None
    step: Step | None = None
    command: str | None = None
    origin: str = "ubus"


@dataclass(frozen=True, slots=True)
class Phase:
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Job:
    """`order_id` is the order that it waits for; `rest` the phases of a release still to come."""

    id: str
    wanted: Wanted
    started_at: float
    state: JobState = JobState.RUNNING
    order_id: int | None = None
    rest: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    result: tuple[tuple[str, object], ...] = ()
    error_code: str | None = None
    error_reason: str | None = None
    ended_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.state is JobState.RUNNING


def progressed(job: Job, text: str, now: float) -> Job:
    return replace(job, phases=(*job.phases, Phase(text, now))[-PHASES_KEPT:])


def finished(job: Job, now: float, result: tuple[tuple[str, object], ...] = ()) -> Job:
    return replace(job, state=JobState.DONE, order_id=None, rest=(), result=result, ended_at=now)


def failed(job: Job, now: float, code: str, reason: str) -> Job:
    return replace(
        job,
        state=JobState.FAILED,
        order_id=None,
        rest=(),
        error_code=code,
        error_reason=reason,
        ended_at=now,
    )


def kept(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Running jobs are never forgotten; of the finished ones the newest are kept."""
    ended = [job for job in jobs if not job.is_running][-JOBS_KEPT:]
    return tuple(job for job in jobs if job.is_running or job in ended)
