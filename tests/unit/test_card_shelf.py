# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache's files: per card, for root only, few of them, and never a reason to fail."""

from __future__ import annotations

import logging
import os
import stat

import pytest

from remsim.card.shelf import MAX_CARDS, MAX_OCTETS, FileShelf

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
