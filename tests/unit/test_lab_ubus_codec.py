# SPDX-License-Identifier: GPL-2.0-or-later
"""blob, blobmsg, frames and lenient JSON: there and back, and against rubbish."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim_lab.ubus import blob, jsonc, message, wire

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
TABLES = st.dictionaries(NAMES, VALUES, max_size=6)


def as_received(value: object) -> object:
    """What is left of a value: doubles keep six decimals."""
    if isinstance(value, float):
        return float(f"{value:f}")
    if isinstance(value, list):
        return [as_received(each) for each in value]
    if isinstance(value, dict):
        return {name: as_received(each) for name, each in value.items()}
    return value


@given(TABLES)
def test_packed_table_reads_the_same(table: dict[str, object]) -> None:
    packed = message.pack(table)
    assert json.loads(message.format_json(packed)) == as_received(table)
    assert json.loads(message.format_json(packed, indent=True)) == as_received(table)


@given(TABLES, st.data())
def test_damaged_table_is_read_up_to_the_damage_and_never_raises(
    table: dict[str, object], data: st.DataObject
) -> None:
    packed = bytearray(message.pack(table) or b"\0\0\0\4")
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    cut = bytes(packed[: data.draw(st.integers(0, len(packed)))])
    message.format_json(cut)
    list(blob.fields(cut, 0, len(cut)))


@given(st.binary(max_size=200))
def test_rubbish_is_walked_without_an_error(data: bytes) -> None:
    message.format_json(data)
    wire.attributes(data)
    wire.raw_attributes(data, 6)
    list(blob.fields(data, 0, len(data)))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_frame_buffer_raises_nothing_but_its_own_error(pieces: list[bytes]) -> None:
    buffer = wire.FrameBuffer(1024)
    for piece in pieces:
        buffer.feed(piece)
        try:
            while buffer.next() is not None:
                continue
        except wire.FrameError:
            return


@given(st.lists(st.tuples(st.integers(0, 20), TABLES), max_size=4), st.integers(1, 9))
def test_frames_come_out_however_the_bytes_are_cut(
    given_frames: list[tuple[int, dict[str, object]]], size: int
) -> None:
    frames = [
        wire.encode(kind, number, 7, blob.attribute(wire.A_DATA, message.pack(table)))
        for number, (kind, table) in enumerate(given_frames)
    ]
    stream, buffer, got = b"".join(frames), wire.FrameBuffer(), []
    for at in range(0, len(stream), size):
        buffer.feed(stream[at : at + size])
        while (frame := buffer.next()) is not None:
            got.append(frame.encode())
    assert got == frames


@pytest.mark.parametrize("length", [0, 1, 3, wire.MESSAGE_MAX + 1, blob.LENGTH_MAX])
def test_impossible_length_is_refused_before_its_bytes_are_there(length: int) -> None:
    buffer = wire.FrameBuffer()
    buffer.feed(bytes(8) + length.to_bytes(4, "big"))
    with pytest.raises(wire.FrameError):
        buffer.next()


def test_largest_message_is_taken() -> None:
    buffer = wire.FrameBuffer()
    buffer.feed(bytes(8) + wire.MESSAGE_MAX.to_bytes(4, "big") + bytes(wire.MESSAGE_MAX - 4))
    frame = buffer.next()
    assert frame is not None
    assert len(frame.body) == wire.MESSAGE_MAX
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("value", "kind", "data"),
    [
        (None, blob.UNSPEC, ""),
        (True, blob.INT8, "01"),
        (-1, blob.INT32, "ffffffff"),
        (1 << 31, blob.INT64, "0000000080000000"),
        (1 << 63, blob.INT64, "7fffffffffffffff"),
        (-(1 << 70), blob.INT64, "8000000000000000"),
        (1.0, blob.DOUBLE, "3ff0000000000000"),
    ],
)
def test_type_is_chosen_by_value(value: float | None, kind: int, data: str) -> None:
    assert blob.pack_scalar(value) == (kind, bytes.fromhex(data))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (math.inf, b"inf"),
        (-math.inf, b"-inf"),
        (math.nan, b"nan"),
        (math.copysign(math.nan, -1), b"-nan"),
        (0.1 + 0.2, b"0.300000"),
        (-0.0, b"-0.000000"),
    ],
)
def test_doubles_are_printed_like_printf(number: float, text: bytes) -> None:
    assert message.format_json(message.pack({"n": number})) == b'{"n":' + text + b"}"


def test_longest_double_is_cut_like_in_libubox() -> None:
    text = message.format_json(message.pack({"n": -1.7976931348623157e308}))
    assert len(text) == len(b'{"n":}') + 316


def test_bad_field_leaves_its_comma() -> None:
    good = blob.field_u32(b"a", 1)
    bad = blob.field(blob.INT32, b"b", b"xx")
    assert message.format_json(good + bad + good) == b'{"a":1,,"a":1}'


def test_indentation_stops_at_sixteen_tabs() -> None:
    value: object = 1
    for _ in range(20):
        value = [value]
    text = message.format_json(message.pack({"a": value}), indent=True)
    assert max(line.count(b"\t") for line in text.splitlines()) == 16


def test_what_is_too_large_or_deep_for_a_blob_is_refused() -> None:
    deep: object = 1
    for _ in range(31):
        deep = [deep]
    for table in ({"a": "x" * blob.LENGTH_MAX}, {"n" * 70000: 1}, {"a": deep}, {"a": object()}):
        with pytest.raises(blob.BlobError):
            message.pack(table)


@given(VALUES)
def test_lenient_json_reads_json(value: object) -> None:
    assert jsonc.loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_lenient_json_raises_nothing_but_its_own_error(data: bytes) -> None:
    try:
        jsonc.loads(data)
    except jsonc.JsonError:
        return


# Every pair was tried with the real `ubus call` (json-c 0.16).
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'s':'x'}", {"s": "x"}),
        ('{"s":[1,2,],}', {"s": [1, 2]}),
        ('{"s":TRUE,"n":Null}', {"s": True, "n": None}),
        ('{"s":-Infinity}', {"s": -math.inf}),
        ('{"s":/* c */1} rubbish', {"s": 1}),
        ('{"s":1}//x', {"s": 1}),
        ('{"s":01,"e":1e,"d":1.,"m":-01}', {"s": 1, "e": 1.0, "d": 1.0, "m": -1}),
        ('{"s":"a\tb"}', {"s": "a\tb"}),
        ('{"s":"\\ud800\\u0041\\udc00"}', {"s": "\ufffdA\ufffd"}),
        ('{"s":"\\ud83d\\ude00"}', {"s": "😀"}),
        ('{"s":1,"s":2}', {"s": 2}),
    ],
)
def test_lenient_json_takes_what_json_c_takes(text: str, value: object) -> None:
    assert jsonc.loads(text.encode()) == value


REFUSED = """
{"s":1\n{s:1}\n{"s":"\\q"}\n{"s":"\\'"}\n{"s":-}\n{"s":0x10}\n{"s":+1}\n{"s":.5}\n\nnul
{"s":"no end\n{"s":truex}\n{"s":1 2}\n{"s" 1}\n{,}\n{"s":[,]}\n{"s":[1,,2]}\n//x {"s":1}
{"s":-nan}\n{"s":1e5.5}
"""


@pytest.mark.parametrize("text", REFUSED.strip("\n").split("\n"))
def test_lenient_json_refuses_what_json_c_refuses(text: str) -> None:
    with pytest.raises(jsonc.JsonError):
        jsonc.loads(text.encode())


def test_text_that_is_no_utf8_is_passed_on_as_it_is() -> None:
    parsed = jsonc.loads(b'{"a":"\xffx"}')
    assert isinstance(parsed, dict)
    assert message.format_json(message.pack(parsed)) == b'{"a":"\xffx"}'
