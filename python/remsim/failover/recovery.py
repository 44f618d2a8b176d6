# SPDX-License-Identifier: GPL-2.0-or-later
"""The recovery ladder of one modem: which step comes next, and when. Pure.

Design section 5: interface down/up, radio off/on, AT reset, reset line, USB re-authorise or PCIe
rescan, power line; each restarting step waits the model's boot time; whole rounds back off.

    down ──patience──► first restart ──boot time──► next ... ──► round over ──back-off──► again
      └─ soft steps fit into the patience

The AT reset comes before the reset line only where its boot time fits into the patience. What keeps
two modems from being in reset at once is the caller's `Surroundings`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from remsim.failover.path import Path
from remsim.failover.policy import (
    BOOT_OVERRUN,
    FIRST_ROUND_BACKOFF_S,
    REGISTER_TIME_S,
    SOFT_PAUSE,
    SOFT_START,
    STEP_LIMIT_S,
    Policy,
    backoff_s,
    reset_due_at,
)
from remsim.model import Failure, ModemState, Role, Step

# What a step needs of the modem: an AT port that answers, or an interface that could carry data.
_NEEDS_AT = frozenset({Step.RADIO, Step.AT_RESET})
_WITHOUT_AT = frozenset({ModemState.ABSENT, ModemState.FAILED, ModemState.BOOTING})
_WITHOUT_INTERFACE = frozenset({ModemState.ABSENT, ModemState.BOOTING, ModemState.SEARCHING})


@dataclass(frozen=True, slots=True)
class Ladder:
    """`tried`: this round's steps; `rounds`: rounds without success; `helped`: the last cure."""

    role: Role
    down_since: float | None = None
    tried: tuple[Step, ...] = ()
    rounds: int = 0
    steps_run: int = 0
    restarts: int = 0  # restarting steps since the path was last healthy
    order_id: int | None = None
    running: Step | None = None
    running_until: float | None = None  # order given up
    settling: Step | None = None
    settle_until: float | None = None
    not_before: float | None = None
    booting_since: float | None = None
    was_up: bool = False
    peace_until: float | None = None  # a modem just booted, or found at start, may search so long
    helped: Step | None = None
    failure: Failure | None = None

    @property
    def last_step(self) -> Step | None:
        return self.tried[-1] if self.tried else None

    @property
    def restarts_in_round(self) -> bool:
        return any(step.restarts_modem for step in self.tried)

    def reset_until(self, now: float) -> float | None:
        """While the modem is in reset (order running, then booting): until when at the latest."""
        if self.running is not None and self.running.restarts_modem:
            return self.running_until
        settling = self.settling is not None and self.settling.restarts_modem
        if settling and self.settle_until is not None and now < self.settle_until:
            return self.settle_until
        return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the ladder must know of the rest. Times are monotonic seconds."""

    both_down_since: float | None = None
    last_answer_at: float | None = None
    other_reset_until: float | None = None  # the other modem is in reset until then
    is_second: bool = False  # both down, and the IoT modem has not had its reset yet
    is_blocked: bool = (
        False  # SIM switch or an operator's job runs; or the SIM is the bank's matter
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (None: until something is seen)."""

    until: float | None = None


def observe(ladder: Ladder, path: Path, policy: Policy, now: float) -> Ladder:
    """Follow the path's verdict; success is being up for the whole hold-down."""
    booting = path.state is ModemState.BOOTING
    since = (ladder.booting_since if ladder.booting_since is not None else now) if booting else None
    has_booted = ladder.booting_since is not None and not booting
    ladder = replace(ladder, booting_since=since)
    if has_booted:
        ladder = replace(ladder, peace_until=now + REGISTER_TIME_S)
    if path.is_down:
        if ladder.down_since is not None:
            return ladder
        peace = ladder.peace_until if ladder.was_up else now + REGISTER_TIME_S
        return replace(ladder, down_since=path.since, peace_until=peace)
    if not path.is_up or ladder.order_id is not None:
        return ladder
    ladder = replace(ladder, down_since=None, settling=None, settle_until=None, was_up=True)
    if path.has_been_up_for(now, policy.hold_down_s) and (ladder.tried or ladder.rounds):
        helped = ladder.last_step or ladder.helped
        return Ladder(role=ladder.role, steps_run=ladder.steps_run, was_up=True, helped=helped)
    return ladder


def next_step(
    ladder: Ladder, path: Path, policy: Policy, around: Surroundings, now: float
) -> Step | Wait:
    """The step that is due now, or until when to wait."""
    if ladder.order_id is not None:
        return Wait(ladder.running_until)
    if ladder.down_since is None or around.is_blocked or not path.is_curable:
        return Wait()
    waits = [
        ladder.settle_until,
        ladder.not_before,
        ladder.peace_until,
        _boot_over_at(ladder, path, policy),
    ]
    earliest = max((moment for moment in waits if moment is not None), default=now)
    if earliest > now:
        return Wait(earliest)
    boot_s = path.boot_time_s(policy)
    reset_at = reset_due_at(
        policy,
        ladder.role,
        ladder.down_since,
        around.both_down_since,
        around.last_answer_at,
        boot_s,
    )
    for step in policy.steps_of(ladder.role):
        if step in ladder.tried or not _is_possible(step, path):
            continue
        due_at = _due_at(step, ladder, policy, path, around, reset_at)
        if due_at is None:
            continue
        if due_at > now:
            return Wait(due_at)
        if step.restarts_modem and around.other_reset_until is not None:
            return Wait(around.other_reset_until)
        if step.restarts_modem and around.is_second:
            return Wait()
        return step
    return Wait()


def is_round_over(ladder: Ladder, path: Path, policy: Policy, now: float) -> bool:
    """Every possible step was tried and the last one has had its time."""
    if ladder.down_since is None or ladder.order_id is not None or not ladder.tried:
        return False
    if ladder.settle_until is not None and now < ladder.settle_until:
        return False
    steps = [step for step in policy.steps_of(ladder.role) if _is_possible(step, path)]
    strongest = max((_RANK[step] for step in ladder.tried), default=-1)
    return all(step in ladder.tried or _RANK[step] < strongest for step in steps)


def end_round(ladder: Ladder, policy: Policy, now: float, jitter: float) -> Ladder:
    """Back off before the next round; the pause never shrinks without success."""
    rounds = ladder.rounds + 1
    pause_s = backoff_s(FIRST_ROUND_BACKOFF_S, rounds, policy.backoff_max_s)
    return replace(
        ladder,
        rounds=rounds,
        tried=(),
        settling=None,
        settle_until=None,
        not_before=now + min(policy.backoff_max_s, pause_s * jitter),
    )


def interrupted(ladder: Ladder, boot_time_s: float, now: float) -> Ladder:
    """The daemon died during a step: it counts as tried, and a restart gets its time."""
    if ladder.running is None:
        return replace(ladder, order_id=None, running_until=None)
    settle_s = boot_time_s + REGISTER_TIME_S if ladder.running.restarts_modem else 1.0
    return replace(
        ladder,
        order_id=None,
        running=None,
        running_until=None,
        tried=(*(step for step in ladder.tried if step is not ladder.running), ladder.running),
        settling=ladder.running,
        settle_until=now + settle_s,
    )


def started(ladder: Ladder, step: Step, order_id: int, now: float) -> Ladder:
    return replace(
        ladder,
        order_id=order_id,
        running=step,
        running_until=now + STEP_LIMIT_S,
        steps_run=ladder.steps_run + 1,
        restarts=ladder.restarts + int(step.restarts_modem),
    )


def ended(
    ladder: Ladder,
    path: Path,
    policy: Policy,
    around: Surroundings,
    failure: Failure | None,
    now: float,
) -> Ladder:
    """The step was carried out, or could not be (then nothing has to settle)."""
    step = ladder.running
    if step is None:
        return ladder
    boot_s = path.boot_time_s(policy)
    if failure is not None:
        settle_s = 1.0
    elif step.restarts_modem:
        settle_s = boot_s + REGISTER_TIME_S
    else:
        settle_s = _patience_s(ladder, policy, around, boot_s) * SOFT_PAUSE
    return replace(
        ladder,
        order_id=None,
        running=None,
        running_until=None,
        tried=(*(tried for tried in ladder.tried if tried is not step), step),
        settling=step if failure is None else None,
        settle_until=now + settle_s,
        failure=failure,
    )


_RANK = {step: rank for rank, step in enumerate(Step)}


def _is_possible(step: Step, path: Path) -> bool:
    if step in _NEEDS_AT:
        return path.state not in _WITHOUT_AT
    if step is Step.INTERFACE:
        return path.state not in _WITHOUT_INTERFACE
    return True


def _patience_s(ladder: Ladder, policy: Policy, around: Surroundings, boot_s: float) -> float:
    down_since = ladder.down_since if ladder.down_since is not None else 0.0
    reset_at = reset_due_at(
        policy, ladder.role, down_since, around.both_down_since, around.last_answer_at, boot_s
    )
    return max(0.0, reset_at - down_since)


def _due_at(
    step: Step,
    ladder: Ladder,
    policy: Policy,
    path: Path,
    around: Surroundings,
    reset_at: float,
) -> float | None:
    """When `step` may run; None: it has no place in this round."""
    down_since = ladder.down_since if ladder.down_since is not None else 0.0
    patience_s = max(0.0, reset_at - down_since)
    if not step.restarts_modem:
        if ladder.restarts_in_round:
            return None
        return down_since + patience_s * SOFT_START
    if step is Step.AT_RESET and not ladder.restarts_in_round:
        return _at_reset_due_at(policy, ladder, path, around, reset_at)
    return reset_at


def _at_reset_due_at(
    policy: Policy, ladder: Ladder, path: Path, around: Surroundings, reset_at: float
) -> float | None:
    """With a reset line: early enough for a boot before the line's time, or not at all."""
    if Step.RESET_LINE not in policy.steps_of(ladder.role):
        return reset_at
    if ladder.rounds:
        return reset_at
    if around.both_down_since is not None:
        return None
    early = reset_at - path.boot_time_s(policy) - REGISTER_TIME_S
    earliest = ladder.down_since if ladder.down_since is not None else 0.0
    if ladder.settle_until is not None:
        earliest = max(earliest, ladder.settle_until)
    return early if early >= earliest else None


def _boot_over_at(ladder: Ladder, path: Path, policy: Policy) -> float | None:
    """A booting modem is left alone until it has clearly hung."""
    if ladder.booting_since is None:
        return None
    return ladder.booting_since + path.boot_time_s(policy) * BOOT_OVERRUN + REGISTER_TIME_S
