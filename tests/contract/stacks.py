# SPDX-License-Identifier: GPL-2.0-or-later
"""Where contract tests run: the lab's modules and broker, and the real ones where there are some.

The lab's are always there. The real ubus and uci modules take part when this Python can import them
from anywhere but the drop-in directory, the real ubusd when it is on PATH or named by
REMSIM_REAL_UBUSD, the real commands when named by REMSIM_REAL_UBUS and REMSIM_REAL_UCI.

Programs under test run in processes of their own: both bindings keep their state in the module.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.mark import ParameterSet

PYTHON_DIRECTORY = Path(__file__).resolve().parents[2] / "python"
DROPIN_DIRECTORY = PYTHON_DIRECTORY / "remsim_lab" / "dropin"

# Nothing here takes longer than a second or two unless it hangs.
PROCESS_LIMIT_S = 30

LAB, REAL = "lab", "real"

_PRELUDE = """
import json, os, signal, sys, threading, time
sys.path[:0] = {path!r}
SOCKET = {socket!r}

def out(value):
    print(json.dumps(value), flush=True)

def outcome(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except BaseException as error:
        return [type(error).__name__, str(error)]
"""


def real_module(name: str) -> bool:
    """The binding itself can be imported by this Python."""
    places = [place for place in sys.path if place != str(DROPIN_DIRECTORY)]
    return importlib.machinery.PathFinder.find_spec(name, places) is not None


def real_ubusd() -> str | None:
    return os.environ.get("REMSIM_REAL_UBUSD") or shutil.which("ubusd")


def module_path(which: str) -> list[str]:
    """sys.path entries that decide which binding a program imports."""
    lab = [str(DROPIN_DIRECTORY), str(PYTHON_DIRECTORY)]
    return lab if which == LAB else []


def run_code(code: str, which: str, socket: str = "", stdin: str | None = None) -> Any:
    """What a program said with `out()`: one value, or a list when it said several."""
    done = subprocess.run(
        program(code, which, socket),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PROCESS_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return said[0] if len(said) == 1 else said


def program(code: str, which: str, socket: str = "") -> list[str]:
    """Arguments that run a piece of Python with the wanted binding."""
    prelude = _PRELUDE.format(path=module_path(which), socket=socket)
    return [sys.executable, "-c", prelude + textwrap.dedent(code)]


class Stack(NamedTuple):
    """Which binding runs on which bus."""

    module: str
    bus: str

    @property
    def name(self) -> str:
        return f"{self.module}-module-on-{self.bus}-bus"


def parameters() -> list[ParameterSet]:
    """Every combination that this machine has, for pytest."""
    modules = [LAB, *([REAL] if real_module("ubus") else [])]
    buses = [LAB, *([REAL] if real_ubusd() else [])]
    return [
        pytest.param(stack, id=stack.name, marks=[pytest.mark.real] if REAL in stack else [])
        for stack in (Stack(module, bus) for module in modules for bus in buses)
    ]


class Ubus:
    """A bus under test, and programs on it."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.socket = str(directory / "ubus.sock")
        self._bus: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the socket takes connections."""
        if self.stack.bus == REAL:
            words = [str(real_ubusd()), "-s", self.socket]
        else:
            words = [sys.executable, "-m", "remsim_lab.ubus.broker", "-s", self.socket]
        environment = os.environ | {"PYTHONPATH": str(PYTHON_DIRECTORY)}
        self._bus = subprocess.Popen(words, env=environment)
        self._wait_for_socket()

    def _wait_for_socket(self) -> None:
        waiting = (
            "import socket, sys, time\n"
            "while True:\n"
            "    try:\n"
            "        s = socket.socket(socket.AF_UNIX)\n"
            "        s.connect(sys.argv[1])\n"
            "        sys.exit(0)\n"
            "    except OSError:\n"
            "        time.sleep(0.01)\n"
        )
        subprocess.run(
            [sys.executable, "-S", "-c", waiting, self.socket],
            timeout=PROCESS_LIMIT_S,
            check=True,
        )

    def kill(self) -> None:
        """As when ubusd crashes."""
        if self._bus is not None:
            self._bus.send_signal(signal.SIGKILL)
            self._bus.wait()
            self._bus = None

    def run(self, code: str) -> Any:
        """Run a client to its end."""
        return run_code(code, self.stack.module, self.socket)

    def client(self, code: str) -> Any:
        """Run a client that is already connected."""
        return self.run("import ubus\nubus.connect(SOCKET)\n" + textwrap.dedent(code))

    @contextmanager
    def serving(self, code: str) -> Iterator[subprocess.Popen[str]]:
        """A server process; the code says out("ready") once its objects are there."""
        with subprocess.Popen(
            program(code, self.stack.module, self.socket),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line == '"ready"\n', (line, process.stderr and process.stderr.read())
                yield process
            finally:
                process.kill()
