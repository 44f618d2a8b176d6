# SPDX-License-Identifier: GPL-2.0-or-later
"""Between UCI and blobmsg, as rpcd's object `uci` sees it: values, matches, changes, sections.

Never does I/O. Source: rpcd uci.c; recorded calls in tests/vectors/openwrt/jsonrpc/uci.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remsim_lab.ubus import blob
from remsim_lab.ubus.blob import ARRAY, INT8, INT16, INT32, INT64, STRING, TABLE, Field
from remsim_lab.uci.model import Command, Delta, Option, Package, Section

_NAME = re.compile(rb"[A-Za-z0-9_]+")
_TYPE = re.compile(rb"[A-Za-z0-9_-]+")
_EXTENDED = re.compile(rb"@[A-Za-z0-9_-]*\[[ \t\n\v\f\r]*[+-]?\d+\]")

_CHANGE_NAMES = {
    Command.REORDER: "order",
    Command.REMOVE: "remove",
    Command.RENAME: "rename",
    Command.ADD: "add",
    Command.LIST_ADD: "list-add",
    Command.LIST_DEL: "list-del",
    Command.CHANGE: "set",
}


def is_name(text: bytes) -> bool:
    return _NAME.fullmatch(text) is not None


def is_type(text: bytes) -> bool:
    return _TYPE.fullmatch(text) is not None


def is_section(text: bytes) -> bool:
    """A name, or "@type[index]"."""
    return is_name(text) or _EXTENDED.fullmatch(text) is not None


def text_of(item: Field) -> bytes | None:
    """What is stored for a value, None for what UCI cannot hold. Negative comes out unsigned."""
    if item.kind == STRING:
        return item.text()
    if item.kind == INT8:
        return b"1" if any(item.data) else b"0"
    if item.kind in (INT16, INT32, INT64):
        return b"%d" % int.from_bytes(item.data, "big")
    return None


def texts_of(item: Field) -> list[bytes]:
    """Of an array, without what UCI cannot hold."""
    parts = (text_of(each) for each in blob.fields(item.buffer, item.start, item.end))
    return [part for part in parts if part is not None]


# --- matching ---


def matches(section: Section, kind: bytes | None, wanted: Sequence[Field] | None) -> bool:
    """`type` and `match` of a call: any of the options may be missing, none may differ."""
    if kind is not None and section.type != kind:
        return False
    found = compared = False
    for item in wanted or ():
        value = text_of(item)
        if value is None:
            continue
        compared = True
        option = section.option(item.name)
        if option is None:
            continue
        if value not in _words(option):
            return False
        found = True
    return found or not compared


def _words(option: Option) -> list[bytes]:
    return option.value if isinstance(option.value, list) else re.split(rb"[ \t]+", option.value)


# --- packing ---


def packed_option(option: Option, name: bytes) -> bytes:
    if isinstance(option.value, list):
        items = b"".join(blob.field_string(b"", value) for value in option.value)
        return blob.field(ARRAY, name, items)
    return blob.field_string(name, option.value)


def packed_section(section: Section, name: bytes, index: int | None) -> bytes:
    parts = [
        blob.field(INT8, b".anonymous", bytes([section.anonymous])),
        blob.field_string(b".type", section.type),
        blob.field_string(b".name", section.name),
    ]
    if index is not None:
        parts.append(blob.field_u32(b".index", index))
    parts += [packed_option(option, option.name) for option in section.options]
    return blob.field(TABLE, name, b"".join(parts))


def packed_package(
    package: Package, kind: bytes | None, wanted: Sequence[Field] | None
) -> Iterator[bytes]:
    for index, section in enumerate(package.sections):
        if matches(section, kind, wanted):
            yield packed_section(section, section.name, index)


def packed_change(change: Delta) -> bytes:
    parts = [blob.field_string(b"", _CHANGE_NAMES[change.command].encode())]
    parts.append(blob.field_string(b"", change.section))
    if change.option is not None:
        parts.append(blob.field_string(b"", change.option))
    if change.value is not None and change.command is Command.REORDER:
        parts.append(blob.field_u32(b"", _leading_number(change.value)))
    elif change.value is not None:
        parts.append(blob.field_string(b"", change.value))
    return blob.field(ARRAY, b"", b"".join(parts))


def _leading_number(text: bytes) -> int:
    match = re.match(rb"\d+", text)
    return int(match[0]) if match else 0
