# SPDX-License-Identifier: GPL-2.0-or-later
"""What a loaded UCI file consists of, and the errors libuci has. All text is bytes, as in C.

Never does I/O. Plain classes, because dataclasses would double the start-up of the command.

Source: libuci uci.h, list.c, util.c.
"""

from __future__ import annotations

from enum import Enum, IntEnum

UNSIGNED_MASK = 0xFFFFFFFF
HASH_START = 5381  # D. J. Bernstein's hash, list.c djbhash
HASH_MASK = 0x7FFFFFFF


class ErrorCode(IntEnum):
    """libuci's return values; the command `uci add` exits with them."""

    OK = 0
    MEM = 1
    INVAL = 2
    NOTFOUND = 3
    IO = 4
    PARSE = 5
    DUPLICATE = 6
    UNKNOWN = 7


ERROR_TEXTS = {
    ErrorCode.OK: "Success",
    ErrorCode.MEM: "Out of memory",
    ErrorCode.INVAL: "Invalid argument",
    ErrorCode.NOTFOUND: "Entry not found",
    ErrorCode.IO: "I/O error",
    ErrorCode.PARSE: "Parse error",
    ErrorCode.DUPLICATE: "Duplicate entry",
    ErrorCode.UNKNOWN: "Unknown error",
}


class UciError(Exception):
    """A refusal of libuci; its text, with line and byte, is made by `Context.error_text`."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(ERROR_TEXTS[code])
        self.code = code


class Command(Enum):
    """What a delta line does; the value is its first character."""

    ADD = b"+"
    REMOVE = b"-"
    CHANGE = b""
    RENAME = b"@"
    REORDER = b"^"
    LIST_ADD = b"|"
    LIST_DEL = b"~"


class Delta:
    """One recorded change, never altered. `value` is None only for REMOVE."""

    __slots__ = ("command", "option", "section", "value")

    def __init__(
        self, command: Command, section: bytes, option: bytes | None, value: bytes | None
    ) -> None:
        self.command = command
        self.section = section
        self.option = option
        self.value = value


class Option:
    """A string, or a list when `value` is a list. A list emptied by deletions stays."""

    __slots__ = ("name", "value")

    def __init__(self, name: bytes, value: bytes | list[bytes]) -> None:
        self.name = name
        self.value = value


class Section:
    """An anonymous one is named too: cfg, two digits of its number, four of its type's hash."""

    __slots__ = ("anonymous", "name", "options", "type")

    def __init__(self, name: bytes, kind: bytes, anonymous: bool) -> None:
        self.name = name
        self.type = kind
        self.anonymous = anonymous
        self.options: list[Option] = []

    def option(self, name: bytes) -> Option | None:
        for option in self.options:
            if option.name == name:
                return option
        return None


class Package:
    """`section_count` only grows: the names of anonymous sections depend on it."""

    __slots__ = (
        "delta",
        "from_override",
        "has_delta",
        "name",
        "path",
        "saved_delta",
        "section_count",
        "sections",
    )

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.path: bytes | None = None
        self.sections: list[Section] = []
        self.section_count = 0
        self.has_delta = False
        self.from_override = False
        self.delta: list[Delta] = []
        self.saved_delta: list[Delta] = []

    def section(self, name: bytes) -> Section | None:
        for section in self.sections:
            if section.name == name:
                return section
        return None

    def add_section(self, kind: bytes, name: bytes | None) -> Section:
        self.section_count += 1
        section = Section(name or self._anonymous_name(kind), kind, not name)
        self.sections.append(section)
        return section

    def _anonymous_name(self, kind: bytes) -> bytes:
        value = HASH_START
        for byte in kind:
            signed = byte - 256 if byte > 127 else byte
            value = (value * 33 + signed) & UNSIGNED_MASK
        return b"cfg%02x%04x" % (self.section_count, (value & HASH_MASK) % 65536)


class Pointer:
    """What "config.section.option=value" names, and what of it was found."""

    __slots__ = (
        "complete",
        "done",
        "extended",
        "found_option",
        "found_package",
        "found_section",
        "option",
        "package",
        "section",
        "value",
    )

    def __init__(
        self,
        package: bytes | None = None,
        section: bytes | None = None,
        option: bytes | None = None,
        value: bytes | None = None,
    ) -> None:
        self.package = package
        self.section = section
        self.option = option
        self.value = value
        self.found_package: Package | None = None
        self.found_section: Section | None = None
        self.found_option: Option | None = None
        self.extended = False  # the section is no plain name: "@type[index]"
        self.done = False  # looked up
        self.complete = False  # everything named was found


def _is_word(text: bytes) -> bool:
    return text.isascii() and text.replace(b"_", b"a").isalnum()


def _is_printable(text: bytes) -> bool:
    return bool(text) and all(33 <= byte <= 126 for byte in text)


def is_name(text: bytes) -> bool:
    """Of a section or option: letters, digits and underscores."""
    return _is_word(text)


def is_type(text: bytes) -> bool:
    """Of a section: anything printable without blanks."""
    return _is_printable(text)


def is_package_name(text: bytes) -> bool:
    return _is_printable(text)


def is_import_name(text: bytes) -> bool:
    """After `package` in a file: a name that may hold dashes."""
    return _is_word(text.replace(b"-", b"_"))


def is_text(value: bytes) -> bool:
    """A value in "config.section.option=value": no control characters but tab and line ends."""
    return all(byte >= 32 or byte in b"\t\n\r" for byte in value)


def parse_pointer(text: bytes) -> Pointer:
    """ "config[.section[.option]][=value]". Raises UciError(PARSE)."""
    head, equals, value = text.partition(b"=")
    parts = head.split(b".")
    if len(parts) > 3:
        raise UciError(ErrorCode.PARSE)
    pointer = Pointer(*parts)
    pointer.value = value if equals else None
    if (
        not is_package_name(parts[0])
        or (pointer.option is not None and not is_name(pointer.option))
        or (pointer.value is not None and not is_text(pointer.value))
    ):
        raise UciError(ErrorCode.PARSE)
    pointer.extended = pointer.section is not None and not is_name(pointer.section)
    return pointer
