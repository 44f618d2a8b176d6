# SPDX-License-Identifier: GPL-2.0-or-later
"""Octet streams cut anywhere: the frames are the same however they arrive, and nothing piles up."""

from __future__ import annotations

import contextlib

from harness import main

import rspro_vectors as vectors
from remsim.errors import RsproNonsense
from remsim.rspro.framing import (
    HEADER,
    MAX_PAYLOAD,
    PING,
    PONG,
    FrameReader,
    TpduCodec,
    ccm_of,
    identity_response,
    is_rspro,
    message_of,
)
from remsim.rspro.messages import BankSlot, ClientSlot

MESSAGES = [bytes.fromhex(case["ber"]) for case in vectors.load("codec.json")]
FRAMES = [(len(ber) + 1).to_bytes(2, "big") + b"\xee\x07" + ber for ber in MESSAGES]
SEEDS = [b"\x03" + frame for frame in FRAMES]
SEEDS += [b"\x01" + PING + FRAMES[0] + PONG, b"\x02" + identity_response("x") + FRAMES[-1]]


def one_input(data: bytes) -> None:
    """The first octet says how long the pieces are."""
    size, stream = (data[0] % 16 + 1 if data else 1), data[1:]
    whole, pieces = FrameReader(), FrameReader()
    at_once = whole.feed(stream)
    cut = []
    for at in range(0, len(stream), size):
        cut += pieces.feed(stream[at : at + size])
        if pieces.pending_bytes > MAX_PAYLOAD + HEADER:
            raise AssertionError(f"{pieces.pending_bytes} octets kept")
    if cut != at_once or (whole.nonsense is None) != (pieces.nonsense is None):
        raise AssertionError(f"{cut} in pieces, {at_once} at once")
    codec = TpduCodec(ClientSlot(1, 0), BankSlot(1, 0))
    for frame in at_once:
        ccm_of(frame)
        answer = codec.answer_of(frame)
        if not is_rspro(frame):
            continue
        with contextlib.suppress(RsproNonsense):
            message = message_of(frame).message
            if answer is not None and getattr(message, "data", None) != answer:
                raise AssertionError(f"{answer!r} taken from {message}")


if __name__ == "__main__":
    main(one_input, SEEDS)
