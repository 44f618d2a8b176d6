# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab router's own: its configuration, its board's lines, the directories of its root.

The configuration is the shipped file with only what names things changed: the lab runs with the
product's own numbers.
"""

from __future__ import annotations

from pathlib import Path

from remsim_lab.gpiochip import LineDeclaration
from remsim_lab.network import addresses

# The board's lines, as the reference wiring has them: offset on gpiochip0 and name.
LINE_OFFSETS = {
    "modem1_sim": 20,
    "modem1_reset": 21,
    "modem2_sim": 22,
    "modem2_reset": 23,
    "modem1_power": 24,
    "modem2_power": 25,
}
SHIPPED_CONFIG = Path(__file__).resolve().parents[2] / "files/etc/config/remsim"
CHIP_SIZE = 32
SYSFS_BASE = 512  # where kernels from 6.2 on begin to number

_DIRECTORIES = (
    "dev",
    "etc/config",
    "etc/remsim",
    "sys/bus/usb/devices",
    "sys/bus/pci/devices",
    "sys/class/tty",
    "sys/class/net",
    "tmp/.uci",
    "usr/lib/remsim",
    "var/run/ubus",
    "var/run/remsim",
)

# What a user of the lab's board would type, on top of the shipped defaults.
_BATCH = """\
set remsim.service.enabled=1
set remsim.modems.dual_modem=1
set remsim.modem1.interface={primary}
set remsim.modem1.sim_switch_gpio=modem1_sim
set remsim.modem1.reset_gpio=modem1_reset
set remsim.modem1.power_gpio=modem1_power
set remsim.modem2.device=/dev/ttyACM0
set remsim.modem2.interface={iot}
set remsim.modem2.sim_switch_gpio=modem2_sim
set remsim.modem2.reset_gpio=modem2_reset
set remsim.modem2.power_gpio=modem2_power
set remsim.ionmesh.enabled=1
set remsim.ionmesh.host={host}
set remsim.ionmesh.port={port}
set remsim.routing.mode={mode}
"""
# The board in the primary's SIM slot, and the server that names the bank.
_REMOTE_SIM = """\
set remsim.client.front_end=simtrace2
set remsim.server.host={host}
set remsim.server.port={port}
"""
_COMMIT = "commit remsim\n"


def chip_lines() -> tuple[LineDeclaration, ...]:
    """Reset lines (active low) and power lines (high is on) rest high, the others low."""
    names = {offset: name for name, offset in LINE_OFFSETS.items()}
    rest_high = ("_reset", "_power")
    return tuple(
        LineDeclaration(names.get(n, ""), rest_level=int(names.get(n, "").endswith(rest_high)))
        for n in range(CHIP_SIZE)
    )


def make_root(root: Path) -> None:
    """The directories that a router has before anything is started."""
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/config").chmod(0o700)


def network_config() -> str:
    """`uci batch` for the namespaces."""
    primary, iot = addresses.LINKS.values()
    text = _BATCH.format(
        primary=primary.device,
        iot=iot.device,
        host="ionmesh.example.com",
        port=5000,
        mode="policy",
    )
    return text + _COMMIT


def remote_sim_config(host: str, port: int) -> str:
    """`uci batch` for a remote SIM, to go before one of the others."""
    return _REMOTE_SIM.format(host=host, port=port)


def loopback_config(port: int) -> str:
    """`uci batch` for a machine without namespaces: one link, the loopback device."""
    text = _BATCH.format(primary="wwan0", iot="lo", host="127.0.0.1", port=port, mode="none")
    probe = (
        "delete remsim.failover.probe_targets\nadd_list remsim.failover.probe_targets=127.0.0.1\n"
    )
    return text + probe + _COMMIT
