# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network itself: its carriers, captures, name server, netifd, and that it cleans up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remsim.model import Role
from remsim.netifd import InterfaceStatus, parse_dump, resolve
from remsim_lab.network.addresses import LINKS, ORCHESTRATOR, WEBSITE
from remsim_lab.network.capture import read, summarise
from remsim_lab.network.namespace import RUN_DIR, Namespace, sweep
from remsim_lab.network.topology import Topology
from remsim_lab.ubus.background import BackgroundBroker
from scenario.router_ns import LIMIT_S, send, until, with_payload

pytestmark = pytest.mark.netns

PYTHON = Path(__file__).parents[2] / "python"
KILLED = """
import sys
from remsim_lab.network.topology import Topology
from remsim_lab.ubus.background import BackgroundBroker
net = Topology("killed").open()
net.servers.popen(["sleep", "1000"])
print(net.router.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def net() -> Iterator[Topology]:
    with Topology("lab") as network:
        yield network


def rtt_ms(net: Topology, device: str) -> float | None:
    """Of one echo over the device; None when it is lost."""
    done = net.router.run(["ping", "-c", "1", "-W", "1", "-I", device, "1.1.1.1"], check=False)
    return None if done.returncode else float(done.stdout.split("time=")[1].split()[0])


def names_in_use() -> set[str]:
    return set(os.listdir(RUN_DIR)) if RUN_DIR.is_dir() else set()


def test_a_closed_network_leaves_nothing() -> None:
    with Topology("gone") as net:
        name = net.router.name
        assert name in names_in_use()
        net.router.popen(["sleep", "1000"])
    assert not {each for each in names_in_use() if each.startswith(name.rpartition(".")[0])}


def test_what_a_killed_lab_left_is_swept_with_its_processes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PYTHON)},
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    servers = Namespace(name.replace(".router", ".servers"))
    (left,) = (pid for pid in servers.pids() if pid != process.pid)
    sweep()
    assert name in names_in_use(), "a living lab was swept"
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT_S)
    sweep()
    assert name not in names_in_use()
    until(lambda: not _runs(left), "the end of the process that was left")


def _runs(pid: int) -> bool:
    try:
        return "sleep" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def test_a_cut_takes_the_carrier_and_silence_only_the_packets(net: Topology) -> None:
    carrier = net.carrier(Role.IOT)
    assert rtt_ms(net, "wwan1") is not None
    carrier.cut()
    assert "NO-CARRIER" in net.router.run(["ip", "link", "show", "wwan1"]).stdout
    carrier.restore()
    assert rtt_ms(net, "wwan1") is not None
    carrier.silence("down")
    assert "NO-CARRIER" not in net.router.run(["ip", "link", "show", "wwan1"]).stdout
    assert rtt_ms(net, "wwan1") is None
    assert carrier.counts("down").silenced > 0
    assert rtt_ms(net, "wwan0") is not None


def test_a_delay_is_shortened_by_the_labs_speed() -> None:
    with Topology("fast", 10.0) as net:
        net.carrier(Role.IOT).delay(500, "up")
        measured = rtt_ms(net, "wwan1")
        assert measured is not None
        assert 50 <= measured < 500


def test_lost_packets_are_the_same_for_the_same_seed() -> None:
    assert _lost(7) == _lost(7)


def _lost(seed: int) -> int:
    with Topology("loss", seed=seed) as net:
        before = net.carrier(Role.PRIMARY).counts("up")
        net.carrier(Role.PRIMARY).lose(0.5, "up")
        for number in range(20):
            send(net, WEBSITE, b"%d" % number)
        counts = net.carrier(Role.PRIMARY).counts
        handled = before.passed + before.lost + 20
        until(lambda: counts("up").passed + counts("up").lost >= handled, "all packets")
        return counts("up").lost


def test_a_rate_limit_spreads_packets(net: Topology) -> None:
    net.carrier(Role.PRIMARY).limit(80_000, "up")  # ten thousand bytes a second
    with net.capture(Role.PRIMARY) as capture:
        started = time.monotonic()
        for _ in range(3):
            send(net, "1.1.1.1", b"x" * 972)
        until(lambda: len(capture.received(protocol="icmp")) >= 3, "answers: port unreachable")
        assert time.monotonic() - started >= 0.25


def test_a_carrier_drops_foreign_sources_and_the_other_carriers_network(net: Topology) -> None:
    carrier = net.carrier(Role.IOT)
    until(lambda: carrier.counts("up").foreign >= 0, "a count")
    before = carrier.counts("up").foreign
    send(net, LINKS[Role.PRIMARY].dns_server, b"to the other carrier", device="wwan1")
    until(lambda: carrier.counts("up").foreign > before, "the foreign packet")


def test_a_capture_is_read_back_and_summed_up(net: Topology, tmp_path: Path) -> None:
    with net.capture(Role.PRIMARY, tmp_path / "link.pcap") as capture:
        for _ in range(3):
            send(net, ORCHESTRATOR, b"beat")
        until(lambda: len(with_payload(capture, b"beat")) == 3, "three packets")
    flows = [each for each in summarise(capture.packets()) if f"{ORCHESTRATOR}:9" in each.flow]
    assert sum(each.packets for each in flows if each.outbound) == 3
    assert sum(each.size_bytes for each in flows if each.outbound) == 3 * 32
    assert sum(1 for _ in read(capture.path)) == len(capture.packets())
    capture.path.write_bytes(capture.path.read_bytes()[:-3])
    assert sum(1 for _ in read(capture.path)) == len(capture.packets())


def test_names_are_answered_by_each_carriers_own_server_only(net: Topology) -> None:
    for role, device in ((Role.PRIMARY, "wwan0"), (Role.IOT, "wwan1")):
        own, other = LINKS[role].dns_server, LINKS[role.other].dns_server
        assert _asked(net, own, device)
        assert not _asked(net, other, device)
    net.dns.names["new.example.com"] = ("www.example.com",)
    assert ("10.64.0.53", "ionmesh.example.com") in net.dns.asked


def _asked(net: Topology, server: str, device: str) -> bool:
    """Whether that server answers a question sent over the device."""
    import socket
    import struct

    name = b"".join(bytes([len(part)]) + part for part in (b"ionmesh", b"example", b"com"))
    query = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!HH", 1, 1)

    def ask() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            asker.settimeout(0.5)
            asker.sendto(query, (server, 53))
            try:
                return socket.inet_aton(ORCHESTRATOR) in asker.recv(512)
            except TimeoutError:
                return False

    return net.router.call(ask)


def test_users_reach_the_website_through_the_router(net: Topology) -> None:
    with net.lan_traffic(50.0) as lan:
        until(lambda: lan.count.answered >= 5, "answers")
    assert lan.count.last_answer_at is not None


def test_netifds_stand_in_follows_orders_carrier_and_device(bus: BackgroundBroker) -> None:
    import ubus

    ubus.connect(bus.path)
    with Topology("netifd", 5.0, has_netifd=True) as net:
        net.start_netifd(bus.path)

        def status(interface: str = "wwan1") -> InterfaceStatus | None:
            try:
                (dump,) = ubus.call("network.interface", "dump", {})
            except RuntimeError:
                return None  # not there yet
            return resolve(parse_dump(json.dumps(dump)), interface)

        def is_up(interface: str = "wwan1") -> bool:
            found = status(interface)
            return found is not None and found.is_up

        until(lambda: is_up("wwan0") and is_up("wwan1"), "both interfaces up")
        found = status()
        assert found is not None
        assert (found.l3_device, found.metric, found.gateways) == ("wwan1", 200, ())
        assert found.addresses == ("10.65.1.2/30", "2001:db8:65::2/64")
        assert found.dns_servers == ("10.65.0.53",)
        ubus.call("network.interface.wwan1", "down", {})
        assert not is_up()
        assert "10.65.1.2" not in net.router.run(["ip", "addr"]).stdout
        ubus.call("network.interface.wwan1", "up", {})
        until(is_up, "the interface up again")
        net.carrier(Role.IOT).cut()
        until(lambda: not is_up(), "the interface down with its carrier")
        net.carrier(Role.IOT).restore()
        until(is_up, "the interface up with its carrier")
        net.carrier(Role.IOT).unplug()
        until(lambda: not is_up(), "the interface down with its device")
        net.carrier(Role.IOT).plug()
        until(is_up, "the interface up with its device")
        net.router.run(["ip", "rule", "add", "priority", "7", "lookup", "main"])
        ubus.call("network", "reload", {})
        assert "7:" not in net.router.run(["ip", "rule"]).stdout.split()
