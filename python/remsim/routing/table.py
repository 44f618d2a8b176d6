# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules, routes and the protection as values: what the kernel has and what is wanted. Pure.

What remsim put into the kernel carries the routing protocol number 82, so that it is found again by
any later process and nobody else's is ever removed as its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

PROTOCOL = 82  # "R"; unassigned in iproute2's rt_protos, and netifd uses 4 (static)
PROTOCOL_STATIC = 4  # RTPROT_STATIC: what netifd puts on its routes, and a route handed back gets
MAIN_TABLE = 254  # RT_TABLE_MAIN
DEFAULT = "default"
NFT_TABLE = "remsim"  # in family inet; beside fw4's, which a firewall reload replaces


class Family(IntEnum):
    """The value is the IP version, and the option of `ip`."""

    IPV4 = 4
    IPV6 = 6


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One policy rule of ours. `to` and `source` are prefixes.

    `is_local` = only what this router itself sends; `skips_default` = the table's default routes
    do not count (suppress_prefixlength 0).
    """

    family: Family
    priority: int
    table: int
    mark: int = 0
    mask: int = 0
    to: str = ""
    is_local: bool = False
    source: str = ""
    skips_default: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """`to` is a prefix or "default"; no `device` = unreachable; `source` only in IPv6 ("from")."""

    family: Family
    table: int
    to: str
    metric: int
    device: str = ""
    gateway: str = ""
    source: str = ""
    protocol: int = PROTOCOL

    @property
    def key(self) -> tuple[Family, int, str, str, int]:
        """What the kernel lets `replace` exchange."""
        return (self.family, self.table, self.to, self.source, self.metric)


@dataclass(frozen=True, slots=True, order=True)
class MainDefault:
    """A link's default route in the main table: there (with this metric), or not there at all."""

    family: Family
    device: str
    is_wanted: bool
    metric: int = 0
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class NftRule:
    """`text` in nft's own language; `why` for whoever lists the table."""

    text: str
    why: str


@dataclass(frozen=True, slots=True)
class NftChain:
    """A base chain of type filter with policy accept."""

    hook: str
    priority: int
    rules: tuple[NftRule, ...]


@dataclass(frozen=True, slots=True)
class SeenChain:
    """A chain as the kernel lists it; each rule is known by its comment."""

    hook: str
    priority: int
    policy: str
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that shall be in the kernel. An empty plan means: nothing of ours, defaults untouched."""

    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()
    defaults: tuple[MainDefault, ...] = ()
    protection: tuple[NftChain, ...] = ()


@dataclass(frozen=True, slots=True)
class KernelState:
    """What is there: our rules and routes (by protocol), the main table's defaults, our nft table.

    `protection` is None when the nft table is missing. Over a device that is not in `up_devices`
    the kernel takes no route.
    """

    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()
    defaults: tuple[Route, ...] = ()
    protection: tuple[SeenChain, ...] | None = None
    up_devices: frozenset[str] = frozenset()
