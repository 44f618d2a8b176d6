# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ip -j` and `nft -j` print, read into KernelState. Pure; text in, values out.

Sources: iproute2's iprule.c and iproute.c (numbers everywhere with -N and -details),
libnftables-json(5).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from remsim.routing.table import (
    DEFAULT,
    MAIN_TABLE,
    PROTOCOL,
    Family,
    Route,
    Rule,
    SeenChain,
)

UNICAST = 1  # RTN_UNICAST
UNREACHABLE = 7  # RTN_UNREACHABLE
IPV6_DEFAULT_METRIC = 1024  # what a missing metric means there; in IPv4 it is 0

Json = Mapping[str, Any]


def rules(text: str, family: Family) -> tuple[Rule, ...]:
    """Ours in `ip -<family> -N -details -j rule show`."""
    return tuple(_rule(each, family) for each in _list(text) if _is_ours(each))


def routes(text: str, family: Family) -> tuple[tuple[Route, ...], tuple[Route, ...]]:
    """Ours, and the main table's defaults, in `ip -N -details -j route show table all`."""
    found = tuple(_routes(_list(text), family))
    ours = tuple(each for each in found if each.protocol == PROTOCOL)
    defaults = tuple(
        each
        for each in found
        if each.table == MAIN_TABLE and each.to == DEFAULT and each.device
        if each.protocol != PROTOCOL
    )
    return ours, defaults


def chains(text: str) -> tuple[SeenChain, ...]:
    """Of `nft -j list table inet remsim`, by hook. A rule without our comment shows as such."""
    members = [each for each in json.loads(text)["nftables"] if isinstance(each, dict)]
    found = [each["chain"] for each in members if "chain" in each]
    comments: dict[str, list[str]] = {each["name"]: [] for each in found}
    for each in members:
        if "rule" in each:
            comments.setdefault(each["rule"]["chain"], []).append(each["rule"].get("comment", ""))
    seen = (
        SeenChain(
            str(each.get("hook", "")),
            int(each.get("prio", 0)),
            str(each.get("policy", "")),
            tuple(comments[each["name"]]),
        )
        for each in found
    )
    return tuple(sorted(seen, key=lambda chain: chain.hook))


def up_devices(text: str) -> frozenset[str]:
    """Names in `ip -j link show up`."""
    return frozenset(str(each["ifname"]) for each in _list(text))


def _list(text: str) -> list[Json]:
    """`ip -j` prints nothing at all for an empty list in some versions."""
    parsed = json.loads(text) if text.strip() else []
    return [each for each in parsed if isinstance(each, dict) and each]


def _is_ours(rule: Json) -> bool:
    return str(rule.get("protocol", "")) == str(PROTOCOL)


def _rule(rule: Json, family: Family) -> Rule:
    return Rule(
        family,
        int(rule["priority"]),
        int(rule["table"]),
        int(str(rule.get("fwmark", "0")), 0),
        int(str(rule.get("fwmask", "0xffffffff" if "fwmark" in rule else "0")), 0),
        _prefix(rule, "dst", family),
        rule.get("iif") == "lo",
        _prefix(rule, "src", family),
        rule.get("suppress_prefixlen") == 0,
    )


def _prefix(rule: Json, key: str, family: Family) -> str:
    if rule.get(key, "all") == "all":
        return ""
    full = 32 if family is Family.IPV4 else 128
    return f"{rule[key]}/{rule.get(key + 'len', full)}"


def _routes(found: Iterable[Json], family: Family) -> Iterator[Route]:
    for each in found:
        kind = int(each.get("type", UNICAST))
        if kind not in (UNICAST, UNREACHABLE) or "nexthops" in each:
            continue  # local, broadcast, multicast; multipath is never ours
        yield Route(
            family,
            int(each.get("table", MAIN_TABLE)),
            str(each["dst"]),
            int(each.get("metric", 0 if family is Family.IPV4 else IPV6_DEFAULT_METRIC)),
            str(each.get("dev", "")) if kind == UNICAST else "",
            str(each.get("gateway", "")),
            str(each.get("from", "")),
            int(each.get("protocol", 0)),
        )
