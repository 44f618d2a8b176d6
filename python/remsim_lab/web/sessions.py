# SPDX-License-Identifier: GPL-2.0-or-later
"""rpcd's object `session`: logins, their grants, their data, their end.

A session ends when it was not used for its time. The default session (all zeros) stands for whoever
is not logged in and never ends. Source: rpcd session.c; recorded calls in
tests/vectors/openwrt/jsonrpc.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from remsim.clock import Clock
from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.blob import ARRAY, INT32, INT64, STRING, TABLE, Field
from remsim_lab.web.accounts import Account, accounts_in, logged_in
from remsim_lab.web.grants import UNAUTHENTICATED, Grant, Grants, grants_in
from remsim_lab.web.provider import Arguments, Method, StatusError

DEFAULT_ID = "0" * 32
DEFAULT_TIMEOUT_S = 300  # rpcd session.h RPC_DEFAULT_SESSION_TIMEOUT
ID_BYTES = 16
SID = "ubus_rpc_session"


class Session:
    """`timeout_s` 0 never ends. `data` maps a name to its packed field."""

    def __init__(self, ident: str, timeout_s: int, clock: Clock) -> None:
        self.ident = ident
        self.timeout_s = timeout_s
        self.grants = Grants()
        self.data: dict[bytes, bytes] = {}
        self._clock = clock
        self.touch()

    def touch(self) -> None:
        self._ends_at = self._clock.monotonic() + self.timeout_s

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends_at - self._clock.monotonic())

    def _left_whole_s(self) -> int:
        """From milliseconds, as uloop counts: a fresh session has all its seconds."""
        return round(self.left_s * 1000) // 1000

    @property
    def is_over(self) -> bool:
        return self.timeout_s > 0 and self.left_s <= 0

    def keep(self, item: Field) -> None:
        self.data[item.name] = blob.field(item.kind, item.name, item.data)

    def packed_data(self) -> bytes:
        return b"".join(self.data[name] for name in sorted(self.data))

    def packed(self) -> bytes:
        return b"".join(
            (
                blob.field_string(SID.encode(), self.ident.encode()),
                blob.field_u32(b"timeout", self.timeout_s),
                blob.field(INT64, b"expires", self._left_whole_s().to_bytes(8, "big")),
                blob.field(TABLE, b"acls", self.grants.packed()),
                blob.field(TABLE, b"data", self.packed_data()),
            )
        )


class Sessions:
    """`on_end` is told the id of every session that is over."""

    def __init__(self, clock: Clock, config_directory: Path, acl_directory: Path) -> None:
        self._clock = clock
        self._config_directory = config_directory
        self._acl_directory = acl_directory
        self._held: dict[str, Session] = {}
        self.on_end: list[Callable[[str], None]] = []
        self.pending_apply: Callable[[], str | None] = lambda: None
        default = Session(DEFAULT_ID, 0, clock)
        self._held[DEFAULT_ID] = default
        for grant in grants_in(acl_directory, lambda _, group: group == UNAUTHENTICATED):
            default.grants.add(grant)

    # --- for the other objects of rpcd ---

    def get(self, ident: str) -> Session | None:
        """A living session, which lives on by it."""
        self.sweep()
        found = self._held.get(ident)
        if found is not None:
            found.touch()
        return found

    def allows(self, ident: str, scope: str, object_name: str, function: str) -> bool:
        found = self.get(ident)
        return found is not None and found.grants.allows(scope, object_name, function)

    def create(self, timeout_s: int) -> Session:
        session = Session(secrets.token_hex(ID_BYTES), timeout_s, self._clock)
        self._held[session.ident] = session
        return session

    def sweep(self) -> None:
        for session in [each for each in self._held.values() if each.is_over]:
            self._end(session)

    def _end(self, session: Session) -> None:
        del self._held[session.ident]
        for tell in self.on_end:
            tell(session.ident)

    # --- methods ---

    def methods(self) -> Sequence[Method]:
        sid = {SID: STRING}
        keys = {SID: STRING, "keys": ARRAY}
        grant = {SID: STRING, "scope": STRING, "objects": ARRAY}
        access = {SID: STRING, "scope": STRING, "object": STRING, "function": STRING}
        login = {"username": STRING, "password": STRING, "timeout": INT32}
        return (
            Method("create", {"timeout": INT32}, self._create),
            Method("list", sid, self._list),
            Method("grant", grant, self._grant),
            Method("revoke", grant, self._revoke),
            Method("access", access, self._access),
            Method("set", {SID: STRING, "values": TABLE}, self._set),
            Method("get", keys, self._get),
            Method("unset", keys, self._unset),
            Method("destroy", sid, self._destroy),
            Method("login", login, self._login),
        )

    def _asked(self, given: Arguments) -> Session:
        ident = given.text(SID)
        if ident is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        found = self.get(ident.decode(errors="replace"))
        if found is None:
            raise StatusError(wire.NOT_FOUND)
        return found

    def _create(self, given: Arguments) -> Sequence[bytes]:
        timeout_s = given.number("timeout")
        return [self.create(DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s).packed()]

    def _list(self, given: Arguments) -> Sequence[bytes]:
        if given.field(SID) is None:
            return [self._held[ident].packed() for ident in sorted(self._held)]
        return [self._asked(given).packed()]

    def _grant(self, given: Arguments) -> Sequence[bytes]:
        session = self._asked(given)
        wanted = _objects(given)
        if wanted is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        for grant in wanted:
            session.grants.add(grant)
        return ()

    def _revoke(self, given: Arguments) -> Sequence[bytes]:
        session = self._asked(given)
        wanted = _objects(given)
        if wanted is None:
            session.grants.remove_scope(_scope(given))
        for grant in wanted or ():
            session.grants.remove(grant)
        return ()

    def _access(self, given: Arguments) -> Sequence[bytes]:
        session = self._asked(given)
        name, function = given.text("object"), given.text("function")
        if name is None or function is None:
            return [session.grants.packed()]
        is_allowed = session.grants.allows(_scope(given), name.decode(), function.decode())
        return [blob.field(blob.BOOL, b"access", bytes([is_allowed]))]

    def _set(self, given: Arguments) -> Sequence[bytes]:
        values = given.items("values")
        if values is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        session = self._asked(given)
        for item in values:
            if item.name:
                session.keep(item)
        return ()

    def _get(self, given: Arguments) -> Sequence[bytes]:
        session = self._asked(given)
        keys = given.items("keys")
        if keys is None:
            return [blob.field(TABLE, b"values", session.packed_data())]
        held = [session.data.get(key.text(), b"") for key in keys if key.kind == STRING]
        return [blob.field(TABLE, b"values", b"".join(held))]

    def _unset(self, given: Arguments) -> Sequence[bytes]:
        session = self._asked(given)
        keys = given.items("keys")
        if keys is None:
            session.data.clear()
        for key in keys or ():
            if key.kind == STRING:
                session.data.pop(key.text(), None)
        return ()

    def _destroy(self, given: Arguments) -> Sequence[bytes]:
        if given.text(SID) == DEFAULT_ID.encode():
            raise StatusError(wire.PERMISSION_DENIED)
        self._end(self._asked(given))
        return ()

    def _login(self, given: Arguments) -> Sequence[bytes]:
        username, password = given.text("username"), given.text("password")
        if username is None or password is None:
            raise StatusError(wire.INVALID_ARGUMENT)
        name = username.decode(errors="replace")
        accounts = accounts_in(self._config_directory)
        account = logged_in(accounts, name, password.decode(errors="replace"))
        if account is None:
            raise StatusError(wire.PERMISSION_DENIED)
        session = self._session_for(account, given.number("timeout"))
        for grant in grants_in(self._acl_directory, account.may):
            session.grants.add(grant)
        session.data[b"username"] = blob.field_string(b"username", username)
        return [session.packed()]

    def _session_for(self, account: Account, timeout_s: int | None) -> Session:
        """Who has an apply to confirm gets the session of that apply again."""
        ident = self.pending_apply()
        applying = self.get(ident) if ident is not None else None
        username = blob.field_string(b"username", account.username.encode())
        if applying is not None and applying.data.get(b"username") == username:
            return applying
        return self.create(DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s)


def _scope(given: Arguments) -> str:
    scope = given.text("scope")
    return "ubus" if scope is None else scope.decode(errors="replace")


def _objects(given: Arguments) -> list[Grant] | None:
    """[[object, function], ...]; None when it was not given."""
    rows = given.items("objects")
    if rows is None:
        return None
    wanted = []
    for row in rows:
        if row.kind == ARRAY:
            inner = blob.fields(row.buffer, row.start, row.end)
            words = [each.text().decode() for each in inner if each.kind == STRING]
            if len(words) >= 2:
                wanted.append(Grant(_scope(given), words[0], words[1]))
    return wanted
