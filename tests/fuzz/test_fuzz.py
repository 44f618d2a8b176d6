# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzers as tests: a seeded slice in `make test`; in `make soak` guided by coverage for a
bounded time each, where atheris is installed, else a longer slice.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from harness import run_seeded  # noqa: E402

pytestmark = pytest.mark.soak

SOAK = int(os.environ.get("REMSIM_SOAK", "0"))
INPUTS = max(300, 5 * SOAK)
SECONDS = 20
FUZZERS = sorted(path.stem for path in HERE.glob("fuzz_*.py"))


@pytest.mark.parametrize("name", FUZZERS)
def test_rubbish_finds_nothing(name):
    if SOAK and find_spec("atheris") is not None:
        command = [sys.executable, str(HERE / f"{name}.py"), str(SECONDS)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return
    fuzzer = importlib.import_module(name)
    run_seeded(fuzzer.one_input, fuzzer.SEEDS, INPUTS)


def environment():
    paths = (HERE.parent.parent / "python", HERE.parent, HERE)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
