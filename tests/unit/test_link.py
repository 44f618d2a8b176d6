# SPDX-License-Identifier: GPL-2.0-or-later
"""The link watcher's looks: what is posted when, and what `ip` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from remsim.command import Output
from remsim.errors import DeviceError
from remsim.events import Event, LinkSeen
from remsim.link import (
    LOOK_PERIOD_S,
    NETIFD_PERIOD_S,
    POST_PERIOD_S,
    LinkWatcher,
    parse_devices,
    parse_gateways,
)
from remsim.model import Role
from remsim.netifd import Netifd
from remsim.paths import Paths
from remsim_lab.clock import HandClock

# Printed by iproute2 6.1: `ip -j -s addr show`.
WWAN: dict[str, Any] = {
    "ifindex": 3,
    "ifname": "wwan0",
    "flags": ["POINTOPOINT", "MULTICAST", "NOARP", "UP", "LOWER_UP"],
    "mtu": 1500,
    "operstate": "UNKNOWN",
    "link_type": "none",
    "addr_info": [
        {"family": "inet", "local": "10.64.1.2", "prefixlen": 30, "scope": "global"},
        {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
        {"family": "inet6", "local": "2001:db8::2", "prefixlen": 64, "scope": "global"},
        {"family": "inet6", "local": "2001:db8::3", "prefixlen": 64, "scope": "global",
         "tentative": True},
    ],
    "stats64": {"rx": {"bytes": 900, "packets": 1}, "tx": {"bytes": 100, "packets": 1}},
}  # fmt: skip


class FakeRouter:
    """`ip` and `ubus` of a router with one device; both may be changed by the test."""

    def __init__(self) -> None:
        self.devices = [json.loads(json.dumps(WWAN))]
        self.status: dict[str, Any] = {"up": True, "l3_device": "wwan0", "dns-server": ["1.2.3.4"]}
        self.asked = 0
        self.ip_fails = False

    def __call__(self, argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        if argv[0] == "ubus":
            self.asked += 1
            dump = {"interface": [{"interface": "modem1", **self.status}]}
            return Output(0, json.dumps(dump), "")
        if self.ip_fails:
            return Output(1, "", "Cannot open netlink socket")
        return Output(0, json.dumps(self.devices), "")


class Fixture:
    def __init__(self, name: str = "modem1") -> None:
        self.router = FakeRouter()
        self.clock = HandClock()
        self.posted: list[LinkSeen] = []
        self.watcher = LinkWatcher(
            [(Role.PRIMARY, name)],
            self._post,
            self.clock,
            Netifd(Paths(), self.router),
            self.router,
        )

    def _post(self, event: Event) -> None:
        assert isinstance(event, LinkSeen)
        self.posted.append(event)

    def look_after(self, seconds: float) -> int:
        """How many events one look posts, so much later."""
        self.clock.move(seconds)
        before = len(self.posted)
        self.watcher.look()
        return len(self.posted) - before


def test_link_local_and_tentative_addresses_are_left_out() -> None:
    (device,) = parse_devices(json.dumps([WWAN]))
    assert device.addresses == ("10.64.1.2/30", "2001:db8::2/64")
    assert (device.is_up, device.rx_bytes, device.tx_bytes) == (True, 900, 100)


@pytest.mark.parametrize("text", ["", "{", '[{"flags": []}]', "3"])
def test_rubbish_is_a_device_error(text: str) -> None:
    with pytest.raises(DeviceError, match="cannot be understood"):
        parse_devices(text)


def test_gateways_of_one_device_only() -> None:
    text = '[{"dst":"default","gateway":"10.0.0.1","dev":"a"},{"dst":"default","dev":"b"}]'
    assert parse_gateways(text, "a") == ("10.0.0.1",)
    assert parse_gateways(text, "b") == ()
    assert parse_gateways("nonsense", "a") == ()


def test_an_unchanged_link_is_posted_again_only_after_a_while() -> None:
    given = Fixture()
    assert given.look_after(0) == 1
    assert given.look_after(LOOK_PERIOD_S) == 0
    assert given.look_after(POST_PERIOD_S - LOOK_PERIOD_S) == 1


def test_counters_alone_are_no_change() -> None:
    given = Fixture()
    given.look_after(0)
    given.router.devices[0]["stats64"]["rx"]["bytes"] = 5000
    assert given.look_after(LOOK_PERIOD_S) == 0
    assert given.look_after(POST_PERIOD_S) == 1
    assert given.posted[-1].observation.rx_bytes == 5000


def test_a_lost_carrier_is_posted_and_the_devices_name_kept() -> None:
    given = Fixture()
    given.look_after(0)
    given.router.devices[0]["flags"] = ["NO-CARRIER", "POINTOPOINT", "UP"]
    given.router.status = {"up": False}
    assert given.look_after(1) == 1
    seen = given.posted[-1].observation
    assert (seen.is_up, seen.device, seen.dns_servers) == (False, "wwan0", ())


def test_netifd_is_asked_on_changes_a_little_later_again_and_then_rarely() -> None:
    given = Fixture()
    given.look_after(0)
    assert given.router.asked == 1
    given.look_after(0.3)
    assert given.router.asked == 2
    given.look_after(2.5)
    assert given.router.asked == 3
    for _ in range(2):
        given.look_after(LOOK_PERIOD_S)
    assert given.router.asked == 3
    given.look_after(NETIFD_PERIOD_S)
    assert given.router.asked == 4


def test_new_dns_servers_on_the_same_address_are_noticed() -> None:
    given = Fixture()
    given.look_after(0)
    given.look_after(3)
    given.router.status["dns-server"] = ["5.6.7.8"]
    given.look_after(NETIFD_PERIOD_S)
    assert given.posted[-1].observation.dns_servers == ("5.6.7.8",)


def test_an_unknown_name_is_a_failure_that_counts() -> None:
    given = Fixture("nothere")
    given.look_after(0)
    failure = given.posted[-1].observation.failure
    assert failure is not None
    assert (failure.attempt, failure.type) == (1, "device")
    assert given.look_after(LOOK_PERIOD_S) == 0, "the same failure again is no change"


def test_an_ip_that_fails_is_told_and_got_over() -> None:
    given = Fixture()
    given.router.ip_fails = True
    given.look_after(0)
    assert given.posted[-1].observation.failure is not None
    given.router.ip_fails = False
    given.look_after(1)
    assert given.posted[-1].observation.is_usable


def test_a_configured_device_works_where_netifd_calls_it_otherwise() -> None:
    given = Fixture("wwan0")
    given.look_after(0)
    assert given.posted[-1].observation.dns_servers == ("1.2.3.4",)
