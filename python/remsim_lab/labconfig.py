# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab router's own files: /etc/config/remsim, its board's lines, the directories of its root.

Only what differs from the shipped defaults is written: the lab runs with the product's own numbers.
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

_CONFIG = """\
config service 'service'
	option enabled '1'

config modems 'modems'
	option dual_modem '1'

config modem1 'modem1'
	option device '/dev/ttyUSB2'
	option interface '{primary}'
	option sim_switch_gpio 'modem1_sim'
	option reset_gpio 'modem1_reset'
	option power_gpio 'modem1_power'

config modem2 'modem2'
	option device '/dev/ttyACM0'
	option interface '{iot}'
	option sim_switch_gpio 'modem2_sim'
	option reset_gpio 'modem2_reset'
	option power_gpio 'modem2_power'

config ionmesh 'ionmesh'
	option enabled '1'
	option host '{host}'
	option port '{port}'

config routing 'routing'
	option mode '{mode}'
"""


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
    """What the configuration is in the namespaces."""
    primary, iot = addresses.LINKS.values()
    return _CONFIG.format(
        primary=primary.device,
        iot=iot.device,
        host="ionmesh.example.com",
        port=5000,
        mode="policy",
    )


def loopback_config(port: int) -> str:
    """What it is on a machine without namespaces: one link, the loopback device."""
    text = _CONFIG.format(primary="wwan0", iot="lo", host="127.0.0.1", port=port, mode="none")
    return text + "\nconfig failover 'failover'\n\tlist probe_targets '127.0.0.1'\n"
