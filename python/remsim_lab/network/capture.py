# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture per link: pcap files of raw IP packets, written, read back and summed up.

It sees what crosses the link, not what the product counts; marks are not on the wire, so flows are
told apart by addresses and ports. Written without a trailing buffer: a killed lab leaves a readable
file. Source: draft-ietf-opsawg-pcap (classic pcap, nanosecond magic), LINKTYPE_RAW.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from remsim_lab.network.packets import Packet, parse

MAGIC_NS = 0xA1B23C4D  # pcap with nanoseconds
LINKTYPE_RAW = 101  # begins with an IPv4 or IPv6 header
SNAP_BYTES = 65535


@dataclass(frozen=True, slots=True)
class Captured:
    """`at_s` is wall time; `outbound` = left the router."""

    at_s: float
    outbound: bool
    packet: Packet


class Capture:
    """Writes every packet of one link to `path`; `inside` are the router's addresses on it."""

    def __init__(self, path: Path, inside: tuple[str, ...]) -> None:
        self.path = path
        self.inside = inside
        self.on_close: Callable[[Capture], None] | None = None
        self._file: BinaryIO | None = None
        self._outbound: list[bool] = []
        self._lock = threading.Lock()

    def open(self) -> Capture:
        self._file = self.path.open("wb", buffering=0)
        self._file.write(struct.pack("<IHHiIII", MAGIC_NS, 2, 4, 0, 0, SNAP_BYTES, LINKTYPE_RAW))
        return self

    def record(self, raw: bytes, outbound: bool) -> None:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        head = struct.pack("<IIII", seconds, nanoseconds, min(len(raw), SNAP_BYTES), len(raw))
        with self._lock:
            if self._file is not None:
                self._file.write(head + raw[:SNAP_BYTES])
                self._outbound.append(outbound)

    def close(self) -> None:
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close(self)
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def packets(self) -> tuple[Captured, ...]:
        """All so far, in order; the direction as recorded, not guessed."""
        with self._lock:
            outbound = tuple(self._outbound)
            found = tuple(read(self.path))
        return tuple(
            Captured(at_s, direction, packet)
            for (at_s, packet), direction in zip(found, outbound, strict=False)
            if packet is not None
        )

    def sent(self, **wanted: object) -> tuple[Packet, ...]:
        """Packets that left the router, with these fields: `sent(destination=..., dport=5000)`."""
        return tuple(
            seen.packet
            for seen in self.packets()
            if seen.outbound and all(getattr(seen.packet, k) == v for k, v in wanted.items())
        )

    def received(self, **wanted: object) -> tuple[Packet, ...]:
        return tuple(
            seen.packet
            for seen in self.packets()
            if not seen.outbound and all(getattr(seen.packet, k) == v for k, v in wanted.items())
        )


@dataclass(frozen=True, slots=True)
class FlowSum:
    """One direction of one conversation."""

    flow: str
    outbound: bool
    packets: int
    size_bytes: int


def summarise(captured: tuple[Captured, ...]) -> tuple[FlowSum, ...]:
    """Who sent how much to whom, the biggest first."""
    packets: Counter[tuple[str, bool]] = Counter()
    sizes: Counter[tuple[str, bool]] = Counter()
    for seen in captured:
        key = (seen.packet.flow, seen.outbound)
        packets[key] += 1
        sizes[key] += seen.packet.size_bytes
    return tuple(
        FlowSum(flow, outbound, packets[flow, outbound], size)
        for (flow, outbound), size in sizes.most_common()
    )


def read(path: Path) -> Iterator[tuple[float, Packet | None]]:
    """Time and packet of each record; stops at a record cut short."""
    raw = path.read_bytes()
    if len(raw) < 24 or struct.unpack_from("<I", raw)[0] != MAGIC_NS:
        raise ValueError(f"{path}: not a pcap file of this lab")
    offset = 24
    while offset + 16 <= len(raw):
        seconds, nanoseconds, kept, _ = struct.unpack_from("<IIII", raw, offset)
        offset += 16
        if offset + kept > len(raw):
            return
        yield seconds + nanoseconds / 1e9, parse(raw[offset : offset + kept])
        offset += kept
