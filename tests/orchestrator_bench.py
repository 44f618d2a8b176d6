# SPDX-License-Identifier: GPL-2.0-or-later
"""What the orchestrator tests share: the stand-in and a worker on loopback, and the events it
posts.
"""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from remsim.clock import SystemClock
from remsim.events import (
    BeatDone,
    BeatReport,
    Event,
    Register,
    RegisterDone,
    SendBeat,
    Unregister,
    UnregisterDone,
)
from remsim.model import LinkObservation, Role
from remsim.orchestrator.api import OrchestratorSettings
from remsim.orchestrator.worker import OrchestratorWorker
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_bank import Bank, make_slots

E = TypeVar("E")

LOOPBACK = LinkObservation(Role.IOT, 1.0, "lo", "lo", True, ("127.0.0.1/8",))
REPORT = BeatReport("active", 60, signal_dbm=-75)
TIMEOUT_S = 5.0  # nothing on loopback takes so long; a test that gets there has failed
SHORT_S = 0.4  # for what has to end with its deadline


class Router:
    """One link's worker on loopback. `client_id` is its name at the orchestrator."""

    def __init__(self, port: int, client_id: str = "router1-slot0", **settings: Any) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.settings = OrchestratorSettings(
            **{"hosts": ("127.0.0.1",), "client_id": client_id, "port": port, **settings}
        )
        self.worker = OrchestratorWorker(Role.IOT, self.settings, 0, SystemClock(), self.events.put)
        self.worker.set_link(LOOPBACK)
        self._id = 0

    def beat(self, timeout_s: float = TIMEOUT_S, report: BeatReport = REPORT) -> BeatDone:
        return self._do(BeatDone, SendBeat(self._next(), Role.IOT, report, timeout_s))

    def register(self, timeout_s: float = TIMEOUT_S) -> RegisterDone:
        return self._do(RegisterDone, Register(self._next(), Role.IOT, timeout_s))

    def unregister(self, timeout_s: float = TIMEOUT_S) -> UnregisterDone:
        return self._do(UnregisterDone, Unregister(self._next(), Role.IOT, timeout_s))

    def _next(self) -> int:
        self._id += 1
        return self._id

    def _do(self, kind: type[E], order: SendBeat | Register | Unregister) -> E:
        self.worker.submit(order)
        event = self.events.get(timeout=TIMEOUT_S * 2)
        assert isinstance(event, kind)
        assert getattr(event, "id", None) == order.id
        return event


def make_mesh(
    tls: ssl.SSLContext | None = None, keys: dict[int, str | None] | None = None
) -> IonMesh:
    clock = SystemClock()
    mesh = IonMesh(Bank(clock, make_slots(1, 4), keys or {1: None}), clock, tls=tls)
    mesh.behaviour = replace(mesh.behaviour, drip_s=0.02)
    return mesh


@contextmanager
def running(mesh: IonMesh) -> Iterator[IonMesh]:
    mesh.start()
    try:
        yield mesh
    finally:
        mesh.restore()
        mesh.stop()


@contextmanager
def router(mesh: IonMesh, **settings: Any) -> Iterator[Router]:
    made = Router(mesh.port, **settings)
    made.worker.start()
    try:
        yield made
    finally:
        made.worker.stop(TIMEOUT_S)
