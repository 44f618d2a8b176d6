# SPDX-License-Identifier: GPL-2.0-or-later
"""What netifd does to a modem's device when its interface goes up or down: addresses and routes.

Runs in the namespace it is called in. Both interfaces get a default route with their metric, as on
a router without remsim; protecting the IoT link is the product's work. Source: netifd's
system-linux.c (routes are `proto static`).
"""

from __future__ import annotations

from dataclasses import dataclass

from remsim.model import Role
from remsim_lab.network.addresses import LINKS
from remsim_lab.network.namespace import sh


@dataclass(frozen=True, slots=True)
class LinkSetup:
    """One interface as netifd is configured for it. No gateway = raw IP, device-only routes."""

    interface: str
    device: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    dns_servers: tuple[str, ...]
    metric: int


def setup_of(role: Role, *, has_gateway: bool = False) -> LinkSetup:
    link = LINKS[role]
    return LinkSetup(
        interface=link.device,
        device=link.device,
        addresses=(link.address, link.address6),
        gateways=(link.gateway, link.gateway6) if has_gateway else (),
        dns_servers=(link.dns_server,),
        metric=link.metric,
    )


def bring_up(setup: LinkSetup) -> None:
    """Device up, addresses, default routes. Raises NetworkError when the device is not there."""
    sh("ip", "link", "set", setup.device, "up")
    for address in setup.addresses:
        extra = ("nodad",) if ":" in address else ()
        sh("ip", "addr", "replace", address, "dev", setup.device, *extra)
    for family in ("-4", "-6"):
        sh("ip", family, "route", "replace", "default", *_hop(setup, family), "proto", "static",
           "metric", str(setup.metric))  # fmt: skip


def bring_down(setup: LinkSetup) -> None:
    """Addresses away (their routes go with them), device down."""
    sh("ip", "addr", "flush", "dev", setup.device)
    sh("ip", "link", "set", setup.device, "down")


def _hop(setup: LinkSetup, family: str) -> tuple[str, ...]:
    for gateway in setup.gateways:
        if (":" in gateway) == (family == "-6"):
            return ("via", gateway, "dev", setup.device)
    return ("dev", setup.device)
