# SPDX-License-Identifier: GPL-2.0-or-later
"""A modem on a SIM of the bank: it attaches, keeps its SIM while the IoT link is dead, and goes
back to its local one.

Judged by the captures, the GPIO lines and the modem's own SIM contacts.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from remsim.model import Role
from remsim_lab.desk import LabError
from remsim_lab.film import Film
from remsim_lab.judgement import Judgement, tell_nobody
from remsim_lab.lab import Lab
from remsim_lab.modems.cards import LOCAL_PRIMARY
from remsim_lab.network import addresses
from remsim_lab.network.capture import Captured
from remsim_lab.rspro.remote_slot import STATUS_S

IOT, PRIMARY = Role.IOT, Role.PRIMARY
AUTHENTICATE = bytes.fromhex("0088008122")
SWITCH_LIMIT_S = 300.0  # a radio cycle that does not help, a reset, a boot and an attach
MOVE_LIMIT_S = 120.0
DEAD_S = 240.0  # of the IoT link
BACK_LIMIT_S = 300.0  # the IoT path's hold-down


def remote_sim(lab: Lab, film: Film) -> Iterator[Judgement]:
    _switch(lab, film, "local", LOCAL_PRIMARY[0])
    film.begin()
    yield from _attach(lab, film)
    yield from _lose_iot(lab, film)
    yield from _return(lab, film)


def _attach(lab: Lab, film: Film) -> Iterator[Judgement]:
    holder = lab.mesh.bank.holders()[0].slot
    film.tell(f"IonMesh has assigned bank {holder.bank_id} slot {holder.slot_id}: {holder.iccid}")
    _switch(lab, film, "remote", holder.iccid)
    registered = film.watch(film.now_s + SWITCH_LIMIT_S, lambda: _is_attached(lab))
    core = lab.modem(PRIMARY).device.core
    imsi = core.card.imsi if core.card is not None else "none"
    asked = [each for each in _rspro(film, IOT) if AUTHENTICATE in each.packet.payload]
    accepted = [each.text for each in lab.router_side.slot.steps if "accepted" in each.text]
    yield Judgement(
        bool(asked) and bool(accepted),
        "AUTHENTICATE goes to the bank over wwan1, and the home network takes the answer",
        f"{len(asked)} seen, {accepted[-1] if accepted else 'no answer'}",
    )
    yield Judgement(
        registered and (core.read_iccid, imsi) == (holder.iccid, holder.imsi),
        "modem1 is registered with the bank's SIM",
        f"ICCID {core.read_iccid}, IMSI {imsi}, {'' if core.is_registered else 'not '}registered",
    )
    commands = len(_rspro(film, IOT))
    yield Judgement(
        commands > 200 and not _rspro(film, PRIMARY),
        "its commands cross the IoT link alone",
        f"{commands} packets by wwan1, {len(_rspro(film, PRIMARY))} by wwan0",
    )
    began_s = film.now_s
    film.watch(began_s + MOVE_LIMIT_S, lambda: film.users_answered(PRIMARY, began_s) is not None)
    at_s = film.users_answered(PRIMARY, began_s)
    seen = "never" if at_s is None else f"{at_s:.0f} s after the switch began"
    yield Judgement(at_s is not None, "users' traffic flows by wwan0", seen)


def _lose_iot(lab: Lab, film: Film) -> Iterator[Judgement]:
    """The bank is not told that its connection is dead."""
    began_s, slot = film.now_s, lab.router_side.slot
    before = len(slot.steps)
    film.tell("modem2's link is up and passes nothing any more")
    lab.fail("modem2", "silent", tell_nobody)
    film.watch(began_s + MOVE_LIMIT_S, lambda: _answered(film, PRIMARY, began_s))
    moved = _answered(film, PRIMARY, began_s)
    yield Judgement(moved, "the SIM's connection moves to wwan0", "answers" if moved else "nothing")
    commands = slot.commands
    film.watch(began_s + DEAD_S, lambda: slot.commands >= commands + 2)
    yield Judgement(
        slot.commands >= commands + 2,
        f"the modem's look at its card every {STATUS_S:g} s is answered",
        f"{slot.commands - commands} times since",
    )
    film.tell("modem2's link passes everything again")
    back_s = film.now_s
    lab.restore("modem2", tell_nobody)
    film.watch(back_s + BACK_LIMIT_S, lambda: _answered(film, IOT, back_s))
    back = _answered(film, IOT, back_s)
    yield Judgement(back, "and back to wwan1", "answers" if back else "nothing")
    lines = ("modem1_sim", "modem1_reset", "modem1_power")
    edges = [line for line in lines if any(at > began_s for at, _ in film.edges(line))]
    news = [each.text for each in slot.steps[before:]]
    yield Judgement(
        not edges and not news and _is_attached(lab),
        "modem1 notices nothing and stays attached",
        ", ".join([*edges, *news]) or "no edge, no reset, no start-up",
    )


def _return(lab: Lab, film: Film) -> Iterator[Judgement]:
    film.tell("remsim sim modem1 local")
    _switch(lab, film, "local", LOCAL_PRIMARY[0])
    attached = film.watch(film.now_s + SWITCH_LIMIT_S, lambda: _is_attached(lab))
    core = lab.modem(PRIMARY).device.core
    yield Judgement(
        attached and core.read_iccid == LOCAL_PRIMARY[0],
        "back on its local SIM",
        f"ICCID {core.read_iccid}, {'' if core.is_registered else 'not '}registered",
    )
    film.watch(film.now_s + STATUS_S)
    level = lab.board.level("modem1_sim")
    yield Judgement(not level, "and it stays there", f"SIM switch {'high' if level else 'low'}")


def _switch(lab: Lab, film: Film, source: str, iccid: str) -> None:
    """`remsim sim modem1 SOURCE`, as an operator does it, until the modem has read that card."""
    argv: list[Path | str] = [lab.place.bin / "remsim", "sim", "modem1", source]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    core = lab.modem(PRIMARY).device.core
    film.watch(
        film.now_s + SWITCH_LIMIT_S,
        lambda: running.poll() is not None and core.read_iccid == iccid,
    )
    running.kill()
    said, _ = running.communicate()
    if core.read_iccid != iccid:
        raise LabError(f"remsim sim modem1 {source}: {said.strip()}")


def _is_attached(lab: Lab) -> bool:
    path = ((lab.status() or {}).get("modem1") or {}).get("path") or {}
    return lab.modem(PRIMARY).device.core.is_registered and bool(path.get("up"))


def _rspro(film: Film, role: Role) -> list[Captured]:
    """What went to the bank by this link since the beginning."""
    return [
        each
        for at_s, each in film.captured_since(role, 0.0)
        if each.outbound and each.packet.payload and each.packet.destination == addresses.BANKD
    ]


def _answered(film: Film, role: Role, after_s: float) -> bool:
    """The bank has said something over this link since then."""
    return any(
        not each.outbound and each.packet.payload and each.packet.source == addresses.BANKD
        for _, each in film.captured_since(role, after_s)
    )
