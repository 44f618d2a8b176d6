# SPDX-License-Identifier: GPL-2.0-or-later
"""Routing in namespaces: real rules, real packets, judged by captures of both links."""

from __future__ import annotations

import errno
import queue
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from remsim.clock import SystemClock
from remsim.events import ApplyRoutes, Event, ReleaseRoutes, RoutesDone, RoutesLost
from remsim.model import Role
from remsim.netlink import Waker
from remsim.routing.apply import Kernel
from remsim.routing.names import AllowedNames
from remsim.routing.plan import RoutingMode, RoutingSettings, make_plan, release_plan
from remsim.routing.tool import check
from remsim.routing.worker import NOTICES
from remsim_lab.network.addresses import (
    LINKS,
    ORCHESTRATOR,
    ORCHESTRATOR6,
    REMSIM_SERVER,
    SUPPORT,
    WEBSITE,
)
from remsim_lab.network.capture import Capture
from remsim_lab.network.topology import Topology
from scenario.router_ns import (
    BOTH,
    IOT_LOST,
    LIMIT_S,
    routing,
    send,
    until,
    wakeups_within,
    with_payload,
)

pytestmark = pytest.mark.netns

E = TypeVar("E")

SETTINGS = RoutingSettings()
MARKS = SETTINGS.marks
LISTINGS = (
    ("ip", "rule"),
    ("ip", "-6", "rule"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "-6", "route", "show", "table", "all"),
    ("nft", "list", "ruleset"),
)


@pytest.fixture
def net() -> Iterator[Topology]:
    with Topology("test") as network:
        yield network


def apply(net: Topology, control: Role | None, settings: RoutingSettings = SETTINGS) -> int:
    plan = make_plan(settings, BOTH, control)
    return net.router.call(lambda: Kernel().apply(plan).count)


def listing(net: Topology) -> list[list[str]]:
    """All that the kernel shows of rules, routes and nft, in any order."""
    return [sorted(net.router.run(argv).stdout.splitlines()) for argv in LISTINGS]


def next_of(events: queue.Queue[Event], kind: type[E]) -> E:
    while True:
        event = events.get(timeout=LIMIT_S)
        if isinstance(event, kind):
            return event


def done(events: queue.Queue[Event]) -> RoutesDone:
    return next_of(events, RoutesDone)


def test_marked_traffic_takes_the_control_path_and_follows_its_switch(net: Topology) -> None:
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        apply(net, Role.IOT)
        send(net, ORCHESTRATOR, b"one", mark=MARKS.control)
        until(lambda: with_payload(iot, b"one"), "the marked packet on wwan1")
        apply(net, Role.PRIMARY)
        send(net, ORCHESTRATOR, b"two", mark=MARKS.control)
        until(lambda: with_payload(primary, b"two"), "the marked packet on wwan0")
        assert not with_payload(primary, b"one")
        assert not with_payload(iot, b"two")


@pytest.mark.parametrize("control", [Role.PRIMARY, Role.IOT, None])
def test_each_links_mark_keeps_to_that_link_whatever_the_control_path(
    net: Topology, control: Role | None
) -> None:
    apply(net, control)
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        send(net, ORCHESTRATOR, b"p", mark=MARKS.of(Role.PRIMARY), device="wwan0")
        send(net, ORCHESTRATOR, b"i", mark=MARKS.of(Role.IOT), device="wwan1")
        until(lambda: with_payload(primary, b"p"), "the packet on wwan0")
        until(lambda: with_payload(iot, b"i"), "the packet on wwan1")


def test_ipv6_takes_the_control_path_too(net: Topology) -> None:
    apply(net, Role.IOT)
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        send(net, ORCHESTRATOR6, b"six", mark=MARKS.control)
        until(lambda: with_payload(iot, b"six"), "the packet on wwan1")
        send(net, ORCHESTRATOR6, b"unmarked")
        until(lambda: with_payload(primary, b"unmarked"), "the packet on wwan0")
        assert not with_payload(iot, b"unmarked")


def test_without_a_control_path_marked_traffic_is_unreachable_not_elsewhere(net: Topology) -> None:
    apply(net, None)
    with net.capture(Role.PRIMARY) as primary:
        for address in (ORCHESTRATOR, ORCHESTRATOR6):
            error = send(net, address, b"nowhere", mark=MARKS.control)
            assert error is not None
            assert error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)
        send(net, WEBSITE, b"user")
        until(lambda: with_payload(primary, b"user"), "other traffic on wwan0")
        assert not with_payload(primary, b"nowhere")


def test_a_dead_link_does_not_spill_marked_traffic_onto_the_other(net: Topology) -> None:
    apply(net, Role.IOT)
    net.carrier(Role.IOT).unplug()
    with net.capture(Role.PRIMARY) as primary:
        assert send(net, ORCHESTRATOR, b"spill", mark=MARKS.control) is not None
        send(net, WEBSITE, b"user")
        until(lambda: with_payload(primary, b"user"), "other traffic on wwan0")
        assert not with_payload(primary, b"spill")


def test_unmarked_traffic_never_leaves_by_the_iot_link_even_without_the_primary(
    net: Topology,
) -> None:
    with (
        routing(net, SETTINGS) as (worker, events),
        net.capture(Role.PRIMARY) as primary,
        net.capture(Role.IOT) as iot,
        net.lan_traffic(50.0) as lan,
    ):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        assert done(events).changes > 0
        first = len(iot.sent())
        until(lambda: lan.count.answered > 5, "answers to the LAN over wwan0")
        net.interface_down(Role.PRIMARY)
        net.interface_down(Role.IOT)
        net.interface_up(Role.IOT)  # netifd puts its default route back into main
        begun = lan.count.sent
        for number in range(5):
            send(net, WEBSITE, b"own %d" % number, device="wwan1")
            send(net, ORCHESTRATOR, b"beat %d" % number, mark=MARKS.of(Role.IOT), device="wwan1")
        until(lambda: lan.count.sent > begun + 25, "more LAN traffic")
        net.interface_up(Role.PRIMARY)
        answered = lan.count.answered
        until(lambda: lan.count.answered > answered + 5, "the LAN back on wwan0")
        foreign = [each for each in iot.sent()[first:] if each.destination != ORCHESTRATOR]
        assert foreign == []
        assert len(iot.sent(destination=ORCHESTRATOR)) == 5
        assert primary.sent(destination=WEBSITE)


def test_own_unmarked_traffic_with_a_default_route_over_the_iot_link_is_dropped(
    net: Topology,
) -> None:
    apply(net, Role.IOT)
    net.router.run(["ip", "route", "replace", "default", "dev", "wwan1", "metric", "1"])
    with net.capture(Role.IOT) as iot:
        send(net, WEBSITE, b"stray")
        send(net, ORCHESTRATOR, b"own", mark=MARKS.of(Role.IOT))
        until(lambda: with_payload(iot, b"own"), "the own packet")
        assert not with_payload(iot, b"stray")


def test_allowed_hosts_leave_by_the_iot_link_and_the_lan_does_not_follow(net: Topology) -> None:
    settings = replace(SETTINGS, allow=(SUPPORT,))
    apply(net, Role.PRIMARY, settings)
    with net.capture(Role.IOT) as iot:
        send(net, SUPPORT, b"support")
        until(lambda: with_payload(iot, b"support"), "the allowed packet on wwan1")
        net.lan.run(["ping", "-c", "1", "-W", "1", SUPPORT])
        assert {each.payload for each in iot.sent(destination=SUPPORT)} == {b"support"}


def test_an_external_client_is_led_by_its_servers_addresses(net: Topology) -> None:
    settings = replace(SETTINGS, servers=(REMSIM_SERVER,))
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        apply(net, Role.IOT, settings)
        send(net, REMSIM_SERVER, b"client")
        until(lambda: with_payload(iot, b"client"), "the client's packet on wwan1")
        apply(net, Role.PRIMARY, settings)
        send(net, REMSIM_SERVER, b"client")
        until(lambda: with_payload(primary, b"client"), "the client's packet on wwan0")
        send(net, REMSIM_SERVER, b"beat", mark=MARKS.of(Role.IOT), device="wwan1")
        until(lambda: with_payload(iot, b"beat"), "a beat to the same server over wwan1")


def test_a_shared_iot_link_carries_users_when_the_primary_is_gone(net: Topology) -> None:
    apply(net, Role.IOT, replace(SETTINGS, share_iot=True))
    with net.capture(Role.IOT) as iot, net.lan_traffic(50.0):
        net.interface_down(Role.PRIMARY)
        until(lambda: iot.sent(destination=WEBSITE), "user traffic on wwan1")


@pytest.mark.parametrize("strictness", [0, 1, 2])
def test_answers_pass_the_reverse_path_filter_without_the_primary(
    net: Topology, strictness: int
) -> None:
    net.router.run(["sysctl", "-q", "-w", f"net.ipv4.conf.all.rp_filter={strictness}"])
    net.interface_down(Role.PRIMARY)
    apply(net, Role.IOT)
    mark = str(MARKS.of(Role.IOT))
    net.router.run(["ping", "-c", "1", "-W", "1", "-I", "wwan1", "-m", mark, "1.1.1.1"])


def test_the_lan_still_reaches_the_router_at_a_links_address(net: Topology) -> None:
    apply(net, Role.IOT)
    for role in Role:
        address = LINKS[role].address.partition("/")[0]
        net.lan.run(["ping", "-c", "1", "-W", "1", address])


def test_static_mode_leads_bound_sockets_over_both_links(net: Topology) -> None:
    settings = replace(SETTINGS, mode=RoutingMode.STATIC, servers=(ORCHESTRATOR,))
    apply(net, Role.IOT, settings)
    assert apply(net, Role.IOT, settings) == 0
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        send(net, ORCHESTRATOR, b"plain")
        send(net, ORCHESTRATOR, b"primary", device="wwan0")
        until(lambda: with_payload(iot, b"plain"), "the packet on the control link")
        until(lambda: with_payload(primary, b"primary"), "the bound packet on the other")


@pytest.mark.parametrize(
    "flush",
    [
        ("ip", "rule", "flush"),
        ("ip", "-6", "rule", "flush"),
        ("ip", "route", "flush", "table", "10"),
        ("nft", "flush", "ruleset"),
        ("nft", "delete", "chain", "inet", "remsim", "forward"),
    ],
    ids=" ".join,
)
def test_what_others_flush_is_put_back_and_told(net: Topology, flush: tuple[str, ...]) -> None:
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        if flush[-2:] == ("remsim", "forward"):
            net.router.run(["nft", "flush", "chain", "inet", "remsim", "forward"])
        net.router.run(flush)
        assert next_of(events, RoutesLost).reason
        assert net.router.call(lambda: check(SETTINGS, BOTH, Role.IOT)) == ()


@pytest.mark.parametrize(
    "addition",
    [
        ("ip", "rule", "add", "priority", "50", "lookup", "10", "protocol", "82"),
        ("ip", "route", "add", "default", "dev", "wwan1", "metric", "7"),
        ("ip", "-6", "route", "add", "default", "dev", "wwan1", "metric", "7"),
    ],
    ids=" ".join,
)
def test_what_others_add_is_taken_away_again_without_alarm(
    net: Topology, addition: tuple[str, ...]
) -> None:
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        net.router.run(addition)
        until(lambda: net.router.call(lambda: check(SETTINGS, BOTH, Role.IOT)) == (), "its end")
        assert events.empty()


def test_an_allowed_name_counts_as_soon_as_it_is_resolved(net: Topology) -> None:
    settings = replace(SETTINGS, allow=("support.example.com",))
    with routing(net, settings) as (worker, events), net.capture(Role.IOT) as iot:
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        names = AllowedNames(settings.allow, lambda _: (SUPPORT,), worker.resolved, SystemClock())
        names.start()
        until(lambda: _reaches(net, iot), "support traffic on wwan1")
        names.stop(LIMIT_S)


def _reaches(net: Topology, iot: Capture) -> bool:
    send(net, SUPPORT, b"support")
    return bool(with_payload(iot, b"support"))


def test_a_firewall_reload_leaves_the_protection_alone(net: Topology) -> None:
    apply(net, Role.IOT)
    net.reload_firewall()
    assert apply(net, Role.IOT) == 0


def test_a_restart_changes_nothing_in_the_kernel(net: Topology) -> None:
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        assert done(events).changes > 0
    before = listing(net)
    waker = Waker("monitor", SystemClock(), NOTICES, has_nft=True)
    net.router.call(waker.open)
    try:
        with routing(net, SETTINGS) as (worker, events):
            worker.submit(ApplyRoutes(2, Role.IOT, BOTH))
            assert done(events) == RoutesDone(2, 0)
        assert not waker.wait(0.1), "the kernel announced a change"
    finally:
        waker.close()
    assert listing(net) == before


def test_release_gives_the_tables_back_as_they_were(net: Topology) -> None:
    before = listing(net)
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        assert listing(net) != before
        worker.submit(ReleaseRoutes(2))
        assert done(events).failure is None
    assert listing(net) == before


def test_release_hands_back_defaults_with_the_configured_metrics(net: Topology) -> None:
    primary = replace(SETTINGS.primary, metric=11)
    settings = replace(SETTINGS, primary=primary)
    apply(net, Role.IOT, settings)
    net.router.call(lambda: Kernel().apply(release_plan(settings, BOTH)))
    defaults = net.router.run(["ip", "route", "show", "default"]).stdout
    assert "dev wwan0 proto static scope link metric 11" in defaults
    assert "dev wwan1 proto static scope link metric 200" in defaults


def test_mode_none_takes_everything_away_at_once(net: Topology) -> None:
    before = listing(net)
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        worker.configure(replace(SETTINGS, mode=RoutingMode.NONE))
        worker.submit(ApplyRoutes(2, Role.IOT, BOTH))
        assert done(events) == RoutesDone(2, 0)
    assert listing(net) == before


def test_a_link_that_goes_and_comes_back_is_routed_again_without_an_order(net: Topology) -> None:
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        net.carrier(Role.IOT).unplug()
        net.replug(Role.IOT)
        until(
            lambda: net.router.call(lambda: check(SETTINGS, BOTH, Role.IOT)) == (),
            "the tables of the link that came back",
        )


def test_a_lost_link_is_left_to_the_next_order(net: Topology) -> None:
    apply(net, Role.IOT)
    net.carrier(Role.IOT).unplug()
    plan = make_plan(SETTINGS, IOT_LOST, Role.PRIMARY)
    assert net.router.call(lambda: Kernel().apply(plan).count) > 0
    with net.capture(Role.PRIMARY) as primary:
        send(net, ORCHESTRATOR, b"beat", mark=MARKS.control)
        until(lambda: with_payload(primary, b"beat"), "the beat on wwan0")


def test_a_kernel_that_refuses_is_told_with_its_words(net: Topology) -> None:
    wrong = (BOTH[0], replace(BOTH[1], gateways=("10.65.1.2",)))  # its own address
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, wrong))
        failure = done(events).failure
    assert failure is not None
    assert "did not take" in failure.reason
    assert "ip:" in failure.reason


def test_an_idle_worker_sleeps(net: Topology) -> None:
    with routing(net, SETTINGS) as (worker, events):
        worker.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done(events)
        until(lambda: wakeups_within("routing", 1.0) <= 1, "a second without work")
