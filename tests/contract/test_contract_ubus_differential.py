# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's broker beside the real ubusd: random messages of several peers, the same answers.

Runs where there is an ubusd (see stacks.py); REMSIM_UBUS_SEEDS says how many runs (default 100).
Elsewhere the recordings of test_contract_ubus_vectors.py hold the broker.
"""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest
import stacks
from stacks import LAB, REAL, Stack, Ubus

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.background import BackgroundBroker
from remsim_lab.ubus.wire import Frame

SEEDS = int(os.environ.get("REMSIM_UBUS_SEEDS", "100"))
SEEDS_PER_TEST = 25
FIRST_PING = 60000  # numbers of the PINGs that tell when everything before them was answered

SIGNATURE = blob.field(blob.TABLE, b"m", blob.field_u32(b"a", 3))
PATHS = [b"a\0", b"b\0", b"ab\0", b"c.d\0", b"\0"]
LOOKUPS = [b"a\0", b"a*\0", b"*\0", b"\0", b"c.*\0", b"x\0"]
PATTERNS = [b"*", b"ev.*", b"ev.a", b"ubus.*", b"ubus.object.add", b"e", b"zz", b"ev", b""]
EVENTS = [b"ev.a", b"ev", b"ev.b.c", b"zz", b"ubus.x", b""]
CONTENTS = [*PATHS, *LOOKUPS, b"", b"x", b"\0\0\0\5", b"\1", SIGNATURE, b"send\0", b"register\0"]

# An attribute: its number and either bytes or the place of an object id among those known.
Attribute = tuple[int, bytes | int]


class Side:
    """One bus, its peers, and the ids it gave, by the names both sides share."""

    def __init__(self, path: str, peers: int) -> None:
        self._ids = [1, 3]
        self._names: dict[bytes, str] = {}
        self._pings = 0
        self.peers = [self._connect(path) for _ in range(peers)]

    def _connect(self, path: str) -> tuple[socket.socket, wire.FrameBuffer]:
        sock, buffer = socket.socket(socket.AF_UNIX), wire.FrameBuffer(1 << 24)
        sock.settimeout(stacks.PROCESS_LIMIT_S)
        sock.connect(path)
        hello = self._read(sock, buffer)
        assert hello is not None
        self._names[hello.peer.to_bytes(4, "big")] = f"peer{len(self._names)}"
        return sock, buffer

    def _read(self, sock: socket.socket, buffer: wire.FrameBuffer) -> Frame | None:
        while (frame := buffer.next()) is None:
            data = sock.recv(65536)
            if not data:
                return None
            buffer.feed(data)
        return frame

    def ident(self, place: int) -> int:
        return self._ids[place % len(self._ids)]

    def send(self, who: int, number: int, kind: int, to: int, attributes: list[Attribute]) -> None:
        children = b""
        for name, content in attributes:
            if isinstance(content, int):
                children += blob.attribute_u32(name, self.ident(content))
            else:
                children += blob.attribute(name, content)
        peer = to if to < 2 else self.ident(to)
        self.peers[who][0].sendall(wire.encode(kind, number, peer, children))

    def register(self, who: int, number: int, place: int, pattern: bytes) -> None:
        wanted = blob.field_u32(b"object", self.ident(place))
        data = wanted + blob.field_string(b"pattern", pattern)
        self.send(who, number, wire.INVOKE, 1, event_call(b"register\0", data))

    def answers(self, who: int) -> list[str]:
        """Everything that came, for the asking peer first, with names in place of ids."""
        came = [
            (peer, frame)
            for peer in (who, *range(len(self.peers)))
            for frame in self._until_pong(peer)
        ]
        for _, frame in came:
            self._learn(frame)
        return [f"{peer}: {self._named(frame)}" for peer, frame in came]

    def _until_pong(self, who: int) -> list[Frame]:
        self._pings += 1
        number = FIRST_PING + self._pings % 5000
        sock, buffer = self.peers[who]
        sock.sendall(wire.encode(wire.PING, number, 0, b""))
        frames = []
        while (frame := self._read(sock, buffer)) is not None:
            if frame.sequence != number:
                frames.append(frame)
            elif frame.kind == wire.STATUS:
                break
        return frames

    def _named(self, frame: Frame) -> str:
        event = frame.kind == wire.INVOKE and not frame.peer  # numbered since ubusd started
        shown = Frame(frame.kind, 0 if event else frame.sequence, frame.peer, frame.body).encode()
        words = [shown[at : at + 4] for at in range(0, len(shown), 4)]
        return " ".join(self._names.get(word, word.hex()) for word in words)

    def _learn(self, frame: Frame) -> None:
        given = wire.attributes(frame.body)
        ident, kind = given[wire.A_OBJID], given[wire.A_OBJTYPE]
        added = frame.kind == wire.DATA and not given[wire.A_OBJPATH] and not given[wire.A_DATA]
        if not added or ident is None:
            return
        if ident not in self._names:
            self._names[ident] = f"object{len(self._ids)}"
            self._ids.append(wire.number(ident))
        if kind is not None:
            self._names.setdefault(kind, f"type{len(self._names)}")

    def close(self) -> None:
        for sock, _ in self.peers:
            sock.close()


def event_call(method: bytes, data: bytes) -> list[Attribute]:
    ident = wire.SYSTEM_OBJECT_EVENT.to_bytes(4, "big")
    return [(wire.A_OBJID, ident), (wire.A_METHOD, method), (wire.A_DATA, data)]


def random_message(chance: random.Random) -> tuple[int, int, list[Attribute]]:
    """(type, peer, attributes)"""
    place, to = chance.randint(0, 9), chance.randint(2, 9)
    own: list[Attribute] = [(wire.A_OBJID, place)]
    call: list[Attribute] = [(wire.A_METHOD, b"m\0"), (wire.A_DATA, blob.field_u32(b"a", 7))]
    event = blob.field_string(b"id", chance.choice(EVENTS)) + blob.field(blob.TABLE, b"data", b"")
    signature = chance.choice([SIGNATURE, b"", SIGNATURE + blob.field(blob.TABLE, b"n", b"")])
    quiet: list[Attribute] = [(wire.A_NO_REPLY, b"\1")] if chance.random() < 0.4 else []
    any_content = [chance.choice(CONTENTS), chance.randint(0, 9)]
    wild = [
        (chance.randint(0, 15), chance.choice(any_content)) for _ in range(chance.randint(0, 5))
    ]
    return chance.choice(
        [
            (wire.ADD_OBJECT, 0, [(wire.A_OBJPATH, chance.choice(PATHS)), (6, signature)]),
            (wire.ADD_OBJECT, 0, []),
            (wire.REMOVE_OBJECT, 0, own),
            (wire.LOOKUP, 0, [(wire.A_OBJPATH, chance.choice(LOOKUPS))]),
            (wire.LOOKUP, 0, []),
            (wire.INVOKE, to, own + call),
            (wire.INVOKE, 1, event_call(b"send\0", event)),
            (wire.SUBSCRIBE, 0, [*own, (wire.A_TARGET, chance.randint(0, 9))]),
            (wire.UNSUBSCRIBE, 0, [*own, (wire.A_TARGET, chance.randint(0, 9))]),
            (wire.NOTIFY, to, own + call + quiet),
            (wire.STATUS, to, [(wire.A_STATUS, bytes(4)), *own]),
            (chance.randint(0, 13), to, wild),
        ]
    )


def compare(real: str, lab: str, seed: int) -> None:
    chance = random.Random(seed)
    peers = chance.randint(1, 3)
    sides = [Side(real, peers), Side(lab, peers)]
    for number in range(1, chance.randint(5, 30)):
        who = chance.randrange(peers)
        if chance.random() < 0.15:
            place, pattern = chance.randint(0, 9), chance.choice(PATTERNS)
            said = f"register {place} {pattern!r}"
            for side in sides:
                side.register(who, number, place, pattern)
        else:
            kind, to, attributes = random_message(chance)
            said = f"{kind} to {to}: {attributes}"
            for side in sides:
                side.send(who, number, kind, to, attributes)
        answers = [side.answers(who) for side in sides]
        assert answers[1] == answers[0], (seed, number, who, said)
    for side in sides:
        side.close()


if stacks.real_ubusd():

    @pytest.mark.real
    @pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
    def test_both_give_the_same_answers(first: int, tmp_path: Path, bus: BackgroundBroker) -> None:
        for seed in range(first, first + SEEDS_PER_TEST):
            directory = tmp_path / str(seed)
            directory.mkdir()
            real = Ubus(Stack(LAB, REAL), directory)
            real.start()
            try:
                bus.stop()
                bus.start()
                compare(real.socket, bus.path, seed)
            finally:
                real.kill()
