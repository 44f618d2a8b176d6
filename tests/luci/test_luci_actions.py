# SPDX-License-Identifier: GPL-2.0-or-later
"""Each button through its job to its result, in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from luci.browser import Heard
from luci.site import Hands, Site

JOB_LIMIT_MS = 180_000  # a modem's reset and boot at the lab's speed, on a busy machine
STILL = re.compile("modal-overlay-active")


@pytest.fixture
def page(site: Site, chromium: Browser) -> Iterator[Page]:
    if site.hands is not None:
        site.hands.settle()
    with site.context(chromium, site.users.admin) as held:
        heard = Heard(site.url)
        heard.listen(held)
        yield held
        assert heard.troubles == []


def start(page: Page, button: str, choice: str | None = None) -> Locator:
    """Press, choose, confirm; the dialog that shows the job."""
    page.locator(f"#view [data-key='{button}']").click()
    dialog = page.locator(".modal")
    expect(dialog.locator("p").first).not_to_be_empty()
    if choice is not None:
        dialog.locator(f"input[value='{choice}']").check()
    dialog.locator(".right button").last.click()
    return dialog


def finished(dialog: Locator) -> str:
    """What a job that ended well says."""
    state = dialog.locator("[role=status]")
    expect(state).to_contain_text(re.compile("(Done|Failed) after"), timeout=JOB_LIMIT_MS)
    text = dialog.inner_text()
    assert "Done after" in text
    dialog.locator(".right button", has_text="Close").click()
    expect(dialog.page.locator("body")).not_to_have_class(STILL)
    return text


def test_nothing_happens_without_a_confirmation(site: Site, page: Page) -> None:
    site.open(page, "overview")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.locator("[data-key=reset-modem1]").click()
    page.locator(".modal button", has_text="Cancel").click()
    expect(page.locator("body")).not_to_have_class(STILL)
    assert not any('"reset"' in body and '"call"' in body for body in asked)


def test_a_heartbeat_is_sent_and_its_result_shown(site: Site, page: Page) -> None:
    site.open(page, "overview")
    text = finished(start(page, "Send heartbeat…"))
    assert "Round trip" in text
    assert re.search(r"\d ms", text)


def test_registering_again_shows_the_assignment(site: Site, page: Page) -> None:
    site.open(page, "overview")
    text = finished(start(page, "Register again…"))
    assert "Bank" in text
    expect(page.locator("[data-key=bank]")).to_contain_text("assigned")


def test_the_sim_is_switched_and_read(site: Site, page: Page) -> None:
    site.open(page, "overview")
    text = finished(start(page, "sim-modem1", "local"))
    assert "ICCID" in text
    expect(page.locator("[data-key=modem1]")).to_contain_text("own card")


def test_a_switch_that_is_not_possible_says_why(site: Site, page: Page, hands: Hands) -> None:
    """The lab's router has no card front-end, so no bank can reach the modem's slot."""
    site.open(page, "overview")
    state = start(page, "sim-modem1", "remote").locator("[role=status]")
    expect(state).to_contain_text("no card front-end is configured")
    page.locator(".modal .right button", has_text="Close").click()


@pytest.mark.parametrize("modem", ["modem1", "modem2"])
def test_a_modem_is_reset_step_by_step(site: Site, page: Page, modem: str) -> None:
    site.open(page, "overview")
    text = finished(start(page, f"reset-{modem}"))
    assert "Step" in text


def test_a_modem_is_reset_by_the_chosen_step(site: Site, page: Page) -> None:
    site.open(page, "modems")
    text = finished(start(page, "reset-modem2", "radio"))
    assert "radio off and on" in text


def test_an_at_command_is_answered_in_the_console(site: Site, page: Page) -> None:
    site.open(page, "modems")
    page.locator("#remsim-at").fill("AT+CGMM")
    page.locator("#remsim-at").press("Enter")
    console = page.locator(".remsim-console")
    expect(console).to_contain_text("modem1> AT+CGMM")
    expect(console).to_contain_text("FM350", timeout=JOB_LIMIT_MS)


def test_a_refused_at_command_says_why(site: Site, page: Page, hands: Hands) -> None:
    site.open(page, "modems")
    page.locator("#remsim-at").fill("AT+NONSENSE")
    page.locator("form.remsim-bar button").click()
    console = page.locator(".remsim-console")
    expect(console).to_contain_text("Failed after", timeout=JOB_LIMIT_MS)


@contextmanager
def news_of_jobs_held(page: Page) -> Iterator[None]:
    """No page learns how a job stands meanwhile; it may have ended long before."""
    held: list[Route] = []
    is_holding = True

    def hold(route: Route) -> None:
        if is_holding and '"job"' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/ubus/**", hold)  # to the page's end: a request on its way while it ends is lost
    yield
    is_holding = False
    for route in held:
        route.continue_()


def test_a_job_outlives_its_dialog_and_says_so(site: Site, page: Page) -> None:
    site.open(page, "overview")
    with news_of_jobs_held(page):
        dialog = start(page, "reset-modem2")
        dialog.locator(".right button", has_text="Close").click()
        expect(page.locator("body")).not_to_have_class(STILL)
    notification = page.locator("#maincontent > .alert-message", has_text="Done after")
    expect(notification).to_be_visible(timeout=JOB_LIMIT_MS)


def test_history_is_drawn_for_each_window(site: Site, page: Page) -> None:
    site.open(page, "modems")
    for name in ("Hour", "Week", "Month", "Day"):
        page.get_by_role("button", name=name, exact=True).click()
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".remsim-charts, [data-key=none]")).to_be_visible()


def test_the_log_is_filtered_and_saved(site: Site, page: Page) -> None:
    site.open(page, "log")
    rows = page.locator("[data-key=events] tr:not(.table-titles)")
    everything = rows.count()
    page.locator("select[name=kind]").select_option("assignment")
    expect(rows).not_to_have_count(everything)
    assert rows.count() > 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    saved = list(csv.reader(io.StringIO(_text(download.value.path()))))
    assert saved[0] == ["seq", "time", "uptime_s", "kind", "modem", "text"]
    assert {row[3] for row in saved[1:]} == {"assignment"}
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    assert len(json.loads(_text(download.value.path()))) == len(saved) - 1


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
