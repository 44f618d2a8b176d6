# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel tells about a process: memory, CPU time, wake-ups. Source: proc(5).

A wake-up is a voluntary context switch: a thread that slept was run again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Totals since the process started; `at_s` is monotonic."""

    at_s: float
    cpu_s: float
    wakeups: int
    threads: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Between two moments: share of one core in percent, wake-ups per second."""

    cpu_percent: float
    wakeups_per_s: float


def usage(pid: int) -> Usage:
    """Of all threads together. Raises OSError when the process is gone."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    wakeups = [_wakeups(task / "status") for task in Path(f"/proc/{pid}/task").iterdir()]
    cpu_s = (int(stat[11]) + int(stat[12])) / _TICKS_PER_S
    return Usage(time.monotonic(), cpu_s, sum(wakeups), len(wakeups))


def between(before: Usage, after: Usage) -> Idle:
    """A thread that ended meanwhile takes its count away; then the true figure is higher."""
    seconds = after.at_s - before.at_s
    return Idle(
        100 * (after.cpu_s - before.cpu_s) / seconds,
        max(0, after.wakeups - before.wakeups) / seconds,
    )


def resident_bytes(pid: int) -> int:
    """VmRSS."""
    return _status_number(Path(f"/proc/{pid}/status"), "VmRSS") * 1024


def _wakeups(path: Path) -> int:
    try:
        return _status_number(path, "voluntary_ctxt_switches")
    except OSError:
        return 0  # the thread has just ended


def _status_number(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise ValueError(f"{path}: no {name}")
