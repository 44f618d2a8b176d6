# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls on the ubus from many threads: a few connections, each used by one thread at a time.

A lost connection is replaced with the next call, so that a restarted ubusd is found again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from remsim_lab.ubus import message, wire
from remsim_lab.ubus.client import Connection

Json = object
CALL_TIMEOUT_S = 30.0  # libubus callers of rpcd and LuCI wait this long


@dataclass(frozen=True, slots=True)
class Found:
    """An object on the bus; `signature` is packed as ubusd gave it."""

    path: bytes
    ident: int
    signature: bytes


class Bus:
    """`path` is ubusd's socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One for the use of this thread. Raises OSError when there is no ubusd."""
        taken = self._take()
        try:
            yield taken
        except BaseException:
            taken.close()
            raise
        self._give_back(taken)

    def _take(self) -> Connection:
        with self._lock:
            while self._idle:
                held = self._idle.pop()
                held.receive()  # what came meanwhile, the end of the other side for one
                if not held.lost:
                    return held
                held.close()
        fresh = Connection()
        fresh.open(self._path)
        return fresh

    def _give_back(self, used: Connection) -> None:
        if used.lost:
            used.close()
            return
        with self._lock:
            self._idle.append(used)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def find(self, path: bytes) -> int | None:
        """The object's id."""
        with self.connection() as bus:
            status, ident = bus.lookup_id(path)
        return ident if status == wire.OK and ident else None

    def look_up(self, pattern: bytes | None) -> tuple[int, list[Found]]:
        """(status, what matches); None for all."""
        found: list[Found] = []

        def on_data(given: list[bytes | None]) -> None:
            path, ident = given[wire.A_OBJPATH], given[wire.A_OBJID]
            if path is not None and ident is not None:
                signature = given[wire.A_SIGNATURE] or b""
                found.append(Found(wire.text(path), wire.number(ident), signature))

        with self.connection() as bus:
            status = bus.lookup(pattern, on_data)
        return status, found

    def invoke(self, ident: int, method: bytes, data: bytes, timeout_s: float) -> tuple[int, bytes]:
        """(status, the fields of all replies)"""
        replies: list[bytes] = []
        with self.connection() as bus:
            status = bus.invoke(ident, method, data, replies.append, int(timeout_s * 1000))
        return status, b"".join(replies)

    def call(self, path: str, method: str, arguments: dict[str, Json]) -> tuple[int, bytes]:
        """As invoke(), by name and with JSON values; NOT_FOUND when there is no such object."""
        ident = self.find(path.encode())
        if ident is None:
            return wire.NOT_FOUND, b""
        return self.invoke(ident, method.encode(), message.pack(arguments), CALL_TIMEOUT_S)

    def ask(self, path: str, method: str, arguments: dict[str, Json]) -> tuple[int, dict[str, Any]]:
        """As call(), the reply as JSON; empty when there was none."""
        status, data = self.call(path, method, arguments)
        reply = json.loads(message.format_json(data)) if data else {}
        return status, reply
