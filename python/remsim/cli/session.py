# SPDX-License-Identifier: GPL-2.0-or-later
"""What every command gets: where to write, where the router's root is, how to ask the daemon.

Must never import anything heavy at module level: `remsim status` answers in a fraction of a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from remsim.bus.api import OBJECT
from remsim.cli.exits import Exit, Stopped
from remsim.clock import Clock
from remsim.errors import BusAbsent, BusDenied, BusError, BusTimeout, ObjectAbsent
from remsim.paths import Paths

# Error codes of the daemon that blame the command line; all others are Exit.FAILED.
_USAGE_CODES = frozenset({"argument"})


class Asking(Protocol):
    """The part of `remsim.bus.ubus.BusClient` that is used."""

    def connect(self) -> None: ...
    def close(self) -> None: ...
    def call(
        self, object_name: str, method: str, arguments: Mapping[str, Any], timeout_ms: int = ...
    ) -> dict[str, Any]: ...


@dataclass(slots=True)
class Session:
    """One run of the command. `bus` makes a client; it is called at the first question."""

    paths: Paths
    out: TextIO
    err: TextIO
    clock: Clock
    bus: Callable[[], Asking]
    is_root: bool
    as_json: bool = False
    columns: int = 80
    colours: bool = False
    _client: Asking | None = field(default=None, repr=False)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.out.write(line + "\n")

    def say_json(self, value: object) -> None:
        self.say(json.dumps(value, indent=2, ensure_ascii=False))
        self.out.flush()

    def note(self, line: str) -> None:
        """For a person only; never mixed into the output that a script reads."""
        self.err.write(line + "\n")
        self.err.flush()

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call the daemon. Raises `Stopped`, for bus troubles as for an error reply."""
        reply = self._call(method, arguments)
        error = reply.get("error")
        if isinstance(error, dict) and len(reply) == 1:  # a job has an `error` among other fields
            raise _refusal(method, error)
        return reply

    def hang_up(self) -> None:
        """The next question connects afresh (ubusd may have been restarted)."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if self._client is None:
                client = self.bus()
                client.connect()
                self._client = client
            return self._client.call(OBJECT, method, arguments)
        except BusError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: BusError) -> Stopped:
        if isinstance(error, BusDenied):
            return Stopped(Exit.NO_RIGHTS, error.reason, "Run it as root.")
        if isinstance(error, ObjectAbsent) and not self.is_root:
            return Stopped(
                Exit.NO_RIGHTS,
                "remsim is not visible on the bus for this user",
                "Run it as root; ubus shows an ordinary user nothing without an ACL file.",
            )
        if isinstance(error, ObjectAbsent):
            return Stopped(Exit.NOT_RUNNING, "remsimd is not running", _start_advice(self.paths))
        if isinstance(error, BusAbsent):
            return Stopped(Exit.NOT_RUNNING, error.reason, "Is ubusd running?  pgrep ubusd")
        if isinstance(error, BusTimeout):
            return Stopped(Exit.TIMED_OUT, error.reason, "See what it is doing:  logread -e remsim")
        return Stopped(Exit.FAILED, error.reason)


def _start_advice(paths: Paths) -> str:
    """Whether the service is enabled decides what helps; an unreadable file decides nothing."""
    lines = ["Start it:        /etc/init.d/remsim start", "Its last words:  logread -e remsim"]
    if _is_disabled(paths):
        lines.insert(0, "Enable it:       uci set remsim.service.enabled=1 && uci commit remsim")
    return "\n".join(lines)


def _is_disabled(paths: Paths) -> bool:
    """A look for the one option, not a parser: only an advice depends on it."""
    section = ""
    try:
        with open(paths.at("/etc/config/remsim"), encoding="utf-8", errors="replace") as file:
            for line in file:
                words = [word.strip("'\"") for word in line.split()]
                if words[:1] == ["config"]:
                    section = words[-1]
                elif section == "service" and words[:2] == ["option", "enabled"]:
                    return words[2:] == ["0"]
    except OSError:
        return False
    return True  # no such option: the default is off


def _refusal(method: str, error: Mapping[str, Any]) -> Stopped:
    code = str(error.get("code"))
    argument = error.get("argument")
    where = f"{argument}: " if argument else ""
    exit_code = Exit.USAGE if code in _USAGE_CODES else Exit.FAILED
    return Stopped(exit_code, f"{where}{error.get('message') or code}")
