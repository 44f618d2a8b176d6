# SPDX-License-Identifier: GPL-2.0-or-later
"""libubus as a client sees it: one connection, blocking requests, own objects, listeners.

Kept from libubus: requests are numbered 1, 2, 3...; messages for own objects that arrive while a
handler or a request is busy wait; a request over 1 MiB is never sent (status 2), a reply is sent
whatever its size. It must never be used from two threads at once.

Source: ubus libubus.c, libubus-io.c, libubus-req.c, libubus-obj.c.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.wire import Frame

READ_BYTES = 65536
# ubusd adds USER and GROUP when it passes a call on, so a full-sized one arrives a little longer.
# libubus loses its framing there and goes deaf; accepting the few bytes is the only difference.
RECEIVE_MAX = wire.MESSAGE_MAX + 65536

# data(kind, attributes) of each DATA message that answers a request.
DataHandler = Callable[[list["bytes | None"]], None]
# method(frame, method name, data) -> status
InvokeHandler = Callable[[Frame, bytes, bytes], int]


class OwnObject:
    """An object of this connection; `invoke` gives a status, `ident` is 0 while not added."""

    __slots__ = ("ident", "invoke", "on_unsubscribe")

    def __init__(self, invoke: InvokeHandler) -> None:
        self.invoke = invoke
        self.ident = 0
        self.on_unsubscribe: Callable[[int], None] | None = None


class Request:
    """A request under way; `status` is None until it is answered or given up."""

    __slots__ = ("on_data", "peer", "sequence", "status")

    def __init__(self, sequence: int, peer: int, on_data: DataHandler | None) -> None:
        self.sequence = sequence
        self.peer = peer
        self.on_data = on_data
        self.status: int | None = None


class Connection:
    """`lost` becomes True for good when the other end is gone."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.local_id = 0
        self.lost = False
        self.depth = 0  # handlers and requests inside each other (libubus stack_depth)
        self.objects: dict[int, OwnObject] = {}
        self.on_monitor: Callable[[Frame], None] | None = None
        self._frames = wire.FrameBuffer(RECEIVE_MAX)
        self._requests: list[Request] = []
        self._pending: deque[Frame] = deque()
        self._sequence = 0
        self._poll = select.poll()
        self.wake_fd = -1  # a byte written here ends a wait in read()
        self._woken_fd = -1

    # --- life ---

    def open(self, path: str) -> None:
        """Connect and read the HELLO. Raises OSError."""
        try:
            self.sock.connect(path)
            hello = self._read_hello()
            if hello is None or hello.kind != wire.HELLO or hello.peer <= 1:
                raise ConnectionError("no HELLO from ubusd")
        except OSError:
            self.sock.close()
            raise
        self.local_id = hello.peer
        self._woken_fd, self.wake_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self.sock, select.POLLIN)
        self._poll.register(self._woken_fd, select.POLLIN)

    def _read_hello(self) -> Frame | None:
        head = self.sock.recv(wire.PREFIX_BYTES, socket.MSG_WAITALL)
        self._frames.feed(head)
        return self._frames.next() if len(head) == wire.PREFIX_BYTES else None

    def close(self) -> None:
        self.sock.close()
        if self.wake_fd >= 0:
            os.close(self._woken_fd)
            os.close(self.wake_fd)
            self.wake_fd = self._woken_fd = -1

    # --- sending ---

    def send(self, kind: int, sequence: int, peer: int, children: bytes) -> bool:
        """Write one message, waiting for room. False when the connection is gone."""
        if self.lost:
            return False
        try:
            self.sock.sendall(wire.encode(kind, sequence, peer, children))
        except OSError:
            self.lost = True
            return False
        return True

    def start(
        self, kind: int, peer: int, children: bytes, on_data: DataHandler | None = None
    ) -> Request | None:
        """Send a request; None when it is too large or the connection is gone."""
        if len(children) + blob.HEAD_BYTES > wire.MESSAGE_MAX:
            return None
        self._sequence = (self._sequence + 1) & 0xFFFF
        request = Request(self._sequence, peer, on_data)
        if not self.send(kind, request.sequence, peer, children):
            return None
        self._requests.append(request)
        return request

    def finish(self, request: Request, timeout_ms: int = 0) -> int:
        """Wait for the status; 0 waits for ever."""
        deadline = time.monotonic() + timeout_ms / 1000 if timeout_ms else None
        self.depth += 1
        try:
            while request.status is None and not self._expired(request, deadline):
                self.read(deadline)
        finally:
            self.depth -= 1
            if request in self._requests:
                self._requests.remove(request)
        return wire.NO_DATA if request.status is None else request.status

    def _expired(self, request: Request, deadline: float | None) -> bool:
        if self.lost:
            request.status = wire.CONNECTION_FAILED
        elif deadline is not None and time.monotonic() >= deadline:
            request.status = wire.TIMEOUT
        return request.status is not None

    def request(
        self,
        kind: int,
        peer: int,
        children: bytes,
        on_data: DataHandler | None = None,
        timeout_ms: int = 0,
    ) -> int:
        """Send, wait, give the status; INVALID_ARGUMENT when it could not even be sent."""
        started = self.start(kind, peer, children, on_data)
        return wire.INVALID_ARGUMENT if started is None else self.finish(started, timeout_ms)

    # --- the calls of libubus ---

    def lookup(self, path: bytes | None, on_data: DataHandler) -> int:
        children = b"" if path is None else blob.attribute_string(wire.A_OBJPATH, path)
        return self.request(wire.LOOKUP, 0, children, on_data)

    def lookup_id(self, path: bytes) -> tuple[int, int]:
        """(status, object id)"""
        found = [0]

        def on_data(given: list[bytes | None]) -> None:
            ident = given[wire.A_OBJID]
            if ident is not None:
                found[0] = wire.number(ident)

        status = self.lookup(path, on_data)
        return status, found[0]

    def invoke(
        self,
        ident: int,
        method: bytes,
        data: bytes,
        on_data: Callable[[bytes], None] | None = None,
        timeout_ms: int = 0,
    ) -> int:
        """Call a method with packed arguments; `on_data` gets the packed data of each reply."""

        def unwrap(given: list[bytes | None]) -> None:
            reply = given[wire.A_DATA]
            if on_data is not None and reply is not None:
                on_data(reply)

        try:
            children = (
                blob.attribute_u32(wire.A_OBJID, ident)
                + blob.attribute_string(wire.A_METHOD, method)
                + blob.attribute(wire.A_DATA, data)
            )
        except blob.BlobError:
            return wire.INVALID_ARGUMENT
        return self.request(wire.INVOKE, ident, children, unwrap, timeout_ms)

    def add_object(self, own: OwnObject, path: bytes | None = None, signature: bytes = b"") -> int:
        """`path` None makes a nameless object (listener, subscriber)."""
        children = b""
        if path is not None:
            children = blob.attribute_string(wire.A_OBJPATH, path) + blob.attribute(
                wire.A_SIGNATURE, signature
            )

        def on_data(given: list[bytes | None]) -> None:
            ident = given[wire.A_OBJID]
            if ident is not None:
                own.ident = wire.number(ident)
                self.objects[own.ident] = own

        status = self.request(wire.ADD_OBJECT, 0, children, on_data)
        return status or (wire.OK if own.ident else wire.NO_DATA)

    def remove_object(self, own: OwnObject) -> int:
        status = self.request(
            wire.REMOVE_OBJECT, 0, blob.attribute_u32(wire.A_OBJID, own.ident), None
        )
        if status == wire.OK:
            self.objects.pop(own.ident, None)
            own.ident = 0
        return status

    def register(self, own: OwnObject, pattern: bytes) -> int:
        """Listen for events with a nameless object, which is added when it is new."""
        if not own.ident:
            status = self.add_object(own)
            if status:
                return status
        data = blob.field_u32(b"object", own.ident) + blob.field_string(b"pattern", pattern)
        return self.invoke(wire.SYSTEM_OBJECT_EVENT, b"register", data)

    def send_event(self, name: bytes, data: bytes) -> int:
        try:
            packed = blob.field_string(b"id", name) + blob.field(blob.TABLE, b"data", data)
        except blob.BlobError:
            return wire.INVALID_ARGUMENT
        return self.invoke(wire.SYSTEM_OBJECT_EVENT, b"send", packed)

    def subscribe(self, own: OwnObject, target: int) -> int:
        children = blob.attribute_u32(wire.A_OBJID, own.ident) + blob.attribute_u32(
            wire.A_TARGET, target
        )
        return self.request(wire.SUBSCRIBE, 0, children)

    def reply(self, frame: Frame, own: int, data: bytes) -> bool:
        """One DATA message for a call that is being handled."""
        children = blob.attribute_u32(wire.A_OBJID, own) + blob.attribute(wire.A_DATA, data)
        return self.send(wire.DATA, frame.sequence, frame.peer, children)

    def complete(self, frame: Frame, own: int, status: int) -> None:
        children = blob.attribute_u32(wire.A_STATUS, status) + blob.attribute_u32(wire.A_OBJID, own)
        self.send(wire.STATUS, frame.sequence, frame.peer, children)

    # --- receiving ---

    def wake(self) -> None:
        """End a wait in read(); for signal handlers."""
        try:
            os.write(self.wake_fd, b"\0")
        except BlockingIOError:
            return  # woken often enough already

    def read(self, deadline: float | None = None) -> None:
        """Wait for bytes until the deadline, then handle all whole messages that are there."""
        if not self._handle_held():
            timeout_ms = None
            if deadline is not None:
                timeout_ms = max(0, int((deadline - time.monotonic()) * 1000 + 0.999))
            for fd, _events in self._poll.poll(timeout_ms):
                if fd == self._woken_fd:
                    self._clear_wake()
                else:
                    self.receive()

    def _clear_wake(self) -> None:
        try:
            os.read(self._woken_fd, 4096)
        except BlockingIOError:
            return  # a callback that waited itself was faster

    def receive(self) -> None:
        """Take in what the socket has and handle it, without waiting."""
        while not self.lost:
            try:
                data = self.sock.recv(READ_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data = b""
            if not data:
                self._lose()
                break
            self._frames.feed(data)
            self._handle_held()
            if len(data) < READ_BYTES:
                break

    def _lose(self) -> None:
        self.lost = True
        self._poll.unregister(self.sock)
        for request in self._requests:
            request.status = wire.CONNECTION_FAILED

    def _handle_held(self) -> bool:
        """Handle messages already read. False when there was none."""
        handled = False
        try:
            while True:
                handled = self.handle_pending() or handled
                frame = self._frames.next()
                if frame is None:
                    return handled
                handled = True
                self._handle(frame)
        except wire.FrameError:
            self._lose()
        return handled

    def handle_pending(self) -> bool:
        """Messages for own objects that waited for a handler or request to end; was there one?"""
        handled = False
        while self._pending and self.depth == 0:
            handled = True
            self._handle(self._pending.popleft())
        return handled

    def _handle(self, frame: Frame) -> None:
        if frame.kind in (wire.STATUS, wire.DATA):
            self._on_answer(frame)
        elif frame.kind in (wire.INVOKE, wire.UNSUBSCRIBE, wire.NOTIFY):
            if self.depth:
                self._pending.append(frame)
                return
            self.depth += 1
            try:
                self._on_object_message(frame)
            finally:
                self.depth -= 1
        elif frame.kind == wire.MONITOR and self.on_monitor is not None:
            self.on_monitor(frame)

    def _on_answer(self, frame: Frame) -> None:
        for request in self._requests:
            if request.sequence == frame.sequence and request.peer == frame.peer:
                break
        else:
            return
        given = wire.attributes(frame.body)
        if frame.kind == wire.DATA:
            if request.on_data is not None:
                request.on_data(given)
            return
        status = given[wire.A_STATUS]
        request.status = wire.INVALID_ARGUMENT if status is None else wire.number(status)
        self._requests.remove(request)

    def _on_object_message(self, frame: Frame) -> None:
        given = wire.attributes(frame.body)
        ident = given[wire.A_OBJID]
        if ident is None:
            return
        own = self.objects.get(wire.number(ident))
        if frame.kind == wire.INVOKE:
            self._on_invoke(frame, own, given)
        elif frame.kind == wire.UNSUBSCRIBE and own is not None:
            target = given[wire.A_TARGET]
            if own.on_unsubscribe is not None and target is not None:
                own.on_unsubscribe(wire.number(target))

    def _on_invoke(self, frame: Frame, own: OwnObject | None, given: list[bytes | None]) -> None:
        method, data = given[wire.A_METHOD], given[wire.A_DATA]
        if own is None or method is None:
            # libubus answers these before it has copied peer and sequence; ubusd drops the answer
            return
        ident = own.ident
        status = wire.INVALID_ARGUMENT
        if data is not None:
            status = own.invoke(frame, wire.text(method), data)
        no_reply = given[wire.A_NO_REPLY]
        if not (no_reply and no_reply[0]):
            self.complete(frame, ident, status)
