# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON text as json-c reads it when it is not strict, which is how `ubus call` reads its argument.

Beyond JSON it takes single quotes, comments, NaN and Infinity, literals in any case, control
characters in strings, a comma before a closing bracket, and whatever follows the first value.

Never raises anything but JsonError. Source: json-c 0.16 json_tokener.c.
"""

from __future__ import annotations

import json
import re

DEPTH_MAX = 32  # JSON_TOKENER_DEFAULT_DEPTH: values inside each other, the outermost included

_SPACE = re.compile(rb"(?:[ \t\n\r\v\f]|/\*.*?\*/|//[^\n]*(?:\n|\Z))*", re.DOTALL)
_NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_LITERALS = ((b"true", True), (b"false", False), (b"null", None), (b"nan", float("nan")))
_ESCAPES = {98: "\b", 110: "\n", 114: "\r", 116: "\t", 102: "\f", 34: '"', 92: "\\", 47: "/"}


class JsonError(ValueError):
    """Not JSON, even for json-c."""


class _Reader:
    """Position in one text."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _peek(self) -> bytes:
        self._skip()
        return self._text[self._at : self._at + 1]

    def value(self, depth: int = 1) -> object:
        first = self._peek()
        if depth > DEPTH_MAX:
            raise JsonError("nested too deeply")
        if first == b"{":
            return self._table(depth)
        if first == b"[":
            return self._array(depth)
        if first in (b'"', b"'"):
            return self._string()
        if first.isdigit() or first == b"-":
            return self._number()
        return self._literal()

    def _table(self, depth: int) -> dict[str, object]:
        self._at += 1
        table: dict[str, object] = {}
        while self._peek() != b"}":
            if self._peek() not in (b'"', b"'"):
                raise JsonError("a name is expected")
            name = self._name()
            if self._peek() != b":":
                raise JsonError("a colon is expected")
            self._at += 1
            table[name] = self.value(depth + 1)
            self._comma(b"}")
        self._at += 1
        return table

    def _array(self, depth: int) -> list[object]:
        self._at += 1
        items: list[object] = []
        while self._peek() != b"]":
            items.append(self.value(depth + 1))
            self._comma(b"]")
        self._at += 1
        return items

    def _comma(self, closing: bytes) -> None:
        found = self._peek()
        if found == b",":
            self._at += 1
        elif found != closing:
            raise JsonError("a comma is expected")

    def _name(self) -> str:
        name = self._string()
        return name if isinstance(name, str) else name.decode(errors="replace")

    def _string(self) -> str | bytes:
        """Bytes where the text is no UTF-8: json-c passes them on as they are."""
        quote = self._text[self._at]
        self._at += 1
        parts: list[bytes] = []
        start = self._at
        while self._at < len(self._text):
            byte = self._text[self._at]
            if byte not in (quote, 92):
                self._at += 1
                continue
            parts.append(self._text[start : self._at])
            self._at += 1
            if byte == quote:
                return _decoded(b"".join(parts))
            parts.append(self._escape().encode())
            start = self._at
        raise JsonError("a string does not end")

    def _escape(self) -> str:
        byte = self._text[self._at] if self._at < len(self._text) else 0
        self._at += 1
        if byte in _ESCAPES:
            return _ESCAPES[byte]
        if byte != ord("u"):
            raise JsonError("an unknown escape")
        code = self._hex()
        if 0xD800 <= code < 0xDC00 and self._text[self._at : self._at + 2] == b"\\u":
            before = self._at
            self._at += 2
            low = self._hex()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF))
            self._at = before
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _hex(self) -> int:
        digits = self._text[self._at : self._at + 4]
        if len(digits) < 4 or not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
            raise JsonError("four hexadecimal digits are expected")
        self._at += 4
        return int(digits, 16)

    def _number(self) -> object:
        if self._text[self._at : self._at + 9].lower() == b"-infinity":
            self._at += 9
            return float("-inf")
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise JsonError("not a number")
        self._at = match.end()
        text = match[0].decode()
        if match[1] is None and match[2] is None:
            return int(text)
        return _double(text)

    def _literal(self) -> object:
        rest = self._text[self._at : self._at + 8].lower()
        for word, value in (*_LITERALS, (b"infinity", float("inf"))):
            if rest.startswith(word):
                self._at += len(word)
                return value
        raise JsonError("not a value")


def _double(text: str) -> float:
    try:
        return float(text.rstrip("eE+-.") or "0") if text[-1] in "eE+-." else float(text)
    except ValueError:
        raise JsonError("not a number") from None


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def loads(text: bytes) -> object:
    """The first value of a text. Raises JsonError."""
    if b"\\u" not in text:  # Python keeps halves of surrogate pairs, json-c does not
        try:
            return json.loads(text.decode())
        except (ValueError, RecursionError):
            return _Reader(text).value()
    return _Reader(text).value()
