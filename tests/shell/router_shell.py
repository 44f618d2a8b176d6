# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a router script under dash or BusyBox ash, with recorded stand-ins for the programs it
calls."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FILES = PROJECT / "files"
SHELLS = (("busybox", "ash"), ("dash",))

# Router paths that scripts name; they are moved below the test's root.
_PLACES = ("/var/run/", "/usr/lib/remsim/", "/etc/config/")


@dataclass
class Router:
    """A root directory with a `bin` of stand-ins; each call is a line of `calls`."""

    root: Path
    shell: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for directory in ("bin", "var/run/remsim", "usr/lib/remsim", "etc/config"):
            (self.root / directory).mkdir(parents=True)
        (self.root / "calls").touch()
        (self.root / "procd").touch()
        self._place("usr/lib/remsim/hotplug.sh")

    def program(self, name: str, script: str = "") -> None:
        """A stand-in that records its arguments, one per line with a mark, and then runs
        `script`."""
        path = self.root / "bin" / name
        path.write_text(
            f'#!/bin/sh\n{{ printf %s {name}; printf " <%s>" "$@"; echo; }} >>"{self.root}/calls"\n'
            f"{script}\n"
        )
        path.chmod(0o755)

    def run(self, file: str, *arguments: str, through: Path | None = None) -> int:
        """The script's exit status. It must say nothing: hotplug and procd have nobody who
        reads."""
        script = [str(through)] if through else []
        done = subprocess.run(
            [*self.shell, *script, str(self._place(file)), *arguments],
            env={
                "PATH": f"{self.root}/bin:{os.environ['PATH']}",
                "PROCD_LOG": str(self.root / "procd"),
                **self.environment,
            },
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("", "")
        return done.returncode

    def init(self, name: str, action: str) -> int:
        return self.run(f"etc/init.d/{name}", action, through=PROJECT / "tests/shell/rc.sh")

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def procd(self) -> list[str]:
        return (self.root / "procd").read_text().splitlines()

    def _place(self, file: str) -> Path:
        """A copy of the shipped file whose router paths lie below the root."""
        text = (FILES / file).read_text()
        for place in _PLACES:
            text = text.replace(place, f"{self.root}{place}")
        target = self.root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target
