# SPDX-License-Identifier: GPL-2.0-or-later
"""IPA frames: cutting, rubbish, bounds, and the TPDU templates."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rspro_vectors as vectors
from remsim.rspro import framing, messages
from remsim.rspro.framing import MAX_PAYLOAD, PING, PONG, FrameReader, TpduCodec, frame
from remsim.rspro.messages import BankSlot, ClientSlot, Pdu, TpduCardToModem, TpduFlags

CODEC = vectors.load("codec.json")
FRAMES = [bytes.fromhex(case["frame"]) for case in CODEC]
SESSION = [
    bytes.fromhex(record["hex"])
    for record in vectors.scenario("normal-session")["records"]
    if record["kind"] == "frame" and record["link"] == "client-bankd"
]


def test_ping_and_pong_are_the_recorded_octets():
    assert PING.hex() == "0001fe00"
    assert PONG.hex() == "0001fe01"
    assert framing.ccm_of(PING) == framing.Ccm.PING


def test_session_arriving_octet_by_octet_is_cut_into_its_frames():
    reader = FrameReader()
    found = [whole for octet in b"".join(SESSION) for whole in reader.feed(bytes((octet,)))]
    assert found == SESSION
    assert reader.pending_bytes == 0


@pytest.mark.parametrize("seed", range(20))
def test_session_in_random_pieces_is_cut_into_its_frames(seed):
    dice = random.Random(seed)
    stream, reader, found = b"".join(SESSION), FrameReader(), []
    while stream:
        size = dice.randint(1, 90)
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == SESSION


def test_whole_session_in_one_segment_is_cut_into_its_frames():
    assert FrameReader().feed(b"".join(SESSION)) == SESSION


@pytest.mark.parametrize(
    "nonsense",
    ["0001fd00", "000dee08300a800102810100a202b300", "ffffee07", "1001ee07", "0000fd"],
)
def test_nonsense_ends_the_reader_but_not_the_frames_before_it(nonsense):
    reader = FrameReader()
    assert reader.feed(FRAMES[0] + bytes.fromhex(nonsense)) == [FRAMES[0]]
    assert reader.nonsense is not None
    assert reader.feed(FRAMES[0]) == []
    assert reader.pending_bytes == 0


def test_frame_of_length_zero_is_nothing():
    reader = FrameReader()
    assert reader.feed(bytes.fromhex("0000ee") + PING + bytes.fromhex("0000fe")) == [PING]
    assert reader.nonsense is None


def test_largest_frame_is_taken_and_one_octet_more_is_nonsense():
    largest = MAX_PAYLOAD.to_bytes(2, "big") + b"\xee\x07" + bytes(MAX_PAYLOAD - 1)
    assert FrameReader().feed(largest) == [largest]
    larger = (MAX_PAYLOAD + 1).to_bytes(2, "big") + b"\xee\x07" + bytes(MAX_PAYLOAD)
    reader = FrameReader()
    assert reader.feed(larger) == []
    assert reader.nonsense is not None


@given(st.lists(st.binary(max_size=300), max_size=20))
@settings(max_examples=300, deadline=None)
def test_reader_never_raises_and_keeps_at_most_one_frame(pieces):
    reader = FrameReader()
    for piece in pieces:
        for whole in reader.feed(piece):
            assert len(whole) == (whole[0] << 8 | whole[1]) + 3
        assert reader.pending_bytes <= MAX_PAYLOAD + 3


def test_identity_response_carries_the_unit_name():
    assert (
        framing.identity_response("unit-a").hex() == "000bfe05" + "0008" + "01" + b"unit-a\0".hex()
    )


# --- TPDU templates ---

SLOTS = (ClientSlot(1, 0), BankSlot(1, 0))


def test_template_writes_the_recorded_command_frames():
    cases = [case for case in CODEC if case["pdu"] == "tpduModemToCard"]
    assert cases
    for case in cases:
        message = vectors.pdu_of(case).message
        codec = TpduCodec(message.from_client_slot, message.to_bank_slot)
        for _ in range(2):  # learnt, then remembered
            assert codec.command_frame(message.data).hex() == case["frame"]


@pytest.mark.parametrize("slots", [SLOTS, (ClientSlot(1023, 128), BankSlot(0, 255))])
def test_template_reads_answers_of_every_length(slots):
    codec = TpduCodec(*slots)
    for length in range(300):
        data = bytes(position & 0xFF for position in range(length))
        whole = frame(Pdu(TpduCardToModem(slots[1], slots[0], TpduFlags(), data)))
        assert codec.answer_of(whole) == data
        assert codec.answer_of(whole) == data


def test_template_leaves_other_slots_flags_and_messages_to_the_decoder():
    codec = TpduCodec(*SLOTS)
    for message in (
        TpduCardToModem(BankSlot(1, 1), ClientSlot(1, 0), TpduFlags(), b"\x90\x00"),
        TpduCardToModem(BankSlot(1, 0), ClientSlot(2, 0), TpduFlags(), b"\x90\x00"),
        TpduCardToModem(BankSlot(1, 0), ClientSlot(1, 0), TpduFlags(final_part=True), b"\x90\x00"),
        messages.SetAtrReq(ClientSlot(1, 0), b"\x3b\x00"),
    ):
        assert codec.answer_of(frame(Pdu(message))) is None
    for whole in [*FRAMES, PING, PONG, b"", b"\x00"]:
        usual = framing.is_rspro(whole) and isinstance(
            framing.message_of(whole).message, TpduCardToModem
        )
        assert codec.answer_of(whole) is None or usual


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_template_agrees_with_the_decoder_on_rubbish(data):
    assert TpduCodec(*SLOTS).answer_of(data) is None or framing.is_rspro(data)
