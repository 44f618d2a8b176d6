# SPDX-License-Identifier: GPL-2.0-or-later
"""BER as far as RSPRO needs it: tags, lengths, and the five primitive types. Pure.

Written as DER, read as BER: indefinite and padded lengths, long tags, padded integers and
constructed octet strings are understood, because the reference decoder understands them. Nothing
here copies more than it was given or goes deeper than MAX_DEPTH, whatever a peer sends; the only
exception that leaves it is RsproNonsense. Source: ITU-T X.690 section 8.
"""

from __future__ import annotations

from typing import NamedTuple

from remsim.errors import RsproNonsense

CONSTRUCTED = 0x20  # bit 6 of the identifier octet, X.690 8.1.2.5
LONG_TAG = 0x1F  # tag number follows in further octets, X.690 8.1.2.4
LONG_TAG_FLAG = 0x100  # marks the keys of long tags, so that they never equal a short one
MAX_TAG_OCTETS = 3  # RSPRO's highest tag is 20; 21 bits of number are for unknown extensions
INDEFINITE = 0x80
RESERVED_LENGTH = 0xFF  # X.690 8.1.3.5 c
MAX_DEPTH = 12  # an RSPRO message nests 6 deep; the rest is room for unknown extensions
MAX_INTEGER_OCTETS = 8  # after padding; RSPRO's largest range ends at 2**31 - 1

INTEGER = 0x02
OCTET_STRING = 0x04
BOOLEAN = 0x01
ENUMERATED = 0x0A
IA5_STRING = 0x16
SEQUENCE = 0x30


class Element(NamedTuple):
    """One tag-length-value. `key` is the identifier without the constructed bit; `start`/`end`
    frame the content; `after` is where the next element begins (behind any end-of-contents).
    """

    key: int
    is_constructed: bool
    start: int
    end: int
    after: int


def key_of(identifier: int) -> int:
    """What `Element.key` is for a one-octet identifier: tags are compared without their form."""
    return identifier & ~CONSTRUCTED


# --- writing ------------------------------------------------------------------------------------


def length_octets(length: int) -> bytes:
    """The shortest definite form."""
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def element(identifier: int, content: bytes) -> bytes:
    return bytes((identifier,)) + length_octets(len(content)) + content


def integer_octets(value: int) -> bytes:
    """Two's complement in the fewest octets: 127 is one octet, 128 two."""
    return value.to_bytes(max(1, (value + (value < 0)).bit_length() // 8 + 1), "big", signed=True)


def boolean_octets(value: bool) -> bytes:
    return b"\xff" if value else b"\x00"


# --- reading ------------------------------------------------------------------------------------


def read_element(data: bytes, at: int, end: int, depth: int = 0) -> Element:
    """The element at `at`, which must lie wholly before `end`."""
    if depth > MAX_DEPTH:
        raise RsproNonsense(f"nested deeper than {MAX_DEPTH}")
    key, is_constructed, at = _read_identifier(data, at, end)
    length, at = _read_length(data, at, end)
    if length is None:
        if not is_constructed:
            raise RsproNonsense("a primitive element of indefinite length")
        close = _find_end_of_contents(data, at, end, depth + 1)
        return Element(key, is_constructed, at, close, close + 2)
    if length > end - at:
        raise RsproNonsense("an element is longer than what holds it")
    return Element(key, is_constructed, at, at + length, at + length)


def read_elements(data: bytes, outer: Element, depth: int) -> list[Element]:
    """What a constructed element holds, in order."""
    if not outer.is_constructed:
        raise RsproNonsense("a primitive element where a group is due")
    found = []
    at = outer.start
    while at < outer.end:
        inner = read_element(data, at, outer.end, depth)
        found.append(inner)
        at = inner.after
    return found


def read_integer(data: bytes, part: Element) -> int:
    """Padding is accepted, and no octets at all mean 0, as the reference decoder has it."""
    content = _primitive(data, part)
    significant = content.lstrip(b"\xff" if content[:1] > b"\x7f" else b"\x00")
    if len(significant) > MAX_INTEGER_OCTETS:
        raise RsproNonsense("a number is too long")
    return int.from_bytes(content, "big", signed=True)


def read_boolean(data: bytes, part: Element) -> bool:
    return any(_primitive(data, part))


def read_octets(data: bytes, part: Element, depth: int) -> bytes:
    """An octet string, also one in pieces (X.690 8.7.3)."""
    if not part.is_constructed:
        return bytes(data[part.start : part.end])
    return b"".join(
        read_octets(data, piece, depth + 1) for piece in read_elements(data, part, depth + 1)
    )


def _primitive(data: bytes, part: Element) -> bytes:
    if part.is_constructed:
        raise RsproNonsense("a group where a single value is due")
    return data[part.start : part.end]


def _read_identifier(data: bytes, at: int, end: int) -> tuple[int, bool, int]:
    if at >= end:
        raise RsproNonsense("cut short where a tag is due")
    first = data[at]
    is_constructed = bool(first & CONSTRUCTED)
    if first & LONG_TAG != LONG_TAG:
        return first & ~CONSTRUCTED, is_constructed, at + 1
    number = 0
    for position in range(at + 1, min(end, at + 1 + MAX_TAG_OCTETS)):
        number = number << 7 | data[position] & 0x7F
        if not data[position] & 0x80:
            key = (number << 9) | LONG_TAG_FLAG | (first & 0xC0)
            return key, is_constructed, position + 1
    raise RsproNonsense("a tag does not end")


def _read_length(data: bytes, at: int, end: int) -> tuple[int | None, int]:
    """None for the indefinite form."""
    if at >= end:
        raise RsproNonsense("cut short where a length is due")
    first = data[at]
    at += 1
    if first < INDEFINITE:
        return first, at
    if first == INDEFINITE:
        return None, at
    count = first & 0x7F
    if first == RESERVED_LENGTH or count > end - at:
        raise RsproNonsense("a length cannot be read")
    return int.from_bytes(data[at : at + count], "big"), at + count


def _find_end_of_contents(data: bytes, at: int, end: int, depth: int) -> int:
    """Where the 00 00 is that ends a group of indefinite length (X.690 8.1.5)."""
    while data[at : at + 2] != b"\x00\x00" or at + 2 > end:
        at = read_element(data, at, end, depth).after
    return at
