# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's rpcd, and of procd what is behind it: session, uci, file, luci, system, service.

Files are the router's, below its root. Of rpcd's `file` only list and stat are here: no page of
ours may read, write or run anything. A config that was committed or applied fires its trigger.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from remsim.clock import Clock
from remsim_lab.ubus import blob, message, wire
from remsim_lab.ubus.blob import ARRAY, INT64, STRING, TABLE
from remsim_lab.web.applying import Applying
from remsim_lab.web.bus import Bus
from remsim_lab.web.provider import Arguments, Method, Provider, StatusError, Timers
from remsim_lab.web.sessions import SID, Sessions
from remsim_lab.web.uci_object import UciObject

ACL_DIRECTORY = "usr/share/rpcd/acl.d"
EVENT_TIMEOUT_S = 1.0  # rpcd waits this long for procd
TRIGGERED = {"remsim": ("remsim", "reload")}  # procd triggers of the init scripts: config -> call


class Rpcd:
    """`tick` is called before each call and while idle."""

    def __init__(self, root: Path, clock: Clock, bus: Bus) -> None:
        self._root = root
        self._bus = bus
        self.sessions = Sessions(clock, root / "etc/config", root / ACL_DIRECTORY)
        self.applying = Applying(root, clock, self.sessions, self._tell_procd)

    def objects(self) -> Mapping[str, Sequence[Method]]:
        uci = UciObject(self._root, self.sessions, self.applying, self._tell_procd)
        path = {"path": STRING, SID: STRING}
        return {
            "session": self.sessions.methods(),
            "uci": uci.methods(),
            "file": (Method("list", path, self._list), Method("stat", path, self._stat)),
            "luci": (Method("getFeatures", {}, lambda _: [message.pack(dict(FEATURES))]),),
            "system": (Method("board", {}, lambda _: [message.pack(dict(BOARD))]),),
        }

    def provider(self, path: str) -> Provider:
        timers = Timers(self.applying.tick, lambda: self.applying.next_s)
        return Provider(path, self.objects(), timers)

    def _tell_procd(self, config: str) -> None:
        """As rpcd after a commit; without a procd nothing happens."""
        ident = self._bus.find(b"service")
        if ident is not None:
            data = message.pack({"type": "config.change", "data": {"package": config}})
            self._bus.invoke(ident, b"event", data, EVENT_TIMEOUT_S)

    # --- file ---

    def _path(self, given: Arguments, function: str) -> Path:
        text = given.text("path")
        if text is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        path, sid = text.decode(errors="replace"), given.text(SID)
        allowed = sid is None or self.sessions.allows(sid.decode(), "file", path, function)
        if not allowed or ".." in path.split("/"):
            raise StatusError(wire.PERMISSION_DENIED)
        return self._root / path.lstrip("/")

    def _list(self, given: Arguments) -> Sequence[bytes]:
        path = self._path(given, "list")
        try:
            entries = sorted(path.iterdir())
        except OSError:
            raise StatusError(wire.NOT_FOUND) from None
        items = [blob.field(TABLE, b"", _entry(each)) for each in entries if each.exists()]
        return [blob.field(ARRAY, b"entries", b"".join(items))]

    def _stat(self, given: Arguments) -> Sequence[bytes]:
        path = self._path(given, "list")
        if not path.exists():
            raise StatusError(wire.NOT_FOUND)
        return [blob.field_string(b"path", given.text("path") or b"") + _entry(path)]


def _entry(path: Path) -> bytes:
    status = path.stat()
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "file"
    return b"".join(
        (
            message.pack({"name": path.name, "type": kind}),
            blob.field(INT64, b"size", status.st_size.to_bytes(8, "big")),
            message.pack({"mode": status.st_mode, "mtime": int(status.st_mtime)}),
        )
    )


BOARD: Mapping[str, object] = {
    "kernel": "lab",
    "hostname": "lab",
    "system": "remsim lab",
    "model": "remsim lab",
    "board_name": "remsim,lab",
    "release": {"distribution": "remsim lab", "version": "0", "description": "remsim lab"},
}
FEATURES: Mapping[str, object] = {"firewall": False, "ipv6": True, "wifi": False}


class Procd:
    """Reload triggers: when a config changed, its service is told by the service's own call."""

    def __init__(self, bus: Bus, say: Callable[[str], None]) -> None:
        self._bus = bus
        self._say = say

    def objects(self) -> Mapping[str, Sequence[Method]]:
        listed = {"name": STRING, "verbose": blob.BOOL}
        event = {"type": STRING, "data": TABLE}
        return {
            "service": (
                Method("list", listed, lambda _: [b""]),
                Method("event", event, self._event),
            )
        }

    def provider(self, path: str) -> Provider:
        return Provider(path, self.objects(), Timers(lambda: None, lambda: 3600.0))

    def _event(self, given: Arguments) -> Sequence[bytes]:
        """Answers at once; the service is told by a script of its own, as procd does it."""
        data = given.items("data")
        if given.text("type") is None or data is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        for item in data:
            target = TRIGGERED.get(item.text().decode()) if item.name == b"package" else None
            if target is not None:
                threading.Thread(target=self._reload, args=target, daemon=True).start()
        return ()

    def _reload(self, path: str, method: str) -> None:
        try:
            status, reply = self._bus.call(path, method, {})
        except OSError as error:
            self._say(f"reload of {path}: {error}")
            return
        text = message.format_json(reply).decode() if reply else wire.status_text(status)
        self._say(f"reload of {path}: {text}")
