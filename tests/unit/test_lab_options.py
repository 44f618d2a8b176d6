# SPDX-License-Identifier: GPL-2.0-or-later
"""getopt of the lab's commands."""

from __future__ import annotations

import pytest

from remsim_lab.posix_options import OptionError, parse


@pytest.mark.parametrize(
    ("words", "options", "rest"),
    [
        ("-v list", [("v", "")], ["list"]),
        ("-vs /s list", [("v", ""), ("s", "/s")], ["list"]),
        ("-s/s -t 5 call a b", [("s", "/s"), ("t", "5")], ["call", "a", "b"]),
        ("list -v", [], ["list", "-v"]),
        ("-- -v", [], ["-v"]),
        ("- -v", [], ["-", "-v"]),
        ("", [], []),
    ],
)
def test_options_end_at_the_first_word(
    words: str, options: list[tuple[str, str]], rest: list[str]
) -> None:
    assert parse(words.split(), "vs:t:") == (options, rest)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("-z", "invalid option -- 'z'"),
        ("-vz list", "invalid option -- 'z'"),
        ("-:", "invalid option -- ':'"),
        ("-s", "option requires an argument -- 's'"),
    ],
)
def test_wrong_options_are_named(words: str, text: str) -> None:
    with pytest.raises(OptionError) as raised:
        parse(words.split(), "vs:")
    assert raised.value.args[0] == text
