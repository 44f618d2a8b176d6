# SPDX-License-Identifier: GPL-2.0-or-later
"""What the GPIO tests share: a root for the board, lines as the daemon has them, and patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import remsim_lab
from remsim.gpio.api import LineSettings, parse_line

DROPIN = os.path.join(os.path.dirname(remsim_lab.__file__), "dropin")
LIBRARY = os.path.dirname(os.path.dirname(remsim_lab.__file__))


def settings(name: str, spec: str, active_low: bool = False, pulse_ms: int = 300) -> LineSettings:
    return LineSettings(name, parse_line(spec), active_low, pulse_ms)


def eventually(claim: Callable[[], bool], limit_s: float = 5.0) -> None:
    """For what another process or thread does: wait until it is so, fail when it does not come."""
    deadline = time.monotonic() + limit_s
    while not claim():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def board_root(tmp_path: Path) -> str:
    (tmp_path / "dev").mkdir()
    (tmp_path / "var/run/remsim").mkdir(parents=True)
    return str(tmp_path)
