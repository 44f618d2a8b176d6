# SPDX-License-Identifier: GPL-2.0-or-later
"""What a capture proves: which requests left by a link and when, and which packets may not.

Reads packets off the wire only; never asks the product. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remsim_lab.network.capture import Captured
from remsim_lab.network.packets import Packet

API = "/api/backend/v1/remsim/"  # IonMesh's REST base
_METHODS = (b"GET ", b"POST ", b"DELETE ")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request that left the router. `at_s` is wall time; `action` the path's last words."""

    at_s: float
    method: str
    action: str
    destination: str


def requests_sent(captured: Iterable[Captured]) -> tuple[Request, ...]:
    """Every request line that left the router, retransmissions counted once."""
    found: list[Request] = []
    seen: set[tuple[str, int]] = set()
    for each in captured:
        packet = each.packet
        if not each.outbound or not packet.payload.startswith(_METHODS):
            continue
        key = (packet.flow, packet.sequence)
        request = _request(each)
        if request is not None and key not in seen:
            found.append(request)
        seen.add(key)
    return tuple(found)


def _request(captured: Captured) -> Request | None:
    line = captured.packet.payload.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
    if len(line) != 3:
        return None
    method, path, _ = line
    action = path.removeprefix(API).partition("?")[0]
    return Request(captured.at_s, method, action, captured.packet.destination)


def beats(requests: Iterable[Request]) -> tuple[float, ...]:
    """Times of the heartbeats among the requests."""
    return tuple(each.at_s for each in requests if each.action == "heartbeat")


def sent_but(captured: Iterable[Captured], is_allowed: Callable[[Packet], bool]) -> list[str]:
    """Flows of packets that left by the link without being allowed there, each once."""
    foreign = (
        each.packet.flow for each in captured if each.outbound and not is_allowed(each.packet)
    )
    return list(dict.fromkeys(foreign))


def traffic_bytes(captured: Iterable[Captured]) -> tuple[int, int]:
    """Bytes at IP level, up and down."""
    up = down = 0
    for each in captured:
        if each.outbound:
            up += each.packet.size_bytes
        else:
            down += each.packet.size_bytes
    return up, down
