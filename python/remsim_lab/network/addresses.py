# SPDX-License-Identifier: GPL-2.0-or-later
"""Every address of the lab's network, on one page. No I/O.

Private, documentation (RFC 5737, RFC 3849) and the well-known probe targets; nothing leaves the
machine, the namespaces have no way out.
"""

from __future__ import annotations

from dataclasses import dataclass

from remsim.model import Role


@dataclass(frozen=True, slots=True)
class LinkAddresses:
    """One modem link as its carrier hands it out. `gateway` is used on Ethernet-like links only."""

    device: str  # in the router
    carrier_device: str  # in the servers' namespace
    address: str
    address6: str
    gateway: str
    gateway6: str
    network: str
    network6: str
    dns_server: str
    metric: int


LINKS = {
    Role.PRIMARY: LinkAddresses(
        device="wwan0",
        carrier_device="carrier0",
        address="10.64.1.2/30",
        address6="2001:db8:64::2/64",
        gateway="10.64.1.1",
        gateway6="2001:db8:64::1",
        network="10.64.0.0/16",
        network6="2001:db8:64::/48",
        dns_server="10.64.0.53",
        metric=100,
    ),
    Role.IOT: LinkAddresses(
        device="wwan1",
        carrier_device="carrier1",
        address="10.65.1.2/30",
        address6="2001:db8:65::2/64",
        gateway="10.65.1.1",
        gateway6="2001:db8:65::1",
        network="10.65.0.0/16",
        network6="2001:db8:65::/48",
        dns_server="10.65.0.53",
        metric=200,
    ),
}

ORCHESTRATOR = "192.0.2.10"
ORCHESTRATOR_2 = "192.0.2.11"
REMSIM_SERVER = "192.0.2.20"
BANKD = "192.0.2.21"
SUPPORT = "192.0.2.30"  # a remote support host, for routing.allow
NTP = "192.0.2.123"
WEBSITE = "198.51.100.80"  # what LAN users talk to
PROBE_TARGETS = ("1.1.1.1", "8.8.8.8", "8.8.4.4")
SERVERS6 = ("2001:db8:1::10", "2001:db8:1::80")  # orchestrator, website
ORCHESTRATOR6, WEBSITE6 = SERVERS6

SERVER_ADDRESSES = (
    ORCHESTRATOR,
    ORCHESTRATOR_2,
    REMSIM_SERVER,
    BANKD,
    SUPPORT,
    NTP,
    WEBSITE,
    *PROBE_TARGETS,
    *(link.dns_server for link in LINKS.values()),
)

NAMES: dict[str, tuple[str, ...]] = {
    "ionmesh.example.com": (ORCHESTRATOR,),
    "ionmesh2.example.com": (ORCHESTRATOR_2,),
    "remsim.example.com": (REMSIM_SERVER,),
    "bankd1.example.com": (BANKD,),
    "support.example.com": (SUPPORT,),
    "ntp.example.com": (NTP,),
    "www.example.com": (WEBSITE, WEBSITE6),
    "six.example.com": (ORCHESTRATOR6,),
}

LAN_ROUTER = "192.168.1.1"
LAN_HOST = "192.168.1.100"
LAN_ROUTER6 = "fd00:1::1"
LAN_HOST6 = "fd00:1::100"
ECHO_PORT = 7  # RFC 862, on WEBSITE: answers the LAN's user traffic
