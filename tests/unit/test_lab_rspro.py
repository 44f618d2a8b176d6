# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's server and bank behave as the recorded ones: error cases, REST answers."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request

import pytest

import rspro_vectors as vectors
from remsim.rspro import framing, messages
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.server import RemsimServer
from remsim_lab.rspro.sim import VirtualSim

CASES = vectors.load("error-cases.json")["cases"]
REST = vectors.load("rest-api.json")
QUIET_S = 0.1  # nothing more came for so long: the peer has said what it had to say

# Cases that wait for a timer of 10 s, or need something done to the real card or reader meanwhile.
SLOW = {
    "no-request-in-10s",
    "pong-only",
    "no-pong",
    "identity-in-use",
    "bank-identity-in-use",
    "bank-connect",
    "idle-unidentified",
    "idle-mapped",
    "ninth-connection",
    "patient-client-mapping-added",
    "patient-client-card-inserted",
    "mapping-removed-under-client",
    "card-pulled-status",
    "second-connection-same-client",
    "create-mapping-res-without-request",
}
PLAYED = [case for case in CASES if case["case"] not in SLOW]


@pytest.fixture
def bank():
    bank = Bankd()
    bank.start()
    yield bank
    bank.stop()


@pytest.fixture
def server():
    server = RemsimServer()
    server.start()
    yield server
    server.stop()


def told(frames):
    """What a peer said, without names and contents of cards."""
    words = []
    for whole in frames:
        if not framing.is_rspro(whole):
            kind = framing.ccm_of(whole)
            if kind != framing.Ccm.PING:
                words.append(f"ccm {kind}")
            continue
        pdu = framing.message_of(whole)
        word = type(pdu.message).__name__
        result = getattr(pdu.message, "result", None)
        words.append(f"{word} {pdu.tag} {result!r}" if result is not None else f"{word} {pdu.tag}")
    return words


def play(port, case):
    """The scripted client's frames to a stand-in; what came back, and whether it closed."""
    reader, frames, is_closed = framing.FrameReader(), [], False
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for record in case["records"]:
            if record.get("from") != "scripted client":
                continue
            whole = bytes.fromhex(record["hex"])
            for piece in record.get("pieces", [len(whole)]):
                part, whole = whole[:piece], whole[piece:]
                try:
                    sock.sendall(part)
                except OSError:
                    is_closed = True
                time.sleep(0.02 if len(record.get("pieces", [1])) > 1 else 0)
            more, is_closed = hear(sock, is_closed)
            frames += reader.feed(more)
    return frames, is_closed


def hear(sock, is_closed, quiet_s=QUIET_S):
    heard = b""
    sock.settimeout(quiet_s)
    while not is_closed:
        try:
            octets = sock.recv(65536)
        except TimeoutError:
            break
        except OSError:
            octets = b""
        heard += octets
        is_closed = not octets
    return heard, is_closed


@pytest.mark.parametrize(
    "case",
    [case for case in PLAYED if case["target"] == "bankd"],
    ids=lambda case: case["case"],
)
def test_bank_reacts_as_recorded(bank, case):
    if case["case"] != "no-mapping":
        bank.ask(lambda: bank.map(ClientSlot(1, 0), 0))
    frames, is_closed = play(bank.port, case)
    recorded = [bytes.fromhex(r["hex"]) for r in case["records"] if r.get("from") == "bankd"]
    assert told(frames) == told(recorded)
    assert is_closed == ("closed by" in case["outcome"])


@pytest.mark.parametrize(
    "case",
    [case for case in PLAYED if case["target"] == "server"],
    ids=lambda case: case["case"],
)
def test_server_reacts_as_recorded(server, case):
    bank = Bankd(server=("127.0.0.1", server.rspro_port))
    bank.start()
    try:
        if case["case"] != "no-mapping":
            server.ask(lambda: server.create(BankSlot(1, 0), ClientSlot(1, 0)))
            wait_until(lambda: server.maps[0].state.value == "ACTIVE")
        frames, is_closed = play(server.rspro_port, case)
    finally:
        bank.stop()
    recorded = [bytes.fromhex(r["hex"]) for r in case["records"] if r.get("from") == "server"]
    assert told(frames) == told(recorded)
    assert is_closed == ("closed by" in case["outcome"])
    assert bool(server.deaths) == ("process ended" in case["outcome"])


def wait_until(condition, limit_s=5.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def test_bank_closes_a_connection_whose_mapping_is_removed(bank):
    bank.ask(lambda: bank.map(ClientSlot(1, 0), 0))
    with socket.create_connection(("127.0.0.1", bank.port)) as sock:
        sock.sendall(connect_request(1))
        hear(sock, False)
        bank.ask(lambda: bank.unmap(ClientSlot(1, 0)))
        assert hear(sock, False)[1]


def connect_request(client_id):
    identity = messages.Identity(messages.Component.CLIENT, "peer-host", "scripted", "1.1.3")
    slot = ClientSlot(client_id, 0)
    return framing.frame(messages.Pdu(messages.ConnectClientReq(identity, slot)))


def test_bank_serves_a_kept_connection_whose_mapping_comes_late_without_an_atr(bank):
    with socket.create_connection(("127.0.0.1", bank.port)) as sock:
        sock.sendall(connect_request(1))
        refused = framing.FrameReader().feed(hear(sock, False)[0])
        assert "CARD_NOT_PRESENT" in told(refused)[0]
        bank.ask(lambda: bank.map(ClientSlot(1, 0), 0))
        assert hear(sock, False)[0] == b""
        codec = framing.TpduCodec(ClientSlot(1, 0), BankSlot(1, 0))
        sock.sendall(codec.command_frame(bytes.fromhex("00a4000c023f00")))
        assert codec.answer_of(hear(sock, False)[0]) == b"\x90\x00"


def test_bank_gives_a_held_card_to_nobody_else(bank):
    bank.ask(lambda: bank.map(ClientSlot(1, 0), 0))
    one = socket.create_connection(("127.0.0.1", bank.port))
    two = socket.create_connection(("127.0.0.1", bank.port))
    with one, two:
        one.sendall(connect_request(1))
        hear(one, False)
        two.sendall(connect_request(1))
        refused = framing.FrameReader().feed(hear(two, False)[0])
        assert "CARD_NOT_PRESENT" in told(refused)[0]


def test_bank_with_all_workers_taken_answers_nothing():
    bank = Bankd(number_of_slots=1)
    bank.start()
    try:
        first = socket.create_connection(("127.0.0.1", bank.port))
        second = socket.create_connection(("127.0.0.1", bank.port))
        with first, second:
            second.sendall(framing.PING)
            assert hear(second, False) == (b"", False)
    finally:
        bank.stop()


def test_pulled_card_ends_the_connection_at_the_next_tpdu(bank):
    bank.ask(lambda: bank.map(ClientSlot(1, 0), 0))
    with socket.create_connection(("127.0.0.1", bank.port)) as sock:
        sock.sendall(connect_request(1))
        hear(sock, False)
        bank.ask(lambda: bank.pull(0))
        assert hear(sock, False) == (b"", False)
        codec = framing.TpduCodec(ClientSlot(1, 0), BankSlot(1, 0))
        sock.sendall(codec.command_frame(bytes.fromhex("00a4000c023f00")))
        assert hear(sock, False) == (b"", True)


def rest(server, case):
    body = case["request_body"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.rest_port}{case['path']}",
        data=body.encode() if body else None,
        method=case["method"],
        headers={"Content-Type": case["request_content_type"]}
        if case["request_content_type"]
        else {},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def test_rest_answers_are_the_recorded_ones(server):
    bank = Bankd(server=("127.0.0.1", server.rspro_port), cards={0: VirtualSim()})
    bank.start()
    try:
        server.ask(lambda: server.create(BankSlot(1, 0), ClientSlot(1, 0)))
        wait_until(lambda: server.maps[0].state.value == "ACTIVE")
        client = socket.create_connection(("127.0.0.1", server.rspro_port))
        with client:
            client.sendall(connect_request(1))
            hear(client, False)
            for case in REST:
                status, body = rest(server, case)
                assert status == case["status"], case["case"]
                assert _shape(body) == _shape(case["body_text"]), case["case"]
                settle(server)
    finally:
        bank.stop()


def settle(server):
    """Mappings that are being made or removed are done."""
    wait_until(
        lambda: all(each.state.value in ("ACTIVE", "NEW") for each in list(server.maps)) or None
    )


def _shape(text):
    """JSON without the names of the recording's machines."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    for each in [*value.get("banks", []), *value.get("clients", []), value]:
        if "component_id" in each:
            each["component_id"] = each["component_id"]["type_"]
    return value
