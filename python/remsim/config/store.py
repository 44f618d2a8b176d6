# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration as daemon and commands use it: read and checked, kept, migrated, imported.

Thin: reading is uci.py, judging is load.py. What a change would lead to is always judged before it
is written. The last accepted configuration lies on flash, for root's eyes only, and is judged like
any other when it is read back: an update may have narrowed a range.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from remsim.config import load as loading
from remsim.config import migrate, uci
from remsim.config.change import Change, RawConfig, applied, settings
from remsim.config.environment import Import, import_environment
from remsim.config.files import write_atomically
from remsim.config.load import raw_of_json, unknown_path_reason
from remsim.config.migrate import Migration
from remsim.config.option import Raw
from remsim.config.schema import CONFIG_PATH, OPTIONS
from remsim.config.values import Config, LoadResult, Problem
from remsim.errors import ArgumentError, ConfigError, RemsimError
from remsim.paths import Paths

ACCEPTED_NAME = "accepted.json"
PRIVATE = 0o600
ACCEPTED_LONGEST = 262_144  # characters; a full configuration has a few thousand


def defaults() -> Config:
    return loading.defaults()


def load_file(paths: Paths, pending: bool = False) -> LoadResult:
    """The file, judged. Whatever keeps it from being read is a problem too: nothing is raised."""
    try:
        return loading.load(uci.read(paths, pending).sections)
    except ConfigError as error:
        return _failed(Problem(error.path, error.value, error.expected))
    except RemsimError as error:
        return _failed(Problem(CONFIG_PATH, "", error.reason))


def validate(config: Config, values: Mapping[str, object]) -> LoadResult:
    """`config` with `{"section.option": JSON value}` laid over it. Raises ArgumentError."""
    return loading.load_with(config.to_sections(), values)


def keep_accepted(paths: Paths, config: Config) -> bool:
    """Whether flash was written. Raises StorageError."""
    return write_atomically(_accepted_path(paths), config.to_json(), PRIVATE)


def last_accepted(paths: Paths) -> Config | None:
    """What `keep_accepted` kept; None if there is nothing usable."""
    try:
        with open(_accepted_path(paths), encoding="utf-8") as file:
            text = file.read(ACCEPTED_LONGEST + 1)
    except (OSError, UnicodeDecodeError):
        return None
    return loading.from_json(text).config if len(text) <= ACCEPTED_LONGEST else None


def set_values(paths: Paths, values: Mapping[str, object]) -> LoadResult:
    """Writes `{"section.option": JSON value}` unless the result would have problems.

    An empty value unsets. Raises ArgumentError, and what uci.write raises.
    """
    raw = read_or_empty(paths)
    wanted: dict[str, Raw] = {}
    for path, value in values.items():
        if path not in OPTIONS:
            raise ArgumentError("values", unknown_path_reason(path))
        wanted[path] = raw_of_json(path, value)
    return _write_if_sound(paths, raw, settings(raw, wanted))


def migrate_file(paths: Paths) -> Migration:
    """Carries out what `migrate.plan` finds, and returns it. Raises what uci.write raises.

    A file with problems is migrated too: no step makes a value worse.
    """
    found = migrate.plan(uci.read(paths))
    uci.write(paths, found.changes)
    return found


def import_script(paths: Paths, text: str) -> Import:
    """Takes over an older set-up script, all of it or (with problems) nothing."""
    raw = read_or_empty(paths)
    found = import_environment(text, raw)
    if found.problems:
        return found
    result = _write_if_sound(paths, raw, found.changes)
    return found if result.config else Import((), result.problems, found.notices)


def read_or_empty(paths: Paths) -> RawConfig:
    """The file; a missing one is empty. Raises ConfigError and StorageError."""
    if not os.path.lexists(paths.at(CONFIG_PATH)):
        return RawConfig({}, {})
    return uci.read(paths)


def _write_if_sound(paths: Paths, raw: RawConfig, changes: Sequence[Change]) -> LoadResult:
    result = loading.load(applied(raw, changes).sections)
    if result.config is not None:
        uci.write(paths, changes)
    return result


def _accepted_path(paths: Paths) -> str:
    return os.path.join(paths.keep_dir, ACCEPTED_NAME)


def _failed(problem: Problem) -> LoadResult:
    return LoadResult(None, (problem,))
