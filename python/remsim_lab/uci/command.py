# SPDX-License-Identifier: GPL-2.0-or-later
"""The `uci` command: arguments, output, messages and exit codes of the real one.

Source: uci cli.c. Options are taken before the command only, as musl's getopt does on a router.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from remsim_lab import posix_options
from remsim_lab.uci.edit import leading_int
from remsim_lab.uci.engine import (
    CONFIG_DIRECTORY,
    OVERRIDE_DIRECTORY,
    Context,
    ErrorTrail,
)
from remsim_lab.uci.file import escaped, export_text
from remsim_lab.uci.model import Command as Change
from remsim_lab.uci.model import ErrorCode, Option, Package, Pointer, Section, UciError
from remsim_lab.uci.parser import Parser, Source

OPTIONS = "c:C:d:f:LmnNp:P:qsSt:X"
USAGE = 255  # a command that shows the usage text
EXIT_BATCH = 254
BATCH_WORDS = 4  # cli.c MAX_ARGS

_USAGE = """\
Usage: {name} [<options>] <command> [<arguments>]

Commands:
	batch
	export     [<config>]
	import     [<config>]
	changes    [<config>]
	commit     [<config>]
	add        <config> <section-type>
	add_list   <config>.<section>.<option>=<string>
	del_list   <config>.<section>.<option>=<string>
	show       [<config>[.<section>[.<option>]]]
	get        <config>.<section>[.<option>]
	set        <config>.<section>[.<option>]=<value>
	delete     <config>[.<section>[[.<option>][=<id>]]]
	rename     <config>.<section>[.<option>]=<name>
	revert     <config>[.<section>[.<option>]]
	reorder    <config>.<section>=<position>

Options:
	-c <path>  set the search path for config files (default: {config})
	-C <path>  set the search path for config override files (default: {override})
	-d <str>   set the delimiter for list values in uci show
	-f <file>  use <file> as input instead of stdin
	-m         when importing, merge data into an existing package
	-n         name unnamed sections on export (default)
	-N         don't name unnamed sections
	-p <path>  add a search path for config change files
	-P <path>  add a search path for config change files and use as default
	-t <path>  set save path for config change files
	-q         quiet mode (don't print error messages)
	-s         force strict mode (stop on parser errors, default)
	-S         disable strict mode
	-X         do not use extended syntax on 'show'

"""


class Settings:
    """What the options chose. `input_path` is None for stdin."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.delimiter = b" "
        self.input_path: str | None = None
        self.merge = False
        self.quiet = False
        self.no_commit = False
        self.extended_names = True
        self.batch = False
        self.output: list[bytes] = []


def _quoted(value: bytes) -> bytes:
    return b"'" + escaped(value) + b"'"


class Command:
    """One run. `execute()` gives the exit code; output is collected in `settings.output`."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context = context
        self._settings = settings
        self._input: Source | None = None

    def execute(self, words: list[bytes]) -> int:
        """Carry out one command."""
        word = words[0].lower()
        if word == b"batch" and not self._settings.batch:
            return self._batch()
        action = _COMMANDS.get(word)
        return USAGE if action is None else action(self, words)

    # --- output ---

    def _print(self, *parts: bytes) -> None:
        self._settings.output.extend(parts)

    def _complain(self, error: ErrorCode) -> None:
        if not self._settings.quiet:
            sys.stderr.write(f"{self._settings.name}: {self._context.error_line(error)}")

    def _say(self, text: str) -> None:
        if not self._settings.quiet:
            sys.stderr.write(text)

    def help(self, _words: list[bytes]) -> int:
        """Show the usage text."""
        write_usage(self._settings.name)
        return 0

    # --- input ---

    def _source(self) -> Source:
        if self._input is None:
            if self._settings.input_path is None:
                self._input = Source(sys.stdin.buffer.read())
            else:
                with open(self._settings.input_path, "rb") as file:
                    self._input = Source(file.read())
        return self._input

    def _batch(self) -> int:
        self._settings.batch = True
        source = self._source()
        while not source.at_end:
            code = self._batch_line(source)
            if code == EXIT_BATCH:
                return 0
            if code == USAGE:
                self._say("Unknown command\n")
            self._context.root.clear()
        self._settings.batch = False
        return 0

    def _batch_line(self, source: Source) -> int:
        try:
            words = self._batch_words(source)
        except UciError as error:
            self._complain(error.code)
            return 0
        if words is None:
            self._say("Too many arguments\n")
            return 1
        if not words:
            return 0
        if words[0].lower() == b"exit":
            return EXIT_BATCH
        return self.execute(words)

    def _batch_words(self, source: Source) -> list[bytes] | None:
        """The words of the next line, None when there are too many."""
        parser = self._context.parser
        if parser is None or parser.source is not source:
            parser = self._context.parser = Parser(source)
        parser.next_line()
        words: list[bytes] = []
        while len(words) < BATCH_WORDS:
            word = parser.next_argument()
            if not word:
                return words
            words.append(word)
        return None

    # --- config.section.option ---

    def _find(self, words: list[bytes]) -> Pointer | None:
        try:
            return self._context.lookup(words[1])
        except UciError as error:
            self._complain(error.code)
            return None

    def get(self, words: list[bytes]) -> int:
        """Print a value or a section's type."""
        if len(words) != 2:
            return USAGE
        pointer = self._find(words)
        if pointer is None or pointer.value is not None:
            return 1
        if not pointer.complete:
            self._complain(ErrorCode.NOTFOUND)
            return 1
        if pointer.found_option is not None:
            self._print(self._value(pointer.found_option, quote=False))
        elif pointer.found_section is not None:
            self._print(pointer.found_section.type, b"\n")
        return 0

    def _value(self, option: Option, *, quote: bool) -> bytes:
        if isinstance(option.value, bytes):
            return (_quoted(option.value) if quote else option.value) + b"\n"
        items = [
            _quoted(item) if quote or any(blank in item for blank in b" \t\r\n") else item
            for item in option.value
        ]
        return self._settings.delimiter.join(items) + b"\n"

    def _change(
        self, words: list[bytes], action: Callable[[Context, Pointer], None], valued: bool
    ) -> int:
        """Look up, act, save."""
        if len(words) != 2:
            return USAGE
        pointer = self._find(words)
        if pointer is None or (pointer.value is not None and not valued):
            return 1
        try:
            action(self._context, pointer)
            if pointer.found_package is not None:
                self._context.save(pointer.found_package)
        except UciError as error:
            self._complain(error.code)
            return 1
        return 0

    def set(self, words: list[bytes]) -> int:
        """Create or change."""
        return self._change(words, Context.set, valued=True)

    def add_list(self, words: list[bytes]) -> int:
        """Append to a list."""
        return self._change(words, Context.add_list, valued=True)

    def del_list(self, words: list[bytes]) -> int:
        """Take out of a list."""
        return self._change(words, Context.del_list, valued=True)

    def rename(self, words: list[bytes]) -> int:
        """Rename a section or option."""
        return self._change(words, Context.rename, valued=True)

    def delete(self, words: list[bytes]) -> int:
        """Delete a section, an option, or one item of a list."""
        if len(words) == 2:
            value = words[1].partition(b"=")[2].strip()
            if value and leading_int(value) is None:
                self._find(words)
                return 1
        return self._change(words, Context.delete, valued=True)

    def reorder(self, words: list[bytes]) -> int:
        """Move a section."""

        def move(context: Context, pointer: Pointer) -> None:
            if pointer.found_section is None or pointer.value is None:
                raise UciError(ErrorCode.NOTFOUND)
            context.reorder(pointer, leading_int(pointer.value) or 0)

        return self._change(words, move, valued=True)

    def revert(self, words: list[bytes]) -> int:
        """Forget changes; a failure is not told."""
        if len(words) != 2:
            return USAGE
        pointer = self._find(words)
        if pointer is None or pointer.value is not None:
            return 1
        try:
            self._context.revert(pointer)
        except UciError:
            return 0
        return 0

    def add(self, words: list[bytes]) -> int:
        """A new anonymous section; print its name."""
        if len(words) != 3:
            return USAGE
        try:
            package = self._context.load(words[1])
            section = self._context.add_section(package, words[2])
            self._context.save(package)
        except UciError as error:
            self._complain(error.code)
            return int(error.code)
        self._print(section.name, b"\n")
        return 0

    # --- whole configs ---

    def _each(self, words: list[bytes], action: Callable[[Command, Pointer], int]) -> int:
        if len(words) > 2:
            return USAGE
        if len(words) == 2:
            return self._with_config(words[1], action)
        try:
            names = self._context.list_configs()
        except UciError as error:
            self._complain(error.code)
            return 1
        for name in names:
            self._with_config(name, action)
        return 0

    def _with_config(self, name: bytes, action: Callable[[Command, Pointer], int]) -> int:
        pointer = self._find([b"", name])
        if pointer is None or pointer.found_package is None:
            return 1
        package = pointer.found_package
        try:
            return action(self, pointer)
        except UciError as error:
            self._complain(error.code)
            return 1
        finally:
            self._context.unload(package)

    def show(self, words: list[bytes]) -> int:
        """Print in the "config.section.option='value'" form."""
        return self._each(words, Command._show)

    def _show(self, pointer: Pointer) -> int:
        package, section = pointer.found_package, pointer.found_section
        if not pointer.complete or package is None:
            raise UciError(ErrorCode.NOTFOUND)
        if section is None:
            self._show_package(package)
        elif pointer.found_option is None:
            self._show_section(package, section, section.name)
        else:
            self._show_option(package, section.name, pointer.found_option)
        return 0

    def _show_package(self, package: Package) -> None:
        seen: dict[bytes, int] = {}
        for section in package.sections:
            index = seen.setdefault(section.type, 0)
            seen[section.type] += 1
            name = section.name
            if section.anonymous and self._settings.extended_names:
                name = b"@%s[%d]" % (section.type, index)
            self._show_section(package, section, name)

    def _show_section(self, package: Package, section: Section, name: bytes) -> None:
        self._print(b"%s.%s=%s\n" % (package.name, name, section.type))
        for option in section.options:
            self._show_option(package, name, option)

    def _show_option(self, package: Package, section: bytes, option: Option) -> None:
        self._print(b"%s.%s.%s=" % (package.name, section, option.name))
        self._print(self._value(option, quote=True))

    def changes(self, words: list[bytes]) -> int:
        """Print what is saved and not committed."""
        return self._each(words, Command._changes)

    def _changes(self, pointer: Pointer) -> int:
        package = pointer.found_package
        for change in package.saved_delta if package is not None else ():
            prefix, operator = _CHANGE_MARKS.get(change.command, (b"", b"="))
            parts = [pointer.found_package.name if pointer.found_package else b"", change.section]
            if change.option is not None:
                parts.append(change.option)
            self._print(prefix, b".".join(parts))
            if change.command is not Change.REMOVE and change.value is not None:
                self._print(operator, _quoted(change.value))
            self._print(b"\n")
        return 0

    def export(self, words: list[bytes]) -> int:
        """Print as config files."""
        return self._each(words, Command._export)

    def _export(self, pointer: Pointer) -> int:
        if pointer.found_package is not None:
            name_all = self._context.name_all
            self._print(export_text(pointer.found_package, header=True, name_all=name_all))
        return 0

    def commit(self, words: list[bytes]) -> int:
        """Write changes to the config files."""
        return self._each(words, Command._commit)

    def _commit(self, pointer: Pointer) -> int:
        if pointer.found_package is not None and not self._settings.no_commit:
            pointer.found_package = self._context.commit(pointer.found_package)
            self._context.unload(pointer.found_package)
        return 0

    def import_config(self, words: list[bytes]) -> int:
        """Replace (or with -m: change) a config by what the input holds."""
        if len(words) > 2 or (len(words) == 1 and self._settings.merge):
            return USAGE
        name = words[1] if len(words) == 2 else None
        try:
            self._import(name)
        except UciError as error:
            self._complain(error.code)
            return 1
        return 0

    def _import(self, name: bytes | None) -> None:
        existing = self._existing(name) if name is not None and self._settings.merge else None
        single = name is not None
        package = self._context.import_text(self._source(), name, existing, single=single)
        if existing is not None and package is not None:
            self._context.save(package)
            return
        for each in list(self._context.root):
            self._context.commit(each, overwrite=True)

    def _existing(self, name: bytes) -> Package | None:
        try:
            return self._context.load(name)
        except UciError:
            return None


_CHANGE_MARKS = {
    Change.REMOVE: (b"-", b""),
    Change.LIST_ADD: (b"", b"+="),
    Change.LIST_DEL: (b"", b"-="),
}

_COMMANDS: dict[bytes, Callable[[Command, list[bytes]], int]] = {
    b"show": Command.show,
    b"changes": Command.changes,
    b"export": Command.export,
    b"commit": Command.commit,
    b"get": Command.get,
    b"set": Command.set,
    b"ren": Command.rename,
    b"rename": Command.rename,
    b"revert": Command.revert,
    b"reorder": Command.reorder,
    b"del": Command.delete,
    b"delete": Command.delete,
    b"import": Command.import_config,
    b"help": Command.help,
    b"add": Command.add,
    b"add_list": Command.add_list,
    b"del_list": Command.del_list,
}


def write_usage(name: str) -> None:
    """The usage text, on stderr as the real one has it."""
    config, override = CONFIG_DIRECTORY.decode(), OVERRIDE_DIRECTORY.decode()
    sys.stderr.write(_USAGE.format(name=name, config=config, override=override))


def _apply(context: Context, settings: Settings, letter: str, value: str) -> None:
    path = os.fsencode(value)
    if letter == "c":
        context.config_directory = path
    elif letter == "C":
        context.override_directory = path or None
    elif letter == "d":
        settings.delimiter = path
    elif letter == "f":
        settings.input_path = value
    elif letter in "tP":
        context.set_save_directory(path)
        settings.no_commit = settings.no_commit or letter == "P"
    elif letter == "p":
        _add_delta_path(context, path)
    elif letter in "sS":
        context.strict = letter == "s"
        if letter == "S":
            context.complain = _complain
    elif letter in "nN":
        context.name_all = letter == "n"
    elif letter == "m":
        settings.merge = True
    elif letter == "q":
        settings.quiet = True
    elif letter == "X":
        settings.extended_names = False


def _complain(text: str) -> None:
    sys.stderr.write(text)


def _add_delta_path(context: Context, path: bytes) -> None:
    try:
        context.add_delta_path(path)
    except UciError:
        return  # it is read already


def main(argv: list[str]) -> int:
    """`argv[0]` is the name in messages. Returns the exit code."""
    ErrorTrail.text = ""  # a new process starts with an empty buffer
    settings, context = Settings(argv[0]), Context()
    try:
        options, words = posix_options.parse(argv[1:], OPTIONS)
    except posix_options.OptionError as error:
        sys.stderr.write(f"{argv[0]}: {error.args[0]}\n")
        write_usage(argv[0])
        return 0
    for letter, value in options:
        if letter == "L":
            write_usage(argv[0])
            return 0
        _apply(context, settings, letter, value)
    if not words:
        write_usage(argv[0])
        return 0
    if settings.input_path is not None and not os.access(settings.input_path, os.R_OK):
        sys.stderr.write("uci: No such file or directory")
        return 1
    code = Command(context, settings).execute([os.fsencode(word) for word in words])
    if code == USAGE:
        write_usage(argv[0])
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(settings.output))
    sys.stdout.buffer.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(["uci", *sys.argv[1:]]))
