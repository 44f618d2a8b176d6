# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a path up? One modem and its link, judged from what was seen and what was tried. Pure.

Design section 5: a path is down only if its modem is not registered or its link has no address,
or if two unrelated targets (the orchestrator and every probe target) fail over it. A silent server
over a working link is a server outage and leaves the path up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from remsim.failover.policy import (
    PROBE_FRESH_S,
    REPROBE_FIRST_S,
    REPROBE_MAX_S,
    SERVER_SHUN_S,
    Policy,
    backoff_s,
)
from remsim.model import LinkObservation, ModemObservation, ModemState, Role

# States in which the modem itself says that it has no network. FAILED and UNKNOWN say nothing
# about the network: the AT port may hang while data flows.
WITHOUT_NETWORK = frozenset(
    {
        ModemState.ABSENT,
        ModemState.BOOTING,
        ModemState.NO_SIM,
        ModemState.PIN_NEEDED,
        ModemState.SEARCHING,
    }
)


_NOT_CURABLE = frozenset({ModemState.NO_SIM, ModemState.PIN_NEEDED})


class Verdict(Enum):
    UNKNOWN = "unknown"  # not everything has been seen yet: nothing is decided from it
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Path:
    """`failed_targets` are the probe targets that did not answer since the last sign of life."""

    role: Role
    modem: ModemObservation | None = None
    link: LinkObservation | None = None
    server_failed_at: float | None = None
    server_answered_at: float | None = None
    failed_targets: tuple[str, ...] = ()
    probe_id: int | None = None
    probe_asked: str | None = None
    probe_until: float | None = None  # the order is given up
    probe_rounds: int = 0
    next_probe_at: float | None = None
    probe_failed_at: float | None = None
    verdict: Verdict = Verdict.UNKNOWN
    reason: str = "not seen yet"
    since: float = 0.0

    @property
    def is_up(self) -> bool:
        return self.verdict is Verdict.UP

    @property
    def is_down(self) -> bool:
        return self.verdict is Verdict.DOWN

    @property
    def state(self) -> ModemState:
        return self.modem.state if self.modem is not None else ModemState.UNKNOWN

    @property
    def roams_in_vain(self) -> bool:
        return self.modem is not None and self.modem.roams_in_vain

    @property
    def is_curable(self) -> bool:
        """Whether a restart could help: PIN, SIM and a permission to roam are others' matter."""
        return self.state not in _NOT_CURABLE and not self.roams_in_vain

    def boot_time_s(self, policy: Policy) -> float:
        if self.modem is not None and self.modem.boot_time_s is not None:
            return self.modem.boot_time_s
        return policy.default_boot_time_s

    def has_been_up_for(self, now: float, seconds: float) -> bool:
        return self.is_up and now - self.since >= seconds


def judge(path: Path, policy: Policy, now: float) -> Path:
    """Recompute the verdict; `since` moves only when it changes."""
    verdict, reason = _verdict(path, policy)
    if verdict is path.verdict:
        return path if reason == path.reason else replace(path, reason=reason)
    fresh = replace(path, verdict=verdict, reason=reason, since=now)
    if verdict is Verdict.DOWN and not _is_silent(path, policy):
        # The modem or the link explains it; suspicions of silence are settled when it is back.
        return replace(fresh, server_failed_at=None, failed_targets=(), next_probe_at=None)
    return fresh


def _verdict(path: Path, policy: Policy) -> tuple[Verdict, str]:
    if path.modem is None or path.link is None:
        return Verdict.UNKNOWN, "not seen yet"
    if path.roams_in_vain:
        return Verdict.DOWN, "modem roams, which is not allowed"
    if path.state in WITHOUT_NETWORK:
        return Verdict.DOWN, f"modem {path.state.value.replace('_', ' ')}"
    if not path.link.is_usable:
        return Verdict.DOWN, _link_reason(path.link)
    if _is_silent(path, policy):
        return Verdict.DOWN, "orchestrator and probe targets silent"
    if path.server_failed_at is not None:
        return Verdict.UP, "link works, orchestrator silent"
    return Verdict.UP, "registered and addressed"


def _link_reason(link: LinkObservation) -> str:
    if link.device is None:
        return f"interface {link.interface} has no device"
    if not link.is_up:
        return f"link {link.device} has no carrier"
    return f"link {link.device} has no address"


def _is_silent(path: Path, policy: Policy) -> bool:
    """With no probe target configured silence cannot be proven, so it is never assumed."""
    targets = set(policy.probe_targets)
    return (
        path.server_failed_at is not None and bool(targets) and targets <= set(path.failed_targets)
    )


def server_answered(path: Path, now: float) -> Path:
    """The orchestrator was reached over this path, whatever it said: the path lives."""
    return replace(
        path,
        server_answered_at=now,
        server_failed_at=None,
        failed_targets=(),
        probe_rounds=0,
        next_probe_at=None,
    )


def server_failed(path: Path, now: float) -> Path:
    """No word from the orchestrator over this path: ask the unrelated targets now."""
    return replace(path, server_failed_at=now, next_probe_at=now)


def probe_answered(path: Path) -> Path:
    return replace(path, probe_id=None, failed_targets=(), probe_rounds=0, next_probe_at=None)


def probe_failed(path: Path, target: str, policy: Policy, now: float) -> Path:
    """The next target is asked at once; when all have failed, again later with back-off."""
    failed = tuple(dict.fromkeys((*path.failed_targets, target)))
    path = replace(path, probe_failed_at=now)
    if set(policy.probe_targets) - set(failed):
        return replace(path, probe_id=None, failed_targets=failed, next_probe_at=now)
    rounds = path.probe_rounds + 1
    pause_s = backoff_s(REPROBE_FIRST_S, rounds, REPROBE_MAX_S)
    return replace(
        path,
        probe_id=None,
        failed_targets=failed,
        probe_rounds=rounds,
        next_probe_at=now + pause_s,
    )


def is_surely_down(path: Path, policy: Policy, now: float) -> bool:
    """Silence must be fresh before a modem is restarted for it; what the modem says always is."""
    if not path.is_down or not _is_silent(path, policy):
        return path.is_down
    fresh_s = policy.probe_timeout_s + PROBE_FRESH_S
    return path.probe_failed_at is not None and now - path.probe_failed_at <= fresh_s


def probe_again(path: Path, now: float) -> Path:
    """Ask now instead of later."""
    return path if path.probe_id is not None else replace(path, next_probe_at=now)


def probe_target(path: Path, policy: Policy) -> str | None:
    """Whom to ask next: first those not yet found silent, then round robin."""
    for target in policy.probe_targets:
        if target not in path.failed_targets:
            return target
    if not policy.probe_targets:
        return None
    return policy.probe_targets[path.probe_rounds % len(policy.probe_targets)]


def is_probe_due(path: Path, now: float) -> bool:
    """Only a path whose modem and link are in order is worth a probe."""
    return (
        path.probe_id is None
        and path.server_failed_at is not None
        and path.next_probe_at is not None
        and now >= path.next_probe_at
        and path.link is not None
        and path.link.is_usable
        and path.state not in WITHOUT_NETWORK
    )


def choose(
    paths: dict[Role, Path], current: Role | None, policy: Policy, now: float
) -> Role | None:
    """Which path carries the control traffic: the preferred one when it is up (after a fall, only
    when it has been up for the hold-down), else the other, else none.

    A path over which the orchestrator alone is silent gives way to one over which it answers."""
    prefer = policy.prefer if policy.dual_modem else Role.PRIMARY
    if any(paths[role].verdict is Verdict.UNKNOWN for role in (prefer, current or prefer)):
        return current  # adoption: nothing moves before both paths in question have been seen
    up = [role for role in policy.roles if paths[role].is_up]
    talking = [role for role in up if not _is_shunned(paths[role], paths[role.other], now)]
    candidates = talking or up
    if not candidates:
        return None
    if prefer not in candidates:
        return current if current in candidates else candidates[0]
    if current is prefer or current not in candidates:
        return prefer
    return prefer if paths[prefer].has_been_up_for(now, policy.hold_down_s) else current


def _is_shunned(path: Path, other: Path, now: float) -> bool:
    """The orchestrator has answered over the other path since it failed to over this one."""
    if path.server_failed_at is None or other.server_answered_at is None:
        return False
    is_recent = now - path.server_failed_at < SERVER_SHUN_S
    return is_recent and other.server_answered_at > path.server_failed_at
