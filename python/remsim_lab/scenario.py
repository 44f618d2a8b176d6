# SPDX-License-Identifier: GPL-2.0-or-later
"""S1, S2, S3 in the lab: faults on a time line, a capture on each link, judged by the captures.

Every time is in lab seconds since the fault; at speed 10 a scenario of 300 s takes 30 s. What the
daemon says of itself is asked to begin only (is it registered?), never to judge.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from remsim.model import Role
from remsim_lab.desk import LabError, Say
from remsim_lab.evidence import sent_but
from remsim_lab.film import Film
from remsim_lab.judgement import Judgement, Script
from remsim_lab.judgement import tell_nobody as _nobody
from remsim_lab.lab import BEAT_INTERVAL_S, GRACE_S, IONMESH_PORT, Lab
from remsim_lab.launchers import Place
from remsim_lab.network import addresses
from remsim_lab.network.packets import Packet
from remsim_lab.rspro.server import BANKD_PORT, REST_PORT, RSPRO_PORT
from remsim_lab.scenario_remote import remote_sim

READY_LIMIT_S = 240.0  # from the daemon's start: two modems that were just reset boot this long
# How late a heartbeat may be without counting as late: the main loop turns every 200 ms of real
# time and a beat takes its round trips.
SLACK_REAL_S = 0.8
REMOTE_SIM = "remote-sim"
IOT, PRIMARY = Role.IOT, Role.PRIMARY


def play_alone(name: str, speed: float, say: Say) -> int:
    """In a lab of its own, which is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="remsim-lab-") as directory,
        Lab(Place(Path(directory) / "lab"), speed, say, has_remote_sim=True) as lab,
    ):
        return play(name, lab, say)


def play(name: str, lab: Lab, say: Say) -> int:
    """0 when everything was as expected, else 1."""
    if lab.net is None:
        raise LabError(f"scenarios need namespaces: {lab.why_no_net}")
    if name == REMOTE_SIM and not lab.has_remote_sim:
        raise LabError("this lab has no SIM bank")
    title, script = SCENARIOS[name]
    say(f"{name}: {title}")
    say(f"lab seconds; {lab.speed:g} of them pass in a second")
    lab.restore(None, _nobody)
    with (
        tempfile.TemporaryDirectory(prefix="remsim-capture-") as directory,
        Film(lab, Path(directory), say) as film,
    ):
        film.roll()
        film.begin()
        _wait_until_ready(lab, film)
        film.begin()
        try:
            judgements = list(script(lab, film))
        finally:
            lab.restore(None, _nobody)
    say("expected, and what the captures show:")
    for judgement in judgements:
        say(judgement.line)
    is_fine = all(judgement.is_met for judgement in judgements)
    say(f"{name}: {'as expected' if is_fine else 'NOT as expected'}")
    return 0 if is_fine else 1


def _wait_until_ready(lab: Lab, film: Film) -> None:
    """Registered, control path IoT, primary up, and a first beat on the IoT link captured."""
    film.tell("waiting for the assignment over the IoT link, both paths up")

    def is_ready() -> bool:
        status = lab.status() or {}
        return (
            (status.get("assignment") or {}).get("state") == "active"
            and (status.get("control_path") or {}).get("modem") == IOT.value
            and bool(((status.get("modem1") or {}).get("path") or {}).get("up"))
            and bool(film.beats(IOT))
        )

    if not film.watch(READY_LIMIT_S, is_ready):
        raise LabError("the router did not get ready; see: remsim status, logread")


# --- the scenarios ------------------------------------------------------------------------------


def _s1(lab: Lab, film: Film) -> Iterator[Judgement]:
    """Design section 5: no gap over IoT, user traffic back by itself."""
    film.tell("modem1 loses its signal")
    lab.fail("modem1", "signal", _nobody)
    film.watch(300.0)
    film.tell("modem1 has signal again")
    lab.restore("modem1", _nobody)
    film.watch(600.0, lambda: film.users_answered(PRIMARY, 300.0) is not None)
    film.watch(film.now_s + BEAT_INTERVAL_S)
    yield _no_late_beat(lab, film, "heartbeats by wwan1 without a gap", BEAT_INTERVAL_S, IOT)
    over_primary = [at for at in film.beats(PRIMARY) if at >= 0]
    yield Judgement(not over_primary, "no heartbeat by wwan0", f"{len(over_primary)}")
    yield _assignment_kept(film)
    yield _nothing_foreign(film)
    back = film.users_answered(PRIMARY, 300.0)
    yield Judgement(
        back is not None,
        "user traffic back on wwan0 without help",
        f"{back - 300:.0f} s after the signal" if back is not None else "never",
    )
    yield _iot_sim_untouched(film)


def _s2(lab: Lab, film: Film) -> Iterator[Judgement]:
    """Design section 5: the next beat over the primary, reset at 60 s, back to IoT."""
    film.tell("modem2 hangs; only its reset line, bus or power cures it")
    lab.fail("modem2", "hang", _nobody)
    film.watch(480.0, lambda: _is_back(film))
    film.watch(film.now_s + 2 * BEAT_INTERVAL_S)
    first = next((at for at in film.beats(PRIMARY) if at > 0), None)
    slack_s = SLACK_REAL_S * lab.speed
    yield Judgement(
        first is not None and first <= BEAT_INTERVAL_S + slack_s,
        f"the next heartbeat by wwan0, within {BEAT_INTERVAL_S:g} s",
        "none" if first is None else f"after {first:.1f} s",
    )
    yield _no_late_beat(
        lab, film, "at most one interval's delay over both links", 2 * BEAT_INTERVAL_S, IOT, PRIMARY
    )
    resets = [at for at, level in film.edges("modem2_reset") if level == 0]
    yield Judgement(
        bool(resets) and 60.0 <= resets[0] <= 80.0 + slack_s,
        "modem2's reset line pulsed after 60 s",
        f"after {resets[0]:.1f} s" if resets else "never",
    )
    yield Judgement(_is_back(film), "heartbeats back on wwan1", _back_text(film))
    touched = [line for line in ("modem1_reset", "modem1_power") if film.edges(line)]
    yield Judgement(not touched, "modem1 is not reset", ", ".join(touched) or "no edge")
    yield _assignment_kept(film)
    yield _iot_sim_untouched(film)


def _s3(lab: Lab, film: Film) -> Iterator[Judgement]:
    """Design section 5: grace, resets one after the other, registered again without help."""
    back_at = GRACE_S + 60.0
    film.tell("both modems lose their signal")
    lab.fail("modem1", "signal", _nobody)
    lab.fail("modem2", "signal", _nobody)
    film.watch(back_at)
    film.tell("both have signal again, after the grace period")
    lab.restore(None, _nobody)
    film.watch(back_at + 300.0, lambda: bool(_registrations(film)))
    film.watch(film.now_s + 2 * BEAT_INTERVAL_S)
    while_down = [at for at in film.beats(IOT, PRIMARY) if 5.0 < at < back_at]
    yield Judgement(not while_down, "no way out for 360 s", f"{len(while_down)} heartbeats")
    yield _resets_in_turn(lab, film)
    expired = film.bank("expired")
    yield Judgement(
        bool(expired) and expired[0] <= GRACE_S + 1,
        f"the bank lets go {GRACE_S:g} s after the last heartbeat",
        f"at {expired[0]:.0f} s" if expired else "never",
    )
    again = _registrations(film)
    yield Judgement(
        bool(again),
        "registered again without help",
        f"{again[0] - back_at:.0f} s after a path was there" if again else "never",
    )
    later = [at for at in film.beats(IOT, PRIMARY) if again and at > again[0]]
    yield Judgement(bool(later), "and heartbeats go on", f"{len(later)} captured")
    yield _iot_sim_untouched(film)


SCENARIOS: dict[str, tuple[str, Script]] = {
    "S1": ("the primary loses its signal, the IoT link stays", _s1),
    "S2": ("the IoT modem fails, the primary stays", _s2),
    "S3": ("both fail for longer than the grace period", _s3),
    REMOTE_SIM: ("the primary attaches through a SIM of the bank, and goes back", remote_sim),
}


# --- judgements ---------------------------------------------------------------------------------


def _no_late_beat(lab: Lab, film: Film, expected: str, gap_s: float, *roles: Role) -> Judgement:
    """From the last beat before the fault to the end of the film."""
    beats = film.beats(*roles)
    before = [at for at in beats if at < 0][-1:]
    times = [*before, *(at for at in beats if at >= 0), film.now_s]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    longest = max(gaps, default=film.now_s)
    return Judgement(
        longest <= gap_s + SLACK_REAL_S * lab.speed,
        expected,
        f"{len(times) - 1} heartbeats, longest gap {longest:.1f} s",
    )


def _assignment_kept(film: Film) -> Judgement:
    lost = [*film.bank("expired"), *film.bank("released"), *film.bank("registered")]
    seen = "never lost" if not lost else f"lost or given anew at {lost[0]:.0f} s"
    return Judgement(not lost, "the bank keeps the assignment", seen)


def _nothing_foreign(film: Film) -> Judgement:
    captured = film.captured(IOT)
    foreign = sent_but(captured, _is_ours)
    count = sum(1 for each in captured if each.outbound)
    seen = f"{count} packets, {foreign[0] if foreign else 'none foreign'}"
    return Judgement(not foreign, "only remsim's own flows leave by wwan1", seen)


_SERVICES = (
    (addresses.ORCHESTRATOR, IONMESH_PORT),
    (addresses.REMSIM_SERVER, RSPRO_PORT),
    (addresses.REMSIM_SERVER, REST_PORT),
    (addresses.BANKD, BANKD_PORT),
)


def _is_ours(packet: Packet) -> bool:
    """Orchestrator, SIM bank, the link's own DNS, time, probes; neighbour discovery stays there."""
    link = addresses.LINKS[IOT]
    own = {link.address.partition("/")[0], link.address6.partition("/")[0]}
    if packet.source not in own:
        return packet.destination.startswith("ff02:")
    if packet.protocol == "tcp":
        return (packet.destination, packet.dport) in _SERVICES
    if packet.protocol == "udp":
        return (packet.destination, packet.dport) in ((link.dns_server, 53), (addresses.NTP, 123))
    return packet.protocol == "icmp" and packet.destination in addresses.PROBE_TARGETS


def _iot_sim_untouched(film: Film) -> Judgement:
    edges = film.edges("modem2_sim")
    return Judgement(not edges, "modem2's SIM switch stays at local", f"{len(edges)} edges")


def _is_back(film: Film) -> bool:
    """A beat by wwan1 after one by wwan0."""
    over_primary = [at for at in film.beats(PRIMARY) if at > 0]
    return bool(over_primary) and any(at > over_primary[0] for at in film.beats(IOT))


def _back_text(film: Film) -> str:
    if not _is_back(film):
        return "never"
    first = film.beats(PRIMARY)[0]
    return f"after {next(at for at in film.beats(IOT) if at > max(first, 0.0)):.0f} s"


def _registrations(film: Film) -> list[float]:
    """Registrations that left after the grace period."""
    return sorted(
        at
        for role in Role
        for at, request in film.requests(role)
        if request.action == "register-client" and at > GRACE_S
    )


def _resets_in_turn(lab: Lab, film: Film) -> Judgement:
    """IoT first, and the other one only when the first has had its boot time."""
    iot = [at for at, level in film.edges("modem2_reset") if level == 0]
    primary = [at for at, level in film.edges("modem1_reset") if level == 0]
    if not iot:
        return Judgement(False, "resets within 180 s, IoT first, never both", "none of modem2")
    boot_s = lab.modem(IOT).boot_s
    apart = bool(primary) and primary[0] - iot[0] >= boot_s
    first = iot[0] <= 180.0 + SLACK_REAL_S * lab.speed
    seen = f"modem2 at {iot[0]:.0f} s, modem1 " + (f"at {primary[0]:.0f} s" if primary else "not")
    return Judgement(first and apart, "both reset from 180 s on, IoT first, never at once", seen)
