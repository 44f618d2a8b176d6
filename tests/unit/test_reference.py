# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/ubus.md and docs/cli.md are what the method table and the command line say."""

from __future__ import annotations

import pytest

from remsim.bus.api import METHODS
from remsim_lab import reference


@pytest.mark.parametrize("name", reference.FILES)
def test_generated_blocks_are_fresh(name: str) -> None:
    text = (reference.REPOSITORY / name).read_text(encoding="utf-8")
    assert reference.fresh(text) == text, "make generate"


def test_every_block_is_used_somewhere() -> None:
    text = "".join((reference.REPOSITORY / name).read_text() for name in reference.FILES)
    assert all(f"<!-- generated: {name} -->" in text for name in reference.BLOCKS)


def test_every_method_is_documented_with_every_argument() -> None:
    table = reference.method_table()
    for method in METHODS:
        assert f"| `{method.name}` |" in table
        assert all(f"`{argument.name}`" in table for argument in method.arguments)
