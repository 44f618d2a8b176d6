# SPDX-License-Identifier: GPL-2.0-or-later
"""The thread that watches the lines."""

import queue
from pathlib import Path

from gpio_support import board_root, settings
from remsim.clock import SystemClock
from remsim.events import LinesSeen
from remsim.gpio.holder import LineHolder
from remsim.gpio.worker import LineWorker
from remsim.paths import Paths
from remsim_lab.gpio import Board


def test_the_worker_drives_the_held_line_and_tells_what_it_read(tmp_path: Path) -> None:
    board = Board(board_root(tmp_path))
    board.add_export("modem2_sim", level=1)
    lines = [
        settings("modem2.sim_switch", "/sys/class/gpio/modem2_sim"),
        settings("modem2.reset", "/sys/class/gpio/missing"),
    ]
    seen: queue.Queue[LinesSeen] = queue.Queue()
    holder = LineHolder(Paths(str(tmp_path)), SystemClock(), lines)
    holds = {"modem2.sim_switch": 0, "modem2.reset": 0, "modem1.sim_switch": 0}
    worker = LineWorker(holder, holds, seen.put, SystemClock())
    worker.start()
    switch, reset = seen.get(timeout=5).lines
    worker.stop(5)
    assert (switch.level, switch.wanted, switch.failure) == (0, 0, None)
    assert board.level("modem2_sim") == 0
    assert reset.level is None
    assert reset.failure is not None


def test_a_worker_told_to_look_says_what_changed_at_once(tmp_path: Path) -> None:
    board = Board(board_root(tmp_path))
    board.add_export("modem1_sim", level=0)
    lines = [settings("modem1.sim_switch", "/sys/class/gpio/modem1_sim")]
    seen: queue.Queue[LinesSeen] = queue.Queue()
    holder = LineHolder(Paths(str(tmp_path)), SystemClock(), lines)
    worker = LineWorker(holder, {}, seen.put, SystemClock())
    worker.start()
    assert [line.level for line in seen.get(timeout=5).lines] == [0]
    board.drive("modem1_sim", 1)
    worker.look_soon()
    assert [line.level for line in seen.get(timeout=5).lines] == [1]
    worker.stop(5)


def test_stopping_a_worker_that_never_started_is_harmless(tmp_path: Path) -> None:
    holder = LineHolder(Paths(str(tmp_path)), SystemClock(), [])
    LineWorker(holder, {}, lambda seen: None, SystemClock()).stop(1)
