# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a UCI file is broken: pyuci says that it is, but not where. Pure.

A light scan after libuci's file.c (strict mode). It is only asked about files that libuci refused;
it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remsim.config.change import NAME, TYPE

KEYWORDS = {"p": "package", "c": "config", "o": "option", "l": "list"}
ARGUMENTS = {"package": (1, 1), "config": (1, 2), "option": (1, 2), "list": (1, 2)}  # least, most


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1. `reason` is a sentence without a final dot."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Command:
    line: int
    words: tuple[str, ...]
    fault: Fault | None = None


def find_fault(data: bytes) -> Fault | None:
    """The first thing that libuci refuses in `data`, or None."""
    coding = _coding_fault(data)
    if coding is not None:
        return coding
    types: dict[str, str] = {}
    in_section = False
    for command in _commands(data.decode("utf-8")):
        fault = command.fault or _command_fault(command, in_section)
        if fault is not None:
            return fault
        if _keyword(command) == "config":
            in_section = True
            fault = _section_fault(command, types)
            if fault is not None:
                return fault
    return None


def _coding_fault(data: bytes) -> Fault | None:
    if data.startswith(b"\xef\xbb\xbf"):
        return Fault(1, "the file begins with a byte order mark")
    if b"\0" in data:
        return Fault(data[: data.index(b"\0")].count(b"\n") + 1, "a NUL byte")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Fault(data[: error.start].count(b"\n") + 1, "not valid UTF-8")
    return None


def _keyword(command: _Command) -> str:
    return KEYWORDS.get(command.words[0], command.words[0])


def _command_fault(command: _Command, in_section: bool) -> Fault | None:
    keyword, arguments = _keyword(command), command.words[1:]
    if keyword not in ARGUMENTS:
        return Fault(command.line, f"{keyword[:40]!r} is not config, option or list")
    least, most = ARGUMENTS[keyword]
    if len(arguments) < least or not arguments[0]:
        return Fault(command.line, f"{keyword} needs a name")
    if len(arguments) > most:
        return Fault(command.line, f"too many words after {keyword}; is a quote missing?")
    if keyword in ("option", "list"):
        if not in_section:
            return Fault(command.line, f"{keyword} before the first section")
        return _name_fault(command.line, arguments[0])
    return None


def _section_fault(command: _Command, types: dict[str, str]) -> Fault | None:
    section_type = command.words[1]
    if not TYPE.fullmatch(section_type):
        return Fault(command.line, f"{section_type[:40]!r} is no section type")
    if len(command.words) < 3 or not command.words[2]:
        return None
    name = command.words[2]
    if types.setdefault(name, section_type) != section_type:
        return Fault(command.line, f"section {name} is there already, with another type")
    return _name_fault(command.line, name)


def _name_fault(line: int, name: str) -> Fault | None:
    if NAME.fullmatch(name):
        return None
    return Fault(line, f"{name[:40]!r} is no name: letters, digits and underscores only")


def _commands(text: str) -> Iterator[_Command]:
    """Commands: words up to a line's end or a semicolon, quotes and comments taken off."""
    position, line = 0, 1
    words: list[str] = []
    while position < len(text):
        here = text[position]
        if here in "\n;#":
            if words:
                yield _Command(line, tuple(words))
                words = []
            if here == "#":
                position = text.find("\n", position)
                if position < 0:
                    return
            line += text[position] == "\n"
            position += 1
        elif here.isspace():
            position += 1
        else:
            word, end, unclosed = _word(text, position)
            if unclosed is not None:
                opened = line + text.count("\n", position, unclosed)
                fault = Fault(opened, f"the quote {text[unclosed]} is not closed")
                yield _Command(opened, ("option",), fault)
                return
            line += text.count("\n", position, end)
            words.append(word)
            position = end
    if words:
        yield _Command(line, tuple(words))


def _word(text: str, start: int) -> tuple[str, int, int | None]:
    """The word at `start`, where it ends, and where an unclosed quote stands."""
    word: list[str] = []
    position = start
    while position < len(text) and not text[position].isspace() and text[position] != ";":
        here = text[position]
        if here in "'\"":
            end = _quote_end(text, position)
            if end is None:
                return "".join(word), len(text), position
            word.append(text[position + 1 : end])
            position = end + 1
        elif here == "\\":
            word.append(text[position + 1 : position + 2].strip("\n"))
            position += 2
        else:
            word.append(here)
            position += 1
    return "".join(word), position, None


def _quote_end(text: str, start: int) -> int | None:
    """Where the quote that opens at `start` closes. Only double quotes know the backslash."""
    quote, position = text[start], start + 1
    while position < len(text):
        if text[position] == quote:
            return position
        position += 2 if quote == '"' and text[position] == "\\" else 1
    return None
