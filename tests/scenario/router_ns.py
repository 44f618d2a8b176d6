# SPDX-License-Identifier: GPL-2.0-or-later
"""What the namespace tests share: links as the watcher sees them, packets to send, waiting."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from remsim.clock import SystemClock
from remsim.events import Event
from remsim.model import LinkObservation, Role
from remsim.routing.plan import RoutingSettings
from remsim.routing.worker import RoutingWorker
from remsim_lab.network.addresses import LINKS
from remsim_lab.network.capture import Capture
from remsim_lab.network.packets import Packet
from remsim_lab.network.topology import Topology

LIMIT_S = 10.0  # of every wait; each takes milliseconds
POLL_S = 0.02
SO_MARK = 36  # asm-generic/socket.h


def link(role: Role) -> LinkObservation:
    """The link as the lab's carrier hands it out."""
    given = LINKS[role]
    return LinkObservation(
        role,
        0.0,
        given.device,
        given.device,
        True,
        (given.address, given.address6),
        (),
        (given.dns_server,),
    )


BOTH = (link(Role.PRIMARY), link(Role.IOT))
IOT_LOST = (BOTH[0], replace(BOTH[1], is_up=False, addresses=()))


def ethernet_link(role: Role) -> LinkObservation:
    """The same with gateways, as RNDIS and NCM modems have them."""
    return replace(link(role), gateways=(LINKS[role].gateway, LINKS[role].gateway6))


def until(wanted: Callable[[], object], what: str) -> None:
    """Wait for something, with an end."""
    end = time.monotonic() + LIMIT_S
    pause = threading.Event()
    while not wanted():
        assert time.monotonic() < end, f"not in time: {what}"
        pause.wait(POLL_S)


def send(
    net: Topology, to: str, payload: bytes, *, mark: int = 0, device: str | None = None
) -> OSError | None:
    """One UDP packet from the router, to port 9; the kernel's refusal, if it refuses."""

    def inside() -> OSError | None:
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            if mark:
                sender.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
            if device is not None:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            try:
                sender.sendto(payload, (to, 9))
            except OSError as error:
                return error
        return None

    return net.router.call(inside)


def with_payload(capture: Capture, payload: bytes) -> tuple[Packet, ...]:
    """Packets that left the router with exactly this content."""
    return tuple(each for each in capture.sent() if each.payload == payload)


def wakeups_within(thread_name: str, window_s: float) -> int:
    """How often the kernel put this thread to work in the window (proc(5), status)."""
    (thread,) = [each for each in threading.enumerate() if each.name == thread_name]
    status = Path(f"/proc/self/task/{thread.native_id}/status")

    def switches() -> int:
        words = status.read_text().split("voluntary_ctxt_switches:")[1].split()
        return int(words[0])

    before = switches()
    threading.Event().wait(window_s)
    return switches() - before


@contextmanager
def routing(
    net: Topology, settings: RoutingSettings
) -> Iterator[tuple[RoutingWorker, queue.Queue[Event]]]:
    """A routing worker in the router, and what it posts. At the end it detaches."""
    events: queue.Queue[Event] = queue.Queue()
    with net.router.entered():
        worker = RoutingWorker(settings, events.put, SystemClock())
        worker.start()
    try:
        yield worker, events
    finally:
        worker.stop(LIMIT_S)
