# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documents point at is there: pages, headings, files, tests. And every page is found."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from source_tree import PROJECT

PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
OURS = ("python/", "tests/", "docs/", "files/", "htdocs/", "luasrc/", "po/")
TESTS = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)


@cache
def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Of its headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in found)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@cache
def names_of_tests() -> frozenset[str]:
    files = (PROJECT / "tests").rglob("*.py")
    return frozenset(name for file in files for name in TESTS.findall(file.read_text("utf-8")))


def links(page: Path) -> list[tuple[Path, str]]:
    """Page and heading of each link that stays in the repository."""
    found = []
    for target in LINK.findall(prose(page)):
        if "://" not in target:
            name, _, heading = target.partition("#")
            found.append(((page.parent / name).resolve() if name else page, heading))
    return found


by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@by_name
def test_no_link_is_dead(page: Path) -> None:
    for target, heading in links(page):
        assert target.exists(), target
        assert not heading or heading in anchors(target), f"{target.name}#{heading}"


@by_name
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = [name for name in CODE.findall(prose(page)) if name.startswith(OURS)]
    plain = [name for name in named if re.fullmatch(r"[\w./-]+", name)]
    assert [name for name in plain if not (PROJECT / name).exists()] == []


@by_name
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = {name for name in CODE.findall(prose(page)) if re.fullmatch(r"test_\w+", name)}
    assert named - names_of_tests() == set()


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [PROJECT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            todo += [target for target, _ in links(page)]
    assert set(PAGES) <= reached


def test_every_page_of_docs_is_linked_by_the_readme_itself() -> None:
    linked = {target for target, _ in links(PROJECT / "README.md")}
    assert {page for page in PAGES if page.parent.name == "docs"} <= linked


def test_the_architecture_names_every_package_of_the_product() -> None:
    named = set(CODE.findall(prose(PROJECT / "docs/architecture.md")))
    packages = {path.parent.name for path in (PROJECT / "python/remsim").glob("*/__init__.py")}
    assert {f"{name}/" for name in packages} <= named
