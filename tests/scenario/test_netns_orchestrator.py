# SPDX-License-Identifier: GPL-2.0-or-later
"""Heartbeats over a chosen link of the lab's network: by name, by mark, and by no other link."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from remsim.clock import SystemClock
from remsim.events import (
    ApplyRoutes,
    BeatDone,
    BeatOutcome,
    BeatReport,
    Event,
    Probe,
    ProbeDone,
    Register,
    RegisterDone,
    RoutesDone,
    SendBeat,
)
from remsim.model import Role
from remsim.net.probe import Prober
from remsim.orchestrator.api import OrchestratorSettings
from remsim.orchestrator.worker import OrchestratorWorker
from remsim.routing.plan import RoutingSettings
from remsim_lab.ionmesh_control import ask
from remsim_lab.network.addresses import ORCHESTRATOR
from remsim_lab.network.packets import Packet
from remsim_lab.network.topology import Topology
from scenario.router_ns import BOTH, LIMIT_S, link, routing

E = TypeVar("E")

pytestmark = pytest.mark.netns

PYTHON = Path(__file__).parents[2] / "python"
HOST = "ionmesh.example.com"
PORT = 5000
TIMEOUT_S = 1.5


class Router:
    """Routes applied for the IoT link, and both links' workers inside the router."""

    def __init__(self, net: Topology, control: str, events: queue.Queue[Event]) -> None:
        self.net = net
        self.control = control
        self.events = events
        self.orchestrators: dict[Role, OrchestratorWorker] = {}
        self.probers: dict[Role, Prober] = {}

    def beat(self, role: Role) -> BeatDone:
        order = SendBeat(1, role, BeatReport("active", 1), TIMEOUT_S)
        self.orchestrators[role].submit(order)
        return self._next(BeatDone)

    def register(self, role: Role) -> RegisterDone:
        self.orchestrators[role].submit(Register(1, role, TIMEOUT_S))
        return self._next(RegisterDone)

    def probe(self, role: Role, target: str, timeout_s: float = TIMEOUT_S) -> ProbeDone:
        self.probers[role].submit(Probe(1, role, target, timeout_s))
        return self._next(ProbeDone)

    def _next(self, kind: type[E]) -> E:
        event = self.events.get(timeout=LIMIT_S)
        assert isinstance(event, kind)
        return event


@contextmanager
def orchestrator(net: Topology, control: str) -> Iterator[None]:
    words = [sys.executable, "-m", "remsim_lab.ionmesh", "--bind", "0.0.0.0", "--port", str(PORT)]
    process = net.servers.popen(
        [*words, "--control", control],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PYTHON)},
    )
    with process:
        try:
            assert "ready" in process.stdout.readline()
            yield
        finally:
            process.terminate()


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    with ExitStack() as stack:
        net = stack.enter_context(Topology("beats"))
        control = str(tmp_path / "control")
        stack.enter_context(orchestrator(net, control))
        settings = RoutingSettings()
        routes, applied = stack.enter_context(routing(net, settings))
        routes.submit(ApplyRoutes(1, Role.IOT, BOTH))
        done = applied.get(timeout=LIMIT_S)
        assert isinstance(done, RoutesDone)
        assert done.failure is None
        made = Router(net, control, queue.Queue())
        for role in Role:
            _start(made, role, settings.marks.of(role), stack)
        yield made


def _start(router: Router, role: Role, mark: int, stack: ExitStack) -> None:
    """Threads begin in the namespace of the one that starts them."""
    clock, post = SystemClock(), router.events.put
    settings = OrchestratorSettings((HOST,), "router1-slot0", PORT)
    beats = OrchestratorWorker(role, settings, mark, clock, post)
    prober = Prober(role, mark, clock, post)
    with router.net.router.entered():
        for worker in (beats, prober):
            worker.set_link(link(role))
            worker.start()
            stack.callback(worker.stop, LIMIT_S)
    router.orchestrators[role] = beats
    router.probers[role] = prober


def beats_in(packets: tuple[Packet, ...]) -> int:
    return sum(b"/remsim/heartbeat" in packet.payload for packet in packets)


@pytest.mark.parametrize("role", list(Role))
def test_beat_leaves_by_its_link_and_no_other(router: Router, role: Role) -> None:
    with router.net.capture(role) as own, router.net.capture(role.other) as other:
        assert router.register(role).assignment is not None
        for _ in range(3):
            assert router.beat(role).outcome is BeatOutcome.ANSWERED
        assert beats_in(own.sent(destination=ORCHESTRATOR)) == 3
        assert other.sent(destination=ORCHESTRATOR) == ()
        assert [packet for packet in other.sent() if packet.dport == 53] == []
        assert [packet for packet in own.sent() if packet.dport == 53] != []


def test_beat_over_the_primary_goes_on_when_the_iot_link_is_cut(router: Router) -> None:
    router.register(Role.IOT)
    router.net.carrier(Role.IOT).cut()
    lost = router.beat(Role.IOT)
    assert lost.outcome is BeatOutcome.UNREACHABLE
    assert router.beat(Role.PRIMARY).outcome is BeatOutcome.ANSWERED


def test_probe_tells_a_living_path_from_a_dead_one(router: Router) -> None:
    assert router.probe(Role.IOT, "8.8.8.8").rtt_ms is not None
    router.net.carrier(Role.IOT).cut()
    assert router.probe(Role.IOT, "8.8.8.8", 0.3).rtt_ms is None
    assert router.probe(Role.PRIMARY, "8.8.8.8").rtt_ms is not None


def test_link_that_comes_back_carries_the_next_beat(router: Router) -> None:
    router.register(Role.IOT)
    router.net.carrier(Role.IOT).cut()
    assert router.beat(Role.IOT).outcome is BeatOutcome.UNREACHABLE
    router.net.carrier(Role.IOT).restore()
    assert router.beat(Role.IOT).outcome is BeatOutcome.ANSWERED
    assert ask(router.control, "state")["clients"][0]["client_id"] == "router1-slot0"
