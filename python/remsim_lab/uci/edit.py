# SPDX-License-Identifier: GPL-2.0-or-later
"""Looking things up in loaded packages, and changing them with a record of each change.

Never does I/O itself: `load` is what finds a package that is not there yet.

Source: libuci list.c.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from remsim_lab.uci.model import (
    Command,
    Delta,
    ErrorCode,
    Option,
    Package,
    Pointer,
    Section,
    UciError,
    is_type,
    parse_pointer,
)

_INDEX = re.compile(rb"@([^\[]*)\[([^\]]*)\]")
_LONG = re.compile(rb"[ \t\n\v\f\r]*([+-]?\d+)")


def leading_int(text: bytes) -> int | None:
    """sscanf("%d"): the number a text starts with."""
    match = _LONG.match(text)
    return int(match[1]) if match else None


def _index(text: bytes) -> int:
    """strtol() of the whole text; nothing at all is 0. Raises UciError(INVAL)."""
    if not text:
        return 0
    match = _LONG.fullmatch(text)
    if match is None:
        raise UciError(ErrorCode.INVAL)
    return int(match[1])


class Editor(ABC):
    """The loaded packages and what can be done to them."""

    def __init__(self) -> None:
        self.root: list[Package] = []

    @abstractmethod
    def load(self, name: bytes) -> Package:
        """Read a package and keep it in `root`. Raises UciError."""

    def loaded(self, name: bytes) -> Package | None:
        for package in self.root:
            if package.name == name:
                return package
        return None

    def lookup(self, text: bytes) -> Pointer:
        """Parse "config[.section[.option]][=value]" and find it. Raises UciError."""
        pointer = parse_pointer(text)
        self.find(pointer)
        return pointer

    def find(self, pointer: Pointer) -> None:
        """Fill in what exists, loading the package. Raises UciError."""
        pointer.done = True
        if pointer.found_package is None:
            name = pointer.package or b""
            pointer.found_package = self.loaded(name) or self.load(name)
        if pointer.section is None and pointer.found_section is None:
            pointer.complete = True
            return
        if pointer.found_section is None:
            pointer.found_section = self._find_section(pointer, pointer.found_package)
        if pointer.found_section is None:
            return
        if pointer.option is not None:
            pointer.found_option = pointer.found_section.option(pointer.option)
            if pointer.found_option is None:
                return
        pointer.complete = True

    def _find_section(self, pointer: Pointer, package: Package) -> Section | None:
        if pointer.section is None or not pointer.extended:
            return package.section(pointer.section or b"")
        match = _INDEX.fullmatch(pointer.section)
        if match is None or (match[1] and not is_type(match[1])):
            raise UciError(ErrorCode.INVAL)
        wanted = [each for each in package.sections if match[1] in (b"", each.type)]
        index = _index(match[2])
        if not -len(wanted) <= index < len(wanted):
            return None
        section = wanted[index]
        pointer.section = section.name
        return section

    def expand(self, pointer: Pointer, *, complete: bool) -> Package:
        """Look up what is not looked up yet; `complete`: all of it must be there. The package."""
        if not pointer.done:
            self.find(pointer)
        if complete and not pointer.complete:
            raise UciError(ErrorCode.NOTFOUND)
        package = pointer.found_package
        if package is None:
            raise UciError(ErrorCode.INVAL)
        return package

    # --- changing; `record` is False while files and deltas are read ---

    def set(self, pointer: Pointer, *, record: bool = True) -> None:
        """Create or change a section (its type) or an option; an empty value deletes."""
        package = self.expand(pointer, complete=False)
        value, section = pointer.value, pointer.found_section
        if value is None or (section is None and (pointer.option or not pointer.section)):
            raise UciError(ErrorCode.INVAL)
        if pointer.option is None and value and not is_type(value):
            raise UciError(ErrorCode.INVAL)
        if pointer.found_option is None and section is not None and pointer.option is not None:
            pointer.found_option = section.option(pointer.option)
        if not value:
            if pointer.complete:
                self.delete(pointer)  # libuci forgets here that it is reading a delta
            return
        if not self._store(package, pointer, value):
            return
        if record:
            self._record(pointer, Command.CHANGE, value)

    def _store(self, package: Package, pointer: Pointer, value: bytes) -> bool:
        """False when nothing changes."""
        section, option = pointer.found_section, pointer.found_option
        if section is None:
            pointer.found_section = package.add_section(value, pointer.section)
        elif pointer.option is None:
            return self._change_type(package, pointer, section, value)
        elif option is None:
            pointer.found_option = Option(pointer.option, value)
            section.options.append(pointer.found_option)
        elif option.value == value:
            return False
        else:
            replacement = Option(pointer.option, value)
            section.options[section.options.index(option)] = replacement
            pointer.found_option = replacement
        return True

    def _change_type(
        self, package: Package, pointer: Pointer, section: Section, kind: bytes
    ) -> bool:
        """A type of another length makes a new section, which is not anonymous any more."""
        if section.type == kind:
            return False
        if len(section.type) == len(kind):
            section.type = kind
            return True
        replacement = Section(section.name, kind, anonymous=False)
        replacement.options = section.options
        package.sections[package.sections.index(section)] = replacement
        pointer.found_section = replacement
        return True

    def add_section(self, package: Package, kind: bytes, *, record: bool = True) -> Section:
        """A new anonymous section at the end."""
        section = package.add_section(kind, None)
        if record and package.has_delta:
            package.delta.append(Delta(Command.ADD, section.name, None, kind))
        return section

    def delete(self, pointer: Pointer, *, record: bool = True) -> None:
        """Take away a section, an option, or (value = index) one item of a list."""
        package = self.expand(pointer, complete=True)
        section, option = pointer.found_section, pointer.found_option
        if section is None:
            raise UciError(ErrorCode.INVAL)
        if option is not None and isinstance(option.value, list) and pointer.value:
            self._delete_item(pointer, option.value, pointer.value, record=record)
            return
        if record:
            self._record(pointer, Command.REMOVE, None)
        if option is not None:
            section.options.remove(option)
        else:
            package.sections.remove(section)
        if pointer.option is not None:
            pointer.found_option = None
        else:
            pointer.found_section = None

    def _delete_item(
        self, pointer: Pointer, items: list[bytes], value: bytes, *, record: bool
    ) -> None:
        index = leading_int(value)
        if index is None:
            raise UciError(ErrorCode.MEM)  # libuci returns 1 here
        if 0 <= index < len(items):
            if record:
                self._record(pointer, Command.REMOVE, value)
            del items[index]

    def add_list(self, pointer: Pointer, *, record: bool = True) -> None:
        """Append to a list; a string becomes a list first."""
        self.expand(pointer, complete=False)
        section, value = pointer.found_section, pointer.value
        if section is None or value is None:
            raise UciError(ErrorCode.INVAL)
        if pointer.option is not None:
            self._append(section, pointer, pointer.option, value)
        if record:  # a delta without an option is written, and refused when it is read
            self._record(pointer, Command.LIST_ADD, value)

    def _append(self, section: Section, pointer: Pointer, name: bytes, value: bytes) -> None:
        option = pointer.found_option
        if option is None:
            option = Option(name, [])
            section.options.append(option)
        elif isinstance(option.value, bytes):
            replacement = Option(name, [option.value])
            section.options[section.options.index(option)] = replacement
            option = replacement
        pointer.found_option = option
        if isinstance(option.value, list):
            option.value.append(value)

    def del_list(self, pointer: Pointer, *, record: bool = True) -> None:
        """Take every equal item out of a list; nothing happens where there is no list."""
        self.expand(pointer, complete=False)
        option, value = pointer.found_option, pointer.value
        if pointer.found_section is None or value is None:
            raise UciError(ErrorCode.INVAL)
        if option is None or not isinstance(option.value, list):
            return
        if record:
            self._record(pointer, Command.LIST_DEL, value)
        option.value[:] = [item for item in option.value if item != value]

    def rename(self, pointer: Pointer, *, record: bool = True) -> None:
        """Give a section or option the name in `value`, which is not checked."""
        self.expand(pointer, complete=True)
        section, option, value = pointer.found_section, pointer.found_option, pointer.value
        if section is None or value is None:
            raise UciError(ErrorCode.INVAL)
        if record:
            self._record(pointer, Command.RENAME, value)
        if option is not None:
            option.name = value
        else:
            section.name = value
            section.anonymous = False

    def reorder(self, pointer: Pointer, position: int, *, record: bool = True) -> None:
        """Move a section to a place among the others, counted without it."""
        package, section = pointer.found_package, pointer.found_section
        if package is None or section is None:
            raise UciError(ErrorCode.INVAL)
        before = package.sections.index(section)
        del package.sections[before]
        after = max(0, min(position, len(package.sections)))
        package.sections.insert(after, section)
        if record and after != before and package.has_delta:
            order = b"%d" % position
            package.delta.append(Delta(Command.REORDER, section.name, None, order))

    def _record(self, pointer: Pointer, command: Command, value: bytes | None) -> None:
        package = pointer.found_package
        if package is not None and package.has_delta:
            package.delta.append(Delta(command, pointer.section or b"", pointer.option, value))
