# SPDX-License-Identifier: GPL-2.0-or-later
"""getopt(3) as a router's commands have it: options end at the first word that is none.

argparse would take a third of the time that a lab command may need to start.
"""

from __future__ import annotations


class OptionError(ValueError):
    """The text getopt prints, without the program's name."""


def parse(arguments: list[str], letters: str) -> tuple[list[tuple[str, str]], list[str]]:
    """([(letter, value)], the rest). `letters` as for getopt(3). Raises OptionError.

    What was read before the error counts: the error carries it as `args[1]`.
    """
    found: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        cluster = word[1:]
        while cluster:
            letter, cluster = cluster[0], cluster[1:]
            at = letters.find(letter)
            if at < 0 or letter == ":":
                raise OptionError(f"invalid option -- '{letter}'", found)
            if letters[at + 1 : at + 2] != ":":
                found.append((letter, ""))
                continue
            if not cluster and not rest:
                raise OptionError(f"option requires an argument -- '{letter}'", found)
            found.append((letter, cluster or rest.pop(0)))
            cluster = ""
    return found, rest
