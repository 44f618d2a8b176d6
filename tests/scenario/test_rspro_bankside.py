# SPDX-License-Identifier: GPL-2.0-or-later
"""The client against a whole bank side: the lab's, and the real osmo-remsim where it is installed.

The real one is osmo-remsim-server and -bankd with pcscd, a virtual reader and the lab's virtual
cards; see remsim_lab.rspro.reference.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from remsim.clock import SystemClock
from remsim.rspro.messages import BankSlot
from remsim.rspro.release import Releaser
from remsim.rspro.session import RELEASED, UNPOWERED
from remsim_lab.rspro import reference
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.delay import DelayLine
from remsim_lab.rspro.files import USIM_AID
from remsim_lab.rspro.milenage import Subscriber, milenage
from remsim_lab.rspro.server import RemsimServer
from remsim_lab.rspro.sim import VirtualSim
from rspro_world import CLIENT, World, at

KEY = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
SLOTS = (BankSlot(1, 0), BankSlot(1, 1))
ICCIDS = ("8988201000000000010", "8988201000000001011")
BACK_S = 40.0  # the real programs come back to each other within 10 s of a clean restart


class LabPrograms:
    """The lab's server and bank with the interface of RealPrograms."""

    def __init__(self, bank_port=0):
        self.cards = {slot: VirtualSim(iccid=ICCIDS[slot]) for slot in (0, 1)}
        self.server = RemsimServer()
        self.bank = Bankd(self.cards, None, port=bank_port)
        self.named_port = None

    @property
    def server_port(self):
        return self.server.rspro_port

    @property
    def rest_port(self):
        return self.server.rest_port

    def start(self):
        self.server.start()
        self.start_bank()

    def start_server(self):
        self.server = RemsimServer(self.server.rspro_port, self.server.rest_port)
        self.server.bankd_port = self.named_port or self.bank.port
        self.server.start()

    def start_bank(self):
        self.bank = Bankd(self.cards, ("127.0.0.1", self.server.rspro_port), port=self.bank.port)
        self.bank.start()
        self.server.bankd_port = self.named_port or self.bank.port

    def kill(self, name):
        (self.server if name == "server" else self.bank).stop()

    def stop(self):
        self.bank.stop()
        self.server.stop()

    def create(self, bank, client):
        self._wait(lambda: self.server.ask(lambda: self.server._bank(1)) is not None)
        assert self.server.ask(lambda: self.server.create(bank, client))

    def remove(self, bank):
        self.server.ask(lambda: self.server.remove(bank.bank_id * 65536 + bank.slot_nr))
        self._wait(lambda: not self.server.ask(lambda: list(self.server.maps)))

    @staticmethod
    def _wait(condition):
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)


class ReferencePrograms(reference.RealPrograms):
    server_port = reference.SERVER_PORT
    rest_port = reference.REST_PORT

    def create(self, bank, client):
        reference._wait(lambda: bool(self.get("banks")["banks"]))
        super().create(bank, client)


SIDES = ["lab"] + (["real"] if reference.find() and reference.is_free() else [])


@pytest.fixture(params=SIDES)
def side(request, tmp_path):
    side = LabPrograms()
    if request.param == "real":
        side = ReferencePrograms(reference.find(), tmp_path)
    side.start()
    yield side
    side.stop()


@pytest.fixture
def world(side):
    side.create(SLOTS[0], CLIENT)
    with World(server=at(side.server_port)) as world:
        world.until(lambda: world.session.state.value == "serving", BACK_S)
        yield world


def read_iccid(world):
    world.ask("00a40004023f00", BACK_S)
    world.ask("00a40004022fe2", BACK_S)
    digits = world.ask("00b000000a", BACK_S)
    assert digits.endswith(b"\x90\x00")
    return "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in digits[:-2]).rstrip("f")


def test_select_read_and_authenticate(world):
    assert read_iccid(world) == ICCIDS[0]
    assert world.ask(bytes.fromhex("00a4040410") + USIM_AID)[:1] == b"\x61"
    home, rand = Subscriber(KEY, OPC), os.urandom(16)
    autn = home.challenge(rand, 1)
    announced = world.ask(bytes.fromhex("0088008122") + b"\x10" + rand + b"\x10" + autn)
    assert announced == b"\x61\x35"
    answer = world.ask(b"\x00\xc0\x00\x00\x35")
    vector = milenage(KEY, OPC, rand, (1).to_bytes(6, "big"), b"\x80\x00")
    assert answer[1:9] != b"" and answer[2:10] == vector.res
    assert vector.ck in answer and vector.ik in answer


def test_every_length_of_command_and_answer_passes(world):
    world.ask(bytes.fromhex("00a4040410") + USIM_AID)
    world.ask("00a40004026f60")
    for length in (1, 2, 127, 128, 129, 200, 250):
        data = os.urandom(length)
        assert world.ask(bytes((0, 0xD6, 0, 0, length)) + data) == b"\x90\x00"
        assert world.ask(bytes((0, 0xB0, 0, 0, length))) == data + b"\x90\x00"


def test_reset_by_the_modem_loses_the_selection_each_time(world):
    for _ in range(3):
        assert world.ask("00a40004027f10")[:1] == b"\x61"
        assert world.ask("00a40004026f3a")[:1] == b"\x61"
        world.front_end.user.line_changed(UNPOWERED)
        world.front_end.user.line_changed(RELEASED)
        assert world.ask("00a40004026f3a") == b"\x6a\x82"


def test_mapping_moves_while_commands_flow_and_no_answer_is_swapped(side, world):
    dice, slot = random.Random(1), 0
    for _ in range(6):
        for _ in range(dice.randint(2, 20)):
            assert read_iccid(world) == ICCIDS[slot]
        world.front_end.user.command(bytes.fromhex("00b000000a"))  # under way when the card goes
        side.remove(SLOTS[slot])
        slot = 1 - slot
        events = len(world.front_end.events)
        side.create(SLOTS[slot], CLIENT)
        world.until(
            lambda events=events: world.front_end.events[events:] == ["remove", "present", "reset"],
            BACK_S,
        )
        world.serve()
        world.front_end.answers.clear()
    assert read_iccid(world) == ICCIDS[slot]


def test_server_killed_and_restarted_disturbs_nothing(side, world):
    assert read_iccid(world) == ICCIDS[0]
    side.kill("server")
    world.until(lambda: not world.session.server_link.is_up, BACK_S)
    assert read_iccid(world) == ICCIDS[0]
    side.start_server()
    world.until(lambda: world.session.server_link.is_up, BACK_S)
    side.create(SLOTS[0], CLIENT)
    assert read_iccid(world) == ICCIDS[0]
    assert world.front_end.events == ["present", "reset"]


def test_bank_killed_and_restarted_is_not_seen_by_the_modem(side, world):
    assert read_iccid(world) == ICCIDS[0]
    world.ask("00a40804047f206f07")
    side.kill("bank")
    world.until(lambda: world.session.state.value == "holding", BACK_S)
    assert world.front_end.user.command(bytes.fromhex("00b0000009"))
    side.start_bank()
    world.until(lambda: world.session.state.value == "serving", BACK_S)
    world.until(lambda: world.session.relay.running_since is None, BACK_S)
    assert world.front_end.answers[-1][:1] == b"\x08"  # the IMSI, still selected
    assert world.front_end.events == ["present", "reset"]


def test_mapping_made_late(side):
    with World(server=at(side.server_port)) as world:
        world.until(lambda: world.session.server_link.is_up, BACK_S)
        side.create(SLOTS[1], CLIENT)
        world.until(lambda: world.session.state.value == "serving", BACK_S)
        assert read_iccid(world) == ICCIDS[1]


def test_two_clients_with_one_id(side, world):
    with World(server=at(side.server_port)) as second:
        second.until(lambda: any("identity in use" in t.text for t in second.told), BACK_S)
        assert read_iccid(world) == ICCIDS[0]


def test_withdrawn_mapping_removes_the_card(side, world):
    side.remove(SLOTS[0])
    world.until(lambda: world.session.state.value == "no_bank", BACK_S)
    assert world.front_end.events == ["present", "reset", "remove", "reset"]


@pytest.fixture(params=SIDES)
def radio(request, tmp_path):
    """A bank behind a line that can die as a radio link does; the server names the line."""
    if request.param == "lab":
        side = LabPrograms()
        side.start()
        bank_port, line_port = side.bank.port, 0
    else:
        bank_port, line_port = 29999, reference.BANKD_PORT
        side = ReferencePrograms(reference.find(), tmp_path, bank_port)
        side.start()
    line = DelayLine(("127.0.0.1", bank_port), 0.0, line_port)
    line.start()
    if request.param == "lab":
        side.named_port = side.server.bankd_port = line.port
    yield side, line
    line.stop()
    side.stop()


@pytest.fixture
def quick(monkeypatch):
    """The client's patience, shortened."""
    monkeypatch.setattr("remsim.rspro.session.STALL_S", 1.0)
    monkeypatch.setattr("remsim.rspro.link.PONG_LIMIT_S", 1.0)


def test_dead_radio_link_is_not_seen_by_an_attached_modem(radio, quick):
    """The bank is not told that the old connection is dead and keeps the card for it: the client
    has the server make its mapping anew.
    """
    side, line = radio
    side.create(SLOTS[0], CLIENT)
    releaser = Releaser(at(side.rest_port), SystemClock())
    with World(None, releaser, server=at(side.server_port), releases_slot=True) as world:
        world.until(lambda: world.session.state.value == "serving", BACK_S)
        assert read_iccid(world) == ICCIDS[0]
        world.ask("00a40804047f206f07")
        line.ask(line.cut)
        assert world.front_end.user.command(bytes.fromhex("00b0000009"))
        world.until(lambda: any(t.cause.value == "slot_released" for t in world.told), BACK_S)
        world.until(lambda: world.session.state.value == "serving", BACK_S)
        world.until(lambda: world.session.relay.running_since is None, BACK_S)
        assert world.front_end.answers[-1][:1] == b"\x08"  # the IMSI, still selected
        assert world.front_end.events == ["present", "reset"]
