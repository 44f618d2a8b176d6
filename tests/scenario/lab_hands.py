# SPDX-License-Identifier: GPL-2.0-or-later
"""What the fault tests do to the lab and look at in it. Nothing here asks the product but to begin.

Lab seconds everywhere; SPEED of them pass in a second.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from remsim.model import Role
from remsim_lab.film import Film
from remsim_lab.lab import Lab, wait_for
from remsim_lab.labconfig import LINE_OFFSETS
from remsim_lab.launchers import python

TESTS = Path(__file__).parents[1]
SPEED = 20.0
CALM_LIMIT_S = 30.0  # of real time: a reset modem's boot and a hold-down
INTERVAL_S = 20.0  # between heartbeats, so that a late one shows soon; the shipped one is 60 s
BEAT_SLACK_S = 0.8 * SPEED  # the main loop's slice and a round trip are of real time
START_S = 40.0  # a daemon's end and start, at worst from files never read before: two real seconds
IOT, PRIMARY = Role.IOT, Role.PRIMARY


def quiet(_line: str) -> None:
    """For `say`."""


def calm_down(lab: Lab) -> None:
    """Mend everything and wait until the router has recovered from the test before."""
    lab.restore(None, quiet)
    wait_for(lambda: is_calm(lab), "both paths and the assignment", CALM_LIMIT_S)


def is_calm(lab: Lab) -> bool:
    """Assignment active, control traffic where it is preferred, no recovery, no failed beat."""
    status = lab.status()
    if status is None:
        return False
    modems = [status[role.value] for role in Role if role.value in status]
    preferred = modems[-1]
    return (
        status["assignment"]["state"] == "active"
        and status["control_path"]["path"] == preferred["role"]
        and status["heartbeat"]["failure"] is None
        and all(each["path"]["up"] and not each["recovery"]["active"] for each in modems)
    )


def watch(film: Film, seconds: float) -> None:
    """Let time pass, and look."""
    film.watch(film.now_s + seconds)


def expect(film: Film, within_s: float, happened: Callable[[], object], what: str) -> None:
    """Look until it happened. The film's rows are what pytest shows when it did not."""
    assert film.watch(film.now_s + within_s, lambda: bool(happened())), f"not in time: {what}"


def ubus(lab: Lab, method: str, **arguments: object) -> dict[str, Any]:
    """`ubus call remsim METHOD`, as scripts do it."""
    argv = [lab.place.bin / "ubus", "-t", "5", "call", "remsim", method, json.dumps(arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout or "{}")
    assert isinstance(reply, dict)
    return reply


def command(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    """One of the lab's commands, to its end."""
    argv = [str(lab.place.bin / words[0]), *words[1:]]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def configure(lab: Lab, **options: str | list[str]) -> None:
    """`configure(lab, modem2__reset_pulse_ms="5000")`: set, commit, reload. Empty unsets."""
    lines = []
    for name, value in options.items():
        path = f"remsim.{name.replace('__', '.')}"
        if isinstance(value, str):
            lines.append(f"set {path}='{value}'")
        else:
            lines.append(f"delete {path}")
            lines += [f"add_list {path}='{each}'" for each in value]
    text = "\n".join([*lines, "commit remsim", ""])
    argv = [lab.place.bin / "uci", "-q", "batch"]
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)
    reload(lab)


def reload(lab: Lab) -> None:
    done = command(lab, "remsim", "reload")
    assert done.returncode == 0, done.stdout + done.stderr


def edges(film: Film) -> dict[str, list[float]]:
    """Every line that moved since the beginning, and when."""
    moved = {line: [at for at, _ in film.edges(line)] for line in LINE_OFFSETS}
    return {line: times for line, times in moved.items() if times}


def requests(film: Film, action: str) -> list[float]:
    """When requests of this kind left by either link."""
    return sorted(
        at
        for role in Role
        for at, request in film.requests(role)
        if request.action.startswith(action) and at >= 0
    )


def nothing_moved(film: Film, interval_s: float = INTERVAL_S) -> bool:
    """No line, no registration, no assignment given back, no heartbeat late."""
    moved = edges(film) or requests(film, "register") or requests(film, "unregister")
    return not moved and longest_gap_s(film) <= interval_s + BEAT_SLACK_S


def restarted(lab: Lab, number: signal.Signals) -> None:
    """The daemon gets a signal, procd starts it anew, it answers."""
    first = lab.remsimd.pid
    lab.remsimd.kill(number)
    wait_for(lambda: lab.remsimd.pid not in (None, first), "another daemon")
    wait_for(lambda: lab.status() is not None, "its answer")


def longest_gap_s(film: Film) -> float:
    """Between two heartbeats over any link, from the beginning until now."""
    times = [0.0, *(at for at in film.beats(IOT, PRIMARY) if at >= 0), film.now_s]
    return max(later - earlier for earlier, later in pairwise(times))


def kernel(lab: Lab) -> list[str]:
    """Rules, routes and packet filter, without counters and without what the kernel adds itself."""
    wanted = (
        ("ip", "rule", "show"),
        ("ip", "-6", "rule", "show"),
        ("ip", "route", "show", "table", "all"),
        ("ip", "-6", "route", "show", "table", "all"),
        ("nft", "-s", "list", "ruleset"),
    )
    own = ("lookup default", "proto kernel", "table local")
    return [
        line
        for each in wanted
        for line in sorted(lab.network.router.run(each).stdout.splitlines())
        if not any(word in line for word in own)
    ]


@contextmanager
def another_daemon(lab: Lab, *argv: str) -> Iterator[None]:
    """The daemon is started like this meanwhile. Both starts adopt what they find."""
    program = lab.remsimd.program
    path = f"{program.environment['PYTHONPATH']}:{TESTS}"
    with lab.without_daemon():
        lab.remsimd.program = replace(
            program,
            argv=(*lab.place.inside, *python(*argv)),
            environment={**program.environment, "PYTHONPATH": path},
        )
    try:
        yield
    finally:
        with lab.without_daemon():
            lab.remsimd.program = program
