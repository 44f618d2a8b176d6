# SPDX-License-Identifier: GPL-2.0-or-later
"""S1, S2, S3 of the failover design on a hand-moved clock."""

from __future__ import annotations

import itertools

import pytest

from remsim.failover.policy import Policy
from remsim.model import AssignmentState, Role, Step
from scenario.world import World


def started(**policy: object) -> World:
    world = World(Policy(**policy))  # type: ignore[arg-type]
    world.start()
    world.run(1.0)
    assert world.state.failover.bank.state is AssignmentState.ACTIVE
    assert world.state.failover.control is Role.IOT
    return world


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def answered(world: World) -> list[float]:
    return [world.server.registrations[0], *(at for at, _ in world.server.beats)]


def test_s1_primary_loses_signal_and_no_heartbeat_is_lost() -> None:
    world = started()
    world.run(130.0)
    world.modems[Role.PRIMARY].has_signal = False
    world.run(300.0)
    world.modems[Role.PRIMARY].has_signal = True
    world.run(300.0)
    assert {role for _, role in world.server.beats} == {Role.IOT}
    assert max(gaps(answered(world))) == pytest.approx(60.0, abs=0.5)
    assert len(world.sent) == len(world.server.beats)
    assert world.state.failover.bank.state is AssignmentState.ACTIVE
    assert world.server.registrations == [world.server.registrations[0]]
    assert world.state.failover.primary.is_up
    assert not world.violations


def test_s2_iot_link_fails_and_the_beat_leaves_over_the_primary_at_once() -> None:
    world = started()
    world.run(130.0)
    fell_at = world.now
    world.modems[Role.IOT].has_signal = False
    world.run(59.0)
    assert world.state.failover.control is Role.PRIMARY
    assert (fell_at, Role.PRIMARY) == (pytest.approx(world.sent[-1][0], abs=60.0), Role.PRIMARY)
    first_by_primary = next(at for at, role in world.server.beats if role is Role.PRIMARY)
    assert first_by_primary - fell_at < 1.0
    world.run(2.0)
    reset_at, step = next(
        (at, step) for at, step in world.modems[Role.IOT].steps if step is Step.RESET_LINE
    )
    assert reset_at - fell_at == pytest.approx(60.0, abs=1.0), step
    world.modems[Role.IOT].has_signal = True
    world.run(120.0)
    assert world.state.failover.control is Role.IOT
    assert max(gaps(answered(world))) <= 60.5
    assert world.state.failover.iot_ladder.helped is Step.RESET_LINE
    assert not world.violations


def test_s2_silent_iot_carrier_costs_at_most_one_interval() -> None:
    world = started()
    world.run(130.0)
    world.modems[Role.IOT].carries = False
    world.run(300.0)
    assert world.state.failover.control is Role.PRIMARY
    assert max(gaps(answered(world))) <= 120.0
    assert world.modems[Role.IOT].resets
    assert not world.violations


def test_s3_both_down_resets_come_in_time_iot_first_and_never_at_once() -> None:
    world = started()
    world.run(130.0)
    fell_at = world.now
    for modem in world.modems.values():
        modem.has_signal = False
    last_beat = world.server.beats[-1][0]
    world.run(600.0)
    iot = world.modems[Role.IOT].resets
    primary = world.modems[Role.PRIMARY].resets
    due = min(fell_at + 180.0, last_beat + 300.0 - 40.0 - 30.0)
    assert iot[0] == pytest.approx(due, abs=1.0)
    assert primary[0] > iot[0] + 40.0
    assert len(iot) < 2 or primary[0] < iot[1], "the primary is not starved by the IoT ladder"
    assert world.state.failover.bank.state is AssignmentState.EXPIRED
    for modem in world.modems.values():
        modem.has_signal = True
    world.run(120.0)
    assert world.state.failover.bank.state is AssignmentState.ACTIVE
    assert len(world.server.registrations) == 2
    assert not world.violations


def test_silent_server_over_working_links_resets_no_modem() -> None:
    world = started()
    world.run(130.0)
    world.server.answers = False
    world.run(3600.0)
    assert world.state.failover.iot.is_up and world.state.failover.primary.is_up
    assert not any(modem.steps for modem in world.modems.values())
    assert any(alert.id == "assignment.expired" for alert in world.state.alerts)
    world.server.answers = True
    world.run(400.0)
    assert world.state.failover.bank.state is AssignmentState.ACTIVE
    assert world.state.failover.control is Role.IOT
