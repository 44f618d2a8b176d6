# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual card: Milenage against the 3GPP test sets, and the card's own rules."""

from __future__ import annotations

import json

import pytest

import rspro_vectors as vectors
from remsim_lab.rspro.files import USIM_AID
from remsim_lab.rspro.milenage import Subscriber, aes128, milenage, opc_of, xor
from remsim_lab.rspro.sim import VirtualSim

SETS = json.loads((vectors.FOLDER / "milenage.json").read_text())
SELECT_USIM = bytes.fromhex("00a4040410") + USIM_AID
VERIFY = bytes.fromhex("0020000108") + b"1234".ljust(8, b"\xff")


def test_aes_gives_the_fips_197_block():
    key = bytes(range(16))
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes128(key, plain).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@pytest.mark.parametrize("case", SETS, ids=lambda case: f"set {case['set']}")
def test_milenage_gives_the_3gpp_test_set(case):
    part = {name: bytes.fromhex(text) for name, text in case.items() if name != "set"}
    opc = opc_of(part["key"], part["op"])
    assert opc == part["opc"]
    vector = milenage(part["key"], opc, part["rand"], part["sequence"], part["amf"])
    for name in ("mac_a", "mac_s", "res", "ck", "ik", "ak", "ak_resync"):
        assert getattr(vector, name) == part[name], name


def run(sim, *commands):
    return [sim.process(bytes.fromhex(command)).hex() for command in commands]


def test_iccid_is_read_through_both_classes():
    sim = VirtualSim()
    iccid = "9888021032547698103f"
    iccid = sim.file(0x2FE2).data.hex()
    assert run(sim, "00a40004022fe2", "00b000000a")[1] == iccid + "9000"
    assert run(sim, "a0a40000023f00", "a0a40000022fe2", "a0b000000a")[2] == iccid + "9000"


def test_short_read_is_told_the_length():
    sim = VirtualSim()
    assert run(sim, "00a40004022fe2", "00b0000000")[1] == "6c0a"
    assert run(sim, "a0a40000022fe2", "a0b00000ff")[1] == "670a"


def test_file_needs_pin_only_while_it_is_enabled():
    sim = VirtualSim()
    sim.process(SELECT_USIM)
    assert run(sim, "00a40004026f07", "00b0000009")[1].endswith("9000")
    sim.pin.is_enabled = True
    assert run(sim, "00b0000009") == ["6982"]
    assert sim.process(VERIFY) == b"\x90\x00"
    assert run(sim, "00b0000009")[0].endswith("9000")


def test_wrong_pin_costs_a_try_and_three_block():
    sim = VirtualSim()
    sim.pin.is_enabled = True
    wrong = "00200001083939393939ffffff"
    assert run(sim, wrong, wrong, wrong) == ["63c2", "63c1", "63c0"]
    assert sim.process(VERIFY) == b"\x69\x83"
    assert run(sim, "002c000110" + b"12345678".hex() + VERIFY[5:].hex()) == ["9000"]
    assert sim.process(VERIFY) == b"\x90\x00"


def test_authentication_succeeds_once_and_then_asks_to_synchronise():
    sim = VirtualSim()
    rand = bytes.fromhex(SETS[0]["rand"])
    home = Subscriber(sim.subscriber.key, sim.subscriber.opc)
    autn = home.challenge(rand, 33)
    authenticate = bytes.fromhex("0088008122") + b"\x10" + rand + b"\x10" + autn
    sim.process(SELECT_USIM)
    assert sim.process(authenticate) == b"\x61\x35"
    answer = sim.process(bytes.fromhex("00c0000035"))
    vector = milenage(home.key, home.opc, rand, (33).to_bytes(6, "big"), b"\x80\x00")
    assert answer[:10] == b"\xdb\x08" + vector.res
    assert sim.process(authenticate) == b"\x61\x10"
    auts = sim.process(bytes.fromhex("00c0000010"))[2:-2]
    stars = milenage(home.key, home.opc, rand, (33).to_bytes(6, "big"), b"\x00\x00")
    assert auts == xor((33).to_bytes(6, "big"), stars.ak_resync) + stars.mac_s
    forged = authenticate[:-1] + bytes((authenticate[-1] ^ 1,))
    assert sim.process(forged) == b"\x98\x62"


def test_logical_channels_have_selections_of_their_own():
    sim = VirtualSim()
    assert run(sim, "0070000001") == ["019000"]
    sim.process(b"\x01" + SELECT_USIM[1:])
    assert run(sim, "00a40004022fe2", "01a40004026f38", "00b0000002", "01b0000002")[2:] == [
        sim.file(0x2FE2).data[:2].hex() + "9000",
        sim.file(0xFF01, 0x6F38).data[:2].hex() + "9000",
    ]
    assert run(sim, "0070800100", "01b0000002") == ["9000", "6881"]


def test_reset_forgets_selection_pin_and_channels():
    sim = VirtualSim()
    fresh = sim.state()
    sim.process(SELECT_USIM)
    sim.process(VERIFY)
    run(sim, "0070000001", "8010000001ff")
    assert sim.state() != fresh
    sim.reset()
    assert sim.state() == fresh


def test_proactive_command_is_announced_only_after_the_profile():
    sim = VirtualSim(proactive=[bytes.fromhex("d009810301010082028182")])
    assert run(sim, "80f200000c")[0][-4:] == "9000"
    assert run(sim, "8010000001ff") == ["910b"]
    assert run(sim, "801200000b")[0].startswith("d009")


def test_unknown_instruction_class_and_file_have_their_words():
    sim = VirtualSim()
    assert run(sim, "00ee000000", "e0a40000023f00", "00a4000402abcd", "a0a4000002abcd") == [
        "6d00",
        "6e00",
        "6a82",
        "9404",
    ]
