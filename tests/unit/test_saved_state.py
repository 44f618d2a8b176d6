# SPDX-License-Identifier: GPL-2.0-or-later
"""Adoption: what a restarted daemon gets back, and what it must not believe."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim import saved
from remsim.errors import StorageError
from remsim.failover.policy import Policy
from remsim.jobs import Kind, Wanted
from remsim.model import AssignmentState, Role, Step
from remsim.state import State
from scenario.world import World


def lived() -> World:
    world = World()
    world.start()
    world.run(200.0)
    return world


def restored(world: World, boot_id: str = "b") -> State:
    text = saved.to_text(world.state, "b")
    return saved.from_text(text, world.policy, boot_id, world.now)


def test_assignment_control_path_and_rhythm_survive_a_restart() -> None:
    world = lived()
    state = restored(world)
    before = world.state.failover
    assert state.failover.bank == before.bank
    assert state.failover.control is Role.IOT
    assert state.failover.beats.next_at == before.beats.next_at
    assert state.log[-1] == world.state.log[-1]


def test_backoff_survives_a_restart() -> None:
    world = lived()
    world.modems[Role.IOT].has_signal = False
    world.run(2000.0)
    ladder = world.state.failover.iot_ladder
    assert ladder.rounds > 1
    back = restored(world).failover.iot_ladder
    assert (back.rounds, back.not_before) == (ladder.rounds, ladder.not_before)


def test_step_in_hand_counts_as_tried_after_a_crash() -> None:
    world = lived()
    world._later = lambda seconds, make: None  # type: ignore[method-assign]
    world.want(Wanted(Kind.RESET, Role.IOT))
    ladder = restored(world).failover.iot_ladder
    assert ladder.order_id is None
    assert ladder.tried == (Step.RESET_LINE,)
    assert ladder.reset_until(world.now) is not None, "the other modem still waits for its boot"


def test_after_a_boot_nothing_is_believed_but_the_numbering() -> None:
    world = lived()
    state = restored(world, boot_id="another")
    assert state.failover.bank.state is AssignmentState.UNREGISTERED
    assert state.failover.control is None
    assert state.next_seq == world.state.next_seq


def test_after_a_release_the_next_start_takes_over_again() -> None:
    world = lived()
    world.want(Wanted(Kind.RELEASE))
    world.run(5.0)
    assert world.state.failover.is_released
    state = restored(world)
    assert not state.failover.is_released and state.failover.bank.wanted


def test_explicit_unregister_holds_over_a_restart() -> None:
    world = lived()
    world.want(Wanted(Kind.UNREGISTER))
    world.run(5.0)
    assert not restored(world).failover.bank.wanted


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', "null", '"x"'])
def test_broken_text_is_an_error_that_names_the_file(text: str) -> None:
    with pytest.raises(StorageError, match=r"state\.json"):
        saved.from_text(text, Policy(), "b", 0.0)


@given(st.data())
def test_any_damage_is_an_error_or_a_whole_state(data: st.DataObject) -> None:
    text = saved.to_text(lived().state, "b")
    whole = json.loads(text)
    key = data.draw(st.sampled_from(sorted(whole)))
    junk = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none())
    whole[key] = data.draw(junk)
    with contextlib.suppress(StorageError):
        saved.from_text(json.dumps(whole), Policy(), "b", 0.0)
