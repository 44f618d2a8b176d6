# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines as the daemon holds them: no edge without a reason, pulses that always end, read-back."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpio_support import DROPIN, LIBRARY, board_root, eventually, settings
from remsim.clock import SystemClock
from remsim.errors import DeviceError, StorageError
from remsim.gpio.api import parse_line
from remsim.gpio.holder import LineHolder
from remsim.gpio.kept import START_RETRY_S, NoChardev
from remsim.paths import Paths
from remsim_lab.clock import HandClock
from remsim_lab.gpio import Board
from remsim_lab.gpiochip import ChipFiles, LineDeclaration, OnRelease, PinState

SIM1 = "modem1.sim_switch"
RESET1 = "modem1.reset"
SIM2 = "modem2.sim_switch"
RESET2 = "modem2.reset"

NAMES = ("modem1_sim", "modem1_reset", "modem2_sim", "modem2_reset")
IDLE = (0, 1, 0, 1)  # raw: switches at local, active-low resets released


class Bench:
    """A board with the four lines of the reference design, by one back-end or the other."""

    def __init__(self, tmp_path: Path, backend: str) -> None:
        self.paths = Paths(board_root(tmp_path))
        self.backend = backend
        self.board = Board(str(tmp_path))
        self.chip: ChipFiles | None = None
        if backend == "sysfs":
            for name, level in zip(NAMES, IDLE, strict=True):
                self.board.add_export(name, level)
        else:
            lines = (LineDeclaration(),) * 20 + tuple(LineDeclaration(n) for n in NAMES)
            self.chip = self.board.add_chip(0, lines, on_release=OnRelease.RESET)
            for offset, level in enumerate(IDLE, start=20):
                self.chip.set_pin(offset, PinState(True, level))
        self.board.start()

    def lines(self) -> list:
        prefix = "/sys/class/gpio/" if self.backend == "sysfs" else ""
        return [
            settings(SIM1, prefix + "modem1_sim"),
            settings(RESET1, prefix + "modem1_reset", active_low=True),
            settings(SIM2, prefix + "modem2_sim"),
            settings(RESET2, prefix + "modem2_reset", active_low=True),
        ]

    def holder(self, clock=None) -> LineHolder:
        return LineHolder(self.paths, clock or HandClock(), self.lines())

    def edges(self) -> list[tuple[str, int]]:
        return [(edge.name, edge.level) for edge in self.board.edges]


@pytest.fixture(params=["sysfs", "chardev"])
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.syspath_prepend(DROPIN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((DROPIN, LIBRARY)))
    bench = Bench(tmp_path, request.param)
    yield bench
    bench.board.stop()


def test_opening_and_closing_moves_no_line(bench: Bench) -> None:
    holder = bench.holder()
    states = holder.open()
    assert [(state.name, state.level, state.failure) for state in states] == [
        (SIM1, 0, None),
        (RESET1, 0, None),
        (SIM2, 0, None),
        (RESET2, 0, None),
    ]
    holder.close()
    again = bench.holder()
    again.open()
    again.close()
    assert bench.edges() == []
    assert bench.board.writes == 0


def test_a_level_survives_the_daemon(bench: Bench) -> None:
    first = bench.holder()
    first.open()
    first.line(SIM1).set(1)
    first.close()
    second = bench.holder()
    assert second.open()[0].level == 1
    second.hold(SIM2, 0)
    eventually(lambda: bench.edges() == [("modem1_sim", 1)])


def test_holding_a_level_that_is_there_causes_no_write(bench: Bench) -> None:
    holder = bench.holder()
    holder.open()
    holder.hold(SIM2, 0)
    holder.check()
    assert bench.edges() == []
    assert bench.board.writes == 0


def test_a_held_line_that_somebody_moves_is_reported_and_put_back(bench: Bench) -> None:
    clock = HandClock()
    holder = bench.holder(clock)
    holder.open()
    holder.hold(SIM2, 0)
    bench.board.drive("modem2_sim", 1)
    state = holder.check()[2]
    assert (state.level, state.wanted) == (1, 0)
    assert state.failure is not None
    assert (state.failure.attempt, state.failure.code) == (1, "read_back")
    assert state.failure.last_failure_at == clock.monotonic()
    assert bench.board.level("modem2_sim") == 0
    assert holder.check()[2].failure is None


def test_a_pulse_is_one_edge_there_and_one_back(bench: Bench) -> None:
    holder = bench.holder(SystemClock())
    holder.open()
    holder.line(RESET2).pulse(20, threading.Event())
    eventually(lambda: bench.edges() == [("modem2_reset", 0), ("modem2_reset", 1)])
    there, back = bench.board.edges
    assert 0.015 <= back.at - there.at <= 1.0
    assert not os.listdir(os.path.join(bench.paths.run_dir, "gpio-pulse"))


def test_a_cancelled_pulse_ends_at_once_and_the_line_is_released(bench: Bench) -> None:
    holder = bench.holder(SystemClock())
    holder.open()
    cancel = threading.Event()
    thread = threading.Thread(target=holder.line(RESET1).pulse, args=(60_000, cancel))
    thread.start()
    eventually(lambda: bench.edges() == [("modem1_reset", 0)])
    assert holder.check()[1].failure is None
    cancel.set()
    thread.join(5)
    assert not thread.is_alive()
    eventually(lambda: bench.edges() == [("modem1_reset", 0), ("modem1_reset", 1)])


def test_a_pulse_that_cannot_be_noted_happens_only_if_the_keeper_ends_it(bench: Bench) -> None:
    holder = bench.holder()
    holder.open()
    Path(bench.paths.run_dir, "gpio-pulse").write_text("in the way")
    pulse = holder.line(RESET1).pulse
    if bench.backend == "chardev":
        pulse(10, threading.Event())
        eventually(lambda: bench.edges() == [("modem1_reset", 0), ("modem1_reset", 1)])
        return
    with pytest.raises(StorageError):
        pulse(10, threading.Event())
    assert bench.edges() == []


KILLED = """
import sys, threading
from remsim.clock import SystemClock
from remsim.gpio.api import LineSettings, parse_line
from remsim.gpio.holder import LineHolder
from remsim.paths import Paths
line = LineSettings("modem1.reset", parse_line(sys.argv[2]), active_low=True)
holder = LineHolder(Paths(sys.argv[1]), SystemClock(), [line])
holder.open()
holder.line("modem1.reset").pulse(int(sys.argv[3]), threading.Event())
"""


def kill_during_pulse(bench: Bench, pulse_ms: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, bench.paths.root, bench.lines()[1].spec.text, str(pulse_ms)]
    )
    eventually(lambda: bench.edges() == [("modem1_reset", 0)], 20)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_pulse_that_sigkill_interrupted_is_ended_at_the_next_start(bench: Bench) -> None:
    kill_during_pulse(bench, 60_000)
    assert bench.board.level("modem1_reset") == 0
    holder = bench.holder()
    assert holder.open()[1].level == 0
    assert bench.board.level("modem1_reset") == 1
    eventually(lambda: bench.edges() == [("modem1_reset", 0), ("modem1_reset", 1)])
    assert not os.listdir(os.path.join(bench.paths.run_dir, "gpio-pulse"))


def test_an_interrupted_pulse_is_ended_although_the_line_left_the_configuration(
    bench: Bench,
) -> None:
    kill_during_pulse(bench, 60_000)
    LineHolder(bench.paths, HandClock(), []).open()
    assert bench.board.level("modem1_reset") == 1


def test_half_a_pulse_mark_does_not_stop_the_start(bench: Bench) -> None:
    directory = Path(bench.paths.run_dir, "gpio-pulse")
    directory.mkdir()
    (directory / RESET1).write_text('{"spec": "mod')
    (directory / RESET2).write_text(json.dumps({"spec": "no/such", "idle": 1}))
    assert [state.failure for state in bench.holder().open()] == [None] * 4


def test_a_line_that_is_missing_is_reported_and_taken_when_it_comes(bench: Bench) -> None:
    late = settings("modem1.power", "/sys/class/gpio/late")
    holder = LineHolder(bench.paths, HandClock(), [late])
    assert [state.failure.attempt for state in holder.open() if state.failure] == [1]
    assert [state.failure.attempt for state in holder.check() if state.failure] == [2]
    with pytest.raises(DeviceError):
        holder.line("modem1.power")
    bench.board.add_export("late", 1)
    assert [(state.level, state.failure) for state in holder.check()] == [(1, None)]


def test_a_line_nobody_configured_is_an_error(bench: Bench) -> None:
    holder = bench.holder()
    assert not holder.has("modem1.power")
    with pytest.raises(DeviceError, match=r"modem1\.power"):
        holder.line("modem1.power")


def test_a_line_that_does_not_follow_is_an_error_that_says_so(bench: Bench) -> None:
    holder = bench.holder()
    holder.open()
    line = holder.line(SIM1)
    stuck = bench.board

    class Short:
        """A board whose pin is shorted to ground."""

        where = line.where
        is_output = True
        ends_pulses = False

        def read(self) -> int:
            return stuck.level("modem2_sim")

        def write(self, raw: int, back_after_ms: int | None = None) -> None:
            line._pin.write(raw)

    shorted = type(line)(line.settings, Short(), line._journal, HandClock())
    with pytest.raises(DeviceError, match="reads 0 after being set to 1"):
        shorted.set(1)


# --- only where a keeper is needed ---------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.syspath_prepend(DROPIN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((DROPIN, LIBRARY)))
    bench = Bench(tmp_path, "chardev")
    yield bench
    bench.board.stop()


def test_the_keeper_ends_a_pulse_by_itself_when_the_daemon_never_comes_back(kept: Bench) -> None:
    kill_during_pulse(kept, 100)
    eventually(lambda: kept.edges() == [("modem1_reset", 0), ("modem1_reset", 1)])


def test_lines_fall_back_only_after_they_were_given_back(kept: Bench) -> None:
    holder = kept.holder()
    holder.open()
    holder.line(SIM1).set(1)
    holder.close()
    assert kept.board.level("modem1_sim") == 1
    kept.holder().dismiss()
    eventually(lambda: kept.board.level("modem1_sim") == 0)
    assert not os.path.exists(os.path.join(kept.paths.run_dir, "gpio.sock"))


def test_a_keeper_that_died_is_replaced_and_held_levels_are_set_again(kept: Bench) -> None:
    holder = kept.holder()
    holder.open()
    holder.hold(SIM2, 0)
    holder.line(SIM1).set(1)
    keeper = holder._link._process
    assert keeper is not None
    keeper.kill()
    keeper.wait()
    eventually(lambda: kept.board.level("modem1_sim") == 0)
    states = holder.check()
    assert (states[0].level, states[0].wanted) == (0, 1)
    assert kept.board.level("modem1_sim") == 1
    assert holder.check()[0].failure is None


def test_a_line_that_the_board_exports_is_used_by_way_of_sysfs(kept: Bench) -> None:
    kept.board.add_chip(1, (LineDeclaration("sim", kernel_consumer="usim"),), label="second")
    kept.board.add_export("usim", 1)
    holder = LineHolder(kept.paths, HandClock(), [settings(SIM1, "gpiochip1:0")])
    state = holder.open()[0]
    assert (state.line, state.level, state.failure) == ("/sys/class/gpio/usim", 1, None)


def test_a_busy_line_without_export_is_an_error_that_names_its_holder(kept: Bench) -> None:
    kept.board.add_chip(1, (LineDeclaration("sim", kernel_consumer="spi0 CS0"),), label="second")
    state = LineHolder(kept.paths, HandClock(), [settings(SIM1, "sim")]).open()[0]
    assert state.failure is not None
    assert "spi0 CS0" in state.failure.reason


def test_the_keepers_socket_is_roots_alone(kept: Bench) -> None:
    kept.holder().open()
    path = os.path.join(kept.paths.run_dir, "gpio.sock")
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_rubbish_on_the_keepers_socket_is_answered_and_does_no_harm(kept: Bench) -> None:
    import socket

    holder = kept.holder()
    holder.open()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(5)
        link.connect(os.path.join(kept.paths.run_dir, "gpio.sock"))
        for packet in (b"{", b"[]", b"\xff" * 5000, b'{"do":"write","line":"gpiochip0:20"}'):
            link.send(packet)
            assert b"error" in link.recv(4096)
    assert holder.check()[0].failure is None
    assert kept.edges() == []


def test_the_keeper_does_not_end_with_the_daemons_session(kept: Bench) -> None:
    holder = kept.holder()
    holder.open()
    keeper = holder._link._process
    assert keeper is not None
    assert os.getsid(keeper.pid) == keeper.pid


def test_without_character_device_a_name_is_looked_for_in_sysfs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Board(board_root(tmp_path))
    board.add_export("modem1_sim", 1)
    holder = LineHolder(Paths(str(tmp_path)), HandClock(), [settings(SIM1, "modem1_sim")])
    assert holder.open()[0].level == 1


def test_libgpiod_1_is_passed_over_and_not_tried_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "gpiod.py").write_text("LINE_REQ_DIR_OUT = 2\n")
    monkeypatch.syspath_prepend(str(old))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(old), LIBRARY)))
    board = Board(board_root(tmp_path))
    board.add_chip(0, (LineDeclaration("modem1_sim"),))
    board.add_export("modem1_sim", 1)
    clock = HandClock()
    holder = LineHolder(Paths(str(tmp_path)), clock, [settings(SIM1, "modem1_sim")])
    assert holder.open()[0].line == "/sys/class/gpio/modem1_sim"
    first = holder._link._process
    with pytest.raises(NoChardev, match="libgpiod 1"):
        holder._link.hold(parse_line("modem1_sim"))
    assert holder._link._process is first
    clock.move(START_RETRY_S)
    with pytest.raises(NoChardev, match="libgpiod 1"):
        holder._link.hold(parse_line("modem1_sim"))
    assert holder._link._process is not first


def test_the_board_takes_the_keeper_with_it(kept: Bench) -> None:
    holder = kept.holder()
    holder.open()
    keeper = holder._link._process
    assert keeper is not None
    kept.board.stop()
    assert keeper.wait(5) == 0
    kept.board.start()
