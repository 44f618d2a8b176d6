# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon asks of an orchestrator, whichever it is, and the types that cross that border.

No I/O here. Secrets are kept out of every `repr`. Failures are the PeerError family of
`remsim.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from remsim.errors import (
    PeerNonsense,
    PeerRejected,
    PeerUnreachable,
    RemsimError,
)
from remsim.events import BeatOutcome, BeatReport
from remsim.model import Assignment, RemoteCommand

if TYPE_CHECKING:
    from remsim.clock import Deadline
    from remsim.net.bind import LinkBinding

# HTTP statuses that may pass by themselves, unlike the other 4xx: time-out, too early, too many.
PASSING_STATUSES = frozenset({408, 425, 429})
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files are PEM, named as the daemon opens them. `build_time_s` is when this package was built,
    Unix seconds: certificates that had expired by then are refused even before the router knows
    the time.
    """

    build_time_s: float
    verify: bool = True
    ca_file: str = ""  # empty: the system's
    cert_file: str = ""
    key_file: str = ""  # empty: in cert_file
    key_passphrase: str = field(default="", repr=False)
    server_name: str = ""  # empty: the host's
    time_servers: tuple[str, ...] = ("0.openwrt.pool.ntp.org", "1.openwrt.pool.ntp.org")


@dataclass(frozen=True, slots=True)
class OrchestratorSettings:
    """`hosts` in the order of preference, each "name", "name:port" or "[IPv6]:port".

    `report_every`: every how many heartbeats the statistics go along; the others carry only who and
    how, because each byte of a beat is paid for 43 200 times a month. 1 sends them always.
    """

    hosts: tuple[str, ...]
    client_id: str
    port: int = 5000
    tenant_id: int = 1
    mapping_mode: str = "ONE_TO_ONE_SWSIM"
    mcc_mnc: str = ""
    preferred_bank_id: int | None = None
    hardware: tuple[tuple[str, str | int], ...] = ()
    api_key: str = field(default="", repr=False)
    min_interval_s: float = 10.0
    max_interval_s: float = 300.0
    report_every: int = 30
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """`host` without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Any status. `rtt_ms` from the first byte sent to the last received, connecting not
    included.
    """

    status: int
    body: bytes
    rtt_ms: float


@dataclass(frozen=True, slots=True)
class RegisterReply:
    host: str
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class BeatReply:
    """`ignored` says which parts of the answer could not be used; the beat counts all the same."""

    host: str
    rtt_ms: float
    next_interval_s: float | None = None
    commands: tuple[RemoteCommand, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a server says of itself; for people, nothing is decided by it."""

    host: str
    service: str
    version: str
    mapping_modes: tuple[str, ...] = ()


class HttpClient(Protocol):
    """One exchange at a time. PeerUnreachable, PeerNonsense, or PeerRejected by TLS; never late."""

    def exchange(self, target: Target, request: HttpRequest, deadline: Deadline) -> HttpReply: ...

    def rebind(self, link: LinkBinding) -> None: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class Orchestrator(Protocol):
    """Every call keeps its deadline and raises a RemsimError where it fails.

    `rebind` before the first call and whenever the link changed. `abort` may come from another
    thread: it ends the call in hand, and all later ones fail.
    """

    def rebind(self, link: LinkBinding) -> None: ...

    def register(self, deadline: Deadline) -> RegisterReply: ...

    def beat(self, report: BeatReport, deadline: Deadline) -> BeatReply: ...

    def unregister(self, deadline: Deadline) -> None: ...

    def discover(self, deadline: Deadline) -> Discovery: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


def outcome_of(error: RemsimError, is_beat: bool) -> BeatOutcome:
    """What a failed heartbeat or registration means for the core."""
    if isinstance(error, PeerUnreachable):
        return BeatOutcome.UNREACHABLE
    if isinstance(error, PeerNonsense):
        return BeatOutcome.SERVER_ERROR
    if isinstance(error, PeerRejected):
        return _outcome_of_status(error.status, is_beat)
    return BeatOutcome.REFUSED


def code_of(error: RemsimError) -> str:
    """The peer's own number or word: "HTTP 503", "ECONNREFUSED", "CERT_HAS_EXPIRED"."""
    status = getattr(error, "status", None)
    return f"HTTP {status}" if status is not None else getattr(error, "word", "")


def _outcome_of_status(status: int | None, is_beat: bool) -> BeatOutcome:
    """Without a status it was TLS that said no."""
    if status is None:
        return BeatOutcome.REFUSED
    if status == NOT_FOUND and is_beat:
        return BeatOutcome.NOT_REGISTERED
    if 400 <= status <= 499 and status not in PASSING_STATUSES:
        return BeatOutcome.REFUSED
    return BeatOutcome.SERVER_ERROR
