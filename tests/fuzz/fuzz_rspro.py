# SPDX-License-Identifier: GPL-2.0-or-later
"""Rubbish into the RSPRO decoder: nothing but RsproNonsense, and what is understood is encoded
to the same message again.
"""

from __future__ import annotations

import contextlib

from harness import main

import rspro_vectors as vectors
from remsim.errors import RsproNonsense
from remsim.rspro.framing import FrameReader, is_rspro, message_of
from remsim.rspro.messages import UnknownMessage, decode, encode, violations

SEEDS = [bytes.fromhex(case["ber"]) for case in vectors.load("codec.json")]
SEEDS += [bytes.fromhex(case["ber"]) for case in vectors.load("tolerance.json")]


def one_input(data: bytes) -> None:
    with contextlib.suppress(RsproNonsense):
        pdu = decode(data)
        if not list(violations(pdu)) and not isinstance(pdu.message, UnknownMessage):
            again = decode(encode(pdu))
            if again != pdu:
                raise AssertionError(f"{pdu} became {again}")
    for whole in FrameReader().feed(data):
        if is_rspro(whole):
            with contextlib.suppress(RsproNonsense):
                message_of(whole)


if __name__ == "__main__":
    main(one_input, SEEDS)
