# SPDX-License-Identifier: GPL-2.0-or-later
"""Other programs, run with a deadline: `ip`, `nft`, `ubus`. Argument lists only, never a shell.

A program that outlives its deadline is ended together with what it started (its own session), so
that a hung one never holds a worker.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise DeviceError(argv[0], f"cannot be started: {error.strerror}") from error
    with process:
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise DeviceTimeout(argv[0], f"no answer within {timeout_s:g} s") from error
    return Output(process.returncode, out, err)


def checked(runner: Run, argv: Sequence[str], stdin: str, timeout_s: float) -> str:
    """The output of a program that succeeded. Raises DeviceError with its complaint otherwise."""
    output = runner(argv, stdin, timeout_s)
    if output.status != 0:
        raise DeviceError(argv[0], output.complaint)
    return output.out


def _end(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended in this very moment
