# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/requirements.md speaks of every requirement once, and of files that exist."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs/requirements.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (\w+) \|(.*)\|$", TEXT, re.MULTILINE)
STATES = {"covered", "part", "open", "claim", "doc"}
PACKAGES = ("bus", "cli", "config", "failover", "gpio", "modem", "net", "orchestrator", "routing")


def test_every_requirement_has_one_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 168))


def test_every_state_is_one_of_five() -> None:
    assert {state for _, state, _ in ROWS} <= STATES


def test_every_file_that_is_named_exists() -> None:
    missing = []
    for number, _, where in ROWS:
        for name in re.findall(r"`([\w/.]+/[\w/.]*)`", where):
            package = name.partition("/")[0]
            path = REPOSITORY / ("python/remsim" if package in PACKAGES else "") / name
            if not path.exists():
                missing.append(f"{number}: {name}")
    assert not missing


def test_what_is_covered_says_where() -> None:
    assert all(where.strip() for _, state, where in ROWS if state in ("covered", "part"))
