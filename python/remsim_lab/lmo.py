# SPDX-License-Identifier: GPL-2.0-or-later
"""Translations for LuCI without its host tools: a gettext .po file to LuCI's .lmo.

    python -m remsim_lab.lmo FILE.po FILE.lmo

An .lmo holds the texts padded to 4 bytes, then an index of (key, plural forms, offset, length)
sorted by key, then the index's offset, all big-endian. A key is the hash of msgid, with msgctxt and
a byte 1 before it, a byte 2 and the plural's number behind it. Source of the format:
modules/luci-base/src of openwrt/luci (po2lmo.c, lib/lmo.c); the hash is Paul Hsieh's SuperFastHash.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_WORD = 0xFFFFFFFF
_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d)\])?) (".*")$')


@dataclass(slots=True)
class Message:
    """One entry; texts keep their escapes but for quotes and backslashes, as po2lmo leaves them."""

    context: str = ""
    id: str = ""
    plural: str = ""
    texts: dict[int, str] = field(default_factory=dict)

    @property
    def is_header(self) -> bool:
        return not self.id


def compile_po(po: str) -> bytes:
    """The .lmo; empty when nothing is translated."""
    texts, index = b"", []
    for key, forms, text in _entries(po):
        data = text.encode()
        index.append((key, forms, len(texts), len(data)))
        texts += data + b"\0" * (-len(data) % 4)
    if not index:
        return b""
    packed = b"".join(struct.pack(">4I", *row) for row in sorted(index))
    return texts + packed + struct.pack(">I", len(texts))


def hash_of(text: str) -> int:
    """SuperFastHash, seeded with the length."""
    data = text.encode()
    if not data:
        return 0
    value, whole = len(data), len(data) & ~3
    for place in range(0, whole, 4):
        low, high = struct.unpack_from("<HH", data, place)
        value = (value + low) & _WORD
        value = ((value << 16) ^ ((high << 11) ^ value)) & _WORD
        value = (value + (value >> 11)) & _WORD
    return _stirred(_tail(value, data[whole:]))


def _tail(value: int, rest: bytes) -> int:
    """The last one to three bytes; a lone byte counts as signed."""
    if len(rest) == 3:
        value = (value + int.from_bytes(rest[:2], "little")) & _WORD
        value ^= (value << 16) & _WORD
        value ^= (_signed(rest[2]) << 18) & _WORD
        return (value + (value >> 11)) & _WORD
    if len(rest) == 2:
        value = (value + int.from_bytes(rest, "little")) & _WORD
        value ^= (value << 11) & _WORD
        return (value + (value >> 17)) & _WORD
    if len(rest) == 1:
        value = (value + _signed(rest[0])) & _WORD
        value ^= (value << 10) & _WORD
        return (value + (value >> 1)) & _WORD
    return value


def _stirred(value: int) -> int:
    for left, right in ((3, 5), (4, 17), (25, 6)):
        value ^= (value << left) & _WORD
        value = (value + (value >> right)) & _WORD
    return value


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _entries(po: str) -> Iterator[tuple[int, int, str]]:
    """(key, number of forms, text) of everything that is translated."""
    for message in messages(po):
        if message.is_header:
            yield from _plural_rule(message.texts.get(0, ""))
            continue
        for number, text in message.texts.items():
            key = hash_of(_key_text(message, number))
            if text and key != hash_of(text):
                yield key, max(message.texts) + 1, text


def _key_text(message: Message, number: int) -> str:
    prefix = f"{message.context}\x01" if message.context else ""
    suffix = f"\x02{number}" if message.plural else ""
    return f"{prefix}{message.id}{suffix}"


def _plural_rule(header: str) -> Iterator[tuple[int, int, str]]:
    for line in header.split("\\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "plural-forms":
            yield 0, 0, value


def messages(po: str) -> Iterator[Message]:
    """Everything in a .po file, its header included."""
    message, current = Message(), ""
    for line in po.splitlines():
        if match := _KEYWORD.fullmatch(line):
            keyword, number, quoted = match.groups()
            starts = keyword == "msgctxt" or (keyword == "msgid" and current != "msgctxt")
            if starts and message.texts:
                yield message
                message = Message()
            current = keyword.partition("[")[0] + (number or "")
            _extend(message, current, quoted)
        elif line.startswith('"'):
            _extend(message, current, line)
    if message.texts:
        yield message


def _extend(message: Message, part: str, quoted: str) -> None:
    text = re.sub(r'\\(["\\])', r"\1", quoted[1:-1])
    if part == "msgctxt":
        message.context += text
    elif part == "msgid":
        message.id += text
    elif part == "msgid_plural":
        message.plural += text
    else:
        number = int(part.removeprefix("msgstr") or 0)
        message.texts[number] = message.texts.get(number, "") + text


def main(arguments: list[str]) -> int:
    source, target = Path(arguments[0]), Path(arguments[1])
    target.write_bytes(compile_po(source.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
