# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's commands for a second terminal touch nothing outside of the lab."""

from __future__ import annotations

import subprocess
from pathlib import Path

from remsim_lab.labconfig import SHIPPED_CONFIG, make_root
from remsim_lab.launchers import Place, write_launchers


def test_what_uci_has_not_committed_waits_in_the_labs_root(tmp_path: Path) -> None:
    place = Place(tmp_path)
    make_root(place.root)
    (place.root / "etc/config/remsim").write_bytes(SHIPPED_CONFIG.read_bytes())
    write_launchers(place)

    def uci(*words: str) -> str:
        return subprocess.run(
            [place.bin / "uci", *words], check=True, capture_output=True, text=True
        ).stdout

    uci("set", "remsim.logging.debug=1")
    assert (place.root / "tmp/.uci/remsim").read_text() == "remsim.logging.debug='1'\n"
    assert uci("changes") == "remsim.logging.debug='1'\n"
    uci("commit", "remsim")
    assert "option debug '1'" in (place.root / "etc/config/remsim").read_text()
    assert uci("changes") == ""
