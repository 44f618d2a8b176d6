# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache's files: per card, for root only, few of them, and never a reason to fail."""

from __future__ import annotations

import errno
import logging
import os
import stat

import pytest

from remsim.card.shelf import FLASH_PAUSE_S, MAX_CARDS, MAX_OCTETS, FileShelf, ThriftyShelf
from remsim_lab.clock import HandClock

ATR, OTHER = b"\x3b\x00", b"\x3b\x01"
ICCID = bytes.fromhex("98880221436587092103")


@pytest.fixture
def shelf(tmp_path):
    return FileShelf(str(tmp_path / "cards"))


def test_what_is_kept_is_found_by_card_and_atr(shelf):
    assert not shelf.has(ATR)
    assert shelf.load(ICCID, ATR) is None
    shelf.keep(ICCID, ATR, "text")
    assert shelf.has(ATR) and not shelf.has(OTHER)
    assert shelf.load(ICCID, ATR) == "text"
    assert shelf.load(bytes(10), ATR) is None


def test_newer_text_replaces_the_older(shelf):
    shelf.keep(ICCID, ATR, "old")
    shelf.keep(ICCID, ATR, "new")
    assert shelf.load(ICCID, ATR) == "new"


def test_dropped_card_is_gone_and_dropping_nothing_is_nothing(shelf):
    shelf.keep(ICCID, ATR, "text")
    shelf.drop(ICCID, ATR)
    shelf.drop(ICCID, ATR)
    assert not shelf.has(ATR)


def test_files_and_directory_are_for_root_only(shelf, tmp_path):
    shelf.keep(ICCID, ATR, "text")
    (file,) = (tmp_path / "cards").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cards").stat().st_mode) == 0o700


def test_cards_not_seen_for_longest_go(shelf, tmp_path):
    for number in range(MAX_CARDS + 3):
        shelf.keep(bytes((number,)) * 10, ATR, "text")
        for file in (tmp_path / "cards").iterdir():
            os.utime(file, (file.stat().st_atime - 10, file.stat().st_mtime - 10))
    assert len(list((tmp_path / "cards").iterdir())) == MAX_CARDS
    assert shelf.load(bytes((MAX_CARDS + 2,)) * 10, ATR) == "text"
    assert shelf.load(bytes(10), ATR) is None


def test_oversized_or_foreign_file_is_as_good_as_none(shelf, tmp_path):
    shelf.keep(ICCID, ATR, "text")
    (file,) = (tmp_path / "cards").iterdir()
    file.write_text("x" * (MAX_OCTETS + 1))
    assert shelf.load(ICCID, ATR) is None
    file.write_bytes(b"\xff\xfe")
    assert shelf.load(ICCID, ATR) is None


def test_shelf_that_cannot_be_written_is_told_once(tmp_path, caplog):
    blocker = tmp_path / "file"
    blocker.write_text("")
    shelf = FileShelf(str(blocker / "cards"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            shelf.keep(ICCID, ATR, "text")
    assert len(caplog.records) == 1
    assert shelf.load(ICCID, ATR) is None


def test_disk_that_is_full_keeps_the_older_text_and_no_half_one(shelf, tmp_path, monkeypatch):
    def is_full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    shelf.keep(ICCID, ATR, "old")
    monkeypatch.setattr(os, "fsync", is_full)
    shelf.keep(ICCID, ATR, "new")
    assert shelf.load(ICCID, ATR) == "old"
    assert len(list((tmp_path / "cards").iterdir())) == 1


def test_text_that_would_not_be_read_is_not_written(shelf):
    shelf.keep(ICCID, ATR, "old")
    shelf.keep(ICCID, ATR, "x" * (MAX_OCTETS + 1))
    assert shelf.load(ICCID, ATR) == "old"


# --- flash is spared ------------------------------------------------------------------------------


@pytest.fixture
def router(tmp_path):
    return Router(tmp_path)


class Router:
    """`shelf()` is a process of ours."""

    def __init__(self, root):
        self.clock = HandClock(monotonic=30.0)
        self.near, self.far = root / "run" / "cards", root / "etc" / "cards"

    def shelf(self):
        return ThriftyShelf(str(self.near), str(self.far), self.clock)

    def flash(self):
        return [file.read_text() for file in self.far.glob("*.json")]

    def reboot(self):
        for file in self.near.iterdir():
            file.unlink()
        self.clock = HandClock(monotonic=20.0)


def test_flash_is_written_once_a_day_and_memory_each_time(router):
    shelf = router.shelf()
    shelf.keep(ICCID, ATR, "first")
    router.clock.move(3600)
    shelf.keep(ICCID, ATR, "second")
    assert (shelf.load(ICCID, ATR), router.flash()) == ("second", ["first"])
    router.clock.move(FLASH_PAUSE_S)
    shelf.keep(ICCID, ATR, "third")
    assert router.flash() == ["third"]


def test_next_process_knows_when_flash_was_written(router):
    router.shelf().keep(ICCID, ATR, "first")
    router.clock.move(60)
    router.shelf().keep(ICCID, ATR, "second")
    assert (router.shelf().load(ICCID, ATR), router.flash()) == ("second", ["first"])


def test_flash_is_not_written_for_the_same_text(router):
    shelf = router.shelf()
    shelf.keep(ICCID, ATR, "text")
    router.clock.move(2 * FLASH_PAUSE_S)
    (file,) = router.far.glob("*.json")
    before = file.stat().st_mtime_ns
    shelf.keep(ICCID, ATR, "text")
    assert file.stat().st_mtime_ns == before


def test_flash_outlives_a_reboot(router):
    router.shelf().keep(ICCID, ATR, "text")
    router.reboot()
    assert router.shelf().has(ATR)
    assert router.shelf().load(ICCID, ATR) == "text"
    router.shelf().keep(ICCID, ATR, "newer")
    assert router.flash() == ["newer"]


def test_what_is_no_longer_true_leaves_flash_at_once(router):
    shelf = router.shelf()
    shelf.keep(ICCID, ATR, "text")
    shelf.drop(ICCID, ATR)
    assert not shelf.has(ATR)
    assert router.flash() == []


def test_damaged_mark_is_no_mark(router):
    router.shelf().keep(ICCID, ATR, "first")
    (router.near / "flash-written").write_text("yesterday")
    router.shelf().keep(ICCID, ATR, "second")
    assert router.flash() == ["second"]
