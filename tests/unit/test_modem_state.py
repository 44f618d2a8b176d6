# SPDX-License-Identifier: GPL-2.0-or-later
"""How a modem is, when a restart is over, when a field is asked again: the pure parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import AtError, DeviceTimeout
from remsim.model import ModemState, Registration
from remsim.modem.boot import BootWatch, blend
from remsim.modem.readings import RETRY_MAX_S, RETRY_S, Field, failure_of
from remsim.modem.state import HUNG_AFTER_S, Seen, Sim, decide, most_telling, sim_of, sim_word

HOME, SEARCHING, GUEST = Registration(1), Registration(2), Registration(5)


@pytest.mark.parametrize(
    ("seen", "before", "state"),
    [
        (Seen(is_present=False), ModemState.UNKNOWN, ModemState.ABSENT),
        (Seen(is_present=False), ModemState.CONNECTED, ModemState.ABSENT),
        (Seen(is_present=False, is_restarting=True), ModemState.CONNECTED, ModemState.BOOTING),
        (Seen(is_present=True, is_ours=False), ModemState.CONNECTED, ModemState.FAILED),
        (Seen(is_present=True, may_be_silent=True), ModemState.ABSENT, ModemState.BOOTING),
        (Seen(is_present=True, silent_s=5), ModemState.CONNECTED, ModemState.CONNECTED),
        (Seen(is_present=True, silent_s=5), ModemState.ABSENT, ModemState.BOOTING),
        (Seen(is_present=True, silent_s=HUNG_AFTER_S), ModemState.CONNECTED, ModemState.FAILED),
        (Seen(True, answers=True, sim=Sim.ABSENT), ModemState.UNKNOWN, ModemState.NO_SIM),
        (Seen(True, answers=True, sim=Sim.FAULTY), ModemState.UNKNOWN, ModemState.NO_SIM),
        (Seen(True, answers=True, sim=Sim.PIN), ModemState.UNKNOWN, ModemState.PIN_NEEDED),
        (Seen(True, answers=True, sim=Sim.BUSY), ModemState.UNKNOWN, ModemState.SEARCHING),
        (
            Seen(True, answers=True, sim=Sim.READY, registration=SEARCHING),
            ModemState.CONNECTED,
            ModemState.SEARCHING,
        ),
        (
            Seen(True, answers=True, sim=Sim.READY, registration=HOME),
            ModemState.UNKNOWN,
            ModemState.REGISTERED,
        ),
        (
            Seen(True, answers=True, sim=Sim.READY, registration=HOME, has_context=True),
            ModemState.UNKNOWN,
            ModemState.CONNECTED,
        ),
        (
            Seen(True, answers=True, registration=GUEST, has_context=True),
            ModemState.UNKNOWN,
            ModemState.CONNECTED,
        ),
        (  # registered, and yet no network
            Seen(True, answers=True, registration=GUEST, roaming_allowed=False, has_context=True),
            ModemState.CONNECTED,
            ModemState.SEARCHING,
        ),
        (
            Seen(True, answers=True, registration=HOME, roaming_allowed=False),
            ModemState.UNKNOWN,
            ModemState.REGISTERED,
        ),
        (  # a SIM word that could not be read does not hide the registration
            Seen(True, answers=True, registration=HOME, has_context=True),
            ModemState.UNKNOWN,
            ModemState.CONNECTED,
        ),
        (  # it still answers, but it was told to restart
            Seen(True, answers=True, registration=HOME, is_restarting=True),
            ModemState.CONNECTED,
            ModemState.BOOTING,
        ),
    ],
)
def test_state_follows_from_what_is_seen(seen: Seen, before: ModemState, state: ModemState) -> None:
    assert decide(seen, before) is state


def cme(number: int) -> AtError:
    return AtError("AT+CPIN?", "CME", number)


@pytest.mark.parametrize(
    ("error", "is_early", "word", "sim"),
    [
        (cme(10), False, "not inserted", Sim.ABSENT),
        (cme(10), True, "busy", Sim.BUSY),
        (cme(11), False, "SIM PIN", Sim.PIN),
        (cme(12), True, "SIM PUK", Sim.PIN),
        (cme(13), False, "failure", Sim.FAULTY),
        (cme(14), False, "busy", Sim.BUSY),
        (cme(15), False, "wrong", Sim.FAULTY),
        (cme(100), False, None, Sim.UNKNOWN),
        (AtError("AT+CPIN?", "ERROR", None), False, None, Sim.UNKNOWN),
        (AtError("AT+CPIN?", "CMS", 310), False, "not inserted", Sim.ABSENT),
        (AtError("AT+CPIN?", "CMS", 314), False, "busy", Sim.BUSY),
    ],
)
def test_error_of_the_sim_says_how_it_is(
    error: AtError, is_early: bool, word: str | None, sim: Sim
) -> None:
    assert sim_word(error, is_early=is_early) == word
    assert sim_of(word) is sim


@pytest.mark.parametrize(
    ("word", "sim"),
    [
        ("READY", Sim.READY),
        ("SIM PIN2", Sim.READY),
        ("PH-NET PIN", Sim.PIN),
        ("SIM PUK", Sim.PIN),
        ("NOT READY", Sim.BUSY),
        ("BLOCKED", Sim.FAULTY),
        (None, Sim.UNKNOWN),
    ],
)
def test_word_of_the_sim_says_how_it_is(word: str | None, sim: Sim) -> None:
    assert sim_of(word) is sim


def test_most_telling_registration_wins() -> None:
    assert most_telling([Registration(0), Registration(5), Registration(3)]) == Registration(5)
    assert most_telling([Registration(4), Registration(3), Registration(2)]) == Registration(3)
    assert most_telling([Registration(4), Registration(0)]) == Registration(0)
    assert most_telling([]) is None


# --- restarts ------------------------------------------------------------------------------------


def test_answer_before_the_restart_began_does_not_end_it() -> None:
    watch = BootWatch().ordered(100, boot_time_s=77, drop_s=60)
    watch, took_s = watch.answered(130)
    assert watch.is_restarting and took_s is None


def test_restart_is_over_and_learnt_at_the_first_answer_after_the_vanishing() -> None:
    watch = BootWatch().ordered(100, 77, 60).vanished(149, 77)
    watch, took_s = watch.answered(177)
    assert (watch.is_restarting, watch.epoch, took_s) == (False, 1, 77)


def test_silence_begins_a_restart_as_well_as_vanishing() -> None:
    watch = BootWatch().ordered(100, 40, 15)
    assert not watch.silent(1).is_down
    watch, took_s = watch.silent(5).answered(120)
    assert (watch.is_restarting, took_s) == (False, 20)


def test_restart_that_never_began_is_over_but_teaches_nothing() -> None:
    watch, took_s = BootWatch().ordered(100, 40, 15).answered(116)
    assert (watch.is_restarting, watch.epoch, took_s) == (False, 1, None)


def test_vanishing_by_itself_teaches_nothing() -> None:
    watch = BootWatch().vanished(100, 40)
    assert watch.is_restarting and not watch.is_ordered
    assert watch.answered(120)[1] is None


def test_being_taken_off_the_bus_teaches_nothing() -> None:
    assert BootWatch().taken_off(100, 40).answered(103)[1] is None


def test_restart_that_takes_too_long_is_given_up() -> None:
    watch = BootWatch().ordered(100, 40, 15)
    assert watch.at(189).is_restarting
    assert not watch.at(190).is_restarting


@pytest.mark.parametrize("took_s", [1.0, 1000.0])
def test_accident_is_no_boot_time(took_s: float) -> None:
    watch = BootWatch().ordered(100, 600, 1).vanished(100.5, 600)
    assert watch.answered(100 + took_s)[1] is None


def test_longer_boot_time_is_believed_at_once_and_a_shorter_one_slowly() -> None:
    assert blend(None, 30) == 30
    assert blend(30, 50) == 50
    assert blend(50, 30) == 45


# --- fields --------------------------------------------------------------------------------------

ERROR = cme(100)


def test_field_that_fails_keeps_its_value_and_tells_when_it_is_asked_again() -> None:
    field: Field[str] = Field("model")
    field.took("L850", 5.0)
    field.missed(ERROR, 10.0)
    assert field.value == "L850" and field.reading.read_at == 5.0
    failure = field.reading.failure
    assert failure is not None
    assert (failure.attempt, failure.code, failure.type) == (1, "CME 100", "at")
    assert (failure.last_failure_at, failure.next_retry_at) == (10.0, 10.0 + RETRY_S)
    assert not field.is_due(19.9) and field.is_due(20.0)
    assert not field.is_fresh


@given(st.integers(1, 2000))
def test_pause_grows_to_its_bound_and_no_further(attempts: int) -> None:
    field: Field[str] = Field("model")
    for _ in range(attempts):
        field.missed(ERROR, 0.0)
    failure = field.reading.failure
    assert failure is not None and failure.next_retry_at is not None
    assert failure.next_retry_at == min(RETRY_MAX_S, RETRY_S * 2 ** min(attempts - 1, 20))


def test_success_ends_the_pause() -> None:
    field: Field[str] = Field("model")
    field.missed(ERROR, 0.0)
    field.took("L850", 10.0, again_in_s=60.0)
    assert field.reading.failure is None
    assert not field.is_due(69.0) and field.is_due(70.0)
    field.ask_soon()
    assert field.is_due(11.0)
    field.forget()
    assert field.value is None


def test_failure_of_a_device_carries_its_kind() -> None:
    failure = failure_of(DeviceTimeout("/dev/ttyUSB2", "no answer"), 3.0)
    assert (failure.code, failure.type) == ("device_timeout", "device_timeout")
    assert failure.reason == "/dev/ttyUSB2: no answer"
