# SPDX-License-Identifier: GPL-2.0-or-later
"""A broker on a thread of this process, for tests and for the lab's own programs."""

from __future__ import annotations

import threading

from remsim_lab.ubus.broker import Broker


class BackgroundBroker:
    """`path` is its socket. A stopped one may be started again there, like a new ubusd."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._broker: Broker | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns when clients can connect. Raises OSError."""
        broker = Broker(self.path)
        broker.open()
        self._broker = broker
        self._thread = threading.Thread(target=broker.run, name="broker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drop all connections, as a killed ubusd does."""
        if self._broker is None or self._thread is None:
            return
        self._broker.stop()
        self._thread.join()
        self._broker.close()
        self._broker = self._thread = None

    def __enter__(self) -> BackgroundBroker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
