# SPDX-License-Identifier: GPL-2.0-or-later
"""Netlink notifications as a wake-up: links, addresses, routes, rules or nft tables changed.

What changed is not read from here but asked of `ip` afterwards, so a lost message does no harm.
A thread of its own blocks in select(2) without a time-out; the worker waits on the passed-in clock.
Sources: rtnetlink(7), linux/rtnetlink.h, linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
from collections.abc import Iterable

from remsim.clock import Clock

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

    def __init__(
        self, name: str, clock: Clock, route_groups: Iterable[int], *, has_nft: bool = False
    ) -> None:
        self._name = name
        self._clock = clock
        self._groups = tuple(route_groups)
        self._has_nft = has_nft
        self._sockets: list[socket.socket] = []
        self._end = -1
        self._thread: threading.Thread | None = None
        self._is_awake = threading.Event()
        self._is_notified = threading.Event()

    def open(self) -> None:
        """OSError where the kernel refuses. Without nft's (CAP_NET_ADMIN) it does with the rest."""
        self._is_awake.clear()
        self._is_notified.clear()
        self._subscribe(socket.NETLINK_ROUTE, self._groups)
        if self._has_nft:
            try:
                self._subscribe(NETLINK_NETFILTER, (NFT_TABLES,))
            except OSError as error:
                LOG.warning("no notifications of nft: %s", error.strerror)
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._listen, name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            os.eventfd_write(self._end, 1)
            self._thread.join()
            self._thread = None
            os.close(self._end)
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def wake(self) -> None:
        """From any thread: `wait()` returns at once."""
        self._is_awake.set()

    def wait(self, timeout_s: float) -> bool:
        """True when the kernel notified of anything since the last call."""
        self._clock.wait(self._is_awake, timeout_s)
        self._is_awake.clear()
        was_notified = self._is_notified.is_set()
        self._is_notified.clear()
        return was_notified

    def _subscribe(self, protocol: int, groups: Iterable[int]) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        opened = socket.socket(socket.AF_NETLINK, kind, protocol)
        try:
            opened.bind((0, 0))
            for group in groups:
                opened.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        except OSError:
            opened.close()
            raise
        self._sockets.append(opened)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._end, selectors.EVENT_READ)
            for each in self._sockets:
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if not isinstance(key.fileobj, socket.socket):
                        return
                    _drain(key.fileobj)
                self._is_notified.set()
                self._is_awake.set()


def _drain(notified: socket.socket) -> None:
    while True:
        try:
            notified.recv(MESSAGE_MAX)
        except BlockingIOError:
            return
        except (
            OSError
        ) as error:  # ENOBUFS: more was said than fitted; the look that follows sees it
            LOG.debug("netlink: %s", error.strerror)
            return
