# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds rubbish to one function: `PYTHONPATH=python:tests python tests/fuzz/fuzz_X.py 60`.

Guided by coverage where atheris is installed, else seeded mutation of the seeds. An exception ends
it with a traceback; the input is then a new vector.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

Target = Callable[[bytes], None]
SPECIAL = (b"\x00", b"\x01", b"\x7f", b"\x80", b"\x84", b"\xff", b"\x1f", b"\x00\x00", b"\xff\xff")


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + 1] = bytes((dice.randrange(256),))
            case 1:
                data[at:at] = dice.choice(seeds)[: dice.randrange(40)]
            case 2:
                del data[at : at + dice.randrange(8)]
            case _:
                data[at : at + 1] = dice.choice(SPECIAL)
    return bytes(data)


def run_seeded(target: Target, seeds: list[bytes], count: int) -> None:
    dice = random.Random(1)
    for _ in range(count):
        target(mutated(dice, seeds))


def main(target: Target, seeds: list[bytes]) -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    try:
        import atheris
    except ImportError:
        end, count = time.monotonic() + seconds, 0
        dice = random.Random(1)
        while time.monotonic() < end:
            target(mutated(dice, seeds))
            count += 1
        print(f"{count} inputs, nothing found")
        return
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds:.0f}", "-max_len=4096"],
        target,
        custom_mutator=_mutator(seeds),
    )
    atheris.Fuzz()


def _mutator(seeds: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    """Half of the mutations start from a seed, so that no corpus directory is needed."""
    import atheris

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if not data or dice.random() < 0.1:
            return mutated(dice, seeds)[:max_size]
        return bytes(atheris.Mutate(data, max_size))

    return mutate
