# SPDX-License-Identifier: GPL-2.0-or-later
"""Event scripts overlap and finish in any order: the state that results must not depend on it."""

from __future__ import annotations

from itertools import permutations

import pytest

from remsim.client_events import SETTLE_S, ClientEvent, Settling, collect, settle
from remsim.model import SimSource
from remsim.state import ClientReport

# A mapping move as osmo-remsim-client runs its script, in the order of the starts.
MOVE = (
    ClientEvent("request-card-remove", (("REMSIM_BANKD_STATE", "CONNECTED"),), 100.01, 501),
    ClientEvent("request-sim-local", (("REMSIM_BANKD_STATE", "CONNECTED"),), 100.02, 502),
    ClientEvent("request-modem-reset", (("REMSIM_BANKD_STATE", "CONNECTED"),), 100.03, 503),
    ClientEvent("event-config-bankd", (("REMSIM_BANKD_STATE", "REESTABLISH"),), 100.04, 504),
    ClientEvent("request-sim-remote", (("REMSIM_BANKD_STATE", "CONNECTED"),), 100.05, 505),
    ClientEvent("event-bankd-connect", (("REMSIM_BANKD_STATE", "CONNECTED"),), 100.06, 506),
)


def result_of(events: tuple[ClientEvent, ...]) -> ClientReport:
    settling = Settling()
    for index, event in enumerate(events):
        settling = collect(settling, event, 10.0 + index * 0.1)
    settling, report = settle(settling, ClientReport(), 20.0)
    assert settling == Settling()
    return report


@pytest.mark.parametrize("order", list(permutations(range(6))))
def test_every_order_of_a_mapping_move_ends_connected(order: tuple[int, ...]) -> None:
    report = result_of(tuple(MOVE[index] for index in order))
    assert report == result_of(MOVE)
    assert report.bank_connected


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_order_of_a_lost_bank_ends_disconnected(order: tuple[int, ...]) -> None:
    assert not result_of(tuple(MOVE[index] for index in order)).bank_connected


def test_nothing_counts_before_the_burst_is_over() -> None:
    settling = collect(Settling(), MOVE[0], 10.0)
    settling = collect(settling, MOVE[1], 10.9)
    still, report = settle(settling, ClientReport(), 10.9 + SETTLE_S - 0.01)
    assert still is settling and report == ClientReport()


def test_burst_and_values_are_bounded() -> None:
    settling = Settling()
    for index in range(1000):
        event = ClientEvent("event-modem-status", ((f"X{index}", "1"),), float(index), index)
        settling = collect(settling, event, float(index) / 100)
    assert len(settling.events) == 64
    _, report = settle(settling, ClientReport(), 1e6)
    assert len(report.values) <= 64


def test_reports_of_one_process_within_one_tick_of_uptime_keep_their_order() -> None:
    """The native client may connect to server and bank within the 10 ms that uptime tells apart."""
    said = (
        ClientEvent("server_connected", (("bank_state", "waiting"), ("sim_wanted", "local"))),
        ClientEvent("bank_connected", (("bank_state", "CONNECTED"), ("sim_wanted", "local"))),
        ClientEvent("card_presented", (("bank_state", "CONNECTED"), ("sim_wanted", "remote"))),
    )
    report = result_of(said)
    assert report.bank_connected
    assert report.sim_wanted is SimSource.REMOTE
