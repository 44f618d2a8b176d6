# SPDX-License-Identifier: GPL-2.0-or-later
"""IonMesh: register, heartbeat, unregister and discover over REST. No sockets here, no decisions
about links.

Paths and members: the C fork's integration guide (terminills/osmo-remsim
doc/IONMESH-INTEGRATION.md). Several hosts are tried in order within one deadline; an answer that
will not get better by itself (4xx) ends the search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from remsim.clock import Clock, Deadline
from remsim.errors import ConfigError, PeerError, PeerRejected, PeerUnreachable
from remsim.events import BeatOutcome, BeatReport
from remsim.net.bind import LinkBinding
from remsim.orchestrator import wire
from remsim.orchestrator.api import (
    NOT_FOUND,
    BeatReply,
    Discovery,
    HttpClient,
    HttpReply,
    HttpRequest,
    OrchestratorSettings,
    RegisterReply,
    Target,
    outcome_of,
)
from remsim.orchestrator.hosts import HostOrder

T = TypeVar("T")

BASE = "/api/backend/v1/remsim"
JSON = (("Content-Type", "application/json"),)
KEY_HEADER = "X-API-Key"


class IonMesh:
    """An Orchestrator. One thread, except `abort`. Remembers only which host answered and when it
    last told all.
    """

    def __init__(self, settings: OrchestratorSettings, clock: Clock, http: HttpClient) -> None:
        if not settings.api_key.isascii() or not settings.api_key.isprintable():
            raise ConfigError("ionmesh.api_key", "", "it has to be printable ASCII")
        self._settings = settings
        self._clock = clock
        self._http = http
        self._order = HostOrder(wire.targets(settings))
        self._beats_until_report = 0
        self._last_status = ""

    def rebind(self, link: LinkBinding) -> None:
        self._http.rebind(link)

    def register(self, deadline: Deadline) -> RegisterReply:
        request = self._post("/register-client", wire.register_body(self._settings))
        reply = self._ask(request, deadline, self._registered)
        self._beats_until_report = 0
        return reply

    def beat(self, report: BeatReport, deadline: Deadline) -> BeatReply:
        tells_all = self._beats_until_report <= 0 or report.status != self._last_status
        body = wire.beat_body(self._settings, report, tells_all)
        answer = self._ask(self._post("/heartbeat", body), deadline, self._answered)
        self._last_status = report.status
        self._beats_until_report = (
            self._settings.report_every - 1 if tells_all else self._beats_until_report - 1
        )
        return answer

    def unregister(self, deadline: Deadline) -> None:
        """A client that the server no longer knows is unregistered as well."""
        path = f"{BASE}/unregister/{quote(self._settings.client_id, safe='')}"
        try:
            self._ask(HttpRequest("DELETE", path, headers=self._key()), deadline, _anything)
        except PeerRejected as error:
            if error.status != NOT_FOUND:
                raise

    def discover(self, deadline: Deadline) -> Discovery:
        request = HttpRequest("GET", f"{BASE}/discover", headers=self._key())
        return self._ask(request, deadline, _discovered)

    def abort(self) -> None:
        self._http.abort()

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: bytes) -> HttpRequest:
        return HttpRequest("POST", BASE + path, body, JSON + self._key())

    def _key(self) -> tuple[tuple[str, str], ...]:
        return ((KEY_HEADER, self._settings.api_key),) if self._settings.api_key else ()

    def _ask(
        self, request: HttpRequest, deadline: Deadline, read: Callable[[Target, HttpReply], T]
    ) -> T:
        """The first host whose answer is a yes and makes sense. Otherwise the failure that tells
        most.
        """
        now = self._clock.monotonic()
        failure: PeerError | None = None
        sharers = self._order.ready(now)
        for position, target in enumerate(self._order.at(now)):
            if deadline.is_over and failure is not None:
                break
            share_s = deadline.left_s / max(1, sharers - position)
            try:
                share = Deadline.after(self._clock, share_s)
                answer = read(target, self._ask_one(target, request, share))
            except PeerError as error:
                self._note(target, error)
                failure = _more_telling(failure, error)
                if outcome_of(error, True) in (BeatOutcome.REFUSED, BeatOutcome.NOT_REGISTERED):
                    break
            else:
                self._order.answered(target)
                return answer
        raise failure or PeerUnreachable("IonMesh", "no time left to ask", word="ETIMEDOUT")

    def _ask_one(self, target: Target, request: HttpRequest, deadline: Deadline) -> HttpReply:
        reply = self._http.exchange(target, request, deadline)
        if 200 <= reply.status <= 299:
            return reply
        if 300 <= reply.status <= 399:
            reason = f"answers {reply.status}, a redirect, which is not followed"
        else:
            said = wire.refusal(reply.body, self._settings)
            reason = f"answers {reply.status}{': ' if said else ''}{said}"
        raise PeerRejected(str(target), reason, reply.status)

    def _registered(self, target: Target, reply: HttpReply) -> RegisterReply:
        return RegisterReply(
            str(target), wire.parse_register(reply.body, str(target), self._settings)
        )

    def _answered(self, target: Target, reply: HttpReply) -> BeatReply:
        return wire.parse_beat(reply.body, str(target), reply.rtt_ms, self._settings)

    def _note(self, target: Target, error: PeerError) -> None:
        """A host that answers no is alive; one that answers nothing, rubbish or 5xx gets a rest."""
        if outcome_of(error, True) in (BeatOutcome.SERVER_ERROR, BeatOutcome.UNREACHABLE):
            self._order.failed(target, self._clock.monotonic())


def _discovered(target: Target, reply: HttpReply) -> Discovery:
    return wire.parse_discovery(reply.body, str(target))


def _anything(target: Target, reply: HttpReply) -> None:
    """Of an unregistration only the status counts."""


def _more_telling(one: PeerError | None, other: PeerError) -> PeerError:
    """An answer tells more than none: it proves that the path is alive."""
    if one is None or isinstance(one, PeerUnreachable):
        return other
    return one if isinstance(other, PeerUnreachable) else other


def open_ionmesh(settings: OrchestratorSettings, clock: Clock) -> IonMesh:
    """With the real HTTP client. Its import costs 19 MB, so it waits for the first order."""
    from remsim.orchestrator.http import LinkHttp

    return IonMesh(settings, clock, LinkHttp(clock, settings.tls))
