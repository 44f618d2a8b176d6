# SPDX-License-Identifier: GPL-2.0-or-later
"""The Makefile as OpenWrt's build system reads it, over a stand-in for its rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from source_tree import PROJECT, make_variable

from remsim import __version__

RULES = "INCLUDE_DIR := $(TOPDIR)/include\nINSTALL_DIR := install -d -m0755\n"
PACKAGE = """
define BuildPackage
$(eval $(Package/$(1)))
$(info package $(1)|$(SECTION)|$(CATEGORY)|$(TITLE)|$(PKGARCH)|$(DEPENDS))
$(if $(Package/$(1)/install),,$(error $(1) has no install recipe))
$(if $(Package/$(1)/description),,$(error $(1) has no description))
endef
all:;@:
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    top = tmp_path_factory.mktemp("openwrt")
    (top / "include").mkdir()
    (top / "rules.mk").write_text(RULES)
    (top / "include/package.mk").write_text(PACKAGE)
    return make_in(top, "all")


def make_in(top: Path, *goals: str) -> list[str]:
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", f"TOPDIR={top}", *goals],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_openwrt_gets_every_package(lines: list[str]) -> None:
    rows = [
        line.removeprefix("package ").split("|") for line in lines if line.startswith("package")
    ]
    assert [row[0] for row in rows] == make_variable("$(PACKAGES)").split()
    for name, section, category, title, architecture, depends in rows:
        assert section in ("net", "luci"), name
        assert category in ("Network", "LuCI"), name
        assert 0 < len(title) <= 60, name
        assert architecture == "all", name
        assert all(word.startswith("+") for word in depends.split()), name


def test_scanning_finds_the_packages_in_the_makefile_itself() -> None:
    """OpenWrt looks for this text before it reads a Makefile (include/scan.mk)."""
    assert "call BuildPackage" in (PROJECT / "Makefile").read_text()


def test_the_version_is_stated_once_and_repeated_right() -> None:
    assert make_variable("$(PKG_VERSION)") == __version__
    project = (PROJECT / "pyproject.toml").read_text()
    assert f'\nversion = "{__version__}"\n' in project
    assert f"## {__version__}" in (PROJECT / "CHANGELOG.md").read_text()


def test_the_developers_verbs_are_all_there() -> None:
    text = (PROJECT / "Makefile").read_text()
    for verb in ("run", "test", "check", "generate", "ipk", "bench", "soak", "clean"):
        assert f"\n{verb}:" in text, verb
    assert "make check test" in (PROJECT / ".ci/run").read_text()
