# SPDX-License-Identifier: GPL-2.0-or-later
"""The nft table that keeps everything off the IoT link but what belongs there. Pure.

Works beside fw4: a drop in any base chain is final, and a firewall reload replaces fw4's table
only. Each rule's comment ends with a checksum of its text, by which it is recognised in the kernel
whatever way a version of nft prints expressions. Source: nft(8).
"""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

from remsim.routing.table import NFT_TABLE, NftChain, NftRule, SeenChain

HOOK_PRIORITY = -10  # before fw4's filter chains (0): dropped packets are not counted there
DEVICE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # IFNAMSIZ is 16 with the final NUL
DNS_PORT = 53
NTP_PORT = 123

NetworkAddress = IPv4Network | IPv6Network


def protection(
    *,
    devices: Sequence[str],
    marks: Sequence[int],
    mask: int,
    name_servers: Sequence[NetworkAddress],
    hosts: Sequence[NetworkAddress],
) -> tuple[NftChain, ...]:
    """Chains for these outgoing devices; empty when none can be a device's name."""
    names = [f'"{each}"' for each in devices if DEVICE_NAME.fullmatch(each)]
    if not names:
        return ()
    forward = NftRule(f"oifname {_set(names)} drop", "nothing of the LAN leaves by the IoT link")
    dns = _to(name_servers, f"meta l4proto {{ tcp, udp }} th dport {DNS_PORT} accept", "its DNS")
    output = (
        NftRule(f"oifname != {_set(names)} accept", "other links"),
        NftRule(f"meta mark & {mask:#010x} == {_set(map(hex, marks))} accept", "own flows"),
        *dns,
        NftRule(f"udp dport {NTP_PORT} accept", "time"),
        *_to(hosts, "accept", "allowed hosts and servers"),
        *_LINK_UPKEEP,
        NftRule("drop", "everything else stays off the IoT link"),
    )
    return (
        NftChain("forward", HOOK_PRIORITY, (forward,)),
        NftChain("output", HOOK_PRIORITY, output),
    )


# Without these an Ethernet-like modem link would lose its address or its gateway. ARP is not inet.
_LINK_UPKEEP = (
    NftRule("udp sport 68 udp dport 67 accept", "DHCP"),
    NftRule("udp sport 546 udp dport 547 accept", "DHCPv6"),
    NftRule(
        "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept",
        "neighbours",
    ),
)


def comment_of(rule: NftRule) -> str:
    return f"{rule.why} #{crc32(rule.text.encode()):08x}"


def as_seen(chains: Sequence[NftChain]) -> tuple[SeenChain, ...]:
    """How the kernel will list these chains."""
    return tuple(
        SeenChain(each.hook, each.priority, "accept", tuple(map(comment_of, each.rules)))
        for each in sorted(chains, key=lambda chain: chain.hook)
    )


def script(chains: Sequence[NftChain]) -> str:
    """For `nft -f -`: one transaction, so that there is no moment without protection."""
    lines = [f"table inet {NFT_TABLE} {{}}", f"delete table inet {NFT_TABLE}"]
    if chains:
        lines.append(f"table inet {NFT_TABLE} {{")
        for chain in chains:
            lines += _chain(chain)
        lines.append("}")
    return "\n".join(lines) + "\n"


def _chain(chain: NftChain) -> list[str]:
    head = f"type filter hook {chain.hook} priority {chain.priority}; policy accept;"
    rules = [f'\t\t{each.text} comment "{comment_of(each)}"' for each in chain.rules]
    return [f"\tchain {chain.hook} {{", f"\t\t{head}", *rules, "\t}"]


def _to(networks: Sequence[NetworkAddress], verdict: str, why: str) -> tuple[NftRule, ...]:
    rules = []
    for version, field in ((4, "ip"), (6, "ip6")):
        chosen = [str(each) for each in networks if each.version == version]
        if chosen:
            rules.append(NftRule(f"{field} daddr {_set(chosen)} {verdict}", why))
    return tuple(rules)


def _set(members: Iterable[str]) -> str:
    return f"{{ {', '.join(members)} }}"
