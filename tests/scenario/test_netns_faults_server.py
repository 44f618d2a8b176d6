# SPDX-License-Identifier: GPL-2.0-or-later
"""The orchestrator or the names misbehave over working links: no modem is touched, and the
assignment is regained without help.

Judged by the captures of both links, the bank's book and the GPIO edges.
"""

from __future__ import annotations

import pytest

from remsim.model import Role
from remsim_lab.film import Film
from remsim_lab.lab import Lab
from remsim_lab.network import addresses
from scenario.lab_hands import (
    INTERVAL_S,
    IOT,
    configure,
    edges,
    expect,
    nothing_moved,
    quiet,
    requests,
    ubus,
    watch,
)

pytestmark = pytest.mark.netns

LONGEST_PATIENCE_S = 200.0  # longer than the patience of both reset rules, 60 and 180 s
OUTAGE_S = 65.0  # longer than the shorter one
REFUSED_RETRY_S = 72.0  # a registration that was refused, with its jitter
# What a receive window lets through before the answer is given up, per attempt.
HUGE_LIMIT_BYTES = 400_000


def answered(lab: Lab, since: int) -> bool:
    return any(each["status"] == 200 for each in lab.mesh.requests[since:])


def received_bytes(film: Film) -> int:
    return sum(
        each.packet.size_bytes
        for role in Role
        for each in film.captured(role)
        if not each.outbound and each.packet.source == addresses.ORCHESTRATOR
    )


def mended(lab: Lab, film: Film, target: str) -> None:
    """The next answered request comes by itself."""
    count = len(lab.mesh.requests)
    lab.restore(target, quiet)
    expect(film, REFUSED_RETRY_S + INTERVAL_S, lambda: answered(lab, count), "an answer")


@pytest.mark.parametrize("kind", ["500", "nonsense", "slow", "down"])
def test_a_server_out_of_order_is_asked_again_over_both_links(
    lab: Lab, film: Film, kind: str
) -> None:
    lab.fail("ionmesh", kind, quiet)
    watch(film, OUTAGE_S)
    if kind == "down":
        syns = {role: _connections(film, role) for role in Role}
        assert min(syns.values()) >= 2, syns
    else:
        assert min(len(film.beats(role)) for role in Role) >= 2
    mended(lab, film, "ionmesh")
    assert not edges(film)


def _connections(film: Film, role: Role) -> int:
    """Connections that left for the orchestrator."""
    sent = (each.packet for each in film.captured(role) if each.outbound)
    return len({p.flow for p in sent if (p.destination, p.dport) == (addresses.ORCHESTRATOR, 5000)})


def test_a_server_silent_over_working_links_never_resets_a_modem(lab: Lab, film: Film) -> None:
    lab.fail("ionmesh", "silent", quiet)
    watch(film, LONGEST_PATIENCE_S)
    assert min(len(film.beats(role)) for role in Role) >= 1, "both links are tried"
    mended(lab, film, "ionmesh")
    assert not edges(film)
    probes = [
        each.packet
        for each in film.captured(IOT)
        if each.outbound and each.packet.destination in addresses.PROBE_TARGETS
    ]
    assert probes, "unrelated targets were asked over the silent link"


def test_an_answer_of_10_mb_is_given_up_after_a_window(lab: Lab, film: Film) -> None:
    lab.fail("ionmesh", "huge", quiet)
    watch(film, OUTAGE_S)
    tried = len(requests(film, "heartbeat"))
    assert tried >= 3
    assert received_bytes(film) < tried * HUGE_LIMIT_BYTES
    mended(lab, film, "ionmesh")
    assert not edges(film)


@pytest.mark.parametrize("kind", ["404", "forget"])
def test_a_server_that_knows_nobody_gets_a_registration(lab: Lab, film: Film, kind: str) -> None:
    lab.fail("ionmesh", kind, quiet)
    expect(film, 3 * INTERVAL_S, lambda: requests(film, "register"), "a registration")
    mended(lab, film, "ionmesh")
    expect(film, 3 * INTERVAL_S, lambda: lab.mesh.bank.clients(), "a new assignment")
    registered = film.now_s
    expect(film, 3 * INTERVAL_S, lambda: film.beats(IOT)[-1:] > [registered], "heartbeats again")
    assert not edges(film)


def test_names_that_cannot_be_asked_leave_the_last_good_address(lab: Lab, film: Film) -> None:
    lab.fail("dns", "failing", quiet)
    asked = len(lab.network.dns.asked)
    for _ in range(5):  # until the name's time to live is over, and once more
        lab.mesh.drop_connections()
        watch(film, INTERVAL_S)
    assert len(lab.network.dns.asked) > asked, "the name was asked again meanwhile"
    assert nothing_moved(film)


def test_a_command_of_the_orchestrator_runs_once_and_only_if_allowed(lab: Lab, film: Film) -> None:
    reset = {"id": "c-1", "name": "reset", "arguments": {"modem": "modem1"}}
    lab.mesh.add_command(reset)
    expect(film, 3 * INTERVAL_S, lambda: film.beats(IOT)[1:], "two beats")
    assert not edges(film), "nothing is allowed by default"
    configure(lab, ionmesh__allow_commands=["reset"])
    for number in ("c-1", "c-2", "c-2"):
        lab.mesh.add_command({**reset, "id": number})
        count = len(film.beats(IOT))
        expect(film, 3 * INTERVAL_S, lambda n=count: film.beats(IOT)[n + 1 :], "two more beats")
    assert list(edges(film)) == ["modem1_reset"]
    assert [level for _, level in film.edges("modem1_reset")] == [0, 1], "one pulse"
    told = [each["text"] for each in ubus(lab, "events")["events"] if each["kind"] == "audit"]
    assert any("refused" in text for text in told)
    assert any("is job" in text for text in told)
    configure(lab, ionmesh__allow_commands=[])
