# SPDX-License-Identifier: GPL-2.0-or-later
"""What a simulated modem is made of: its USB device, its times, and its answers as a table.

A table maps a command (without AT, upper case, no blanks) to the lines of its answer; `None` means
that this firmware never answers it. `{name}` in a line stands for a value of the modem's state. A
command that is in no table gets the modem's own error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Answers = Mapping[str, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True)
class UsbInterface:
    """`kind` is "at", "tty" (a serial port that says nothing), "net", "control" or "other"."""

    number: int
    kind: str
    driver: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """Times in seconds of the real device."""

    name: str
    usb_id: str
    manufacturer: str
    product: str
    imei: str
    interfaces: tuple[UsbInterface, ...]
    tty_prefix: str  # "ttyUSB" or "ttyACM"
    reset_commands: tuple[str, ...]
    unknown_command: str  # "+CME ERROR: 100" or "ERROR"
    leave_s: float  # from the reset command to leaving USB
    boot_s: float  # off USB
    silent_s: float  # on USB again, but silent
    sim_s: float  # from the modem's start to the SIM being ready
    register_s: float  # from the SIM being ready to the registration
    rereads_sim_on_radio_cycle: bool
    has_cpinr: bool
    boot_urcs: tuple[str, ...] = ()
    chatter: tuple[str, ...] = ()  # said unasked, in turn
    chatter_s: float = 47.0
    always: Answers = field(default_factory=dict)
    with_sim: Answers = field(default_factory=dict)
    registered: Answers = field(default_factory=dict)
    unregistered: Answers = field(default_factory=dict)
