# SPDX-License-Identifier: GPL-2.0-or-later
"""A modem worker over simulated modems, on a clock moved by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modem_world import LOCAL_ICCID, World
from remsim.errors import BusyError
from remsim.events import AskAt, AtDone, ModemSeen, RunStep, StepDone
from remsim.model import ModemState, Registration, Role, Signal, Step
from remsim.modem.worker import QUEUE_MAX


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --- what is seen --------------------------------------------------------------------------------


def test_first_poll_sees_everything_of_an_fm350(world: World) -> None:
    world.fm350()
    bench = world.primary()
    seen = bench.run(15)
    assert seen.state is ModemState.CONNECTED
    assert (seen.device, seen.bus_path, seen.usb_id) == ("/dev/ttyUSB3", "1-1.2", "0e8d:7127")
    assert (seen.profile, seen.boot_time_s) == ("fm350", 77.0)
    assert seen.manufacturer.value == "Fibocom Wireless Inc."
    assert seen.model.value == "FM350-GL"
    assert seen.firmware.value == "81600.0000.00.29.22.06"
    assert seen.imei.value == "863123040012343"
    assert seen.sim.value == "READY"
    assert seen.iccid.value == LOCAL_ICCID
    assert seen.imsi.value == "001010000000011"
    assert seen.registration.value == Registration(1, 13, "05D5", "0019BF801")
    assert seen.operator.value == "Lab One"
    assert seen.technology.value == "LTE"  # not EN-DC, whatever <AcT> says
    assert seen.signal.value == Signal(-91, -81, -9, 6.5, "B3")
    assert seen.temperature_c.value == 45.3
    assert seen.failure is None


def test_first_poll_sees_everything_of_an_l850(world: World) -> None:
    world.l850()
    seen = world.iot().run(15)
    assert seen.state is ModemState.CONNECTED
    assert (seen.device, seen.bus_path, seen.profile) == ("/dev/ttyACM0", "1-1.3", "l850")
    assert seen.model.value == "L850 LTE Module"
    assert seen.imei.value == "015550009876543"
    assert seen.signal.value == Signal(-73, -90, -8, 9, "B3")
    assert seen.technology.value == "LTE"
    assert seen.temperature_c.value == 42.0


def test_unknown_modem_is_asked_by_the_generic_rows(world: World) -> None:
    world.plug("generic", "2-1", ["ttyUSB7"], "modem1")
    world.plugged[0].core.insert("local", None, 0)
    seen = world.primary(device="/dev/ttyUSB7").run(60)
    assert (seen.profile, seen.usb_id) == ("generic", "dead:beef")
    assert seen.state is ModemState.NO_SIM
    assert seen.imei.value == "004400152020000"


def test_start_adopts_and_touches_nothing(world: World) -> None:
    primary, iot = world.fm350(), world.l850()
    benches = [world.primary(), world.iot()]
    for bench in benches:
        bench.run(120)
        assert bench.interface.log == []
        assert bench.bus.log == []
    for plugged in (primary, iot):
        assert not [c for c in plugged.core.commands if "CFUN=" in c or "CPIN=" in c or "E0" in c]
        assert plugged.core.restarts == 0
    assert world.lines.writes == []


def test_steady_state_costs_few_commands(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    before = len(plugged.core.commands)
    bench.run(600)
    # Each 10 s: +CPIN?, +CEREG?, +CGACT?; each minute:
    # ICCID, IMSI, operator, cell, RSSI, temperature.
    assert len(plugged.core.commands) - before <= 60 * 3 + 10 * 6 + 12


def test_field_that_cannot_be_read_hides_no_other(world: World) -> None:
    plugged = world.fm350()
    hidden = {"+GTSENRDTEMP=1", "+CGMI", "+CIMI"}
    plugged.core.model = _without(plugged.core.model, hidden)
    seen = world.primary().run(15)
    assert seen.state is ModemState.CONNECTED
    assert seen.temperature_c.value is None and seen.temperature_c.failure is not None
    assert seen.temperature_c.failure.code == "CME 100"
    assert seen.manufacturer.failure is not None and seen.imsi.failure is not None
    assert seen.signal.value == Signal(-91, -81, -9, 6.5, "B3")
    assert seen.failure is None


def _without(model: object, hidden: set[str], silent: bool = False) -> object:
    from dataclasses import replace

    tables = {
        name: {
            command: (None if silent else lines)
            for command, lines in getattr(model, name).items()
            if silent or command not in hidden
        }
        if not silent
        else {c: (None if c in hidden else lines) for c, lines in getattr(model, name).items()}
        for name in ("always", "with_sim", "registered", "unregistered")
    }
    return replace(model, **tables)  # type: ignore[type-var]


def test_command_that_is_never_answered_costs_its_time_and_nothing_else(world: World) -> None:
    plugged = world.fm350()
    plugged.core.model = _without(plugged.core.model, {"+GTCCINFO?"}, silent=True)
    seen = world.primary().run(20)
    assert seen.state is ModemState.CONNECTED
    assert seen.signal.value == Signal(-94, -81, -9, None, None)  # +CESQ instead
    assert seen.failure is None


# --- network -------------------------------------------------------------------------------------


def test_lost_signal_is_seen_within_the_registration_interval(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    plugged.core.fail("signal", world.clock.monotonic())
    assert bench.run_until(ModemState.SEARCHING) <= 11
    seen = bench.run(15)
    assert seen.registration.value == Registration(2)
    assert seen.operator.value is None
    assert seen.technology.value is None
    assert seen.signal.value == Signal()
    plugged.core.restore(world.clock.monotonic())
    assert bench.run_until(ModemState.CONNECTED) <= 12


def test_denied_registration_names_the_networks_reason(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    plugged.core.model = _with_answer(plugged.core.model, "+CEER", "+CEER: Option unsubscribed")
    plugged.core.fail("denied", world.clock.monotonic())
    seen = bench.run(20)
    assert seen.state is ModemState.SEARCHING
    assert seen.registration.value == Registration(3)
    assert seen.failure is not None and "Option unsubscribed" in seen.failure.reason


def test_roaming_where_it_is_not_allowed_counts_as_no_network_and_says_so(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary(roaming_allowed=False)
    assert bench.run(20).state is ModemState.CONNECTED
    plugged.core.fail("roaming", world.clock.monotonic())
    seen = bench.run(20)
    assert seen.state is ModemState.SEARCHING
    assert seen.roams_in_vain
    assert seen.operator.value == "Lab One", "what it is registered with is shown all the same"
    assert seen.failure is not None and seen.failure.code == "roaming"
    plugged.core.restore(world.clock.monotonic())
    seen = bench.run(20)
    assert (seen.state, seen.roams_in_vain) == (ModemState.CONNECTED, False)
    assert seen.failure is None


def _with_answer(model: object, command: str, *lines: str) -> object:
    from dataclasses import replace

    return replace(model, always={**model.always, command: lines})  # type: ignore[attr-defined,type-var]


# --- SIM -----------------------------------------------------------------------------------------


def test_missing_sim_is_a_state_and_no_error(world: World) -> None:
    plugged = world.fm350(local=None)
    bench = world.primary()
    assert bench.turn().sim.value == "busy"  # so early, "not inserted" may mean "not yet"
    seen = bench.run(60)
    assert seen.state is ModemState.NO_SIM
    assert seen.sim.value == "not inserted"
    assert seen.iccid.value is None
    assert seen.failure is None
    assert plugged.core.restarts == 0


def test_busy_sim_is_waited_for(world: World) -> None:
    plugged = world.fm350()
    plugged.core.fail("sim_busy", 0)
    bench = world.primary()
    seen = bench.run(120)
    assert (seen.state, seen.sim.value) == (ModemState.SEARCHING, "busy")
    plugged.core.restore(world.clock.monotonic())
    bench.run_until(ModemState.CONNECTED)


def test_card_that_is_pulled_takes_its_numbers_along(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    assert bench.run(60).iccid.value == LOCAL_ICCID
    plugged.core.fail("no_sim", world.clock.monotonic())
    seen = bench.run(30)
    assert seen.state is ModemState.NO_SIM
    assert seen.iccid.value is None and seen.imsi.value is None


# --- a modem that falls silent -------------------------------------------------------------------


def test_hung_modem_is_failed_after_half_a_minute_and_back_after_its_reset_line(
    world: World,
) -> None:
    plugged = world.l850()
    bench = world.iot()
    bench.run(60)
    plugged.core.fail("hang", world.clock.monotonic())
    took_s = bench.run_until(ModemState.FAILED)
    assert 20 <= took_s <= 55
    assert bench.seen.failure is not None and bench.seen.failure.code == "device_timeout"
    assert bench.seen.iccid.value is not None  # last known values stay
    done = bench.order(RunStep(1, Role.IOT, Step.RESET_LINE))
    assert done == StepDone(1, Role.IOT, Step.RESET_LINE)
    assert bench.seen.state is ModemState.BOOTING
    bench.run_until(ModemState.CONNECTED)
    assert plugged.core.restarts == 1
    assert bench.seen.boot_time_s == pytest.approx(23, abs=4)


def test_silent_modem_at_the_start_is_booting_before_it_is_failed(world: World) -> None:
    plugged = world.fm350()
    plugged.core.fail("hang", 0)
    bench = world.primary()
    assert bench.turn().state is ModemState.BOOTING
    took_s = bench.run_until(ModemState.FAILED)
    assert 150 <= took_s <= 180  # the FM350's port may be silent for 160 s


def test_no_turn_takes_longer_than_its_commands(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    plugged.core.fail("hang", world.clock.monotonic())
    for _ in range(20):
        before = world.clock.monotonic()
        bench.worker.turn()
        assert world.clock.monotonic() - before <= 10
        world.clock.move(bench.worker.pause_s)


def test_reset_by_at_is_booting_although_it_answers_for_a_while(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    assert bench.order(RunStep(1, Role.PRIMARY, Step.AT_RESET)) == StepDone(
        1, Role.PRIMARY, Step.AT_RESET
    )
    since = world.clock.monotonic()
    states = set()
    while world.clock.monotonic() - since < 70:
        states.add(bench.turn().state)
    assert states == {ModemState.BOOTING}
    bench.run_until(ModemState.CONNECTED)
    assert plugged.core.restarts == 1
    assert bench.seen.boot_time_s == pytest.approx(78, abs=3)


def test_boot_time_is_learnt_and_survives_the_daemon(world: World) -> None:
    world.l850()
    bench = world.iot()
    bench.run(30)
    assert bench.seen.boot_time_s == 40.0
    bench.order(RunStep(1, Role.IOT, Step.RESET_LINE))
    bench.run(90)
    learnt = bench.seen.boot_time_s
    assert learnt is not None and learnt < 40
    assert world.iot().run(1).boot_time_s == learnt
    table = json.loads((world.root / "etc/remsim/learnt-modem2.json").read_text())
    assert table == {
        "boot_times_s": {"l850": learnt},
        "imei": "015550009876543",
        "place": "1-1.3",
    }


def test_configured_boot_time_wins(world: World) -> None:
    world.l850()
    assert world.iot(boot_time_s=99.0).run(5).boot_time_s == 99.0


def test_modem_that_does_not_come_back_is_absent_once_its_time_is_over(world: World) -> None:
    plugged = world.l850()
    bench = world.iot()
    bench.run(30)
    plugged.core.fail("no_boot", world.clock.monotonic())
    bench.order(RunStep(1, Role.IOT, Step.RESET_LINE))
    took_s = bench.run_until(ModemState.ABSENT)
    assert took_s == pytest.approx(1.5 * 40 + 30, abs=5)


# --- vanishing and coming back -------------------------------------------------------------------


def test_modem_that_vanishes_is_absent_and_found_again_under_another_name(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    plugged.core.fail("vanish", world.clock.monotonic())
    assert bench.run_until(ModemState.ABSENT) <= 11
    plugged.ttys = [f"ttyUSB{n}" for n in range(10, 17)]
    plugged.core.restore(world.clock.monotonic())
    bench.run_until(ModemState.CONNECTED)
    assert bench.seen.device == "/dev/ttyUSB13"
    assert bench.seen.bus_path == "1-1.2"


def test_port_that_vanishes_in_mid_command_is_noticed_at_once(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    core, receive = plugged.core, plugged.core.receive

    def vanish(data: bytes, now: float) -> None:
        receive(data[: len(data) // 2], now)
        core.fail("vanish", now)

    core.receive = vanish  # type: ignore[method-assign]
    before = world.clock.monotonic()
    bench.worker.nudge()
    assert bench.turn().state is ModemState.ABSENT
    assert world.clock.monotonic() - before < 5
    assert bench.seen.failure is not None and bench.seen.failure.code == "device_gone"


def test_identical_modems_that_changed_names_keep_their_roles(world: World) -> None:
    first = world.plug("l850", "1-1", ["ttyACM0", "ttyACM1", "ttyACM2"], "modem1")
    second = world.plug("l850", "1-2", ["ttyACM3", "ttyACM4", "ttyACM5"], "modem2", imei="0" * 15)
    world.primary(device="/dev/ttyACM0").run(5)
    world.iot(device="/dev/ttyACM3").run(5)
    for plugged, ttys in ((first, [3, 4, 5]), (second, [0, 1, 2])):
        plugged.core.authorize(False, world.clock.monotonic())
        plugged.ttys = [f"ttyACM{n}" for n in ttys]
    for plugged in (first, second):
        plugged.core.authorize(True, world.clock.monotonic())
    world.clock.move(10)
    fresh = World(world.root)
    fresh.clock, fresh.plugged, fresh.wired = world.clock, world.plugged, world.wired
    primary = fresh.primary(device="/dev/ttyACM0").run(5)
    iot = fresh.iot(device="/dev/ttyACM3").run(5)
    assert (primary.imei.value, primary.device) == ("015550009876543", "/dev/ttyACM3")
    assert (iot.imei.value, iot.device) == ("0" * 15, "/dev/ttyACM0")


def test_modem_of_the_other_role_is_not_taken_while_ours_is_away(world: World) -> None:
    world.l850(role="modem1")
    bench = world.primary(device="/dev/ttyACM0")
    bench.run(5)
    world.plugged[0].core.fail("vanish", world.clock.monotonic())
    world.plug("l850", "1-9", ["ttyACM0", "ttyACM1", "ttyACM2"], "modem2", imei="0" * 15)
    fresh = world.primary(device="/dev/ttyACM0")
    seen = fresh.run(20)
    assert seen.state is ModemState.FAILED
    assert seen.failure is not None and "modem1 is 015550009876543" in seen.failure.reason
    assert "set modem1.imei or modem1.bus_path" in seen.failure.reason


def test_configured_imei_finds_the_modem_wherever_it_is(world: World) -> None:
    world.plug("l850", "1-1", ["ttyACM0", "ttyACM1", "ttyACM2"], "modem2")
    world.plug("l850", "1-2", ["ttyACM3", "ttyACM4", "ttyACM5"], "modem1", imei="490154203237518")
    bench = world.primary(device="/dev/ttyACM0", imei="490154203237518")
    seen = bench.run(10)
    assert (seen.bus_path, seen.imei.value) == ("1-2", "490154203237518")


def test_configured_place_wins_over_the_device(world: World) -> None:
    world.fm350()
    world.l850()
    seen = world.primary(device="/dev/ttyACM0", bus_path="1-1.2").run(5)
    assert (seen.device, seen.profile) == ("/dev/ttyUSB3", "fm350")


def test_nothing_at_the_configured_place_is_absent(world: World) -> None:
    world.fm350()
    seen = world.primary(bus_path="1-7").run(5)
    assert seen.state is ModemState.ABSENT
    assert seen.failure is not None and "no modem at 1-7" in seen.failure.reason


def test_replaced_modem_at_the_learnt_place_is_accepted(world: World) -> None:
    world.l850()
    world.iot().run(5)
    world.plugged[0].core.imei = "356938035643809"
    seen = world.iot().run(10)
    assert (seen.state, seen.imei.value) == (ModemState.CONNECTED, "356938035643809")


def test_other_roles_modem_at_our_place_is_refused(world: World) -> None:
    world.l850()
    world.iot().run(5)
    world.fm350()
    world.primary().run(5)
    world.wired["modem2"].core.imei = world.wired["modem1"].core.imei
    world.claims.claim(Role.PRIMARY, None)
    seen = world.iot().run(10)
    assert seen.state is ModemState.FAILED
    assert seen.failure is not None and "is the other modem" in seen.failure.reason


# --- noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["garbage", "half_lines", "slow"])
def test_bad_line_never_gives_a_wrong_value(world: World, fault: str) -> None:
    plugged = world.fm350()
    bench = world.primary()
    plugged.core.fail(fault, 0)
    right = {
        "imei": {"863123040012343", None},
        "iccid": {LOCAL_ICCID, None},
        "imsi": {"001010000000011", None},
        "operator": {"Lab One", None},
        "temperature_c": {45.3, None},
    }
    for _ in range(200):
        seen = bench.turn()
        for name, values in right.items():
            assert getattr(seen, name).value in values
        assert seen.signal.value in (None, Signal()) or seen.signal.value.rsrp_dbm in (-81, None)
    plugged.core.restore(world.clock.monotonic())
    bench.run_until(ModemState.CONNECTED)
    assert bench.run(120).failure is None


def test_answers_that_come_too_late_are_never_taken_for_others(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(60)
    plugged.core.fail("slow", world.clock.monotonic())
    bench.run(300)
    plugged.core.restore(world.clock.monotonic())
    seen = bench.run(60)
    assert seen.state is ModemState.CONNECTED
    assert seen.iccid.value == LOCAL_ICCID
    assert plugged.core.restarts == 0


# --- steps ---------------------------------------------------------------------------------------


def test_every_step_is_carried_out_on_its_own_means(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    for number, step in enumerate(Step):
        done = bench.order(RunStep(number, Role.PRIMARY, step))
        assert done == StepDone(number, Role.PRIMARY, step)
        bench.run_until(ModemState.CONNECTED)
    assert bench.interface.log == ["down", "up"]
    assert [c for c in plugged.core.commands if "CFUN=" in c] == [
        "AT+CFUN=4",
        "AT+CFUN=1",
        "AT+CFUN=15",
    ]
    assert bench.bus.log == ["1-1.2"]
    assert world.lines.writes == [
        ("modem1.reset", 1),
        ("modem1.reset", 0),
        ("modem1.power", 1),
        ("modem1.power", 0),
    ]
    assert plugged.core.restarts == 3


@pytest.mark.parametrize(
    ("step", "option"),
    [(Step.RESET_LINE, "modem1.reset_gpio"), (Step.POWER, "modem1.power_gpio")],
)
def test_step_without_its_line_names_the_option(world: World, step: Step, option: str) -> None:
    world.fm350()
    bench = world.primary(has_reset_line=False, has_power_line=False)
    bench.run(5)
    done = bench.order(RunStep(1, Role.PRIMARY, step))
    assert isinstance(done, StepDone) and done.failure is not None
    assert option in done.failure.reason and done.failure.type == "not_possible"
    assert world.lines.writes == []


def test_interface_is_brought_up_even_if_it_would_not_go_down(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.interface.broken.add("down")
    done = bench.order(RunStep(1, Role.PRIMARY, Step.INTERFACE))
    assert isinstance(done, StepDone) and done.failure is not None
    assert bench.interface.log == ["down", "up"]


def test_bus_step_reaches_a_modem_that_left_its_port(world: World) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(30)
    plugged.core.fail("vanish", world.clock.monotonic(), cure="bus")
    bench.run_until(ModemState.ABSENT)
    bench.order(RunStep(1, Role.PRIMARY, Step.BUS))
    assert bench.bus.log == ["1-1.2"]


def test_step_on_a_modem_that_never_was_there_says_so(world: World) -> None:
    bench = world.primary()
    bench.run(5)
    for number, step in enumerate((Step.RADIO, Step.AT_RESET, Step.BUS)):
        done = bench.order(RunStep(number, Role.PRIMARY, step))
        assert isinstance(done, StepDone) and done.failure is not None


def test_restart_on_the_bus_that_a_crash_interrupted_is_ended_at_the_start(tmp_path: Path) -> None:
    from remsim.modem.bus import SysfsBus

    world = World(tmp_path)
    plugged = world.fm350()
    authorized = Path(plugged.tree.authorized_path)
    bus = SysfsBus(world.paths, world.clock)
    assert not bus.finish_interrupted("1-1.2")
    authorized.write_text("0\n")
    assert bus.finish_interrupted("1-1.2")
    assert authorized.read_text().startswith("1")
    assert not bus.finish_interrupted("../../etc")


# --- typed commands ------------------------------------------------------------------------------


def ask(command: str, timeout_s: float = 3.0) -> AskAt:
    return AskAt(7, Role.PRIMARY, command, timeout_s)


def test_typed_command_gives_every_line(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(5)
    done = bench.order(ask("AT+GTCCINFO?"))
    assert isinstance(done, AtDone) and done.failure is None
    assert done.lines[0] == "+GTCCINFO:" and len(done.lines) == 5


@pytest.mark.parametrize("command", ["AT+QPOWD=1", "ATE0", "hello", "AT\rAT", "ATD123"])
def test_refused_command_never_reaches_the_modem(world: World, command: str) -> None:
    plugged = world.fm350()
    bench = world.primary()
    bench.run(5)
    done = bench.order(ask(command))
    assert isinstance(done, AtDone) and done.failure is not None
    assert done.failure.type == "argument"
    assert not [c for c in plugged.core.commands if "QPOWD" in c or c == "ATE0" or "ATD" in c]


def test_typed_command_that_goes_unanswered_fails_and_the_next_poll_is_right(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(5)
    done = bench.order(ask("AT+GTCAINFO?"))
    assert isinstance(done, AtDone) and done.failure is not None
    assert done.failure.type == "device_timeout"
    assert bench.run(20).state is ModemState.CONNECTED


def test_typed_error_is_told_with_its_number_and_without_secrets(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(5)
    done = bench.order(ask('AT+CLCK="SC",0,"1234"'))
    assert isinstance(done, AtDone) and done.failure is not None
    assert done.failure.code == "CME 100"
    assert "1234" not in done.failure.reason


# --- orders --------------------------------------------------------------------------------------


def test_queue_is_bounded_and_every_order_is_answered_once(world: World) -> None:
    world.fm350()
    bench = world.primary()
    for number in range(QUEUE_MAX):
        bench.worker.submit(AskAt(number, Role.PRIMARY, "AT", 1.0))
    with pytest.raises(BusyError):
        bench.worker.submit(ask("AT"))
    for _ in range(QUEUE_MAX):
        bench.worker.turn()
    done = [event.id for event in bench.events if isinstance(event, AtDone)]
    assert done == list(range(QUEUE_MAX))


def test_cancelled_order_is_answered_with_a_failure(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(10)
    bench.worker.cancel(7)
    done = bench.order(ask("AT+CSQ"))
    assert isinstance(done, AtDone) and done.failure is not None and done.failure.type == "busy"
    assert bench.order(ask("AT+CSQ")) == AtDone(7, Role.PRIMARY, ("+CSQ: 11, 99",))


def test_nudge_makes_it_look_at_once(world: World) -> None:
    world.fm350()
    bench = world.primary()
    bench.run(30)
    bench.worker.turn()
    assert bench.worker.pause_s > 0
    bench.worker.nudge()
    assert bench.worker.pause_s == 0
    before = len([e for e in bench.events if isinstance(e, ModemSeen)])
    bench.worker.turn()
    assert len([e for e in bench.events if isinstance(e, ModemSeen)]) == before + 1


def test_new_settings_are_taken_over_without_losing_the_modem(world: World) -> None:
    from dataclasses import replace

    world.fm350()
    bench = world.primary()
    bench.run(30)
    opened = len(world.opened)
    settings = bench.worker._settings
    bench.worker.update(replace(settings, registration_interval_s=30.0))
    bench.run(60)
    assert len(world.opened) == opened
    assert bench.worker._poller.pause_s == 30.0


def test_new_device_is_opened_after_an_update(world: World) -> None:
    from dataclasses import replace

    world.fm350()
    world.l850()
    bench = world.primary()
    bench.run(10)
    bench.worker.update(replace(bench.worker._settings, bus_path="1-1.3"))
    seen = bench.run(10)
    assert seen.device == "/dev/ttyACM0"
