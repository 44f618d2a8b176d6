# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of the ubus protocol: header, message types, attributes, status texts.

A frame is version (1 byte, 0), type (1), sequence (2), peer (4), then one blob. ubusd speaks first
(HELLO, peer = client id). A request is answered with its own sequence number. Never does I/O; a
frame that announces more than it may is a FrameError before anything is buffered for it.

Source: ubus ubusmsg.h, ubusd_proto.c, libubus-io.c; recorded frames in tests/vectors/openwrt/wire.
"""

from __future__ import annotations

import struct

from remsim_lab.ubus import blob

(
    HELLO,
    STATUS,
    DATA,
    PING,
    LOOKUP,
    INVOKE,
    ADD_OBJECT,
    REMOVE_OBJECT,
    SUBSCRIBE,
    UNSUBSCRIBE,
    NOTIFY,
    MONITOR,
) = range(12)

TYPE_NAMES = (
    "hello",
    "status",
    "data",
    "ping",
    "lookup",
    "invoke",
    "add_object",
    "remove_object",
    "subscribe",
    "unsubscribe",
    "notify",
)

(
    A_UNSPEC,
    A_STATUS,
    A_OBJPATH,
    A_OBJID,
    A_METHOD,
    A_OBJTYPE,
    A_SIGNATURE,
    A_DATA,
    A_TARGET,
    A_ACTIVE,
    A_NO_REPLY,
    A_SUBSCRIBERS,
    A_USER,
    A_GROUP,
    A_COUNT,
) = range(15)

M_CLIENT, M_PEER, M_SEND, M_SEQ, M_TYPE, M_DATA = range(6)

OK = 0
INVALID_COMMAND = 1
INVALID_ARGUMENT = 2
METHOD_NOT_FOUND = 3
NOT_FOUND = 4
NO_DATA = 5
PERMISSION_DENIED = 6
TIMEOUT = 7
NOT_SUPPORTED = 8
UNKNOWN_ERROR = 9
CONNECTION_FAILED = 10
NO_MEMORY = 11
PARSE_ERROR = 12
SYSTEM_ERROR = 13

_STATUS_TEXTS = (
    "Success",
    "Invalid command",
    "Invalid argument",
    "Method not found",
    "Not found",
    "No response",
    "Permission denied",
    "Request timed out",
    "Operation not supported",
    "Unknown error",
    "Connection failed",
    "Out of memory",
    "Parsing message data failed",
    "System error",
)

SYSTEM_OBJECT_EVENT = 1
SYSTEM_OBJECT_ACL = 2
SYSTEM_OBJECT_MONITOR = 3
FIRST_FREE_ID = 1024  # ubusmsg.h UBUS_SYSTEM_OBJECT_MAX

DEFAULT_SOCKET = "/var/run/ubus/ubus.sock"
MESSAGE_MAX = 1048576  # bytes of the padded root blob, ubus CMakeLists UBUS_MAX_MSGLEN
HEADER_BYTES = 8
PREFIX_BYTES = HEADER_BYTES + blob.HEAD_BYTES

_HEADER = struct.Struct(">BBHI")

# Attributes whose shape ubusd and libubus check before they use them (ubus_policy).
_STRINGS = frozenset((A_OBJPATH, A_METHOD, A_USER, A_GROUP))
_NUMBERS = frozenset((A_STATUS, A_OBJID, A_OBJTYPE))


class FrameError(ValueError):
    """The peer's bytes are no ubus frame; the connection cannot be used any more."""


def status_text(status: int) -> str:
    if 0 <= status < len(_STATUS_TEXTS):
        return _STATUS_TEXTS[status]
    return f"Unknown error: {status}"


class Frame:
    """One message: `body` is the root blob as it stands on the wire."""

    __slots__ = ("body", "kind", "peer", "sequence", "version")

    def __init__(self, kind: int, sequence: int, peer: int, body: bytes, version: int = 0) -> None:
        self.kind = kind
        self.sequence = sequence
        self.peer = peer
        self.body = body
        self.version = version

    def encode(self) -> bytes:
        return _HEADER.pack(self.version, self.kind, self.sequence & 0xFFFF, self.peer) + self.body


def encode(kind: int, sequence: int, peer: int, children: bytes) -> bytes:
    """Header and root blob around already packed attributes."""
    return _HEADER.pack(0, kind, sequence & 0xFFFF, peer) + blob.root(children)


class FrameBuffer:
    """Bytes in, frames out. Holds at most one frame of `limit` bytes and what one read added."""

    __slots__ = ("_bytes", "_limit")

    def __init__(self, limit: int = MESSAGE_MAX) -> None:
        self._bytes = bytearray()
        self._limit = limit

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def next(self) -> Frame | None:
        """The next whole frame. Raises FrameError for a length no ubus peer may announce."""
        held = self._bytes
        if len(held) < PREFIX_BYTES:
            return None
        length = blob.length_of(held, HEADER_BYTES)
        if length < blob.HEAD_BYTES or blob.padded(length) > self._limit:
            raise FrameError(f"a message of {length} bytes is announced")
        end = HEADER_BYTES + length
        if len(held) < end:
            return None
        version, kind, sequence, peer = _HEADER.unpack_from(held)
        frame = Frame(kind, sequence, peer, bytes(held[HEADER_BYTES:end]), version)
        del held[:end]
        return frame


def _well_shaped(ident: int, data: bytes) -> bool:
    if ident in _STRINGS:
        return data.endswith(b"\0")
    return ident not in _NUMBERS or len(data) == 4


def raw_attributes(body: bytes, count: int) -> list[bytes | None]:
    """Data of each attribute by number, whatever its shape; the last of several counts."""
    found: list[bytes | None] = [None] * count
    for word, at, length in blob.walk(body, blob.HEAD_BYTES, len(body)):
        ident = word >> 24 & 0x7F
        if ident < count and length >= blob.HEAD_BYTES:
            found[ident] = body[at + blob.HEAD_BYTES : at + length]
    return found


def attributes(body: bytes) -> list[bytes | None]:
    """As raw_attributes; unknown and badly shaped attributes do not count."""
    found: list[bytes | None] = [None] * A_COUNT
    for word, at, length in blob.walk(body, blob.HEAD_BYTES, len(body)):
        ident = word >> 24 & 0x7F
        if ident >= A_COUNT or length < blob.HEAD_BYTES:
            continue
        data = body[at + blob.HEAD_BYTES : at + length]
        if _well_shaped(ident, data):
            found[ident] = data
    return found


def number(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def text(data: bytes) -> bytes:
    return blob.c_string(data)
