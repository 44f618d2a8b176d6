# SPDX-License-Identifier: GPL-2.0-or-later
"""Who sees what, and what a page shows while nothing answers; in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from luci.browser import Heard, context, log_in, wait_for_view
from luci.looks import LOOKS, overflowing, violations
from luci.site import OURS, Hands, Site

HEAL_MS = 180_000  # a modem found failed at the lab's speed, and a poll, on a busy machine
DESK_LIGHT, PHONE_DARK = LOOKS[0], LOOKS[-1]
POLL_MS = 5_000  # a page asks again, by its own clock


@pytest.fixture
def viewer(site: Site, chromium: Browser) -> Iterator[Page]:
    with site.context(chromium, site.users.viewer) as page:
        yield page


@pytest.fixture
def admin(site: Site, chromium: Browser) -> Iterator[Page]:
    with site.context(chromium, site.users.admin) as page:
        yield page


# --- login ---


def test_a_wrong_password_is_said_and_leads_nowhere(site: Site, chromium: Browser) -> None:
    with context(chromium) as held:
        page = held.new_page()
        answer = log_in(page, site.address("overview"), site.users.admin.username, "wrong")
        assert answer is not None
        assert answer.status == 403
        expect(page.locator("body")).to_contain_text("Invalid username and/or password!")
        assert page.locator("#topmenu li").count() == 0


def test_a_login_leads_to_the_page_that_was_asked_for(site: Site, chromium: Browser) -> None:
    with context(chromium) as held:
        page = held.new_page()
        admin = site.users.admin
        log_in(page, site.address("log"), admin.username, admin.password)
        assert page.url == site.address("log")
        wait_for_view(page)
        cookie = next(each for each in held.cookies() if each["name"] == "sysauth_http")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        page.goto(site.address("logout"))
        assert "sysauth_http" not in {each["name"] for each in held.cookies()}
        page.goto(site.address("log"))
        expect(page.locator("[name=luci_password]")).to_be_attached()


# --- the role that sees ---


def test_the_viewer_sees_the_state_and_no_button_that_acts(site: Site, viewer: Page) -> None:
    heard = Heard(site.url)
    heard.listen(viewer)
    site.open(viewer, "overview")
    expect(viewer.locator("#view")).to_contain_text("connected")
    expect(viewer.locator("#view .remsim-actions button")).to_have_count(0)
    site.open(viewer, "modems")
    expect(viewer.locator("#view .remsim-actions button")).to_have_count(0)
    expect(viewer.locator(".remsim-console")).to_have_count(0)
    site.open(viewer, "log")
    expect(viewer.locator("[data-key=events]")).to_be_visible()
    assert heard.troubles == []


def test_the_viewer_has_no_configuration(site: Site, viewer: Page) -> None:
    site.open(viewer, "overview")
    expect(viewer.locator("#tabmenu a")).to_have_text(["Overview", "Modems", "Log"])
    assert viewer.request.get(site.address("config")).status == 403


def test_the_viewers_calls_of_what_acts_are_refused(site: Site, viewer: Page) -> None:
    site.open(viewer, "overview")
    for call in ("heartbeat()", "reset('modem1')", "at('modem1', 'ATI')", "config()"):
        said = viewer.evaluate(
            "L.require('remsim.rpc')"
            f".then(api => api.{call}).then(() => 'done', error => error.message)"
        )
        assert "-32002" in said
    assert not viewer.evaluate("document.body.classList.contains('modal-overlay-active')")


# --- nothing answers ---


def test_a_killed_daemon_is_said_and_the_page_heals_by_itself(
    site: Site, admin: Page, hands: Hands
) -> None:
    heard = Heard(site.url)
    heard.listen(admin)
    admin.clock.install()
    site.open(admin, "overview")
    banner = admin.locator("#view [role=alert]")
    expect(admin.locator("[data-key=modem1]")).to_contain_text("connected")
    with hands.daemon_killed():
        admin.clock.run_for(POLL_MS)
        expect(banner).to_contain_text("The service remsim does not answer")
        expect(banner).to_contain_text("What is shown below was answered")
        expect(admin.locator("[data-key=modem1]")).to_contain_text("connected")
    admin.clock.run_for(POLL_MS)
    expect(banner).to_be_empty()
    assert heard.troubles == []


@pytest.mark.parametrize("name", OURS)
def test_a_page_opened_without_a_daemon_says_so(
    site: Site, chromium: Browser, hands: Hands, name: str
) -> None:
    if name == "config":
        wanted = "does not answer"
    else:
        wanted = "The service remsim does not answer"
    with hands.daemon_killed():
        for look in (DESK_LIGHT, PHONE_DARK):
            with site.context(chromium, site.users.admin, **look.options) as page:
                site.open(page, name)
                expect(page.locator("#view")).to_contain_text(wanted)
                assert overflowing(page) == []
                assert violations(page) == []


def test_a_lost_router_is_said_and_the_page_heals(site: Site, admin: Page, hands: Hands) -> None:
    admin.clock.install()
    site.open(admin, "overview")
    banner = admin.locator("#view [role=alert]")
    admin.route("**/ubus/**", lambda route: route.abort())
    admin.clock.run_for(POLL_MS)
    expect(banner).to_contain_text("The router does not answer.")
    admin.unroute("**/ubus/**")
    admin.clock.run_for(POLL_MS)
    expect(banner).to_be_empty()


def test_a_failed_modem_is_shown_with_its_reason(site: Site, admin: Page, hands: Hands) -> None:
    site.open(admin, "overview")
    with hands.failed("modem1", "signal"):
        card = admin.locator("[data-key=modem1]")
        expect(card).not_to_contain_text(re.compile("connected"), timeout=HEAL_MS)
        expect(admin.locator("[data-key=concerns]")).to_be_visible(timeout=HEAL_MS)
