# SPDX-License-Identifier: GPL-2.0-or-later
"""The client on ubus: object `remsim.client`, and its reports to the daemon. Optional.

Without ubusd, python-ubus or the daemon the client works on; connections are tried again. The ubus
socket is watched by the client's own loop, so that nothing polls. A report is a blocking call that
holds the interpreter: it has a short limit, is made only while no SIM command is under way, and
after a failure not again for a while. Source: python-ubus 0.1.3, measured.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from remsim.bus.api import OBJECT
from remsim.bus.descriptor import descriptors, is_hung_up, socket_among
from remsim.bus.ubus import Binding, load_binding
from remsim.errors import BusError
from remsim.eventloop import EventLoop

LOG = logging.getLogger(__name__)

CLIENT_OBJECT = "remsim.client"
REPORT_LIMIT_MS = 250  # the daemon answers from memory in a few milliseconds
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
POLL_S = 0.5  # only where the binding's socket cannot be found among the descriptors

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class ClientBus:
    """`methods` maps a name to its signature (`{argument: BLOBMSG_TYPE}`) and handler."""

    def __init__(
        self,
        socket_path: str,
        loop: EventLoop,
        methods: Mapping[str, tuple[Mapping[str, int], Handler]],
        binding: Binding | None = None,
    ) -> None:
        self._socket_path = socket_path
        self._loop = loop
        self._methods = methods
        self._binding = binding
        self._is_connected = False
        self._fd: int | None = None
        self._retry_s = FIRST_RETRY_S
        self._report_after = 0.0
        self._report_pause_s = 0.0

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    def open(self) -> None:
        """Connect now or later; never raises."""
        if not os.path.exists(self._socket_path):
            self._retry("no ubusd")
            return
        try:
            self._connect()
        except (BusError, OSError, RuntimeError) as error:
            self._retry(str(error).strip())

    def close(self) -> None:
        self._loop.cancel(self)
        self._unwatch()
        if self._is_connected and self._binding is not None:
            self._is_connected = False
            self._binding.disconnect()

    def report(self, cause: str, variables: Mapping[str, str]) -> bool:
        """Hand the client's state to the daemon. False: not now; say it again later."""
        now = self._loop.clock.monotonic()
        if not self._is_connected or self._binding is None or now < self._report_after:
            return False
        arguments = {
            "cause": cause,
            "variables": dict(variables),
            "started": _seconds_since_boot(),
            "pid": os.getpid(),
        }
        try:
            self._loop.call_soon(self._readable)  # calls that came meanwhile were kept back
            self._binding.call(OBJECT, "client_event", arguments, REPORT_LIMIT_MS)
        except RuntimeError as error:
            self._pause_reports(now, str(error).strip())
            return False
        self._report_pause_s = 0.0
        return True

    # --- inside -----------------------------------------------------------------------------------

    def _connect(self) -> None:
        binding = self._binding = self._binding or load_binding()
        before = descriptors()
        binding.connect(self._socket_path)
        self._is_connected = True
        binding.add(
            CLIENT_OBJECT,
            {
                name: {"method": _answering(handler), "signature": dict(signature)}
                for name, (signature, handler) in self._methods.items()
            },
        )
        self._fd = socket_among(descriptors() - before, self._socket_path)
        if self._fd is None:
            self._loop.at(self._loop.clock.monotonic() + POLL_S, self, self._poll)
        else:
            self._loop.watch(self._fd, self._readable)
        self._retry_s = FIRST_RETRY_S
        LOG.debug("on ubus as %s", CLIENT_OBJECT)

    def _readable(self) -> None:
        if self._binding is None or self._fd is None:
            return
        if is_hung_up(self._fd):
            self._lost()
            return
        self._binding.loop(0)

    def _poll(self) -> None:
        if self._binding is None:
            return
        self._binding.loop(0)
        self._loop.at(self._loop.clock.monotonic() + POLL_S, self, self._poll)

    def _lost(self) -> None:
        self._unwatch()
        self._is_connected = False
        if self._binding is not None:
            self._binding.disconnect()
        self._retry("ubusd is gone")

    def _unwatch(self) -> None:
        if self._fd is not None:
            self._loop.unwatch(self._fd)
            self._fd = None

    def _retry(self, reason: str) -> None:
        LOG.debug("ubus: %s", reason)
        if self._is_connected and self._binding is not None:  # connected, but the name is taken
            self._is_connected = False
            self._binding.disconnect()
        self._loop.at(self._loop.clock.monotonic() + self._retry_s, self, self.open)
        self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)

    def _pause_reports(self, now: float, reason: str) -> None:
        self._report_pause_s = min(LAST_RETRY_S, max(FIRST_RETRY_S, self._report_pause_s * 2))
        self._report_after = now + self._report_pause_s
        LOG.debug("report: %s", reason)
        if self._fd is not None and is_hung_up(self._fd):
            self._lost()


def _answering(handler: Handler) -> Callable[[Any, dict[str, Any]], None]:
    def answer(reply: Any, arguments: dict[str, Any]) -> None:
        reply.reply(dict(handler(arguments)))

    return answer


def _seconds_since_boot() -> float:
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])
