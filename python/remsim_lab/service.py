# SPDX-License-Identifier: GPL-2.0-or-later
"""A supervised program of the lab, treated as procd treats it: started again when it ends.

It dies with the lab whatever happens to that (parent-death signal). Source: procd's
`respawn 3600 5 0`, that is: again after 5 s, for ever.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

RESPAWN_S = 5.0
STOP_LIMIT_S = 10.0  # between SIGTERM and SIGKILL; procd gives 5 s, a detach writes to flash


@dataclass(frozen=True, slots=True)
class Program:
    """`argv` is started with exactly `environment`; its output is appended to `log`."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


class Service:
    """One program under supervision. Not reusable after `stop()`."""

    def __init__(self, program: Program, respawn_s: float = RESPAWN_S) -> None:
        self.program = program
        self.starts = 0
        self._respawn_s = respawn_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._allowed = threading.Event()
        self._allowed.set()
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        with self._lock:
            process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Returns when it was started for the first time. Raises OSError."""
        self._thread = threading.Thread(
            target=self._supervise, name=f"service-{self.program.name}", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """A signal from outside; supervision goes on."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)

    def pause(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it and leave it ended until `resume()`."""
        self._allowed.clear()
        self.kill(number)

    def resume(self) -> None:
        self._allowed.set()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL; returns when it is gone."""
        self._stopping.set()
        self._allowed.set()
        self.kill(signal.SIGTERM)
        if self._thread is not None:
            self._thread.join(STOP_LIMIT_S)
            self.kill(signal.SIGKILL)
            self._thread.join()
            self._thread = None

    def _supervise(self) -> None:
        """The thread must outlive the program: the parent-death signal is tied to the thread."""
        try:
            while not self._stopping.is_set():
                self._run_once()
                self._stopping.wait(self._respawn_s)
                self._allowed.wait()
        except OSError as error:
            self._error = error
        finally:
            self._started.set()

    def _run_once(self) -> None:
        with self.program.log.open("ab") as log, self._lock:
            if self._stopping.is_set():
                return
            process = self._process = self._spawn(log)
            self.starts += 1
        self._started.set()
        process.wait()

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            tethered(self.program.argv),
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the lab, which then ends it in order
        )


def tethered(argv: Sequence[str]) -> list[str]:
    """`argv`, so started that it gets SIGTERM when the thread that started it is gone."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *argv]
