# SPDX-License-Identifier: GPL-2.0-or-later
"""Other programs, run with a deadline: `ip`, `nft`, `ubus`. Argument lists only, never a shell.

A program that outlives its deadline is ended together with what it started (its own session), so
that a hung one never holds a worker. What it says goes to memory, not through pipes: `ip` flushes
after each route, and every piece would wake the process that waits.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from remsim.errors import DeviceError, DeviceTimeout


@dataclass(frozen=True, slots=True)
class Output:
    """What a program wrote, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The program's own words, on one line."""
        return " ".join((self.err or self.out).split()) or f"exit status {self.status}"


Run = Callable[[Sequence[str], str, float], Output]
"""`run(argv, stdin, timeout_s)`; what tests replace."""


def run(argv: Sequence[str], stdin: str = "", timeout_s: float = 5.0) -> Output:
    """Run and wait. Raises DeviceTimeout after `timeout_s`, DeviceError when it cannot start."""
    with _memory(stdin) as given, _memory() as out, _memory() as err:
        try:
            process = subprocess.Popen(
                list(argv), stdin=given, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            raise DeviceError(argv[0], f"cannot be started: {error.strerror}") from error
        try:
            status = _status(process, timeout_s)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise DeviceTimeout(argv[0], f"no answer within {timeout_s:g} s") from error
        return Output(status, _text(out), _text(err))


def checked(runner: Run, argv: Sequence[str], stdin: str, timeout_s: float) -> str:
    """The output of a program that succeeded. Raises DeviceError with its complaint otherwise."""
    output = runner(argv, stdin, timeout_s)
    if output.status != 0:
        raise DeviceError(argv[0], output.complaint)
    return output.out


def _memory(text: str = "") -> BinaryIO:
    """A file that is only in memory, read from its beginning."""
    file = os.fdopen(os.memfd_create("remsim"), "w+b", buffering=0)
    file.write(text.encode())
    file.seek(0)
    return file


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _status(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """Of the ended process. One wake-up where the kernel tells of its end (Linux 5.3); else the
    library looks again and again. TimeoutExpired.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return process.wait(timeout_s)
    try:
        ending = select.poll()
        ending.register(fd, select.POLLIN)
        if not ending.poll(timeout_s * 1000):
            raise subprocess.TimeoutExpired(process.args, timeout_s)
    finally:
        os.close(fd)
    return process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended in this very moment
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
