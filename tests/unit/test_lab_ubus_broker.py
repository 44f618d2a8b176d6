# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's ubusd: several peers, rubbish, peers that do not read, and those who are not root."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim_lab.ubus import blob, broker, wire
from remsim_lab.ubus.background import BackgroundBroker
from remsim_lab.ubus.bus import Bus
from remsim_lab.ubus.client import Connection, OwnObject
from remsim_lab.ubus.peers import Credentials, Peer
from remsim_lab.ubus.wire import Frame

ROOT = Credentials(0, 0, "root", "root")
NOBODY = Credentials(65534, 65534, "nobody", "nogroup")
LIMIT_MS = 5000


def connected(bus: BackgroundBroker) -> Connection:
    connection = Connection()
    connection.open(bus.path)
    return connection


def echo_object(connection: Connection, path: bytes) -> OwnObject:
    """An object whose method `m` gives its arguments back."""
    own = OwnObject(lambda frame, name, data: 0)

    def invoke(frame: Frame, _name: bytes, data: bytes) -> int:
        connection.reply(frame, own.ident, data)
        return wire.OK

    own.invoke = invoke
    signature = blob.field(blob.TABLE, b"m", b"")
    assert connection.add_object(own, path, signature) == wire.OK
    return own


def paths(connection: Connection) -> list[bytes]:
    found: list[bytes] = []

    def on_data(given: list[bytes | None]) -> None:
        found.append(wire.text(given[wire.A_OBJPATH] or b""))

    assert connection.lookup(None, on_data) == wire.OK
    return found


def test_objects_of_several_peers_are_listed_by_name(bus: BackgroundBroker) -> None:
    one, two, three = connected(bus), connected(bus), connected(bus)
    for connection, path in ((one, b"b"), (two, b"a"), (one, b"c")):
        echo_object(connection, path)
    assert paths(three) == [b"a", b"b", b"c"]
    one.close()
    while paths(three) != [b"a"]:
        continue
    for connection in (two, three):
        connection.close()


def test_calls_of_several_peers_find_their_own_answers(bus: BackgroundBroker) -> None:
    server, clients = connected(bus), [connected(bus) for _ in range(3)]
    own = echo_object(server, b"echo")
    requests = []
    for number, client in enumerate(clients):
        got: list[bytes] = []
        children = (
            blob.attribute_u32(wire.A_OBJID, own.ident)
            + blob.attribute_string(wire.A_METHOD, b"m")
            + blob.attribute(wire.A_DATA, blob.field_u32(b"n", number))
        )
        handler = lambda given, got=got: got.append(given[wire.A_DATA] or b"")  # noqa: E731
        request = client.start(wire.INVOKE, own.ident, children, handler)
        assert request is not None
        requests.append((client, request, got, blob.field_u32(b"n", number)))
    while any(request.status is None for _, request, _, _ in requests):
        server.receive()
        for client, _, _, _ in requests:
            client.receive()
    for client, request, got, wanted in requests:
        assert (request.status, got) == (wire.OK, [wanted])
        client.close()
    server.close()


def test_frame_that_comes_byte_by_byte_is_answered(bus: BackgroundBroker) -> None:
    connection = connected(bus)
    for byte in wire.encode(wire.LOOKUP, 1, 0, b""):
        connection.sock.send(bytes((byte,)))
    assert connection.sock.recv(20, socket.MSG_WAITALL) == bytes.fromhex(
        "00010001000000000000000c0100000800000000"
    )
    connection.close()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\xff" * 12,
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(8) + (wire.MESSAGE_MAX + 1).to_bytes(4, "big"),
        bytes(12),
    ],
)
def test_peer_with_an_impossible_length_is_disconnected(
    bus: BackgroundBroker, rubbish: bytes
) -> None:
    bad, good = connected(bus), connected(bus)
    bad.sock.send(rubbish)
    assert bad.sock.recv(1) == b""
    assert paths(good) == []
    bad.close()
    good.close()


@pytest.mark.parametrize("kind", [wire.HELLO, wire.MONITOR, 12, 255])
def test_unknown_commands_get_status_one(bus: BackgroundBroker, kind: int) -> None:
    connection = connected(bus)
    assert connection.request(kind, 0, b"") == wire.INVALID_COMMAND
    connection.close()


def test_ping_gives_the_message_back(bus: BackgroundBroker) -> None:
    connection = connected(bus)
    got: list[Any] = []
    assert connection.request(wire.PING, 0, b"", got.append) == wire.OK
    assert len(got) == 1
    connection.close()


def test_peer_that_does_not_read_loses_messages_but_holds_nobody_up(bus: BackgroundBroker) -> None:
    deaf, sender, other = connected(bus), connected(bus), connected(bus)
    own = OwnObject(lambda frame, name, data: 0)
    assert deaf.register(own, b"*") == wire.OK
    big = blob.field_string(b"x", b"x" * 60000)
    for _ in range(60):  # 3.6 MB: more than the socket and the queue hold
        assert sender.send_event(b"big", big) == wire.OK
    assert paths(other) == []
    received = 0
    deaf.sock.settimeout(0.5)
    try:
        while data := deaf.sock.recv(1 << 20):
            received += len(data)
    except TimeoutError:
        assert 1_000_000 < received < 60 * 60000
    for connection in (deaf, sender, other):
        connection.close()


def test_long_list_waits_for_its_reader(bus: BackgroundBroker) -> None:
    owner, reader = connected(bus), connected(bus)
    signature = b"".join(
        [blob.field(blob.TABLE, b"method%d" % n, blob.field_u32(b"a", 3)) for n in range(100)]
    )
    for number in range(400):  # about 1.6 MB of descriptions
        own = OwnObject(lambda frame, name, data: 0)
        assert owner.add_object(own, b"object%04d" % number, signature) == wire.OK
    assert paths(reader) == [b"object%04d" % number for number in range(400)]
    owner.close()
    reader.close()


def test_caller_whose_server_dies_is_told_nothing(bus: BackgroundBroker) -> None:
    server, caller = connected(bus), connected(bus)
    own = echo_object(server, b"echo")
    children = blob.attribute_u32(wire.A_OBJID, own.ident) + blob.attribute_string(
        wire.A_METHOD, b"m"
    )
    request = caller.start(wire.INVOKE, own.ident, children)
    assert request is not None
    # One connection is served in order: once this is answered the call has reached its owner.
    assert caller.lookup(b"echo", lambda _: None) == wire.OK
    server.close()
    assert caller.finish(request, 100) == wire.TIMEOUT
    caller.close()


def test_stale_socket_is_replaced_and_removed_at_the_end(tmp_path: Any) -> None:
    path = str(tmp_path / "ubus.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    with BackgroundBroker(path) as running:
        connected(running).close()
    assert not os.path.exists(path)


def test_monitor_shows_the_traffic_of_others(bus: BackgroundBroker) -> None:
    watcher, other = connected(bus), connected(bus)
    seen: list[int] = []

    def on_message(frame: Frame) -> None:
        kind = wire.raw_attributes(frame.body, 6)[wire.M_TYPE]
        seen.append(wire.number(kind or b""))

    watcher.on_monitor = on_message
    assert watcher.invoke(wire.SYSTEM_OBJECT_MONITOR, b"add", b"") == wire.OK
    assert watcher.invoke(wire.SYSTEM_OBJECT_MONITOR, b"x", b"") == wire.METHOD_NOT_FOUND
    assert other.send_event(b"a", b"") == wire.OK
    while wire.STATUS not in seen[-1:] or wire.INVOKE not in seen[-2:]:
        watcher.receive()
    assert watcher.invoke(wire.SYSTEM_OBJECT_MONITOR, b"remove", b"") == wire.OK
    for connection in (watcher, other):
        connection.close()


def test_wrong_options_of_the_broker_show_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert broker.main(["-x"]) == 1
    assert capsys.readouterr().err == "Usage: broker [-s <socket>]\n"


# --- bus.Bus without sockets ---


class Desk:
    """A bus and what left it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Peer, Frame]] = []
        self.bus = Bus(self._send)

    def _send(self, peer: Peer, data: bytes) -> None:
        buffer = wire.FrameBuffer(1 << 24)
        buffer.feed(data)
        frame = buffer.next()
        assert frame is not None
        self.sent.append((peer, frame))

    def ask(self, peer: Peer, kind: int, children: bytes) -> tuple[int | None, list[list[Any]]]:
        """(status, attributes of the DATA messages)"""
        self.sent.clear()
        self.bus.receive(peer, Frame(kind, 1, 0, blob.root(children)))
        mine = [frame for to, frame in self.sent if to is peer]
        data = [wire.attributes(frame.body) for frame in mine if frame.kind == wire.DATA]
        for frame in mine:
            if frame.kind == wire.STATUS:
                return wire.number(wire.attributes(frame.body)[wire.A_STATUS] or b""), data
        return None, data

    def add(self, peer: Peer, path: bytes | None) -> tuple[int | None, int]:
        children = b""
        if path is not None:
            signature = blob.attribute(wire.A_SIGNATURE, blob.field(blob.TABLE, b"m", b""))
            children = blob.attribute_string(wire.A_OBJPATH, path) + signature
        status, data = self.ask(peer, wire.ADD_OBJECT, children)
        return status, wire.number(data[0][wire.A_OBJID]) if data else 0


def invoke_of(ident: int, method: bytes, data: bytes = b"") -> bytes:
    return (
        blob.attribute_u32(wire.A_OBJID, ident)
        + blob.attribute_string(wire.A_METHOD, method)
        + blob.attribute(wire.A_DATA, data)
    )


def test_who_is_not_root_may_do_nothing() -> None:
    desk = Desk()
    root, nobody = desk.bus.connect(ROOT), desk.bus.connect(NOBODY)
    _, ident = desk.add(root, b"secret")
    assert desk.add(nobody, b"mine")[0] == wire.INVALID_ARGUMENT
    assert desk.ask(nobody, wire.LOOKUP, b"") == (wire.OK, [])
    one = blob.attribute_string(wire.A_OBJPATH, b"secret")
    assert desk.ask(nobody, wire.LOOKUP, one) == (wire.OK, [])
    assert desk.ask(nobody, wire.INVOKE, invoke_of(ident, b"m"))[0] == wire.PERMISSION_DENIED
    event = blob.field_string(b"id", b"a") + blob.field(blob.TABLE, b"data", b"")
    assert desk.ask(nobody, wire.INVOKE, invoke_of(1, b"send", event))[0] == wire.PERMISSION_DENIED
    status, listener = desk.add(nobody, None)
    assert status == wire.OK
    wanted = blob.field_u32(b"object", listener) + blob.field_string(b"pattern", b"*")
    register = invoke_of(1, b"register", wanted)
    assert desk.ask(nobody, wire.INVOKE, register)[0] == wire.PERMISSION_DENIED
    watch = blob.attribute_u32(wire.A_OBJID, listener) + blob.attribute_u32(wire.A_TARGET, ident)
    assert desk.ask(nobody, wire.SUBSCRIBE, watch)[0] == wire.NOT_FOUND
    assert desk.ask(nobody, wire.INVOKE, invoke_of(3, b"add"))[0] == wire.PERMISSION_DENIED


def test_nobody_touches_the_objects_of_others() -> None:
    desk = Desk()
    one, two = desk.bus.connect(ROOT), desk.bus.connect(ROOT)
    _, ident = desk.add(one, b"o")
    mine = blob.attribute_u32(wire.A_OBJID, ident)
    assert desk.ask(two, wire.REMOVE_OBJECT, mine)[0] == wire.PERMISSION_DENIED
    notify = mine + blob.attribute_string(wire.A_METHOD, b"m")
    assert desk.ask(two, wire.NOTIFY, notify)[0] == wire.PERMISSION_DENIED
    wanted = blob.field_u32(b"object", ident) + blob.field_string(b"pattern", b"*")
    register = invoke_of(1, b"register", wanted)
    assert desk.ask(two, wire.INVOKE, register)[0] == wire.PERMISSION_DENIED
    answer = mine + blob.attribute_u32(wire.A_STATUS, 0)
    desk.sent.clear()
    desk.bus.receive(two, Frame(wire.STATUS, 1, one.ident, blob.root(answer)))
    assert desk.sent == []


def test_events_of_the_bus_itself_cannot_be_forged() -> None:
    desk = Desk()
    peer = desk.bus.connect(ROOT)
    event = blob.field_string(b"id", b"ubus.object.add") + blob.field(blob.TABLE, b"data", b"")
    assert desk.ask(peer, wire.INVOKE, invoke_of(1, b"send", event))[0] == wire.PERMISSION_DENIED


SMALL = st.integers(0, 7)
ATTRIBUTES = st.lists(
    st.tuples(
        st.integers(0, 15), st.one_of(SMALL.map(lambda n: ("id", n)), st.binary(max_size=12))
    ),
    max_size=5,
)
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 12), SMALL, ATTRIBUTES, st.booleans()), max_size=25
)


@settings(max_examples=150)
@given(STEPS)
def test_bus_survives_any_sequence_of_messages(steps: list[Any]) -> None:
    """Messages of three peers with ids that often are those of real objects."""
    desk = Desk()
    peers = [desk.bus.connect(ROOT) for _ in range(3)]
    known = [1, 3]
    for who, kind, to, attributes, leaves in steps:
        children = b""
        for ident, value in attributes:
            if isinstance(value, tuple):
                children += blob.attribute_u32(ident, known[value[1] % len(known)])
            else:
                children += blob.attribute(ident, value)
        desk.bus.receive(peers[who], Frame(kind, 1, known[to % len(known)], blob.root(children)))
        status, ident = desk.add(peers[who], b"o%d" % to if leaves else None)
        if status == wire.OK:
            known.append(ident)
        if leaves and kind == 0:
            desk.bus.disconnect(peers[who])
            peers[who] = desk.bus.connect(ROOT)
    for peer in peers:
        desk.bus.disconnect(peer)
    fresh = desk.bus.connect(ROOT)
    assert desk.ask(fresh, wire.LOOKUP, b"") == (wire.OK, [])
