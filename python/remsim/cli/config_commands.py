# SPDX-License-Identifier: GPL-2.0-or-later
"""`remsim config …`: works on the file, with or without a running daemon. Secrets stay masked.

What a file would become is checked before it is written: none of these commands ever leaves a worse
file than it found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from remsim.cli.exits import Exit, Stopped
from remsim.cli.session import Session
from remsim.config import environment, uci
from remsim.config import migrate as migration
from remsim.config.change import Change, RawConfig, applied
from remsim.config.load import defaults, load, unknown_path_reason
from remsim.config.schema import CONFIG_PATH, OPTIONS, SECTION_NAMES
from remsim.config.values import Config, LoadResult, Notice, Problem
from remsim.errors import ConfigError, StorageError
from remsim.paths import Paths

SCRIPT_MAX_BYTES = 256 * 1024  # a set-up script has a few hundred lines


def show(session: Session, arguments: argparse.Namespace) -> Exit:
    config = _sound(session, _loaded(session, session.paths))
    paths = _chosen(arguments.path)
    if session.as_json:
        masked = config.masked()
        session.say_json(masked if not arguments.path else _part(masked, arguments.path))
    elif arguments.path in OPTIONS:
        session.say(config.shown(arguments.path))
    else:
        width = max(len(path) for path in paths)
        for path in paths:
            origin = "" if config.is_set(path) else "  (default)"
            session.say(f"{path:<{width}}  {config.shown(path) or '-'}{origin}")
    return Exit.OK


def _chosen(path: str | None) -> list[str]:
    if path is None:
        return [name for name, option in OPTIONS.items() if not option.legacy]
    if path in OPTIONS:
        return [path]
    if path in SECTION_NAMES:
        options = OPTIONS.items()
        return [name for name, option in options if option.section == path and not option.legacy]
    raise Stopped(Exit.USAGE, unknown_path_reason(path))


def _part(masked: dict[str, dict[str, object]], path: str) -> object:
    section, _, option = path.partition(".")
    return masked[section].get(option) if option else masked[section]


def check(session: Session, arguments: argparse.Namespace) -> Exit:
    with _place_of(session, arguments.file) as paths:
        result = _loaded(session, paths)
    if session.as_json:
        session.say_json(
            {
                "problems": [each.as_json() for each in result.problems],
                "warnings": [each.as_json() for each in result.notices],
            }
        )
    else:
        _say_findings(session, result.problems, result.notices)
        if not result.problems:
            session.say(f"{arguments.file or CONFIG_PATH} is sound")
    return Exit.CONFIG if result.problems else Exit.OK


def take(session: Session, arguments: argparse.Namespace) -> Exit:
    """`config import`: the script is read, never run."""
    raw = _present(session)
    found = environment.import_environment(_script(arguments.file), raw)
    _say_findings(session, found.problems, found.notices)
    if found.problems:
        return Exit.CONFIG
    return _carry_out(session, raw, found.changes, arguments.dry_run)


def migrate(session: Session, arguments: argparse.Namespace) -> Exit:
    raw = _present(session)
    found = migration.plan(raw)
    _say_findings(session, (), found.notices)
    return _carry_out(session, raw, found.changes, arguments.dry_run)


def diff(session: Session, arguments: argparse.Namespace) -> Exit:
    config = _sound(session, _loaded(session, session.paths))
    if arguments.running:
        rows = _against_running(session, config)
    else:
        rows = [
            {"path": each.path, "before": each.before, "after": each.after}
            for each in defaults().compare(config)
        ]
    if session.as_json:
        session.say_json(rows)
    for row in () if session.as_json else rows:
        session.say(f"{row['path']}: {row['before'] or '-'} -> {row['after'] or '-'}")
    return Exit.OK


def _against_running(session: Session, config: Config) -> list[dict[str, str]]:
    """Masked on both sides: a changed secret cannot be told from an unchanged one."""
    running = session.ask("config").get("values") or {}
    rows = []
    for section, options in config.masked().items():
        for option, after in options.items():
            before = (running.get(section) or {}).get(option)
            if before != after:
                row = {
                    "path": f"{section}.{option}",
                    "before": _word(before),
                    "after": _word(after),
                }
                rows.append(row)
    return rows


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    return "" if value is None else str(value)


# --- the file ----------------------------------------------------------------------------------


def _loaded(session: Session, paths: Paths) -> LoadResult:
    """A broken file is a result with one problem, named "file:line"."""
    try:
        return load(uci.read(paths).sections)
    except ConfigError as error:
        return LoadResult(None, (Problem(error.path, error.value, error.expected),))
    except StorageError as error:
        raise _unreadable(session, error) from error


def _sound(session: Session, result: LoadResult) -> Config:
    if result.config is None:
        _say_findings(session, result.problems, ())
        raise Stopped(Exit.CONFIG, f"{CONFIG_PATH} has problems", "See all:  remsim config check")
    return result.config


def _present(session: Session) -> RawConfig:
    """What the file holds; a file that is not there holds nothing."""
    if not os.path.exists(session.paths.at(CONFIG_PATH)):
        return RawConfig({}, {})
    try:
        return uci.read(session.paths)
    except ConfigError as error:
        raise Stopped(Exit.CONFIG, error.reason) from error
    except StorageError as error:
        raise _unreadable(session, error) from error


def _unreadable(session: Session, error: StorageError) -> Stopped:
    if session.is_root:
        return Stopped(Exit.FAILED, error.reason)
    return Stopped(Exit.NO_RIGHTS, error.reason, "The file holds secrets; run it as root.")


def _carry_out(session: Session, raw: RawConfig, changes: Sequence[Change], dry_run: bool) -> Exit:
    before = {each.path for each in load(raw.sections).problems}
    after = load(applied(raw, changes).sections)
    worse = [each for each in after.problems if each.path not in before]
    if worse:
        _say_findings(session, worse, ())
        raise Stopped(Exit.CONFIG, "nothing was written: the result would have problems")
    session.say(*(each.text for each in changes))
    if not changes:
        session.note("nothing to change")
    elif dry_run:
        session.note("nothing was written (--dry-run)")
    else:
        _write(session, changes)
        session.note(f"written to {CONFIG_PATH}; take it into use with: remsim reload")
    return Exit.OK


def _write(session: Session, changes: Sequence[Change]) -> None:
    try:
        uci.write(session.paths, changes)
    except StorageError as error:
        raise _unreadable(session, error) from error


def _say_findings(session: Session, problems: Iterable[Problem], notices: Iterable[Notice]) -> None:
    for problem in problems:
        session.note(f"error: {problem.text}")
    for notice in notices:
        session.note(f"warning: {notice.text}")


@contextmanager
def _place_of(session: Session, file: str | None) -> Iterator[Paths]:
    """libuci opens configurations by name in a directory: another file gets one of its own."""
    if file is None:
        yield session.paths
        return
    with tempfile.TemporaryDirectory(prefix="remsim-") as root:
        paths = Paths(root)
        os.makedirs(paths.config_dir)
        try:
            shutil.copyfile(file, paths.at(CONFIG_PATH))
        except OSError as error:
            raise Stopped(Exit.FAILED, f"{file}: {error.strerror}") from error
        yield paths


def _script(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as script:
            text = script.read(SCRIPT_MAX_BYTES + 1)
    except OSError as error:
        raise Stopped(Exit.FAILED, f"{file}: {error.strerror}") from error
    if len(text) > SCRIPT_MAX_BYTES:
        raise Stopped(Exit.FAILED, f"{file}: larger than any set-up script ({SCRIPT_MAX_BYTES} B)")
    return text
