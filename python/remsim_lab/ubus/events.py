# SPDX-License-Identifier: GPL-2.0-or-later
"""Events of a bus: who listens for what, and whom a name reaches. Never does I/O.

Source: ubus ubusd_event.c.
"""

from __future__ import annotations

from bisect import insort

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.peers import BusObject, Pattern, Peer, may


def first_fields(data: bytes, wanted: dict[bytes, int]) -> dict[bytes, blob.Field]:
    """The first field of each wanted name and type, as blobmsg_parse picks them."""
    found: dict[bytes, blob.Field] = {}
    for item in blob.fields(data, 0, len(data)):
        if wanted.get(item.name) == item.kind:
            found.setdefault(item.name, item)
    return found


def common_length(one: bytes, other: bytes) -> int:
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))


class Events:
    """The registered patterns, sorted."""

    def __init__(self) -> None:
        self._patterns: list[Pattern] = []
        self._round = 0

    def register(self, peer: Peer, data: bytes, objects: dict[int, BusObject]) -> int:
        """`{object, pattern}` of a peer; the status to answer."""
        wanted = first_fields(data, {b"pattern": blob.STRING, b"object": blob.INT32})
        if len(wanted) < 2:
            return wire.INVALID_ARGUMENT
        ident = wanted[b"object"].u32()
        if ident < wire.FIRST_FREE_ID:
            return wire.PERMISSION_DENIED
        owner = objects.get(ident)
        if owner is None:
            return wire.NOT_FOUND
        key = wanted[b"pattern"].text()
        if owner.peer is not peer or not key or not may(peer, key.removesuffix(b"*")):
            return wire.PERMISSION_DENIED
        pattern = Pattern(key.removesuffix(b"*"), key.endswith(b"*"), owner)
        owner.patterns.append(pattern)
        insort(self._patterns, pattern, key=lambda each: each.key)
        return wire.OK

    def forget(self, owner: BusObject) -> None:
        """An object goes away."""
        for pattern in owner.patterns:
            self._patterns.remove(pattern)

    def reached(self, name: bytes, sender: Peer | None) -> list[BusObject]:
        """Each listening object once, in order of the patterns; never one of the sender."""
        self._round += 1
        found = []
        for pattern in self._matching(name):
            listener = pattern.owner
            if listener.peer is not sender and listener.event_round != self._round:
                listener.event_round = self._round
                found.append(listener)
        return found

    def _matching(self, name: bytes) -> list[Pattern]:
        """ubusd walks its sorted patterns only while the common prefix does not shrink."""
        found = []
        best = 0
        for pattern in self._patterns:
            common = common_length(name, pattern.key)
            if common < best:
                break
            best = common
            if pattern.key == name or (pattern.partial and common == len(pattern.key)):
                found.append(pattern)
        return found
