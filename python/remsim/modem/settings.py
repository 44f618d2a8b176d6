# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything a modem worker needs from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from remsim.model import Role
from remsim.modem.profile import AUTO


@dataclass(frozen=True, slots=True)
class ModemSettings:
    """One modem's options. None = not configured. The PIN does not show in logs (`repr=False`)."""

    role: Role
    device: str  # "/dev/ttyUSB2"
    bus_path: str | None = None  # "1-1.2" or "0000:01:00.0": binds the role to a place
    imei: str | None = None  # binds the role to a modem
    other_bus_path: str | None = None  # the other role's `bus_path`
    has_other: bool = True  # dual-modem mode
    profile: str = AUTO
    pin: str | None = field(default=None, repr=False)
    expected_iccid: str | None = None  # of the SIM that the PIN belongs to
    boot_time_s: float | None = None  # None = learn it
    roaming_allowed: bool = True
    has_sim_switch: bool = False
    has_reset_line: bool = False
    has_power_line: bool = False
    reset_pulse_ms: int = 300
    power_off_ms: int = 5000
    sim_slot_local: int | None = (
        None  # modems with two slots of their own, beside or instead of a switch
    )
    sim_slot_remote: int | None = None
    registration_interval_s: float = 15.0
    signal_interval_s: float = 60.0

    @property
    def has_slots(self) -> bool:
        return self.sim_slot_local is not None and self.sim_slot_remote is not None

    @property
    def may_use_remote_sim(self) -> bool:
        """The IoT modem's switch never leaves its local SIM."""
        return self.role is Role.PRIMARY
