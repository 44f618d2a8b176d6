# SPDX-License-Identifier: GPL-2.0-or-later
"""Rubbish into the RSPRO decoder: `PYTHONPATH=python:tests python tests/fuzz/fuzz_rspro.py 60`.

Guided by coverage where atheris is installed, else seeded mutation of the recorded messages. Any
exception but RsproNonsense ends it with a traceback; the input is then a new vector.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time

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


def mutated(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + 1] = bytes((dice.randrange(256),))
            case 1:
                data[at:at] = dice.choice(SEEDS)[: dice.randrange(40)]
            case 2:
                del data[at : at + dice.randrange(8)]
            case _:
                data[at : at + 1] = dice.choice((b"\x80", b"\x84", b"\xff", b"\x00", b"\x1f"))
    return bytes(data)


def run_seeded(seconds: float) -> int:
    dice = random.Random(1)
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        one_input(mutated(dice))
        count += 1
    return count


def main() -> None:
    try:
        import atheris
    except ImportError:
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
        print(f"{run_seeded(seconds)} inputs, nothing but RsproNonsense")
        return
    atheris.instrument_all()
    limit = [f"-max_total_time={sys.argv[1]}"] if len(sys.argv) > 1 else []
    atheris.Setup([sys.argv[0], *limit], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
