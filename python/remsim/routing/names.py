# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps the addresses of the names in routing.allow fresh, on a thread of its own.

A name server that is slow or silent must not hold up a switch of the control path, so this is not
the routing thread's work. The last good addresses stay. How a name is asked (over the IoT link's
own DNS servers) is passed in.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from remsim.clock import Clock
from remsim.errors import RemsimError

LOG = logging.getLogger(__name__)

FRESH_S = 600.0  # a question costs the IoT plan about 150 bytes
RETRY_S = 60.0  # while some name has no address at all

Resolved = tuple[tuple[str, tuple[str, ...]], ...]


class AllowedNames:
    """`resolve(name)` may block and raise RemsimError; `found` gets all known addresses."""

    def __init__(
        self,
        names: Sequence[str],
        resolve: Callable[[str], tuple[str, ...]],
        found: Callable[[Resolved], None],
        clock: Clock,
    ) -> None:
        self._names = tuple(names)
        self._resolve = resolve
        self._found = found
        self._clock = clock
        self._known: dict[str, tuple[str, ...]] = {}
        self._is_poked = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """No thread for no names."""
        if self._names:
            self._thread = threading.Thread(target=self._run, name="allowed-names", daemon=True)
            self._thread.start()

    def poke(self) -> None:
        """From any thread: the link came up, ask now."""
        self._is_poked.set()

    def stop(self, deadline_s: float) -> None:
        if self._thread is not None:
            self._is_stopping = True
            self._is_poked.set()
            self._thread.join(deadline_s)

    def ask_all(self) -> None:
        """Each name once; `found` is called when anything changed."""
        before = dict(self._known)
        for name in self._names:
            try:
                self._known[name] = tuple(sorted(self._resolve(name)))
            except RemsimError as error:
                LOG.debug("%s keeps %s: %s", name, self._known.get(name, ()), error.reason)
        if self._known != before:
            self._found(tuple(sorted(self._known.items())))

    def _run(self) -> None:
        while not self._is_stopping:
            self.ask_all()
            is_complete = all(self._known.get(name) for name in self._names)
            self._clock.wait(self._is_poked, FRESH_S if is_complete else RETRY_S)
            self._is_poked.clear()
