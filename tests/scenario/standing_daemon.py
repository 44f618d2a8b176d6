# SPDX-License-Identifier: GPL-2.0-or-later
"""remsimd on a lab clock whose main loop stands still from a SIGUSR1 on.

python -m scenario.standing_daemon SPEED --root DIR
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

from remsim.daemon import Daemon
from remsim.paths import Paths
from remsim_lab.fast import FastClock


def stand_still(_number: int, _frame: object) -> None:
    """Handlers run between two steps of the main thread."""
    threading.Event().wait()


def main(arguments: list[str]) -> int:
    speed, _, root = arguments
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGUSR1, stand_still)
    return Daemon(Paths(root), FastClock(float(speed))).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
