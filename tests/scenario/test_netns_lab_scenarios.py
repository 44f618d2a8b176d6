# SPDX-License-Identifier: GPL-2.0-or-later
"""S1, S2 and S3 in the namespaces: real sockets, real rules, the shipped configuration, the daemon
as a process; judged by the captures of both links.

Twenty lab seconds pass in a second. The same in real time: `remsim-lab scenario S1 --speed 1`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from remsim_lab.counter import Counter
from remsim_lab.desk import LabError
from remsim_lab.lab import Lab, wait_for
from remsim_lab.launchers import Place
from remsim_lab.network.namespace import RUN_DIR, owner_tag
from remsim_lab.scenario import SCENARIOS, play

SPEED = 20.0

pytestmark = pytest.mark.netns


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_goes_as_designed(name: str, tmp_path: Path) -> None:
    told: list[str] = []
    place = Place(tmp_path / "lab")
    with Lab(place, SPEED, told.append, has_remote_sim=True) as lab:
        assert play(name, lab, told.append) == 0, "\n".join(told)


def _namespaces() -> set[str]:
    """This process's; others have labs of their own at the same time."""
    return {path.name for path in RUN_DIR.glob(f"*.{owner_tag()}.*")}


def test_lab_can_be_broken_mended_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = _namespaces()
    place = Place(tmp_path / "lab")
    with Lab(place, SPEED, lambda _line: None) as lab:
        lab.wait_until_active()
        counter = Counter(lab)
        told: list[str] = []
        for target, kind in (("modem1", "port"), ("ionmesh", "down"), ("dns", "silent")):
            assert (
                counter.answer({"command": "fail", "target": target, "kind": kind}, told.append)
                == 0
            )
        counter.answer({"command": "status"}, told.append)
        assert any("off USB" in line for line in told)
        counter.answer({"command": "restore"}, told.append)
        assert not lab.broken
        with pytest.raises(LabError, match="not by 'nonsense'"):
            counter.answer({"command": "fail", "target": "dns", "kind": "nonsense"}, told.append)
        pids = [service.pid for service in lab.services]
    assert _namespaces() == before
    assert not place.directory.exists()
    wait_for(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the end of all programs"
    )


def test_daemon_killed_in_the_lab_adopts_what_it_finds(tmp_path: Path) -> None:
    with Lab(Place(tmp_path / "lab"), SPEED, lambda _line: None) as lab:
        lab.wait_until_active()
        registered = lab.mesh.state()["requests"]
        edges = len(lab.board.edges)
        first = lab.remsimd.pid
        lab.fail("remsimd", "kill", lambda _line: None)
        wait_for(lambda: lab.remsimd.pid not in (None, first), "the second start")
        wait_for(lambda: lab.status() is not None, "its answer")
        status = lab.status() or {}
        assert status["assignment"]["state"] == "active"
        actions = [each["path"].rsplit("/", 1)[1] for each in lab.mesh.requests[registered:]]
        assert "register-client" not in actions
        assert len(lab.board.edges) == edges, "no GPIO edge by a restart"
        rules = lab.network.router.run(["ip", "rule"]).stdout
        assert "lookup 10" in rules or "lookup 12" in rules


def test_second_terminal_commands_work(tmp_path: Path) -> None:
    with Lab(Place(tmp_path / "lab"), SPEED, lambda _line: None) as lab:
        lab.wait_until_active()

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            argv = [str(lab.place.bin / words[0]), *words[1:]]
            return subprocess.run(argv, capture_output=True, text=True, check=False)

        assert '"assignment"' in run("ubus", "call", "remsim", "status").stdout
        assert "remsim.service.enabled='1'" in run("uci", "show", "remsim").stdout
        assert run("remsim", "routing", "check").returncode == 0
        assert "FM350-GL" in run("remsim", "at", "modem1", "ATI").stdout
        assert "remsimd" in run("logread", "-e", "remsim").stdout
        assert run("remsim", "sim", "modem2", "remote").returncode == 1
