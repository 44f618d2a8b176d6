# SPDX-License-Identifier: GPL-2.0-or-later
"""Netlink notifications as a wake-up: links, addresses, routes, rules or nft tables changed.

What changed is not read from here but asked of `ip` afterwards, so a lost message does no harm.
Sources: rtnetlink(7), linux/rtnetlink.h, linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
from collections.abc import Iterable

LOG = logging.getLogger(__name__)

# Multicast groups of NETLINK_ROUTE (enum rtnetlink_groups).
LINK = 1
IPV4_ADDRESS = 5
IPV4_ROUTE = 7
IPV4_RULE = 8
IPV6_ADDRESS = 9
IPV6_ROUTE = 11
IPV6_RULE = 19

NETLINK_NETFILTER = 12
NFT_TABLES = 7  # NFNLGRP_NFTABLES

SOL_NETLINK = 270
ADD_MEMBERSHIP = 1
MESSAGE_MAX = 65536


class Waker:
    """Waits for a notification, a wake-up by another thread, or a time-out; `open()` first."""

    def __init__(self, route_groups: Iterable[int], has_nft: bool = False) -> None:
        self._groups = tuple(route_groups)
        self._has_nft = has_nft
        self._sockets: list[socket.socket] = []
        self._selector: selectors.BaseSelector | None = None
        self._wake = -1

    def open(self) -> None:
        """OSError where the kernel refuses. Without nft's (CAP_NET_ADMIN) it does with the rest."""
        self._selector = selectors.DefaultSelector()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._subscribe(socket.NETLINK_ROUTE, self._groups)
        if self._has_nft:
            try:
                self._subscribe(NETLINK_NETFILTER, (NFT_TABLES,))
            except OSError as error:
                LOG.warning("no notifications of nft: %s", error.strerror)

    def close(self) -> None:
        if self._selector is not None:
            self._selector.close()
            self._selector = None
            os.close(self._wake)
            self._wake = -1
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def wake(self) -> None:
        """From any thread: `wait()` returns at once. Nothing before `open()` or after `close()`."""
        if self._wake >= 0:
            os.eventfd_write(self._wake, 1)

    def wait(self, timeout_s: float) -> bool:
        """True when the kernel notified; what it said is thrown away."""
        if self._selector is None:
            raise RuntimeError("the waker is not open")
        is_notified = False
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            if isinstance(key.fileobj, socket.socket):
                _drain(key.fileobj)
                is_notified = True
            else:
                os.eventfd_read(self._wake)
        return is_notified

    def _subscribe(self, protocol: int, groups: Iterable[int]) -> None:
        opened = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
            protocol,
        )
        self._sockets.append(opened)
        opened.bind((0, 0))
        for group in groups:
            opened.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        if self._selector is not None:
            self._selector.register(opened, selectors.EVENT_READ)


def _drain(notified: socket.socket) -> None:
    while True:
        try:
            notified.recv(MESSAGE_MAX)
        except BlockingIOError:
            return
        except OSError:
            return  # ENOBUFS: more was said than fitted; the look that follows sees it all
