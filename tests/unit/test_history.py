# SPDX-License-Identifier: GPL-2.0-or-later
"""The history: what is sampled, how it is made smaller, what survives what."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remsim.errors import StorageError
from remsim.history.keeper import FLASH_PERIOD_S, HistoryKeeper
from remsim.history.series import BY_NAME, SERIES, Question, Window, sample
from remsim.history.store import AUDIT_KEPT, POINTS_MAX, AuditRow, HistoryStore
from remsim.model import Role
from remsim.paths import Paths
from remsim_lab.clock import HandClock
from scenario.world import World

NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    made = HistoryStore(str(tmp_path / "ram" / "h.db"), str(tmp_path / "flash" / "h.db"))
    assert made.open() == ()
    return made


def row(seq: int, wall: float | None = NOW, boot: str = "b") -> AuditRow:
    return AuditRow(seq, wall, boot, float(seq), "job", "modem1", f"reset {seq} asked for by LuCI")


def test_unknown_value_is_a_gap_and_no_zero() -> None:
    world = World()
    world.start()
    world.run(90.0)
    values = sample(world.state)
    assert "modem1.rsrp" not in values and "sim.latency" not in values
    assert values["heartbeat.path"] == 1.0 and values["assignment.state"] == 3.0
    world.modems[Role.IOT].has_signal = False
    world.run(10.0)
    assert sample(world.state)["heartbeat.path"] == 2.0
    assert set(sample(world.state)) <= set(BY_NAME)


def test_minutes_are_gathered_with_lowest_mean_and_highest(store: HistoryStore) -> None:
    base = NOW // 60 * 60
    for index, value in enumerate((-90.0, -100.0, -80.0)):
        store.add(base + index * 10, {"modem1.rsrp": value})
    (point,) = store.query("modem1.rsrp", Window.HOUR, base + 60)
    assert (point.low, point.mean, point.high) == (-100.0, -90.0, -80.0)


def test_counter_is_stored_as_growth_and_survives_its_reset(store: HistoryStore) -> None:
    base = NOW // 60 * 60
    for index, count in enumerate((1000.0, 1500.0, 200.0, 300.0)):
        store.add(base + index * 60, {"modem2.tx": count})
    points = store.query("modem2.tx", Window.HOUR, base + 600)
    assert [point.total for point in points] == [500.0, 200.0, 100.0]


@pytest.mark.parametrize("window", list(Window))
def test_no_answer_has_more_points_than_a_screen(store: HistoryStore, window: Window) -> None:
    with store._writing() as database:
        database.executemany(
            "INSERT INTO sample VALUES (?, ?, ?, 1, 1, 1, 1)",
            [
                ("heartbeat.rtt", window.step_s, int(NOW) - age)
                for age in range(0, window.span_s, window.step_s)
            ],
        )
    points = store.query("heartbeat.rtt", window, NOW)
    assert 50 <= len(points) <= POINTS_MAX
    assert [point.at for point in points] == sorted({point.at for point in points})


def test_retention_bounds_the_store(store: HistoryStore, tmp_path: Path) -> None:
    names = [series.name for series in SERIES if not series.is_counter]
    with store._writing() as database:
        database.executemany(
            "INSERT INTO sample VALUES (?, 60, ?, 1, 1, 1, 1)",
            [(name, int(NOW) - age * 60) for name in names for age in range(3000)],
        )
    store.write_down(row(seq) for seq in range(1, 2 * AUDIT_KEPT))
    store.prune(NOW)
    assert len(store.audit(2**62, 10 * AUDIT_KEPT)) == AUDIT_KEPT
    assert len(store.query(names[0], Window.DAY, NOW)) <= POINTS_MAX
    assert os.path.getsize(tmp_path / "ram" / "h.db") < 8 << 20


def test_flash_copy_brings_hours_and_audit_over_a_boot(store: HistoryStore, tmp_path: Path) -> None:
    store.add(NOW, {"modem1.rsrp": -95.0})
    store.write_down([row(1)])
    store.copy_to_flash()
    store.close()
    os.unlink(tmp_path / "ram" / "h.db")
    again = HistoryStore(str(tmp_path / "ram" / "h.db"), str(tmp_path / "flash" / "h.db"))
    assert again.open() == ()
    assert len(again.query("modem1.rsrp", Window.WEEK, NOW)) == 1
    assert again.query("modem1.rsrp", Window.HOUR, NOW) == ()
    assert again.audit(2**62, 5) == ((1, row(1)),)
    assert os.stat(tmp_path / "flash" / "h.db").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["garbage", "cut", "other"])
def test_torn_file_is_put_aside_and_said(tmp_path: Path, damage: str) -> None:
    ram = tmp_path / "h.db"
    if damage == "garbage":
        ram.write_bytes(b"not a database at all" * 100)
    elif damage == "other":
        with sqlite3.connect(ram) as database:
            database.execute("CREATE TABLE x (y)")
    else:
        made = HistoryStore(str(ram), str(tmp_path / "f.db"))
        made.open()
        made.write_down(row(seq) for seq in range(1, 2000))
        made.close()
        ram.write_bytes(ram.read_bytes()[:20_000])
    store = HistoryStore(str(ram), str(tmp_path / "f.db"))
    said = store.open()
    assert len(said) == 1 and "torn" in said[0]
    store.add(NOW, {"modem1.rsrp": -95.0})
    assert (tmp_path / "h.db.torn").exists()


def test_full_store_is_an_error_and_what_is_there_stays(store: HistoryStore) -> None:
    store.write_down([row(1)])
    store._opened.execute("PRAGMA max_page_count = 8")
    with pytest.raises(StorageError, match="full"):
        store.write_down(row(seq) for seq in range(2, 100_000))
    assert store.audit(2**62, 10) == ((1, row(1)),)


def test_audit_written_before_the_clock_was_set_gets_its_time(store: HistoryStore) -> None:
    store.write_down([row(5, None), row(6, None, "older boot")])
    store.set_clock("b", NOW - 5.0)
    by_seq = {kept.seq: kept.wall for _, kept in store.audit(2**62, 5)}
    assert by_seq == {5: NOW, 6: None}


def test_audit_pages_backwards(store: HistoryStore) -> None:
    store.write_down(row(seq) for seq in range(1, 31))
    first = store.audit(2**62, 10)
    second = store.audit(first[-1][0], 10)
    assert [kept.seq for _, kept in first] == list(range(30, 20, -1))
    assert [kept.seq for _, kept in second] == list(range(20, 10, -1))


def test_rows_of_two_boots_stand_side_by_side_though_numbered_alike(store: HistoryStore) -> None:
    store.write_down([row(1), row(1), row(1, boot="next")])
    assert [kept.boot for _, kept in store.audit(2**62, 5)] == ["next", "b"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 4000), st.floats(-200, 200, allow_nan=False)),
        min_size=1,
        max_size=30,
    )
)
def test_means_lie_between_lowest_and_highest(samples: list[tuple[float, float]]) -> None:
    store = HistoryStore(":memory:", "/nonexistent/h.db")
    store._database = sqlite3.connect(":memory:")
    from remsim.history import store as module

    store._database.executescript(module._SCHEMA)
    for after, value in samples:
        store.add(NOW + after, {"modem1.rsrp": value})
    for point in store.query("modem1.rsrp", Window.DAY, NOW + 5000):
        assert point.low - 1e-9 <= point.mean <= point.high + 1e-9


# --- the keeper --------------------------------------------------------------------------------


def keeper(tmp_path: Path, clock: HandClock) -> tuple[HistoryKeeper, list[str]]:
    said: list[str] = []
    return HistoryKeeper(Paths(str(tmp_path)), clock, "b", said.append), said


def test_samples_before_the_clock_is_set_are_placed_afterwards(tmp_path: Path) -> None:
    clock = HandClock(wall=50.0)
    kept, said = keeper(tmp_path, clock)
    kept.sample(clock.monotonic(), {"modem1.rsrp": -90.0})
    clock.move(60.0)
    clock.jump_wall(NOW)
    kept.sample(clock.monotonic(), {"modem1.rsrp": -91.0})
    question = Question(("modem1.rsrp",), Window.HOUR)
    kept.prepare(question)
    points = kept.answers[question]["series"]["modem1.rsrp"]["points"]
    assert len(points) == 2 and points[1][0] - points[0][0] == 60
    assert said == []


def test_few_flash_writes(tmp_path: Path) -> None:
    clock = HandClock(wall=NOW)
    kept, _ = keeper(tmp_path, clock)
    flash = tmp_path / "etc" / "remsim" / "history.db"
    writes = 0
    for _ in range(24 * 60):
        clock.move(60.0)
        kept.sample(clock.monotonic(), {"modem1.rsrp": -90.0})
        if flash.exists():
            writes += 1
            flash.unlink()
    assert writes == 24 * 3600 // FLASH_PERIOD_S


def test_trouble_is_said_once_and_so_is_its_end(tmp_path: Path) -> None:
    clock = HandClock(wall=NOW)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "remsim").write_text("a file where the directory should be")
    kept, said = keeper(tmp_path, clock)
    for _ in range(5):
        kept.sample(clock.monotonic(), {"modem1.rsrp": -90.0})
    assert len(said) == 1
    (tmp_path / "tmp" / "remsim").unlink()
    kept.sample(clock.monotonic(), {"modem1.rsrp": -90.0})
    assert len(said) == 2 and "again" in said[1]


def test_prepared_answers_are_bounded(tmp_path: Path) -> None:
    kept, _ = keeper(tmp_path, HandClock(wall=NOW))
    for limit in range(1, 200):
        kept.prepare(Question(limit=limit))
    assert len(kept.answers) <= 16
