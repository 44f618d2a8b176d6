# SPDX-License-Identifier: GPL-2.0-or-later
"""The client session: both links, the card, and everything that goes wrong between them."""

from __future__ import annotations

import itertools
import random
import tracemalloc

import pytest

from remsim.rspro import ber, framing, link, messages, session, states
from remsim.rspro.actions import (
    Cause,
    Close,
    Connect,
    PresentCard,
    ReleaseSlot,
    ResetModem,
    Send,
    SetAtr,
    Tell,
)
from remsim.rspro.link import Endpoint, LinkEvent, LinkState
from remsim.rspro.messages import (
    BankSlot,
    BankSlotStatusInd,
    ClientSlot,
    ClientSlotStatusInd,
    Component,
    ConfigClientBankReq,
    ConfigClientBankRes,
    ConfigClientIdReq,
    ConfigClientIdRes,
    ConnectBankReq,
    ConnectBankRes,
    ConnectClientReq,
    ConnectClientRes,
    CreateMappingReq,
    CreateMappingRes,
    ErrorCode,
    ErrorInd,
    Identity,
    IpPort,
    Pdu,
    RemoveMappingReq,
    RemoveMappingRes,
    ResetStateReq,
    ResetStateRes,
    Result,
    SetAtrReq,
    SetAtrRes,
    Severity,
    SlotPhysStatus,
    TpduCardToModem,
    TpduFlags,
    TpduModemToCard,
)
from remsim.rspro.session import Bank
from remsim_lab.rspro import diagram
from remsim_lab.rspro.sim import VirtualSim
from rspro_driver import (
    ADDRESS,
    ATR,
    BANK,
    CLIENT,
    OTHER_ATR,
    PEER,
    SERVER,
    SERVER_AT,
    SLOT,
    US,
    Driver,
)

OTHER_SLOT = BankSlot(1, 1)
OTHER_ADDRESS = IpPort(bytes((127, 0, 0, 2)), 9999)
READ = "00b000000a"
PONG_LIMIT_S, T1_S, T2_S = link.PONG_LIMIT_S, link.GREETING_LIMIT_S, link.CONNECT_LIMIT_S


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def serving():
    serving = Driver()
    serving.serve()
    return serving


# --- start ---


def test_start_connects_to_the_server_and_to_nothing_else(driver):
    assert driver.of(Connect) == [Connect(SERVER, SERVER_AT.host, SERVER_AT.port)]
    assert driver.state == "no_bank"


def test_greeting_is_ping_then_connect_request_with_slot_each_a_frame_of_its_own(driver):
    driver.accept(SERVER)
    assert driver.sent(SERVER) == [framing.PING, ConnectClientReq(US, CLIENT)]


def test_connected_without_a_mapping_waits(driver):
    driver.connect_server()
    driver.move(20.0)
    assert driver.state == "no_bank"
    assert BANK not in driver.wanted


def test_assignment_is_answered_and_the_bank_connected(driver):
    driver.connect_server()
    driver.clear()
    driver.assign()
    assert driver.messages(SERVER) == [ConfigClientBankRes(Result.OK)]
    assert driver.wanted == {BANK: ("127.0.0.1", 9999)}


def test_card_is_presented_once_with_the_banks_atr(driver):
    driver.connect_server()
    driver.assign()
    driver.accept(BANK)
    assert driver.messages(BANK) == [ConnectClientReq(US, CLIENT)]
    driver.greet(BANK)
    assert driver.card() == []
    driver.atr()
    assert driver.card() == ["present", "reset"]
    assert driver.of(PresentCard) == [PresentCard(ATR)]
    assert driver.messages(BANK)[-1] == SetAtrRes(Result.OK)
    assert driver.state == "serving"


def test_released_line_is_reported_before_anything_else_to_the_bank(driver):
    driver.connect_server()
    driver.assign()
    driver.connect_bank()
    after_greeting = driver.sent(BANK)[2:]
    assert after_greeting[0] == ClientSlotStatusInd(CLIENT, SLOT, session.RELEASED)


def test_direct_mode_needs_no_server():
    driver = Driver(server=None, bank=Bank(Endpoint("bank.example", 9000), SLOT))
    assert driver.wanted == {BANK: ("bank.example", 9000)}
    driver.connect_bank()
    assert driver.state == "serving"
    assert driver.causes()[0] == "bank_assigned"


def test_commands_typed_before_the_card_is_there_wait_for_it(driver):
    driver.command(READ)
    driver.connect_server()
    driver.assign()
    driver.connect_bank()
    assert driver.commands() == [bytes.fromhex(READ)]


# --- commands ---


def test_command_and_answer_pass(serving):
    serving.command("00a40004022fe2")
    command = bytes.fromhex("00a40004022fe2")
    assert serving.messages(BANK) == [TpduModemToCard(CLIENT, SLOT, TpduFlags(), command)]
    serving.answer(b"\x61\x16")
    assert serving.answers() == [b"\x61\x16"]


def test_commands_go_out_one_at_a_time_and_answers_keep_their_order(serving):
    for number in range(5):
        serving.command(bytes((0, 0xB0, 0, number, 1)))
    for number in range(5):
        assert len(serving.commands()) == number + 1
        serving.answer(bytes((number, 0x90, 0)))
    assert serving.answers() == [bytes((number, 0x90, 0)) for number in range(5)]


@pytest.mark.parametrize("length", [0, 1, 4, 261, 300])
def test_command_of_impossible_length_is_dropped(serving, length):
    serving.command(bytes(length))
    assert serving.commands() == []
    assert serving.session.counters.rejected == 1


@pytest.mark.parametrize("length", [5, 260])
def test_command_of_extreme_length_passes(serving, length):
    serving.command(bytes(length))
    assert serving.commands() == [bytes(length)]


def test_waiting_commands_are_bounded(serving):
    for _ in range(200):
        serving.command(READ)
    assert serving.session.relay.waiting == 64
    assert serving.session.relay.counters.dropped == 200 - 64 - 1


def test_answer_that_nobody_waits_for_is_swallowed(serving):
    serving.answer(b"\x90\x00")
    assert serving.answers() == []
    assert serving.session.relay.counters.unexpected == 1


def test_answer_of_another_slot_is_swallowed(serving):
    serving.command(READ)
    serving.answer(b"\xaa\x90\x00", slot=BankSlot(9, 9))
    serving.answer(b"\xbb\x90\x00", client=ClientSlot(9, 9))
    assert serving.answers() == []
    serving.answer(b"\xcc\x90\x00")
    assert serving.answers() == [b"\xcc\x90\x00"]
    assert serving.session.counters.nonsense == 2


@pytest.mark.parametrize("response", [b"", b"\x90", bytes(259), bytes(300)])
def test_answer_that_no_card_gives_becomes_technical_problem(serving, response):
    serving.command(READ)
    serving.answer(response)
    assert serving.answers() == [b"\x6f\x00"]
    assert serving.session.relay.counters.nonsense == 1


def test_answer_with_flags_set_passes(serving):
    serving.command(READ)
    flagged = framing.Pdu(
        framing.TpduCardToModem(SLOT, CLIENT, framing.TpduFlags(final_part=True), b"\x90\x00")
    )
    serving.octets(BANK, framing.frame(flagged))
    assert serving.answers() == [b"\x90\x00"]


def test_answers_in_pieces_pass(serving):
    serving.command(READ)
    whole = framing.frame(
        framing.Pdu(framing.TpduCardToModem(SLOT, CLIENT, framing.TpduFlags(), b"\x90\x00"))
    )
    for octet in whole:
        serving.octets(BANK, bytes((octet,)))
    assert serving.answers() == [b"\x90\x00"]


def test_command_without_answer_makes_the_bank_be_asked_and_then_given_up(serving):
    serving.command(READ)
    serving.move(session.STALL_S)
    assert serving.sent(BANK)[-1] == framing.PING
    serving.move(PONG_LIMIT_S)
    assert serving.state == "holding"


def test_command_without_answer_ends_the_connection_even_if_pongs_come(serving):
    serving.command(READ)
    for _ in range(5):
        serving.move(session.STALL_S)
        serving.octets(BANK, framing.PONG)
    assert serving.state == "serving"
    serving.move(session.STALL_S)
    assert serving.state == "holding"


# --- reset by the modem ---

ASSERTED = SlotPhysStatus(True, True, True, True)


def test_reset_edges_are_told_to_the_bank(serving):
    serving.line(ASSERTED)
    serving.line(session.RELEASED)
    told = [m.slot_phys_status for m in serving.sent(BANK)]
    assert told == [ASSERTED, session.RELEASED]


def test_answer_to_a_command_given_up_by_reset_is_never_handed_to_the_next(serving):
    serving.command("00a40004023f00")
    serving.line(ASSERTED)
    serving.line(session.RELEASED)
    serving.command(READ)
    assert len(serving.commands()) == 1  # the old one is still under way
    serving.answer(b"\x61\x20")
    assert serving.answers() == []
    serving.answer(b"\x01\x90\x00")
    assert serving.answers() == [b"\x01\x90\x00"]


def test_line_held_at_connect_is_told_after_the_released_state():
    driver = Driver()
    driver.line(ASSERTED)
    driver.connect_server()
    driver.assign()
    driver.connect_bank()
    told = [m.slot_phys_status for m in driver.sent(BANK) if isinstance(m, ClientSlotStatusInd)]
    assert told == [session.RELEASED, ASSERTED]


# --- loss of the bank ---


def test_bank_loss_keeps_the_card_and_lets_commands_wait(serving):
    serving.drop(BANK)
    serving.command(READ)
    serving.move(290.0)
    assert serving.card() == []
    assert serving.session.relay.waiting == 1
    assert serving.answers() == []


def test_card_goes_only_after_the_hold(serving):
    serving.drop(BANK)
    serving.clear()
    for _ in range(60):
        serving.move(5.5)
        if BANK in serving.wanted:
            serving.refuse(BANK)
    assert serving.card() == ["remove", "reset"]
    assert serving.state == "joining"


def test_hold_of_zero_removes_the_card_at_once():
    driver = Driver(bank_hold_s=0.0)
    driver.serve()
    driver.drop(BANK)
    assert driver.card() == ["remove", "reset"]


def test_flapping_bank_does_not_prolong_the_hold(serving):
    serving.drop(BANK)
    for _ in range(100):
        serving.move(4.0)
        if BANK in serving.wanted:
            serving.accept(BANK)
            serving.greet(BANK)
            serving.drop(BANK)
        if "remove" in serving.card():
            break
    assert serving.now - 1000.0 < 320


def test_returned_bank_with_the_same_card_gets_its_selection_back_before_the_modem(serving):
    sim = VirtualSim()
    for command in ("00a40004023f00", "00a40004022fe2", "00b000000a", "00a40804047f206f07"):
        serving.command(command)
        serving.answer(sim.process(bytes.fromhex(command)))
    before = sim.state()
    serving.drop(BANK)
    serving.command("00b0000009")
    sim.reset()
    serving.clear()
    serving.connect_bank()
    serving.replay(sim)
    assert serving.state == "serving"
    assert serving.card() == []
    assert "card_restored" in serving.causes()
    assert sim.state() == before
    assert serving.answers() == [sim.process(bytes.fromhex("00b0000009"))]
    assert serving.commands()[-1] == bytes.fromhex("00b0000009")


def test_interrupted_read_is_repeated_and_answered_once(serving):
    serving.command(READ)
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank()
    assert serving.commands() == [bytes.fromhex(READ)]
    serving.answer(b"\x01\x90\x00")
    assert serving.answers() == [b"\x01\x90\x00"]
    assert serving.session.relay.counters.repeated == 1


@pytest.mark.parametrize(
    "command",
    [
        "0020000108" + "31" * 8,
        "002400011031" + "31" * 15,
        "80c20000" + "02d100",
        "00dc00030411223344",
        "a03200000300000a",
        "8014000001ff",
    ],
)
def test_interrupted_command_that_must_not_come_twice_is_answered_not_repeated(serving, command):
    serving.command(command)
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank()
    assert serving.commands() == []
    assert serving.answers() == [b"\x6f\x00"]
    assert serving.session.relay.counters.lost == 1
    serving.command(READ)
    assert serving.commands() == [bytes.fromhex(READ)]


def test_other_card_after_the_return_means_a_new_card_and_one_modem_reset(serving):
    serving.command(READ)
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank(OTHER_ATR)
    assert serving.card() == ["remove", "present", "reset"]
    assert serving.of(PresentCard) == [PresentCard(OTHER_ATR)]
    assert serving.commands() == []
    assert serving.answers() == []
    assert serving.state == "serving"


def test_card_that_cannot_be_restored_is_reset_and_so_is_the_modem_once(serving):
    sim, other = VirtualSim(), VirtualSim(iccid="8988209999999999999")
    for command in ("00a40004023f00", "00a40004022fe2", "00b000000a"):
        serving.command(command)
        serving.answer(sim.process(bytes.fromhex(command)))
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank()
    serving.replay(other)
    told = [m.slot_phys_status for m in serving.sent(BANK) if isinstance(m, ClientSlotStatusInd)]
    assert told == [session.RELEASED, session.UNPOWERED, session.RELEASED]
    assert serving.card() == ["remove", "present", "reset"]
    assert serving.of(ResetModem) == [ResetModem()]
    assert serving.state == "serving"


def test_loss_during_restoration_is_held_and_tried_again(serving):
    sim = VirtualSim()
    for command in ("00a40004023f00", "00a40004022fe2", "00b000000a"):
        serving.command(command)
        serving.answer(sim.process(bytes.fromhex(command)))
    serving.drop(BANK)
    serving.connect_bank()
    assert serving.state == "restoring"
    serving.drop(BANK)
    assert serving.state == "holding"
    serving.clear()
    serving.move(2.0)
    serving.connect_bank()
    serving.replay(sim)
    assert serving.state == "serving"
    assert serving.card() == []


def test_restoration_tells_how_many_commands_it_took_each_time(serving):
    sim = VirtualSim()
    for command in ("00a40004023f00", "00a40004022fe2", "00b000000a"):
        serving.command(command)
        serving.answer(sim.process(bytes.fromhex(command)))
    told = []
    for _ in range(2):
        serving.drop(BANK)
        serving.clear()
        serving.connect_bank()
        serving.replay(sim)
        told += [each.text for each in serving.of(Tell) if each.cause is Cause.CARD_RESTORED]
    assert told[0] == told[1]


def test_reset_by_the_modem_during_restoration_ends_it(serving):
    sim = VirtualSim()
    for command in ("00a40004023f00", "00a40004022fe2", "00b000000a"):
        serving.command(command)
        serving.answer(sim.process(bytes.fromhex(command)))
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank()
    serving.line(ASSERTED)
    serving.line(session.RELEASED)
    serving.command("00a40004023f00")
    assert serving.state == "serving"
    assert len(serving.commands()) == 1
    serving.answer(b"\x90\x00")  # of the replay
    assert serving.answers() == []
    serving.answer(b"\x61\x20")
    assert serving.answers() == [b"\x61\x20"]


def test_reset_while_the_bank_is_away_leaves_nothing_to_restore(serving):
    serving.command("00a40004022fe2")
    serving.answer(b"\x61\x16")
    serving.drop(BANK)
    serving.line(ASSERTED)
    serving.line(session.RELEASED)
    serving.clear()
    serving.connect_bank()
    assert serving.commands() == []
    assert serving.state == "serving"


# --- ATR ---


def test_bank_without_atr_is_connected_once_more_then_the_configured_one_is_used():
    driver = Driver(atr=b"\x3b\x12\x34")
    driver.connect_server()
    driver.assign()
    driver.connect_bank(atr=None)
    driver.move(session.ATR_LIMIT_S)
    assert driver.of(Close) == [Close(BANK)]
    driver.connect_bank(atr=None)
    driver.move(session.ATR_LIMIT_S)
    assert driver.of(PresentCard) == [PresentCard(b"\x3b\x12\x34")]


def test_bank_without_atr_but_with_a_known_slot_uses_the_remembered_one(serving):
    serving.drop(BANK)
    serving.clear()
    serving.connect_bank(atr=None)
    serving.move(session.ATR_LIMIT_S)
    assert serving.state == "serving"
    assert serving.card() == []


def test_configured_atr_can_be_forced():
    driver = Driver(atr=b"\x3b\x12\x34", ignores_bank_atr=True)
    driver.connect_server()
    driver.assign()
    driver.connect_bank()
    assert driver.of(PresentCard) == [PresentCard(b"\x3b\x12\x34")]
    assert driver.of(SetAtr) == []
    assert driver.messages(BANK)[-1] == SetAtrRes(Result.OK)


@pytest.mark.parametrize("length", [1, 33, 55])
def test_atr_that_rspro_allows_is_passed_on(driver, length):
    driver.connect_server()
    driver.assign()
    driver.connect_bank(b"\x3b" * length)
    assert driver.of(PresentCard) == [PresentCard(b"\x3b" * length)]


@pytest.mark.parametrize("length", [0, 56])
def test_atr_that_rspro_does_not_allow_is_refused_and_not_used(driver, length):
    driver.connect_server()
    driver.assign()
    driver.connect_bank(atr=None)
    driver.octets(BANK, _unchecked(SetAtrReq(CLIENT, b"\x3b" * length)))
    assert driver.messages(BANK)[-1] == SetAtrRes(Result.CARD_TRANSMISSION_ERROR)
    assert driver.of(PresentCard) == []
    assert driver.session.counters.nonsense == 1


def test_new_atr_while_serving_is_set_without_touching_the_modem(serving):
    serving.atr(OTHER_ATR)
    assert serving.card() == ["atr"]
    serving.atr(OTHER_ATR)
    assert serving.card() == ["atr"]


# --- assignment changes ---


def test_identical_assignment_leaves_a_working_session_alone(serving):
    serving.command(READ)
    serving.assign()
    assert serving.messages(SERVER) == [ConfigClientBankRes(Result.OK)]
    assert serving.of(Close) == []
    serving.answer(b"\x90\x00")
    assert serving.answers() == [b"\x90\x00"]


def test_identical_assignment_hurries_a_link_that_waits(serving):
    serving.drop(BANK)
    serving.move(1.0)
    while serving.session.bank_link.state is not LinkState.WAITING or serving.wanted:
        serving.refuse(BANK)
        serving.move(0.0)
    assert BANK not in serving.wanted
    serving.assign()
    assert BANK in serving.wanted


def test_move_to_another_slot_of_the_bank_swaps_the_card_once(serving):
    serving.withdraw()
    assert serving.of(Close) == [Close(BANK)]
    assert serving.card() == []
    serving.assign(OTHER_SLOT)
    serving.connect_bank(OTHER_ATR)
    assert serving.messages(SERVER) == [ConfigClientBankRes(Result.OK)] * 2
    assert serving.card() == ["remove", "present", "reset"]
    serving.clear()
    serving.command(READ)
    assert serving.messages(BANK)[0].to_bank_slot == OTHER_SLOT


def test_move_to_another_slot_without_withdrawal_swaps_the_card_once(serving):
    serving.assign(OTHER_SLOT)
    assert serving.of(Close) == [Close(BANK)]
    serving.connect_bank(OTHER_ATR)
    assert serving.card() == ["remove", "present", "reset"]


def test_move_to_a_slot_with_a_card_of_the_same_atr_still_is_another_card(serving):
    serving.assign(OTHER_SLOT)
    serving.connect_bank()
    assert serving.card() == ["remove", "present", "reset"]


def test_move_to_another_bank_connects_to_its_address(serving):
    serving.withdraw()
    serving.assign(BankSlot(2, 0), OTHER_ADDRESS)
    assert serving.wanted == {BANK: ("127.0.0.2", 9999)}


def test_mapping_withdrawn_and_made_again_to_the_same_slot_restores_the_card(serving):
    serving.withdraw()
    serving.assign()
    serving.connect_bank()
    assert serving.card() == []
    assert serving.state == "serving"


def test_server_that_comes_back_before_the_bank_does_not_take_the_card(serving):
    """It has the mapping, but no bank yet, and says so with port 0."""
    serving.drop(BANK)
    serving.drop(SERVER)
    serving.move(3.0)
    serving.accept(SERVER)
    serving.greet(SERVER)
    serving.clear()
    serving.withdraw()
    assert serving.messages(SERVER) == [ConfigClientBankRes(Result.OK)]
    assert serving.state == "holding"
    serving.move(20.0)
    assert serving.card() == []
    serving.withdraw()
    assert serving.state == "moving", "a second one is a removal"


def test_server_that_comes_back_with_another_slot_and_no_bank_takes_the_card(serving):
    serving.drop(SERVER)
    serving.move(3.0)
    serving.accept(SERVER)
    serving.greet(SERVER)
    serving.withdraw(OTHER_SLOT)
    assert serving.state == "moving"


def test_withdrawn_mapping_removes_the_card_after_a_moment(serving):
    serving.withdraw()
    serving.command(READ)
    serving.move(session.MOVE_LIMIT_S)
    assert serving.card() == ["remove", "reset"]
    assert serving.state == "no_bank"
    assert BANK not in serving.wanted


def test_bank_that_closes_before_the_server_withdraws_is_one_event_with_it(serving):
    serving.drop(BANK)
    serving.withdraw()
    serving.move(session.MOVE_LIMIT_S)
    assert serving.card() == ["remove", "reset"]
    serving.clear()
    serving.move(60.0)
    assert BANK not in serving.wanted


def test_command_without_a_mapping_is_dropped_not_kept_for_the_next_card(serving):
    serving.withdraw()
    serving.move(session.MOVE_LIMIT_S)
    serving.command(READ)
    serving.assign(OTHER_SLOT)
    serving.connect_bank()
    assert serving.commands() == []
    assert serving.session.counters.ignored == 1


def test_two_assignments_back_to_back_are_both_answered_in_order(serving):
    zero = ConfigClientBankReq(SLOT, IpPort(bytes(4), 0))
    other = ConfigClientBankReq(BankSlot(2, 0), OTHER_ADDRESS)
    serving.say(SERVER, zero, other)
    assert serving.messages(SERVER) == [ConfigClientBankRes(Result.OK)] * 2
    assert serving.wanted == {BANK: ("127.0.0.2", 9999)}


@pytest.mark.parametrize(
    "request_",
    [
        ConfigClientBankReq(BankSlot(1024, 0), ADDRESS),
        ConfigClientBankReq(BankSlot(1, -1), ADDRESS),
        ConfigClientBankReq(SLOT, IpPort(bytes(3), 9999)),
        ConfigClientBankReq(SLOT, IpPort(bytes(4), 65536)),
    ],
)
def test_impossible_assignment_is_refused_and_changes_nothing(serving, request_):
    serving.octets(SERVER, _unchecked(request_))
    assert serving.messages(SERVER) == [ConfigClientBankRes(Result.ILLEGAL_BANK_ID)]
    assert serving.state == "serving"


def _unchecked(message):
    """A frame with values that the encoder refuses to write."""
    body = ber.element(messages._CHOICE[type(message)], messages._encode_fields(message))
    pdu = ber.element(0x30, bytes.fromhex("800102810100") + ber.element(0xA2, body))
    return (len(pdu) + 1).to_bytes(2, "big") + b"\xee\x07" + pdu


def test_new_client_id_is_used_at_the_next_connections(driver):
    driver.connect_server()
    driver.say(SERVER, ConfigClientIdReq(ClientSlot(23, 42)))
    assert driver.messages(SERVER)[-1] == ConfigClientIdRes(Result.OK)
    driver.assign()
    driver.accept(BANK)
    assert driver.messages(BANK) == [ConnectClientReq(US, ClientSlot(23, 42))]
    driver.drop(SERVER)
    driver.move(3.0)
    driver.clear()
    driver.accept(SERVER)
    assert driver.messages(SERVER) == [ConnectClientReq(US, ClientSlot(23, 42))]


def test_new_client_id_does_not_touch_the_running_bank_connection(serving):
    serving.say(SERVER, ConfigClientIdReq(ClientSlot(23, 42)))
    serving.command(READ)
    assert serving.messages(BANK)[0].from_client_slot == CLIENT


def test_impossible_client_id_is_refused(driver):
    driver.connect_server()
    driver.octets(SERVER, _unchecked(ConfigClientIdReq(ClientSlot(1024, 0))))
    assert driver.messages(SERVER)[-1] == ConfigClientIdRes(Result.ILLEGAL_CLIENT_ID)
    assert driver.session.client_slot == CLIENT


def test_direct_assignment_can_change_and_end_at_run_time():
    driver = Driver(server=None, bank=Bank(Endpoint("bank.example", 9000), SLOT))
    driver.connect_bank()
    driver.clear()
    driver.do(driver.session.assign(Bank(Endpoint("bank2.example", 9000), SLOT), driver.now))
    assert driver.wanted == {BANK: ("bank2.example", 9000)}
    driver.do(driver.session.assign(None, driver.now))
    driver.move(session.MOVE_LIMIT_S)
    assert driver.card() == ["remove", "reset"]


# --- refusals ---


def test_card_not_present_keeps_the_connection_for_the_atr_that_may_come(driver):
    driver.connect_server()
    driver.assign()
    driver.accept(BANK)
    driver.greet(BANK, Result.CARD_NOT_PRESENT)
    assert driver.of(Close) == []
    driver.move(0.5)
    driver.atr()
    assert driver.state == "serving"
    assert driver.of(PresentCard) == [PresentCard(ATR)]


def test_card_not_present_is_asked_again_at_growing_distances(driver):
    driver.connect_server()
    driver.assign()
    moments = []
    for _ in range(400):
        if BANK in driver.wanted:
            moments.append(driver.now)
            driver.accept(BANK)
            driver.greet(BANK, Result.CARD_NOT_PRESENT)
        driver.move(0.5)
        driver.octets(SERVER, framing.PING)
    distances = [b - a for a, b in itertools.pairwise(moments)]
    assert distances[0] < 2
    assert max(distances) <= 75
    assert len(moments) < 15


def test_identity_in_use_is_retried_and_told(driver):
    driver.accept(SERVER)
    driver.greet(SERVER, Result.IDENTITY_IN_USE)
    assert driver.of(Close) == [Close(SERVER)]
    assert "server_refused" in driver.causes()
    assert driver.session.server_link.last_reason == "identity in use"
    driver.move(3.0)
    assert SERVER in driver.wanted


def test_stranger_is_left_alone_for_the_longest_delay_but_not_for_ever(driver):
    driver.accept(SERVER)
    driver.say(SERVER, ConnectClientRes(Identity(Component.BANK, "x", "y", "z"), Result.OK))
    assert driver.of(Close) == [Close(SERVER)]
    driver.move(40.0)
    assert SERVER not in driver.wanted
    driver.move(40.0)
    assert SERVER in driver.wanted


def test_server_that_never_answers_is_left_after_ten_seconds():
    driver = Driver(server_keepalive_s=0.0)
    driver.accept(SERVER)
    driver.move(T1_S)
    assert driver.of(Close) == [Close(SERVER)]


def test_connection_attempt_is_given_up_after_ten_seconds(driver):
    driver.move(T2_S)
    assert driver.of(Close) == [Close(SERVER)]
    assert SERVER in driver.wanted  # and made again


# --- the server link ---


def test_loss_of_the_server_leaves_the_bank_session_alone(serving):
    serving.drop(SERVER)
    serving.command(READ)
    serving.answer(b"\x90\x00")
    assert serving.answers() == [b"\x90\x00"]
    assert serving.state == "serving"
    serving.move(3.0)
    assert SERVER in serving.wanted


def test_server_that_comes_back_with_the_same_mapping_disturbs_nothing(serving):
    serving.drop(SERVER)
    serving.move(3.0)
    serving.connect_server()
    serving.assign()
    assert serving.of(Close) == []
    assert serving.card() == []


def test_reconnects_back_off_with_jitter_to_a_minute(driver):
    moments = []
    for _ in range(1500):
        if SERVER in driver.wanted:
            moments.append(driver.now)
            driver.refuse(SERVER)
        driver.move(0.5)
    distances = [b - a for a, b in itertools.pairwise(moments)]
    assert distances[0] < 1
    assert 45 <= max(distances) <= 76
    assert len(moments) < 25


def test_many_clients_do_not_come_back_in_the_same_second():
    moments = []
    for seed in range(50):
        driver = Driver(dice=random.Random(seed).random)
        driver.connect_server()
        driver.drop(SERVER)
        while SERVER not in driver.wanted:
            driver.move(0.05)
        moments.append(driver.now)
    assert max(moments) - min(moments) > 1.0


# --- keep-alive ---


def test_ping_is_answered_before_the_greeting_too(driver):
    driver.accept(SERVER)
    driver.octets(SERVER, framing.PING)
    assert driver.sent(SERVER)[-1] == framing.PONG


def test_server_that_pings_is_never_pinged(serving):
    for _ in range(40):
        serving.move(30.0)
        serving.octets(SERVER, framing.PING)
        serving.octets(BANK, framing.PONG)
    assert framing.PING not in serving.sent(SERVER)
    assert serving.sent(SERVER).count(framing.PONG) == 40


def test_silent_bank_is_pinged_once_per_interval(serving):
    for _ in range(10):
        serving.move(60.0)
        serving.octets(BANK, framing.PONG)
        serving.octets(SERVER, framing.PING)
    assert serving.sent(BANK).count(framing.PING) == 10


def test_keepalive_zero_sends_no_ping_at_all():
    driver = Driver(server_keepalive_s=0.0, bank_keepalive_s=0.0)
    driver.serve()
    driver.move(3600.0)
    assert driver.sent(BANK) == driver.sent(SERVER) == []
    assert driver.state == "serving"


def test_missing_pong_ends_the_bank_link_and_holds_the_card(serving):
    serving.move(60.0)
    serving.octets(SERVER, framing.PING)
    serving.move(PONG_LIMIT_S)
    assert serving.state == "holding"
    assert "bank_lost" in serving.causes()


# --- nonsense ---


def test_messages_without_use_are_counted_and_the_connection_stays(serving):
    useless = [
        ResetStateReq(),
        ErrorInd(Component.SERVER, Severity.MINOR, ErrorCode.UNEXPECTED_DISCONNECT),
        SetAtrReq(CLIENT, ATR),
    ]
    serving.say(SERVER, *useless)
    serving.say(BANK, ResetStateReq(), ConfigClientBankReq(SLOT, ADDRESS))
    serving.say(BANK, ConfigClientIdReq(ClientSlot(3, 4)))
    assert serving.session.counters.unexpected == 6
    assert serving.messages(SERVER) == serving.messages(BANK) == []
    assert serving.state == "serving"
    assert serving.session.client_slot == CLIENT


def test_bank_status_changes_nothing(serving):
    serving.say(BANK, BankSlotStatusInd(SLOT, CLIENT, SlotPhysStatus(True, False, False, False)))
    assert serving.card() == []
    assert serving.state == "serving"


def test_malformed_message_is_ignored_but_told(serving):
    serving.octets(SERVER, bytes.fromhex("0005ee0730058001"))
    serving.octets(BANK, bytes.fromhex("0005ee0730058001"))
    assert serving.of(Close) == []
    assert serving.causes() == ["nonsense", "nonsense"]


@pytest.mark.parametrize("nonsense", ["000dee08300a800102810100a202b300", "0001fd00", "ffffee07"])
def test_stream_that_is_no_longer_frames_ends_the_connection(serving, nonsense):
    serving.octets(BANK, bytes.fromhex(nonsense))
    assert serving.of(Close) == [Close(BANK)]
    assert serving.state == "holding"


def to_no_bank(driver):
    driver.connect_server()


def to_joining(driver):
    driver.connect_server()
    driver.assign()
    driver.accept(BANK)


def to_awaiting_atr(driver):
    driver.connect_server()
    driver.assign()
    driver.connect_bank(atr=None)


def to_holding(driver):
    driver.serve()
    driver.drop(BANK)
    driver.move(2.0)
    driver.accept(BANK)


def to_returned(driver):
    driver.serve()
    driver.drop(BANK)
    driver.connect_bank(atr=None)


def to_moving(driver):
    driver.serve()
    driver.withdraw()


@pytest.mark.parametrize(
    "lead",
    [to_no_bank, to_joining, to_awaiting_atr, to_holding, to_returned, to_moving],
)
@pytest.mark.parametrize("name", [SERVER, BANK])
def test_messages_that_do_not_fit_the_state_change_nothing(driver, lead, name):
    """What only the other side sends, or sends elsewhere, or answers what nobody asked."""
    lead(driver)
    state, links = driver.state, set(driver.open_links)
    driver.clear()
    unfit = [
        ConnectBankReq(PEER[BANK], 1, 8),
        ConnectBankRes(PEER[SERVER], Result.OK),
        ConnectClientReq(US, CLIENT),
        CreateMappingReq(CLIENT, SLOT),
        CreateMappingRes(Result.OK),
        RemoveMappingReq(CLIENT, SLOT),
        RemoveMappingRes(Result.OK),
        ConfigClientIdRes(Result.OK),
        SetAtrRes(Result.OK),
        TpduModemToCard(CLIENT, SLOT, TpduFlags(), bytes.fromhex(READ)),
        TpduCardToModem(SLOT, CLIENT, TpduFlags(), b"\x90\x00"),
        ClientSlotStatusInd(CLIENT, SLOT, SlotPhysStatus(False)),
        BankSlotStatusInd(SLOT, CLIENT, SlotPhysStatus(False)),
        ErrorInd(Component.SERVER, Severity.FATAL, ErrorCode.UNEXPECTED_DISCONNECT),
        ConfigClientBankRes(Result.OK),
        ResetStateReq(),
        ResetStateRes(Result.OK),
    ]
    for message in unfit:
        driver.say(name, message)
    assert (driver.state, driver.open_links) == (state, links)
    assert driver.messages(name) == [] and driver.card() == [] and driver.answers() == []


def test_atr_for_any_client_slot_is_taken_as_the_reference_does(driver):
    """The connection serves one slot, and a renamed client may be called by either name."""
    to_awaiting_atr(driver)
    driver.say(BANK, SetAtrReq(ClientSlot(7, 7), ATR))
    assert driver.card() == ["present", "reset"]


def test_half_a_frame_of_an_old_connection_is_not_glued_to_the_next(serving):
    whole = framing.frame(Pdu(TpduCardToModem(SLOT, CLIENT, TpduFlags(), b"\x90\x00")))
    serving.octets(BANK, whole[:9])
    serving.drop(BANK)
    serving.connect_bank()
    assert serving.state == "serving"
    assert serving.session.counters.nonsense == 0


def test_second_greeting_answer_is_ignored(serving):
    serving.greet(BANK, Result.CARD_NOT_PRESENT)
    serving.greet(SERVER, Result.IDENTITY_IN_USE)
    assert serving.of(Close) == []
    assert serving.state == "serving"


def test_identity_request_is_answered_and_the_acknowledgement_is_not(serving):
    serving.octets(SERVER, bytes.fromhex("0001fe04") + framing.IDENTITY_ACK)
    assert serving.sent(SERVER) == [framing.identity_response("client-host")]


# --- path ---


def test_change_of_path_makes_both_connections_anew_and_keeps_the_card(serving):
    serving.command(READ)
    serving.do(serving.session.path_changed(serving.now))
    assert {action.link for action in serving.of(Close)} == {SERVER, BANK}
    assert set(serving.wanted) == {SERVER, BANK}
    serving.connect_bank()
    assert serving.card() == []
    assert serving.state == "serving"
    assert serving.commands() == [bytes.fromhex(READ)] * 2


# --- a connection that died without a word ---


@pytest.fixture
def releasing():
    driver = Driver(releases_slot=True)
    driver.serve()
    return driver


def silence(driver):
    """The bank's link dies as radio links do."""
    driver.command(READ)
    driver.move(session.STALL_S + PONG_LIMIT_S)
    driver.octets(SERVER, framing.PING)


def refused_reconnect(driver):
    driver.move(2.0)
    driver.accept(BANK)
    driver.greet(BANK, Result.CARD_NOT_PRESENT)


def test_card_held_for_our_dead_connection_is_asked_back_once(releasing):
    silence(releasing)
    refused_reconnect(releasing)
    assert releasing.of(ReleaseSlot) == [ReleaseSlot(SLOT, CLIENT)]
    refused_reconnect(releasing)
    assert len(releasing.of(ReleaseSlot)) == 1


def test_released_slot_is_connected_at_once(releasing):
    silence(releasing)
    refused_reconnect(releasing)
    releasing.do(releasing.session.slot_released(True, "done", releasing.now))
    releasing.connect_bank()
    assert releasing.state == "serving"
    assert releasing.card() == []


def test_failed_release_is_asked_for_again_at_the_next_refusal(releasing):
    silence(releasing)
    refused_reconnect(releasing)
    releasing.do(releasing.session.slot_released(False, "no answer", releasing.now))
    refused_reconnect(releasing)
    assert len(releasing.of(ReleaseSlot)) == 2


def test_connection_that_the_bank_closed_itself_is_no_dead_one(releasing):
    releasing.drop(BANK)
    refused_reconnect(releasing)
    assert releasing.of(ReleaseSlot) == []


def test_change_of_path_leaves_a_dead_connection_behind(releasing):
    releasing.do(releasing.session.path_changed(releasing.now))
    refused_reconnect(releasing)
    assert len(releasing.of(ReleaseSlot)) == 1


def test_nothing_is_asked_back_unless_the_shell_can(serving):
    silence(serving)
    refused_reconnect(serving)
    assert serving.of(ReleaseSlot) == []


# --- the tables ---


def test_every_action_of_both_tables_exists_and_every_row_is_of_its_enums():
    for (state, event), (target, todo) in states.TABLE.items():
        assert isinstance(state, states.State) and isinstance(event, states.Event)
        assert isinstance(target, states.State)
        assert set(todo) <= set(session._DO)
    for (state, event), (target, todo) in link.TABLE.items():
        assert isinstance(state, LinkState) and isinstance(event, LinkEvent)
        assert isinstance(target, LinkState)
        assert set(todo) <= set(link._DO)


def test_every_state_can_be_reached_and_left():
    reached = {target for target, _ in states.TABLE.values()}
    left = {state for state, _ in states.TABLE}
    assert reached == left == set(states.State)


def test_no_action_is_dead():
    used = {name for _, todo in states.TABLE.values() for name in todo}
    assert used == set(session._DO)
    used = {name for _, todo in link.TABLE.values() for name in todo}
    assert used == set(link._DO)


def test_diagrams_of_the_documentation_are_fresh():
    text = diagram.DOCUMENT.read_text(encoding="utf-8")
    assert diagram.written(text) == text
    assert all(f"generated: {name} " in text for name in diagram.BLOCKS)


# --- a day ---


def test_a_day_of_keepalives_costs_what_it_should_and_leaves_nothing_behind():
    """The server pings every 30 s, the bank never; the modem is silent."""
    driver = Driver()
    driver.serve()
    tracemalloc.start()
    octets = {SERVER: 0, BANK: 0}
    base = 0
    for number in range(24 * 120):
        driver.move(30.0)
        driver.octets(SERVER, framing.PING)
        if driver.session.bank_link.awaits_pong:
            driver.octets(BANK, framing.PONG)
        for name in octets:
            octets[name] += sum(len(a.frame) for a in driver.of(Send) if a.link is name)
        driver.clear()
        if number == 10:
            base = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - base
    tracemalloc.stop()
    assert driver.state == "serving"
    assert driver.card() == []
    assert octets[SERVER] == 24 * 120 * len(framing.PONG)
    assert octets[BANK] == 24 * 60 * len(framing.PING)
    assert grown < 20_000


# --- addresses ---


@pytest.mark.parametrize(
    ("server", "named", "called"),
    [
        ("server.example", b"\x7f\x00\x00\x01", "server.example"),
        ("192.0.2.1", bytes(15) + b"\x01", "192.0.2.1"),
        ("192.0.2.1", bytes((192, 0, 2, 9)), "192.0.2.9"),
        ("127.0.0.1", b"\x7f\x00\x00\x02", "127.0.0.2"),
        ("localhost", b"\x7f\x00\x00\x01", "127.0.0.1"),
    ],
)
def test_bank_on_the_servers_own_loopback_is_called_at_the_server(server, named, called):
    driver = Driver(server=Endpoint(server, 9998))
    driver.connect_server()
    driver.assign(SLOT, IpPort(named, 9999))
    assert driver.wanted[BANK] == (called, 9999)


# --- anything in any order ---


class Chaos:
    """Random events of the outside world; the driver checks what the session asks for."""

    STEPS = (
        *("accept", "refuse", "drop", "say", "say", "help", "help"),
        *("rubbish", "command", "line", "move", "reply", "reply"),
    )

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.driver = Driver(
            dice=self.dice.random,
            bank_hold_s=self.dice.choice((0.0, 5.0, 300.0)),
            releases_slot=self.dice.random() < 0.5,
            ignores_bank_atr=self.dice.random() < 0.2,
        )
        self.sim = VirtualSim()
        self.asked = 0

    def step(self):
        getattr(self, self.dice.choice(self.STEPS))()

    def help(self):
        """What a sane world does next, or random walks would never come far."""
        driver = self.driver
        self.accept()
        for name in sorted(driver.open_links, key=lambda each: each.value):
            if driver.session._link_of(name).state is LinkState.GREETING:
                driver.greet(name)
        if driver.state == "no_bank" and driver.session.server_link.is_up:
            driver.assign(BankSlot(1, self.dice.randint(0, 1)))
        if driver.state in ("awaiting_atr", "returned") and self.dice.random() < 0.8:
            driver.atr(self.dice.choice((ATR, ATR, OTHER_ATR)), driver.session.client_slot)
        self.reply()

    def _link(self, of):
        return self.dice.choice(sorted(of, key=lambda link: link.value)) if of else None

    def accept(self):
        if link := self._link(self.driver.wanted):
            self.driver.accept(link)

    def refuse(self):
        if link := self._link(self.driver.wanted):
            self.driver.refuse(link)

    def drop(self):
        if (link := self._link(self.driver.open_links)) and self.dice.random() < 0.2:
            now = self.driver.now
            self.driver.open_links.discard(link)
            self.driver.do(self.driver.session.closed(link, "gone", now, self.dice.random() < 0.5))

    def say(self):
        link = self._link(self.driver.open_links)
        if link is None or self.dice.random() < 0.7:
            return
        other = BankSlot(1, self.dice.randint(0, 1))
        message = self.dice.choice(
            (
                ConnectClientRes(PEER[link], self.dice.choice((Result.OK, Result.OK, *Result))),
                ConfigClientBankReq(other, ADDRESS),
                ConfigClientBankReq(other, IpPort(bytes(4), 0)),
                ConfigClientIdReq(ClientSlot(1, self.dice.randint(0, 1))),
                SetAtrReq(CLIENT, self.dice.choice((ATR, OTHER_ATR))),
                ResetStateReq(),
            )
        )
        self.driver.say(link, message)

    def reply(self):
        if self.driver.session.relay.running_since is not None and BANK in self.driver.open_links:
            last = [m for m in self.driver.sent(BANK) if isinstance(m, TpduModemToCard)][-1]
            response = self.sim.process(last.data)
            self.driver.answer(response, last.to_bank_slot, last.from_client_slot)

    def rubbish(self):
        if (link := self._link(self.driver.open_links)) and self.dice.random() < 0.1:
            size = self.dice.randint(1, 60)
            octets = bytes(self.dice.randint(0, 255) for _ in range(size))
            self.driver.octets(link, self.dice.choice((octets, framing.PING, framing.PONG)))

    def command(self):
        words = ("00a40004023f00", "00a40004022fe2", READ, "0070000001", "0020000100", "80f200000c")
        self.driver.command(self.dice.choice(words))
        self.asked += 1

    def line(self):
        if self.dice.random() < 0.2:
            self.driver.line(ASSERTED)
            self.driver.line(session.RELEASED)
            self.sim.reset()

    def move(self):
        for _ in range(self.dice.choice((1, 1, 2, 5, 40))):
            self.driver.move(self.dice.choice((0.01, 0.5, 2.0, 2.0, 8.0)))
            if self.dice.random() < 0.8:
                self.help()
            for name in sorted(self.driver.open_links, key=lambda each: each.value):
                if self.driver.session._link_of(name).awaits_pong and self.dice.random() < 0.95:
                    self.driver.octets(name, framing.PONG)
        if self.dice.random() < 0.3 and self.driver.session._is_releasing:
            self.driver.do(self.driver.session.slot_released(True, "", self.driver.now))


@pytest.mark.parametrize("chunk", range(8))
def test_no_order_of_events_breaks_the_session(chunk):
    for seed in range(chunk, 240, 8):
        chaos = Chaos(seed)
        for _ in range(150):
            chaos.step()
            driver = chaos.driver
            shown = [word for word in driver.card() if word in ("present", "remove")]
            assert all(one != other for one, other in itertools.pairwise(shown)), f"seed {seed}"
            assert driver.session.has_card == (shown[-1:] == ["present"]), f"seed {seed}"
            assert len(driver.answers()) <= chaos.asked, f"seed {seed}"
            assert driver.session.relay.waiting <= 65
