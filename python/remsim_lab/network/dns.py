# SPDX-License-Identifier: GPL-2.0-or-later
"""The carriers' name server: answers from a table, over UDP and TCP, and can be made to fail.

It shares no code with the product's resolver. Source: RFC 1035 sections 3 and 4, RFC 3596 (AAAA).
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address, ip_address

from remsim_lab.network.namespace import Namespace

PORT = 53
TYPE_A, TYPE_CNAME, TYPE_AAAA = 1, 5, 28
CLASS_IN = 1
RCODE_OK, RCODE_SERVFAIL, RCODE_NXDOMAIN = 0, 2, 3
FLAGS_ANSWER = 0x8180  # QR, RD, RA
TCP_LIMIT_S = 2.0


class DnsMood(Enum):
    """WELL answers, SILENT says nothing, FAILING says SERVFAIL, EMPTY says no such name."""

    WELL = "well"
    SILENT = "silent"
    FAILING = "failing"
    EMPTY = "empty"


class NameServer:
    """`names`: name → addresses, or one other name (CNAME). May be changed while it runs."""

    def __init__(self, namespace: Namespace, addresses: Sequence[str], ttl_s: int = 60) -> None:
        self.names: dict[str, tuple[str, ...]] = {}
        self.mood = DnsMood.WELL
        self.asked: list[tuple[str, str]] = []  # (server address, name), newest last
        self._namespace = namespace
        self._addresses = tuple(addresses)
        self._ttl_s = ttl_s
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = socket.socketpair()

    def start(self) -> None:
        self._sockets = self._namespace.call(self._open)
        for each in (*self._sockets, self._wake_read):
            self._selector.register(each, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="lab-dns", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._wake_write.send(b"w")
            self._thread.join()
            self._thread = None
        self._selector.close()
        for each in (*self._sockets, self._wake_read, self._wake_write):
            each.close()

    def _open(self) -> list[socket.socket]:
        opened = []
        for address in self._addresses:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                each = socket.socket(socket.AF_INET, kind)
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                each.bind((address, PORT))
                if kind == socket.SOCK_STREAM:
                    each.listen()
                opened.append(each)
        return opened

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_read:
                    return
                assert isinstance(key.fileobj, socket.socket)
                self._serve(key.fileobj)

    def _serve(self, server: socket.socket) -> None:
        try:
            if server.type == socket.SOCK_STREAM:
                self._serve_tcp(server)
                return
            query, peer = server.recvfrom(4096)
            answer = self._answer(query, server.getsockname()[0])
            if answer is not None:
                server.sendto(answer, peer)
        except (OSError, struct.error, IndexError, UnicodeDecodeError):
            return  # a broken question gets no answer

    def _serve_tcp(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(TCP_LIMIT_S)
            (size,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
            query = connection.recv(size, socket.MSG_WAITALL)
            answer = self._answer(query, server.getsockname()[0])
            if answer is not None:
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query: bytes, server: str) -> bytes | None:
        (identity,) = struct.unpack_from("!H", query)
        name, end = _read_name(query, 12)
        (kind,) = struct.unpack_from("!H", query, end)
        question = query[12 : end + 4]
        self.asked.append((server, name))
        if self.mood is DnsMood.SILENT:
            return None
        code, records = self._look_up(name, kind)
        head = struct.pack("!HHHHHH", identity, FLAGS_ANSWER | code, 1, len(records), 0, 0)
        return head + question + b"".join(records)

    def _look_up(self, name: str, kind: int) -> tuple[int, list[bytes]]:
        if self.mood is DnsMood.FAILING:
            return RCODE_SERVFAIL, []
        if self.mood is DnsMood.EMPTY or name.lower() not in self.names:
            return RCODE_NXDOMAIN, []
        records: list[bytes] = []
        values = self.names[name.lower()]
        while len(values) == 1 and not _is_address(values[0]):
            records.append(self._record(name, TYPE_CNAME, _write_name(values[0])))
            name = values[0]
            values = self.names.get(name.lower(), ())
        for value in values:
            address = ip_address(value)
            its_kind = TYPE_A if isinstance(address, IPv4Address) else TYPE_AAAA
            if its_kind == kind:
                records.append(self._record(name, kind, address.packed))
        return RCODE_OK, records

    def _record(self, name: str, kind: int, value: bytes) -> bytes:
        head = struct.pack("!HHIH", kind, CLASS_IN, self._ttl_s, len(value))
        return _write_name(name) + head + value


def _is_address(value: str) -> bool:
    return value.replace(".", "").isdigit() or ":" in value


def _read_name(raw: bytes, offset: int) -> tuple[str, int]:
    labels = []
    while raw[offset]:
        size = raw[offset]
        labels.append(raw[offset + 1 : offset + 1 + size].decode("ascii"))
        offset += 1 + size
    return ".".join(labels), offset + 1


def _write_name(name: str) -> bytes:
    parts = [bytes([len(label)]) + label.encode("ascii") for label in name.split(".") if label]
    return b"".join(parts) + b"\0"
