# SPDX-License-Identifier: GPL-2.0-or-later
"""`lab`: the whole system, one for each test file that asks for it. `film`: what happens in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from remsim_lab.film import Film
from remsim_lab.lab import Lab
from remsim_lab.launchers import Place
from scenario.lab_hands import INTERVAL_S, SPEED, calm_down, configure, quiet


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The shipped configuration with the lab's names and a heartbeat more often.

    Tests that need something else set it, and back.
    """
    directory = tmp_path_factory.mktemp("lab") / "lab"
    with Lab(Place(directory), SPEED, quiet) as lab:
        told = replace(lab.mesh.behaviour, heartbeat_interval_s=INTERVAL_S, drip_s=1 / SPEED)
        lab.mesh.behaviour = told
        configure(lab, heartbeat__interval=f"{INTERVAL_S:g}", heartbeat__timeout="5")
        yield lab


@pytest.fixture
def film(lab: Lab, tmp_path: Path) -> Iterator[Film]:
    """Rolling from a calm moment on: both paths up, the assignment active, nothing broken."""
    calm_down(lab)
    with Film(lab, tmp_path, print) as film:
        film.roll()
        film.begin()
        yield film
        lab.restore(None, quiet)
