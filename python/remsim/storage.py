# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage thread: everything that may wait for flash. It posts what it read.

Flash is written for the accepted configuration, when it changed, and for the history, seldom.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from remsim.client_files import ClientFiles
from remsim.client_settings import ClientSettings
from remsim.config import store
from remsim.config.values import Config, LoadResult
from remsim.errors import BusyError, RemsimError, StorageError
from remsim.history.keeper import HistoryKeeper
from remsim.history.series import Question
from remsim.history.store import AuditRow
from remsim.paths import Paths

LOG = logging.getLogger(__name__)

QUEUE_MAX = 32  # tasks waiting; more means that the flash does not answer
STATE_LIMIT_BYTES = 262_144  # the saved state has about 20 KB


@dataclass(frozen=True, slots=True)
class ConfigRead:
    """The configuration was read for the reload job `job_id`."""

    job_id: str
    result: LoadResult


Task = Callable[[], object]


class StorageWorker:
    """`post` takes ConfigRead. No method blocks; BusyError when too much waits."""

    def __init__(
        self, paths: Paths, post: Callable[[ConfigRead], None], history: HistoryKeeper
    ) -> None:
        self._paths = paths
        self._post = post
        self._history = history
        self._client_files = ClientFiles(paths)
        self._tasks: queue.Queue[Task | None] = queue.Queue(QUEUE_MAX)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float) -> None:
        """What is queued is still done: it is what must not be lost."""
        if self._thread is None:
            return
        self._put(None)
        self._thread.join(deadline_s)

    def read_config(self, job_id: str) -> None:
        """Posts ConfigRead."""
        self._put(lambda: self._post(ConfigRead(job_id, store.load_file(self._paths))))

    def keep_accepted(self, config: Config) -> None:
        """For the next boot, should the file be broken by then."""
        self._put(lambda: store.keep_accepted(self._paths, config))

    def tell_client(self, settings: ClientSettings | None) -> None:
        """The remote-SIM client's parameters; its service is told when they changed."""
        self._put(lambda: self._client_files.tell(settings))

    def sample(self, at: float, values: Mapping[str, float]) -> None:
        """One sample of the history, `at` monotonic seconds."""
        self._put(lambda: self._history.sample(at, values))

    def write_down(self, rows: tuple[AuditRow, ...]) -> None:
        self._put(lambda: self._history.write_down(rows))

    def history(self, question: Question) -> Mapping[str, Any] | None:
        """The prepared answer, or None; a fresh one is being prepared either way."""
        self._put(lambda: self._history.prepare(question))
        return self._history.answers.get(question)

    def _put(self, task: Task | None) -> None:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            raise BusyError("storage does not answer") from None

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except (RemsimError, OSError) as error:
                LOG.error("storage: %s", error)
        self._history.close()


def read_text(path: str) -> str | None:
    """A state file's text, None when there is none. Raises StorageError when it is unusable."""
    try:
        with open(path, "rb") as file:
            data = file.read(STATE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error
    if len(data) > STATE_LIMIT_BYTES:
        raise StorageError(path, f"longer than {STATE_LIMIT_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StorageError(path, "not UTF-8") from error
