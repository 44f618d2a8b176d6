# SPDX-License-Identifier: GPL-2.0-or-later
"""The link watcher in a namespace: carrier, addresses, counters, vanishing devices as they are."""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from remsim.clock import Deadline, SystemClock
from remsim.command import Output, run
from remsim.errors import BusError, DeviceError
from remsim.events import Event, LinkSeen
from remsim.link import LinkWatcher
from remsim.model import LinkObservation, Role
from remsim.netifd import InterfaceControl, Netifd
from remsim.paths import Paths
from remsim_lab.network.addresses import WEBSITE
from remsim_lab.network.links import setup_of
from remsim_lab.network.netifd import Interface
from remsim_lab.network.topology import Topology
from remsim_lab.ubus.background import BackgroundBroker
from scenario.router_ns import LIMIT_S, send, until, wakeups_within

pytestmark = pytest.mark.netns

PYTHON = Path(__file__).parents[2] / "python"
NAMES = ((Role.PRIMARY, "wwan0"), (Role.IOT, "wwan1"))
Seen = Callable[[Role, Callable[[LinkObservation], bool]], LinkObservation]


def no_netifd(argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
    """A router whose interfaces somebody else configures."""
    if argv[0] == "ubus":
        raise DeviceError("ubus", "cannot be started: No such file or directory")
    return run(argv, stdin, timeout_s)


@pytest.fixture
def net() -> Iterator[Topology]:
    with Topology("link") as network:
        yield network


@contextmanager
def watching(
    net: Topology,
    names: Sequence[tuple[Role, str]] = NAMES,
    runner: Callable[[Sequence[str], str, float], Output] = no_netifd,
) -> Iterator[tuple[LinkWatcher, Seen]]:
    events: queue.Queue[Event] = queue.Queue()
    watcher = LinkWatcher(names, events.put, SystemClock(), Netifd(Paths(), runner), runner)
    with net.router.entered():
        watcher.start()

    def seen(role: Role, wanted: Callable[[LinkObservation], bool]) -> LinkObservation:
        while True:
            event = events.get(timeout=LIMIT_S)
            assert isinstance(event, LinkSeen)
            if event.observation.role is role and wanted(event.observation):
                return event.observation

    try:
        yield watcher, seen
    finally:
        watcher.stop(LIMIT_S)


def test_both_links_are_seen_at_once_with_their_addresses(net: Topology) -> None:
    with watching(net) as (_, seen):
        primary = seen(Role.PRIMARY, lambda link: link.is_usable)
        assert primary.device == "wwan0"
        assert set(primary.addresses) == {"10.64.1.2/30", "2001:db8:64::2/64"}
        assert seen(Role.IOT, lambda link: link.is_usable).gateways == ()


def test_a_cut_a_vanished_device_and_their_return_are_seen(net: Topology) -> None:
    with watching(net) as (_, seen):
        seen(Role.IOT, lambda link: link.is_usable)
        net.carrier(Role.IOT).cut()
        assert seen(Role.IOT, lambda link: not link.is_up).device == "wwan1"
        net.carrier(Role.IOT).restore()
        seen(Role.IOT, lambda link: link.is_usable)
        net.carrier(Role.IOT).unplug()
        gone = seen(Role.IOT, lambda link: not link.is_up)
        assert (gone.device, gone.addresses) == ("wwan1", ())
        net.replug(Role.IOT)
        seen(Role.IOT, lambda link: link.is_usable)


def test_counters_are_the_kernels_and_not_a_reason_to_post(net: Topology) -> None:
    with watching(net) as (watcher, seen):
        before = seen(Role.PRIMARY, lambda link: link.is_usable)
        send(net, WEBSITE, b"x" * 1000)
        after = net.router.call(watcher.observe)[0]
        assert before.tx_bytes is not None
        assert after.tx_bytes is not None
        assert after.tx_bytes >= before.tx_bytes + 1028


def test_a_gateway_is_read_from_the_routes_where_netifd_does_not_know_it(net: Topology) -> None:
    net.router.run(
        ["ip", "route", "add", "default", "via", "10.65.1.1", "dev", "wwan1", "table", "12"]
    )
    with watching(net) as (_, seen):
        assert seen(Role.IOT, lambda link: link.is_usable).gateways == ("10.65.1.1",)


def test_an_interface_that_does_not_exist_is_a_failure_not_a_crash(net: Topology) -> None:
    with watching(net, ((Role.PRIMARY, "nothere"), (Role.IOT, "wwan1"))) as (_, seen):
        failure = seen(Role.PRIMARY, lambda link: link.failure is not None).failure
        assert failure is not None
        assert "nothere" in failure.reason
        seen(Role.IOT, lambda link: link.is_usable)


def test_netifds_logical_name_leads_to_the_device_and_its_dns(net: Topology) -> None:
    interfaces = {
        name: Interface(setup_of(role), 0.0, lambda *_: None)
        for role, name in ((Role.PRIMARY, "modem1"), (Role.IOT, "modem2"))
    }
    for each in interfaces.values():
        each.is_up = True

    def with_netifd(argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        if argv[0] == "ubus":
            dump = [{"interface": name, **each.status()} for name, each in interfaces.items()]
            return Output(0, json.dumps({"interface": dump}), "")
        return run(argv, stdin, timeout_s)

    names = ((Role.PRIMARY, "modem1"), (Role.IOT, "wwan1"))
    with watching(net, names, with_netifd) as (_, seen):
        primary = seen(Role.PRIMARY, lambda link: link.is_usable)
        assert (primary.interface, primary.device) == ("modem1", "wwan0")
        assert primary.dns_servers == ("10.64.0.53",)
        assert seen(Role.IOT, lambda link: link.is_usable).dns_servers == ("10.65.0.53",)


def test_the_ubus_command_takes_an_interface_down_and_up(bus: BackgroundBroker) -> None:
    def with_lab_ubus(argv: Sequence[str], stdin: str, timeout_s: float) -> Output:
        if argv[0] == "ubus":
            options = ("-s", bus.path, *argv[3:])
            python = ("env", f"PYTHONPATH={PYTHON}", sys.executable)
            argv = (*python, "-m", "remsim_lab.ubus.command", *options)
        return run(argv, stdin, timeout_s)

    with Topology("link", 5.0, has_netifd=True) as net:
        net.start_netifd(bus.path)
        netifd = Netifd(Paths(), with_lab_ubus)
        with watching(net, NAMES, with_lab_ubus) as (watcher, seen):
            until(lambda: _knows(netifd), "netifd on the bus")
            watcher.poke()
            found = seen(Role.IOT, lambda link: link.is_usable and link.dns_servers != ())
            assert found.dns_servers == ("10.65.0.53",)
            control = InterfaceControl("wwan1", netifd, with_lab_ubus)
            control.down(Deadline.after(SystemClock(), LIMIT_S))
            seen(Role.IOT, lambda link: not link.is_usable)
            control.up(Deadline.after(SystemClock(), LIMIT_S))
            seen(Role.IOT, lambda link: link.is_usable)


def _knows(netifd: Netifd) -> bool:
    try:
        return netifd.find("wwan1") is not None
    except BusError:
        return False


def test_an_idle_watcher_sleeps(net: Topology) -> None:
    with watching(net) as (_, seen):
        seen(Role.PRIMARY, lambda link: link.is_usable)
        until(lambda: wakeups_within("link", 1.0) <= 1, "a second without work")
