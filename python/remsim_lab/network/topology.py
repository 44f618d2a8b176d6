# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network as one object.

    with Topology("demo") as net:
        net.router.run(["ip", "-br", "addr"])
        net.carrier(Role.PRIMARY).cut()
        with net.capture(Role.IOT) as capture, net.lan_traffic():
            ...

        LAN host --- router --- wwan0 === carrier0 --- servers (orchestrator, probe targets, DNS)
                        `------ wwan1 === carrier1 -----'

Everything is made by this process and removed by it; what a killed lab left is swept at the next
start. Needs root, ip, nft and /dev/net/tun: `Topology.why_not()` says what is missing.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from shutil import which

from remsim.model import Role
from remsim_lab.network.addresses import (
    LAN_HOST,
    LAN_HOST6,
    LAN_ROUTER,
    LAN_ROUTER6,
    NAMES,
    SERVER_ADDRESSES,
    SERVERS6,
)
from remsim_lab.network.capture import Capture
from remsim_lab.network.carrier import Carrier
from remsim_lab.network.dns import NameServer
from remsim_lab.network.engine import Engine
from remsim_lab.network.ethernet import EthernetCarrier
from remsim_lab.network.links import LinkSetup, bring_down, bring_up, setup_of
from remsim_lab.network.namespace import (
    END_LIMIT_S,
    PREFIX,
    Namespace,
    NetworkError,
    owner_tag,
    sh,
    sweep,
)
from remsim_lab.network.traffic import LanTraffic

# What fw4 does for a router's wan zone that holds both modems: everything forwarded is masqueraded.
FIREWALL = """\
table inet fw4 {}
delete table inet fw4
table inet fw4 {
	chain srcnat {
		type nat hook postrouting priority srcnat; policy accept;
		oifname { "wwan0", "wwan1" } masquerade
	}
}
"""

# Forwarding as on every OpenWrt router; new sockets of the lab's servers need no ping rights.
ROUTER_SYSCTLS = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

_number = itertools.count(1)


class Topology:
    """`name` is for people; `speed` shortens the carriers' delays; `seed` feeds their losses.

    `directory` gets the captures (default: a new temporary one, removed at the end).
    `has_gateways=True` makes Ethernet-like links with gateways instead of raw-IP ones.
    `has_netifd=False`: the links are configured at start and after a re-plug by this object;
    with True that is left to `remsim_lab.network.netifd`, run by the caller.
    """

    can_show_links = True

    def __init__(
        self,
        name: str = "lab",
        speed: float = 1.0,
        *,
        seed: int = 0,
        directory: Path | None = None,
        has_netifd: bool = False,
        has_gateways: bool = False,
    ) -> None:
        self.name = name
        self.speed = speed
        number = next(_number)  # a process may hold several
        lab = name.replace(".", "-") + (f"-{number}" if number > 1 else "")
        tag = f"{PREFIX}{lab}.{owner_tag()}"
        self.router = Namespace(f"{tag}.router")
        self.servers = Namespace(f"{tag}.servers")
        self.lan = Namespace(f"{tag}.lan")
        self.dns = NameServer(self.servers, [s for s in SERVER_ADDRESSES if s.endswith(".53")])
        self.dns.names.update(NAMES)
        self.directory = directory
        self._has_netifd = has_netifd
        self._engine = Engine(f"lab-carriers-{name}")
        self._has_gateways = has_gateways
        self._carriers = {
            role: self._make_carrier(role, seed + number) for number, role in enumerate(Role)
        }
        self._stack = ExitStack()
        self._captures = 0

    # --- life --------------------------------------------------------------------------------

    @staticmethod
    def why_not() -> str | None:
        """Why namespaces cannot be had on this machine, or None when they can."""
        missing = [program for program in ("ip", "nft") if which(program) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            return "/dev/net/tun cannot be opened"
        trial = Namespace(f"{PREFIX}trial.{owner_tag()}.trial")
        try:
            trial.add()
            trial.remove()
        except NetworkError as error:
            return str(error)
        return None

    def open(self) -> Topology:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Topology:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- use ---------------------------------------------------------------------------------

    def carrier(self, role: Role) -> Carrier | EthernetCarrier:
        return self._carriers[role]

    def setup(self, role: Role) -> LinkSetup:
        """How netifd (or its stand-in) configures this link."""
        return setup_of(role, has_gateway=self._has_gateways)

    def start_netifd(self, ubus_socket: str, up_delay_s: float = 0.5) -> subprocess.Popen[bytes]:
        """The stand-in for netifd in the router, on this broker; ended with the network."""
        python = Path(__file__).resolve().parents[2]
        path = os.pathsep.join((str(python), str(python / "remsim_lab" / "dropin")))
        argv = [sys.executable, "-m", "remsim_lab.network.netifd", "--socket", ubus_socket]
        argv += ["--up-delay", str(up_delay_s / self.speed)]
        argv += ["--gateways"] if self._has_gateways else []
        process = self.router.popen(argv, env={**os.environ, "PYTHONPATH": path})
        self._stack.callback(_end, process)
        return process

    def interface_up(self, role: Role) -> None:
        """As netifd would: device up, addresses, default routes."""
        with self.router.entered():
            bring_up(self.setup(role))

    def interface_down(self, role: Role) -> None:
        with self.router.entered():
            bring_down(self.setup(role))

    def replug(self, role: Role) -> None:
        """The modem comes back on the bus; without netifd its link is configured at once."""
        self.carrier(role).plug()
        if not self._has_netifd:
            self.interface_up(role)

    def capture(self, role: Role, path: Path | None = None) -> Capture:
        """A capture of this link from now on; close it, or use it in `with`."""
        if self.directory is None:
            raise NetworkError("the network is not open")
        self._captures += 1
        return self.carrier(role).capture(
            path or self.directory / f"{role.value}-{self._captures}.pcap"
        )

    def lan_traffic(self, per_second: float = 20.0) -> LanTraffic:
        """User traffic while in `with`."""
        return LanTraffic(self.lan, self.servers, per_second)

    def reload_firewall(self) -> None:
        """What `fw4 reload` does: its own table is replaced, others stay."""
        self.router.run(["nft", "-f", "-"], stdin=FIREWALL)

    # --- inside ------------------------------------------------------------------------------

    def _open(self) -> None:
        sweep()
        if self.directory is None:
            made = tempfile.TemporaryDirectory(prefix="remsim-lab-")
            self.directory = Path(self._stack.enter_context(made))
        for namespace in (self.router, self.servers, self.lan):
            namespace.add()
            self._stack.callback(namespace.remove)
        self._make_servers()
        self._make_lan()
        self.reload_firewall()
        self._begin(self._engine.start, self._engine.stop)
        for role, carrier in self._carriers.items():
            self._begin(carrier.open, carrier.close)
            if not self._has_netifd:
                self.interface_up(role)
        self._begin(self.dns.start, self.dns.stop)

    def _begin(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        begin()
        self._stack.callback(end)

    def _make_carrier(self, role: Role, seed: int) -> Carrier | EthernetCarrier:
        if self._has_gateways:
            return EthernetCarrier(role, self.router, self.servers, self._engine)
        return Carrier(role, self.router, self.servers, self._engine, self.speed, seed)

    def _make_servers(self) -> None:
        lines = [f"addr add {each}/32 dev lo" for each in SERVER_ADDRESSES]
        lines += [f"addr add {each}/128 dev lo nodad" for each in SERVERS6]
        sh("ip", "-n", self.servers.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _make_lan(self) -> None:
        router, lan = self.router.name, self.lan.name
        sh("ip", "-n", lan, "link", "add", "eth0", "type", "veth", "peer", "name", "lan0",
           "netns", router)  # fmt: skip
        for name, device, address, address6 in (
            (router, "lan0", LAN_ROUTER, LAN_ROUTER6),
            (lan, "eth0", LAN_HOST, LAN_HOST6),
        ):
            sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", device)
            sh("ip", "-n", name, "addr", "add", f"{address6}/64", "dev", device, "nodad")
            sh("ip", "-n", name, "link", "set", device, "up")
        sh("ip", "-n", lan, "route", "add", "default", "via", LAN_ROUTER)
        sh("ip", "-n", lan, "-6", "route", "add", "default", "via", LAN_ROUTER6)
        self.router.run(["sysctl", "-q", "-w", *ROUTER_SYSCTLS])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
