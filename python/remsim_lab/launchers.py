# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's commands for a second terminal: remsim, remsimd, remsim-lab, ubus, uci, logread.

Each is a small shell script in `.lab/bin` with every path in it, so that
`PATH=$PWD/.lab/bin:$PATH` is all that a terminal needs. Programs that look at the network run in
the router's namespace.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON_DIR = Path(__file__).resolve().parents[1]
DROPIN_DIR = PYTHON_DIR / "remsim_lab" / "dropin"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lab is. `inside` is put before what has to run in the router's namespace."""

    directory: Path
    inside: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def bin(self) -> Path:
        return self.directory / "bin"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def captures(self) -> Path:
        return self.directory / "captures"

    @property
    def control_socket(self) -> Path:
        return self.directory / "control.sock"

    @property
    def usb_socket(self) -> Path:
        """Of the SIMtrace2 board."""
        return self.directory / "usb.sock"

    @property
    def ubus_socket(self) -> Path:
        return self.root / "var/run/ubus/ubus.sock"


def environment_of(place: Place) -> dict[str, str]:
    """What every program of the lab runs with; nothing is inherited but the terminal's look."""
    kept = {name: os.environ[name] for name in ("TERM", "LANG", "NO_COLOR") if name in os.environ}
    return kept | {
        "PATH": f"{place.bin}:{_SYSTEM_PATH}",
        "HOME": "/root",
        "PYTHONPATH": f"{DROPIN_DIR}:{PYTHON_DIR}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "REMSIM_LAB_USB": str(place.usb_socket),
    }


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def write_launchers(place: Place) -> None:
    """All scripts anew."""
    place.bin.mkdir(parents=True, exist_ok=True)
    root = str(place.root)
    commands: dict[str, tuple[tuple[str, ...], Sequence[str]]] = {
        "remsim": (place.inside, python("-m", "remsim.cli", "--root", root)),
        "remsimd": (place.inside, python("-m", "remsim.daemon", "--root", root)),
        "remsim-client": (place.inside, python("-m", "remsim.client", "--root", root)),
        "remsim-lab": (
            (),
            python("-m", "remsim_lab.control", "--directory", str(place.directory)),
        ),
        "ubus": ((), python("-m", "remsim_lab.ubus.command", "-s", str(place.ubus_socket))),
        "uci": (
            (),
            python(
                *("-m", "remsim_lab.uci.command"),
                *("-c", f"{root}/etc/config", "-t", f"{root}/tmp/.uci"),
            ),
        ),
    }
    for name, (inside, argv) in commands.items():
        _write(place.bin / name, _script([*inside, *argv], environment_of(place)))
    _write(place.bin / "logread", _logread(place))


def _script(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """Sets what the program needs; the terminal's own variables (COLUMNS, TERM) stay."""
    wanted = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "REMSIM_LAB_USB")
    lines = ["#!/bin/sh"]
    lines += [f"export {name}={shlex.quote(environment[name])}" for name in wanted]
    lines.append(f'export PATH={shlex.quote(environment["PATH"])}:"$PATH"')
    return "\n".join([*lines, f'exec {shlex.join(argv)} "$@"', ""])


def _logread(place: Place) -> str:
    """`logread [-f] [-e PATTERN]` over the lab's log files."""
    logs = shlex.quote(str(place.log))
    return f"""#!/bin/sh
follow= pattern=.
while [ $# -gt 0 ]; do
	case "$1" in
	-f) follow=1 ;;
	-e) shift; pattern=$1 ;;
	*) echo "Usage: logread [-f] [-e <pattern>]" >&2; exit 1 ;;
	esac
	shift
done
cd {logs} || exit 1
if [ -n "$follow" ]; then
	exec tail -n 20 -F remsim*.log
fi
grep -h -e "$pattern" ./*.log
"""


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
