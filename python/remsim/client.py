# SPDX-License-Identifier: GPL-2.0-or-later
"""The remote-SIM client as a process: `python3 -m remsim.client [--root DIR]`.

Reads what the daemon wrote (`client_settings`), then runs the session with its front-end in one
event loop, or becomes the external C client. All code is loaded at start: an upgrade of the package
does not pull the card out of the modem. SIGTERM ends it in an orderly way; SIGHUP reads path and
assignment again. With unusable parameters it stays and says so: procd restarts it when they change.
"""

from __future__ import annotations

from remsim import lean  # isort: skip  (before everything that it keeps small)

import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

from remsim import __version__
from remsim.card.api import FrontEnd
from remsim.card.layer import CardLayer
from remsim.card.none import NoFrontEnd
from remsim.client_bus import ClientBus
from remsim.client_settings import (
    ASSIGNMENT_FILE,
    CLIENT_FILE,
    PATH_FILE,
    Backend,
    ClientSettings,
    FrontEndKind,
    Simtrace2Settings,
    parse_assignment,
    parse_client,
    parse_path,
)
from remsim.client_status import full_status, variables
from remsim.clock import Clock, SystemClock
from remsim.errors import ConfigError, RemsimError
from remsim.eventloop import LONGEST_WAIT_S, EventLoop
from remsim.installed import this_build
from remsim.paths import Paths
from remsim.rspro.actions import Tell
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import Component, Identity
from remsim.rspro.release import Releaser
from remsim.rspro.session import Session, SessionSettings
from remsim.rspro.tls import TlsWrapper
from remsim.rspro.worker import Worker

LOG = logging.getLogger("remsim.client")

SOFTWARE = "remsim"
WATCH_FILES_S = 2.0  # how soon a change of path or assignment is seen without a signal or ubus call
REPORT_S = 30.0  # counters go to the daemon this often, if they changed
CARDS_DIRECTORY = "/etc/remsim/cards"  # the cache's memory, in flash
RECENT_CARDS_DIRECTORY = "/var/run/remsim/cards"  # and in RAM, where it is written more often
USAGE = "usage: python3 -m remsim.client [--root DIR]\n"


class Client:
    """Composition root of the native client."""

    def __init__(self, settings: ClientSettings, paths: Paths, loop: EventLoop) -> None:
        self._settings = settings
        self._paths = paths
        self._loop = loop
        self._is_ending = False
        self._marks: dict[str, tuple[int, int] | None] = {}
        self._cause = "started"
        self._is_reported = False
        self._reported: Mapping[str, str] = {}
        layer = _layer(settings, paths, loop.clock)
        self.session = Session(_session_settings(settings), _dice, layer)
        tls = None
        if settings.tls is not None:
            tls = TlsWrapper(settings.tls, loop.clock, this_build().made_at_s)
        front_end = _front_end(settings, loop)
        releaser = _releaser(settings, loop)
        self.worker = Worker(
            self.session, front_end, loop, tls, releaser, self._changed, self._ended
        )
        self.bus = ClientBus(paths.ubus_socket, loop, self._methods())

    def run(self) -> None:
        """Until SIGTERM, or until nobody uses the front-end any more."""
        self.bus.open()
        self._read_files()
        if self._settings.front_end is not FrontEndKind.NONE:
            self.worker.start()
        else:
            LOG.warning("%s", self.worker.front_end.presence.why_not)
        self._report_later()
        while not self._is_ending:
            self.worker.run_once()
            if not self._is_reported and self.session.relay.running_since is None:
                self._report()
        self.worker.stop()
        self.bus.close()

    def end(self) -> None:
        self._is_ending = True

    def read_again(self) -> None:
        """SIGHUP, or the daemon says so."""
        self._look_at(PATH_FILE, forced=True)
        self._look_at(ASSIGNMENT_FILE, forced=True)

    # --- what the worker tells --------------------------------------------------------------------

    def _changed(self, told: Tell) -> None:
        self._cause = told.cause.value
        self._is_reported = False

    def _ended(self, reason: str) -> None:
        self.end()

    # --- reports ----------------------------------------------------------------------------------

    def _report_later(self) -> None:
        self._is_reported = self._is_reported and self._reported == self._variables()
        self._loop.at(self._loop.clock.monotonic() + REPORT_S, "report", self._report_later)

    def _report(self) -> None:
        values = self._variables()
        if self.bus.report(self._cause, values):
            self._reported = values
        self._is_reported = True  # a failed one comes with the next change or period

    def _variables(self) -> Mapping[str, str]:
        return variables(self.worker, self._settings)

    # --- path and assignment ----------------------------------------------------------------------

    def _read_files(self) -> None:
        self._look_at(PATH_FILE)
        self._look_at(ASSIGNMENT_FILE)
        self._loop.at(self._loop.clock.monotonic() + WATCH_FILES_S, "files", self._read_files)

    def _look_at(self, name: str, forced: bool = False) -> None:
        mark = _mark_of(self._paths.at(name))
        if mark is None or (mark == self._marks.get(name) and not forced):
            return
        self._marks[name] = mark
        try:
            text = _read(self._paths.at(name))
            if name == PATH_FILE:
                self.worker.bind(parse_path(text))
            elif self._settings.server is None:
                self.worker.assign(parse_assignment(text) or self._settings.bank)
        except RemsimError as error:
            LOG.error("%s", error.reason)
        except OSError as error:
            LOG.error("%s: %s", name, error.strerror)

    # --- ubus -------------------------------------------------------------------------------------

    def _methods(self) -> dict[str, Any]:
        return {"status": ({}, self._status), "reread": ({}, self._reread)}

    def _status(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return full_status(self.worker, self._settings, self._loop.clock.monotonic())

    def _reread(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        self.read_again()
        return {}


def main(arguments: list[str]) -> int:
    """Exit status 0 after SIGTERM or the end of input, 2 for a wrong command line."""
    if arguments == ["--version"]:
        sys.stdout.write(f"remsim-client {__version__}\n")
        return 0
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return 0
    if arguments and not (len(arguments) == 2 and arguments[0] == "--root"):
        sys.stderr.write(USAGE)
        return 2
    return run(Paths(arguments[1] if arguments else "/"), EventLoop(SystemClock()))


def run(paths: Paths, loop: EventLoop) -> int:
    """Until SIGTERM, SIGINT or the end of input."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="remsim-client: %(levelname)s: %(message)s"
    )
    lean.end()
    signals = _Signals(loop)
    client = _make(paths, loop)
    if client is None:
        signals.wait()
        return 0
    signals.bind(client)
    client.run()
    return 0


class _Signals:
    """Installed before ubus is connected, or libubox would take them."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._client: Client | None = None
        self._is_ending = False
        signal.set_wakeup_fd(loop.wake_fd, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._read_again)

    def bind(self, client: Client) -> None:
        self._client = client
        if self._is_ending:
            client.end()

    def wait(self) -> None:
        """There is nothing to do but to be replaced."""
        while not self._is_ending:
            self._loop.run_once(self._loop.clock.monotonic() + LONGEST_WAIT_S)

    def _end(self, *_: object) -> None:
        self._is_ending = True
        if self._client is not None:
            self._client.end()

    def _read_again(self, *_: object) -> None:
        if self._client is not None:
            self._loop.at(self._loop.clock.monotonic(), "reread", self._client.read_again)


def _make(paths: Paths, loop: EventLoop) -> Client | None:
    """None if the parameters cannot be used; the log says why."""
    try:
        settings = parse_client(_read(paths.at(CLIENT_FILE)))
        if settings.is_verbose:
            logging.getLogger().setLevel(logging.DEBUG)
        if settings.backend is not Backend.NATIVE:
            become(settings)
        return Client(settings, paths, loop)
    except RemsimError as error:
        LOG.error("%s", error.reason)
    except OSError as error:
        LOG.error("%s: %s", error.filename, error.strerror)
    return None


def become(settings: ClientSettings) -> None:
    """Replace this process by the external client. ConfigError if it is not installed."""
    external = settings.external
    if external is None:
        raise ConfigError("client.json.external", "", "missing")
    try:
        os.execve(external.argv[0], list(external.argv), dict(external.environment))
    except OSError as error:
        raise ConfigError(
            "client.backend", settings.backend.value, f"a program at {external.argv[0]}"
        ) from error


def _session_settings(settings: ClientSettings) -> SessionSettings:
    return SessionSettings(
        identity=Identity(Component.CLIENT, _sendable(settings.name), SOFTWARE, __version__),
        client_slot=settings.client_slot,
        server=settings.server,
        bank=settings.bank if settings.server is None else None,
        atr=settings.atr,
        ignores_bank_atr=settings.ignores_bank_atr,
        bank_hold_s=settings.bank_hold_s,
        server_keepalive_s=settings.server_keepalive_s,
        bank_keepalive_s=settings.bank_keepalive_s,
        releases_slot=settings.server is not None and settings.rest_port != 0,
    )


def _layer(settings: ClientSettings, paths: Paths, clock: Clock) -> CardLayer | None:
    if not settings.has_cache:
        return None
    from remsim.card.cache import CardCache
    from remsim.card.shelf import ThriftyShelf

    near, far = paths.at(RECENT_CARDS_DIRECTORY), paths.at(CARDS_DIRECTORY)
    return CardCache(ThriftyShelf(near, far, clock))


def _releaser(settings: ClientSettings, loop: EventLoop) -> Releaser | None:
    if settings.server is None or not settings.rest_port:
        return None
    return Releaser(Endpoint(settings.server.host, settings.rest_port), loop.clock)


def _dice() -> float:
    """Uniform in 0..1. The module random would cost more memory than it is worth here."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _sendable(name: str) -> str:
    """RSPRO names have 1 to 32 ASCII characters."""
    ascii_name = name.encode("ascii", "replace").decode()[:32]
    return ascii_name or socket.gethostname()[:32] or SOFTWARE


def _front_end(settings: ClientSettings, loop: EventLoop) -> FrontEnd:
    """Only the chosen one is loaded."""
    match settings.front_end:
        case FrontEndKind.SHELL:
            from remsim.card.shell import ShellFrontEnd

            return ShellFrontEnd(loop)
        case FrontEndKind.VPCD:
            from remsim.card.vpcd import VpcdFrontEnd

            return VpcdFrontEnd(settings.vpcd, loop)
        case FrontEndKind.SIMTRACE2:
            return _simtrace2(settings.simtrace2, loop)
        case _:
            return NoFrontEnd()


def _simtrace2(board: Simtrace2Settings, loop: EventLoop) -> FrontEnd:
    from remsim.card.simtrace2 import Simtrace2FrontEnd
    from remsim.card.simtrace2_usb import BoardSettings, UsbBoard

    settings = BoardSettings(
        vendor=board.vendor,
        product=board.product,
        path=board.path,
        serial=board.serial,
        address=board.address,
        configuration=board.configuration,
        interface=board.interface,
        alternate_setting=board.alternate_setting,
    )
    return Simtrace2FrontEnd(UsbBoard(settings, loop), board.presence_level, loop)


def _mark_of(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None  # not written yet
    return found.st_ino, found.st_mtime_ns


def _read(name: str) -> str:
    with open(name, encoding="utf-8") as file:
        return file.read(65536)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
