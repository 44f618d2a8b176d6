# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end vpcd against a scripted reader that does what the recorded driver did."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import termios
import time

import pytest

import rspro_vectors as vectors
from remsim.card.vpcd import OFF, ON, RESETTING, VpcdFrontEnd, VpcdSettings, tpdu_of
from remsim.clock import SystemClock
from remsim.eventloop import EventLoop

LIMIT_S = 30.0
ATR = bytes.fromhex("3b9e96801fc78031a073be21135253494d303201b8")
RECORDS = vectors.load("vpcd-exchanges.json")["records"]


class User:
    def __init__(self):
        self.commands, self.lines = [], []
        self.takes = True

    def command(self, command):
        self.commands.append(command)
        return self.takes

    def line_changed(self, status):
        self.lines.append(status)

    def front_end_ended(self, reason):
        raise AssertionError(reason)


class Reader:
    """Listens as the driver does; `send()` writes length and body apart, and returns when the
    front-end has read them.
    """

    def __init__(self):
        self.loop = EventLoop(SystemClock())
        self.user = User()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.front_end = VpcdFrontEnd(VpcdSettings("127.0.0.1", self.port), self.loop)
        self.front_end.open(self.user)
        self.sock = None

    def insert(self, atr=ATR):
        self.front_end.present(atr)
        self.accept()

    def accept(self):
        self.until(lambda: select.select([self.listener], [], [], 0)[0])
        self.sock, _ = self.listener.accept()
        self.run()

    def run(self, rounds=4):
        for _ in range(rounds):
            self.loop.run_once(time.monotonic() + 0.005)

    def until(self, condition):
        """While the front-end's loop runs."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end
            self.run(1)

    def send(self, message):
        self._send(len(message).to_bytes(2, "big"))
        self._send(message)

    def _send(self, octets):
        self.sock.sendall(octets)
        self.until(lambda: not self._on_its_way())
        self.run()

    def _on_its_way(self):
        """Octets that the other end's kernel does not have yet."""
        return struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))[0]

    def hear(self):
        return self._take(int.from_bytes(self._take(2), "big"))

    def _take(self, count):
        taken = b""
        while len(taken) < count:
            self.until(lambda: select.select([self.sock], [], [], 0)[0])
            more = self.sock.recv(count - len(taken))
            assert more, "the front-end has closed"
            taken += more
        return taken

    def is_silent(self):
        """An answer would come before the ATR that is asked for now."""
        self.send(b"\x04")
        return self.hear() == ATR

    def is_removed(self):
        self.until(lambda: select.select([self.sock], [], [], 0)[0])
        return self.sock.recv(1) == b""

    def close(self):
        self.front_end.close()
        self.loop.close()
        self.listener.close()
        if self.sock is not None:
            self.sock.close()


@pytest.fixture
def reader():
    reader = Reader()
    yield reader
    reader.close()


def test_atr_is_told_at_any_time(reader):
    reader.insert()
    for _ in range(3):
        reader.send(b"\x04")
        assert reader.hear() == ATR
        reader.send(b"\x00")


def test_new_atr_is_told_from_then_on(reader):
    reader.insert()
    reader.front_end.set_atr(b"\x3b\x01\x02")
    reader.send(b"\x04")
    assert reader.hear() == b"\x3b\x01\x02"


def test_power_and_reset_become_edges_and_have_no_answer(reader):
    reader.insert()
    for message in (b"\x01", b"\x02", b"\x00"):
        reader.send(message)
    assert reader.user.lines == [ON, RESETTING, ON, OFF]
    assert reader.is_silent()


def test_command_goes_out_and_its_answer_comes_back(reader):
    reader.insert()
    reader.send(bytes.fromhex("00a4000c023f00"))
    assert reader.user.commands == [bytes.fromhex("00a4000c023f00")]
    reader.front_end.answer(b"\x90\x00")
    assert reader.hear() == b"\x90\x00"


def test_recorded_reader_is_answered_as_the_recorded_card_did(reader):
    reader.insert()
    for record in RECORDS:
        if record.get("from") == "reader":
            message = bytes.fromhex(record["hex"])[2:]
            asked = len(reader.user.commands)
            reader.send(message)
            if message == b"\x04":
                assert reader.hear() == ATR
            elif len(reader.user.commands) > asked:
                reader.front_end.answer(b"\x90\x00")
                assert reader.hear() == b"\x90\x00"
            elif len(message) > 1:
                assert reader.hear() == b"\x67\x00"


def test_removal_closes_the_connection_and_a_new_card_opens_another(reader):
    reader.insert()
    reader.front_end.remove()
    assert reader.is_removed()
    reader.insert(b"\x3b\x05\x05")
    reader.send(b"\x04")
    assert reader.hear() == b"\x3b\x05\x05"


def test_answer_after_a_reset_is_not_sent(reader):
    reader.insert()
    reader.send(bytes.fromhex("00b0000001"))
    reader.send(b"\x02")
    reader.front_end.answer(b"\xaa\x90\x00")
    assert reader.is_silent()


def test_dropped_command_is_answered_with_technical_problem(reader):
    reader.insert()
    reader.user.takes = False
    reader.send(bytes.fromhex("00b0000001"))
    assert reader.hear() == b"\x6f\x00"


def test_missing_reader_is_told_and_tried_again(reader):
    reader.listener.close()
    reader.front_end.present(ATR)
    reader.until(lambda: not reader.front_end.presence.is_there)
    presence = reader.front_end.presence
    assert "ECONNREFUSED" in presence.why_not


def test_reader_that_comes_back_gets_the_card_again(reader, monkeypatch):
    monkeypatch.setattr("remsim.card.vpcd.RETRY_S", 0.05)
    reader.insert()
    reader.sock.close()
    reader.accept()
    reader.send(b"\x04")
    assert reader.hear() == ATR
    assert reader.front_end.presence.is_there


def test_two_messages_in_one_segment_are_two_messages(reader):
    reader.insert()
    reader.sock.sendall(b"\x00\x01\x01\x00\x01\x04")
    assert reader.hear() == ATR
    assert reader.user.lines == [ON]


@pytest.mark.parametrize(
    ("apdu", "tpdu"),
    [
        ("00a40000", "00a4000000"),
        ("00b000000a", "00b000000a"),
        ("00a4000c023f00", "00a4000c023f00"),
        ("00a40004023f0000", "00a40004023f00"),
        ("00a40004023f00ff", "00a40004023f00"),
        ("00d60000ff" + "aa" * 255, "00d60000ff" + "aa" * 255),
        ("00d60000ff" + "aa" * 255 + "00", "00d60000ff" + "aa" * 255),
        ("00b0", None),
        ("00b00000000102", None),
        ("00a4000402", "00a4000402"),
        ("00a40004023f", None),
        ("00a40004023f000000", None),
    ],
)
def test_apdu_of_each_case_becomes_a_tpdu(apdu, tpdu):
    assert tpdu_of(bytes.fromhex(apdu)) == (bytes.fromhex(tpdu) if tpdu else None)


def test_impossible_apdu_is_answered_wrong_length(reader):
    reader.insert()
    reader.send(bytes.fromhex("00b00000000102"))
    assert reader.hear() == b"\x67\x00"
    assert reader.user.commands == []
