# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon's word to the remote-SIM client: parameters, path and assignment, as files. Root only.

Each is written only when it changed, by rename. `client.json` is what procd watches: it is made on
the storage thread (an external client's arguments are rendered by a short-lived command there) and
the service is told. Path and assignment are small, lie in tmpfs and are read by the running client.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable

from remsim.client_settings import (
    ASSIGNMENT_FILE,
    CLIENT_FILE,
    PATH_FILE,
    Backend,
    ClientSettings,
    External,
    assignment_json,
    client_json,
    path_json,
)
from remsim.command import Output, checked, run
from remsim.config.files import write_atomically
from remsim.errors import RemsimError, StorageError
from remsim.model import Assignment, AssignmentState, LinkObservation
from remsim.net.bind import LinkBinding
from remsim.paths import Paths
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import BankSlot
from remsim.rspro.session import Bank
from remsim.state import State

LOG = logging.getLogger(__name__)

PRIVATE = 0o600
SERVICE = "/etc/init.d/remsim-client"
RENDER_LIMIT_S = 20.0  # Jinja2 takes about a second to load on a slow router
SERVICE_LIMIT_S = 10.0
BANKD_PORT = 9999  # where an assignment names a host without a port

Run = Callable[..., Output]


class ClientFiles:
    """`mark_of` gives the SO_MARK of a link. Every method is quiet when nothing changed."""

    def __init__(self, paths: Paths, runner: Run = run) -> None:
        self._paths = paths
        self._run = runner
        self._written: dict[str, str] = {}

    def follow(self, state: State, mark: Callable[[LinkObservation], int]) -> None:
        """Path and assignment as they are now. Main thread; raises StorageError."""
        failover = state.failover
        link = failover.path(failover.control).link if failover.control is not None else None
        binding = None
        if link is not None and link.device is not None:
            binding = LinkBinding.of(link, mark(link))
        self._write(PATH_FILE, path_json(binding))
        held = failover.bank.state in (AssignmentState.ACTIVE, AssignmentState.GRACE)
        bank = assigned_bank(failover.bank.assignment) if held else None
        self._write(ASSIGNMENT_FILE, assignment_json(bank))

    def tell(self, settings: ClientSettings | None) -> None:
        """Storage thread: parameters, and the service told. None: no client is wanted."""
        path = self._paths.at(CLIENT_FILE)
        if settings is None:
            if os.path.exists(path):
                os.unlink(path)
                self._service("stop")
            return
        if settings.backend is not Backend.NATIVE:
            settings = self._rendered(settings)
        if self._write(CLIENT_FILE, client_json(settings)):
            self._service("reload")

    def _rendered(self, settings: ClientSettings) -> ClientSettings:
        """Arguments and environment from the templates. A broken template leaves the old file."""
        from dataclasses import replace

        argv = (sys.executable, "-m", "remsim.config.external", "--root", self._paths.root)
        output = checked(self._run, argv, "", RENDER_LIMIT_S)
        try:
            made = json.loads(output)
            external = External(
                tuple(made["argv"]), tuple((name, value) for name, value in made["environment"])
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(CLIENT_FILE, f"cannot be rendered: {error!r}") from error
        return replace(settings, external=external)

    def _service(self, action: str) -> None:
        """procd compares the file and restarts the client exactly when it changed."""
        script = self._paths.at(SERVICE)
        if not os.access(script, os.X_OK):
            return
        try:
            checked(self._run, (script, action), "", SERVICE_LIMIT_S)
        except RemsimError as error:
            LOG.error("remsim-client: %s: %s", action, error.reason)

    def _write(self, name: str, text: str) -> bool:
        if self._written.get(name) == text:
            return False
        has_changed = write_atomically(self._paths.at(name), text, PRIVATE)
        self._written[name] = text  # only now: what failed is tried again
        return has_changed


def assigned_bank(assignment: Assignment | None) -> Bank | None:
    """Where the orchestrator says the card is; None unless it said all of it."""
    if assignment is None or assignment.bankd_endpoint is None:
        return None
    if assignment.bank_id is None or assignment.slot_id is None:
        return None
    host, _, port = assignment.bankd_endpoint.rpartition(":")
    if not host or not port.isdecimal():
        host, port = assignment.bankd_endpoint, str(BANKD_PORT)
    endpoint = Endpoint(host.strip("[]"), int(port))
    return Bank(endpoint, BankSlot(assignment.bank_id, assignment.slot_id))
