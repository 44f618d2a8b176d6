# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace with a name, and the sweep that removes those of a killed lab.

A name tells its owner: `remsim.<lab>.<pid>.<start>.<part>`, where `<start>` is the owner's start
time in clock ticks (proc(5), field 22), so that a recycled pid is not taken for the owner. Never
touches a namespace of another name. Sources: ip-netns(8), setns(2), network_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PREFIX = "remsim."
RUN_DIR = Path("/run/netns")  # where `ip netns` keeps its mounts (ip-netns(8))
CLONE_NEWNET = 0x40000000  # sched.h
COMMAND_LIMIT_S = 20.0  # an `ip` or `nft` that takes longer hangs
END_LIMIT_S = 2.0  # between SIGTERM and SIGKILL

_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    """A command of the lab's network failed; the text is the program's own."""


def sh(*argv: str, stdin: str | None = None, limit_s: float = COMMAND_LIMIT_S) -> str:
    """One program in the present namespace; its output. Raises NetworkError with its complaint."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=limit_s, check=False
    )
    if done.returncode != 0:
        raise NetworkError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def owner_tag(pid: int | None = None) -> str:
    """`<pid>.<start>` of a living process; raises NetworkError when there is none."""
    pid = os.getpid() if pid is None else pid
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        raise NetworkError(f"no process {pid}") from error
    return f"{pid}.{stat.rpartition(')')[2].split()[19]}"


def set_namespace(descriptor: int) -> None:
    """setns(2) for the calling thread only (Python has it from 3.12 on)."""
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise NetworkError(f"setns: {os.strerror(number)}")


@dataclass(frozen=True, slots=True)
class Namespace:
    """`name` as `ip netns` shows it. `add()` makes it, `remove()` ends what runs in it and it."""

    name: str

    def add(self) -> None:
        sh("ip", "netns", "add", self.name)
        sh("ip", "-n", self.name, "link", "set", "lo", "up")

    def remove(self) -> None:
        """Also ends every process inside: they were started for this namespace."""
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            pids = self.pids()
            for pid in pids:
                _signal(pid, wanted)
            _wait_gone(pids, END_LIMIT_S)
        sh("ip", "netns", "delete", self.name)

    def pids(self) -> tuple[int, ...]:
        """Processes whose main thread is inside; never this process itself."""
        found = sh("ip", "netns", "pids", self.name).split()
        return tuple(int(pid) for pid in found if int(pid) != os.getpid())

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        stdin: str | None = None,
        limit_s: float = COMMAND_LIMIT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside (with its own /sys) and wait. `check`: raise on a failure."""
        done = subprocess.run(
            self.command(argv),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        if check and done.returncode != 0:
            raise NetworkError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
        return done

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program inside. `ip netns exec` execs it, so the pid is the program's own."""
        return subprocess.Popen(self.command(argv), **options)

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as it has to be started to run inside."""
        return ["ip", "netns", "exec", self.name, *argv]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside; so are sockets, threads and processes it makes meanwhile.

        /sys still shows the outer namespace: use `run()` for programs that read it.
        """
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(RUN_DIR / self.name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                set_namespace(inside)
            finally:
                os.close(inside)
            try:
                yield
            finally:
                set_namespace(before)
        finally:
            os.close(before)

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, called inside by a thread of its own (to open sockets)."""

        def inside() -> T:
            with self.entered():
                return function()

        with ThreadPoolExecutor(1, thread_name_prefix=self.name) as pool:
            return pool.submit(inside).result()


def sweep() -> tuple[str, ...]:
    """Remove the namespaces of labs whose process is gone (SIGKILL); their names."""
    if not RUN_DIR.is_dir():
        return ()
    stale = tuple(name for name in sorted(os.listdir(RUN_DIR)) if _is_stale(name))
    for name in stale:
        try:
            Namespace(name).remove()
        except NetworkError:
            if (RUN_DIR / name).exists():
                raise
            # another lab that starts just now swept it first
    return stale


def _is_stale(name: str) -> bool:
    parts = name.split(".")
    if not name.startswith(PREFIX) or len(parts) != 5 or not parts[2].isdigit():
        return False
    try:
        return owner_tag(int(parts[2])) != f"{parts[2]}.{parts[3]}"
    except NetworkError:
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait_gone(pids: Sequence[int], limit_s: float) -> None:
    """Until all have ended, at most `limit_s` (a pidfd becomes readable when its process ends)."""
    end = time.monotonic() + limit_s
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        finally:
            os.close(descriptor)
