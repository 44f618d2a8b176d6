# SPDX-License-Identifier: GPL-2.0-or-later
"""Where there are no namespaces the lab runs on loopback and says what it cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest

from remsim_lab.desk import LabError
from remsim_lab.lab import Lab, wait_for
from remsim_lab.launchers import Place
from remsim_lab.network.topology import Topology
from remsim_lab.scenario import play


def test_lab_without_namespaces_registers_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Topology, "why_not", staticmethod(lambda: "not permitted"))
    told: list[str] = []
    with Lab(Place(tmp_path / "lab"), 10.0, told.append) as lab:
        assert any("not permitted" in line for line in told)
        assert any("Cannot be shown" in line for line in told)
        lab.wait_until_active()
        lab.fail("modem2", "signal", told.append)
        lab.restore(None, told.append)
        with pytest.raises(LabError, match="no carrier without namespaces"):
            lab.fail("modem2", "silent", told.append)
        with pytest.raises(LabError, match="not permitted"):
            play("S1", lab, told.append)


def test_card_of_the_bank_reaches_the_modems_contacts_without_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Topology, "why_not", staticmethod(lambda: "not permitted"))
    with Lab(Place(tmp_path / "lab"), 10.0, lambda _line: None, has_remote_sim=True) as lab:

        def client() -> dict[str, object]:
            return dict((lab.status() or {}).get("client") or {})

        wait_for(lambda: client().get("state") == "serving", "the card")
        slot = lab.mesh.bank.holders()[0].slot
        assert client()["bank_slot"] == f"{slot.bank_id}:{slot.slot_id}"
        assert lab.router_side.board.cardem.is_inserted
        lab.mesh.bank.release(lab.mesh.bank.holders()[0].client_id)
        wait_for(lambda: not lab.router_side.board.cardem.is_inserted, "the end of the card")
