# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's other side in words, for `remsim-lab status` and `remsim-lab gpio`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from remsim.model import Role
from remsim_lab.labconfig import LINE_OFFSETS

if TYPE_CHECKING:
    from remsim_lab.lab import Lab


def status_lines(lab: Lab) -> Iterator[str]:
    yield f"speed      {lab.speed:g} lab seconds per second"
    for target, kind in lab.broken.items():
        yield f"broken     {target}: {kind}"
    for service in lab.services:
        pid = service.pid
        state = f"pid {pid}" if pid is not None else "not running"
        yield f"{service.program.name:<10} {state}, started {service.starts} times"
    for role in Role:
        yield f"{role.value:<10} {', '.join(_modem_words(lab, role))}"
    yield from _ionmesh_lines(lab)
    if lab.has_remote_sim:
        yield f"SIM bank   {lab.bank_side.words}"
        yield f"SIM slot   {lab.router_side.slot.words}"


def _modem_words(lab: Lab, role: Role) -> Iterator[str]:
    yield lab.modem(role).words
    if lab.net is not None:
        carrier = lab.net.carrier(role)
        device = carrier.addresses.device
        if not carrier.is_plugged:
            yield f"{device} unplugged"
        else:
            yield f"{device} {'has a carrier' if carrier.has_carrier else 'without carrier'}"
        up, down = carrier.counts("up"), carrier.counts("down")
        yield f"{up.passed} packets up, {down.passed} down"


def _ionmesh_lines(lab: Lab) -> Iterator[str]:
    state = lab.mesh.state()
    fault = f"fault {state['fault']}, " if state["fault"] else ""
    yield f"ionmesh    {fault}port {state['port']}, {state['requests']} requests"
    for client in state["clients"]:
        left = state["grace_s"] - client["silent_s"]
        yield (
            f"           {client['client_id']}: bank {client['bank_id']} slot {client['slot_id']}, "
            f"{client['beats']} heartbeats, silent for {client['silent_s']:.0f} s, "
            f"grace left {left:.0f} s"
        )
    if not state["clients"]:
        yield "           nobody is registered"


def line_lines(lab: Lab, edges_shown: int) -> Iterator[str]:
    """Raw levels, and the newest edges with their age in real seconds."""
    for name, offset in LINE_OFFSETS.items():
        yield f"gpiochip0:{offset} {name:<14} {'high' if lab.board.level(name) else 'low'}"
    now = time.monotonic()
    for edge in lab.board.edges[-edges_shown:]:
        yield f"{now - edge.at:8.1f} s ago  {edge.name} {'high' if edge.level else 'low'}"
