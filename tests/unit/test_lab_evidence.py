# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab reads out of its captures."""

from __future__ import annotations

from remsim_lab.evidence import Request, beats, requests_sent, sent_but, traffic_bytes
from remsim_lab.network.capture import Captured
from remsim_lab.network.packets import Packet

BEAT = b"POST /api/backend/v1/remsim/heartbeat HTTP/1.1\r\nHost: x\r\n\r\n"


def _sent(at_s: float, payload: bytes, sequence: int = 1, dport: int = 5000) -> Captured:
    packet = Packet(
        "10.65.1.2", "192.0.2.10", "tcp", 40000, dport, 40 + len(payload), payload, sequence
    )
    return Captured(at_s, True, packet)


def test_request_lines_are_found_with_their_time() -> None:
    register = b"POST /api/backend/v1/remsim/register-client HTTP/1.1\r\n\r\n"
    found = requests_sent([_sent(1.0, register, 1), _sent(2.0, BEAT, 60), _sent(2.1, b'{"a":1}')])
    assert found == (
        Request(1.0, "POST", "register-client", "192.0.2.10"),
        Request(2.0, "POST", "heartbeat", "192.0.2.10"),
    )
    assert beats(found) == (2.0,)


def test_retransmission_is_one_beat_and_an_equal_later_one_is_another() -> None:
    sent = [_sent(1.0, BEAT, 1), _sent(1.2, BEAT, 1), _sent(61.0, BEAT, 400)]
    assert beats(requests_sent(sent)) == (1.0, 61.0)


def test_answers_are_no_requests() -> None:
    incoming = Captured(1.0, False, _sent(1.0, BEAT).packet)
    assert requests_sent([incoming]) == ()


def test_foreign_flow_is_named_once() -> None:
    captured = [_sent(1.0, b"", dport=7), _sent(2.0, b"", dport=7), _sent(3.0, BEAT)]
    assert sent_but(captured, lambda packet: packet.dport == 5000) == [
        "tcp 10.65.1.2:40000 -> 192.0.2.10:7"
    ]


def test_bytes_are_counted_per_direction() -> None:
    back = Captured(1.0, False, Packet("192.0.2.10", "10.65.1.2", "tcp", 5000, 40000, 100))
    assert traffic_bytes([_sent(1.0, b"x" * 10), back]) == (50, 100)
