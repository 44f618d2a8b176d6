# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be written: said once, raised as an alert, tried again, over when it is over."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from remsim import core
from remsim.client_files import ClientFiles
from remsim.client_settings import PATH_FILE
from remsim.config import store
from remsim.errors import StorageError
from remsim.events import StorageSeen
from remsim.failover.policy import Policy
from remsim.failover.state import FailoverState
from remsim.history.keeper import HistoryKeeper
from remsim.model import LinkObservation
from remsim.paths import Paths
from remsim.state import State
from remsim.storage import CONFIGURATION, HISTORY, ConfigRead, StorageWorker
from remsim_lab.clock import HandClock

LIMIT_S = 5.0

Posted = queue.Queue[ConfigRead | StorageSeen]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


@pytest.fixture
def posted() -> Posted:
    return queue.Queue()


@pytest.fixture
def worker(paths: Paths, posted: Posted) -> Iterator[StorageWorker]:
    history = HistoryKeeper(paths, HandClock(), "boot", lambda _said: None)
    worker = StorageWorker(paths, posted.put, history)
    worker.start()
    yield worker
    worker.stop(LIMIT_S)


def barred(directory: str) -> Path:
    """A file where the directory should be: what a full disk is to whoever wants to write."""
    path = Path(directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    return path


def test_trouble_is_posted_once_and_so_is_its_end(
    worker: StorageWorker, posted: Posted, paths: Paths
) -> None:
    in_the_way = barred(paths.keep_dir)
    for _ in range(3):
        worker.keep_accepted(store.defaults())
    worker.read_config("1")  # answered after what was asked before
    told = posted.get(timeout=LIMIT_S)
    assert isinstance(told, StorageSeen)
    assert told.what == CONFIGURATION
    assert told.trouble is not None and "accepted.json" in told.trouble
    assert isinstance(posted.get(timeout=LIMIT_S), ConfigRead)
    in_the_way.unlink()
    worker.keep_accepted(store.defaults())
    assert posted.get(timeout=LIMIT_S) == StorageSeen(CONFIGURATION, None)
    assert store.last_accepted(paths) is not None


def test_a_history_that_cannot_be_written_is_told_apart(
    worker: StorageWorker, posted: Posted, paths: Paths
) -> None:
    barred(paths.tmp_dir)
    worker.sample(1.0, {"modem1.rsrp": -90.0})
    worker.keep_accepted(store.defaults())
    told = posted.get(timeout=LIMIT_S)
    assert isinstance(told, StorageSeen)
    assert told.what == HISTORY and told.trouble is not None


def test_the_alert_names_what_and_why_and_ends_with_the_last_trouble() -> None:
    state = State(FailoverState(policy=Policy()))
    for what in ("the state", "the history"):
        state = core.step(state, StorageSeen(what, f"{what}: disk full"), 1.0).state
    (alert,) = state.alerts
    assert alert.id == "storage"
    assert alert.reason.startswith("the state and the history cannot be written: the state: disk")
    state = core.step(state, StorageSeen("the state", None), 2.0).state
    assert [each.id for each in state.alerts] == ["storage"]
    result = core.step(state, StorageSeen("the history", None), 3.0)
    assert not result.state.alerts
    assert [each.id for each in result.cleared] == ["storage"]


def test_the_clients_path_that_could_not_be_written_is_tried_again(paths: Paths) -> None:
    files = ClientFiles(paths)
    state = State(FailoverState(policy=Policy()))

    def mark(_link: LinkObservation) -> int:
        return 0

    in_the_way = barred(paths.run_dir)
    for _ in range(2):
        with pytest.raises(StorageError):
            files.follow(state, mark)
    in_the_way.unlink()
    files.follow(state, mark)
    assert Path(paths.at(PATH_FILE)).exists()
