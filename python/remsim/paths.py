# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are on a router, below one root (`/`, or an offline root as opkg uses)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paths:
    """`root` is "/" on a router. Everything that remsim opens by name goes through `at()`."""

    root: str = "/"

    def at(self, path: str) -> str:
        """The absolute router path `path` ("/dev/ttyUSB2") below the root."""
        if self.root == "/":
            return path
        return posixpath.join(self.root, path.lstrip("/"))

    @property
    def config_dir(self) -> str:
        return self.at("/etc/config")

    @property
    def uci_save_dir(self) -> str:
        return self.at("/tmp/.uci")

    @property
    def run_dir(self) -> str:
        """Volatile state that survives a daemon restart but not a boot (tmpfs)."""
        return self.at("/var/run/remsim")

    @property
    def keep_dir(self) -> str:
        """Flash: last accepted configuration, learnt boot times, templates of the user."""
        return self.at("/etc/remsim")

    @property
    def ubus_socket(self) -> str:
        return self.at("/var/run/ubus/ubus.sock")

    @property
    def sys_dir(self) -> str:
        return self.at("/sys")

    @property
    def tmp_dir(self) -> str:
        """RAM-backed: history, event log."""
        return self.at("/tmp/remsim")
