# SPDX-License-Identifier: GPL-2.0-or-later
"""Catalogues of translations as LuCI has them on a router: /usr/lib/lua/luci/i18n/<app>.<lang>.lmo.

All installed catalogues of a language count as one. Source of the format: see remsim_lab.lmo.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from remsim_lab.lmo import hash_of

DIRECTORY = "usr/lib/lua/luci/i18n"
ENGLISH = "en"
_ROW_BYTES = 16


def languages(root: Path) -> list[str]:
    """With a catalogue, as in de or zh-cn."""
    found = (root / DIRECTORY).glob("*.*.lmo")
    return sorted({path.name.split(".")[1] for path in found})


def chosen(root: Path, setting: str, accepted: str) -> str:
    """From the option luci.main.lang and the header Accept-Language."""
    if setting != "auto":
        return setting.replace("_", "-")
    there = languages(root)
    for part in accepted.split(","):
        words = part.partition(";")[0].strip().lower().split("-")
        for tag in ("-".join(words[:2]), words[0]):
            if tag in there:
                return tag
        if words[0] == ENGLISH:
            return ENGLISH
    return ENGLISH


def catalogue(root: Path, language: str) -> dict[int, str]:
    """Texts by key; empty for a language without any."""
    texts: dict[int, str] = {}
    for path in sorted((root / DIRECTORY).glob(f"*.{language}.lmo")):
        texts.update(_rows(path.read_bytes()))
    return texts


def _rows(data: bytes) -> Iterator[tuple[int, str]]:
    if len(data) < 4:
        return
    start: int = struct.unpack_from(">I", data, len(data) - 4)[0]
    for at in range(start, len(data) - 4, _ROW_BYTES):
        key, _, offset, length = struct.unpack_from(">4I", data, at)
        yield key, data[offset : offset + length].decode(errors="replace")


def script(texts: dict[int, str]) -> str:
    """What <script>/admin/translations/<lang> gives."""
    rows = ",".join(f'"{key:08x}":{json.dumps(text)}' for key, text in texts.items())
    return f"window.TR={{{rows}}};"


def translated(texts: dict[int, str], text: str) -> str:
    return texts.get(hash_of(text), text)
