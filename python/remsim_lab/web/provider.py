# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects of this process on the ubus, in libubus's manner: arguments are taken by name and type.

A field of another type than declared counts as not given (blobmsg_parse). One thread serves all
objects, so a method must not wait for long. Source: libubox blobmsg.c, ubus libubus-obj.c.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.blob import Field
from remsim_lab.ubus.client import Connection, OwnObject
from remsim_lab.ubus.wire import Frame

RETRY_S = 1.0  # between attempts to reach ubusd again


class StatusError(Exception):
    """A method's refusal, with a ubus status."""

    def __init__(self, status: int) -> None:
        super().__init__(wire.status_text(status))
        self.status = status


class Arguments:
    """What was given, by declared name and type; `data` is all of it."""

    def __init__(self, data: bytes, signature: Mapping[str, int]) -> None:
        self.data = data
        self._fields: dict[str, Field] = {}
        for item in blob.fields(data, 0, len(data)):
            name = item.name.decode(errors="replace")
            wanted = signature.get(name)
            if wanted is not None and wanted in (item.kind, blob.UNSPEC):
                self._fields[name] = item

    def field(self, name: str) -> Field | None:
        return self._fields.get(name)

    def text(self, name: str) -> bytes | None:
        found = self._fields.get(name)
        return None if found is None else found.text()

    def number(self, name: str) -> int | None:
        found = self._fields.get(name)
        return None if found is None else found.u32()

    def flag(self, name: str) -> bool:
        found = self._fields.get(name)
        return found is not None and bool(blob.scalar(found))

    def items(self, name: str) -> list[Field] | None:
        """Of a table or array; None when it was not given."""
        found = self._fields.get(name)
        return None if found is None else list(blob.fields(found.buffer, found.start, found.end))


# Gives the packed fields of the reply, one element for each message; raises StatusError.
Handler = Callable[[Arguments], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    signature: Mapping[str, int]
    handle: Handler


def packed_signature(methods: Sequence[Method]) -> bytes:
    return b"".join(
        blob.field(
            blob.TABLE,
            method.name.encode(),
            b"".join(blob.field_u32(n.encode(), kind) for n, kind in method.signature.items()),
        )
        for method in methods
    )


class ServedObject(OwnObject):
    """Called by ubusd through `connection`; `before` runs ahead of every call."""

    def __init__(self, methods: Sequence[Method], before: Callable[[], None]) -> None:
        super().__init__(self._invoke)
        self._methods = {method.name.encode(): method for method in methods}
        self._before = before
        self.connection: Connection | None = None

    def _invoke(self, frame: Frame, name: bytes, data: bytes) -> int:
        method = self._methods.get(name)
        if method is None or self.connection is None:
            return wire.METHOD_NOT_FOUND
        self._before()
        try:
            replies = method.handle(Arguments(data, method.signature))
        except StatusError as refusal:
            return refusal.status
        for reply in replies:
            self.connection.reply(frame, self.ident, reply)
        return wire.OK


@dataclass(frozen=True, slots=True)
class Timers:
    """`tick()` does what is due, `next_s()` is how long there is nothing to do."""

    tick: Callable[[], None]
    next_s: Callable[[], float]


class Provider:
    """Keeps objects on the bus, on a thread of its own, from `start()` to `stop()`."""

    def __init__(self, path: str, objects: Mapping[str, Sequence[Method]], timers: Timers) -> None:
        self._path = path
        self._objects = objects
        self._timers = timers
        self._stopping = threading.Event()
        self._there = threading.Event()
        self._served: dict[str, ServedObject] = {}
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns when the objects are on the bus."""
        self._thread = threading.Thread(target=self._run, name="provider", daemon=True)
        self._thread.start()
        self._there.wait()

    def stop(self) -> None:
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself just now
                connection.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def notify(self, path: str, name: bytes, data: bytes) -> None:
        """Tell those who subscribed to an object; only from one of the methods."""
        own = self._served[path]
        if own.connection is not None:
            children = blob.attribute_u32(wire.A_OBJID, own.ident)
            children += blob.attribute_string(wire.A_METHOD, name)
            children += blob.attribute(wire.A_DATA, data)
            own.connection.send(wire.NOTIFY, 0, own.ident, children)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except OSError:
                self._stopping.wait(RETRY_S)

    def _serve(self) -> None:
        connection = Connection()
        connection.open(self._path)
        try:
            self._connection = connection
            for path, methods in self._objects.items():
                own = ServedObject(methods, self._timers.tick)
                own.connection = connection
                self._served[path] = own
                connection.add_object(own, path.encode(), packed_signature(methods))
            self._there.set()
            while not (connection.lost or self._stopping.is_set()):
                connection.read(time.monotonic() + self._timers.next_s())
                self._timers.tick()
        finally:
            self._connection = None
            connection.close()
