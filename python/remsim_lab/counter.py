# SPDX-License-Identifier: GPL-2.0-or-later
"""What `remsim-lab` may ask of a running lab, and the answers as lines of text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remsim.model import Role
from remsim_lab.describe import line_lines, status_lines
from remsim_lab.desk import LabError, Say
from remsim_lab.evidence import traffic_bytes
from remsim_lab.lab import Lab
from remsim_lab.network.capture import summarise

FLOWS_SHOWN = 20
EDGES_SHOWN = 20

Question = Mapping[str, Any]


class Counter:
    """`answer(question, say)` -> exit code. Each question runs on a thread of its own."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._playing = threading.Lock()
        self._table: dict[str, Callable[[Question, Say], int]] = {
            "status": self._status,
            "speed": self._speed,
            "fail": self._fail,
            "restore": self._restore,
            "delay": self._delay,
            "scenario": self._scenario,
            "capture": self._capture,
            "gpio": self._gpio,
        }

    def answer(self, question: Question, say: Say) -> int:
        command = self._table.get(str(question.get("command")))
        if command is None:
            raise LabError(f"{question.get('command')!r} is no command of the lab")
        return command(question, say)

    def _status(self, _: Question, say: Say) -> int:
        for line in status_lines(self._lab):
            say(line)
        return 0

    def _speed(self, _: Question, say: Say) -> int:
        say(f"{self._lab.speed:g}")
        return 0

    def _fail(self, question: Question, say: Say) -> int:
        self._lab.fail(str(question["target"]), question.get("kind"), say)
        return 0

    def _restore(self, question: Question, say: Say) -> int:
        self._lab.restore(question.get("target"), say)
        return 0

    def _delay(self, question: Question, say: Say) -> int:
        self._lab.delay(Role(question["modem"]), float(question["delay_ms"]), say)
        return 0

    def _scenario(self, question: Question, say: Say) -> int:
        from remsim_lab.scenario import play

        if not self._playing.acquire(blocking=False):
            raise LabError("a scenario is being played already")
        try:
            return play(str(question["name"]), self._lab, say)
        finally:
            self._playing.release()

    def _capture(self, question: Question, say: Say) -> int:
        role = Role(question["modem"])
        kept = Path(question["write"]) if question.get("write") else None
        with self._lab.capture(role, kept) as capture:
            threading.Event().wait(float(question["seconds"]))
            captured = capture.packets()
        up, down = traffic_bytes(captured)
        say(f"{role.value}: {len(captured)} packets, {up} bytes up, {down} bytes down")
        for flow in summarise(captured)[:FLOWS_SHOWN]:
            arrow = "up  " if flow.outbound else "down"
            say(f"  {arrow} {flow.size_bytes:>8} B {flow.packets:>6} packets  {flow.flow}")
        if kept is not None:
            say(f"kept in {kept}")
        return 0

    def _gpio(self, _: Question, say: Say) -> int:
        for line in line_lines(self._lab, EDGES_SHOWN):
            say(line)
        return 0
