# SPDX-License-Identifier: GPL-2.0-or-later
"""Other programs: what they say, how they end, and that a hung one ends with its children."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from remsim.command import Output, checked, run
from remsim.errors import DeviceError, DeviceTimeout

LIMIT_S = 30.0
MEGABYTE = 1 << 20


@pytest.fixture(params=["pidfd", "before Linux 5.3"], autouse=True)
def _kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    if request.param != "pidfd":
        monkeypatch.setattr(os, "pidfd_open", refuse)


def test_input_output_complaint_and_status_are_told_apart() -> None:
    assert run(["sh", "-c", "cat; echo oops >&2; exit 3"], "héllo\n", LIMIT_S) == Output(
        3, "héllo\n", "oops\n"
    )


def test_a_flood_on_all_three_ends_blocks_nobody() -> None:
    flood = "x" * MEGABYTE
    program = "import sys; sys.stderr.write('e' * (1 << 20)); sys.stdout.write(sys.stdin.read())"
    said = run([sys.executable, "-c", program], flood, LIMIT_S)
    assert said.out == flood
    assert len(said.err) == MEGABYTE


def test_what_is_no_text_is_no_trouble() -> None:
    assert run(["printf", r"\377a"], "", LIMIT_S).out == "\N{REPLACEMENT CHARACTER}a"


def test_a_hung_program_ends_with_what_it_started(tmp_path: Path) -> None:
    held = tmp_path / "held open by the child"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(DeviceTimeout):
            run(["sh", "-c", f"exec 3>'{held}'; sleep 1000 & wait"], "", 0.5)
        closed = select.poll()
        closed.register(reader, select.POLLHUP)
        assert closed.poll(LIMIT_S * 1000)
    finally:
        os.close(reader)


def test_the_answer_does_not_wait_for_what_a_program_left_behind() -> None:
    assert run(["sh", "-c", "sleep 5 & echo done"], "", LIMIT_S).out == "done\n"


def test_a_program_that_is_not_there_and_one_that_fails() -> None:
    with pytest.raises(DeviceError, match="cannot be started: No such file"):
        run(["/nonexistent/program"])
    with pytest.raises(DeviceError, match="broken pipe dream"):
        checked(run, ["sh", "-c", "echo broken pipe dream >&2; exit 1"], "", LIMIT_S)
