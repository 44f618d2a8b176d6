# SPDX-License-Identifier: GPL-2.0-or-later
"""blobmsg payloads against JSON: what libubox's blobmsg_json.c makes of both, byte for byte.

`pack()` takes what json.loads gives, `format_json()` writes the very text that `ubus call` prints
(doubles with six decimals, which is why a number can lose digits on its way). Packing raises
nothing but BlobError, formatting nothing.

Source: libubox blobmsg_json.c, json-c 0.16.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from remsim_lab.ubus.blob import (
    ARRAY,
    DOUBLE,
    INT8,
    STRING,
    TABLE,
    UNSPEC,
    BlobError,
    Field,
    checked_field,
    name_block,
    named_field,
    pack_scalar,
    scalar,
    walk,
)

JsonValue = object

# json-c: values inside each other, the outermost table and the innermost scalar included
# (JSON_TOKENER_DEFAULT_DEPTH).
DEPTH_MAX = 32
# blobmsg_json.c: tabs that add_separator has at hand.
_INDENT_MAX = 16
# blobmsg_json.c: snprintf into char buf[317].
_NUMBER_MAX = 316

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(rb'[\x00-\x1f"\\]')
_SHORT = {8: b"\\b", 10: b"\\n", 9: b"\\t", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def utf8(text: str) -> bytes:
    """UTF-8 as json-c gives it to C: cut at NUL, a lone surrogate becomes U+FFFD."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = _SURROGATE.sub("\ufffd", text).encode()
    return data.split(b"\0", 1)[0] if b"\0" in data else data


# Field names of tables come again and again; more than this many different ones are not kept.
_NAMES_MAX = 1024
_NO_NAME = name_block(b"")
_names: dict[str, bytes] = {}


def _name(key: str) -> bytes:
    block = _names.get(key)
    if block is None:
        block = name_block(utf8(key))
        if len(_names) < _NAMES_MAX:
            _names[key] = block
    return block


def _pack_value(value: JsonValue, depth: int) -> tuple[int, bytes]:
    """(type, data)"""
    if isinstance(value, str):
        return STRING, utf8(value) + b"\0"
    if isinstance(value, dict):
        return TABLE, pack(value, depth)
    if isinstance(value, list):
        _check_depth(value, depth)
        items = [named_field(_NO_NAME, *_pack_value(each, depth + 1)) for each in value]
        return ARRAY, b"".join(items)
    if value is None or isinstance(value, (bool, int, float)):
        return pack_scalar(value)
    if isinstance(value, bytes):
        return STRING, value.split(b"\0", 1)[0] + b"\0"
    raise BlobError(f"{type(value).__name__} has no blobmsg type")


def _check_depth(container: dict[str, JsonValue] | list[JsonValue], depth: int) -> None:
    """What stands in a container counts as one level more, an empty one is a leaf."""
    if depth + bool(container) > DEPTH_MAX:
        raise BlobError("nested too deeply")


def pack(table: dict[str, JsonValue], depth: int = 1) -> bytes:
    """The fields of a table, without a head of their own. Bytes are text that is no UTF-8."""
    _check_depth(table, depth)
    below = depth + 1
    return b"".join(
        [named_field(_name(key), *_pack_value(value, below)) for key, value in table.items()]
    )


# A text in place of one value (list -v shows type names), or None to show the value itself.
Format = Callable[[Field], bytes | None]


def _escape(match: re.Match[bytes]) -> bytes:
    byte = match[0][0]
    return _SHORT.get(byte) or b"\\u%04x" % byte


def quoted(text: bytes) -> bytes:
    if _ESCAPED.search(text) is not None:
        text = _ESCAPED.sub(_escape, text)
    return b'"%s"' % text


def _number(item: Field) -> bytes:
    value = scalar(item)
    if item.kind != DOUBLE:
        return b"%d" % value if isinstance(value, int) else b""
    number = float(value) if isinstance(value, (int, float)) else 0.0
    if math.isnan(number) and math.copysign(1.0, number) < 0:
        return b"-nan"
    return b"%.*s" % (_NUMBER_MAX, b"%f" % number)


class _Writer:
    """Appends the pieces of one text; `level` is None for the text without indentation."""

    __slots__ = ("level", "out", "replace")

    def __init__(self, level: int | None, replace: Format | None) -> None:
        self.level = level
        self.replace = replace
        self.out: list[bytes] = []

    def separator(self, change: int = 0) -> None:
        if self.level is not None:
            self.level += change
            self.out.append(b"\n" + b"\t" * min(self.level, _INDENT_MAX))

    def element(self, item: Field, with_name: bool) -> None:
        if with_name and item.name:
            self.out.append(quoted(item.name))
            self.out.append(b":" if self.level is None else b": ")
        shown = self.replace(item) if self.replace else None
        if shown is None:
            self.value(item)
        else:
            self.out.append(shown)

    def value(self, item: Field) -> None:
        kind = item.kind
        if kind == STRING:
            self.out.append(quoted(item.text()))
        elif kind in (TABLE, ARRAY):
            self.items(item.buffer, item.start, item.end, kind == ARRAY)
        elif kind == INT8:
            self.out.append(b"true" if item.buffer[item.start] else b"false")
        elif kind == UNSPEC:
            self.out.append(b"null")
        else:
            self.out.append(_number(item))

    def items(self, buffer: bytes, start: int, end: int, array: bool) -> None:
        self.out.append(b"[" if array else b"{")
        self.separator(1)
        for word, at, length in walk(buffer, start, end):
            if at != start:
                self.out.append(b",")
                self.separator()
            item = checked_field(buffer, word, at, length)
            if item is not None:  # libubox prints nothing for a bad one, yet the comma stands
                self.element(item, not array)
        self.separator(-1)
        self.out.append(b"]" if array else b"}")


def format_json(data: bytes, indent: bool = False) -> bytes:
    """JSON text of a table's fields, as `ubus call` (indented) and `ubus listen` print it."""
    writer = _Writer(0 if indent else None, None)
    writer.items(data, 0, len(data), False)
    return b"".join(writer.out)


def format_field(item: Field, replace: Format | None = None) -> bytes:
    """`"name":value` without indentation, as `ubus -v list` prints a method."""
    writer = _Writer(None, replace)
    writer.element(item, True)
    return b"".join(writer.out)
