# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end shell over real pipes: lines in, lines out, end of input, slow readers, rubbish."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

import pytest

from remsim.card.shell import MAX_COMMANDS, ShellFrontEnd
from remsim.clock import SystemClock
from remsim.eventloop import EventLoop


class User:
    """Answers each command with its parameters, at once or when told to."""

    def __init__(self):
        self.front_end = None
        self.commands = []
        self.lines = []
        self.ended = []
        self.answers_at_once = True
        self.takes = True

    def command(self, command):
        if not self.takes:
            return False
        self.commands.append(command)
        if self.answers_at_once:
            self.front_end.answer(command[2:4] + b"\x90\x00")
        return True

    def line_changed(self, status):
        self.lines.append(status)

    def front_end_ended(self, reason):
        self.ended.append(reason)


class Shell:
    def __init__(self):
        self.loop = EventLoop(SystemClock())
        self.stdin_read, self.stdin_write = os.pipe()
        self.stdout_read, self.stdout_write = os.pipe()
        os.set_blocking(self.stdout_read, False)
        fcntl.fcntl(self.stdout_write, fcntl.F_SETPIPE_SZ, 4096)
        self.user = User()
        self.front_end = ShellFrontEnd(self.loop, self.stdin_read, self.stdout_write)
        self.user.front_end = self.front_end
        self.front_end.open(self.user)
        self.heard = b""

    def type(self, text):
        os.write(self.stdin_write, text.encode() if isinstance(text, str) else text)
        self.run()

    def run(self, rounds=5):
        for _ in range(rounds):
            self.loop.run_once(time.monotonic() + 0.01)

    def hear(self):
        with contextlib.suppress(BlockingIOError):
            self.heard += os.read(self.stdout_read, 1 << 20)
        return self.heard.decode()

    def end(self):
        os.close(self.stdin_write)
        self.stdin_write = None
        self.run()

    def close(self):
        self.front_end.close()
        self.loop.close()
        for fd in (self.stdin_read, self.stdin_write, self.stdout_read, self.stdout_write):
            if fd is not None:
                os.close(fd)


@pytest.fixture
def shell():
    shell = Shell()
    yield shell
    shell.close()


def test_command_and_answer_have_the_c_clients_form(shell):
    shell.front_end.present(bytes.fromhex("3b00"))
    shell.type("00 a4 12 34 02 3f00\n")
    assert shell.user.commands == [bytes.fromhex("00a41234023f00")]
    assert shell.hear() == "SET_ATR: 3b 00\nR-APDU: 12 34 90 00\n"


def test_commands_in_one_write_are_all_answered_in_order(shell):
    shell.type("".join(f"00B000{number:02X}01\n" for number in range(20)))
    assert shell.hear().splitlines() == [f"R-APDU: 00 {n:02x} 90 00" for n in range(20)]


def test_command_in_pieces_is_one_command(shell):
    shell.type("00a4")
    assert shell.user.commands == []
    shell.type("12340")
    shell.type("0\r\n")
    assert shell.user.commands == [bytes.fromhex("00a4123400")]


def test_reset_is_two_edges_in_any_case_of_letters(shell):
    for word in ("RESET", "reset", " Reset "):
        shell.type(word + "\n")
    assert [status.vcc_present for status in shell.user.lines] == [False, True] * 3


@pytest.mark.parametrize("line", ["00B0", "zz", "", "00" * 261, "00" * 4, "0", "ä"])
def test_line_that_is_no_command_has_no_answer(shell, line):
    shell.type(line + "\n")
    assert shell.user.commands == []
    assert shell.hear() == ""
    shell.type("00b0000001\n")
    assert shell.hear() == "R-APDU: 00 00 90 00\n"


def test_endless_line_is_dropped_with_bounded_memory(shell):
    for _ in range(20):
        shell.type("00" * 10_000)
        assert len(shell.front_end._partial) <= 65536 + 4096
    shell.type("\n00b0000001\n")
    assert shell.hear().endswith("R-APDU: 00 00 90 00\n")


def test_end_of_input_ends_the_client_after_the_last_answer(shell):
    shell.user.answers_at_once = False
    shell.type("00b0000001\n00b0000101\n")
    shell.end()
    assert shell.user.ended == []
    shell.front_end.answer(b"\x90\x00")
    assert shell.user.ended == []
    shell.front_end.answer(b"\x90\x00")
    assert shell.user.ended == ["end of input"]


def test_last_line_needs_no_newline(shell):
    shell.type("00b0000001")
    shell.end()
    assert shell.hear() == "R-APDU: 00 00 90 00\n"
    assert shell.user.ended == ["end of input"]


def test_removed_card_leaves_nothing_to_wait_for(shell):
    shell.user.answers_at_once = False
    shell.type("00b0000001\n")
    shell.end()
    shell.front_end.remove()
    assert shell.user.ended == ["end of input"]


def test_dropped_command_is_not_waited_for(shell):
    shell.user.takes = False
    shell.type("00b0000001\n")
    shell.end()
    assert shell.user.ended == ["end of input"]


def test_reader_ahead_is_held_back(shell):
    shell.user.answers_at_once = False
    shell.type("00b0000001\n" * 100)
    assert len(shell.user.commands) == MAX_COMMANDS
    for _ in range(100):
        shell.front_end.answer(b"\x90\x00")
    shell.run()
    assert len(shell.user.commands) == 100


def test_slow_reader_of_the_output_stops_the_input(shell):
    for _ in range(300):
        shell.type("00b0000001\n" * 30)
        if shell.front_end._pending:
            break
    assert len(shell.front_end._pending) < 4096
    taken = len(shell.user.commands)
    os.set_blocking(shell.stdin_write, False)
    shell.type("00b0000001\n")
    assert len(shell.user.commands) == taken
    shell.hear()
    shell.run()
    assert len(shell.user.commands) > taken


def test_reader_that_went_away_ends_the_client(shell):
    os.close(shell.stdout_read)
    shell.stdout_read = None
    shell.type("00b0000001\n")
    assert shell.user.ended == ["nobody reads the output"]


def test_input_may_be_a_file(tmp_path):
    script = tmp_path / "script"
    script.write_text("00b0000001\n00b0000101\n")
    shell = Shell()
    shell.front_end.close()
    source = os.open(script, os.O_RDONLY)
    shell.front_end = ShellFrontEnd(shell.loop, source, shell.stdout_write)
    shell.user.front_end = shell.front_end
    shell.front_end.open(shell.user)
    shell.run()
    assert shell.hear().splitlines() == ["R-APDU: 00 00 90 00", "R-APDU: 00 01 90 00"]
    assert shell.user.ended == ["end of input"]
    os.close(source)
    shell.close()
