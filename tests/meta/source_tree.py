# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's files as the meta-tests read them: modules, their imports, the Makefile's
packages."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / "python"


@dataclass(frozen=True)
class Import:
    """`name` is dotted; `lazy` when it stands inside a function."""

    name: str
    lazy: bool


@cache
def modules(package: str) -> dict[str, Path]:
    """Dotted name: file, of every module below python/`package`."""
    found = {}
    for path in sorted((PYTHON / package).rglob("*.py")):
        parts = list(path.relative_to(PYTHON).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file, those by importlib.import_module("literal") included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        for name in _names(node):
            found.append(Import(name, id(node) in inside))
    return tuple(found)


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level or node.module is None:
            return []
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        argument = node.args[0]
        if isinstance(argument, ast.Constant):
            return [str(argument.value)]
    return []


def own_imports(name: str, package: str = "remsim") -> set[str]:
    """The modules of the package that `name` imports."""
    known = modules(package)
    found = set()
    for each in imports(known[name]):
        if each.name.split(".")[0] != package:
            continue
        module = each.name
        while module not in known:
            module = module.rpartition(".")[0]
        found.add(module)
    return found - {name}


def foreign_imports(name: str, package: str = "remsim") -> set[str]:
    """Top-level names of everything else that `name` imports."""
    tops = {each.name.split(".")[0] for each in imports(modules(package)[name])}
    return tops - {package, "__future__"}


def reachable(start: str) -> set[str]:
    """The product's modules that `start` needs, itself included. Importing a module runs its
    package too."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += own_imports(name)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
    return seen


@cache
def make_variable(expression: str) -> str:
    """What make makes of an expression in the project's Makefile, such as "$(PKG_VERSION)"."""
    probe = f"probe: ; @:$(info {expression})"  # a recipe is expanded after everything was read
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", "--eval", probe, "probe"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@cache
def package_field(package: str, field: str) -> str:
    """A field of `define Package/<package>`."""
    return make_variable(f"$(eval $(Package/{package})){field}: $({field})").partition(": ")[2]


def depends(package: str) -> set[str]:
    return {word.removeprefix("+") for word in package_field(package, "DEPENDS").split()}
