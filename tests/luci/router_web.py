# SPDX-License-Identifier: GPL-2.0-or-later
"""A router's /ubus for tests: broker, rpcd, HTTP server, and the object of the recordings."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remsim_lab.clock import HandClock
from remsim_lab.ubus import blob, message, wire
from remsim_lab.ubus.background import BackgroundBroker
from remsim_lab.ubus.blob import ARRAY, DOUBLE, INT8, INT16, INT32, INT64, STRING, TABLE, UNSPEC
from remsim_lab.web.accounts import Account, config_of, hash_of
from remsim_lab.web.bus import Bus
from remsim_lab.web.http import HttpServer, Response
from remsim_lab.web.jsonrpc import JsonRpc
from remsim_lab.web.provider import Arguments, Method, Provider, StatusError, Timers
from remsim_lab.web.rpcd import Rpcd
from remsim_lab.web.ubus_pages import BODY_MAX, UbusPages, too_large

VECTORS = Path(__file__).parents[1] / "vectors/openwrt"
UNAUTHENTICATED = {"unauthenticated": {"read": {"ubus": {"session": ["access", "login"]}}}}
IDLE = Timers(lambda: None, lambda: 3600.0)
LIMIT_S = 10.0

ACCOUNTS = {
    "editor": (("labapp",), ("labapp",)),
    "reader": (("labapp",), ()),
    "noubus": (("labapp-noubus",), ("labapp-noubus",)),
    "nouci": (("labapp-nouci",), ("labapp-nouci",)),
    "root": (("*",), ("*",)),
}
PASSWORDS = {"root": "openwrt"}  # of the others: their name


@dataclass(frozen=True, slots=True)
class Answer:
    status_line: str
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


class RouterWeb:
    """Files are below `root`; time is `clock`'s."""

    def __init__(
        self, root: Path, broker: BackgroundBroker, has_cors: bool, timeout_s: float
    ) -> None:
        self.root = root
        self.broker = broker
        self.clock = HandClock()
        self.bus = Bus(broker.path)
        self.rpcd = Rpcd(root, self.clock, self.bus)
        rpc = JsonRpc(self.bus, timeout_s)
        self.pages = UbusPages(self.bus, rpc, has_cors)
        self.http = HttpServer(0, self.pages.answer, _limit)

    def exchange(self, line: str, headers: Mapping[str, str], body: str | None) -> Answer:
        """These bytes, but for a Content-Length that is made to fit; of events the first."""
        data = b"" if body is None else body.encode()
        fitting = {**headers, "Content-Length": str(len(data))} if data else headers
        lines = [line, *(f"{name}: {text}" for name, text in fitting.items()), "", ""]
        with socket.create_connection(("127.0.0.1", self.http.port), LIMIT_S) as connection:
            connection.sendall("\r\n".join(lines).encode() + data)
            given = http.client.HTTPResponse(connection)
            given.begin()
            version = {10: "HTTP/1.0", 11: "HTTP/1.1"}[given.version]
            status_line = f"{version} {given.status} {given.reason}"
            headers_given = dict(given.getheaders())
            if headers_given.get("Content-Type") == "text/event-stream":
                self.notify()
                return Answer(status_line, headers_given, given.read1().decode())
            return Answer(status_line, headers_given, given.read().decode())

    def wait_for(self, path: str) -> None:
        """Until the object is on the bus."""
        pause = threading.Event()
        give_up_at = time.monotonic() + LIMIT_S
        while self.bus.find(path.encode()) is None:
            assert time.monotonic() < give_up_at, path
            pause.wait(0.02)

    def notify(self) -> None:
        """The owner of lab.obj tells its subscribers."""
        assert self.bus.call("lab.obj", "notify", {})[0] == wire.OK

    def post(self, request: object) -> Any:
        return self.exchange("POST /ubus HTTP/1.1", {}, json.dumps(request)).json()

    def call(self, sid: str, path: str, method: str, /, **arguments: object) -> Any:
        params = [sid, path, method, arguments]
        return self.post({"jsonrpc": "2.0", "id": 1, "method": "call", "params": params})

    def login(self, username: str, **more: object) -> str:
        reply = self.call(
            "0" * 32, "session", "login", username=username, password=username, **more
        )
        sid: str = reply["result"][1]["ubus_rpc_session"]
        return sid


def _limit(target: str) -> tuple[int, Response]:
    return BODY_MAX, too_large()


@contextmanager
def router_web(
    directory: Path,
    lab: LabObject,
    others: Mapping[str, Sequence[Method]],
    has_cors: bool = False,
    timeout_s: float = 5.0,
    acl: Sequence[Path] = (),
) -> Iterator[RouterWeb]:
    """`acl` are files to install beside those of the recordings."""
    root = directory / "root"
    _fill(root)
    for path in acl:
        shutil.copy(path, root / "usr/share/rpcd/acl.d")
    with BackgroundBroker(str(directory / "ubus.sock")) as broker:
        web = RouterWeb(root, broker, has_cors, timeout_s)
        lab.owner = Provider(broker.path, {"lab.obj": lab.methods(), **others}, IDLE)
        providers = [lab.owner, web.rpcd.provider(broker.path)]
        for provider in providers:
            provider.start()
        web.http.start()
        try:
            yield web
        finally:
            web.http.stop()
            web.bus.close()
            for provider in providers:
                provider.stop()


def _fill(root: Path) -> None:
    config, acl = root / "etc/config", root / "usr/share/rpcd/acl.d"
    config.mkdir(parents=True)
    acl.mkdir(parents=True)
    (acl / "unauthenticated.json").write_text(json.dumps(UNAUTHENTICATED))
    shutil.copy(VECTORS / "jsonrpc/acl-labapp.json", acl / "labapp.json")
    accounts = [
        Account(name, hash_of(PASSWORDS.get(name, name)), *given)
        for name, given in ACCOUNTS.items()
    ]
    (config / "rpcd").write_text(config_of(accounts))
    for name in ("dhcp", "firewall", "luci", "network", "system", "wireless"):
        (config / name).write_text("")


# --- lab.obj of the recordings ---


def _types(_given: Arguments) -> Sequence[bytes]:
    fields = (
        blob.field_string(b"str", b"hello"),
        blob.field(INT8, b"true", b"\1"),
        blob.field(INT8, b"false", b"\0"),
        blob.field(INT8, b"i8_200", b"\xc8"),
        blob.field(INT16, b"i16", b"\x12\x34"),
        blob.field(INT16, b"i16neg", b"\xff\xfe"),
        message.pack({"i32": 305419896, "i32neg": -5}),
        blob.field(INT64, b"i64", (81985529216486895).to_bytes(8, "big")),
        blob.field(INT64, b"i64neg", (-7).to_bytes(8, "big", signed=True)),
        message.pack({"dbl": 3.25, "arr": ["a", 2, {"k": "v"}], "tbl": {"inner": {"n": 1}}}),
        message.pack({"unspec": None, "empty_arr": [], "empty_tbl": {}, "empty_str": ""}),
    )
    return [b"".join(fields)]


def _status(given: Arguments) -> Sequence[bytes]:
    code = given.number("code") or 0
    if code:
        raise StatusError(code)
    return ()


def _strict(given: Arguments) -> Sequence[bytes]:
    if given.text("name") is None or given.number("count") is None:
        raise StatusError(wire.INVALID_ARGUMENT)
    return ()


ECHO = {"str": STRING, "flag": INT8, "i8": INT8, "i16": INT16, "i32": INT32, "i64": INT64}
ECHO |= {"dbl": DOUBLE, "arr": ARRAY, "tbl": TABLE, "any": UNSPEC}


class LabObject:
    """`hang` answers when `released` is set; `notify` tells subscribers once `owner` is set."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.owner: Provider | None = None

    def methods(self) -> Sequence[Method]:
        return (
            Method("echo", ECHO, lambda given: [given.data]),
            Method("types", {}, _types),
            Method("status", {"code": INT32}, _status),
            Method("strict", {"name": STRING, "count": INT32}, _strict),
            Method("multi", {}, lambda _: [message.pack({"part": n}) for n in range(2)]),
            Method("hang", {}, self._hang),
            Method("slow", {"ms": INT32}, lambda _: [message.pack({"done": "slow"})]),
            Method("notify", {}, self._notify),
            Method("big", {}, lambda _: ()),
            Method("exit", {}, lambda _: ()),
        )

    def _notify(self, _given: Arguments) -> Sequence[bytes]:
        if self.owner is not None:
            self.owner.notify("lab.obj", b"tick", message.pack({"note": "ping"}))
        return ()

    def _hang(self, _given: Arguments) -> Sequence[bytes]:
        self.released.wait(LIMIT_S)
        return ()
