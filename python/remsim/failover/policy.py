# SPDX-License-Identifier: GPL-2.0-or-later
"""Every number that failover goes by, and the few formulae made of them. Pure.

Defaults are those of the configuration schema; the daemon builds a Policy from the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from remsim.model import Role, Step

SOFT_STEPS = (Step.INTERFACE, Step.RADIO)
BOTH_DOWN_MARGIN_S = 30.0  # design section 5, S3: a reset must be over this long before grace ends
FIRST_RETRY_S = 5.0  # unanswered heartbeat or registration: first retry
RETRY_MAX_S = 60.0  # ... and the longest pause while the grace period runs
REFUSED_RETRY_S = 60.0  # 400, 401, 403: an operator has to act; ask seldom
REGISTER_RETRY_MAX_S = 300.0
FIRST_ROUND_BACKOFF_S = 120.0  # pause after a whole ladder that did not help, doubled each round
REPROBE_FIRST_S = 10.0  # a path found dead is asked again, with back-off
REPROBE_MAX_S = 60.0
PROBE_FRESH_S = 5.0  # a restart for silence needs a probe that failed this short ago
SERVER_SHUN_S = 300.0  # a path over which only the orchestrator is silent is avoided this long
JITTER = 0.2  # every retry is spread over +0..20 %
SOFT_START = 1 / 12  # of the patience before the first reset: 5 s of 60 s, 15 s of 180 s
SOFT_PAUSE = 1 / 6  # ... between two soft steps: 10 s of 60 s, 30 s of 180 s
REGISTER_TIME_S = (
    20.0  # from the modem's first answer to its registration, allowed for after a boot
)
STEP_LIMIT_S = 180.0  # a recovery step whose end nobody reported is given up after this
BOOT_OVERRUN = 1.5  # a modem that boots this many times longer than it should has hung


@dataclass(frozen=True, slots=True)
class Policy:
    """Seconds everywhere. `*_steps` are the recovery steps each modem can do (lines, bus known)."""

    orchestrated: bool = True  # an orchestrator is configured: register and send heartbeats
    dual_modem: bool = True
    prefer: Role = Role.IOT  # routing.force_iot_routing
    heartbeat_interval_s: float = 60.0
    heartbeat_timeout_s: float = 10.0
    min_interval_s: float = 10.0
    max_interval_s: float = 300.0
    grace_s: float = 300.0
    hold_down_s: float = 30.0
    iot_reset_after_s: float = 60.0
    primary_reset_after_s: float = 180.0
    both_reset_after_s: float = 180.0
    backoff_max_s: float = 3600.0
    probe_targets: tuple[str, ...] = ("1.1.1.1", "8.8.8.8")
    probe_timeout_s: float = 3.0
    default_boot_time_s: float = 40.0
    local_fallback: bool = False
    local_fallback_after_s: float = 900.0
    remote_possible: bool = False  # a card front-end is configured
    follows_client: bool = True  # the SIM switch is ours to drive, not the external client's
    primary_steps: tuple[Step, ...] = tuple(Step)
    iot_steps: tuple[Step, ...] = tuple(Step)
    allowed_commands: frozenset[str] = field(default_factory=frozenset)

    @property
    def roles(self) -> tuple[Role, ...]:
        return (Role.IOT, Role.PRIMARY) if self.dual_modem else (Role.PRIMARY,)

    def steps_of(self, role: Role) -> tuple[Step, ...]:
        return self.iot_steps if role is Role.IOT else self.primary_steps

    def reset_after_s(self, role: Role) -> float:
        return self.iot_reset_after_s if role is Role.IOT else self.primary_reset_after_s


def reset_due_at(
    policy: Policy,
    role: Role,
    down_since: float,
    both_down_since: float | None,
    last_answer_at: float | None,
    boot_time_s: float,
) -> float:
    """When the first restarting step of an outage may run (monotonic seconds).

    One path down: that role's own patience. Both down: min(180 s, grace - boot time - 30 s), so
    that the modem is back before the bank lets go; where that cannot be done, no hurry helps.
    """
    if both_down_since is None:
        return down_since + policy.reset_after_s(role)
    patient = both_down_since + policy.both_reset_after_s
    if last_answer_at is None:
        return patient
    in_time = last_answer_at + policy.grace_s - boot_time_s - BOTH_DOWN_MARGIN_S
    return min(patient, in_time) if in_time >= both_down_since else patient


def backoff_s(first_s: float, failures: int, longest_s: float) -> float:
    """Doubles with every failure after the first: first, 2 x first, ... up to `longest_s`."""
    exponent = min(max(0, failures - 1), 20)
    return min(longest_s, first_s * float(2**exponent))


def clamp_interval(policy: Policy, asked_s: float | None) -> float:
    """`next_heartbeat_interval` within limits: one lost beat never ends the grace period."""
    if asked_s is None:
        return policy.heartbeat_interval_s
    longest = max(policy.heartbeat_interval_s, min(policy.max_interval_s, policy.grace_s / 2.0))
    return min(max(asked_s, policy.min_interval_s), longest)
