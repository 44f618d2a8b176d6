# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's `uci` command beside the real one: random files, random commands, everything the same.

Runs where REMSIM_REAL_UCI names the real program; REMSIM_UCI_SEEDS: how many files (default 200).
Elsewhere the recorded runs of test_contract_uci_vectors.py hold the lab's command.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from test_contract_uci_vectors import run_uci

REAL_UCI = os.environ.get("REMSIM_REAL_UCI")
SEEDS = int(os.environ.get("REMSIM_UCI_SEEDS", "200"))
SEEDS_PER_TEST = 50

STATEMENTS = ["config", "option", "list", "package", "c", "o", "l", "p", "foo", "#", "conf"]
PIECES = ["a", "b", "slot", "main", "my-sec", "x", "l", "'two words'", '"q\\"q"', "\\\n", "\\", "'"]
PIECES += ['"', "''", '""', "#", "; ", "\t", " ", "\n", "\r\n", "a#b", "a;b", "ü", "\x01", "\x00"]
PIECES += ["'multi\nline'", '"m\nl"', "foo\\ bar", "1", "wifi-iface", "a.b", "=", "@x", "v" * 40]
SECTIONS = ["a", "b", "@slot[0]", "@slot[-1]", "@main[1]", "@[0]", "@slot[9]", "@x[", "cfg01f947"]
SECTIONS += ["cfg02f947", "my-sec", "new", ""]
OPTIONS = ["x", "y", "l", "m", "id", "my-opt", ""]
VALUES = ["1", "two", "", "two words", "it's", "a\nb", "ü", "-1", "0", "5", "main", "slot", "a"]
VALUES += ["wifi-iface", "x y", "\x01", "tab\t"]
DELTAS = ["test.a.x='1'", "-test.a", "+test.cfg05aaaa='slot'", "test.a.x=''", "|test.a.l='9'"]
DELTAS += ["~test.a.l='one'", "@test.a='q'", "^test.b='0'", "rubbish", "-test.a.l='0'", ""]
DELTAS += ["other.a='b'", "test.n='main'"]
VALUED = ("set", "add_list", "del_list", "rename", "reorder")
WHOLE = ("commit", "changes", "show", "export")
COMMANDS = [*VALUED, *WHOLE, "set", "set", "add_list", "commit", "add", "delete", "revert", "get"]
FLAGS = [[], [], [], ["-q"], ["-S"], ["-X"], ["-n"], ["-N"], ["-m"], ["-d", "|"], ["-s"]]


def plain_file(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(0, 6)):
        quote = chance.choice(["'%s'", '"%s"', "%s"])
        name, value = chance.choice("xyzl"), quote % chance.choice(["1", "two", "", "it"])
        section = chance.choice(["", " 'a'", " b", ' "z"', " a"])
        lines.append(
            chance.choice(
                [
                    f"config {chance.choice(['main', 'slot', 'wifi-iface'])}{section}",
                    f"\toption {name} {value}",
                    f"\tlist {name} {value}",
                    chance.choice(["# comment", "", "package test", "option x '1' extra"]),
                ]
            )
        )
    return "\n".join(lines) + chance.choice(["", "\n"])


def wild_file(chance: random.Random) -> str:
    text = ""
    for _ in range(chance.randint(0, 8)):
        text += chance.choice(STATEMENTS) + " "
        for _ in range(chance.randint(0, 3)):
            text += chance.choice(PIECES) + chance.choice([" ", "", " "])
        text += chance.choice(["\n", "\n", "", "\r\n", ";", " ; config x y\n"])
    return text


def random_file(chance: random.Random) -> str:
    return plain_file(chance) if chance.random() < 0.5 else wild_file(chance)


def random_command(chance: random.Random) -> tuple[list[str], str]:
    """(words, stdin)"""
    flags, command = chance.choice(FLAGS), chance.choice([*COMMANDS, "import", "batch"])
    config = chance.choice(["test"] * 12 + ["other", "nofile", "", ".x", "te.st"])
    section = f"{config}.{chance.choice(SECTIONS)}"
    target = chance.choice([config, section] + [f"{section}.{chance.choice(OPTIONS)}"] * 2)
    if command in VALUED:
        value = "=" + chance.choice(VALUES) if chance.random() < 0.95 else ""
        return [*flags, command, target + value], ""
    if command == "delete":
        return [*flags, command, target + chance.choice(["", "", "=1", "=0", "=x", "="])], ""
    if command == "add":
        return [*flags, command, config, *chance.choice([[], ["slot"], ["bad type"]])], ""
    if command in WHOLE:
        return [*flags, command, *chance.choice([[], [config], [target]])], ""
    if command == "import":
        return [*flags, command, *chance.choice([[], [config]])], random_file(chance)
    if command == "batch":
        lines = [" ".join(random_command(chance)[0]) for _ in range(chance.randint(0, 4))]
        return [*flags, command], "\n".join(lines) + chance.choice(["", "\n"])
    return [*flags, command, target], ""


def files_of(directory: Path) -> dict[str, bytes] | None:
    if not directory.is_dir():
        return None
    return {each.name: each.read_bytes() for each in sorted(directory.iterdir())}


class Sides:
    """The same files twice."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.real, self.lab = root / "real", root / "lab"
        config, other = random_file(chance).encode(), random_file(chance).encode()
        changes = "\n".join(chance.choice(DELTAS) for _ in range(4)) + "\n"
        has_other, has_changes = chance.random() < 0.3, chance.random() < 0.15
        for side in (self.real, self.lab):
            (side / "c").mkdir(parents=True)
            (side / "c" / "test").write_bytes(config)
            if has_other:
                (side / "c" / "other").write_bytes(other)
            if has_changes:
                (side / "s").mkdir()
                (side / "s" / "test").write_text(changes)

    def files(self) -> list[tuple[dict[str, bytes] | None, dict[str, bytes] | None]]:
        return [(files_of(side / "c"), files_of(side / "s")) for side in (self.real, self.lab)]


def compare(root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    sides = Sides(root, chance)
    for _ in range(chance.randint(1, 6)):
        words, stdin = random_command(chance)
        places = [["-c", f"{side}/c", "-t", f"{side}/s"] for side in (sides.real, sides.lab)]
        real = subprocess.run(
            ["uci", *places[0], *words],
            executable=REAL_UCI,
            input=stdin.encode(),
            capture_output=True,
            check=False,
        )
        if real.returncode < 0:
            return  # the real one crashed
        lab = run_uci(monkeypatch, ["uci", *places[1], *words], stdin)
        told = (real.stdout, real.stderr.decode(), real.returncode)
        assert (lab.stdout, lab.stderr, lab.code & 0xFF) == told, (seed, words)
        files = sides.files()
        assert files[1] == files[0], (seed, words)


if REAL_UCI is not None:

    @pytest.mark.real
    @pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
    def test_both_commands_do_the_same(
        first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for seed in range(first, first + SEEDS_PER_TEST):
            compare(tmp_path / str(seed), seed, monkeypatch)
