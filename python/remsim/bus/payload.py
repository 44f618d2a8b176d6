# SPDX-License-Identifier: GPL-2.0-or-later
"""Size and soundness of a payload before it goes to ubus. Pure.

A reply above 1 MiB makes ubusd drop the whole connection, NaN breaks the caller, an unknown type
raises inside the binding. So every payload is walked once beforehand. Source of the sizes: libubox
blobmsg (4-byte header, u16 name length, name, NUL, everything padded to 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

MAX_REPLY_BYTES = (
    256 * 1024
)  # a quarter of ubusd's limit of 1 MiB: other clients need not accept more
MAX_DEPTH = 24  # json-c refuses 32 levels, the binding 60; status uses 5
_HEADER_BYTES = 4
_NAME_LENGTH_BYTES = 2
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1


class UnsoundPayload(ValueError):
    """The payload cannot go over ubus; the text says where in it."""


def wire_bytes(value: object) -> int:
    """Bytes of `value` as one table on the wire; raises `UnsoundPayload`."""
    if not isinstance(value, Mapping):
        raise UnsoundPayload(f"a table is wanted, not {type(value).__name__}")
    return _HEADER_BYTES + _table(value, "", 0)


def _padded(length: int) -> int:
    return (length + 3) & ~3


def _attribute(name: str, data_bytes: int) -> int:
    name_bytes = _padded(_NAME_LENGTH_BYTES + len(name.encode()) + 1)
    return _HEADER_BYTES + name_bytes + _padded(data_bytes)


def _table(value: Mapping[object, object], where: str, depth: int) -> int:
    total = 0
    for name, item in value.items():
        if not isinstance(name, str):
            raise UnsoundPayload(f"{where or 'payload'}: key {name!r} is not text")
        total += _attribute(name, _data(item, f"{where}.{name}" if where else name, depth + 1))
    return total


def _data(value: object, where: str, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise UnsoundPayload(f"{where}: nested deeper than {MAX_DEPTH}")
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) + 1
    if isinstance(value, int):
        return 4 if _INT32_MIN <= value <= _INT32_MAX else 8
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UnsoundPayload(f"{where}: {value} is not a number that JSON has")
        return 8
    if isinstance(value, Mapping):
        return _table(value, where, depth)
    if isinstance(value, (list, tuple)):
        return sum(_attribute("", _data(item, f"{where}[]", depth + 1)) for item in value)
    raise UnsoundPayload(f"{where}: {type(value).__name__} cannot be sent")
