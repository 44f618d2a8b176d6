# SPDX-License-Identifier: GPL-2.0-or-later
"""The line at which a UCI file is broken, held to what libuci itself refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.config.fault import find_fault

RECORDED = Path(__file__).resolve().parent.parent / "vectors" / "openwrt" / "uci" / "parse.json"
# Recorded with the switch that makes libuci lenient, or about something else than the text.
NOT_ABOUT_THE_TEXT = {"missing_file", "nonstrict_unknown_keyword"}
# libuci reports where the file ends; the line with the quote or the NUL is what a user looks for.


def _cases() -> list[Any]:
    cases = json.loads(RECORDED.read_text(encoding="utf-8"))
    return [case for case in cases if case["name"] not in NOT_ABOUT_THE_TEXT and _input(case)]


def _input(case: Any) -> bytes | None:
    text = case["input"]
    if isinstance(text, dict):
        return bytes.fromhex(text["hex"])
    return None if text is None or "(see description)" in text else text.encode("utf-8")


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_the_line_is_the_one_that_libuci_names(case: Any) -> None:
    data = _input(case)
    assert data is not None
    fault = find_fault(data)
    refused = re.search(r"Parse error .* at line (\d+)", case["steps"][0]["stderr"])
    assert (fault.line if fault else None) == (int(refused[1]) if refused else None)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b"config a 'b'\n\n\toption x 'open\n\toption y '1'\n", 4, "not closed"),
        (b"config a 'b'\n\toption x \"open\n\n\n", 2, "not closed"),
        (b"config a 'b'\n\toption x 'a\nb'\n\toption my-x '1'\n", 4, "'my-x' is no name"),
        (b"config a 'b'\n\toption x 'a\xff'\n", 2, "UTF-8"),
        (b"config a 'b'\n\toption x 'a\0'\n", 2, "NUL"),
        (b"\xef\xbb\xbfconfig a\n", 1, "byte order mark"),
        (b"# c\noption x 1\n", 2, "before the first section"),
        (b"config a 'b'\n\toption\n", 2, "needs a name"),
        (b"config a 'b'\n\toption x it's here\n", 2, "not closed"),
        (b"config a 'b'\n\toption x one two\n", 2, "too many words"),
        (b"config a 'b'\nconfig c 'b'\n", 2, "another type"),
        (b"<html>\n", 1, "is not config"),
    ],
)
def test_the_reason_says_what_to_look_for(text: bytes, line: int, reason: str) -> None:
    fault = find_fault(text)
    assert fault is not None
    assert fault.line == line
    assert reason in fault.reason


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# only a comment",
        b"config a 'b' # tail\n\toption x y#z\n",
        b"config a 'b'; option x '1'; list y 'a b'\n",
        b"config a\n\toption x 'it'\\''s'\n\toption y \"say \\\"hi\\\"\"\n",
        b"c a 'b'\n\to x '1'\n\tl y '2'\n",
        "config a 'b'\n\toption x 'grüße'\n".encode(),
    ],
)
def test_a_sound_file_has_no_fault(text: bytes) -> None:
    assert find_fault(text) is None


@given(
    data=st.binary(max_size=80) | st.text("config option'\"\\\n;#ab-", max_size=80).map(str.encode)
)
def test_no_bytes_make_the_scan_fail(data: bytes) -> None:
    fault = find_fault(data)
    assert fault is None or 1 <= fault.line <= data.count(b"\n") + 1
