# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages' own tests: the pure parts under node, the addresses of the earlier pages under Lua."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run(*argv: str) -> None:
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pure_parts_of_the_pages() -> None:
    files = sorted(str(path) for path in (PROJECT / "tests/luci").glob("*.test.mjs"))
    assert files
    run("node", "--test", *files)


def test_the_addresses_of_the_earlier_pages() -> None:
    run("lua5.1", "tests/luci/compat.lua")
