# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS messages as bytes: one question out, addresses and TTL back. Pure: no socket, no clock, no
randomness.

Answers come from an unauthenticated network: every length, pointer and count is checked, and a name
may only be compressed towards the front of the message, so no loop is possible. Source: RFC 1035
sections 3.1, 4.1; RFC 3596.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum

from remsim.errors import ArgumentError, PeerNonsense

HEADER = struct.Struct("!HHHHHH")  # id, flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT; RFC 1035 4.1.1
RECORD = struct.Struct("!HHIH")  # TYPE, CLASS, TTL, RDLENGTH; RFC 1035 4.1.3
QUESTION = struct.Struct("!HH")  # QTYPE, QCLASS
CLASS_IN = 1
FLAG_RESPONSE = 0x8000
FLAG_TRUNCATED = 0x0200
FLAG_RECURSION_DESIRED = 0x0100
MASK_OPCODE = 0x7800
MASK_RCODE = 0x000F
POINTER = 0xC0  # the two high bits of a length octet; RFC 1035 4.1.4

MAX_LABEL = 63  # RFC 1035 2.3.4
MAX_NAME = 255  # RFC 1035 2.3.4, as octets on the wire
MAX_RECORDS = 64  # more answers than any orchestrator has; bounds the work on one message
MAX_CHAIN = 8  # CNAMEs followed inside one message, and messages asked for one name
MAX_TTL_S = 0x7FFFFFFF  # RFC 2181 section 8: the sign bit means 0


class RecordType(IntEnum):
    A = 1
    CNAME = 5
    AAAA = 28


class ResponseCode(IntEnum):
    """RFC 1035 4.1.1. Others appear as their number."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """`name` in ASCII without the final dot; compared without regard to case."""

    name: str
    type: RecordType


@dataclass(frozen=True, slots=True)
class Answer:
    """`alias` is where a chain of CNAMEs ended without an address. `ttl_s` is the smallest on the
    way.
    """

    code: int
    is_truncated: bool
    addresses: tuple[str, ...] = ()
    ttl_s: int = 0
    alias: str | None = None

    @property
    def word(self) -> str:
        return ResponseCode(self.code).name if self.code <= 5 else f"RCODE {self.code}"


@dataclass(frozen=True, slots=True)
class _Record:
    name: str
    type: int
    ttl_s: int
    data: bytes
    target: str | None  # of a CNAME


def encode_name(name: str) -> bytes:
    """ArgumentError for a name that no DNS message can carry."""
    wire = bytearray()
    for label in name.rstrip(".").split("."):
        encoded = _encode_label(label)
        if not 1 <= len(encoded) <= MAX_LABEL:
            raise ArgumentError("host", f"{name!r} has an empty or too long part")
        wire += bytes((len(encoded),)) + encoded
    wire.append(0)
    if len(wire) > MAX_NAME:
        raise ArgumentError("host", f"{name[:40]!r}… is longer than a name may be")
    return bytes(wire)


def build_query(identifier: int, question: Question) -> bytes:
    """One recursive question; `identifier` is 16 random bits."""
    header = HEADER.pack(identifier, FLAG_RECURSION_DESIRED, 1, 0, 0, 0)
    return header + encode_name(question.name) + QUESTION.pack(question.type, CLASS_IN)


def answers(message: bytes, identifier: int, question: Question) -> bool:
    """Whether this message claims to answer that query: id, direction and question. Anything else
    is ignored.
    """
    if len(message) < HEADER.size:
        return False
    got, flags, asked, *_ = HEADER.unpack_from(message)
    if got != identifier or not flags & FLAG_RESPONSE or flags & MASK_OPCODE or asked != 1:
        return False
    try:
        name, offset = read_name(message, HEADER.size)
        kind, family = _unpack(QUESTION, message, offset)
    except PeerNonsense:
        return False
    return _same(name, question.name) and (kind, family) == (question.type, CLASS_IN)


def parse_answer(message: bytes, question: Question) -> Answer:
    """The addresses at the end of the question's CNAME chain. PeerNonsense for a message that is
    not whole.

    A truncated message is not read further: it has to be asked again over TCP.
    """
    _, flags, _, count, _, _ = _unpack(HEADER, message, 0)
    code = flags & MASK_RCODE
    if flags & FLAG_TRUNCATED:
        return Answer(code, True)
    if code != ResponseCode.NOERROR:
        return Answer(code, False)
    if count > MAX_RECORDS:
        raise _nonsense(f"{count} records")
    return _follow(_read_records(message, count), question)


def read_name(message: bytes, offset: int) -> tuple[str, int]:
    """A name and the offset behind it. Every pointer has to lead before the part that it was found
    in.
    """
    labels: list[str] = []
    length = 0
    end: int | None = None  # behind the first pointer, where the record goes on
    floor = offset  # no pointer may lead here or behind
    while True:
        octet = _octet(message, offset)
        if octet & POINTER == POINTER:
            target = (octet & ~POINTER) << 8 | _octet(message, offset + 1)
            if target >= floor:
                raise _nonsense("a name pointing forward")
            end = end if end is not None else offset + 2
            floor = offset = target
            continue
        if octet & POINTER:
            raise _nonsense("a label of unknown kind")
        offset += 1
        if octet == 0:
            return ".".join(labels), end if end is not None else offset
        length += octet + 1
        if length > MAX_NAME or offset + octet > len(message):
            raise _nonsense("a name that is too long")
        labels.append(_decode_label(message[offset : offset + octet]))
        offset += octet


def _read_records(message: bytes, count: int) -> list[_Record]:
    _, offset = read_name(message, HEADER.size)
    offset += QUESTION.size
    records = []
    for _ in range(count):
        record, offset = _read_record(message, offset)
        if record is not None:
            records.append(record)
    return records


def _read_record(message: bytes, offset: int) -> tuple[_Record | None, int]:
    name, offset = read_name(message, offset)
    kind, family, ttl_s, length = _unpack(RECORD, message, offset)
    offset += RECORD.size
    data = message[offset : offset + length]
    if len(data) != length:
        raise _nonsense("a record cut short")
    target = read_name(message, offset)[0] if kind == RecordType.CNAME else None
    ttl_s = ttl_s if ttl_s <= MAX_TTL_S else 0
    record = _Record(name, kind, ttl_s, data, target) if family == CLASS_IN else None
    return record, offset + length


def _follow(records: list[_Record], question: Question) -> Answer:
    name, ttl_s = question.name, MAX_TTL_S
    for _ in range(MAX_CHAIN):
        here = [record for record in records if _same(record.name, name)]
        found = [record for record in here if record.type == question.type]
        if found:
            ttl_s = min(ttl_s, *(record.ttl_s for record in found), MAX_TTL_S)
            unique = dict.fromkeys(_address(record) for record in found)
            return Answer(ResponseCode.NOERROR, False, tuple(unique), ttl_s)
        alias = next((record for record in here if record.target is not None), None)
        if alias is None or alias.target is None:
            break
        name, ttl_s = alias.target, min(ttl_s, alias.ttl_s)
    alias_left = None if _same(name, question.name) else name
    return Answer(ResponseCode.NOERROR, False, (), min(ttl_s, MAX_TTL_S), alias_left)


def _address(record: _Record) -> str:
    size = 4 if record.type == RecordType.A else 16
    if len(record.data) != size:
        raise _nonsense(f"an address of {len(record.data)} bytes")
    return str(ipaddress.ip_address(record.data))


def _encode_label(label: str) -> bytes:
    try:
        return label.encode("ascii") if label.isascii() else label.encode("idna")
    except UnicodeError as error:
        raise ArgumentError("host", f"{label!r} cannot be part of a name") from error


def _decode_label(label: bytes) -> str:
    """Labels may hold any octet; a dot inside one must not look like a border."""
    return label.decode("latin-1").replace("\\", "\\\\").replace(".", "\\.")


def _same(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower()


def _octet(message: bytes, offset: int) -> int:
    if offset >= len(message):
        raise _nonsense("a name cut short")
    return message[offset]


def _unpack(layout: struct.Struct, message: bytes, offset: int) -> tuple[int, ...]:
    if offset + layout.size > len(message):
        raise _nonsense("a message cut short")
    return layout.unpack_from(message, offset)


def _nonsense(what: str) -> PeerNonsense:
    return PeerNonsense("DNS", f"answer with {what}")
