# SPDX-License-Identifier: GPL-2.0-or-later
"""Every page in a real browser: drawn without a complaint, on a phone and a desk, light and dark.

Screenshots of each are in build/screenshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from luci.browser import Heard
from luci.looks import AXE, LOOKS, SERIOUS, Look, overflowing, violations
from luci.site import OURS, PAGES, SCREENSHOTS, Site
from remsim_lab.lmo import messages
from remsim_lab.web.install import ALIASES

REPOSITORY = Path(__file__).parents[2]
LANGUAGES = sorted(path.parent.name for path in (REPOSITORY / "po").glob("*/remsim.po"))
LOCALES = {
    "de": "de-DE",
    "es": "es-ES",
    "fr": "fr-FR",
    "ja": "ja-JP",
    "ru": "ru-RU",
    "zh_Hans": "zh-CN",
}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_complaint(
    site: Site, chromium: Browser, name: str, look: Look
) -> None:
    with site.context(chromium, site.users.admin, **look.options) as page:
        heard = Heard(site.url)
        heard.listen(page)
        site.open(page, name)
        settle(page, name)
        shown = page.evaluate("document.documentElement.getAttribute('data-darkmode')")
        assert shown == str(look.scheme == "dark").lower()
        assert heard.troubles == []
        assert overflowing(page) == []
        picture(page, name, look)
        assert violations(page) == []


def settle(page: Page, name: str) -> None:
    """Until what a page asks for after its view is there has come, and nothing fades any more."""
    if name == "modems":
        expect(page.locator(".remsim-charts, [data-key=none]")).to_be_visible()
    if name == "status":
        expect(page.locator(".cbi-section .remsim .table")).to_be_visible()
    page.evaluate(
        "document.getAnimations().filter(each =>"
        " each.effect.getComputedTiming().endTime < Infinity).forEach(each => each.finish())"
    )


def picture(page: Page, name: str, look: Look) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{look.name}.png", full_page=True)


# --- keyboard and dialogs ---


def test_a_dialog_takes_the_keyboard_and_gives_it_back(site: Site, chromium: Browser) -> None:
    with site.context(chromium, site.users.admin) as page:
        site.open(page, "overview")
        page.locator("[data-key=reset-modem1]").click()
        assert page.evaluate("document.activeElement.closest('.modal') != null")
        assert dialog_violations(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("body")).not_to_have_class(re.compile("modal-overlay-active"))


def dialog_violations(page: Page) -> list[str]:
    page.add_script_tag(content=AXE.read_text())
    found = page.evaluate("axe.run('.modal', { resultTypes: ['violations'] })")["violations"]
    return [each["id"] for each in found if each["impact"] in SERIOUS]


def test_the_whole_overview_is_reached_by_tab(site: Site, chromium: Browser) -> None:
    with site.context(chromium, site.users.admin) as page:
        site.open(page, "overview")
        buttons = page.locator("#view button:visible").count()
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            key = page.evaluate(
                "document.activeElement.closest('#view')"
                " && document.activeElement.getAttribute('data-key')"
            )
            seen |= {key} if key else set()
        assert len(seen) == buttons


# --- languages ---


def translations(language: str) -> dict[str, str]:
    """Texts without places to fill that read differently in a language."""
    po = (REPOSITORY / f"po/{language}/remsim.po").read_text(encoding="utf-8")
    rows = {message.id: message.texts.get(0, "") for message in messages(po)}
    return {
        text: other
        for text, other in rows.items()
        if text and other and text != other and "%" not in text and "\\" not in text
    }


def texts(page: Page) -> Iterator[str]:
    found: list[str] = page.evaluate(
        """() => {
            const view = document.querySelector('#view'), found = [];
            const walker = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
            while (walker.nextNode())
                if (!walker.currentNode.parentNode.closest('script, style'))
                    found.push(walker.currentNode.data.trim());
            return found;
        }"""
    )
    yield from found


def raw_sentences(page: Page) -> set[str]:
    """The log as the daemon keeps it."""
    found: list[str] = page.evaluate(
        "L.require('remsim.rpc').then(api => api.events())"
        ".then(log => log.events.map(event => event.text))"
    )
    assert found
    return set(found)


def test_every_language_is_looked_at() -> None:
    assert set(LANGUAGES) == set(LOCALES)


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_no_text_stays_english(site: Site, chromium: Browser, language: str) -> None:
    known = translations(language)
    with site.context(chromium, site.users.admin, locale=LOCALES[language]) as page:
        for name in OURS if language == "de" else ["overview"]:
            heard = Heard(site.url)
            heard.listen(page)
            site.open(page, name)
            settle(page, name)
            wanted = ALIASES.get(language, language)
            assert page.evaluate("document.documentElement.lang") == wanted
            shown = set(texts(page))
            assert shown & set(known.values())
            assert not shown & set(known) - set(known.values())
            assert not shown & raw_sentences(page)
            assert heard.troubles == []
            if language == "de":
                page.screenshot(path=SCREENSHOTS / f"{name}-de.png", full_page=True)
