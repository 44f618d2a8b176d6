# SPDX-License-Identifier: GPL-2.0-or-later
"""remsimd on a lab clock whose wall time jumps: SIGUSR1 adds ten years, SIGUSR2 takes thirty away.

python -m scenario.jumping_daemon SPEED --root DIR
"""

from __future__ import annotations

import logging
import signal
import sys

from remsim.daemon import Daemon
from remsim.paths import Paths
from remsim_lab.fast import FastClock

YEAR_S = 365.25 * 86400


class JumpingClock(FastClock):
    """As a router's when NTP first answers, and worse."""

    offset_s = 0.0

    def wall(self) -> float:
        return super().wall() + self.offset_s

    def jump(self, years: float) -> None:
        self.offset_s += years * YEAR_S
        logging.info("the wall clock jumps by %g years", years)


def main(arguments: list[str]) -> int:
    speed, _, root = arguments
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    clock = JumpingClock(float(speed))
    signal.signal(signal.SIGUSR1, lambda *_: clock.jump(10))
    signal.signal(signal.SIGUSR2, lambda *_: clock.jump(-30))
    return Daemon(Paths(root), clock).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
