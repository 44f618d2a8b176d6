# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's packet reader and captures: exact octets both ways, rubbish never raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim_lab.network.capture import Capture, read, summarise
from remsim_lab.network.packets import parse

UDP = bytes.fromhex("4500 0020 0000 4000 4011 0000 0a400102 c000020a 9c40 0009 000c 0000 62656174")
SYN = bytes.fromhex(
    "4500 0028 0000 4000 4006 0000 0a400102 c000020a 9c40 1388 00000001 00000000 5002ffff00000000"
)
ECHO6 = bytes.fromhex(
    "60000000 0008 3a 40 20010db8006500000000000000000002 20010db8000100000000000000000010"
    "80 00 0000 0001 0001"
)


def test_udp_over_ipv4_has_ports_and_payload() -> None:
    packet = parse(UDP)
    assert packet is not None
    assert packet.flow == "udp 10.64.1.2:40000 -> 192.0.2.10:9"
    assert (packet.payload, packet.size_bytes) == (b"beat", 32)


def test_a_tcp_header_is_no_payload() -> None:
    packet = parse(SYN)
    assert packet is not None
    assert (packet.protocol, packet.dport, packet.payload) == ("tcp", 5000, b"")


def test_icmpv6_shows_its_type() -> None:
    packet = parse(ECHO6)
    assert packet is not None
    assert (packet.flow, packet.sport) == ("icmpv6 2001:db8:65::2 -> 2001:db8:1::10", 128)


@given(st.binary(max_size=80))
def test_rubbish_is_no_packet_or_some_packet_but_never_an_error(raw: bytes) -> None:
    parse(raw)


@pytest.mark.parametrize("size", range(len(UDP)))
def test_a_packet_cut_short_does_not_raise(size: int) -> None:
    parse(UDP[:size])


def test_a_capture_keeps_directions_and_survives_being_cut(tmp_path: Path) -> None:
    capture = Capture(tmp_path / "link.pcap", ("10.64.1.2",)).open()
    capture.record(UDP, outbound=True)
    capture.record(ECHO6, outbound=False)
    assert [each.outbound for each in capture.packets()] == [True, False]
    assert [each.destination for each in capture.sent(protocol="udp")] == ["192.0.2.10"]
    assert capture.received(protocol="udp") == ()
    assert summarise(capture.packets())[0].size_bytes == 48
    capture.close()
    capture.record(UDP, outbound=True)  # after the end nothing is written
    capture.path.write_bytes(capture.path.read_bytes()[:-1])
    assert len(list(read(capture.path))) == 1


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"not a capture at all, but long enough")
    with pytest.raises(ValueError, match="not a pcap"):
        list(read(path))
