# SPDX-License-Identifier: GPL-2.0-or-later
"""What a modem worker needs of others, as capabilities:
the network interface, the GPIO lines, the bus.

Every method may raise a RemsimError and takes no longer than it says.
"""

from __future__ import annotations

import threading
from typing import Protocol

from remsim.clock import Deadline

# GPIO lines by name: "modem1.sim_switch" and so on. Levels are logical: SIM switch 0 local, 1
# remote; reset 1 asserted; power 1 off.
SIM_SWITCH, RESET, POWER = "sim_switch", "reset", "power"


class InterfaceControl(Protocol):
    """The modem's network interface, brought down and up by whoever owns it (netifd)."""

    def down(self, deadline: Deadline) -> None: ...

    def up(self, deadline: Deadline) -> None: ...


class LineControl(Protocol):
    """GPIO lines by name. `pulse` is level 1 for `ms`, then level 0, whatever happens."""

    def read(self, name: str) -> int | None: ...

    def set(self, name: str, level: int) -> None: ...

    def pulse(self, name: str, ms: int) -> None: ...


class BusControl(Protocol):
    """Off the bus and back on; ends switched on, however it ends.
    `hurry` cuts the pause in between."""

    def restart(self, place: str, hurry: threading.Event) -> None: ...

    def finish_interrupted(self, place: str) -> bool: ...
