# SPDX-License-Identifier: GPL-2.0-or-later
"""RSPRO messages against recorded octets, in both directions, and against rubbish."""

from __future__ import annotations

import contextlib
import dataclasses
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rspro_vectors as vectors
from remsim.errors import ArgumentError, PeerNonsense, RsproNonsense
from remsim.rspro import ber, messages
from remsim.rspro.framing import frame
from remsim.rspro.messages import (
    BankSlot,
    ClientSlot,
    Component,
    ConnectClientReq,
    Identity,
    IpPort,
    Pdu,
    ResetStateReq,
    Result,
    SetAtrReq,
    TpduCardToModem,
    TpduFlags,
    UnknownMessage,
    decode,
    encode,
    violations,
)

CODEC = vectors.load("codec.json")
TOLERANCE = vectors.load("tolerance.json")


@pytest.mark.parametrize("case", CODEC, ids=lambda case: f"{case['pdu']} {case['note']}")
def test_recorded_message_is_written_octet_for_octet(case):
    pdu = vectors.pdu_of(case)
    assert encode(pdu).hex() == case["ber"]
    assert frame(pdu).hex() == case["frame"]


@pytest.mark.parametrize("case", CODEC, ids=lambda case: f"{case['pdu']} {case['note']}")
def test_recorded_message_is_read_back(case):
    assert decode(bytes.fromhex(case["ber"])) == vectors.pdu_of(case)


def test_codec_vectors_hold_every_message():
    assert {type(vectors.pdu_of(case).message) for case in CODEC} == set(messages._CHOICE)


def test_every_frame_of_every_recorded_session_survives_a_round_trip():
    for name in vectors.scenarios():
        for record in vectors.scenario(name)["records"]:
            if record["kind"] == "frame" and "pdu" in record["meaning"]:
                whole = bytes.fromhex(record["hex"])
                pdu = decode(whole[4:])
                assert pdu == vectors.pdu_of(record["meaning"])
                assert frame(pdu) == whole


@pytest.mark.parametrize("case", TOLERANCE, ids=lambda case: case["case"])
def test_decoder_accepts_and_refuses_what_the_reference_does(case):
    data = bytes.fromhex(case["ber"])
    if case["reference"] == "accept":
        decode(data)
    else:
        with pytest.raises(RsproNonsense):
            decode(data)


@pytest.mark.parametrize(
    "case",
    [
        "plain",
        "trailing garbage after the PDU",
        "non-minimal length (82 00 xx outer)",
        "indefinite length (outer)",
        "indefinite length (msg wrapper and choice)",
        "version as two octets 00 02",
        "unknown extension field after last known field of connectClientReq",
        "unknown extension field inside ClientSlot",
    ],
)
def test_odd_forms_of_one_message_mean_the_same(case):
    data = bytes.fromhex(next(row["ber"] for row in TOLERANCE if row["case"] == case))
    identity = Identity(Component.CLIENT, "unit-a", "remsim-client", "1.1.3")
    assert decode(data) == Pdu(ConnectClientReq(identity, ClientSlot(1, 0)))


def test_constructed_octet_string_is_joined():
    case = next(row for row in TOLERANCE if "two pieces" in row["case"])
    message = decode(bytes.fromhex(case["ber"])).message
    assert isinstance(message, SetAtrReq)
    assert message.atr == bytes.fromhex("3b00")


def test_unknown_message_decodes_as_unknown():
    assert decode(bytes.fromhex("300d800102810100a205b9030a0100")).message == UnknownMessage(0x99)


def test_unknown_enumerated_value_stays_a_number():
    case = next(row for row in TOLERANCE if row["case"] == "unknown component type 9")
    message = decode(bytes.fromhex(case["ber"])).message
    assert isinstance(message, ConnectClientReq)
    assert message.identity.type == 9


@pytest.mark.parametrize(
    ("case", "broken"),
    [
        ("clientId 1024 (out of range)", "client_id"),
        ("clientId -1", "client_id"),
        ("empty name", "name"),
        ("name of 33 characters", "name"),
        ("setAtrReq with empty ATR", "atr"),
        ("setAtrReq with 56-octet ATR", "atr"),
        ("unknown component type 9", "type"),
        ("tag negative", "tag"),
    ],
)
def test_broken_range_is_told_and_never_written(case, broken):
    pdu = decode(bytes.fromhex(next(row["ber"] for row in TOLERANCE if row["case"] == case)))
    assert [text.partition(":")[0] for text in violations(pdu)] == [broken]
    with pytest.raises(ArgumentError) as refusal:
        encode(pdu)
    assert refusal.value.argument == broken


def test_recorded_messages_break_no_range():
    for case in CODEC:
        assert not list(violations(vectors.pdu_of(case)))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 32767, 32768, 2**31 - 1])
def test_operation_tag_is_written_in_the_fewest_octets_and_read_back(value):
    data = encode(Pdu(ResetStateReq(), tag=value))
    assert decode(data).tag == value
    assert len(ber.integer_octets(value)) == value.bit_length() // 8 + 1


@pytest.mark.parametrize("value", [-1, -128, -129, -32768, -32769])
def test_negative_numbers_take_the_fewest_octets(value):
    octets = ber.integer_octets(value)
    assert int.from_bytes(octets, "big", signed=True) == value
    assert len(octets) == 1 or octets[:1] != b"\xff" or not octets[1] & 0x80


def _first_of_each():
    seen = {}
    for case in CODEC:
        seen.setdefault(case["pdu"], bytes.fromhex(case["ber"]))
    return seen


@pytest.mark.parametrize("name", sorted(_first_of_each()))
def test_every_cut_short_message_is_refused(name):
    data = _first_of_each()[name]
    for length in range(len(data)):
        with pytest.raises(RsproNonsense):
            decode(data[:length])


def test_mandatory_field_missing_or_out_of_order_is_refused():
    slot_only = ber.element(0xAA, ber.element(0x30, bytes.fromhex("020101020100")))
    swapped = ber.element(0xAA, bytes.fromhex("04023b00") + bytes.fromhex("3006020101020100"))
    for message in (slot_only, swapped, b"", slot_only * 2):
        outer = ber.element(0x30, bytes.fromhex("800102810100") + ber.element(0xA2, message))
        with pytest.raises(RsproNonsense):
            decode(outer)


def test_unknown_element_between_optional_ones_is_skipped_and_a_known_one_behind_it_read():
    status = bytes.fromhex("8001ff" + "8901aa" + "8301ff")
    message = ber.element(0xAF, bytes.fromhex("3006020101020100") * 2 + ber.element(0x30, status))
    outer = ber.element(0x30, bytes.fromhex("800102810100") + ber.element(0xA2, message))
    found = decode(outer).message
    assert found == messages.BankSlotStatusInd(
        BankSlot(1, 0), ClientSlot(1, 0), messages.SlotPhysStatus(True, card_present=True)
    )


@pytest.mark.parametrize("length", [0, 1, 3, 5, 15, 17])
def test_address_of_wrong_length_is_never_written(length):
    wrong = messages.ConfigClientBankReq(BankSlot(1, 0), IpPort(bytes(length), 1))
    with pytest.raises(ArgumentError):
        encode(Pdu(wrong))


def test_ipv6_address_has_its_own_tag():
    wanted = messages.ConfigClientBankReq(BankSlot(1, 0), IpPort(bytes(range(16)), 9999))
    data = encode(Pdu(wanted))
    assert b"\x81\x10" + bytes(range(16)) in data
    assert decode(data).message == wanted


def test_nesting_bomb_is_refused_without_recursion_error():
    with pytest.raises(RsproNonsense):
        decode(b"\x30\x80" * 2000)
    with pytest.raises(RsproNonsense):
        decode(b"\x24\x80" * 2000)


def test_announced_gigabytes_are_not_allocated():
    bomb = bytes.fromhex("3084ffffffff") + bytes(200)
    tracemalloc.start()
    with pytest.raises(RsproNonsense):
        decode(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_nonsense_is_the_peers_fault():
    assert issubclass(RsproNonsense, PeerNonsense)


@given(st.binary(max_size=600))
@settings(max_examples=400, deadline=None)
def test_rubbish_raises_nothing_but_nonsense(data):
    with contextlib.suppress(RsproNonsense):
        decode(data)


@given(
    st.sampled_from([bytes.fromhex(case["ber"]) for case in CODEC + TOLERANCE]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(max_examples=600, deadline=None)
def test_damaged_message_raises_nothing_but_nonsense_and_reencodes_if_sound(data, damage):
    damaged = bytearray(data)
    for position, value in damage:
        damaged[position % len(damaged)] = value
    try:
        pdu = decode(bytes(damaged))
    except RsproNonsense:
        return
    if not list(violations(pdu)) and not isinstance(pdu.message, UnknownMessage):
        assert decode(encode(pdu)) == pdu


IDS = st.integers(0, 1023)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32)
STRATEGIES = {
    bytes: st.binary(min_size=1, max_size=55),
    str: TEXT,
    bool: st.booleans(),
}


def _message(kind):
    """Any valid message of a type, built from the syntax table itself."""
    parts = {}
    for field in messages._SYNTAX[kind]:
        match field.kind:
            case messages._Kind.GROUP:
                part = _message(field.group)
            case messages._Kind.INTEGER:
                part = st.integers(field.low, field.high)
            case messages._Kind.ENUMERATED:
                part = st.sampled_from(list(field.values))
            case messages._Kind.BOOLEAN:
                part = st.booleans()
            case messages._Kind.TEXT:
                part = TEXT
            case messages._Kind.ADDRESS:
                part = st.one_of(
                    st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)
                )
            case messages._Kind.OCTETS:
                part = st.binary(min_size=field.low, max_size=min(field.high, 300))
        parts[field.name] = st.one_of(st.none(), part) if field.is_optional else part
    return st.builds(kind, **parts)


@given(
    st.one_of([_message(kind) for kind in messages._CHOICE]),
    st.integers(0, 32),
    st.integers(0, 2**31 - 1),
)
@settings(max_examples=300, deadline=None)
def test_any_valid_message_survives_a_round_trip(message, version, tag):
    pdu = Pdu(message, version, tag)
    assert decode(encode(pdu)) == pdu


def test_messages_are_frozen_and_hold_no_surprises():
    for kind in messages._SYNTAX:
        assert kind.__dataclass_params__.frozen
        fields = [field.name for field in dataclasses.fields(kind)]
        assert fields == [field.name for field in messages._SYNTAX[kind]]


def test_result_names_are_the_recorded_ones():
    assert vectors.NAMES["cardNotPresent"] is Result.CARD_NOT_PRESENT
    assert vectors.NAMES["illegalClientId"] is Result.ILLEGAL_CLIENT_ID


def test_answer_with_every_flag_set_is_read():
    message = TpduCardToModem(BankSlot(1, 0), ClientSlot(1, 0), TpduFlags(*[True] * 4), b"\x90\x00")
    assert decode(encode(Pdu(message))).message == message
