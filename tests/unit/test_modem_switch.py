# SPDX-License-Identifier: GPL-2.0-or-later
"""The SIM switch as a whole, and the PIN: what may be done to a card, and what never."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modem_world import LOCAL_ICCID, REMOTE_ICCID, Bench, World
from remsim.events import ModemSeen, SimSwitched, SwitchSim
from remsim.model import ModemState, Role, SimSource
from remsim.modem.commands import PinTries
from remsim.modem.pin import Outcome, PinMemory, PinQuestion, why_not
from remsim.modem.profiles.fm350 import PROFILE as FM350
from remsim.modem.switch import same_iccid
from remsim_lab.modems import SimCard
from remsim_lab.modems.cards import LOCAL_PRIMARY, REMOTE_PRIMARY


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def switch(
    bench: Bench,
    source: SimSource = SimSource.REMOTE,
    iccid: str | None = REMOTE_ICCID,
    role: Role = Role.PRIMARY,
) -> SimSwitched:
    done = bench.order(SwitchSim(1, role, source, iccid))
    assert isinstance(done, SimSwitched)
    return done


def lab_l850(world: World) -> Bench:
    """An L850 as the primary: no radio cycle makes it read the SIM again."""
    world.l850("modem1", local=SimCard(*LOCAL_PRIMARY), remote=SimCard(*REMOTE_PRIMARY))
    bench = world.primary(device="/dev/ttyACM0")
    bench.run(30)
    return bench


# --- it works ------------------------------------------------------------------------------------


def test_switch_of_an_fm350_is_a_radio_cycle_and_no_reset(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    done = switch(bench)
    assert done == SimSwitched(1, Role.PRIMARY, SimSource.REMOTE, REMOTE_ICCID)
    assert bench.phases == [
        "interface down",
        "radio off",
        "switch",
        "radio on",
        "SIM ready",
        "ICCID",
        "interface up",
    ]
    assert bench.interface.log == ["down", "up"]
    assert world.lines.writes == [("modem1.sim_switch", 1)]
    assert plugged.core.restarts == 0
    assert bench.run(20).state is ModemState.CONNECTED
    assert bench.seen.iccid.value == REMOTE_ICCID


def test_switch_of_an_l850_is_a_reset(world: World) -> None:
    bench = lab_l850(world)
    done = switch(bench)
    assert (done.iccid, done.failure) == (REMOTE_ICCID, None)
    assert bench.phases == [
        "interface down",
        "switch",
        "reset",
        "SIM ready",
        "ICCID",
        "interface up",
    ]
    assert world.wired["modem1"].core.restarts == 1


def test_switch_keeps_posting_what_it_sees(world: World) -> None:
    bench = lab_l850(world)
    before = len(bench.events)
    switch(bench)
    states = [e.observation.state for e in bench.events[before:] if isinstance(e, ModemSeen)]
    assert ModemState.BOOTING in states
    assert len(states) > 5


def test_there_and_back_again(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(30)
    assert switch(bench).iccid == REMOTE_ICCID
    assert switch(bench, SimSource.LOCAL, LOCAL_ICCID).iccid == LOCAL_ICCID


def test_switch_that_is_already_there_disturbs_nothing(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    done = switch(bench, SimSource.LOCAL, LOCAL_ICCID)
    assert done.iccid == LOCAL_ICCID
    assert bench.phases == ["already there"]
    assert bench.interface.log == [] and world.lines.writes == []
    assert not [c for c in plugged.core.commands if "CFUN=" in c]


def test_any_other_card_will_do_when_none_is_expected(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(30)
    assert switch(bench, iccid=None).iccid == REMOTE_ICCID


def test_switch_without_an_interface_works_as_well(world: World) -> None:
    world.fm350()
    settings = world.primary().worker._settings
    bench = Bench(world, settings, has_interface=False)
    bench.run(30)
    assert switch(bench).iccid == REMOTE_ICCID


# --- it is refused -------------------------------------------------------------------------------


def test_iot_modem_never_leaves_its_local_sim(world: World) -> None:
    world.l850(remote=SimCard(*REMOTE_PRIMARY))
    bench = world.iot()
    bench.run(30)
    done = switch(bench, role=Role.IOT)
    assert done.failure is not None and "held at local" in done.failure.reason
    assert world.lines.writes == [] and bench.interface.log == []


def test_iot_modem_can_be_told_to_be_local(world: World) -> None:
    world.l850()
    bench = world.iot()
    bench.run(30)
    assert switch(bench, SimSource.LOCAL, None, Role.IOT).failure is None
    assert world.lines.writes == []


def test_modem_without_a_switch_says_which_option_is_missing(world: World) -> None:
    world.fm350()
    bench = world.primary(has_sim_switch=False)
    bench.run(30)
    done = switch(bench)
    assert done.failure is not None and "set modem1.sim_switch_gpio" in done.failure.reason


def test_wrong_modem_is_never_switched_to_remote(world: World) -> None:
    world.fm350()
    bench = world.primary(imei="490154203237518")
    bench.run(30)
    done = switch(bench)
    assert done.failure is not None and "not switched to remote" in done.failure.reason
    assert world.lines.writes == []


def test_silent_modem_is_not_switched_to_remote(world: World) -> None:
    plugged = world.fm350()
    plugged.core.fail("hang", 0)
    bench = world.primary()
    bench.run(10)
    assert switch(bench).failure is not None
    assert world.lines.writes == []


# --- it fails ------------------------------------------------------------------------------------


def test_switch_without_effect_is_found_out_by_the_iccid(world: World) -> None:
    world.fm350()
    world.lines.stuck.add("modem1.sim_switch")
    world.lines.levels["modem1.sim_switch"] = 1  # reads right, selects nothing
    bench = world.primary()
    bench.run(30)
    done = switch(bench)
    assert done.iccid is None
    assert done.failure is not None
    assert done.failure.reason.startswith("ICCID: SIM: SIM 8988211000000000029 was expected")
    assert bench.interface.log == ["down", "up"]


def test_line_that_does_not_move_fails_in_its_phase_with_the_radio_on(world: World) -> None:
    plugged = world.fm350()
    world.lines.stuck.add("modem1.sim_switch")
    bench = world.primary()
    bench.run(30)
    done = switch(bench)
    assert done.failure is not None
    assert done.failure.reason == "switch: modem1.sim_switch: was set to 1 and reads 0"
    assert plugged.core.cfun == 1
    assert bench.interface.log == ["down", "up"]
    assert bench.run(20).state is ModemState.CONNECTED


def test_missing_remote_card_is_said_after_a_reset_was_tried(world: World) -> None:
    plugged = world.fm350(remote=None)
    bench = world.primary()
    bench.run(30)
    done = switch(bench)
    assert done.failure is not None
    assert "the remote SIM is not ready: not inserted" in done.failure.reason
    assert "reset" in bench.phases and plugged.core.restarts == 1
    assert bench.interface.log[-1] == "up"


def test_switch_ends_within_its_budget(world: World) -> None:
    world.fm350(remote=None)
    bench = world.primary()
    bench.run(30)
    since = world.clock.monotonic()
    switch(bench)
    assert world.clock.monotonic() - since <= 120 + 1.5 * 77 + 30


def test_modem_that_hangs_before_the_switch_is_reset_by_its_line(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    plugged.core.fail("hang", world.clock.monotonic())
    done = switch(bench)
    assert done.iccid == REMOTE_ICCID
    assert "reset line" in bench.phases
    assert plugged.core.restarts == 1


def test_interface_that_stays_down_is_a_failure(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(30)
    bench.interface.broken.add("up")
    done = switch(bench)
    assert done.failure is not None and done.failure.reason.startswith("interface up: ")


def test_interface_that_does_not_go_down_stops_the_switch(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(30)
    bench.interface.broken.add("down")
    done = switch(bench)
    assert done.failure is not None and done.failure.reason.startswith("interface down: ")
    assert world.lines.writes == []
    assert bench.interface.log == ["down", "up"]


def test_switch_can_be_called_off_and_leaves_interface_and_radio_up(world: World) -> None:
    plugged = world.fm350(remote=None)
    bench = world.primary()
    bench.run(30)
    post, looks = bench.worker._post, []

    def cancel_at_third_look(event: object) -> None:
        post(event)  # type: ignore[arg-type]
        if isinstance(event, ModemSeen):
            looks.append(event)
            if len(looks) == 3:
                bench.worker.cancel(1)

    bench.worker._post = cancel_at_third_look  # type: ignore[assignment]
    done = switch(bench)
    assert done.failure is not None and done.failure.type == "busy"
    assert bench.interface.log == ["down", "up"]
    assert plugged.core.cfun == 1


def test_slots_of_the_modem_itself_can_be_the_switch(world: World) -> None:
    plugged = world.fm350()
    core = plugged.core
    from dataclasses import replace

    answers = {"+GTDUALSIM=0": (), "+GTDUALSIM=1": ()}
    core.model = replace(core.model, always={**core.model.always, **answers})
    bench = world.primary(has_sim_switch=False, sim_slot_local=0, sim_slot_remote=1)
    bench.run(30)
    core.selected = "remote"  # what the modem's own switch does
    assert switch(bench).iccid == REMOTE_ICCID
    assert "AT+GTDUALSIM=1" in core.commands


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("8949020000012345678", "8949020000012345678", True),
        ("8949020000012345678F", "8949020000012345678", True),
        ("89490200000123456785", "8949020000012345678", True),
        ("8949020000012345678", "8949020000012345679", False),
        ("8949020000012345678", "894902000001234567", True),
        ("8949020000012345678", "89490200000123456", False),
        ("", "8949020000012345678", False),
    ],
)
def test_same_card_with_and_without_check_digit(left: str, right: str, is_same: bool) -> None:
    assert same_iccid(left, right) is same_iccid(right, left) is is_same


# --- PIN -----------------------------------------------------------------------------------------

CARD = LOCAL_PRIMARY[0]


def question(**changes: object) -> PinQuestion:
    values: dict[str, object] = {
        "word": "SIM PIN",
        "pin": "1234",
        "card": CARD,
        "expected_card": None,
        "several_cards": False,
        "tries": PinTries(3, 3),
    }
    return PinQuestion(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"word": "SIM PUK"}, "never enters"),
        ({"word": "PH-NET PIN"}, "never enters"),
        ({"pin": None}, "none is configured"),
        ({"pin": "12a4"}, "not 4 to 8 digits"),
        ({"card": None}, "ICCID cannot be read"),
        ({"several_cards": True}, "set expected_iccid"),
        ({"expected_card": "8949020000012345678"}, "the PIN belongs to SIM"),
        ({"tries": None}, "cannot be read"),
        ({"tries": PinTries(1, 3)}, "only 1 PIN attempt"),
        ({"tries": PinTries(0, 3)}, "only 0 PIN attempt"),
    ],
)
def test_pin_is_held_back(changes: dict[str, object], why: str) -> None:
    assert why in (why_not(question(**changes), PinMemory()) or "sent")


@pytest.mark.parametrize("tries", [PinTries(3, 3), PinTries(2, 3), PinTries(3)])
def test_pin_may_be_sent_with_two_attempts_left(tries: PinTries) -> None:
    assert why_not(question(tries=tries), PinMemory()) is None
    assert why_not(question(expected_card=CARD, several_cards=True), PinMemory()) is None


def test_rejected_pin_is_never_sent_again() -> None:
    memory = PinMemory().with_outcome(CARD, Outcome.REJECTED)
    assert "rejected" in (why_not(question(), memory) or "")


def test_accepted_pin_is_sent_again_after_the_modem_restarted() -> None:
    memory = PinMemory().with_outcome(CARD, Outcome.ACCEPTED)
    assert why_not(question(), memory) is None


def test_attempt_without_an_answer_is_repeated_only_if_it_cost_nothing() -> None:
    memory = PinMemory().with_outcome(CARD, Outcome.SENT)
    assert why_not(question(), memory) is None
    assert why_not(question(tries=PinTries(2, 3)), memory) is not None


def test_right_pin_opens_the_sim(world: World) -> None:
    plugged = world.l850(local=SimCard(*LOCAL_PRIMARY, pin="4321"))
    bench = world.iot(pin="4321")
    assert bench.run(40).state is ModemState.CONNECTED
    assert [c for c in plugged.core.commands if "CPIN=" in c] == ['AT+CPIN="4321"']


def test_right_pin_opens_the_sim_again_after_each_restart(world: World) -> None:
    plugged = world.l850(local=SimCard(*LOCAL_PRIMARY, pin="4321"))
    bench = world.iot(pin="4321")
    bench.run(40)
    for _ in range(2):
        world.lines.pulse("modem2.reset", 300)
        bench.run(90)
        assert bench.seen.state is ModemState.CONNECTED
    assert len([c for c in plugged.core.commands if "CPIN=" in c]) == 3


@pytest.mark.parametrize("model", ["l850", "fm350"])
def test_wrong_pin_costs_one_attempt_in_all(world: World, model: str) -> None:
    card = SimCard(*LOCAL_PRIMARY, pin="9999")
    ttys = [f"ttyUSB{n}" for n in range(7)]
    world.plug(model, "1-4", ttys, "modem2", local=card)
    for _ in range(4):  # the daemon is restarted over and over
        bench = world.iot(device="/dev/ttyUSB0", pin="4321")
        seen = bench.run(60)
        assert seen.state is ModemState.PIN_NEEDED
        assert seen.failure is not None and "rejected the configured PIN" in seen.failure.reason
    world.lines.pulse("modem2.reset", 300)
    bench.run(120)
    assert card.tries == 2


def test_pin_goes_to_no_card_but_the_expected_one(world: World) -> None:
    card = SimCard(*LOCAL_PRIMARY, pin="4321")
    world.fm350(local=card)
    bench = world.primary(pin="4321", expected_iccid=REMOTE_ICCID)
    seen = bench.run(60)
    assert seen.state is ModemState.PIN_NEEDED
    assert seen.failure is not None and "the PIN belongs to SIM" in seen.failure.reason
    assert not [c for c in world.plugged[0].core.commands if "CPIN=" in c]


def test_card_with_one_attempt_left_is_left_alone(world: World) -> None:
    card = SimCard(*LOCAL_PRIMARY, pin="4321", tries=1)
    world.l850(local=card)
    bench = world.iot(pin="4321")
    assert bench.run(60).state is ModemState.PIN_NEEDED
    assert card.tries == 1


def test_lock_that_appears_is_a_state_with_its_reason(world: World) -> None:
    plugged = world.l850()
    bench = world.iot()
    bench.run(30)
    plugged.core.fail("pin", world.clock.monotonic())
    seen = bench.run(15)
    assert seen.state is ModemState.PIN_NEEDED
    assert seen.failure is not None and "none is configured" in seen.failure.reason
    plugged.core.restore(world.clock.monotonic())
    bench.run_until(ModemState.CONNECTED)


def test_changed_pin_gets_its_own_attempt(world: World) -> None:
    card = SimCard(*LOCAL_PRIMARY, pin="9999")
    world.l850(local=card)
    world.iot(pin="4321").run(60)
    assert card.tries == 2
    assert world.iot(pin="9999").run(60).state is ModemState.CONNECTED
    assert card.tries == 3


def test_pin_is_written_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.l850(local=SimCard(*LOCAL_PRIMARY, pin="86421357"))
    with caplog.at_level("DEBUG"):
        bench = world.iot(pin="86421357")
        bench.run(60)
    assert "86421357" not in caplog.text
    assert "86421357" not in repr(bench.worker._settings)
    assert "86421357" not in repr(bench.events)
    for path in world.root.rglob("*.json"):
        assert "86421357" not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0


def test_pin_that_is_no_pin_is_refused_and_not_sent(world: World) -> None:
    world.l850(local=SimCard(*LOCAL_PRIMARY, pin="4321"))
    seen = world.iot(pin='1"2').run(30)
    assert seen.state is ModemState.PIN_NEEDED
    assert seen.failure is not None and "not 4 to 8 digits" in seen.failure.reason
    assert not [c for c in world.plugged[0].core.commands if "CPIN=" in c]


def test_attempt_is_noted_before_it_is_made(world: World) -> None:
    plugged = world.l850(local=SimCard(*LOCAL_PRIMARY, pin="4321"))
    core, receive = plugged.core, plugged.core.receive

    def crash(data: bytes, now: float) -> None:
        if b"CPIN=" in data:
            raise KeyboardInterrupt
        receive(data, now)

    core.receive = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.iot(pin="4321").run(60)
    table = json.loads((world.root / "var/run/remsim/pin-modem2.json").read_text())
    assert table["outcomes"] == {CARD: "sent"}


def test_fm350_tells_its_attempts_by_epinc() -> None:
    assert [command.text for command in FM350.tries_left] == ["AT+EPINC?", "AT+CPINR"]
