# SPDX-License-Identifier: GPL-2.0-or-later
"""Ends and beginnings of the daemon: it detaches and adopts, and gives back only when told to.

Judged by the captures of both links, the bank's book, the GPIO edges and the kernel's tables.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from remsim_lab.film import Film
from remsim_lab.lab import Lab, wait_for
from remsim_lab.launchers import DROPIN_DIR, PYTHON_DIR, python
from remsim_lab.modems.cards import REMOTE_PRIMARY
from scenario.lab_hands import (
    BEAT_SLACK_S,
    INTERVAL_S,
    IOT,
    PRIMARY,
    START_S,
    command,
    configure,
    edges,
    expect,
    kernel,
    nothing_moved,
    requests,
    restarted,
    ubus,
    watch,
)

pytestmark = pytest.mark.netns

PROJECT = Path(__file__).parents[2]
LONG_PULSE_MS = 5000  # a quarter of a real second here: time enough to kill in
KEEPERS_PATIENCE_S = 400.0  # the pulse and two seconds more, of real time


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_end_in_mid_session_changes_nothing_and_the_next_start_goes_on(
    lab: Lab, film: Film, number: signal.Signals
) -> None:
    before = kernel(lab)
    watch(film, INTERVAL_S / 2)
    first = lab.remsimd.pid
    lab.remsimd.kill(number)
    wait_for(lambda: lab.remsimd.pid != first, "its end")
    assert kernel(lab) == before, "left as it is"
    restarted_at = film.now_s
    expect(film, 3 * INTERVAL_S, lambda: film.beats(IOT)[-1:] > [restarted_at], "the next beat")
    watch(film, INTERVAL_S)
    assert kernel(lab) == before
    assert nothing_moved(film)


def test_a_reset_pulse_whose_daemon_is_killed_ends_and_is_not_repeated(
    lab: Lab, film: Film
) -> None:
    configure(lab, modem2__reset_pulse_ms=str(LONG_PULSE_MS))
    ubus(lab, "reset", modem="modem2")
    wait_for(lambda: bool(film.edges("modem2_reset")), "the pulse")
    restarted(lab, signal.SIGKILL)
    expect(film, KEEPERS_PATIENCE_S, lambda: len(film.edges("modem2_reset")) == 2, "its end")
    back = film.now_s + lab.modem(IOT).boot_s
    expect(film, 300.0, lambda: film.beats(IOT)[-1:] > [back], "a beat over the modem")
    assert [level for _, level in film.edges("modem2_reset")] == [0, 1]
    assert list(edges(film)) == ["modem2_reset"]
    assert film.beats(PRIMARY), "the primary carried the beats meanwhile"
    assert not requests(film, "register")
    configure(lab, modem2__reset_pulse_ms="300")


def test_release_gives_everything_back_and_the_next_start_takes_over_again(
    lab: Lab, film: Film
) -> None:
    before = kernel(lab)
    lab.board.drive("modem1_sim", 1)
    ubus(lab, "reset_by", modem="modem1", step="radio")  # the modem reads its SIM again

    def is_remote() -> bool:
        seen = ubus(lab, "status")["modem1"]
        has_read = seen["fields"]["iccid"]["value"] == REMOTE_PRIMARY[0]
        return bool(has_read and seen["sim"]["source"] == "remote" and seen["path"]["up"])

    expect(film, 200.0, is_remote, "the remote SIM in use")
    film.begin()
    done = command(lab, "remsim", "release")
    assert done.returncode == 0, done.stdout + done.stderr
    assert film.bank("released"), "the orchestrator was told"
    assert not lab.mesh.bank.clients()
    assert lab.board.level("modem1_sim") == 0
    given_back = film.now_s
    assert not [line for line in kernel(lab) if "proto 82" in line or "remsim" in line]

    def has_defaults() -> bool:
        left = kernel(lab)
        return all(
            any(line.startswith(f"default dev {device}") and f"metric {metric}" in line
                for line in left)
            for device, metric in (("wwan0", 100), ("wwan1", 200))
        )  # fmt: skip

    expect(film, 60.0, has_defaults, "netifd's own routes, once the modem is back on its local SIM")
    left = kernel(lab)
    watch(film, 2 * INTERVAL_S)
    assert not [at for at in film.beats(IOT, PRIMARY) if at > given_back], "nothing more is sent"
    assert kernel(lab) == left
    restarted(lab, signal.SIGTERM)
    expect(film, 3 * INTERVAL_S, lambda: film.bank("registered"), "a registration")
    expect(film, 3 * INTERVAL_S, lambda: kernel(lab) == before, "the same rules and routes")


def install(root: Path, build: Path, release: int) -> None:
    """The package of that release, built and unpacked over what is there."""
    subprocess.run(
        ["make", "-s", "ipk", "PACKAGES=remsim", f"PKG_RELEASE={release}",
         f"STAGE={build}/stage", f"DIST={build}/dist"],
        cwd=PROJECT,
        env={**os.environ, "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )  # fmt: skip
    (package,) = (build / "dist").glob("*.ipk")
    with tarfile.open(package) as outer:
        data = outer.extractfile("./data.tar.gz")
        assert data is not None
        subprocess.run(["tar", "-xzpC", str(root)], input=data.read(), check=True)


def test_an_upgrade_in_mid_session_loses_nothing(lab: Lab, film: Film, tmp_path: Path) -> None:
    """From one installed build to the next, its files replaced while the daemon runs."""
    root = tmp_path / "root"
    root.mkdir()
    install(root, tmp_path / "first", 1)
    library = root / "usr/lib/remsim"
    program = lab.remsimd.program
    argv = python("-m", "remsim_lab.fast", f"{lab.speed:g}", "--root", str(lab.place.root))
    path = f"{library}:{DROPIN_DIR}:{PYTHON_DIR}"
    with lab.without_daemon():
        lab.remsimd.program = replace(
            program,
            argv=(*lab.place.inside, *argv),
            environment={**program.environment, "PYTHONPATH": path},
        )
    before = kernel(lab)
    film.begin()
    install(root, tmp_path / "second", 2)
    watch(film, INTERVAL_S + BEAT_SLACK_S)
    assert film.beats(IOT), "the old build goes on over the new one's files"
    restarted(lab, signal.SIGTERM)
    restarted_at = film.now_s
    expect(film, 3 * INTERVAL_S, lambda: film.beats(IOT)[-1:] > [restarted_at], "the next beat")
    assert kernel(lab) == before
    assert nothing_moved(film, INTERVAL_S + START_S)
    said = (lab.place.log / "remsimd.log").read_text()
    assert said.index("-r1 started") < said.index("-r2 started")
    with lab.without_daemon():
        lab.remsimd.program = program
