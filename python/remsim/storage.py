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
from remsim.events import StorageSeen
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

# What a task writes, as the alert names it.
CONFIGURATION = "the accepted configuration"
CLIENT = "the client's parameters"
HISTORY = "the history"


class StorageWorker:
    """`post` takes ConfigRead, and StorageSeen when something can no longer be written, or again.

    No method blocks; BusyError when too much waits.
    """

    def __init__(
        self, paths: Paths, post: Callable[[ConfigRead | StorageSeen], None], history: HistoryKeeper
    ) -> None:
        self._paths = paths
        self._post = post
        self._history = history
        self._client_files = ClientFiles(paths)
        self._tasks: queue.Queue[tuple[str, Task] | None] = queue.Queue(QUEUE_MAX)
        self._troubles: dict[str, str] = {}
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
        self._do("", lambda: self._post(ConfigRead(job_id, store.load_file(self._paths))))

    def keep_accepted(self, config: Config) -> None:
        """For the next boot, should the file be broken by then."""
        self._do(CONFIGURATION, lambda: store.keep_accepted(self._paths, config))

    def tell_client(self, settings: ClientSettings | None) -> None:
        """The remote-SIM client's parameters; its service is told when they changed."""
        self._do(CLIENT, lambda: self._client_files.tell(settings))

    def sample(self, at: float, values: Mapping[str, float]) -> None:
        """One sample of the history, `at` monotonic seconds."""
        self._do(HISTORY, lambda: self._history.sample(at, values))

    def write_down(self, rows: tuple[AuditRow, ...]) -> None:
        self._do(HISTORY, lambda: self._history.write_down(rows))

    def history(self, question: Question) -> Mapping[str, Any] | None:
        """The prepared answer, or None; a fresh one is being prepared either way."""
        self._do("", lambda: self._history.prepare(question))
        return self._history.answers.get(question)

    def _do(self, what: str, task: Task) -> None:
        self._put((what, task))

    def _put(self, task: tuple[str, Task] | None) -> None:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            raise BusyError("storage does not answer") from None

    def _run(self) -> None:
        while (item := self._tasks.get()) is not None:
            what, task = item
            trouble = None
            try:
                task()
            except (RemsimError, OSError) as error:
                trouble = str(error)
            if what:
                self._tell(what, self._history.trouble if what == HISTORY else trouble)
        self._history.close()

    def _tell(self, what: str, trouble: str | None) -> None:
        """Changes only: a full disk is said once, and its end."""
        if self._troubles.get(what) == trouble:
            return
        if trouble is None:
            self._troubles.pop(what)
        else:
            self._troubles[what] = trouble
            LOG.error("%s: %s", what, trouble)
        self._post(StorageSeen(what, trouble))


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
