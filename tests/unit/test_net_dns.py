# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS codec: exact bytes both ways, and any bytes at all without harm."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import ArgumentError, PeerNonsense
from remsim.net import dns
from remsim.net.dns import Question, RecordType

QUESTION = Question("ionmesh.example.com", RecordType.A)
NAME = b"\x07ionmesh\x07example\x03com\x00"
ASKED = NAME + b"\x00\x01\x00\x01"
POINTER_TO_QUESTION = b"\xc0\x0c"


def message(
    *records: bytes, flags: int = 0x8180, identifier: int = 0x1234, count: int = -1
) -> bytes:
    answers = len(records) if count < 0 else count
    return struct.pack("!HHHHHH", identifier, flags, 1, answers, 0, 0) + ASKED + b"".join(records)


def record(name: bytes, kind: int, ttl: int, data: bytes) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def a_record(
    address: bytes = b"\xc0\x00\x02\x0a", ttl: int = 300, name: bytes = POINTER_TO_QUESTION
) -> bytes:
    return record(name, 1, ttl, address)


def test_query_is_exactly_these_bytes() -> None:
    assert (
        dns.build_query(0x1234, QUESTION)
        == b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + ASKED
    )


def test_final_dot_and_international_names_are_encoded() -> None:
    assert dns.encode_name("example.com.") == dns.encode_name("example.com")
    assert dns.encode_name("bücher.example") == b"\x0dxn--bcher-kva\x07example\x00"


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "x" * 64 + ".com", ".".join(["abcdefgh"] * 32), "\ud800"]
)
def test_name_that_cannot_be_asked_is_the_callers_fault(name: str) -> None:
    with pytest.raises(ArgumentError):
        dns.encode_name(name)


def test_address_and_ttl_are_read() -> None:
    answer = dns.parse_answer(message(a_record()), QUESTION)
    assert answer.addresses == ("192.0.2.10",)
    assert answer.ttl_s == 300


def test_several_addresses_keep_their_order_without_repeats() -> None:
    records = (a_record(), a_record(b"\xc0\x00\x02\x0b"), a_record())
    assert dns.parse_answer(message(*records), QUESTION).addresses == ("192.0.2.10", "192.0.2.11")


def test_aaaa_is_read() -> None:
    question = Question("ionmesh.example.com", RecordType.AAAA)
    data = record(POINTER_TO_QUESTION, 28, 60, bytes.fromhex("20010db8" + "0" * 23 + "1"))
    assert dns.parse_answer(message(data), question).addresses == ("2001:db8::1",)


def test_alias_is_followed_inside_the_message_with_the_smallest_ttl() -> None:
    alias = record(POINTER_TO_QUESTION, 5, 30, b"\x03lb1\xc0\x14")
    there = a_record(ttl=900, name=b"\x03LB1\x07example\x03com\x00")
    answer = dns.parse_answer(message(alias, there), QUESTION)
    assert answer.addresses == ("192.0.2.10",)
    assert answer.ttl_s == 30


def test_alias_without_address_says_where_it_leads() -> None:
    alias = record(POINTER_TO_QUESTION, 5, 30, b"\x03lb1\xc0\x14")
    answer = dns.parse_answer(message(alias), QUESTION)
    assert answer.addresses == ()
    assert answer.alias == "lb1.example.com"


def test_alias_to_itself_ends() -> None:
    loop = record(POINTER_TO_QUESTION, 5, 30, POINTER_TO_QUESTION)
    assert dns.parse_answer(message(loop), QUESTION).addresses == ()


def test_records_of_other_names_and_classes_are_left_out() -> None:
    other = a_record(b"\x01\x02\x03\x04", name=b"\x04evil\x00")
    chaos = POINTER_TO_QUESTION + struct.pack("!HHIH", 1, 3, 300, 4) + b"\x01\x02\x03\x04"
    assert dns.parse_answer(message(other, chaos), QUESTION).addresses == ()


def test_refusals_keep_their_word() -> None:
    assert dns.parse_answer(message(flags=0x8183), QUESTION).word == "NXDOMAIN"
    assert dns.parse_answer(message(flags=0x8182), QUESTION).word == "SERVFAIL"
    assert dns.parse_answer(message(flags=0x8189), QUESTION).word == "RCODE 9"


def test_truncated_answer_is_not_read_further() -> None:
    answer = dns.parse_answer(message(flags=0x8380, count=9), QUESTION)
    assert answer.is_truncated
    assert answer.addresses == ()


def test_ttl_with_sign_bit_is_zero() -> None:
    assert dns.parse_answer(message(a_record(ttl=0x80000000)), QUESTION).ttl_s == 0


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        message()[:11],
        message(count=1),
        message(a_record())[:-1],
        message(a_record(b"\x01\x02\x03")),
        message(count=65),
        message(a_record(name=b"\xc0\xff")),
        message(a_record(name=b"\x80\x01")),
        message(a_record(name=b"\x3fshort")),
    ],
)
def test_broken_message_is_nonsense(broken: bytes) -> None:
    with pytest.raises(PeerNonsense):
        dns.parse_answer(broken, QUESTION)


def test_pointer_to_itself_is_refused() -> None:
    at_itself = len(message())
    with pytest.raises(PeerNonsense):
        dns.parse_answer(message(a_record(name=struct.pack("!H", 0xC000 | at_itself))), QUESTION)


def test_pointers_to_each_other_are_refused() -> None:
    data = b"\xc0\x02\xc0\x00"
    with pytest.raises(PeerNonsense):
        dns.read_name(data, 0)
    with pytest.raises(PeerNonsense):
        dns.read_name(data, 2)


def test_name_of_more_than_255_octets_is_refused() -> None:
    long = b"\x3f" + b"x" * 63
    with pytest.raises(PeerNonsense):
        dns.read_name(long * 4 + b"\0", 0)


def test_answer_is_ours_only_with_id_direction_and_question() -> None:
    good = message(a_record())
    assert dns.answers(good, 0x1234, QUESTION)
    assert dns.answers(good.replace(b"ionmesh", b"IonMesh"), 0x1234, QUESTION)
    assert not dns.answers(good, 0x1235, QUESTION)
    assert not dns.answers(good, 0x1234, Question("other.example.com", RecordType.A))
    assert not dns.answers(good, 0x1234, Question(QUESTION.name, RecordType.AAAA))
    assert not dns.answers(message(a_record(), flags=0x0100), 0x1234, QUESTION)
    assert not dns.answers(message(a_record(), flags=0x9180), 0x1234, QUESTION)
    assert not dns.answers(good[:20], 0x1234, QUESTION)


def test_dot_inside_a_label_is_not_a_border() -> None:
    name, _ = dns.read_name(b"\x0bexample.com\x00", 0)
    assert name == "example\\.com"


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABEL, min_size=1, max_size=8).map(".".join))
def test_any_name_reads_back(name: str) -> None:
    wire = dns.encode_name(name)
    assert dns.read_name(wire, 0) == (name, len(wire))


@given(st.binary(max_size=600))
def test_any_bytes_are_nonsense_or_an_answer(data: bytes) -> None:
    dns.answers(data, 0x1234, QUESTION)
    try:
        answer = dns.parse_answer(data, QUESTION)
    except PeerNonsense:
        return
    assert len(answer.addresses) <= dns.MAX_RECORDS


@given(st.data())
def test_any_damage_to_a_right_answer_is_nonsense_or_an_answer(data: st.DataObject) -> None:
    alias = record(POINTER_TO_QUESTION, 5, 30, b"\x03lb1\xc0\x14")
    good = bytearray(message(alias, a_record(name=b"\x03lb1\xc0\x14")))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    try:
        dns.parse_answer(cut, QUESTION)
    except PeerNonsense:
        return
