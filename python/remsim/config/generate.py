# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m remsim.config.generate [--check] [ROOT]`: writes the files made from the schema.

With --check nothing is written: stale files are named and the exit code is 1. ROOT is the project's
directory; by default the one this module lies in. Never used on a router.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from remsim.config import artefacts
from remsim.config.files import write_atomically

PROJECT = Path(__file__).resolve().parents[3]
MODE = 0o644
FILES: Mapping[str, Callable[[], str]] = {
    "files/etc/config/remsim": artefacts.defaults_file,
    "htdocs/luci-static/resources/remsim/schema.js": artefacts.luci_schema,
    "docs/configuration.md": artefacts.reference,
}


def stale(root: Path) -> tuple[str, ...]:
    """The files below `root` that do not hold what the schema says."""
    return tuple(name for name, made in FILES.items() if _text_of(root / name) != made())


def write(root: Path) -> tuple[str, ...]:
    """Writes what is stale and says what it was."""
    written = stale(root)
    for name in written:
        write_atomically(str(root / name), FILES[name](), MODE)
    return written


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="remsim.config.generate")
    parser.add_argument("--check", action="store_true", help="only name stale files")
    parser.add_argument("root", nargs="?", type=Path, default=PROJECT)
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        for name in write(chosen.root):
            print(name)
        return 0
    found = stale(chosen.root)
    for name in found:
        print(f"{name} is stale: make generate", file=sys.stderr)
    return 1 if found else 0


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
