# SPDX-License-Identifier: GPL-2.0-or-later
"""What a heartbeat costs on the wire, counted on a veth and not by ourselves (design section
13).
"""

from __future__ import annotations

import subprocess

import pytest

from remsim_lab.measure_beat import BeatCost, measure

pytestmark = pytest.mark.netns

BUDGET_BYTES = 650  # up and down at IP level, steady state, without TLS
SHARE_MAX = 0.55  # of a new connection per beat


@pytest.fixture(scope="module")
def cost() -> BeatCost:
    return measure(beats=3)


def test_steady_heartbeat_is_within_its_budget_even_with_a_key(cost: BeatCost) -> None:
    assert cost.kept_bytes <= BUDGET_BYTES
    assert cost.kept_with_key_bytes <= BUDGET_BYTES


def test_kept_connection_costs_little_more_than_half_of_new_ones(cost: BeatCost) -> None:
    assert cost.share <= SHARE_MAX, cost


def test_request_answer_and_one_acknowledgement_are_all_there_is(cost: BeatCost) -> None:
    assert cost.packets == 3


def test_measurement_leaves_no_namespace_behind(cost: BeatCost) -> None:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    assert "remsim-beat" not in listed.stdout
