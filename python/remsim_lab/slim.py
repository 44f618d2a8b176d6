# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes comments and docstrings out of Python files: a quarter of a router's flash for the same
code.

    python3 slim.py DIRECTORY

Line numbers stay, so tracebacks fit the repository's files; so do the first line (licence) and
every statement. Run on a package's copy of the sources, never on the sources. Standard library
only, Python 3.8 or later: in OpenWrt's build it is the build host's Python that runs it.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

# What stands in for a docstring: a body must not become empty, and this costs three bytes.
EMPTY = '""'


def slimmed(source: str) -> str:
    """The same code on the same lines, without comments and docstrings."""
    lines = source.split("\n")
    for first, last, column in _docstrings(source):
        lines[first - 1] = " " * column + EMPTY
        lines[first:last] = [""] * (last - first)
    for row, column in _comments("\n".join(lines)):
        if row > 1:
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)


def _docstrings(source: str) -> Iterator[tuple[int, int, int]]:
    """(first line, last line, column) of every docstring."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.body and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            yield text.lineno, text.end_lineno or text.lineno, text.col_offset


def _comments(source: str) -> Iterator[tuple[int, int]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start


def main(arguments: list[str]) -> int:
    for path in sorted(Path(arguments[0]).rglob("*.py")):
        path.write_text(slimmed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
