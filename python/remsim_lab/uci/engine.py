# SPDX-License-Identifier: GPL-2.0-or-later
"""libuci's context: load, save deltas, commit, revert, over real directories.

Kept from libuci because programs meet it on a router: a loaded package is cached until it is
unloaded; every save directory ever set is read, only the last one is written; commit merges with
what others committed meanwhile and takes away comments; writers that race lose changes.

Names and values are bytes. Source: libuci libuci.c, delta.c, file.c, util.c.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from remsim_lab.uci import delta
from remsim_lab.uci.edit import Editor, leading_int
from remsim_lab.uci.file import Import, export_text
from remsim_lab.uci.model import (
    ERROR_TEXTS,
    Command,
    Delta,
    ErrorCode,
    Package,
    Pointer,
    UciError,
    is_package_name,
)
from remsim_lab.uci.parser import Parser, Source

CONFIG_DIRECTORY = b"/etc/config"
OVERRIDE_DIRECTORY = b"/var/run/uci"
SAVE_DIRECTORY = b"/tmp/.uci"
FILE_MODE = 0o600  # uci.h UCI_FILEMODE
DIRECTORY_MODE = 0o700  # uci.h UCI_DIRMODE


class ErrorTrail:
    """The line and byte of the last parse error, which libuci keeps in a static buffer for the
    whole process and appends to every later message."""

    text = ""


@contextmanager
def _locked(path: bytes, flags: int, mode: int = FILE_MODE) -> Iterator[int]:
    """An open file with libuci's lock on it. Raises UciError(IO)."""
    try:
        fd = os.open(path, flags | os.O_CLOEXEC, mode)
    except OSError:
        raise UciError(ErrorCode.IO) from None
    try:
        writes = flags & os.O_ACCMODE != os.O_RDONLY
        fcntl.flock(fd, fcntl.LOCK_EX if writes else fcntl.LOCK_SH)
        yield fd
    finally:
        os.close(fd)


def _read_all(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 65536):
        parts.append(part)
    return b"".join(parts)


def _write_all(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        raise UciError(ErrorCode.IO) from None


def _read_file(path: bytes) -> bytes:
    """Contents of a regular file. Raises UciError(NOTFOUND or IO)."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        regular = False
    if not regular:
        raise UciError(ErrorCode.NOTFOUND)
    with _locked(path, os.O_RDONLY) as fd:
        return _read_all(fd)


class Context(Editor):
    """`strict` stops at the first parse error; without it `complain` gets a text for each."""

    def __init__(self) -> None:
        super().__init__()
        self.config_directory = CONFIG_DIRECTORY
        self.override_directory: bytes | None = OVERRIDE_DIRECTORY
        self.save_directory = SAVE_DIRECTORY
        self.delta_path = [SAVE_DIRECTORY]
        self.strict = True
        self.name_all = False
        self.complain: Callable[[str], None] | None = None
        self.parser: Parser | None = None  # of the last text that could not be read to its end

    # --- errors ---

    def error_text(self, code: ErrorCode) -> str:
        """uci_get_errorstr(): with line and byte after a parse error, and for ever after."""
        if code is ErrorCode.PARSE and self.parser is not None:
            parser = self.parser
            ErrorTrail.text = (
                f" ({parser.reason or 'unknown'}) at line {parser.line}, byte {parser.byte}"
            )[:126]
        return ERROR_TEXTS[code] + ErrorTrail.text

    def error_line(self, code: ErrorCode) -> str:
        """uci_perror(): as error_text, with a line end that stays in the static buffer too."""
        text = self.error_text(code)
        ErrorTrail.text += "\n"
        return text + "\n"

    def report(self, error: UciError) -> None:
        """A parse error that is passed over."""
        if self.complain is not None:
            self.complain(self.error_line(error.code))

    # --- directories ---

    def set_save_directory(self, directory: bytes) -> None:
        """Where changes are saved; directories set before are still read."""
        if directory in self.delta_path:
            self.delta_path.remove(directory)
        self.delta_path.append(directory)
        self.save_directory = directory

    def add_delta_path(self, directory: bytes) -> None:
        """One more directory to read changes from; the save directory stays the last."""
        if directory in self.delta_path:
            raise UciError(ErrorCode.DUPLICATE)
        self.delta_path.insert(len(self.delta_path) - 1, directory)

    def list_configs(self) -> list[bytes]:
        """Names of the config files, sorted. Raises UciError(NOTFOUND)."""
        try:
            names = sorted(os.listdir(self.config_directory))
        except OSError:
            names = []
        shown = [name for name in names if not name.startswith(b".")]
        if not shown:
            raise UciError(ErrorCode.NOTFOUND)
        return [
            name
            for name in shown
            if b"." not in name
            and is_package_name(name)
            and not os.path.isdir(os.path.join(self.config_directory, name))
        ]

    # --- loading ---

    def load(self, name: bytes) -> Package:
        """Read a config file and its deltas. Raises UciError."""
        path, override, has_delta = self._path_of(name)
        source = Source(_read_file(path))
        package = self.import_text(source, path.rsplit(b"/", 1)[1], None, single=True)
        if package is None:
            raise UciError(ErrorCode.NOTFOUND)
        package.from_override = override
        package.path = path
        package.has_delta = has_delta
        self._load_deltas(package, flush=False)
        return package

    def _path_of(self, name: bytes) -> tuple[bytes, bool, bool]:
        """(path, from the override directory, has deltas)"""
        if name.startswith((b"/", b"./")):
            return name, False, False
        if name.startswith(b"."):
            raise UciError(ErrorCode.NOTFOUND)
        if not is_package_name(name):
            raise UciError(ErrorCode.INVAL)
        if self.override_directory is not None:
            path = self.override_directory + b"/" + name
            if os.path.exists(path):
                return path, True, True
        return self.config_directory + b"/" + name, False, True

    def unload(self, package: Package) -> None:
        self.root = [each for each in self.root if each is not package]

    def import_text(
        self, source: Source, name: bytes | None, merge_into: Package | None, *, single: bool
    ) -> Package | None:
        """Read a text as a config (`name`), several (`package` lines), or into a loaded one."""
        if name is not None and not is_package_name(name):
            raise UciError(ErrorCode.INVAL)
        self.parser = Parser(source)
        package = Import(self, self.parser, name, merge_into, single).run()
        self.parser = None
        return package

    # --- deltas ---

    def _load_deltas(self, package: Package, *, flush: bool) -> int:
        """Apply the save directories; `flush` empties the writable one. Number of changes."""
        if not package.has_delta:
            return 0
        changes = 0
        for directory in self.delta_path:
            try:
                data = _read_file(directory + b"/" + package.name)
            except UciError:
                continue
            changes += self._apply_deltas(data, package)
        if flush and changes:
            self._empty(self.save_directory + b"/" + package.name)
        return changes

    def _empty(self, path: bytes) -> None:
        try:
            with _locked(path, os.O_RDWR) as fd:
                os.ftruncate(fd, 0)
        except UciError:
            return  # a delta in another directory only

    def _apply_deltas(self, data: bytes, package: Package) -> int:
        changes = 0
        parser = Parser(Source(data))
        while not parser.at_end:
            if not parser.next_line():
                continue
            try:
                self._apply_delta(parser, package)
            except UciError:
                continue  # as much as possible is kept
            changes += 1
        self.parser = None
        return changes

    def _apply_delta(self, parser: Parser, package: Package) -> None:
        command, pointer = delta.parse_line(parser)
        if pointer.package != package.name or pointer.section is None:
            raise UciError(ErrorCode.PARSE)
        package.saved_delta.append(Delta(command, pointer.section, pointer.option, pointer.value))
        if command is Command.REORDER:
            self.expand(pointer, complete=True)
            if pointer.found_section is not None and pointer.value is not None:
                self.reorder(pointer, leading_int(pointer.value) or 0, record=False)
        elif command is Command.ADD:
            self.set(pointer, record=False)
            if pointer.option is None and pointer.found_section is not None:
                pointer.found_section.anonymous = True
        else:
            _REPLAY[command](self, pointer, record=False)

    def save(self, package: Package) -> None:
        """Write the changes of this context to the save directory. Raises UciError."""
        if not package.has_delta:
            self.commit(package)
            return
        if not package.delta:
            return
        self._make_save_directory()
        path = self.save_directory + b"/" + package.name
        lines = b"".join([delta.line_of(package.name, change) for change in package.delta])
        with _locked(path, os.O_RDWR | os.O_CREAT, self._mode_for(package.name)) as fd:
            os.lseek(fd, 0, os.SEEK_END)
            _write_all(fd, lines)
        package.delta.clear()

    def _make_save_directory(self) -> None:
        try:
            mode = os.stat(self.save_directory).st_mode
        except OSError:
            try:
                os.mkdir(self.save_directory, self._directory_mode())
            except OSError:
                return  # opening the file will tell
            return
        if not stat.S_ISDIR(mode):
            raise UciError(ErrorCode.IO)

    def _directory_mode(self) -> int:
        try:
            return os.stat(self.config_directory).st_mode & 0o7777
        except OSError:
            return DIRECTORY_MODE

    def _mode_for(self, name: bytes) -> int:
        """New files get the mode of the config file of the same name."""
        try:
            return os.stat(self.config_directory + b"/" + name).st_mode & 0o7777
        except OSError:
            return FILE_MODE

    # --- commit and revert ---

    def commit(self, package: Package, *, overwrite: bool = False) -> Package:
        """Write a package to its file; the package as it is afterwards. Raises UciError."""
        directory = self.config_directory
        if package.from_override and self.override_directory is not None:
            directory = self.override_directory
        if package.path is None and overwrite:
            package.path = directory + b"/" + package.name
        path = package.path
        if path is None:
            raise UciError(ErrorCode.INVAL)
        mode = self._mode_for(path.rsplit(b"/", 1)[1])
        with _locked(path, os.O_RDWR | os.O_CREAT, mode) as fd:
            if package.has_delta:
                if not overwrite:
                    package = self._merge_with_file(package, fd, path)
                if not self._load_deltas(package, flush=True):
                    return package
            temporary = self._write_temporary(package, directory)
        _replace(temporary, path)
        return package

    def _merge_with_file(self, package: Package, fd: int, path: bytes) -> Package:
        """Others may have committed: save our changes, read the file again."""
        if package.delta:
            self.save(package)
        self.unload(package)
        fresh = self.import_text(Source(_read_all(fd)), package.name, None, single=True)
        if fresh is None:
            raise UciError(ErrorCode.PARSE)
        fresh.path = path
        fresh.has_delta = True
        return fresh

    def _write_temporary(self, package: Package, directory: bytes) -> bytes:
        try:
            temporary = directory + b"/." + package.name + b".uci-" + _random_suffix()
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        except OSError:
            raise UciError(ErrorCode.IO) from None
        try:
            _write_all(fd, export_text(package, header=False, name_all=self.name_all))
            os.fsync(fd)
        finally:
            os.close(fd)
        return temporary

    def revert(self, pointer: Pointer) -> None:
        """Forget the saved and unsaved changes of a package, section or option. Raises UciError."""
        self.expand(pointer, complete=False)
        package = pointer.found_package
        if package is None or not package.has_delta:
            raise UciError(ErrorCode.INVAL)
        self.save(package)
        self.unload(package)
        self._filter_deltas(package.name, pointer.section, pointer.option)
        pointer.found_package = self.load(package.name)

    def _filter_deltas(self, name: bytes, section: bytes | None, option: bytes | None) -> None:
        path = self.save_directory + b"/" + name
        try:
            with _locked(path, os.O_RDWR) as fd:
                kept = self._kept_deltas(_read_all(fd), section, option)
                os.lseek(fd, 0, os.SEEK_SET)
                os.ftruncate(fd, 0)
                _write_all(fd, b"".join([delta.line_of(name, change) for change in kept]))
        except UciError:
            return  # no delta file, or one with a bad line, which stays as it is

    def _kept_deltas(self, data: bytes, section: bytes | None, option: bytes | None) -> list[Delta]:
        kept = []
        parser = Parser(Source(data))
        while not parser.at_end:
            if not parser.next_line():
                continue
            command, pointer = delta.parse_line(parser)
            reverted = section is None or (
                pointer.section == section and option in (None, pointer.option)
            )
            if not reverted and pointer.section is not None:
                kept.append(Delta(command, pointer.section, pointer.option, pointer.value))
        return kept


def _random_suffix() -> bytes:
    return os.urandom(3).hex().encode()


def _replace(temporary: bytes, path: bytes) -> None:
    """Rename over the config file (over what a link points to), keeping its mode."""
    try:
        target = os.path.realpath(path, strict=True)
        os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.rename(temporary, target)
    except OSError:
        os.unlink(temporary)
        raise UciError(ErrorCode.IO) from None


_REPLAY: dict[Command, Callable[..., None]] = {
    Command.RENAME: Context.rename,
    Command.REMOVE: Context.delete,
    Command.LIST_ADD: Context.add_list,
    Command.LIST_DEL: Context.del_list,
    Command.CHANGE: Context.set,
}
