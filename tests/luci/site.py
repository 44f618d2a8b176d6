# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages under test: those of a lab of this machine, or of a real LuCI.

REMSIM_LUCI_URL names a router with remsim and luci-app-remsim, its modems up; REMSIM_LUCI_ADMIN and
REMSIM_LUCI_VIEWER are user:password. LUCI_SRC lets the lab run LuCI's own client code.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, StorageState

from luci.browser import context, logged_in, wait_for_view
from remsim_lab.lab import Lab, wait_for
from remsim_lab.launchers import Place
from remsim_lab.web.install import Credentials, Users
from remsim_lab.web.wanted import WebWanted

URL = os.environ.get("REMSIM_LUCI_URL")
SPEED = 10.0  # faster, and a busy machine has no time left for a modem's answer
SETTLE_LIMIT_S = 90.0  # of real time: a boot, and a recovery
SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
PAGES = {
    "overview": "services/remsim/overview",
    "modems": "services/remsim/modems",
    "config": "services/remsim/config",
    "log": "services/remsim/log",
    "status": "status/overview",
}
OURS = [name for name in PAGES if name != "status"]


class Hands:
    """What only a lab lets a test do."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def settle(self) -> None:
        """Wait until what the test before did to the modems is over."""
        wait_for(self._is_settled, "both modems and the assignment", SETTLE_LIMIT_S)

    def _is_settled(self) -> bool:
        status = self._lab.status() or {}
        modems = [status.get(name, {}) for name in ("modem1", "modem2")]
        return status.get("assignment", {}).get("state") == "active" and all(
            each.get("state") == "connected" and each["path"]["up"] for each in modems
        )

    @contextmanager
    def daemon_killed(self) -> Iterator[None]:
        self._lab.remsimd.pause(signal.SIGKILL)
        wait_for(lambda: self._lab.remsimd.pid is None, "the end of remsimd")
        try:
            yield
        finally:
            self._lab.remsimd.resume()
            wait_for(lambda: self._lab.status() is not None, "remsimd")

    @contextmanager
    def failed(self, target: str, kind: str) -> Iterator[None]:
        self._lab.fail(target, kind, _quiet)
        try:
            yield
        finally:
            self._lab.restore(target, _quiet)


@dataclass
class Site:
    """`hands` None: a router that is not ours."""

    url: str
    users: Users
    hands: Hands | None
    states: dict[str, StorageState]

    def address(self, page: str) -> str:
        return f"{self.url}/cgi-bin/luci/admin/{PAGES.get(page, page)}"

    @contextmanager
    def context(
        self, browser: Browser, who: Credentials, *, has_own_login: bool = False, **options: Any
    ) -> Iterator[Page]:
        """A page of a browser in which `who` is logged in already; changes that are not applied yet
        belong to a login.
        """
        if has_own_login or who.username not in self.states:
            start = f"{self.url}/cgi-bin/luci/"
            self.states[who.username] = logged_in(browser, start, who.username, who.password)
        with context(browser, storage_state=self.states[who.username], **options) as held:
            yield held.new_page()

    def open(self, page: Page, name: str) -> Page:
        page.goto(self.address(name))
        wait_for_view(page)
        return page


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    if URL is not None:
        users = Users(_credentials("REMSIM_LUCI_ADMIN"), _credentials("REMSIM_LUCI_VIEWER"))
        yield Site(URL, users, None, {})
        return
    source = os.environ.get("LUCI_SRC")
    web = WebWanted(0, Path(source) if source else None)
    with Lab(Place(directory / "lab"), SPEED, _quiet, web) as lab:
        _hurry(lab.place.root)
        lab.wait_until_active()
        yield Site(lab.url, lab.users, Hands(lab), {})


def _hurry(root: Path) -> None:
    """Save & Apply waits 4 s before it asks, and shows its end for 1.5 s; the least LuCI takes is
    1 s for each.
    """
    path = root / "etc/config/luci"
    text = path.read_text().replace("holdoff '4'", "holdoff '1'")
    path.write_text(text.replace("display '1.5'", "display '1'"))


def _credentials(name: str) -> Credentials:
    username, _, password = os.environ[name].partition(":")
    return Credentials(username, password)


def _quiet(_line: str) -> None:
    """For `say`."""
