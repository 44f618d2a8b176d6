# SPDX-License-Identifier: GPL-2.0-or-later
"""remsim-client on lab time: `python -m remsim_lab.fast_client SPEED --root DIR`. See `fast`."""

from __future__ import annotations

import sys

from remsim.client import run
from remsim.eventloop import EventLoop
from remsim.paths import Paths
from remsim_lab.fast import FastClock


def main(arguments: list[str]) -> int:
    """`SPEED --root DIR`."""
    speed, _, root = arguments
    return run(Paths(root), EventLoop(FastClock(float(speed))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
