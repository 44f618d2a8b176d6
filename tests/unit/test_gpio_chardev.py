# SPDX-License-Identifier: GPL-2.0-or-later
"""The character device's lines, over the stand-in for gpiod."""

import errno
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gpio_support import DROPIN, board_root
from remsim.gpio.api import parse_line
from remsim.paths import Paths
from remsim_lab.gpio import Board
from remsim_lab.gpiochip import LineDeclaration, OnRelease, PinState

LINES = (
    LineDeclaration("led"),
    LineDeclaration("modem1_sim"),
    LineDeclaration("modem1_reset", rest_level=1),
    LineDeclaration("exported", kernel_consumer="modem2_sim"),
    LineDeclaration("m2:sim:0"),
)


@pytest.fixture
def chardev(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(DROPIN)
    import remsim.gpio.chardev

    yield remsim.gpio.chardev


@pytest.fixture
def board(tmp_path: Path) -> Board:
    board = Board(board_root(tmp_path))
    board.add_chip(0, LINES, label="soc")
    board.add_chip(1, (LineDeclaration(),) * 8, label="expander")
    return board


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("modem1_sim", "gpiochip0:1"),
        ("gpiochip0:2", "gpiochip0:2"),
        ("soc:2", "gpiochip0:2"),
        ("expander:7", "gpiochip1:7"),
        ("2", "gpiochip0:2"),
        ("6", "gpiochip1:1"),
        ("m2:sim:0", "gpiochip0:4"),
        ("514", "gpiochip0:2"),
    ],
)
def test_a_line_is_found_by_every_name(
    chardev: ModuleType, board: Board, tmp_path: Path, text: str, place: str
) -> None:
    assert chardev.find_place(Paths(str(tmp_path)), parse_line(text)).text == place


def test_sysfs_numbers_decide_which_chip_a_plain_number_means(
    chardev: ModuleType, board: Board, tmp_path: Path
) -> None:
    board.number_chip(512, 8, "expander")
    board.number_chip(520, 5, "soc")
    assert chardev.find_place(Paths(str(tmp_path)), parse_line("9")).text == "gpiochip0:1"


@pytest.mark.parametrize("text", ["nobody", "gpiochip0:5", "gpiochip9:0", "4000"])
def test_a_line_that_is_not_there_is_refused(
    chardev: ModuleType, board: Board, tmp_path: Path, text: str
) -> None:
    with pytest.raises(chardev.LineRefused) as caught:
        chardev.find_place(Paths(str(tmp_path)), parse_line(text))
    assert caught.value.errno == errno.ENOENT


def test_two_chips_with_one_label_are_not_guessed_apart(
    chardev: ModuleType, board: Board, tmp_path: Path
) -> None:
    board.add_chip(2, (LineDeclaration(),), label="soc")
    with pytest.raises(chardev.LineRefused):
        chardev.find_place(Paths(str(tmp_path)), parse_line("soc:0"))


def test_a_line_of_the_boards_export_is_busy_and_says_whose_it_is(
    chardev: ModuleType, board: Board, tmp_path: Path
) -> None:
    paths = Paths(str(tmp_path))
    with pytest.raises(chardev.LineRefused) as caught:
        chardev.request(paths, chardev.find_place(paths, parse_line("exported")))
    assert (caught.value.errno, caught.value.consumer) == (errno.EBUSY, "modem2_sim")


@pytest.mark.parametrize("before", [PinState(True, 1), PinState(True, 0), PinState(False, 1)])
def test_requesting_a_line_changes_neither_direction_nor_level(
    chardev: ModuleType, board: Board, tmp_path: Path, before: PinState
) -> None:
    chip = board.add_chip(3, (LineDeclaration(),), label="third")
    chip.set_pin(0, before)
    known = len(chip.edges())
    paths = Paths(str(tmp_path))
    with chardev.request(paths, chardev.find_place(paths, parse_line("third:0"))) as line:
        assert (line.is_output, line.read()) == (before.is_output, before.raw)
        assert chip.pin(0) == before
    assert chip.pin(0) == before
    assert len(chip.edges()) == known


def test_an_input_becomes_an_output_at_the_written_level_in_one_step(
    chardev: ModuleType, board: Board, tmp_path: Path
) -> None:
    chip = board.add_chip(3, (LineDeclaration(rest_level=1),), label="third")
    paths = Paths(str(tmp_path))
    with chardev.request(paths, chardev.find_place(paths, parse_line("third:0"))) as line:
        line.write(1)
        assert chip.pin(0) == PinState(True, 1)
        assert chip.edges() == ()
        line.write(0)
        assert [(offset, raw) for _, offset, raw in chip.edges()] == [(0, 0)]


def test_the_stand_in_lets_a_released_line_fall_when_the_chip_is_of_that_kind(
    chardev: ModuleType, board: Board, tmp_path: Path
) -> None:
    chip = board.add_chip(
        3, (LineDeclaration(rest_level=0),), label="third", on_release=OnRelease.RESET
    )
    paths = Paths(str(tmp_path))
    with chardev.request(paths, chardev.find_place(paths, parse_line("third:0"))) as line:
        line.write(1)
    assert chip.pin(0) == PinState(False, 0)
