# SPDX-License-Identifier: GPL-2.0-or-later
"""Frozen types that everybody shares. No behaviour beyond small pure properties, no I/O.

Times named `*_at` are monotonic seconds of the daemon's clock. None means not known, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Role(Enum):
    """The two modems. The value is the UCI section's name."""

    PRIMARY = "modem1"
    IOT = "modem2"

    @property
    def other(self) -> Role:
        return Role.IOT if self is Role.PRIMARY else Role.PRIMARY

    @property
    def title(self) -> str:
        return "primary" if self is Role.PRIMARY else "iot"


class ModemState(Enum):
    """How a modem is (design section 5). UNKNOWN is the explicit first state."""

    UNKNOWN = "unknown"
    ABSENT = "absent"
    BOOTING = "booting"
    NO_SIM = "no_sim"
    PIN_NEEDED = "pin_needed"
    SEARCHING = "searching"
    REGISTERED = "registered"
    CONNECTED = "connected"
    FAILED = "failed"

    @property
    def is_registered(self) -> bool:
        return self in (ModemState.REGISTERED, ModemState.CONNECTED)


class SimSource(Enum):
    """What the SIM switch selects. The value is the ubus word."""

    UNKNOWN = "unknown"
    LOCAL = "local"
    REMOTE = "remote"


class AssignmentState(Enum):
    """What the bank thinks of this router (design section 5)."""

    UNREGISTERED = "unregistered"
    ACTIVE = "active"
    GRACE = "grace"
    EXPIRED = "expired"


class Step(Enum):
    """Recovery ladder, softest first (design section 5)."""

    INTERFACE = "interface"  # netifd: interface down, up
    RADIO = "radio"  # AT+CFUN=4, AT+CFUN=1
    AT_RESET = "at_reset"  # the profile's reset command
    RESET_LINE = "reset_line"  # GPIO pulse
    BUS = "bus"  # USB authorized 0/1, or PCIe remove + rescan
    POWER = "power"  # power GPIO line off, on

    @property
    def restarts_modem(self) -> bool:
        """After this step the modem boots: it is silent for its (learnt) boot time."""
        return self in (Step.AT_RESET, Step.RESET_LINE, Step.BUS, Step.POWER)


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure context: everything that can fail carries one.

    `code` is the peer's own number or word (CME 10, HTTP 503, errno), `type` one of
    `remsim.errors`' codes, `reason` a sentence. `last_failure_at`/`next_retry_at` are monotonic.
    """

    attempt: int
    code: str
    reason: str
    type: str
    last_failure_at: float
    next_retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One field of a device: a value, or why it could not be read; both None = never asked.

    A failing field keeps its last good value beside the failure. `read_at` belongs to the value.
    """

    value: T | None = None
    failure: Failure | None = None
    read_at: float | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Signal quality; each part optional. Source: 27.007 CSQ/CESQ or the vendor's command."""

    rssi_dbm: float | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None
    band: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """`stat` is 27.007 <stat> 0..10; `act` its <AcT>; `tac`/`cell_id` hexadecimal text."""

    stat: int
    act: int | None = None
    tac: str | None = None
    cell_id: str | None = None

    @property
    def is_registered(self) -> bool:
        return self.stat in (1, 5, 6, 7, 9, 10)

    @property
    def is_roaming(self) -> bool:
        return self.stat in (5, 7, 10)


@dataclass(frozen=True, slots=True)
class ModemObservation:
    """What a modem worker last saw of its modem. Immutable; a new one on each poll."""

    role: Role
    state: ModemState
    at: float
    device: str | None = None  # AT port, "/dev/ttyUSB2"
    bus_path: str | None = None  # sysfs path of the USB or PCI device, "1-1.2" or "0000:01:00.0"
    usb_id: str | None = None  # "0e8d:7127"
    profile: str | None = None  # name of the profile in use
    boot_time_s: float | None = None  # this model's learnt (or tabulated) boot time
    manufacturer: Reading[str] = field(default_factory=Reading)
    model: Reading[str] = field(default_factory=Reading)
    firmware: Reading[str] = field(default_factory=Reading)
    imei: Reading[str] = field(default_factory=Reading)
    sim: Reading[str] = field(default_factory=Reading)  # "READY", "SIM PIN", "not inserted", ...
    iccid: Reading[str] = field(default_factory=Reading)
    imsi: Reading[str] = field(default_factory=Reading)
    registration: Reading[Registration] = field(default_factory=Reading)
    operator: Reading[str] = field(default_factory=Reading)
    technology: Reading[str] = field(default_factory=Reading)  # "LTE", "NR SA", "EN-DC", ...
    signal: Reading[Signal] = field(default_factory=Reading)
    temperature_c: Reading[float] = field(default_factory=Reading)
    roams_in_vain: bool = False  # registered while roaming, which is not allowed: counts as none
    failure: Failure | None = None  # of the modem as a whole (port cannot be opened, hung, ...)


@dataclass(frozen=True, slots=True)
class LinkObservation:
    """What the link watcher saw of a modem's network interface."""

    role: Role
    at: float
    interface: str  # configured name (netifd's logical name or device)
    device: str | None = None  # l3 device, "wwan0"
    is_up: bool = False  # administratively up and carrier present
    addresses: tuple[str, ...] = ()  # "10.64.1.2/30", "2001:db8::1/64"; link-local left out
    gateways: tuple[str, ...] = ()  # empty on raw-IP links
    dns_servers: tuple[str, ...] = ()
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    failure: Failure | None = None

    @property
    def is_usable(self) -> bool:
        return self.device is not None and self.is_up and bool(self.addresses)


@dataclass(frozen=True, slots=True)
class LineState:
    """A GPIO line as read back. `level` is logical (after active-low)."""

    name: str  # "modem1.sim_switch"
    line: str  # resolved line: "gpiochip0:20", "/sys/class/gpio/modem1_sim"
    level: int | None
    wanted: int | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the orchestrator assigned at registration. Unknown parts are None."""

    client_id: str
    bank_id: int | None = None
    slot_id: int | None = None
    iccid: str | None = None
    imsi: str | None = None
    bankd_endpoint: str | None = None
    mapping_mode: str | None = None
    profile_id: str | None = None
    heartbeat_interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class RemoteCommand:
    """One entry of `commands[]` in a heartbeat's answer; only allow-listed ones are obeyed."""

    id: str
    name: str
    arguments: tuple[tuple[str, str], ...] = ()
