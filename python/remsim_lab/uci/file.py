# SPDX-License-Identifier: GPL-2.0-or-later
"""Config files: text to sections, sections to text.

`import_text` drives the operations of an engine `Context`, exactly as libuci's parser does, because
what a repeated section, option or list means is decided there.

Never does I/O. Source: libuci file.c.
"""

from __future__ import annotations

from collections.abc import Callable

from remsim_lab.uci.model import (
    ErrorCode,
    Option,
    Package,
    Pointer,
    Section,
    UciError,
    is_import_name,
    is_name,
    is_type,
)
from remsim_lab.uci.parser import Parser

TYPE_CHECKING = False  # typing itself would cost the command milliseconds
if TYPE_CHECKING:
    from remsim_lab.uci.engine import Context


class Import:
    """One text being read. `merge_into` takes the changes as if they were made by hand."""

    def __init__(
        self,
        context: Context,
        parser: Parser,
        name: bytes | None,
        merge_into: Package | None,
        single: bool,
    ) -> None:
        self._context = context
        self._parser = parser
        self._name = name
        self._single = single
        self._merge = merge_into is not None
        self._package = merge_into
        self._section: Section | None = None

    def run(self) -> Package | None:
        """Read everything; the last package. Raises UciError in strict mode."""
        while not self._parser.at_end:
            if not self._parser.next_line():
                continue
            try:
                self._line()
            except UciError as error:
                self._context.report(error)
                if error.code is not ErrorCode.PARSE or self._context.strict:
                    raise
        if self._package is None and self._name is not None:
            self._switch(self._name)
        last = self._package
        if not self._merge:
            self._finish_package()
        return last

    def _finish_package(self) -> None:
        if self._package is not None:
            self._context.root.append(self._package)
        self._package = self._section = None

    def _switch(self, name: bytes) -> None:
        self._finish_package()
        if self._context.loaded(name) is not None:
            raise UciError(ErrorCode.DUPLICATE)
        self._package = Package(name)

    def _line(self) -> None:
        self._parser.skip_blanks()
        while True:
            word = self._parser.next_token()
            if word is None or word.startswith(b"#"):
                return
            statement = _STATEMENTS.get(word)
            if statement is None:
                raise self._parser.fail("invalid command")
            statement(self)

    def _after(self, statement: str) -> None:
        if not self._parser.skip_word():
            raise self._parser.fail(f"{statement} without name")

    def _end(self) -> None:
        self._parser.skip_blanks()
        if self._parser.next_argument() and self._context.strict:
            raise self._parser.fail("too many arguments")

    def _checked(self, word: bytes, check: Callable[[bytes], bool], field: str = "name") -> bytes:
        if word and not check(word):
            raise self._parser.fail(f"invalid character in {field} field")
        return word

    def _package_statement(self) -> None:
        self._after("package")
        name = self._checked(self._parser.required_argument(), is_import_name)
        self._end()
        if not self._single:
            self._name = name
            self._switch(name)

    def _config_statement(self) -> None:
        if self._package is None:
            if self._name is None:
                raise self._parser.fail("attempting to import a file without a package name")
            self._switch(self._name)
        self._after("config")
        kind = self._checked(self._parser.required_argument(), is_type, "type")
        name = self._checked(self._parser.next_argument(), is_name)
        self._end()
        if self._package is None:
            raise UciError(ErrorCode.INVAL)
        if name:
            self._section = self._named_section(self._package, kind, name)
        else:
            self._section = self._context.add_section(self._package, kind, record=self._merge)

    def _named_section(self, package: Package, kind: bytes, name: bytes) -> Section | None:
        pointer = Pointer(package.name, name, None, kind)
        pointer.found_package = package
        pointer.found_section = package.section(name)
        pointer.done = True
        if (
            pointer.found_section is not None
            and self._context.strict
            and pointer.found_section.type != kind
        ):
            raise self._parser.fail(
                "section of different type overwrites prior section with same name"
            )
        self._context.set(pointer, record=self._merge)
        return pointer.found_section

    def _option_statement(self) -> None:
        self._value_statement(self._context.set)

    def _list_statement(self) -> None:
        self._value_statement(self._context.add_list)

    def _value_statement(self, store: Callable[..., None]) -> None:
        section, package = self._section, self._package
        if section is None or package is None:
            raise self._parser.fail("option/list command found before the first section")
        self._after("option")
        name = self._checked(self._parser.required_argument(), is_name)
        value = self._parser.next_argument()
        self._end()
        pointer = Pointer(package.name, section.name, name, value)
        pointer.found_package = package
        pointer.found_section = section
        pointer.found_option = section.option(name)
        pointer.done = True
        store(pointer, record=self._merge)


_STATEMENTS: dict[bytes, Callable[[Import], None]] = {
    b"package": Import._package_statement,
    b"p": Import._package_statement,
    b"config": Import._config_statement,
    b"c": Import._config_statement,
    b"option": Import._option_statement,
    b"o": Import._option_statement,
    b"list": Import._list_statement,
    b"l": Import._list_statement,
}


def escaped(text: bytes) -> bytes:
    """For between single quotes."""
    return text.replace(b"'", b"'\\''")


def _option_lines(option: Option) -> bytes:
    name = escaped(option.name)
    if isinstance(option.value, list):
        return b"".join([b"\tlist %s '%s'\n" % (name, escaped(item)) for item in option.value])
    return b"\toption %s '%s'\n" % (name, escaped(option.value))


def export_text(package: Package, *, header: bool, name_all: bool) -> bytes:
    """A package as a file. `header`: with a `package` line; `name_all`: name anonymous ones too."""
    lines = [b"package %s\n" % escaped(package.name)] if header else []
    for section in package.sections:
        lines.append(b"\nconfig %s" % escaped(section.type))
        if not section.anonymous or name_all:
            lines.append(b" '%s'" % escaped(section.name))
        lines.append(b"\n")
        lines += map(_option_lines, section.options)
    lines.append(b"\n")
    return b"".join(lines)
