# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit codes of the command `remsim`, and the exception that carries one. Source: docs/cli.md."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Stable: scripts rely on them."""

    OK = 0
    FAILED = 1  # the request was refused or could not be carried out
    USAGE = 2  # wrong command line or wrong value in it
    NOT_RUNNING = 3  # no remsimd, or no ubusd
    NO_RIGHTS = 4
    CONFIG = 5  # the configuration has problems
    JOB_FAILED = 6  # the job was started and failed
    TIMED_OUT = 7  # no answer, or the job was still running when the waiting ended
    INTERRUPTED = 130  # Ctrl-C, as shells count it


HELP = {
    Exit.OK: "done",
    Exit.FAILED: "refused, or could not be carried out",
    Exit.USAGE: "wrong command line, or a wrong value in it",
    Exit.NOT_RUNNING: "remsimd (or ubusd) is not running",
    Exit.NO_RIGHTS: "this user may not do it",
    Exit.CONFIG: "the configuration has problems",
    Exit.JOB_FAILED: "the job was started and failed",
    Exit.TIMED_OUT: "no answer in time, or the job still ran when the waiting ended",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}


class Stopped(Exception):
    """Ends the command: `message` says what is wrong, `advice` (may be empty) what to do."""

    def __init__(self, exit_code: Exit, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.advice = advice
