# SPDX-License-Identifier: GPL-2.0-or-later
"""The size that a payload will have on the wire, and what is refused before it gets there."""

from __future__ import annotations

import pytest

from remsim.bus.payload import MAX_DEPTH, UnsoundPayload, wire_bytes


def test_empty_table_is_its_header() -> None:
    assert wire_bytes({}) == 4


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"a": None}, 4 + 8),
        ({"a": True}, 4 + 8 + 4),
        ({"a": 1}, 4 + 8 + 4),
        ({"a": 2**31}, 4 + 8 + 8),
        ({"a": 1.5}, 4 + 8 + 8),
        ({"a": "abc"}, 4 + 8 + 4),
        ({"a": "abcd"}, 4 + 8 + 8),
        ({"ab": 1}, 4 + 12 + 4),
        ({"a": [1, 2]}, 4 + 8 + 2 * (8 + 4)),
        ({"a": {"b": 1}}, 4 + 8 + (8 + 4)),
        ({"a": "ä"}, 4 + 8 + 4),
    ],
)
def test_size_is_that_of_blobmsg(value: dict[str, object], size: int) -> None:
    assert wire_bytes(value) == size


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": {"b": float("nan")}}, "a.b"),
        ({"a": [float("inf")]}, "a[]"),
        ({"a": b"x"}, "a: bytes"),
        ({"a": {1: 2}}, "key 1"),
        ([], "list"),
    ],
)
def test_unsound_value_is_named_by_its_place(value: object, where: str) -> None:
    with pytest.raises(UnsoundPayload, match=where.replace("[", r"\[").replace("]", r"\]")):
        wire_bytes(value)


def test_endless_nesting_is_refused() -> None:
    value: dict[str, object] = {}
    for _ in range(MAX_DEPTH + 2):
        value = {"a": value}
    with pytest.raises(UnsoundPayload, match="nested"):
        wire_bytes(value)
