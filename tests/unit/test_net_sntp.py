# SPDX-License-Identifier: GPL-2.0-or-later
"""SNTP: what is believed of a time server's answer, and the exchange on loopback."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.clock import Deadline, SystemClock
from remsim.errors import PeerError, PeerNonsense, PeerUnreachable
from remsim.net.bind import LinkBinding
from remsim.net.resolve import LinkResolver
from remsim.net.sntp import ask_time, build_request, parse_reply

NONCE = b"12345678"
BUILD = 1_760_000_000.0  # October 2025
NOW = 1_795_000_000  # November 2026
NTP_NOW = NOW + 2_208_988_800


def reply(
    nonce: bytes = NONCE, seconds: int = NTP_NOW, first: int = 0x24, stratum: int = 2
) -> bytes:
    head = struct.pack("!BBbb", first, stratum, 6, -20) + b"\0" * 20
    return head + nonce + b"\0" * 8 + struct.pack("!II", seconds % 2**32, 0x80000000)


def test_request_is_48_bytes_of_version_4_with_a_nonce() -> None:
    request = build_request(NONCE)
    assert len(request) == 48
    assert request[0] == 0x23
    assert request[40:] == NONCE


def test_transmit_time_is_read() -> None:
    assert parse_reply(reply(), NONCE, BUILD) == NOW + 0.5


def test_second_era_of_2036_is_understood() -> None:
    in_2040 = 2_208_988_800 + 2_208_988_800
    assert parse_reply(reply(seconds=in_2040), NONCE, BUILD) == 2_208_988_800.5


@pytest.mark.parametrize(
    "message",
    [
        reply(nonce=b"87654321"),
        reply(first=0x23),
        reply(first=0xE4),
        reply(stratum=0),
        reply(stratum=16),
        reply(seconds=2**32),
        reply()[:47],
        reply(seconds=int(BUILD) - 1000 + 2_208_988_800),
    ],
)
def test_answers_that_are_not_believed(message: bytes) -> None:
    with pytest.raises(PeerNonsense):
        parse_reply(message, NONCE, BUILD)


@given(st.binary(max_size=100))
def test_any_bytes_are_nonsense_or_a_time_after_the_build(data: bytes) -> None:
    try:
        assert parse_reply(data, data[24:32], BUILD) >= BUILD
    except PeerNonsense:
        return


@contextmanager
def time_server(*answers: bytes | None) -> Iterator[int]:
    """Answers one request with these; None stands for a right answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            request, peer = sock.recvfrom(100)
            for answer in answers:
                sock.sendto(reply(request[40:48]) if answer is None else answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        thread.join(5)


def ask(port: int, timeout_s: float = 5.0, servers: tuple[str, ...] = ("127.0.0.1",)) -> float:
    clock = SystemClock()
    link = LinkBinding("lo", 0, (), ("127.0.0.1/8",))
    resolver = LinkResolver(clock)
    resolver.rebind(link)
    return ask_time(link, resolver, servers, BUILD, Deadline.after(clock, timeout_s), port)


def test_time_is_asked_over_the_link() -> None:
    with time_server(None) as port:
        assert NOW <= ask(port) < NOW + 5


def test_answer_to_somebody_else_is_ignored() -> None:
    with time_server(reply(), b"short", None) as port:
        assert NOW <= ask(port) < NOW + 5


def test_silent_server_ends_with_the_deadline() -> None:
    with time_server() as port, pytest.raises(PeerUnreachable) as caught:
        ask(port, 0.1)
    assert caught.value.word == "ETIMEDOUT"


def test_without_servers_nothing_is_asked() -> None:
    with pytest.raises(PeerError):
        ask(9, servers=())


def test_next_server_is_asked_when_the_first_is_unknown() -> None:
    with time_server(None) as port:
        assert ask(port, servers=("no-such-host", "127.0.0.1")) >= NOW
