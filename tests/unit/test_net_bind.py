# SPDX-License-Identifier: GPL-2.0-or-later
"""Bound sockets on loopback: on the device they were asked for, never later than the deadline,
never too much.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from remsim.clock import Deadline, SystemClock
from remsim.model import LinkObservation, Role
from remsim.net.bind import (
    LimitedSocket,
    LinkBinding,
    TooLong,
    abandon,
    connect,
    connect_any,
    errno_word,
    is_literal,
    open_socket,
    sockaddr,
)
from remsim_lab.clock import HandClock

LOOPBACK = LinkBinding("lo", 0, (), ("127.0.0.1/8",))


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(SystemClock(), seconds)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def connected(listener: socket.socket, deadline: Deadline) -> tuple[LimitedSocket, socket.socket]:
    mine = connect(LOOPBACK, "127.0.0.1", port_of(listener), deadline)
    return mine, listener.accept()[0]


def test_socket_is_bound_to_its_device() -> None:
    with open_socket(LOOPBACK, socket.AF_INET, socket.SOCK_STREAM) as sock:
        name = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
    assert name.rstrip(b"\0") == b"lo"


def test_socket_is_marked_where_the_kernel_permits_it() -> None:
    link = LinkBinding("lo", 0x52010000, (), ("127.0.0.1/8",))
    with open_socket(link, socket.AF_INET, socket.SOCK_STREAM) as sock:
        mark = sock.getsockopt(socket.SOL_SOCKET, socket.SO_MARK)
    assert mark == (0x52010000 if os.geteuid() == 0 else 0)


def test_missing_device_fails_instead_of_using_another_link() -> None:
    with pytest.raises(OSError) as caught:
        connect(LinkBinding("wwan77", 0), "127.0.0.1", 1, soon())
    assert errno_word(caught.value) == "ENODEV"


def test_binding_without_device_is_a_plain_socket() -> None:
    with open_socket(LinkBinding(), socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16) == b""


def test_families_are_those_of_the_addresses() -> None:
    assert LinkBinding(addresses=("10.0.0.2/30",)).families == (socket.AF_INET,)
    assert LinkBinding(addresses=("2001:db8::2/64",)).families == (socket.AF_INET6,)
    assert LinkBinding().families == (socket.AF_INET, socket.AF_INET6)


def test_binding_is_made_of_an_observation() -> None:
    seen = LinkObservation(
        Role.IOT, 1.0, "wwan1", "wwan1", True, ("10.0.0.2/30",), (), ("10.0.0.1",)
    )
    assert LinkBinding.of(seen, 7) == LinkBinding("wwan1", 7, ("10.0.0.1",), ("10.0.0.2/30",))


def test_scope_of_an_address_becomes_its_number() -> None:
    assert sockaddr("fe80::1%lo", 53) == ("fe80::1", 53, 0, socket.if_nametoindex("lo"))
    assert sockaddr("192.0.2.1", 53) == ("192.0.2.1", 53)
    assert is_literal("fe80::1%lo")
    assert not is_literal("ionmesh.example.com")


def test_refused_connection_keeps_its_word(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()
    with pytest.raises(OSError) as caught:
        connect(LOOPBACK, "127.0.0.1", port, soon())
    assert errno_word(caught.value) == "ECONNREFUSED"


def test_connecting_ends_with_the_deadline() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with connect(LOOPBACK, "127.0.0.1", port_of(full), soon()), pytest.raises(TimeoutError):
            connect(LOOPBACK, "127.0.0.1", port_of(full), soon(0.1))


def test_second_address_is_tried(listener: socket.socket) -> None:
    addresses = ("127.0.0.9", "127.0.0.1")
    with connect_any(LOOPBACK, addresses, port_of(listener), soon()) as sock:
        assert sock.getpeername()[0] == "127.0.0.1"


def test_no_address_is_an_error() -> None:
    with pytest.raises(OSError):
        connect_any(LOOPBACK, (), 80, soon())


def test_over_deadline_ends_every_call(listener: socket.socket) -> None:
    clock = HandClock()
    mine, theirs = connected(listener, Deadline.after(clock, 5))
    clock.move(6)
    with mine, theirs:
        for call in (lambda: mine.recv(1), lambda: mine.send(b"x"), lambda: mine.sendall(b"x")):
            with pytest.raises(TimeoutError):
                call()


def test_bytes_that_come_one_by_one_share_the_deadline(listener: socket.socket) -> None:
    clock = HandClock()
    mine, theirs = connected(listener, Deadline.after(clock, 5))
    with mine, theirs:
        theirs.sendall(b"xxxxxxxx")
        for _ in range(5):
            assert mine.recv(1) == b"x"
            clock.move(1)
        with pytest.raises(TimeoutError):
            mine.recv(1)


def test_more_than_the_quota_is_refused(listener: socket.socket) -> None:
    mine, theirs = connected(listener, soon())
    with mine, theirs:
        mine.limit(soon(), 4)
        theirs.sendall(b"12345")
        with pytest.raises(TooLong):
            mine.recv(5)


def test_quota_is_per_exchange(listener: socket.socket) -> None:
    mine, theirs = connected(listener, soon())
    with mine, theirs:
        for _ in range(3):
            mine.limit(soon(), 4)
            theirs.sendall(b"1234")
            assert mine.recv_into(bytearray(4)) == 4


def test_abandoned_connection_is_reset(listener: socket.socket) -> None:
    mine, theirs = connected(listener, soon())
    with theirs:
        abandon(mine)
        with pytest.raises(ConnectionResetError):
            theirs.recv(1)
    abandon(mine)


def test_words_of_errors() -> None:
    assert errno_word(OSError(errno.ENETUNREACH, "Network is unreachable")) == "ENETUNREACH"
    assert errno_word(TimeoutError()) == "ETIMEDOUT"
    assert errno_word(OSError("odd")) == ""
