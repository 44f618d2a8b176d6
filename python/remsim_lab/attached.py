# SPDX-License-Identifier: GPL-2.0-or-later
"""A simulated modem in its place: GPIO lines lead to it, its registration leads to its carrier.

Registered means that the link has a carrier; off USB means that its network device is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from remsim.model import Role
from remsim_lab.desk import LabError
from remsim_lab.modems import SimCard, SimulatedModem
from remsim_lab.modems.cards import LOCAL_IOT, LOCAL_PRIMARY, REMOTE_PRIMARY, CardSlot

LOSS_SHARE = 1 / 3

# Ways of `remsim-lab fail` that the modem itself knows -> its own name for them.
_MODEM_KINDS = {
    "signal": "signal",
    "hang": "hang",
    "sim": "no_sim",
    "port": "vanish",
    "denied": "denied",
    "roaming": "roaming",
    "garbage": "garbage",
    "slow": "slow",
}
_MODELS: dict[Role, dict[str, Any]] = {
    Role.PRIMARY: {
        "model": "fm350",
        "tty_names": [f"ttyUSB{n}" for n in range(7)],
        "bus_path": "2-1",
        "net_name": "wwan0",
        "local": LOCAL_PRIMARY,
        "remote": REMOTE_PRIMARY,
        "operator": "Lab One",
    },
    Role.IOT: {
        "model": "l850",
        "tty_names": ["ttyACM0", "ttyACM1", "ttyACM2"],
        "bus_path": "1-1.2",
        "net_name": "wwan1",
        "local": LOCAL_IOT,
        "remote": None,
        "operator": "Lab IoT",
    },
}


class Link(Protocol):
    """What a modem does to its carrier."""

    def set_signal(self, is_on: bool) -> None: ...
    def silence(self, direction: str = ...) -> None: ...
    def lose(self, share: float, direction: str = ...) -> None: ...
    def well(self) -> None: ...
    def plug(self) -> None: ...
    def unplug(self) -> None: ...


class AttachedModem:
    """`carrier` is None where there are no namespaces; `on_usb(present)` is for hotplug; `remote`
    is what the SIM switch leads to, instead of a card that simply lies there.
    """

    def __init__(
        self,
        role: Role,
        root: str,
        speed: float,
        carrier: Link | None,
        on_usb: Callable[[bool], None],
        remote: CardSlot | None = None,
    ) -> None:
        self._carrier = carrier
        self._tell_usb = on_usb
        self._is_cut = False
        self._is_registered = False
        parts = dict(_MODELS[role])
        lying = _card(parts.pop("remote"))
        self.device = SimulatedModem(
            parts.pop("model"),
            root,
            parts.pop("tty_names"),
            parts.pop("bus_path"),
            local=_card(parts.pop("local")),
            remote=remote or lying,
            speed=speed,
            power_active_low=True,  # the pin low is off
            on_registration=self._registration,
            on_usb=self._usb,
            **parts,
        )

    def start(self) -> None:
        self.device.start()

    def stop(self) -> None:
        self.device.stop()

    def edge(self, part: str, level: int) -> None:
        """A raw level of its line: "sim", "reset" or "power"."""
        {
            "sim": self.device.on_sim_switch,
            "reset": self.device.on_reset_line,
            "power": self.device.on_power_line,
        }[part](level)

    # --- breaking and mending ----------------------------------------------------------------

    def fail(self, kind: str) -> None:
        if kind in _MODEM_KINDS:
            self.device.fail(_MODEM_KINDS[kind])
        elif self._carrier is None:
            raise LabError(f"{kind}: there is no carrier without namespaces")
        elif kind == "link":
            self._is_cut = True
            self._settle_carrier()
        elif kind == "silent":
            self._carrier.silence()
        elif kind == "loss":
            self._carrier.lose(LOSS_SHARE)

    def restore(self) -> None:
        self._is_cut = False
        if self._carrier is not None:
            self._carrier.well()
        self.device.restore()
        self._settle_carrier()

    @property
    def boot_s(self) -> float:
        """From the reset line's release to its first answer."""
        return self.device.model.boot_s + self.device.model.silent_s

    @property
    def words(self) -> str:
        """How it is, for people."""
        core = self.device.core
        if not core.is_on_usb:
            state = "off USB"
        elif not core.is_running:
            state = "booting"
        else:
            state = "registered" if core.is_registered else "not registered"
        name = self.device.model.product
        sim = f"{core.selected} SIM {core.read_iccid or 'not read'}"
        times = f"restarted {core.restarts} times"
        return f"{name} at {self.device.bus_path}, {state}, {sim}, {times}"

    # --- on the modem's thread ----------------------------------------------------------------

    def _registration(self, is_registered: bool) -> None:
        self._is_registered = is_registered
        self._settle_carrier()

    def _usb(self, is_present: bool) -> None:
        if self._carrier is not None:
            self._carrier.plug() if is_present else self._carrier.unplug()
        self._tell_usb(is_present)

    def _settle_carrier(self) -> None:
        if self._carrier is not None:
            self._carrier.set_signal(self._is_registered and not self._is_cut)


def _card(numbers: tuple[str, str] | None) -> SimCard | None:
    return SimCard(*numbers) if numbers is not None else None
