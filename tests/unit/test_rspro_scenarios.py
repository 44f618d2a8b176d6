# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded sessions of the C client played to ours: the peers' octets in, our messages compared.

Frames, closes and typed commands come at their recorded moments; a connection of ours is accepted
where the C client's was. Keep-alive PINGs and the released-line report are left out of the
comparison (docs/rspro.md says why they differ).
"""

from __future__ import annotations

import pytest

import rspro_vectors as vectors
from remsim.rspro.framing import frame
from remsim.rspro.messages import ConfigClientBankReq, ConnectClientReq, Pdu
from remsim.rspro.session import RELEASED, UNPOWERED
from rspro_driver import ADDRESS, BANK, SERVER, SERVER_AT, SLOT, Driver

LINKS = {"client-server": SERVER, "client-bankd": BANK, "client-bankd-2": BANK}


class Replay:
    """One recorded session against a session of ours."""

    def __init__(self, name):
        self.records = vectors.scenario(name)["records"]
        self.driver = Driver(server=SERVER_AT)
        self.expected = {SERVER: [], BANK: []}
        self.wanted_answers = []
        self.killed_at = -1.0
        begin = next(r["t"] for r in self.records if r.get("link") in LINKS)
        now = begin
        for record in self.records:
            if record["t"] >= begin:
                self.driver.move(max(0.0, record["t"] - now))
                now = max(now, record["t"])
                getattr(self, "on_" + record["kind"].replace("-", "_"), lambda _: None)(record)

    def on_tcp(self, record):
        link = LINKS.get(record["link"])
        if link is None:
            return
        if record["what"] == "opened by client":
            self._accept(link)
            return
        # the forwarder passes the end of a killed bank on as a close by the client
        was_killed = record["t"] - self.killed_at < 0.1
        if link in self.driver.open_links and (was_killed or record["what"] != "closed by client"):
            self.driver.drop(link)

    def _accept(self, link):
        """Our back-off has its own moments: wait for the next one."""
        for _ in range(700):
            if link in self.driver.open_links:
                return
            if link in self.driver.wanted:
                self.driver.accept(link)
                return
            self.driver.move(0.1)

    def on_event(self, record):
        if "killed" in record["what"]:
            self.killed_at = record["t"]
        if "octet by octet" in record["what"]:
            for octet in frame(Pdu(ConfigClientBankReq(SLOT, ADDRESS))):
                self.driver.octets(SERVER, bytes((octet,)))

    def on_frame(self, record):
        link = LINKS.get(record["link"])
        if link is None:
            return
        if record["from"] != "client":
            self.driver.octets(link, bytes.fromhex(record["hex"]))
        elif "pdu" in record["meaning"]:
            self.expected[link].append(vectors.pdu_of(record["meaning"]).message)

    def on_client_stdin(self, record):
        if record["text"].strip().upper() == "RESET":
            self.driver.line(UNPOWERED)
            self.driver.line(RELEASED)
        else:
            for line in record["text"].split("\n"):
                self.driver.command(line.strip())

    def on_client_stdout(self, record):
        kind, _, octets = record["text"].partition(": ")
        if kind == "R-APDU":
            self.wanted_answers.append(bytes.fromhex(octets))


# Whole conversations that are the same, message by message and answer by answer.
SAME = [
    "bankd-unreachable",
    "global-reset",
    "mapping-late",
    "mapping-moved-bank",
    "mapping-moved-quick",
    "mapping-moved-slot",
    "normal-session",
    "scripted-peers-bad-frames",
    "scripted-peers-bank-drop",
    "scripted-peers-config-id",
    "scripted-peers-config-other-slot-live",
    "scripted-peers-no-res",
    "scripted-peers-pieces",
    "scripted-peers-reject",
    "scripted-peers-status-edges",
    "scripted-peers-unknown-to-client",
    "scripted-peers-wrong-type",
    "server-absent-at-start",
    "server-flapping",
    "unknown-bank",
]
# The C client drops and rebuilds a working bank connection for an assignment that it already has.
REPEATED = ["scripted-peers-same-config", "server-restart", "scripted-peers-no-pong"]
# It answers a refusal with attempts a second apart; ours keep the connection for the card to come.
REFUSED = [
    "card-absent-at-connect",
    "scripted-peers-bank-reject",
    "slot-out-of-range",
    "slot-without-reader",
]
# It drops what is typed while the bank is away; ours waits.
WAITED = ["bankd-restart", "scripted-peers-port0"]
OTHERS = [
    "scripted-peers-bank-no-pong",  # below
    "scripted-peers-bank-status",  # below
    "scripted-peers-two-lines",  # below
    "two-clients-same-id",  # two clients in one record
]


def test_every_recorded_session_is_accounted_for():
    assert sorted(SAME + REPEATED + REFUSED + WAITED + OTHERS) == vectors.scenarios()


@pytest.mark.parametrize("name", SAME)
def test_conversation_is_the_recorded_one(name):
    replay = Replay(name)
    for link in (SERVER, BANK):
        assert replay.driver.messages(link) == replay.expected[link]
    assert replay.driver.answers() == replay.wanted_answers


@pytest.mark.parametrize("name", REPEATED)
def test_repeated_assignment_differs_only_by_the_connection_that_is_not_rebuilt(name):
    replay = Replay(name)
    recorded = replay.expected[BANK]
    first, *rest = recorded
    assert isinstance(first, ConnectClientReq)
    kept = [first, *(m for m in rest if not isinstance(m, ConnectClientReq))]
    assert replay.driver.messages(BANK) == kept
    assert replay.driver.card() == ["present", "reset"]
    assert replay.driver.answers() == replay.wanted_answers


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_differ_only_by_fewer_attempts(name):
    replay = Replay(name)
    assert replay.driver.messages(SERVER) == replay.expected[SERVER]
    ours = [m for m in replay.driver.messages(BANK) if isinstance(m, ConnectClientReq)]
    recorded = [m for m in replay.expected[BANK] if isinstance(m, ConnectClientReq)]
    assert 2 <= len(ours) < len(recorded)
    assert replay.driver.answers() == replay.wanted_answers


@pytest.mark.parametrize("name", WAITED)
def test_command_typed_while_the_bank_is_away_is_sent_when_it_is_back(name):
    replay = Replay(name)
    assert replay.driver.messages(SERVER) == replay.expected[SERVER]
    assert len(replay.driver.messages(BANK)) == len(replay.expected[BANK]) + 1
    assert "remove" not in replay.driver.card()


def test_bank_that_answers_everything_but_ping_is_alive_until_it_falls_silent():
    replay = Replay("scripted-peers-bank-no-pong")
    assert replay.driver.card() == ["present", "reset"]
    replay.driver.move(60.0 + 10.0)
    assert "bank_lost" in replay.driver.causes()
    assert "remove" not in replay.driver.card()


def test_answer_for_a_foreign_slot_is_not_handed_to_the_modem():
    replay = Replay("scripted-peers-bank-status")
    assert replay.driver.messages(BANK) == replay.expected[BANK]
    assert b"\x6a\x82" in replay.wanted_answers
    assert replay.driver.answers() == [a for a in replay.wanted_answers if a != b"\x6a\x82"]


def test_two_commands_typed_at_once_are_two_commands():
    replay = Replay("scripted-peers-two-lines")
    assert len(replay.driver.commands()) == 1  # the recorded peer answers none of them
    assert replay.driver.session.relay.waiting >= 1
