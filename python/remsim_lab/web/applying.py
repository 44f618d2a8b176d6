# SPDX-License-Identifier: GPL-2.0-or-later
"""Applying a session's changes: written at once, undone after a time unless confirmed.

One apply at a time for the whole router. After a rollback the files are the old ones and the
changes are pending again in the session, if it still lives. Source: rpcd uci.c.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from remsim.clock import Clock, Deadline
from remsim_lab.ubus import wire
from remsim_lab.uci.engine import Context
from remsim_lab.uci.model import UciError
from remsim_lab.web.provider import StatusError
from remsim_lab.web.sessions import Sessions

DEFAULT_TIMEOUT_S = 60  # rpcd uci.h RPC_APPLY_TIMEOUT
NEVER_S = 3600.0
RUN = "var/run/rpcd"


def delta_directory(root: Path, sid: bytes) -> Path:
    """Where the changes of a session wait; a session id is hex and cannot lead elsewhere."""
    name = sid.decode(errors="replace")
    return root / RUN / f"uci-{name if name.isalnum() else 'none'}"


class Applying:
    """`on_commit` is told each config that was written."""

    def __init__(
        self, root: Path, clock: Clock, sessions: Sessions, on_commit: Callable[[str], None]
    ) -> None:
        self._root = root
        self._clock = clock
        self._sessions = sessions
        self._on_commit = on_commit
        self._sid: str | None = None
        self._deadline: Deadline | None = None
        shutil.rmtree(root / RUN, ignore_errors=True)
        (root / RUN).mkdir(parents=True)
        sessions.on_end.append(self._forget)
        sessions.pending_apply = lambda: self._sid

    def _forget(self, sid: str) -> None:
        shutil.rmtree(delta_directory(self._root, sid.encode()), ignore_errors=True)

    @property
    def next_s(self) -> float:
        return NEVER_S if self._deadline is None else self._deadline.left_s

    def tick(self) -> None:
        """Undo what was not confirmed in time."""
        if self._deadline is not None and self._deadline.is_over:
            self._undo()

    def refuse_while_pending(self) -> None:
        if self._sid is not None:
            raise StatusError(wire.PERMISSION_DENIED)

    def apply(self, sid: str, has_rollback: bool, timeout_s: int | None) -> None:
        if self._sid is not None and has_rollback:
            raise StatusError(wire.PERMISSION_DENIED)
        self._drop_snapshot()
        if self._sid is not None:
            return
        self._files.mkdir(mode=0o700)
        self._deltas.mkdir(mode=0o700)
        pending = delta_directory(self._root, sid.encode())
        changed = self._changed(sid, pending)
        if has_rollback:
            self._sid = sid
        for config in changed:
            shutil.copyfile(self._config(config), self._files / config)
            shutil.copyfile(pending / config, self._deltas / config)
            self._commit(config, pending)
        if has_rollback:
            wanted_s = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
            self._deadline = Deadline.after(self._clock, wanted_s)

    def confirm(self, sid: str) -> None:
        self._only(sid)
        self._drop_snapshot()
        self._sid = self._deadline = None

    def roll_back(self, sid: str) -> None:
        self._only(sid)
        self._undo()

    def _only(self, sid: str) -> None:
        if self._sid is None:
            raise StatusError(wire.NO_DATA)
        if self._sid != sid:
            raise StatusError(wire.PERMISSION_DENIED)

    # --- files ---

    @property
    def _files(self) -> Path:
        return self._root / RUN / "snapshot-files"

    @property
    def _deltas(self) -> Path:
        return self._root / RUN / "snapshot-delta"

    def _config(self, config: str) -> Path:
        return self._root / "etc/config" / config

    def _drop_snapshot(self) -> None:
        for directory in (self._files, self._deltas):
            shutil.rmtree(directory, ignore_errors=True)

    def _changed(self, sid: str, pending: Path) -> list[str]:
        """Configs with changes; one that may not be written refuses them all."""
        held = sorted(pending.iterdir()) if pending.is_dir() else []
        changed = [path.name for path in held if path.stat().st_size]
        for config in changed:
            if not self._sessions.allows(sid, "uci", config, "write"):
                raise StatusError(wire.PERMISSION_DENIED)
        if not changed:
            raise StatusError(wire.NO_DATA)
        return changed

    def _commit(self, config: str, deltas: Path | None) -> None:
        context = Context()
        context.config_directory = bytes(self._root / "etc/config")
        context.override_directory = None
        context.delta_path = []
        if deltas is not None:
            context.set_save_directory(bytes(deltas))
        try:
            context.commit(context.load(config.encode()))
        except UciError:
            return  # rpcd goes on with the next one too
        finally:
            self._on_commit(config)

    def _undo(self) -> None:
        sid, self._sid, self._deadline = self._sid, None, None
        session = self._sessions.get(sid) if sid is not None else None
        configs = sorted(path.name for path in self._files.iterdir())
        for config in configs:
            shutil.copyfile(self._files / config, self._config(config))
            self._on_commit(config)
        if session is not None:
            pending = delta_directory(self._root, session.ident.encode())
            pending.mkdir(mode=0o700, exist_ok=True)
            for config in configs:
                shutil.copyfile(self._deltas / config, pending / config)
        self._drop_snapshot()
