# SPDX-License-Identifier: GPL-2.0-or-later
"""Lab time: the daemon on a clock that runs N times as fast. Nothing of its configuration changes.

    python -m remsim_lab.fast SPEED --root DIR

What the daemon plans by its clock (intervals, grace, patience, boot times) is shortened by SPEED;
time limits of system calls (a TCP connection, a DNS answer, a modem's reply) stay real. The clock
has no start of its own, so a restarted daemon finds its saved moments where it left them.
"""

from __future__ import annotations

import faulthandler
import logging
import select
import sys
import threading
import time


class FastClock:
    """Satisfies `remsim.clock.Clock`. Wall time stays true: it is for records only."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def monotonic(self) -> float:
        return time.monotonic() * self._speed

    def wall(self) -> float:
        return time.time()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        return event.wait(max(0.0, timeout_s) / self._speed)

    def poll(self, watched: select.epoll, timeout_s: float) -> list[tuple[int, int]]:
        return watched.poll(max(0.0, timeout_s) / self._speed)


def main(arguments: list[str]) -> int:
    """`SPEED --root DIR`."""
    from remsim.daemon import Daemon
    from remsim.paths import Paths

    speed, _, root = arguments
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    faulthandler.enable()
    return Daemon(Paths(root), FastClock(float(speed))).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
