# SPDX-License-Identifier: GPL-2.0-or-later
"""blob and blobmsg, the two layers of libubox's tagged binary format, from and to bytes.

A blob is a 4-byte head (bit 31: named, bits 30-24: id or type, bits 23-0: length with the head) and
its data; siblings are padded to 4 bytes. A blobmsg is a named blob: name length (2 bytes), name,
NUL, padded to 4, data. All big-endian.

Never raises anything but BlobError, whatever the bytes are. Walking follows libubox: a walk ends
silently at the first head that does not fit, and a reader sees what came before it.

Source: libubox blob.c, blobmsg.c; recorded frames in tests/vectors/openwrt/wire.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

UNSPEC, ARRAY, TABLE, STRING, INT64, INT32, INT16, INT8, DOUBLE = range(9)
BOOL = INT8
LAST_TYPE = DOUBLE

HEAD_BYTES = 4
NAMED = 0x80000000
LENGTH_MASK = 0x00FFFFFF
LENGTH_MAX = LENGTH_MASK  # 24 bits of length, blob.h BLOB_ATTR_LEN_MASK

_PAD = (b"", b"\0", b"\0\0", b"\0\0\0")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_F64 = struct.Struct(">d")

# Data length by type: exact for integers, at least this for the rest (blobmsg.c, blob.c).
_EXACT_BYTES = (None, None, None, None, 8, 4, 2, 1, None)
_LEAST_BYTES = (0, 0, 0, 1, 8, 4, 2, 1, 8)


class BlobError(ValueError):
    """Bytes that are no blob, or a value that fits in none."""


# --- writing ---


def attribute(ident: int, data: bytes) -> bytes:
    """A plain blob with its padding."""
    length = HEAD_BYTES + len(data)
    if length > LENGTH_MAX:
        raise BlobError(f"{length} bytes do not fit in a blob")
    return _U32.pack(ident << 24 | length) + data + _PAD[-length & 3]


def attribute_u32(ident: int, value: int) -> bytes:
    return attribute(ident, _U32.pack(value & 0xFFFFFFFF))


def attribute_string(ident: int, text: bytes) -> bytes:
    return attribute(ident, text + b"\0")


def root(children: bytes) -> bytes:
    """The outermost blob of a message (id 0)."""
    return attribute(0, children)


def name_block(name: bytes) -> bytes:
    """Name length, name, NUL and padding: what stands between a named blob's head and its data."""
    if len(name) > 0xFFFF:
        raise BlobError(f"{len(name)} bytes do not fit in a name")
    block = _U16.pack(len(name)) + name + b"\0"
    return block + _PAD[-len(block) & 3]


def named_field(block: bytes, kind: int, data: bytes) -> bytes:
    """A named blob (blobmsg) with its padding, from a name block."""
    length = HEAD_BYTES + len(block) + len(data)
    if length > LENGTH_MAX:
        raise BlobError(f"{length} bytes do not fit in a blob")
    return _U32.pack(NAMED | kind << 24 | length) + block + data + _PAD[-length & 3]


def field(kind: int, name: bytes, data: bytes) -> bytes:
    """A named blob with its padding; array items have the empty name."""
    return named_field(name_block(name), kind, data)


def field_u32(name: bytes, value: int) -> bytes:
    return field(INT32, name, _U32.pack(value & 0xFFFFFFFF))


def field_string(name: bytes, text: bytes) -> bytes:
    return field(STRING, name, text + b"\0")


# --- reading ---


def length_of(data: bytes | bytearray, at: int = 0) -> int:
    """Announced length of the blob at `at`, its head included, its padding not."""
    word: int = _U32.unpack_from(data, at)[0]
    return word & LENGTH_MASK


def padded(length: int) -> int:
    return (length + 3) & ~3


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(head word, position, length) of each sibling in data[start:end]."""
    at = start
    while end - at >= HEAD_BYTES:
        word: int = _U32.unpack_from(data, at)[0]
        length = word & LENGTH_MASK
        step = (length + 3) & ~3
        if step > end - at or step < HEAD_BYTES:
            return
        yield word, at, length
        at += step


def c_string(data: bytes) -> bytes:
    """What C sees of these bytes: everything up to the first NUL."""
    end = data.find(b"\0")
    return data if end < 0 else data[:end]


class Field:
    """One checked blobmsg: `kind`, C-visible `name`, and where its data stands in `buffer`."""

    __slots__ = ("buffer", "end", "kind", "name", "start")

    def __init__(self, kind: int, name: bytes, buffer: bytes, start: int, end: int) -> None:
        self.kind = kind
        self.name = name
        self.buffer = buffer
        self.start = start
        self.end = end

    @property
    def data(self) -> bytes:
        return bytes(self.buffer[self.start : self.end])

    def u32(self) -> int:
        value: int = _U32.unpack_from(self.buffer, self.start)[0]
        return value

    def text(self) -> bytes:
        return c_string(self.data)


def _data_fits(kind: int, buffer: bytes, start: int, end: int) -> bool:
    length = end - start
    exact = _EXACT_BYTES[kind]
    if exact is not None:
        return length == exact
    if kind == STRING:
        return length >= 1 and buffer[end - 1] == 0
    return length >= _LEAST_BYTES[kind]


def checked_field(buffer: bytes, word: int, at: int, length: int) -> Field | None:
    """The blobmsg at `at`, or None where libubox's blobmsg_check_attr refuses it."""
    if length < HEAD_BYTES:
        return None
    kind = word >> 24 & 0x7F
    start = at + HEAD_BYTES
    end = at + length
    name = b""
    if word & NAMED:
        if end - start < 2:
            return None
        name_length: int = _U16.unpack_from(buffer, start)[0]
        name_end = start + 2 + name_length
        data_start = start + (name_length + 6 & ~3)
        if data_start > end or buffer[name_end] != 0:
            return None
        name = c_string(buffer[start + 2 : name_end])
        start = data_start
    if kind > LAST_TYPE or not _data_fits(kind, buffer, start, end):
        return None
    return Field(kind, name, buffer, start, end)


def fields(buffer: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of a table or array until the first bad one, as blobmsg_parse walks them."""
    for word, at, length in walk(buffer, start, end):
        item = checked_field(buffer, word, at, length)
        if item is None:
            return
        yield item


_SCALARS = {INT32: ">i", INT64: ">q", INT16: ">h", DOUBLE: ">d", INT8: "?"}


def scalar(item: Field) -> bool | int | float | None:
    """Value of a number, boolean or null."""
    if item.kind == UNSPEC:
        return None
    layout = _SCALARS.get(item.kind)
    if layout is None:
        raise BlobError(f"type {item.kind} is no scalar")
    value: bool | int | float = struct.unpack_from(layout, item.buffer, item.start)[0]
    return value


def pack_scalar(value: bool | int | float | None) -> tuple[int, bytes]:
    """(type, data) as blobmsg_add_json_element chooses; json-c clamps integers to 64 bits."""
    if value is None:
        return UNSPEC, b""
    if value is True:
        return INT8, b"\1"
    if value is False:
        return INT8, b"\0"
    if isinstance(value, float):
        return DOUBLE, _F64.pack(value)
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return INT32, _U32.pack(value & 0xFFFFFFFF)
    value = max(-(1 << 63), min(value, (1 << 63) - 1))
    return INT64, _U64.pack(value & 0xFFFFFFFFFFFFFFFF)
