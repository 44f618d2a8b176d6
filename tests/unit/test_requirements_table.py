# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/requirements.md speaks of every requirement once, and of files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from remsim.config.schema import OPTIONS

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs/requirements.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (\w+) \|(.*)\|$", TEXT, re.MULTILINE)
STATES = {"covered", "part", "open", "claim", "doc"}
PRODUCT = REPOSITORY / "python/remsim"
PACKAGES = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
PATH = re.compile(r"`([\w./-]+/[\w./-]*)`")


def place(name: str) -> Path:
    """Of a path as the table writes it."""
    return (PRODUCT if name.partition("/")[0] in PACKAGES else REPOSITORY) / name


def test_every_requirement_has_one_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 168))


def test_every_state_is_one_of_five() -> None:
    assert {state for _, state, _ in ROWS} <= STATES


def test_every_file_that_is_named_exists() -> None:
    missing = []
    for number, _, where in ROWS:
        missing += [f"{number}: {name}" for name in PATH.findall(where) if not place(name).exists()]
    assert not missing


def test_what_is_covered_says_where() -> None:
    built = [(number, where) for number, state, where in ROWS if state in ("covered", "part")]
    assert [number for number, where in built if not PATH.findall(where)] == []


def test_options_that_are_named_are_in_the_schema() -> None:
    named = set(re.findall(r"`([a-z]+[12]?\.[a-z_]+)`", " ".join(where for *_, where in ROWS)))
    sections = {path.partition(".")[0] for path in OPTIONS}
    # `client` and `heartbeat` are parts of the status as well
    in_status = {"client.remote_possible", "heartbeat.path"}
    assert {name for name in named if name.partition(".")[0] in sections} - in_status <= set(
        OPTIONS
    )
