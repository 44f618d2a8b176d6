# SPDX-License-Identifier: GPL-2.0-or-later
"""The history in SQLite: RAM-backed, copied to flash seldom. Only the storage thread uses it.

Minutes for a day, hours for a month, the audit of every action. Its size is bounded by retention. A
torn file is put aside and said; a full disk loses samples and says so once; neither stops anything.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from remsim.errors import StorageError
from remsim.history.series import BY_NAME, HOUR_S, MINUTE_S, Window

POINTS_MAX = 600  # of one series in one answer: more than a screen has columns for
MINUTES_KEPT_S = 25 * HOUR_S
HOURS_KEPT_S = 32 * 86_400
AUDIT_KEPT = 5000  # rows, about 500 KB
PAGES_MAX = 2048  # of 4096 bytes: whatever happens, the file stays below 8 MB
FORMAT = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sample (
  series TEXT NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL,
  low REAL NOT NULL, total REAL NOT NULL, high REAL NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (series, step, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  seq INTEGER NOT NULL, wall REAL, boot TEXT NOT NULL, uptime REAL NOT NULL,
  kind TEXT NOT NULL, modem TEXT, text TEXT NOT NULL, UNIQUE (boot, seq));
"""
_ADD = """
INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (series, step, at) DO UPDATE SET
  low = min(low, excluded.low), high = max(high, excluded.high),
  total = total + excluded.total, count = count + 1
"""
_QUERY = """
SELECT (at / :bucket) * :bucket, min(low), sum(total) / sum(count), max(high), sum(total)
FROM sample WHERE series = :series AND step = :step AND at > :since AND at <= :until
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket. `mean` of a gauge; of a counter `total` is what it grew by."""

    at: int
    low: float
    mean: float
    high: float
    total: float


@dataclass(frozen=True, slots=True)
class AuditRow:
    """`seq` numbers the events of one `boot`. `wall` Unix seconds, None while the clock was unset;
    `uptime` monotonic seconds of that boot."""

    seq: int
    wall: float | None
    boot: str
    uptime: float
    kind: str
    modem: str | None
    text: str


class HistoryStore:
    """`ram_path` is worked on, `flash_path` is what survives a boot. Raises StorageError."""

    def __init__(self, ram_path: str, flash_path: str) -> None:
        self._ram_path = ram_path
        self._flash_path = flash_path
        self._database: sqlite3.Connection | None = None
        self._counters: dict[str, float] = {}

    def open(self) -> tuple[str, ...]:
        """What had to be said: a torn file that was put aside."""
        said: list[str] = []
        os.makedirs(os.path.dirname(self._ram_path), exist_ok=True)
        for source in (self._ram_path, self._flash_path):
            if not os.path.exists(source):
                continue
            if not _is_sound(source):
                with contextlib.suppress(OSError):
                    os.replace(source, f"{source}.torn")
                said.append(f"{source} was torn and is put aside")
            elif source == self._flash_path and not os.path.exists(self._ram_path):
                _copy(source, self._ram_path)
        self._database = _open(self._ram_path)
        return tuple(said)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    # --- writing -----------------------------------------------------------------------------

    def add(self, at: float, values: Mapping[str, float]) -> None:
        """One sample of each series, `at` in Unix seconds."""
        rows = [
            (name, step, int(at) // step * step, value, value, value)
            for name, value in self._grown(values).items()
            for step in (MINUTE_S, HOUR_S)
        ]
        with self._writing() as database:
            database.executemany(_ADD, rows)

    def _grown(self, values: Mapping[str, float]) -> dict[str, float]:
        """Counters become what they grew by; one that went back was reset and grew from zero."""
        grown: dict[str, float] = {}
        for name, value in values.items():
            if name not in BY_NAME:
                continue
            if not BY_NAME[name].is_counter:
                grown[name] = value
                continue
            before = self._counters.get(name)
            self._counters[name] = value
            if before is not None:
                grown[name] = value - before if value >= before else value
        return grown

    def write_down(self, rows: Iterable[AuditRow]) -> None:
        """Audit rows; one that is there already stays as it is."""
        with self._writing() as database:
            database.executemany(
                "INSERT OR IGNORE INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (row.seq, row.wall, row.boot, row.uptime, row.kind, row.modem, row.text)
                    for row in rows
                ],
            )

    def set_clock(self, boot: str, wall_minus_uptime: float) -> None:
        """The clock was set: rows of this boot get their wall time."""
        with self._writing() as database:
            database.execute(
                "UPDATE audit SET wall = uptime + ? WHERE wall IS NULL AND boot = ?",
                (wall_minus_uptime, boot),
            )

    def prune(self, now: float) -> None:
        """Retention: minutes for a day, hours for a month, the newest audit rows."""
        with self._writing() as database:
            for step, kept_s in ((MINUTE_S, MINUTES_KEPT_S), (HOUR_S, HOURS_KEPT_S)):
                database.execute(
                    "DELETE FROM sample WHERE step = ? AND at < ?", (step, now - kept_s)
                )
            database.execute(
                "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (AUDIT_KEPT,)
            )

    # --- reading -----------------------------------------------------------------------------

    def query(self, series: str, window: Window, now: float) -> tuple[Point, ...]:
        """At most POINTS_MAX buckets, oldest first; made smaller by the database."""
        step = window.step_s
        bucket = step * -(-window.span_s // (POINTS_MAX * step))
        # Buckets are aligned to the epoch, so a window may touch one more than it spans.
        first = (int(now) - window.span_s) // bucket * bucket + bucket - 1
        wanted = {
            "series": series,
            "step": step,
            "bucket": bucket,
            "since": first,
            "until": int(now),
        }
        try:
            rows = self._opened.execute(_QUERY, wanted).fetchall()
        except sqlite3.Error as error:
            raise StorageError(self._ram_path, str(error)) from error
        return tuple(Point(*row) for row in rows[-POINTS_MAX:])

    def audit(self, before_id: int, limit: int) -> tuple[tuple[int, AuditRow], ...]:
        """Rows older than row `before_id` with their ids, newest first."""
        try:
            rows = self._opened.execute(
                "SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?", (before_id, limit)
            ).fetchall()
        except sqlite3.Error as error:
            raise StorageError(self._ram_path, str(error)) from error
        return tuple((row[0], AuditRow(*row[1:])) for row in rows)

    # --- flash -------------------------------------------------------------------------------

    def copy_to_flash(self) -> None:
        """Hours and audit; the minutes of a day are not worth the flash. Atomic."""
        draft = f"{self._flash_path}.new"
        try:
            os.makedirs(os.path.dirname(self._flash_path), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
            with contextlib.closing(_open(draft)) as flash:
                self._copy_into(flash)
            with open(draft, "rb") as file:
                os.fsync(file.fileno())
            os.replace(draft, self._flash_path)
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise StorageError(self._flash_path, str(error)) from error

    def _copy_into(self, flash: sqlite3.Connection) -> None:
        hours = self._opened.execute("SELECT * FROM sample WHERE step = ?", (HOUR_S,))
        flash.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", hours)
        rows = self._opened.execute("SELECT * FROM audit")
        flash.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        flash.commit()

    # --- inside ------------------------------------------------------------------------------

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise StorageError(self._ram_path, "the history is not open")
        return self._database

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        database = self._opened
        try:
            with database:
                yield database
        except sqlite3.Error as error:
            raise StorageError(self._ram_path, str(error)) from error


def _open(path: str) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, timeout=1.0, check_same_thread=True)
        os.chmod(path, 0o600)
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute("PRAGMA synchronous = OFF")  # RAM-backed; the flash copy is fsynced whole
        database.execute(f"PRAGMA max_page_count = {PAGES_MAX}")
        database.execute("PRAGMA cache_size = -256")  # KB: memory is what a router lacks
        database.executescript(_SCHEMA)
        database.execute(f"PRAGMA user_version = {FORMAT}")
    except (OSError, sqlite3.Error) as error:
        raise StorageError(path, str(error)) from error
    return database


def _is_sound(path: str) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            version = database.execute("PRAGMA user_version").fetchone()
            check = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error:
        return False
    return bool(version == (FORMAT,) and check == ("ok",))


def _copy(source: str, target: str) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise StorageError(target, str(error)) from error


def shown(name: str, points: Sequence[Point]) -> list[list[float]]:
    """Points as JSON rows: `[at, low, mean, high]`, of a counter `[at, total]`."""
    if BY_NAME[name].is_counter:
        return [[point.at, point.total] for point in points]
    return [
        [point.at, *(round(x, 2) for x in (point.low, point.mean, point.high))] for point in points
    ]
