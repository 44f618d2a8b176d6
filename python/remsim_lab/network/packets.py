# SPDX-License-Identifier: GPL-2.0-or-later
"""Just enough of IPv4, IPv6, TCP, UDP and ICMP to say who sent what. No I/O, no checksums.

Sources: RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}


@dataclass(frozen=True, slots=True)
class Packet:
    """Addresses, protocol, ports (ICMP: its type in `sport`), size with the IP header.

    `sequence` is TCP's: a retransmission has the same one.
    """

    source: str
    destination: str
    protocol: str
    sport: int
    dport: int
    size_bytes: int
    payload: bytes = b""
    sequence: int = 0

    @property
    def flow(self) -> str:
        return (
            f"{self.protocol} {self.source}:{self.sport} -> {self.destination}:{self.dport}"
            if self.protocol in ("tcp", "udp")
            else f"{self.protocol} {self.source} -> {self.destination}"
        )


def parse(raw: bytes) -> Packet | None:
    """None for what is not IPv4 or IPv6, or cut short."""
    try:
        version = raw[0] >> 4
        if version == 4:
            return _parse4(raw)
        return _parse6(raw) if version == 6 else None
    except (IndexError, struct.error, ValueError):
        return None


def _parse4(raw: bytes) -> Packet:
    header = (raw[0] & 15) * 4
    source, destination = ip_address(raw[12:16]), ip_address(raw[16:20])
    return _upper(str(source), str(destination), raw[9], raw, header)


def _parse6(raw: bytes) -> Packet:
    source, destination = ip_address(raw[8:24]), ip_address(raw[24:40])
    protocol, offset = raw[6], 40
    if protocol == 0:  # hop-by-hop options (MLD reports carry them)
        protocol, offset = raw[40], 40 + (raw[41] + 1) * 8
    return _upper(str(source), str(destination), protocol, raw, offset)


def _upper(source: str, destination: str, number: int, raw: bytes, offset: int) -> Packet:
    protocol = PROTOCOLS.get(number, str(number))
    sport = dport = sequence = 0
    payload = raw[offset:]
    if protocol in ("tcp", "udp"):
        sport, dport = struct.unpack_from("!HH", raw, offset)
        if protocol == "tcp":
            (sequence,) = struct.unpack_from("!I", raw, offset + 4)
        payload = raw[offset + (8 if protocol == "udp" else (raw[offset + 12] >> 4) * 4) :]
    elif protocol in ("icmp", "icmpv6"):
        sport = raw[offset]
    return Packet(source, destination, protocol, sport, dport, len(raw), bytes(payload), sequence)
