# SPDX-License-Identifier: GPL-2.0-or-later
"""What LuCI's client API does, stated once: the stand-in has to, LuCI's own files do (LUCI_SRC).

Most facts are functions in facts/*.js, run in one page; how views are loaded and how changes are
applied is seen from outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, StorageState, expect

from luci.browser import (
    Heard,
    context,
    loaded_again,
    logged_in,
    note_dialogs,
    said_in_dialogs,
    wait_for_view,
)
from luci.facts_world import FACTS, FactsWorld, answer_facts, facts_world, sources
from luci.router_web import VECTORS

STATED = sorted(path.stem for path in FACTS.glob("*.js") if path.stem != "page")
LOCALES = {"texts": "de-DE"}  # the others need the words as they were written
# What pages say on the login form and in facts about faults, in LuCI too.
MEANT = ["status of 403", "status of 404", "status of 502", "fact", "Access denied", "ERR_FAILED"]


@pytest.fixture(scope="module", params=sources())
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FactsWorld]:
    with facts_world(tmp_path_factory.mktemp("facts"), request.param) as held:
        yield held


@pytest.fixture
def state(world: FactsWorld, chromium: Browser) -> StorageState:
    """A login of its own, with no change pending; the config as it was."""
    world.reset()
    admin = world.users.admin
    return logged_in(chromium, f"{world.url}/cgi-bin/luci/", admin.username, admin.password)


@pytest.fixture
def page(chromium: Browser, state: StorageState) -> Iterator[Page]:
    with context(chromium, storage_state=state) as held:
        page = held.new_page()
        note_dialogs(page)
        yield page


def open_page(page: Page, world: FactsWorld, name: str) -> Page:
    """A page of the menu."""
    page.add_init_script(path=FACTS / "page.js")
    page.goto(f"{world.url}/cgi-bin/luci/admin/facts/{name}")
    return page


@pytest.mark.parametrize("name", STATED)
def test_facts_of_the_client_api_hold(
    world: FactsWorld, chromium: Browser, state: StorageState, name: str
) -> None:
    locale = LOCALES.get(name, "en-US")
    with context(chromium, locale=locale, storage_state=state) as held:
        page = open_page(held.new_page(), world, "first")
        wait_for_view(page)
        answer_facts(page)
        stated = (FACTS / f"{name}.js").read_text()
        broken: list[Any] = page.evaluate(f"facts.hold({stated})")
    assert not broken, "\n".join(f"{name}: {why}" for name, why in broken)


# --- views ---


def notification(page: Page) -> tuple[str, str]:
    """Title and text."""
    box = page.locator("#maincontent > .alert-message.fade-in.danger")
    expect(box).to_be_visible()
    return box.locator("h4").inner_text(), box.locator("pre").inner_text()


def test_a_view_is_drawn_with_its_footer(world: FactsWorld, page: Page) -> None:
    heard = Heard(world.url, MEANT)
    heard.listen(page)
    open_page(page, world, "first")
    wait_for_view(page)
    expect(page.locator("#view > p")).to_have_text("first")
    footer = page.locator("#view > .cbi-page-actions")
    expect(footer.locator(".cbi-dropdown.cbi-button-apply li[data-value='0']")).to_have_text(
        "Save & Apply"
    )
    expect(footer.locator(".cbi-button-save")).to_have_text("Save")
    expect(footer.locator(".cbi-button-reset")).to_have_text("Reset")
    assert heard.troubles == []


def test_a_string_is_html_and_without_handlers_there_is_no_footer(
    world: FactsWorld, page: Page
) -> None:
    open_page(page, world, "second")
    expect(page.locator("#view > b")).to_have_text("HTML")
    expect(page.locator(".cbi-page-actions")).to_have_count(0)


def test_an_array_is_text_and_elements(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "array")
    expect(page.locator("#view > i")).to_have_count(1)
    assert page.locator("#view").evaluate("node => node.firstChild.data") == "a<b>"
    expect(page.locator(".cbi-button-reset")).to_have_count(0)


def test_no_content_still_has_a_footer(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "nothing")
    expect(page.locator("#view > .cbi-page-actions")).to_have_count(1)
    expect(page.locator("#view > *")).to_have_count(1)


def test_loading_stays_while_a_view_waits(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "waits")
    expect(page.locator("[data-indicator=poll-status]")).to_have_count(0)
    expect(page.locator("#view > .spinning")).to_have_text("Loading view…")


def test_a_throwing_view_keeps_loading_and_says_why(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "throws")
    title, text = notification(page)
    assert (title, "fault" in text) == ("TypeError", True)
    expect(page.locator("#view > .spinning")).to_have_count(1)


def test_a_rejection_with_text_is_the_title(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "rejects")
    title, text = notification(page)
    assert (title, "Unspecified error" in text) == ("only text", True)


@pytest.mark.parametrize(
    ("name", "title", "part"),
    [
        ("syntax", "SyntaxError", "view/facts/syntax.js"),
        ("nofile", "NetworkError", 'HTTP error 404 while loading class file "'),
        ("nodependency", "NetworkError", "facts/not_there.js"),
        ("noview", "TypeError", "is not a descendant of View"),
    ],
)
def test_a_view_that_cannot_be_made_leaves_nothing_but_the_reason(
    world: FactsWorld, page: Page, name: str, title: str, part: str
) -> None:
    open_page(page, world, name)
    given, text = notification(page)
    assert (given, part in text) == (title, True)
    expect(page.locator("#view > *")).to_have_count(0)


def test_a_page_without_right_or_condition_is_not_there(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "first")
    base = f"{world.url}/cgi-bin/luci/admin/facts"
    denied = page.request.get(f"{base}/denied")
    assert (denied.status, denied.text()) == (403, "")
    assert page.request.get(f"{base}/unsatisfied").status == 404
    menu = page.request.get(f"{world.url}/cgi-bin/luci/admin/menu").json()
    nodes = menu["children"]["admin"]["children"]["facts"]["children"]
    assert not nodes["denied"]["satisfied"]
    assert not nodes["unsatisfied"]["satisfied"]
    assert nodes["first"]["satisfied"]


def test_a_group_leads_to_its_first_page(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "")
    expect(page.locator("#view > b")).to_have_text("HTML")
    environment = page.evaluate("[ L.env.requestpath, L.env.dispatchpath, L.env.nodespec.title ]")
    assert environment == [["admin", "facts"], ["admin", "facts", "second"], "Second"]


# --- Save & Apply ---


class Traffic:
    """What a page asked of the server below /cgi-bin, with the random parts left out."""

    def __init__(self, page: Page) -> None:
        self.rows: list[tuple[str, str, int]] = []
        page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        path = answer.url.partition("/cgi-bin/")[2]
        if path:
            self.rows.append((answer.request.method, _without_ids(path), answer.status))


def _without_ids(path: str) -> str:
    name, _, query = path.partition("?")
    words = [part.partition("=")[0] for part in query.split("&") if "=" in part]
    return f"{name.rpartition('/')[2]}?{','.join(sorted(words))}"


def recorded(scenario: str) -> list[tuple[str, str, int]]:
    """The same of a recording with the real LuCI."""
    steps = json.loads((VECTORS / "luci/save-apply.json").read_text())["scenarios"][scenario]
    return [
        (step["method"], _without_ids(step["url"].partition("/cgi-bin/")[2]), step["status"])
        for step in steps
        if "/cgi-bin/" in (step.get("url") or "")
    ]


def _shape(rows: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Without the page that is loaded again, whose address is the test's."""
    return [row for row in rows if row[0] == "POST"]


def form_page(page: Page, world: FactsWorld, name: str) -> Page:
    """The form with its only field changed."""
    open_page(page, world, "form")
    wait_for_view(page)
    field = page.locator("[id='widget.cbid.facts.main.name']")
    field.fill(name)
    field.dispatch_event("change")
    return page


def dialog(page: Page) -> Locator:
    return page.locator(".modal")


def apply_button(page: Page) -> Locator:
    return page.locator(".cbi-page-actions .cbi-button-apply")


def test_save_stages_and_says_so(world: FactsWorld, page: Page) -> None:
    form_page(page, world, "staged")
    page.locator(".cbi-button-save").click()
    indicator = page.locator("[data-indicator=uci-changes]")
    expect(indicator).to_have_text("Unsaved Changes: 1", ignore_case=True)
    assert "staged" not in world.config()
    indicator.click()
    expect(dialog(page)).to_contain_text("uci set facts.main.name='staged'")
    traffic = Traffic(page)
    with loaded_again(page):
        dialog(page).locator(".cbi-button-reset").click()
    assert "Changes have been reverted." in said_in_dialogs(page)
    expect(indicator).to_have_count(0)
    assert _shape(traffic.rows) == _shape(recorded("revert"))


def test_save_and_apply_is_confirmed_and_loads_the_page_again(
    world: FactsWorld, page: Page
) -> None:
    form_page(page, world, "applied")
    traffic = Traffic(page)
    with loaded_again(page):
        apply_button(page).click()
    assert "Configuration changes applied." in said_in_dialogs(page)
    assert "applied" in world.config()
    assert _shape(traffic.rows) == _shape(recorded("save_apply"))


def test_nothing_to_apply_is_said_without_loading_again(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "form")
    wait_for_view(page)
    traffic = Traffic(page)
    apply_button(page).click()
    expect(dialog(page)).to_contain_text("There are no changes to apply")
    expect(page.locator("body")).not_to_have_class("modal-overlay-active")
    assert _shape(traffic.rows) == _shape(recorded("save_apply_nothing_changed"))


def test_unchecked_is_written_at_once(world: FactsWorld, page: Page) -> None:
    form_page(page, world, "unchecked")
    traffic = Traffic(page)
    apply_button(page).locator(".open").click()
    apply_button(page).locator("li[data-value='1']:visible").click()
    negative = page.locator(".cbi-page-actions .cbi-dropdown.cbi-button-negative")
    with loaded_again(page):
        negative.click(position={"x": 20, "y": 10})
    assert "Configuration changes applied." in said_in_dialogs(page)
    assert "unchecked" in world.config()
    assert _shape(traffic.rows) == _shape(recorded("apply_unchecked"))


def test_what_is_not_confirmed_is_undone_and_stays_pending(world: FactsWorld, page: Page) -> None:
    page.clock.install()
    form_page(page, world, "lost")
    page.route("**/admin/uci/confirm**", lambda route: route.abort())
    apply_button(page).click()
    expect(dialog(page)).to_contain_text("Applying configuration changes…")
    assert "lost" in world.config()
    page.clock.fast_forward(91_000)
    expect(dialog(page)).to_contain_text("Failed to confirm apply within 90s")
    world.clock.moved_s += 91
    page.unroute("**/admin/uci/confirm**")
    expect(dialog(page)).to_contain_text("have been rolled back!")
    assert "lost" not in world.config()
    buttons = dialog(page).locator(".button-row > button")
    expect(buttons).to_have_text(["Dismiss", "Revert changes", "Apply unchecked"])
    buttons.first.click()
    page.reload()
    wait_for_view(page)
    expect(page.locator("[id='widget.cbid.facts.main.name']")).to_have_value("lost")
    expect(page.locator("[data-indicator=uci-changes]")).to_have_text(
        "Unsaved Changes: 1", ignore_case=True
    )


# --- login ---


def test_the_login_is_lost_when_the_session_is_over(world: FactsWorld, page: Page) -> None:
    open_page(page, world, "first")
    wait_for_view(page)
    world.clock.moved_s += 4000
    page.evaluate("L.require('uci').then(uci => { uci.load('facts').catch(() => null) })")
    expect(dialog(page)).to_contain_text("Session expired")
    assert not page.evaluate("L.Poll.active()")
    assert page.request.get(page.url).status == 403
