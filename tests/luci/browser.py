# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium under Playwright: what is the same for every test that opens a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Response,
    StorageState,
    expect,
)

CHROMIUM = shutil.which("chromium") or "chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_MS = 60_000  # a page or a part of it, on a machine that does other things as well


def launch(playwright: Playwright) -> Browser:
    expect.set_options(timeout=LIMIT_MS)
    return playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))


@dataclass
class Heard:
    """What a page said that nobody should have to hear. `expected` are parts of what is meant."""

    origin: str
    expected: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", lambda said: said.type == "error" and self._note(said.text))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", lambda request: self._foreign(request.url))

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.troubles.append(text)

    def _foreign(self, url: str) -> None:
        address = urlsplit(url)
        if (
            address.scheme not in ("data", "blob")
            and f"{address.scheme}://{address.netloc}" != self.origin
        ):
            self.troubles.append(f"request to {url}")


@contextmanager
def context(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """With a viewport of 1440 by 900 unless told otherwise."""
    wanted = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US", **options}
    held = browser.new_context(**wanted)
    held.set_default_timeout(LIMIT_MS)
    try:
        yield held
    finally:
        held.close()


def log_in(page: Page, url: str, username: str, password: str) -> Response | None:
    """On the login form that any page of LuCI shows at first."""
    page.goto(url)
    page.locator("[name=luci_username]").fill(username)
    page.locator("[name=luci_password]").fill(password)
    with page.expect_navigation() as navigation:
        page.locator("button.important, input[type=submit]").first.click()
    return navigation.value


def logged_in(browser: Browser, url: str, username: str, password: str) -> StorageState:
    """What a context needs to be logged in from its first page on."""
    with context(browser) as held:
        held.request.post(url, form={"luci_username": username, "luci_password": password})
        return held.storage_state()


# Keeps each text that a dialog showed, over the page's being loaded again.
_NOTE = """
new MutationObserver(() => {
    const dialog = document.querySelector('.modal'), said = sessionStorage.getItem('said') || '';
    if (dialog && !said.endsWith(dialog.textContent))
        sessionStorage.setItem('said', `${said}\\n${dialog.textContent}`);
}).observe(document, { childList: true, subtree: true, characterData: true });
"""


def note_dialogs(page: Page) -> None:
    """From the next page on; see `said_in_dialogs`."""
    page.add_init_script(_NOTE)


def said_in_dialogs(page: Page) -> str:
    """All that dialogs said so far: LuCI shows some texts for a second, then they are gone."""
    said: str = page.evaluate("sessionStorage.getItem('said') || ''")
    return said


@contextmanager
def loaded_again(page: Page) -> Iterator[None]:
    """What is done inside makes the page load itself again; its view is drawn at the end."""
    page.evaluate("window.isFormer = true")
    yield
    page.wait_for_function("() => !window.isFormer")
    wait_for_view(page)


def wait_for_view(page: Page) -> None:
    """Until the view has drawn itself."""
    page.wait_for_function(
        "() => { const view = document.querySelector('#view');"
        " return view && view.children.length && !view.querySelector(':scope > .spinning'); }"
    )
