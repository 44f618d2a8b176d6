# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `remsim`: the launcher calls `main(argv)`. Nothing heavy is imported here."""

from __future__ import annotations

from remsim.cli.entry import main

__all__ = ["main"]
