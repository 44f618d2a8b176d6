# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands against a played daemon: what they ask, what they print, how they exit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from remsim.bus.api import METHODS
from remsim.cli import actions, entry, show
from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.errors import BusAbsent, BusDenied, BusTimeout, ObjectAbsent, RemsimError
from remsim.paths import Paths
from remsim_lab.clock import HandClock

Answer = dict[str, Any] | Exception


class PlayedDaemon:
    """Answers each method from a list; the last answer is repeated."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.answers = {
            method: answer if isinstance(answer, list) else [answer]
            for method, answer in answers.items()
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.connect_error: RemsimError | None = None
        self.connects = 0

    def connect(self) -> None:
        self.connects += 1
        if self.connect_error is not None:
            raise self.connect_error

    def close(self) -> None:
        pass

    def call(
        self, object_name: str, method: str, arguments: Mapping[str, Any], timeout_ms: int = 0
    ) -> dict[str, Any]:
        assert object_name == "remsim"
        self.asked.append((method, dict(arguments)))
        answers = self.answers[method]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Run:
    """One session whose output can be read afterwards."""

    def __init__(self, daemon: PlayedDaemon, root: str = "/nonexistent", is_root: bool = True):
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.clock = HandClock()
        self.session = Session(
            paths=Paths(root),
            out=self.out,
            err=self.err,
            clock=self.clock,
            bus=lambda: daemon,
            is_root=is_root,
        )

    def do(self, line: str, json_output: bool = False) -> Exit:
        arguments = entry.command_line().parse_args(line.split())
        self.session.as_json = json_output or arguments.json
        return entry._command(arguments.run)(self.session, arguments)


JOB_RUNNING: dict[str, Any] = {
    "id": "7",
    "kind": "sim",
    "state": "running",
    "progress": [{"phase": "interface down", "elapsed_s": 0.1}],
    "result": None,
    "error": None,
}
JOB_DONE = JOB_RUNNING | {
    "state": "done",
    "progress": [*JOB_RUNNING["progress"], {"phase": "SIM ready", "elapsed_s": 9.0}],
    "result": {"iccid": "8988"},
}
JOB_FAILED = JOB_RUNNING | {
    "state": "failed",
    "error": {"code": "device", "message": "no SIM after 60 s"},
}


def test_status_asks_once_and_prints_for_people() -> None:
    daemon = PlayedDaemon(status={"version": "1.2.3", "uptime_s": 1.0})
    run = Run(daemon)
    assert run.do("status") is Exit.OK
    assert daemon.asked == [("status", {})]
    assert "remsim 1.2.3" in run.out.getvalue()


@pytest.mark.parametrize("line", ["status --json", "--json status"])
def test_json_is_the_reply_itself(line: str) -> None:
    reply = {"version": "1.2.3", "modem1": {"state": "connected"}}
    run = Run(PlayedDaemon(status=reply))
    assert run.do(line) is Exit.OK
    assert json.loads(run.out.getvalue()) == reply


def test_job_shows_each_phase_once_and_then_the_result() -> None:
    run = Run(PlayedDaemon(sim={"job": "7"}, job=[JOB_RUNNING, JOB_RUNNING, JOB_DONE]))
    assert run.do("sim modem1 remote") is Exit.OK
    assert run.err.getvalue().count("interface down") == 1
    assert run.err.getvalue().count("SIM ready") == 1
    assert run.out.getvalue() == "iccid: 8988\n"


def test_failed_job_has_its_own_exit_code_and_says_why() -> None:
    run = Run(PlayedDaemon(sim={"job": "7"}, job=JOB_FAILED))
    assert run.do("sim modem1 remote") is Exit.JOB_FAILED
    assert "no SIM after 60 s" in run.err.getvalue()
    assert run.out.getvalue() == ""


def test_waiting_ends_but_the_job_goes_on() -> None:
    run = Run(PlayedDaemon(sim={"job": "7"}, job=JOB_RUNNING))
    with pytest.raises(Stopped, match="still running after 2 s") as stopped:
        run.do("sim modem1 remote --timeout 2")
    assert stopped.value.exit_code is Exit.TIMED_OUT
    assert "remsim job 7 --wait" in stopped.value.advice


def test_no_wait_prints_the_id_only() -> None:
    run = Run(PlayedDaemon(reset={"job": "7"}))
    assert run.do("reset modem2 --no-wait") is Exit.OK
    assert run.out.getvalue() == "7\n"


def test_reset_with_a_step_is_the_method_of_its_own() -> None:
    daemon = PlayedDaemon(reset_by={"job": "7"})
    Run(daemon).do("reset modem2 reset_line --no-wait")
    assert daemon.asked == [("reset_by", {"modem": "modem2", "step": "reset_line"})]


def test_at_prints_the_lines_of_the_modem() -> None:
    done = JOB_DONE | {"result": {"lines": ["FM350-GL", "OK"]}}
    daemon = PlayedDaemon(at={"job": "7"}, job=done)
    run = Run(daemon)
    assert run.do("at modem1 ATI") is Exit.OK
    assert daemon.asked[0] == ("at", {"modem": "modem1", "command": "ATI"})
    assert run.out.getvalue() == "FM350-GL\nOK\n"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("argument", Exit.USAGE), ("busy", Exit.FAILED), ("not_possible", Exit.FAILED)],
)
def test_refusal_of_the_daemon_is_passed_on(code: str, exit_code: Exit) -> None:
    error = {"error": {"code": code, "message": "not now", "argument": "modem"}}
    with pytest.raises(Stopped, match="modem: not now") as stopped:
        Run(PlayedDaemon(reset=error)).do("reset modem1")
    assert stopped.value.exit_code is exit_code


@pytest.mark.parametrize(
    ("error", "is_root", "exit_code", "advice"),
    [
        (BusAbsent("no ubusd"), True, Exit.NOT_RUNNING, "ubusd"),
        (ObjectAbsent("absent"), True, Exit.NOT_RUNNING, "/etc/init.d/remsim start"),
        (ObjectAbsent("absent"), False, Exit.NO_RIGHTS, "as root"),
        (BusDenied("denied"), True, Exit.NO_RIGHTS, "root"),
        (BusTimeout("late"), True, Exit.TIMED_OUT, "logread"),
    ],
)
def test_bus_troubles_say_what_to_do(
    error: RemsimError, is_root: bool, exit_code: Exit, advice: str
) -> None:
    run = Run(PlayedDaemon(status=error), is_root=is_root)
    with pytest.raises(Stopped) as stopped:
        run.do("status")
    assert stopped.value.exit_code is exit_code
    assert advice in stopped.value.advice


@pytest.mark.parametrize(
    ("text", "is_advised"),
    [
        ("config service 'service'\n\toption enabled '0'\n", True),
        ("config service 'service'\n\toption enabled '1'\n", False),
        ("config ionmesh 'ionmesh'\n\toption enabled '1'\n", True),
    ],
)
def test_advice_names_the_disabled_service(tmp_path: Path, text: str, is_advised: bool) -> None:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/remsim").write_text(text)
    run = Run(PlayedDaemon(status=ObjectAbsent("absent")), root=str(tmp_path))
    with pytest.raises(Stopped) as stopped:
        run.do("status")
    assert ("service.enabled=1" in stopped.value.advice) is is_advised


def _stop_after(session: Session, times: int) -> Callable[..., bool]:
    """A clock's `wait` that ends the command at the given call, as Ctrl-C would."""
    left = [times]

    def wait(_event: object, _timeout_s: float) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return False

    return wait


def test_follow_survives_a_restart_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def event(seq: int, text: str) -> dict[str, Any]:
        return {"seq": seq, "time": None, "uptime_s": 1.0, "kind": "k", "text": text}

    daemon = PlayedDaemon(
        events_since=[
            {"events": [event(9, "old")], "newest": 9},
            ObjectAbsent("absent"),
            {"events": [], "newest": 1},
            {"events": [event(1, "started")], "newest": 1},
            {"events": [], "newest": 1},
        ]
    )
    run = Run(daemon)
    monkeypatch.setattr(run.clock, "wait", _stop_after(run.session, 4))
    with pytest.raises(KeyboardInterrupt):
        run.do("events --follow")
    assert [line.split()[-1] for line in run.out.getvalue().splitlines()] == ["old", "started"]
    assert run.err.getvalue().count("waiting for it") == 1
    assert daemon.connects == 2
    assert [arguments["since"] for _, arguments in daemon.asked] == [0, 9, 9, 0, 1]


def test_watch_repaints_in_place_and_gives_the_screen_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(PlayedDaemon(status=[{"version": "1"}, ObjectAbsent("absent"), {"version": "1"}]))
    monkeypatch.setattr(run.clock, "wait", _stop_after(run.session, 2))
    assert run.do("status --watch") is Exit.OK
    screen = run.out.getvalue()
    assert "\x1b[2J" not in screen, "erasing the whole screen flickers"
    assert screen.count("\x1b[H") == 3
    assert "remsimd is not running" in screen
    assert screen.endswith(show._LEAVE)


def test_every_action_of_the_method_table_is_a_command_with_its_arguments() -> None:
    lines = {
        "heartbeat": "heartbeat",
        "register": "register",
        "unregister": "unregister",
        "release": "release",
        "reload": "reload",
        "sim": "sim modem1 local",
        "reset": "reset modem1",
        "reset_by": "reset modem1 power",
        "at": "at modem1 ATI",
    }
    jobs = {method.name: method for method in METHODS if method.starts_job}
    assert set(lines) == set(jobs)
    for name, line in lines.items():
        daemon = PlayedDaemon(**{name: {"job": "1"}})
        Run(daemon).do(line + " --no-wait")
        ((method, arguments),) = daemon.asked
        assert method == name
        assert set(arguments) == {argument.name for argument in jobs[name].arguments}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sim modem3 local",
        "sim modem1 elsewhere",
        "reset modem1 kick",
        "events -n 0",
        "events --since -1",
        "job 7 --timeout x",
    ],
)
def test_wrong_command_line_exits_with_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        entry.command_line().parse_args(line.split())
    assert stopped.value.code == Exit.USAGE
    assert "usage:" in capsys.readouterr().err


def test_reload_of_a_broken_file_exits_with_config() -> None:
    error = {"code": "config", "message": "heartbeat.interval: '5' is not 10 to 300"}
    run = Run(
        PlayedDaemon(reload={"job": "7"}, job=JOB_FAILED | {"kind": "reload", "error": error})
    )
    assert run.do("reload") is Exit.CONFIG
    assert "heartbeat.interval" in run.err.getvalue()


def test_job_without_waiting_tells_its_state() -> None:
    run = Run(PlayedDaemon(job=JOB_RUNNING))
    assert run.do("job 7") is Exit.OK
    assert "state: running" in run.out.getvalue()


def test_daemon_that_names_no_job_is_an_error() -> None:
    with pytest.raises(Stopped, match="named no job"):
        actions.start(Run(PlayedDaemon(heartbeat={})).session, "heartbeat", {}, 1.0, False)
