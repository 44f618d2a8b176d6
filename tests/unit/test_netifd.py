# SPDX-License-Identifier: GPL-2.0-or-later
"""netifd's answers, and what is told to it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from remsim.clock import Deadline
from remsim.command import Output
from remsim.errors import BusError, DeviceTimeout
from remsim.netifd import InterfaceControl, Netifd, parse_dump, resolve
from remsim.paths import Paths
from remsim_lab.clock import HandClock

# In the order of netifd_dump_status() in netifd's ubus.c: raw IP, one with gateways, one down.
DUMP = {
    "interface": [
        {
            "interface": "modem1_4",
            "up": True,
            "pending": False,
            "available": True,
            "autostart": True,
            "dynamic": True,
            "uptime": 131,
            "l3_device": "wwan0",
            "proto": "static",
            "device": "wwan0",
            "updated": ["addresses", "routes"],
            "metric": 100,
            "dns_metric": 0,
            "delegation": True,
            "ipv4-address": [{"address": "10.64.1.2", "mask": 30}],
            "ipv6-address": [],
            "ipv6-prefix": [],
            "ipv6-prefix-assignment": [],
            "route": [
                {"target": "0.0.0.0", "mask": 0, "nexthop": "0.0.0.0", "source": "10.64.1.2/32"}
            ],
            "dns-server": ["10.64.0.53", "2001:db8::53"],
            "dns-search": [],
            "inactive": {"ipv4-address": [], "route": [], "dns-server": []},
            "data": {},
        },
        {
            "interface": "modem2",
            "up": True,
            "l3_device": "usb1",
            "proto": "dhcp",
            "device": "usb1",
            "metric": 200,
            "ipv4-address": [{"address": "192.168.8.100", "mask": 24}],
            "ipv6-address": [{"address": "2001:db8::2", "mask": 64, "preferred": 9, "valid": 9}],
            "route": [
                {"target": "0.0.0.0", "mask": 0, "nexthop": "192.168.8.1", "source": "x/32"},
                {"target": "::", "mask": 0, "nexthop": "fe80::1", "source": "y/64"},
                {"target": "10.0.0.0", "mask": 8, "nexthop": "192.168.8.9", "source": "x/32"},
            ],
            "dns-server": ["192.168.8.1"],
            "data": {"leasetime": 43200},
        },
        {
            "interface": "modem1",
            "up": False,
            "pending": False,
            "available": True,
            "autostart": True,
            "proto": "qmi",
            "device": "wwan0",
            "data": {},
            "errors": [{"subsystem": "qmi", "code": "CALL_FAILED", "data": []}],
        },
    ]
}


class FakeUbus:
    """Answers `ubus call`; remembers the calls."""

    def __init__(self, status: int = 0, out: str = json.dumps(DUMP), err: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.missing: set[str] = set()
        self._output = Output(status, out, err)

    def __call__(self, argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        self.calls.append(tuple(argv))
        if argv[0] == "ubus" and argv[6] in self.missing:
            return Output(4, "", "Command failed: Not found")
        return self._output


def test_a_raw_ip_interface_has_no_gateway() -> None:
    first = parse_dump(json.dumps(DUMP))[0]
    assert (first.l3_device, first.gateways, first.metric) == ("wwan0", (), 100)
    assert first.dns_servers == ("10.64.0.53", "2001:db8::53")


def test_gateways_are_those_of_default_routes_only() -> None:
    second = parse_dump(json.dumps(DUMP))[1]
    assert second.gateways == ("192.168.8.1", "fe80::1")
    assert second.addresses == ("192.168.8.100/24", "2001:db8::2/64")


def test_an_interface_that_is_down_keeps_its_device_and_tells_its_error() -> None:
    third = parse_dump(json.dumps(DUMP))[2]
    assert (third.is_up, third.l3_device, third.device) == (False, None, "wwan0")
    assert third.error == "CALL_FAILED"


def test_a_name_is_logical_first_then_a_device_of_what_is_up() -> None:
    known = parse_dump(json.dumps(DUMP))
    found = {name: resolve(known, name) for name in ("modem1", "wwan0", "usb1", "eth9")}
    assert {name: each and each.interface for name, each in found.items()} == {
        "modem1": "modem1",
        "wwan0": "modem1_4",
        "usb1": "modem2",
        "eth9": None,
    }


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"interface": [{}]}', '{"interface": [1]}'])
def test_rubbish_is_a_bus_error(text: str) -> None:
    with pytest.raises(BusError, match="cannot be understood"):
        parse_dump(text)


def test_the_socket_below_the_root_and_a_time_limit_are_always_given() -> None:
    ubus = FakeUbus()
    Netifd(Paths("/lab"), ubus).dump(3.0)
    assert ubus.calls == [
        (
            "ubus",
            "-s",
            "/lab/var/run/ubus/ubus.sock",
            "-t",
            "3",
            "call",
            "network.interface",
            "dump",
        )
    ]


def test_a_netifd_that_does_not_answer_is_a_bus_error() -> None:
    def hangs(argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        raise DeviceTimeout("ubus", "no answer within 6 s")

    with pytest.raises(BusError, match="no answer"):
        Netifd(Paths(), hangs).dump()
    with pytest.raises(BusError, match="Failed to connect"):
        Netifd(Paths(), FakeUbus(255, "", "Failed to connect to ubus")).dump()


def test_down_and_up_go_to_the_logical_interface_of_a_device() -> None:
    ubus = FakeUbus()
    control = InterfaceControl("usb1", Netifd(Paths(), ubus), ubus)
    control.down(Deadline.after(HandClock(), 5.0))
    control.up(Deadline.after(HandClock(), 5.0))
    assert [call[6:] for call in ubus.calls if "dump" not in call] == [
        ("network.interface.modem2", "down"),
        ("network.interface.modem2", "up"),
    ]


def test_what_netifd_does_not_know_is_set_as_a_link() -> None:
    ubus = FakeUbus()
    ubus.missing = {"network.interface.usb9"}
    InterfaceControl("usb9", Netifd(Paths(), ubus), ubus).down(Deadline.after(HandClock(), 5.0))
    assert ubus.calls[-1] == ("ip", "link", "set", "dev", "usb9", "down")
