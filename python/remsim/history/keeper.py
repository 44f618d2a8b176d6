# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps the history for the daemon: samples in, answers out, copies to flash. Storage thread only.

Answers are prepared here and read by the main thread from `answers`, which is replaced as a whole:
no ubus handler ever waits for the database. Until the clock is set samples wait in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from remsim.clock import Clock
from remsim.errors import StorageError
from remsim.history.series import BY_NAME, Question
from remsim.history.store import AuditRow, HistoryStore, shown
from remsim.paths import Paths
from remsim.snapshot import CLOCK_SET_FROM

LOG = logging.getLogger(__name__)

RAM_NAME = "history.db"
FLASH_NAME = "history.db"
FLASH_PERIOD_S = 6 * 3600.0  # four flash writes a day; a power cut loses at most this much
PRUNE_PERIOD_S = 3600.0
WAITING_MAX = 1440  # samples before the clock is set: a day's worth
ANSWERS_MAX = 16  # prepared answers; a page asks for two or three

Answer = dict[str, Any]


class HistoryKeeper:
    """`boot_id` tells rows of this boot; `say` gets what must be said (a torn or full store)."""

    def __init__(
        self, paths: Paths, clock: Clock, boot_id: str, say: Callable[[str], None]
    ) -> None:
        ram = f"{paths.tmp_dir}/{RAM_NAME}"
        self._store = HistoryStore(ram, f"{paths.keep_dir}/{FLASH_NAME}")
        self._clock = clock
        self._boot_id = boot_id
        self._say = say
        self._waiting: list[tuple[float, Mapping[str, float]]] = []
        self._is_open = False
        self._is_clock_known = False
        self._trouble = ""
        self._flash_at = clock.monotonic() + FLASH_PERIOD_S
        self._prune_at = 0.0
        self.answers: Mapping[Question, Answer] = {}

    @property
    def trouble(self) -> str | None:
        """Why the last action failed, if it did."""
        return self._trouble or None

    def sample(self, at: float, values: Mapping[str, float]) -> None:
        """`at` monotonic seconds."""
        self._guarded(lambda: self._sample(at, values))

    def write_down(self, rows: Iterable[AuditRow]) -> None:
        self._guarded(lambda: self._store.write_down(rows))

    def prepare(self, question: Question) -> None:
        """The answer stands in `answers` afterwards."""
        self._guarded(lambda: self._prepare(question))

    def close(self) -> None:
        """Detach: what there is goes to flash."""
        self._guarded(self._store.copy_to_flash)
        self._store.close()

    def _guarded(self, action: Callable[[], object]) -> None:
        """Trouble is said once, and its end; nothing here ever stops the daemon."""
        try:
            if not self._is_open:
                for said in self._store.open():
                    self._say(said)
                self._is_open = True
            action()
        except (StorageError, OSError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._say(f"history: {error}")
        else:
            if self._trouble:
                self._say("history is written again")
            self._trouble = ""

    def _sample(self, at: float, values: Mapping[str, float]) -> None:
        offset = self._clock.wall() - self._clock.monotonic()
        if at + offset < CLOCK_SET_FROM:
            self._waiting = [*self._waiting, (at, values)][-WAITING_MAX:]
            return
        if not self._is_clock_known:
            self._store.set_clock(self._boot_id, offset)
            self._is_clock_known = True
        waiting, self._waiting = self._waiting, []
        for earlier, kept in waiting:
            self._store.add(earlier + offset, kept)
        self._store.add(at + offset, values)
        self._tidy(at, at + offset)

    def _tidy(self, now: float, wall: float) -> None:
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_PERIOD_S
            self._store.prune(wall)
        if now >= self._flash_at:
            self._flash_at = now + FLASH_PERIOD_S
            self._store.copy_to_flash()

    def _prepare(self, question: Question) -> None:
        answer = self._series(question) if question.names else self._audit(question)
        kept = {known: text for known, text in self.answers.items() if known != question}
        newest = list(kept.items())[-(ANSWERS_MAX - 1) :]
        self.answers = {**dict(newest), question: answer}

    def _series(self, question: Question) -> Answer:
        wall = self._clock.wall()
        return {
            "window": question.window.value,
            "step_s": question.window.step_s,
            "as_of": int(wall),
            "pending": False,
            "series": {
                name: {
                    "unit": BY_NAME[name].unit,
                    "points": shown(name, self._store.query(name, question.window, wall)),
                }
                for name in question.names
            },
        }

    def _audit(self, question: Question) -> Answer:
        before = question.before or 2**62
        rows = self._store.audit(before, question.limit)
        return {"pending": False, "rows": [_row_json(row_id, row) for row_id, row in rows]}


def _row_json(row_id: int, row: AuditRow) -> Answer:
    return {
        "id": row_id,
        "time": None if row.wall is None else int(row.wall),
        "uptime_s": round(row.uptime, 1),
        "kind": row.kind,
        "modem": row.modem,
        "text": row.text,
    }
