# SPDX-License-Identifier: GPL-2.0-or-later
"""/etc/config/remsim through pyuci: the only module that imports `uci`, and only when it is used.

pyuci caches for ever, says nothing when a commit wrote nothing, and commits in `with` even after an
exception. So: a new Uci for every read, never `with`, a lock around our own writes, and every write
is read back. Our delta directory is private: what a person has set without committing is neither
read nor committed by us.
"""

from __future__ import annotations

import fcntl
import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from remsim.config.change import (
    AddSection,
    Change,
    DeleteOption,
    RawConfig,
    RenameSection,
    SetOption,
    check_names,
)
from remsim.config.fault import find_fault
from remsim.config.schema import CONFIG_NAME, CONFIG_PATH
from remsim.errors import ConfigError, NotPossibleError, StorageError
from remsim.paths import Paths

MODE = 0o600  # the file holds PINs and keys
DIRECTORY_MODE = 0o700


def read(paths: Paths, pending: bool = False) -> RawConfig:
    """The committed configuration, or with `pending` also what `uci set` has not committed yet.

    Raises StorageError if the file cannot be read, ConfigError ("file:line") if it is broken.
    """
    data = _contents(paths)
    uci = _pyuci()
    try:
        reader = _open(paths, paths.uci_save_dir if pending else _save_dir(paths))
        sections = reader.get_all(CONFIG_NAME)
        types = {section: str(reader.get(CONFIG_NAME, section)) for section in sections}
    except (uci.UciException, UnicodeDecodeError) as error:
        raise _broken(data, error) from error
    return RawConfig(sections, types)


def write(paths: Paths, changes: Sequence[Change]) -> None:
    """Carries out `changes`, commits, and reads them back. Nothing to change writes nothing.

    Raises ArgumentError for a name libuci would drop, ConfigError for a broken file (which stays as
    it is), StorageError if the file does not hold the changes afterwards.
    """
    check_names(changes)
    if not changes:
        return
    with _locked(paths):
        _create(paths)
        read(paths)  # a broken file is named before anything is tried
        writer = _open(paths, _save_dir(paths))
        uci = _pyuci()
        try:
            for change in changes:
                _carry_out(writer, change)
            writer.commit(CONFIG_NAME)
        except (uci.UciException, UnicodeEncodeError) as error:
            raise StorageError(CONFIG_PATH, f"libuci refused the change: {error!r}") from error
        _verify(read(paths), changes)


def _pyuci() -> Any:
    try:
        return importlib.import_module("uci")
    except ImportError as error:
        raise NotPossibleError("the package python3-uci is not installed") from error


def _open(paths: Paths, save_dir: str) -> Any:
    return _pyuci().Uci(savedir=save_dir, confdir=paths.config_dir)


def _save_dir(paths: Paths) -> str:
    return os.path.join(paths.run_dir, "uci")


def _contents(paths: Paths) -> bytes:
    try:
        with open(paths.at(CONFIG_PATH), "rb") as file:
            return file.read()
    except OSError as error:
        raise StorageError(CONFIG_PATH, error.strerror or str(error)) from error


def _broken(data: bytes, error: Exception) -> ConfigError | StorageError:
    """pyuci's exceptions have no text: the line comes from a scan of our own."""
    fault = find_fault(data)
    if fault is None:
        return StorageError(CONFIG_PATH, f"libuci cannot read it: {error!r}")
    return ConfigError(f"{CONFIG_PATH}:{fault.line}", "", fault.reason)


@contextmanager
def _locked(paths: Paths) -> Iterator[None]:
    """Other writers of ours wait; the kernel drops the lock of a process that dies."""
    try:
        os.makedirs(_save_dir(paths), DIRECTORY_MODE, exist_ok=True)
        lock = os.open(os.path.join(paths.run_dir, "config.lock"), os.O_RDWR | os.O_CREAT, MODE)
    except OSError as error:
        raise StorageError(paths.run_dir, error.strerror or str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _create(paths: Paths) -> None:
    """libuci sets nothing in a file that does not exist."""
    try:
        os.close(os.open(paths.at(CONFIG_PATH), os.O_WRONLY | os.O_CREAT, MODE))
    except OSError as error:
        raise StorageError(CONFIG_PATH, error.strerror or str(error)) from error


def _carry_out(writer: Any, change: Change) -> None:
    if isinstance(change, AddSection):
        writer.set(CONFIG_NAME, change.section, change.type)
    elif isinstance(change, RenameSection):
        writer.rename(CONFIG_NAME, change.section, change.to)
    elif isinstance(change, DeleteOption):
        writer.delete(CONFIG_NAME, change.section, change.option)
    else:
        writer.set(CONFIG_NAME, change.section, change.option, change.value)


def _verify(found: RawConfig, changes: Sequence[Change]) -> None:
    """The last word about each option and section is what must be in the file."""
    wanted: dict[tuple[str, str], Change] = {}
    for change in changes:
        if isinstance(change, SetOption | DeleteOption):
            wanted[change.section, change.option] = change
        else:
            name = change.to if isinstance(change, RenameSection) else change.section
            wanted[name, ""] = change
    for (section, option), change in wanted.items():
        if not _holds(found, section, option, change):
            raise StorageError(CONFIG_PATH, f"not stored: {change.text}")


def _holds(found: RawConfig, section: str, option: str, change: Change) -> bool:
    if isinstance(change, SetOption):
        return (found.get(section, option) or "") == (change.value or "")
    if isinstance(change, DeleteOption):
        return found.get(section, option) is None
    return section in found.sections
