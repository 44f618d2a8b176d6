# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may log in: the `login` sections of /etc/config/rpcd, and their passwords.

    config login
        option username 'admin'
        option password '$5$...'        # crypt(3); an empty one lets everybody in
        list read '*'                   # patterns of ACL groups, `!pattern` takes away
        list write '*'                  # write implies read

`$p$name` (the password of a user of the system) is refused: the lab has no users. Source: rpcd
session.c.
"""

from __future__ import annotations

import ctypes
import hmac
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from remsim_lab.uci.engine import Context
from remsim_lab.uci.model import Section, UciError

ROUNDS = 1000  # sha256crypt's least; a lab's passwords live for one run
SYSTEM_USER = "$p$"
LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    password_hash: str
    read: tuple[str, ...]
    write: tuple[str, ...]

    def may(self, permission: str, group: str) -> bool:
        given = _matches(self.write if permission == "write" else self.read, group)
        return given or (permission == "read" and _matches(self.write, group))


def _matches(patterns: tuple[str, ...], group: str) -> bool:
    refused = [each[1:].strip() for each in patterns if each.startswith("!")]
    if any(fnmatchcase(group, each) for each in refused):
        return False
    return any(fnmatchcase(group, each) for each in patterns if not each.startswith("!"))


def accounts_in(config_directory: Path) -> list[Account]:
    """Of the file rpcd; none when there is no such file."""
    context = Context()
    context.config_directory = bytes(config_directory)
    context.override_directory = None
    context.delta_path = []
    try:
        package = context.load(b"rpcd")
    except UciError:
        return []
    return [_account(each) for each in package.sections if each.type == b"login"]


def _account(section: Section) -> Account:
    return Account(
        "".join(_values(section, "username")),
        "".join(_values(section, "password")),
        _values(section, "read"),
        _values(section, "write"),
    )


def _values(section: Section, name: str) -> tuple[str, ...]:
    option = section.option(name.encode())
    if option is None:
        return ()
    values = option.value if isinstance(option.value, list) else [option.value]
    return tuple(value.decode(errors="replace") for value in values)


def logged_in(accounts: list[Account], username: str, password: str) -> Account | None:
    """The first account that name and password open."""
    for account in accounts:
        if account.username == username and is_password(account.password_hash, password):
            return account
    return None


def is_password(hashed: str, password: str) -> bool:
    if not hashed:
        return True
    if hashed.startswith(SYSTEM_USER):
        return False
    given = crypt(password, hashed)
    return given is not None and hmac.compare_digest(given, hashed)


def hash_of(password: str) -> str:
    """For an `option password`. Raises OSError where the system has no crypt(3)."""
    hashed = crypt(password, f"$5$rounds={ROUNDS}${secrets.token_hex(8)}")
    if hashed is None:
        raise OSError("crypt(3) refuses SHA-256")
    return hashed


def crypt(password: str, salt: str) -> str | None:
    """crypt(3) of the C library; Python's own module is gone since 3.13."""
    function = _library().crypt
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    given = function(password.encode(), salt.encode())
    text = given.decode() if isinstance(given, bytes) else ""
    return text if text and not text.startswith("*") else None


def _library() -> ctypes.CDLL:
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError(f"none of {', '.join(LIBRARIES)} is here")


def config_of(accounts: list[Account]) -> str:
    """Text of a file /etc/config/rpcd; quotes in it are not expected."""
    lines = []
    for account in accounts:
        lines += ["config login", f"\toption username '{account.username}'"]
        lines.append(f"\toption password '{account.password_hash}'")
        lines += [f"\tlist read '{group}'" for group in account.read]
        lines += [f"\tlist write '{group}'" for group in account.write]
        lines.append("")
    return "\n".join(lines)
