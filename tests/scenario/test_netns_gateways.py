# SPDX-License-Identifier: GPL-2.0-or-later
"""The same routing over Ethernet-like modem links, where packets need a gateway and neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remsim.model import Role
from remsim.routing.apply import Kernel
from remsim.routing.plan import RoutingSettings, make_plan, release_plan
from remsim_lab.network.addresses import ORCHESTRATOR, ORCHESTRATOR6, WEBSITE
from remsim_lab.network.topology import Topology
from scenario.router_ns import ethernet_link, send, until, with_payload

pytestmark = pytest.mark.netns

SETTINGS = RoutingSettings()
BOTH = (ethernet_link(Role.PRIMARY), ethernet_link(Role.IOT))


@pytest.fixture
def net() -> Iterator[Topology]:
    with Topology("ethernet", has_gateways=True) as network:
        yield network


def apply(net: Topology, control: Role | None) -> int:
    plan = make_plan(SETTINGS, BOTH, control)
    return net.router.call(lambda: Kernel().apply(plan).count)


@pytest.mark.parametrize("server", [ORCHESTRATOR, ORCHESTRATOR6])
def test_marked_traffic_finds_the_gateway_of_the_control_path(net: Topology, server: str) -> None:
    with net.capture(Role.PRIMARY) as primary, net.capture(Role.IOT) as iot:
        apply(net, Role.IOT)
        assert apply(net, Role.IOT) == 0
        send(net, server, b"one", mark=SETTINGS.marks.control)
        until(lambda: with_payload(iot, b"one"), "the packet on wwan1")
        apply(net, Role.PRIMARY)
        send(net, server, b"two", mark=SETTINGS.marks.control)
        until(lambda: with_payload(primary, b"two"), "the packet on wwan0")


def test_the_lan_stays_off_the_iot_link_when_the_primary_is_cut(net: Topology) -> None:
    apply(net, Role.IOT)
    with net.capture(Role.IOT) as iot, net.lan_traffic(50.0) as lan:
        until(lambda: lan.count.answered > 5, "answers over wwan0")
        net.interface_down(Role.PRIMARY)
        net.interface_down(Role.IOT)
        net.interface_up(Role.IOT)
        apply(net, Role.IOT)
        begun = lan.count.sent
        until(lambda: lan.count.sent > begun + 20, "more LAN traffic")
        send(net, ORCHESTRATOR, b"beat", mark=SETTINGS.marks.control)
        until(lambda: with_payload(iot, b"beat"), "the beat on wwan1")
        foreign = {each.destination for each in iot.sent() if each.protocol != "icmpv6"}
        assert foreign == {ORCHESTRATOR}
        assert not iot.sent(destination=WEBSITE)


def test_release_hands_back_defaults_with_their_gateways(net: Topology) -> None:
    before = net.router.run(["ip", "-4", "route"]).stdout
    apply(net, Role.IOT)
    net.router.call(lambda: Kernel().apply(release_plan(SETTINGS, BOTH)))
    after = net.router.run(["ip", "-4", "route"]).stdout.replace(" onlink", "")
    assert sorted(map(str.split, after.splitlines())) == sorted(map(str.split, before.splitlines()))


def test_a_cut_and_silence_are_what_they_say(net: Topology) -> None:
    carrier = net.carrier(Role.IOT)
    ping = ["ping", "-c", "1", "-W", "1", "-I", "wwan1", "1.1.1.1"]
    net.router.run(ping)
    carrier.silence("down")
    assert net.router.run(ping, check=False).returncode != 0
    carrier.well()
    net.router.run(ping)
    carrier.cut()
    assert "NO-CARRIER" in net.router.run(["ip", "link", "show", "wwan1"]).stdout
    carrier.restore()
    until(lambda: net.router.run(ping, check=False).returncode == 0, "the link back")
    carrier.unplug()
    net.replug(Role.IOT)
    until(lambda: net.router.run(ping, check=False).returncode == 0, "the device back")
