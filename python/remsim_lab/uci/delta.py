# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of the files in the save directory: changes that are not committed yet.

Never does I/O. Source: libuci delta.c.
"""

from __future__ import annotations

from remsim_lab.uci.file import escaped
from remsim_lab.uci.model import (
    Command,
    Delta,
    ErrorCode,
    Pointer,
    UciError,
    is_name,
    parse_pointer,
)
from remsim_lab.uci.parser import Parser

_BY_CHARACTER = {command.value: command for command in Command if command.value}


def line_of(package: bytes, change: Delta) -> bytes:
    """The text that records a change."""
    line = change.command.value + package + b"." + change.section
    if change.option is not None:
        line += b"." + change.option
    if change.value is None:
        return line + b"\n"
    return line + b"='" + escaped(change.value) + b"'\n"


def _is_sound(command: Command, pointer: Pointer) -> bool:
    if pointer.section is None or pointer.extended:
        return False
    if command is Command.REMOVE:
        return True
    if pointer.value is None:
        return False
    if command is Command.REORDER:
        return pointer.option is None
    if command is Command.RENAME:
        return is_name(pointer.value)
    if command in (Command.LIST_ADD, Command.LIST_DEL):
        return pointer.option is not None
    return True


def parse_line(parser: Parser) -> tuple[Command, Pointer]:
    """The change in the present line of a delta file. Raises UciError."""
    word = parser.next_argument()
    if parser.rest():
        raise UciError(ErrorCode.INVAL)
    command = _BY_CHARACTER.get(word[:1], Command.CHANGE)
    pointer = parse_pointer(word[len(command.value) :])
    if not _is_sound(command, pointer):
        raise UciError(ErrorCode.INVAL)
    return command, pointer
