# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is on a bus and what they own: the records behind `bus.Bus`. Never does I/O.

Source: ubus ubusd.h, ubusd_obj.h, ubusd_id.c, ubusd_acl.c.
"""

from __future__ import annotations

import secrets
from collections.abc import Container
from dataclasses import dataclass

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.wire import Frame


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end of a socket."""

    uid: int
    gid: int
    user: str
    group: str


class ObjectType:
    """A signature that objects may share: (method name, its whole blobmsg) in declared order."""

    __slots__ = ("ident", "methods", "users")

    def __init__(self, ident: int, methods: list[tuple[bytes, bytes]]) -> None:
        self.ident = ident
        self.methods = methods
        self.users = 0


class BusObject:
    """An object of a peer. `path` is None for listeners and subscribers."""

    __slots__ = (
        "event_round",
        "ident",
        "notices",
        "path",
        "patterns",
        "peer",
        "subscribers",
        "targets",
        "type",
    )

    def __init__(self, ident: int, peer: Peer, kind: ObjectType | None) -> None:
        self.ident = ident
        self.peer = peer
        self.type = kind
        self.path: bytes | None = None
        self.patterns: list[Pattern] = []
        self.subscribers: list[BusObject] = []
        self.targets: list[BusObject] = []
        self.notices = 0
        self.event_round = 0


class Pattern:
    """A registered event pattern; `partial` when it ended in `*`."""

    __slots__ = ("key", "owner", "partial")

    def __init__(self, key: bytes, partial: bool, owner: BusObject) -> None:
        self.key = key
        self.partial = partial
        self.owner = owner


class Peer:
    """One connection. `congested` says that its socket takes no more: long lookups wait for it."""

    __slots__ = ("congested", "ident", "lookups", "monitor_sequence", "objects", "who")

    def __init__(self, ident: int, who: Credentials) -> None:
        self.ident = ident
        self.who = who
        self.objects: list[BusObject] = []
        self.congested = False
        self.lookups: list[Lookup] = []
        self.monitor_sequence: int | None = None


class Lookup:
    """A LOOKUP of everything that goes on as its peer reads; `after` is the last path sent."""

    __slots__ = ("after", "frame")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.after: bytes | None = None


def new_id(taken: Container[int]) -> int:
    while True:
        ident = secrets.randbits(32)
        if ident >= wire.FIRST_FREE_ID and ident not in taken:
            return ident


def methods_of(signature: bytes) -> list[tuple[bytes, bytes]] | None:
    """The methods of a SIGNATURE, or None when one is malformed or unnamed."""
    methods = []
    for word, at, length in blob.walk(signature, 0, len(signature)):
        item = blob.checked_field(signature, word, at, length)
        if item is None or not item.name:
            return None
        methods.append((item.name, blob.field(item.kind, item.name, item.data)))
    return methods


def may(peer: Peer, name: bytes | None) -> bool:
    """Without ACL files only root may do anything; nameless objects are free for all."""
    return peer.who.uid == 0 or name is None


def may_subscribe(peer: Peer, target: BusObject) -> bool:
    if target.path is not None:
        return may(peer, target.path)
    owner = target.peer.who
    return owner.user == peer.who.user or owner.group == peer.who.group
