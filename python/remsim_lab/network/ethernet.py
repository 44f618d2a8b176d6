# SPDX-License-Identifier: GPL-2.0-or-later
"""The other kind of modem link: Ethernet-like with a gateway (RNDIS, NCM), on a veth pair.

The kernel carries the packets itself, so there is no delay, loss or limit; sizes are a real
device's. Captured with a packet socket at the carrier's end. Sources: veth(4), packet(7).
"""

from __future__ import annotations

import json
import socket
from ipaddress import ip_interface
from pathlib import Path

from remsim.model import Role
from remsim_lab.network.addresses import LINKS, LinkAddresses
from remsim_lab.network.capture import Capture
from remsim_lab.network.carrier import Counts
from remsim_lab.network.engine import Engine
from remsim_lab.network.namespace import Namespace, NetworkError, sh
from remsim_lab.network.packets import parse

ETH_P_ALL = 0x0003  # linux/if_ether.h; also what the tapped device itself sends
NFT_TABLE = "lab_silence"


class EthernetCarrier:
    """What `Carrier` is for TUN links, as far as the kernel lets it."""

    def __init__(self, role: Role, router: Namespace, servers: Namespace, engine: Engine) -> None:
        self.role = role
        self.addresses: LinkAddresses = LINKS[role]
        self.has_carrier = True
        self.is_plugged = False
        self._router = router
        self._servers = servers
        self._engine = engine
        self._taps: dict[Capture, int] = {}
        own = (self.addresses.address, self.addresses.address6)
        self._own = tuple(str(ip_interface(each).ip) for each in own)

    def open(self) -> None:
        self.plug()

    def close(self) -> None:
        for capture in tuple(self._taps):
            capture.close()
        self.unplug()
        self.well()

    def cut(self) -> None:
        self._set_carrier(False)

    def silence(self, direction: str = "both") -> None:
        """The neighbours still answer; IP packets are dropped."""
        device = self.addresses.carrier_device
        hooks = {"up": ("input", "iifname"), "down": ("output", "oifname")}
        lines = [f"table inet {self._table} {{"]
        for hook, key in [hooks[each] for each in hooks if direction in (each, "both")]:
            lines.append(
                f"chain {hook} {{ type filter hook {hook} priority 0; {key} {device} drop; }}"
            )
        self._servers.run(["nft", "-f", "-"], stdin="\n".join([*lines, "}\n"]))

    def delay(self, delay_ms: float, direction: str = "both") -> None:
        raise NetworkError("delay, loss and limit need raw-IP links")

    def lose(self, share: float, direction: str = "both") -> None:
        raise NetworkError("delay, loss and limit need raw-IP links")

    def limit(self, rate_bps: float, direction: str = "both") -> None:
        raise NetworkError("delay, loss and limit need raw-IP links")

    def well(self) -> None:
        self._servers.run(["nft", "delete", "table", "inet", self._table], check=False)

    def restore(self) -> None:
        self.well()
        self.plug()
        self._set_carrier(True)

    def unplug(self) -> None:
        """Both ends of the pair are gone, and the captures' sockets see nothing any more."""
        if self.is_plugged:
            self.is_plugged = False
            sh("ip", "-n", self._router.name, "link", "delete", self.addresses.device)

    def plug(self) -> None:
        if self.is_plugged:
            return
        link, servers = self.addresses, self._servers.name
        sh("ip", "-n", self._router.name, "link", "add", link.device, "type", "veth",
           "peer", "name", link.carrier_device, "netns", servers)  # fmt: skip
        lines = [
            f"addr add {link.gateway}/30 dev {link.carrier_device}",
            f"addr add {link.gateway6}/64 dev {link.carrier_device} nodad",
            f"link set {link.carrier_device} up",
        ]
        sh("ip", "-n", servers, "-batch", "-", stdin="\n".join(lines) + "\n")
        self.is_plugged = True
        if not self.has_carrier:
            self._set_carrier(False)

    def capture(self, path: Path) -> Capture:
        capture = Capture(path, self._own).open()
        descriptor = self._servers.call(self._tap)
        self._taps[capture] = descriptor
        capture.on_close = self._forget
        self._engine.watch(descriptor, lambda raw: self._record(capture, raw))
        return capture

    def counts(self, direction: str) -> Counts:
        """Only what passed, as the kernel counted it at the carrier's end."""
        shown = sh("ip", "-n", self._servers.name, "-j", "-s", "link", "show",
                   self.addresses.carrier_device)  # fmt: skip
        side = "rx" if direction == "up" else "tx"
        return Counts(passed=int(json.loads(shown)[0]["stats64"][side]["packets"]))

    @property
    def _table(self) -> str:
        return f"{NFT_TABLE}_{self.addresses.carrier_device}"

    def _set_carrier(self, is_on: bool) -> None:
        """A pair has a carrier while the other end is up."""
        self.has_carrier = is_on
        if self.is_plugged:
            state = "up" if is_on else "down"
            sh("ip", "-n", self._servers.name, "link", "set", self.addresses.carrier_device, state)

    def _tap(self) -> int:
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK  # DGRAM: without the Ethernet header
        with socket.socket(socket.AF_PACKET, kind, socket.htons(ETH_P_ALL)) as tap:
            tap.bind((self.addresses.carrier_device, ETH_P_ALL))
            return tap.detach()

    def _record(self, capture: Capture, raw: bytes) -> None:
        packet = parse(raw)
        if packet is not None:  # ARP
            capture.record(raw, outbound=packet.source in self._own)

    def _forget(self, capture: Capture) -> None:
        self._engine.close(self._taps.pop(capture))
