# SPDX-License-Identifier: GPL-2.0-or-later
"""Echo probes: exact bytes, a real echo on loopback, and one answer for every order."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.clock import Deadline, SystemClock
from remsim.events import Event, Probe, ProbeDone
from remsim.model import LinkObservation, Role
from remsim.net.bind import LinkBinding
from remsim.net.icmp import ECHO_V4, ECHO_V6, build_echo, checksum, is_echo_reply
from remsim.net.probe import Prober, echo

LOOPBACK = LinkObservation(Role.IOT, 1.0, "lo", "lo", True, ("127.0.0.1/8", "::1/128"))
NONCE = b"abcdefgh"


def test_echo_request_is_exactly_these_bytes() -> None:
    assert build_echo(ECHO_V4, 0x1234, NONCE) == bytes.fromhex("0800543512340001") + NONCE


def test_checksum_is_that_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(b"\x01") == 0xFEFF


def test_reply_is_known_by_its_nonce_behind_the_ip_header() -> None:
    message = b"\0\0\0\0\x12\x34\0\x01" + NONCE
    assert is_echo_reply(ECHO_V4, b"\x45" + b"\0" * 19 + message, NONCE, from_raw=True)
    assert is_echo_reply(ECHO_V4, b"\x46" + b"\0" * 23 + message, NONCE, from_raw=True)
    assert is_echo_reply(ECHO_V4, message, NONCE, from_raw=False)
    assert is_echo_reply(ECHO_V6, b"\x81" + message[1:], NONCE, from_raw=True)


def test_other_messages_are_no_reply() -> None:
    request = build_echo(ECHO_V4, 1, NONCE)
    assert not is_echo_reply(ECHO_V4, request, NONCE, from_raw=False)
    assert not is_echo_reply(ECHO_V4, b"\0" * 8 + b"another!", NONCE, from_raw=False)


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_judged(message: bytes, from_raw: bool) -> None:
    for kind in (ECHO_V4, ECHO_V6):
        assert not is_echo_reply(kind, message, b"a nonce longer than it" * 4, from_raw)


@pytest.mark.parametrize("target", ["127.0.0.1", "::1"])
def test_loopback_answers(target: str) -> None:
    link = LinkBinding.of(LOOPBACK, 0)
    assert 0 < echo(link, target, Deadline.after(SystemClock(), 5)) < 5


class Desk:
    def __init__(self) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.prober = Prober(Role.IOT, 0, SystemClock(), self.events.put)

    def probe(self, target: str, timeout_s: float = 5.0) -> ProbeDone:
        self.prober.submit(Probe(7, Role.IOT, target, timeout_s))
        event = self.events.get(timeout=10)
        assert isinstance(event, ProbeDone)
        assert (event.id, event.role, event.target) == (7, Role.IOT, target)
        return event


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    desk.prober.set_link(LOOPBACK)
    desk.prober.start()
    yield desk
    desk.prober.stop(5)


def test_probe_tells_the_round_trip(desk: Desk) -> None:
    done = desk.probe("127.0.0.1")
    assert done.failure is None
    assert done.rtt_ms is not None


def test_link_that_is_down_is_not_probed(desk: Desk) -> None:
    desk.prober.set_link(LinkObservation(Role.IOT, 2.0, "wwan1"))
    done = desk.probe("127.0.0.1")
    assert done.rtt_ms is None
    assert done.failure is not None
    assert done.failure.code == "ENETDOWN"


def test_target_that_is_no_address_is_answered(desk: Desk) -> None:
    done = desk.probe("example.com")
    assert done.failure is not None
    assert done.failure.type == "not_possible"


def test_no_echo_within_the_time_is_a_failure(desk: Desk) -> None:
    """The loopback device carries a foreign address nowhere."""
    done = desk.probe("192.0.2.1", 0.1)
    assert done.rtt_ms is None
    assert done.failure is not None
    assert done.failure.type == "peer_unreachable"


def test_failures_are_counted_until_one_succeeds(desk: Desk) -> None:
    attempts = []
    for target in ("example.com", "example.com", "127.0.0.1", "example.com"):
        failure = desk.probe(target).failure
        attempts.append(failure.attempt if failure else 0)
    assert attempts == [1, 2, 0, 1]


def test_unforeseen_error_is_answered_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("remsim.net.probe.echo", fail)
    done = desk.probe("127.0.0.1")
    assert done.failure is not None
    assert done.failure.code == "ZeroDivisionError"


def test_raw_socket_falls_back_to_an_unprivileged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_socket(link: object, family: int, kind: int, proto: int) -> object:
        opened.append(kind)
        if kind == socket.SOCK_RAW:
            raise PermissionError
        raise OSError("seen enough")

    monkeypatch.setattr("remsim.net.probe.open_socket", open_socket)
    with pytest.raises(OSError, match="seen enough"):
        echo(LinkBinding(), "127.0.0.1", Deadline.after(SystemClock(), 1))
    assert opened == [socket.SOCK_RAW, socket.SOCK_DGRAM]
