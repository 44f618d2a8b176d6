# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines below /sys/class/gpio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gpio_support import board_root, eventually
from remsim.errors import DeviceError
from remsim.gpio.api import parse_line
from remsim.gpio.sysfs import SysfsPin, find_line
from remsim.paths import Paths
from remsim_lab.gpio import Board


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(board_root(tmp_path))
    board.start()
    yield board
    board.stop()


def pin_of(tmp_path: Path, name: str) -> SysfsPin:
    return find_line(Paths(str(tmp_path)), parse_line(f"/sys/class/gpio/{name}"))


def test_a_written_level_reaches_the_pin_as_one_edge(board: Board, tmp_path: Path) -> None:
    board.add_export("modem1_sim")
    pin = pin_of(tmp_path, "modem1_sim")
    pin.write(1)
    assert pin.read() == 1
    eventually(lambda: [(e.name, e.level) for e in board.edges] == [("modem1_sim", 1)])


def test_the_kernels_own_polarity_is_taken_into_account(board: Board, tmp_path: Path) -> None:
    directory = board.add_export("modem1_reset", level=1, active_low=1)
    pin = pin_of(tmp_path, "modem1_reset")
    assert pin.read() == 1
    assert Path(directory, "value").read_text() == "0\n"
    pin.write(0)
    assert Path(directory, "value").read_text() == "1\n"
    assert board.level("modem1_reset") == 0


@pytest.mark.parametrize("level", [0, 1])
def test_an_input_becomes_an_output_at_the_wanted_level(
    board: Board, tmp_path: Path, level: int
) -> None:
    board.add_export("line", level=level, direction="in")
    pin = pin_of(tmp_path, "line")
    assert not pin.is_output
    pin.write(level)
    eventually(lambda: pin.is_output and board.writes >= 2)
    assert pin.read() == level
    assert board.edges == ()


def test_a_line_without_direction_file_is_an_output(board: Board, tmp_path: Path) -> None:
    directory = Path(board.add_export("line"))
    (directory / "direction").unlink()
    assert pin_of(tmp_path, "line").is_output


def test_a_shells_write_is_seen_although_it_truncates_first(board: Board, tmp_path: Path) -> None:
    directory = Path(board.add_export("line"))
    (directory / "value").write_text("1\n")
    eventually(lambda: [e.level for e in board.edges] == [1])
    assert pin_of(tmp_path, "line").read() == 1


def test_a_plain_number_is_exported_where_the_kernel_counts_it_today(
    board: Board, tmp_path: Path
) -> None:
    board.number_chip(512, 32, "bank0")
    pin = find_line(Paths(str(tmp_path)), parse_line("20"))
    assert pin.where == "/sys/class/gpio/gpio532"
    eventually(lambda: (tmp_path / "sys/class/gpio/gpio532/value").exists())
    assert pin.read() == 0
    assert board.edges == ()


def test_an_already_exported_number_is_not_exported_again(board: Board, tmp_path: Path) -> None:
    board.number_chip(0, 32, "bank0")
    board.add_export("gpio20", level=1)
    assert find_line(Paths(str(tmp_path)), parse_line("20")).read() == 1
    assert (tmp_path / "sys/class/gpio/export").read_text() == ""


def test_chip_and_offset_find_the_exported_line_by_the_chips_name_or_label(
    board: Board, tmp_path: Path
) -> None:
    board.number_chip(512, 32, "soc", chip_name="gpiochip0")
    board.add_export("gpio532")
    for text in ("gpiochip0:20", "soc:20"):
        pin = find_line(Paths(str(tmp_path)), parse_line(text))
        assert pin.where == "/sys/class/gpio/gpio532"


def test_chips_of_one_device_are_not_guessed_apart(board: Board, tmp_path: Path) -> None:
    board.number_chip(512, 32, "bank0", chip_name="gpiochip0")
    board.number_chip(544, 32, "bank1", chip_name="gpiochip0")
    with pytest.raises(DeviceError, match="no such GPIO line"):
        find_line(Paths(str(tmp_path)), parse_line("gpiochip0:20"))


def test_the_name_of_the_kernels_consumer_leads_to_the_export(board: Board, tmp_path: Path) -> None:
    board.add_export("modem1_sim", level=1)
    pin = find_line(Paths(str(tmp_path)), parse_line("gpiochip0:20"), consumer="modem1_sim")
    assert pin.read() == 1


def test_a_missing_line_is_an_error_that_names_it(board: Board, tmp_path: Path) -> None:
    with pytest.raises(DeviceError) as caught:
        pin_of(tmp_path, "nowhere")
    assert "nowhere" in str(caught.value)


def test_a_line_that_vanishes_is_an_error_that_names_it(board: Board, tmp_path: Path) -> None:
    directory = Path(board.add_export("line"))
    pin = pin_of(tmp_path, "line")
    (directory / "value").unlink()
    with pytest.raises(DeviceError, match="/sys/class/gpio/line"):
        pin.read()
    with pytest.raises(DeviceError, match="/sys/class/gpio/line"):
        pin.write(1)
