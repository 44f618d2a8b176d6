# SPDX-License-Identifier: GPL-2.0-or-later
"""Which build this is."""

import time
from pathlib import Path

import pytest

from remsim import __version__
from remsim.installed import Build, this_build


def test_the_build_file_names_version_and_date(tmp_path: Path) -> None:
    file = tmp_path / "build"
    file.write_text("0.1.0-r2 1700000000\n")
    assert this_build(str(file)) == Build("0.1.0-r2", 1_700_000_000.0)


@pytest.mark.parametrize("text", ["", "0.1.0-r1", "0.1.0-r1 soon", "a b c"])
def test_a_source_tree_or_a_torn_file_falls_back_to_the_files_own_age(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "build"
    file.write_text(text)
    build = this_build(str(file))
    assert build.version == __version__
    assert 1_700_000_000 < build.made_at_s <= time.time()
