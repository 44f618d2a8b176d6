# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets bound to one link: SO_BINDTODEVICE keeps them on it, SO_MARK selects that link's routing
table.

Binding alone does not help where the main table has no route over the link, nor under mwan3's marks
(design section 6), so both are set before anything is sent. No socket here ever falls back to
another link. A binding without a device (`LinkBinding()`) makes plain sockets; only loopback
set-ups and tests use that.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from remsim.clock import Deadline

if TYPE_CHECKING:  # the client binds sockets too, and must stay small
    from remsim.model import LinkObservation

LOG = logging.getLogger(__name__)

S = TypeVar("S", bound=socket.socket)

# One connection attempt may not take everything from the addresses behind it; below this a share is
# useless.
MIN_CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class LinkBinding:
    """`device` is the l3 device ("wwan1"), `mark` 0 for none, `addresses` as "10.64.1.2/30"."""

    device: str | None = None
    mark: int = 0
    dns_servers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, seen: LinkObservation, mark: int) -> LinkBinding:
        return cls(seen.device, mark, seen.dns_servers, seen.addresses)

    @property
    def families(self) -> tuple[socket.AddressFamily, ...]:
        """What this link can speak, IPv4 first; both when no address is known."""
        versions = {ipaddress.ip_interface(address).version for address in self.addresses}
        wanted = [socket.AF_INET] if 4 in versions or not versions else []
        return (*wanted, socket.AF_INET6) if 6 in versions or not versions else tuple(wanted)

    def speaks(self, address: str) -> bool:
        return family_of(address) in self.families


def family_of(address: str) -> socket.AddressFamily:
    """Of an address literal; a scope ("fe80::1%wwan1") is allowed. ValueError if it is none."""
    return socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def errno_word(error: OSError) -> str:
    """The kernel's name of an error, "ENETUNREACH"; a time-out is ETIMEDOUT; empty where it has
    none.
    """
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno or 0, "")


def sockaddr(address: str, port: int) -> Any:
    """What `connect()` takes for an address literal of either family, without asking any
    resolver.
    """
    if family_of(address) is socket.AF_INET:
        return (address, port)
    bare, _, scope = address.partition("%")
    return (bare, port, 0, socket.if_nametoindex(scope) if scope else 0)


class LimitedSocket(socket.socket):
    """A socket whose every call keeps one deadline, and which takes no more than `quota_bytes`.

    The time-outs of http.client count per call, so a peer that sends one byte a second would hold a
    thread for ever; here the whole exchange shares one deadline and one quota.
    """

    deadline: Deadline | None = None
    quota_bytes: int | None = None
    taken_bytes: int = 0

    def limit(self, deadline: Deadline, quota_bytes: int) -> None:
        """New limits, for the next exchange."""
        self.deadline = deadline
        self.quota_bytes = quota_bytes
        self.taken_bytes = 0

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        arm(self)
        return take(self, super().recv(bufsize, flags))

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        arm(self)
        return count(self, super().recv_into(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        arm(self)
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        arm(self)
        super().sendall(data, flags)


class TooLong(OSError):
    """The peer sent more than the quota of this exchange."""


def arm(sock: Any) -> None:
    """Give the next call on a limited socket what is left of the deadline. TimeoutError when
    nothing is.
    """
    if sock.deadline is None:
        return
    left_s = sock.deadline.left_s
    if left_s <= 0:
        raise TimeoutError("the deadline is over")
    sock.settimeout(left_s)


def count(sock: Any, received: int) -> int:
    sock.taken_bytes += received
    if sock.quota_bytes is not None and sock.taken_bytes > sock.quota_bytes:
        raise TooLong(f"more than {sock.quota_bytes} bytes")
    return received


def take(sock: Any, data: bytes) -> bytes:
    count(sock, len(data))
    return data


def open_socket(
    link: LinkBinding,
    family: socket.AddressFamily,
    kind: socket.SocketKind,
    proto: int = 0,
) -> LimitedSocket:
    """An unconnected socket that can only use this link. OSError where the kernel refuses."""
    sock = LimitedSocket(family, kind, proto)
    try:
        _bind(sock, link)
    except OSError:
        sock.close()
        raise
    return sock


def connect(link: LinkBinding, address: str, port: int, deadline: Deadline) -> LimitedSocket:
    """A TCP connection over this link. OSError or TimeoutError; never later than the deadline."""
    sock = open_socket(link, family_of(address), socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.deadline = deadline
        arm(sock)
        sock.connect(sockaddr(address, port))
    except OSError:
        sock.close()
        raise
    return sock


def connect_any(
    link: LinkBinding, addresses: tuple[str, ...], port: int, deadline: Deadline
) -> LimitedSocket:
    """The first address that answers; each gets its fair share of the time. The last error if none
    does.
    """
    if not addresses:
        raise OSError("no address to connect to")
    for position, address in enumerate(addresses):
        share_s = max(MIN_CONNECT_S, deadline.left_s / (len(addresses) - position))
        attempt = Deadline.after(deadline.clock, min(share_s, deadline.left_s))
        try:
            return connect(link, address, port, attempt)
        except OSError:
            if position == len(addresses) - 1 or deadline.is_over:
                raise
    raise OSError("no address to connect to")


def abandon(sock: socket.socket) -> None:
    """Close without goodbye: what the kernel still has is dropped, not retransmitted for minutes on
    a paid link.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError as error:  # already closed: nothing is left to be retransmitted
        LOG.debug("linger: %s", error)
    sock.close()


def _bind(sock: socket.socket, link: LinkBinding) -> None:
    if link.mark:
        _mark(sock, link.mark)
    if link.device is not None:
        name = link.device.encode("ascii") + b"\0"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)


def _mark(sock: socket.socket, mark: int) -> None:
    """A container without CAP_NET_ADMIN cannot mark; the device binding still holds, so that is
    said and survived.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    except PermissionError:
        if os.geteuid() == 0:
            LOG.warning("the kernel refuses SO_MARK: link tables are not selected")
        else:
            LOG.debug("SO_MARK needs CAP_NET_ADMIN")
