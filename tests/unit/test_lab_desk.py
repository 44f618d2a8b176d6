# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's control socket and its supervised programs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from remsim_lab import control
from remsim_lab.desk import Desk, LabError, Say, ask
from remsim_lab.faults import TARGETS
from remsim_lab.lab import wait_for
from remsim_lab.launchers import Place, environment_of, python, write_launchers
from remsim_lab.service import Program, Service


def _answer(question: Mapping[str, Any], say: Say) -> int:
    if question["command"] == "refuse":
        raise LabError("not that")
    say(f"first {question['command']}")
    say("second")
    return 5


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    desk = Desk(tmp_path / "control.sock", _answer)
    desk.open()
    yield tmp_path / "control.sock"
    desk.close()


def test_lines_come_in_order_and_then_the_exit_code(socket: Path) -> None:
    lines: list[str] = []
    assert ask(socket, {"command": "look"}, lines.append) == 5
    assert lines == ["first look", "second"]


def test_refusal_is_said_and_exits_with_1(socket: Path) -> None:
    lines: list[str] = []
    assert ask(socket, {"command": "refuse"}, lines.append) == 1
    assert lines == ["remsim-lab: not that"]


def test_closed_desk_leaves_no_socket(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "control.sock", _answer)
    desk.open()
    desk.close()
    assert not (tmp_path / "control.sock").exists()


def test_no_lab_is_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert control.main(["--directory", str(tmp_path), "status"]) == control.NO_LAB
    assert "make run" in capsys.readouterr().err


def test_every_target_says_in_words_what_each_way_does() -> None:
    for ways in TARGETS.values():
        assert ways
        assert all(text and text == text.strip() for text in ways.values())


def _service(tmp_path: Path, code: str) -> Service:
    program = Program("x", (sys.executable, "-c", code), {}, tmp_path / "x.log")
    return Service(program, respawn_s=0.05)


def test_program_that_ends_is_started_again(tmp_path: Path) -> None:
    service = _service(tmp_path, "print('here', flush=True)")
    service.start()
    wait_for(lambda: service.starts >= 3, "three starts")
    service.stop()
    assert (tmp_path / "x.log").read_text().count("here") >= 2
    assert service.pid is None


def test_killed_program_is_started_again_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    service = _service(tmp_path, "import signal; signal.pause()")
    service.start()
    first = service.pid
    service.kill(signal.SIGKILL)
    wait_for(lambda: service.pid not in (None, first), "the second start")
    service.stop()
    assert service.pid is None
    assert service.starts == 2


def test_paused_program_stays_away_until_resumed(tmp_path: Path) -> None:
    service = _service(tmp_path, "import signal; signal.pause()")
    service.start()
    service.pause()
    wait_for(lambda: service.pid is None, "its end")
    assert service.starts == 1
    service.resume()
    wait_for(lambda: service.pid is not None, "its return")
    service.stop()


def test_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    service = Service(Program("x", ("true",), {}, tmp_path / "none" / "x.log"))
    with pytest.raises(OSError, match="none"):
        service.start()
    service.stop()


def test_launchers_carry_every_path(tmp_path: Path) -> None:
    place = Place(tmp_path, ("ip", "netns", "exec", "a b"))
    write_launchers(place)
    script = (place.bin / "remsim").read_text()
    assert script.startswith("#!/bin/sh\n")
    assert f"'a b' {' '.join(python('-m', 'remsim.cli'))} --root {place.root}" in script
    assert f":{place.bin}" not in environment_of(place)["PATH"]
    assert environment_of(place)["PATH"].startswith(str(place.bin))
