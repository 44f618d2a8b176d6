# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the pages into the lab router's root, as the packages would: links, so that an edit shows.

Without a LuCI source tree the stand-in is what the pages run on; with one (`luci_source`) it is
LuCI's own client code and its theme bootstrap, which stay where they are.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from remsim_lab.lmo import compile_po
from remsim_lab.web.accounts import Account, config_of, hash_of

REPOSITORY = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
STANDIN = HERE / "standin"
ROUTER = HERE / "router"
I18N = "usr/lib/lua/luci/i18n"
LUCI_PARTS = ("modules/luci-base/htdocs", "themes/luci-theme-bootstrap/htdocs")
LUCI_STATUS_PAGE = "modules/luci-mod-status/htdocs"
STATUS_PAGE = "luci-static/resources/view/status/index.js"
LUCI_PO = "modules/luci-base/po"
PASSWORD_BYTES = 6
ALIASES = {"zh_Hans": "zh-cn"}  # luci.mk LUCI_LC_ALIAS: directory of texts -> language

# `unauthenticated` brings session.access, by which LuCI's pages ask what a login may do.
VIEWER_GROUPS = (
    "unauthenticated",
    "luci-base",
    "luci-mod-status-index",
    "luci-app-remsim-status",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Users:
    """`admin` may do everything, `viewer` has the role that sees state only."""

    admin: Credentials
    viewer: Credentials


def make_users() -> Users:
    """Anew for each lab."""
    admin, viewer = (secrets.token_urlsafe(PASSWORD_BYTES) for _ in range(2))
    return Users(Credentials("admin", admin), Credentials("viewer", viewer))


def install(root: Path, users: Users, luci_source: Path | None) -> None:
    _link_tree(REPOSITORY / "files/usr/share", root / "usr/share")
    _link_tree(ROUTER / "usr/share", root / "usr/share")
    if luci_source is None:
        _link_tree(STANDIN, root / "www")
    else:
        _link_luci(luci_source, root / "www")
    _link_tree(REPOSITORY / "htdocs", root / "www")
    _write_catalogues(root, luci_source)
    shutil.copy(ROUTER / "etc/config/luci", root / "etc/config/luci")
    _write_accounts(root, users)


def _link_luci(source: Path, www: Path) -> None:
    for part in LUCI_PARTS:
        _link_tree(source / part, www)
    _link(source / LUCI_STATUS_PAGE / STATUS_PAGE, www / STATUS_PAGE)


def _link_tree(source: Path, target: Path) -> None:
    """Every file by itself, because several trees meet in one directory."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.name.startswith(".git"):
            _link(path, target / path.relative_to(source))


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def _write_catalogues(root: Path, luci_source: Path | None) -> None:
    """As luci-i18n packages bring them; LuCI's own for the languages the pages have."""
    (root / I18N).mkdir(parents=True, exist_ok=True)
    for po in sorted((REPOSITORY / "po").glob("*/remsim.po")):
        _write_catalogue(root, "remsim", po)
        name = po.parent.name
        if luci_source is not None:
            _write_catalogue(root, "base", luci_source / LUCI_PO / name / "base.po")


def _write_catalogue(root: Path, app: str, po: Path) -> None:
    if po.is_file():
        name = po.parent.name
        language = ALIASES.get(name, name.replace("_", "-").lower())
        data = compile_po(po.read_text(encoding="utf-8"))
        (root / I18N / f"{app}.{language}.lmo").write_bytes(data)


def _write_accounts(root: Path, users: Users) -> None:
    admin, viewer = users.admin, users.viewer
    accounts = [
        Account(admin.username, hash_of(admin.password), ("*",), ("*",)),
        Account(viewer.username, hash_of(viewer.password), VIEWER_GROUPS, ()),
    ]
    path = root / "etc/config/rpcd"
    path.write_text(config_of(accounts), encoding="utf-8")
    path.chmod(0o600)


def version_of(root: Path) -> str:
    """Changes with every change of a script."""
    files = (path.stat().st_mtime_ns for path in (root / "www").rglob("*") if path.is_file())
    return f"{max(files, default=0) // 1_000_000:x}"
