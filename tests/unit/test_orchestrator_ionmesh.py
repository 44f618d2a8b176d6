# SPDX-License-Identifier: GPL-2.0-or-later
"""IonMesh client over a scripted HTTP client: requests, several hosts, back-off, outcomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remsim.clock import Deadline
from remsim.errors import ConfigError, PeerNonsense, PeerRejected, PeerUnreachable, RemsimError
from remsim.events import BeatOutcome, BeatReport
from remsim.net.bind import LinkBinding
from remsim.orchestrator.api import (
    HttpReply,
    HttpRequest,
    OrchestratorSettings,
    Target,
    code_of,
    outcome_of,
)
from remsim.orchestrator.hosts import HostOrder
from remsim.orchestrator.ionmesh import IonMesh
from remsim_lab.clock import HandClock

OK = b'{"status":"ok","next_heartbeat_interval":60,"commands":[]}'
ASSIGNED = b'{"status":"ok","bank_id":1,"slot_id":2,"bankd_endpoint":"b:9999"}'
REPORT = BeatReport("active", 60)
Reply = tuple[int, bytes] | RemsimError


class ScriptedHttp:
    """Answers by host; each exchange takes `takes_s` of the hand-moved clock."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.replies: dict[str, Reply] = {}
        self.takes_s = 0.0
        self.asked: list[tuple[str, HttpRequest, float]] = []
        self.links: list[LinkBinding] = []
        self.ended: list[str] = []

    def exchange(self, target: Target, request: HttpRequest, deadline: Deadline) -> HttpReply:
        self.asked.append((target.host, request, deadline.left_s))
        reply = self.replies.get(target.host, (200, OK))
        self.clock.move(min(self.takes_s, deadline.left_s))
        if isinstance(reply, RemsimError):
            raise reply
        return HttpReply(*reply, 12.0)

    def rebind(self, link: LinkBinding) -> None:
        self.links.append(link)

    def abort(self) -> None:
        self.ended.append("abort")

    def close(self) -> None:
        self.ended.append("close")


class Bench:
    def __init__(self, hosts: tuple[str, ...] = ("a", "b"), **settings: Any) -> None:
        self.clock = HandClock()
        self.http = ScriptedHttp(self.clock)
        self.settings = OrchestratorSettings(hosts, "router 1/slot0", **settings)
        self.mesh = IonMesh(self.settings, self.clock, self.http)

    def beat(self, status: str = "active", timeout_s: float = 10) -> Any:
        deadline = Deadline.after(self.clock, timeout_s)
        return self.mesh.beat(BeatReport(status, 60), deadline)

    @property
    def hosts_asked(self) -> list[str]:
        return [asked[0] for asked in self.http.asked]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(asked[1].body or b"{}") for asked in self.http.asked]


def test_paths_and_methods_are_those_of_the_api() -> None:
    bench = Bench()
    bench.http.replies["a"] = (200, ASSIGNED)
    deadline = Deadline.after(bench.clock, 10)
    bench.mesh.register(deadline)
    bench.mesh.beat(REPORT, deadline)
    bench.mesh.unregister(deadline)
    bench.mesh.discover(deadline)
    base = "/api/backend/v1/remsim"
    assert [(asked[1].method, asked[1].path) for asked in bench.http.asked] == [
        ("POST", f"{base}/register-client"),
        ("POST", f"{base}/heartbeat"),
        ("DELETE", f"{base}/unregister/router%201%2Fslot0"),
        ("GET", f"{base}/discover"),
    ]


def test_key_goes_along_and_shows_in_no_repr() -> None:
    bench = Bench(api_key="s3cret")
    bench.beat()
    request = bench.http.asked[0][1]
    assert ("X-API-Key", "s3cret") in request.headers
    assert "s3cret" not in repr(request)


@pytest.mark.parametrize("key", ["schlüssel", "a\r\nX-Evil: 1"])
def test_key_that_no_header_can_carry_is_a_configuration_error(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Bench(api_key=key)
    assert key not in str(caught.value)


def test_without_key_there_is_no_header_for_it() -> None:
    bench = Bench()
    bench.beat()
    assert [name for name, _ in bench.http.asked[0][1].headers] == ["Content-Type"]


def test_statistics_go_along_now_and_then_and_when_the_status_changes() -> None:
    bench = Bench(report_every=3)
    for status in ("active", "active", "active", "active", "warning", "warning"):
        bench.beat(status)
    assert ["stats" in body for body in bench.bodies] == [True, False, False, True, True, False]


def test_statistics_of_an_unanswered_beat_are_sent_again() -> None:
    bench = Bench(("a",))
    bench.http.replies["a"] = PeerUnreachable("a", "no answer")
    with pytest.raises(PeerUnreachable):
        bench.beat()
    del bench.http.replies["a"]
    bench.beat()
    assert ["stats" in body for body in bench.bodies] == [True, True]


def test_statistics_go_along_after_a_registration() -> None:
    bench = Bench(("a",))
    bench.beat()
    bench.http.replies["a"] = (200, ASSIGNED)
    bench.mesh.register(Deadline.after(bench.clock, 10))
    del bench.http.replies["a"]
    bench.beat()
    assert "stats" in bench.bodies[-1]


# --- several hosts -----------------------------------------------------------------------------


def test_second_host_is_asked_within_the_same_order() -> None:
    bench = Bench()
    bench.http.replies["a"] = PeerUnreachable("a:5000", "refused", word="ECONNREFUSED")
    assert bench.beat().host == "b:5000"


def test_silent_host_leaves_time_for_the_next() -> None:
    bench = Bench()
    bench.http.replies["a"] = PeerUnreachable("a:5000", "no answer")
    bench.http.takes_s = 60
    bench.beat()
    assert [round(left) for _, _, left in bench.http.asked] == [5, 5]


@pytest.mark.parametrize(
    "reply", [(500, b""), (503, b""), (429, b""), (302, b""), (200, b"[]"), (200, b"<html>")]
)
def test_host_that_answers_rubbish_or_5xx_is_passed_over(reply: Reply) -> None:
    bench = Bench()
    bench.http.replies["a"] = reply
    assert bench.beat().host == "b:5000"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_answer_that_will_not_get_better_ends_the_search(status: int) -> None:
    bench = Bench()
    bench.http.replies["a"] = (status, b"")
    with pytest.raises(PeerRejected) as caught:
        bench.beat()
    assert caught.value.status == status
    assert bench.hosts_asked == ["a"]


def test_failed_host_rests_and_is_preferred_again_afterwards() -> None:
    bench = Bench()
    bench.http.replies["a"] = (500, b"")
    bench.beat()
    bench.beat()
    assert bench.hosts_asked == ["a", "b", "b"]
    del bench.http.replies["a"]
    bench.clock.move(31)
    assert bench.beat().host == "a:5000"


def test_host_alone_in_working_order_gets_the_whole_time() -> None:
    bench = Bench()
    bench.http.replies["a"] = (500, b"")
    bench.beat()
    bench.beat()
    assert bench.http.asked[-1][2] == 10


def test_resting_hosts_are_asked_when_all_failed() -> None:
    bench = Bench()
    bench.http.replies.update(a=(500, b""), b=(500, b""))
    for _ in range(2):
        with pytest.raises(PeerRejected):
            bench.beat()
    assert bench.hosts_asked == ["a", "b", "a", "b"]


def test_answer_tells_more_than_silence() -> None:
    bench = Bench()
    bench.http.replies.update(a=(500, b""), b=PeerUnreachable("b:5000", "no answer"))
    with pytest.raises(PeerRejected):
        bench.beat()
    bench = Bench()
    bench.http.replies.update(a=PeerUnreachable("a:5000", "no answer"), b=(200, b"[]"))
    with pytest.raises(PeerNonsense):
        bench.beat()


def test_rest_grows_up_to_a_quarter_of_an_hour() -> None:
    one, other = Target("a", 1), Target("b", 1)
    order = HostOrder((one, other))
    rests = []
    now = 0.0
    for _ in range(20):
        order.failed(one, now)
        rest = next(step for step in range(1, 2000) if order.at(now + step)[0] == one)
        rests.append(rest)
        now += rest
    assert rests[:6] == [30, 60, 120, 240, 480, 900]
    assert rests[-1] == 900
    order.answered(one)
    order.failed(one, now)
    assert order.at(now + 30)[0] == one
    assert order.at(now + 29) == (other, one)


# --- unregister, failures ----------------------------------------------------------------------


def test_unknown_client_counts_as_unregistered() -> None:
    bench = Bench()
    bench.http.replies["a"] = (404, b"")
    bench.mesh.unregister(Deadline.after(bench.clock, 10))


def test_refused_unregistration_is_a_failure() -> None:
    bench = Bench()
    bench.http.replies["a"] = (401, b"")
    with pytest.raises(PeerRejected):
        bench.mesh.unregister(Deadline.after(bench.clock, 10))


def test_message_and_free_modes_are_in_the_reason() -> None:
    bench = Bench(("a",))
    bench.http.replies["a"] = (503, b'{"message":"full","available_modes":["KI_PROXY_SWSIM"]}')
    with pytest.raises(PeerRejected) as caught:
        bench.mesh.register(Deadline.after(bench.clock, 10))
    assert caught.value.reason == "a:5000: answers 503: full; slots are free for KI_PROXY_SWSIM"


@pytest.mark.parametrize(
    ("error", "for_beat", "for_registration"),
    [
        (PeerRejected("h", "", 404), BeatOutcome.NOT_REGISTERED, BeatOutcome.REFUSED),
        (PeerRejected("h", "", 400), BeatOutcome.REFUSED, BeatOutcome.REFUSED),
        (PeerRejected("h", "", 401), BeatOutcome.REFUSED, BeatOutcome.REFUSED),
        (PeerRejected("h", "", 403), BeatOutcome.REFUSED, BeatOutcome.REFUSED),
        (PeerRejected("h", "TLS", word="X"), BeatOutcome.REFUSED, BeatOutcome.REFUSED),
        (PeerRejected("h", "", 429), BeatOutcome.SERVER_ERROR, BeatOutcome.SERVER_ERROR),
        (PeerRejected("h", "", 302), BeatOutcome.SERVER_ERROR, BeatOutcome.SERVER_ERROR),
        (PeerRejected("h", "", 503), BeatOutcome.SERVER_ERROR, BeatOutcome.SERVER_ERROR),
        (PeerNonsense("h", ""), BeatOutcome.SERVER_ERROR, BeatOutcome.SERVER_ERROR),
        (PeerUnreachable("h", ""), BeatOutcome.UNREACHABLE, BeatOutcome.UNREACHABLE),
        (RemsimError(""), BeatOutcome.REFUSED, BeatOutcome.REFUSED),
    ],
)
def test_outcomes(error: RemsimError, for_beat: BeatOutcome, for_registration: BeatOutcome) -> None:
    assert outcome_of(error, True) is for_beat
    assert outcome_of(error, False) is for_registration


def test_codes_are_the_peers_own() -> None:
    assert code_of(PeerRejected("h", "", 503)) == "HTTP 503"
    assert code_of(PeerUnreachable("h", "", word="ENETUNREACH")) == "ENETUNREACH"
    assert code_of(RemsimError("")) == ""


def test_link_abort_and_close_reach_the_http_client() -> None:
    bench = Bench()
    bench.mesh.rebind(LinkBinding("wwan1"))
    bench.mesh.abort()
    bench.mesh.close()
    assert bench.http.links == [LinkBinding("wwan1")]
    assert bench.http.ended == ["abort", "close"]
