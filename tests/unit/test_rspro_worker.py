# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's socket shell against the lab's server and bank, over real sockets."""

from __future__ import annotations

import random
import time

import pytest

from remsim.net.bind import LinkBinding
from remsim.rspro import framing
from remsim.rspro.actions import LinkName, Send
from remsim.rspro.messages import BankSlot, ClientSlot, Result, TpduCardToModem, TpduFlags
from remsim.rspro.session import Bank
from remsim.rspro.worker import MAX_UNSENT
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.delay import DelayLine
from remsim_lab.rspro.server import RemsimServer
from remsim_lab.rspro.sim import VirtualSim
from rspro_world import CLIENT, CountingCard, World, at

ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")


@pytest.fixture
def bank():
    bank = Bankd({0: VirtualSim(), 1: VirtualSim(iccid="8988209999999999999")})
    bank.start()
    bank.ask(lambda: bank.map(CLIENT, 0))
    yield bank
    bank.stop()


@pytest.fixture
def direct(bank):
    with World(bank=Bank(at(bank.port), BankSlot(1, 0))) as world:
        world.serve()
        yield world


@pytest.fixture
def network():
    """Server and one bank with two cards, nothing mapped."""
    server = RemsimServer()
    server.start()
    bank = Bankd({0: CountingCard(1), 1: CountingCard(2)}, ("127.0.0.1", server.rspro_port))
    bank.start()
    server.ask(lambda: setattr(server, "bankd_port", bank.port))
    yield server, bank
    bank.stop()
    server.stop()


def wait_until(condition, limit_s=5.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_direct_mode_reads_the_card(direct, bank):
    assert direct.front_end.atr == bank.cards[0].atr
    assert direct.ask("00a40004022fe2")[:1] == b"\x61"
    iccid = bytes(bank.cards[0].file(0x2FE2).data)
    assert direct.ask("00b000000a") == iccid + b"\x90\x00"


def test_every_frame_is_one_write_without_delay(direct, bank):
    """The bank closes a connection whose frames come in pieces."""
    for number in range(200):
        direct.ask(bytes((0, 0xB0, 0, number, 1)))
    assert bank.closed_for == []


def test_authentication_through_the_client(direct, bank):
    card = bank.cards[0]
    from remsim_lab.rspro.files import USIM_AID
    from remsim_lab.rspro.milenage import milenage

    rand = bytes(range(16))
    autn = card.subscriber.challenge(rand, 7)
    direct.ask(bytes.fromhex("00a4040410") + USIM_AID)
    answer = direct.ask(bytes.fromhex("0088008122") + b"\x10" + rand + b"\x10" + autn)
    data = direct.ask(b"\x00\xc0\x00\x00" + answer[1:])
    subscriber = card.subscriber
    vector = milenage(subscriber.key, subscriber.opc, rand, (7).to_bytes(6, "big"), b"\x80\x00")
    assert data[2:10] == vector.res


def test_bank_restart_leaves_the_card_in_and_restores_it(direct, bank):
    for command in (*ICCID_READ, "00a40804047f206f07"):
        direct.ask(command)
    state = bank.cards[0].state()
    bank.ask(bank.drop_clients)
    direct.until(lambda: direct.session.state.value != "serving")
    direct.serve()
    assert direct.front_end.events == ["present", "reset"]
    assert bank.cards[0].state() == state
    assert direct.ask("00b0000009").endswith(b"\x90\x00")


def test_command_sent_while_the_bank_is_away_is_answered_when_it_is_back(bank, direct):
    port, cards = bank.port, bank.cards
    direct.ask("00a40004022fe2")
    bank.stop()
    direct.until(lambda: direct.session.state.value == "holding")
    again = Bankd(cards, port=port)
    again.start()
    again.ask(lambda: again.map(CLIENT, 0))
    try:
        assert direct.ask("00b000000a", 20.0).endswith(b"\x90\x00")
    finally:
        again.stop()
    assert direct.front_end.events == ["present", "reset"]


def test_lost_answer_is_asked_for_again_over_a_new_connection(direct, bank, monkeypatch):
    monkeypatch.setattr("remsim.rspro.session.STALL_S", 0.2)
    monkeypatch.setattr("remsim.rspro.session.COMMAND_LIMIT_S", 0.5)
    direct.ask("00a40004022fe2")
    bank.ask(lambda: setattr(bank, "loses_answers", 1))
    assert direct.ask("00b000000a").endswith(b"\x90\x00")
    assert direct.session.relay.counters.repeated == 1


def test_reset_by_the_modem_reaches_the_card(direct, bank):
    from remsim.rspro.session import RELEASED, UNPOWERED

    before = bank.cards[0].resets
    for _ in range(3):
        direct.front_end.user.line_changed(UNPOWERED)
        direct.front_end.user.line_changed(RELEASED)
    direct.ask("00a40004023f00")
    assert bank.cards[0].resets == before + 3


def test_card_that_comes_late_is_presented(bank):
    card = bank.cards.pop(0)
    with World(bank=Bank(at(bank.port), BankSlot(1, 0))) as world:
        world.until(lambda: any(t.cause.value == "bank_refused" for t in world.told))
        bank.ask(lambda: bank.put(0, card))
        world.serve()
        assert world.front_end.events == ["present", "reset"]


def test_bank_whose_port_refuses_is_tried_again():
    with World(bank=Bank(at(1), BankSlot(1, 0))) as world:
        world.until(lambda: any("ECONNREFUSED" in t.text for t in world.told))
        assert world.session.state.value == "joining"


def test_name_is_resolved_without_holding_up_the_loop(bank):
    with World(bank=Bank(at(bank.port, "localhost"), BankSlot(1, 0))) as world:
        world.serve()


def test_unknown_name_is_told_and_tried_again():
    with World(bank=Bank(at(9999, "no-such-host.invalid"), BankSlot(1, 0))) as world:
        world.until(lambda: any("no-such-host" in t.text for t in world.told), 15.0)


def test_no_path_means_no_attempt_and_a_path_means_one(bank):
    world = World(bank=Bank(at(bank.port), BankSlot(1, 0)))
    world.worker.bind(None)
    with world:
        world.until(lambda: any("no path" in t.text for t in world.told))
        assert bank.ask(lambda: len(bank.clients)) == 0
        world.worker.bind(LinkBinding())
        world.serve()


def test_cut_link_is_left_for_the_other_path_and_the_card_stays(bank):
    """The old connection dies without a word; the bank frees the card when it is told to."""
    line = DelayLine(("127.0.0.1", bank.port), 0.0)
    line.start()
    try:
        with World(bank=Bank(at(line.port), BankSlot(1, 0))) as world:
            world.serve()
            for command in ICCID_READ:
                world.ask(command)
            line.ask(line.cut)
            bank.ask(bank.drop_clients)
            world.session.bank = Bank(at(bank.port), BankSlot(1, 0))
            world.session.bank_link.peer = at(bank.port)
            world.worker.bind(LinkBinding("lo", 0))
            world.serve()
            assert world.ask("00b000000a").endswith(b"\x90\x00")
            assert world.front_end.events == ["present", "reset"]
    finally:
        line.stop()


# --- with a server ---


def test_server_names_the_bank_and_the_card_is_presented(network):
    server, _ = network
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    with World(server=at(server.rspro_port)) as world:
        world.serve()
        assert world.ask("00b0010203")[0] == 1
        wait_until(lambda: server.results == [Result.OK])
    assert server.deaths == []


def test_mapping_made_late_reaches_the_client(network):
    server, _ = network
    with World(server=at(server.rspro_port)) as world:
        world.until(lambda: world.session.server_link.is_up)
        server.ask(lambda: server.create(BankSlot(1, 1), CLIENT))
        world.serve()
        assert world.ask("00b0010203")[0] == 2


def test_server_killed_and_restarted_disturbs_nothing(network):
    server, bank = network
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    with World(server=at(server.rspro_port)) as world:
        world.serve()
        port = server.rspro_port
        server.stop()
        world.until(lambda: not world.session.server_link.is_up)
        assert world.ask("00b0010203")[0] == 1
        again = RemsimServer(port, bankd_port=bank.port)
        again.start()
        try:
            world.until(lambda: world.session.server_link.is_up, 20.0)
            wait_until(lambda: again.ask(lambda: again._bank(1)) is not None)
            again.ask(lambda: again.create(BankSlot(1, 0), CLIENT))
            world.until(lambda: again.results == [Result.OK])
            assert world.ask("00b0010204")[0] == 1
        finally:
            again.stop()
        assert world.front_end.events == ["present", "reset"]


def test_second_client_with_the_same_id_waits_for_the_first_one_to_leave(network):
    server, _ = network
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    with World(server=at(server.rspro_port)) as first:
        first.serve()
        with World(server=at(server.rspro_port)) as second:
            second.until(lambda: any("identity in use" in t.text for t in second.told))
            assert first.ask("00b0010203")[0] == 1
            first.worker.stop()
            second.until(lambda: second.session.state.value == "serving", 20.0)


@pytest.mark.parametrize("seed", range(3))
def test_mapping_moved_again_and_again_while_commands_flow_swaps_no_answer(network, seed):
    server, bank = network
    dice = random.Random(seed)
    server.ask(lambda: server.create(BankSlot(1, 0), CLIENT))
    with World(server=at(server.rspro_port)) as world:
        world.serve()
        moves, slot, asked = 15, 0, 0
        for _ in range(moves):
            for _ in range(dice.randint(1, 30)):
                asked += 1
                answer = world.ask(bytes((0, 0xB0, asked >> 8 & 0xFF, asked & 0xFF, 1)))
                assert answer == bytes((slot + 1, asked >> 8 & 0xFF, asked & 0xFF, 0x90, 0))
            if dice.random() < 0.5:  # one is under way when the card goes
                world.front_end.user.command(b"\x00\xb0\xff\xff\x01")
            slot = 1 - slot
            old = BankSlot(1, 1 - slot)
            server.ask(lambda old=old: server.remove(old.bank_id * 65536 + old.slot_nr))
            wait_until(lambda: not server.ask(lambda: list(server.maps)))
            server.ask(lambda slot=slot: server.create(BankSlot(1, slot), CLIENT))
            atr = bank.cards[slot].atr
            world.until(
                lambda atr=atr: (
                    world.session.state.value == "serving" and world.front_end.atr == atr
                )
            )
            world.front_end.answers.clear()
        assert server.deaths == []
        assert world.session.relay.counters.unexpected == 0


# --- misbehaviour ---


@pytest.mark.parametrize(
    "octets",
    ["ffffee07", "0001fd00", "0005ee0730058001", "000dee08300a800102810100a202b300", "0000ee"],
)
def test_rubbish_from_the_bank_costs_a_connection_at_most(direct, bank, octets):
    direct.ask("00a40004022fe2")
    bank.ask(lambda: bank.send_octets(bytes.fromhex(octets)))
    time.sleep(0.05)
    assert direct.ask("00b000000a").endswith(b"\x90\x00")
    assert direct.front_end.events == ["present", "reset"]


def test_half_a_frame_is_waited_for(direct, bank):
    answer = TpduCardToModem(BankSlot(1, 0), CLIENT, TpduFlags(), b"\x90\x00")
    whole = framing.frame(framing.Pdu(answer))
    bank.ask(lambda: bank.send_octets(whole[:10]))
    time.sleep(0.02)
    bank.ask(lambda: bank.send_octets(whole[10:]))
    direct.until(lambda: direct.session.relay.counters.unexpected == 1)


def stop_reading(bank):
    for client in bank.clients:
        bank.loop.unwatch(client.sock.fileno())


def test_bank_that_takes_nothing_is_given_up_with_bounded_memory(direct, bank):
    bank.ask(lambda: stop_reading(bank))
    (connection,) = direct.worker._connections.values()
    for _ in range(10_000):
        direct.worker._perform([Send(LinkName.BANK, bytes(4000))])
        assert connection.unsent_octets < MAX_UNSENT + 8000
        if not connection.is_up:
            break
    direct.until(lambda: "takes no data" in direct.session.bank_link.last_reason)


def test_many_slots_are_served_by_many_workers(bank):
    other = ClientSlot(2, 0)
    bank.ask(lambda: bank.map(other, 1))
    with (
        World(bank=Bank(at(bank.port), BankSlot(1, 0))) as one,
        World(bank=Bank(at(bank.port), BankSlot(1, 1)), client_slot=other) as two,
    ):
        one.serve()
        two.serve()
        assert one.ask(ICCID_READ[1])[:1] == two.ask(ICCID_READ[1])[:1] == b"\x61"
        assert one.ask(ICCID_READ[2]) != two.ask(ICCID_READ[2])
