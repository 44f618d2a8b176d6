# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration form in a real browser: edit, validate, save, apply, and the daemon reloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from luci.browser import Heard, loaded_again, note_dialogs, said_in_dialogs
from luci.site import Site
from remsim.config.values import MASK
from remsim_lab.lab import wait_for

IN_FORCE_LIMIT_S = 60.0  # the daemon answers in milliseconds; a busy machine does not
OPTION = "heartbeat.interval"
# LuCI asks a program for its peer's address; a router may lack it, which LuCI takes in its stride.
NO_PEER_PROGRAM = "404 (Executable not found)"


@pytest.fixture
def page(site: Site, chromium: Browser) -> Iterator[Page]:
    with site.context(chromium, site.users.admin, has_own_login=True) as held:
        heard = Heard(site.url, [NO_PEER_PROGRAM])
        heard.listen(held)
        note_dialogs(held)
        yield held
        assert heard.troubles == []


def field(page: Page, path: str) -> Locator:
    return page.locator(f"[id='widget.cbid.remsim.{path}']")


def row(page: Page, path: str) -> Locator:
    return page.locator(f"[data-field='cbid.remsim.{path}']")


def reveal(page: Page, path: str) -> Locator:
    """The field, with its tab open and expert options shown."""
    page.locator("#view .remsim-bar input[type=checkbox]").check()
    pane = row(page, path).locator("xpath=ancestor::*[@data-tab]").get_attribute("data-tab")
    page.locator(f".cbi-tabmenu [data-tab='{pane}'] a").click()
    return field(page, path)


def fill(page: Page, path: str, text: str) -> Locator:
    found = reveal(page, path)
    found.fill(text)
    found.blur()
    return found


def in_force(page: Page, path: str) -> Any:
    """What the daemon runs with; a secret comes masked."""
    return page.evaluate(
        "([ section, name ]) => L.require('remsim.rpc').then(api => api.config())"
        ".then(config => config.values[section][name])",
        path.split("."),
    )


def apply(page: Page) -> None:
    with loaded_again(page):
        page.locator(".cbi-page-actions .cbi-button-apply").first.click()
    assert "Configuration changes applied." in said_in_dialogs(page)


def wait_until_in_force(page: Page, path: str, value: object) -> None:
    wait_for(lambda: in_force(page, path) == value, f"{path} {value}", IN_FORCE_LIMIT_S)


def test_an_edit_is_saved_applied_and_the_daemon_reloads(site: Site, page: Page) -> None:
    site.open(page, "config")
    before = in_force(page, OPTION)
    wanted = 55 if before == 45 else 45
    fill(page, OPTION, str(wanted))
    page.locator(".cbi-button-save").click()
    indicator = page.locator("[data-indicator=uci-changes]")
    expect(indicator).to_be_visible()
    assert in_force(page, OPTION) == before
    apply(page)
    wait_until_in_force(page, OPTION, wanted)
    expect(indicator).to_have_count(0)
    expect(field(page, OPTION)).to_have_value(str(wanted))
    fill(page, OPTION, "")
    apply(page)
    wait_until_in_force(page, OPTION, 60)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("heartbeat.interval", "x"),
        ("heartbeat.interval", "99999"),
        ("ionmesh.port", "70000"),
        ("modem1.interface", "a name that is too long"),
        ("modem1.sim_switch_gpio", "gpiochip0"),
    ],
)
def test_a_bad_value_is_refused_at_its_field(site: Site, page: Page, path: str, text: str) -> None:
    site.open(page, "config")
    bad = fill(page, path, text)
    expect(bad).to_have_class("cbi-input-text cbi-input-invalid")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.locator(".cbi-button-save").click()
    expect(page.locator("#maincontent > .alert-message.error")).to_contain_text("Not saved.")
    expect(bad).to_be_focused()
    assert not any('"set"' in body for body in sent)


def test_values_that_contradict_each_other_are_refused_by_the_daemon(
    site: Site, page: Page
) -> None:
    site.open(page, "config")
    fill(page, "heartbeat.min_interval", "200")
    fill(page, "heartbeat.max_interval", "100")
    page.locator(".cbi-button-save").click()
    expect(page.locator("#maincontent > .alert-message.error")).to_contain_text("Not saved.")
    expect(page.locator(".remsim-refused").first).to_be_visible()
    expect(page.locator("[data-indicator=uci-changes]")).to_have_count(0)


def test_a_secret_is_stored_and_never_shown(site: Site, page: Page) -> None:
    site.open(page, "config")
    fill(page, "ionmesh.api_key", "do not show me")
    apply(page)
    shown = field(page, "ionmesh.api_key")
    expect(shown).to_have_value("")
    assert "do not show me" not in page.content()
    wait_until_in_force(page, "ionmesh.api_key", MASK)
    reveal(page, "ionmesh.api_key")
    page.locator("[data-widget-id='widget.cbid.remsim.ionmesh._forget_api_key']").check(force=True)
    apply(page)
    wait_until_in_force(page, "ionmesh.api_key", "")


def test_pending_changes_are_reverted(site: Site, page: Page) -> None:
    site.open(page, "config")
    stored = field(page, OPTION).input_value()
    fill(page, OPTION, "50")
    page.locator(".cbi-button-save").click()
    page.locator("[data-indicator=uci-changes]").click()
    expect(page.locator(".modal")).to_contain_text("uci set remsim.heartbeat.interval='50'")
    with loaded_again(page):
        page.locator(".modal .cbi-button-reset").click()
    expect(page.locator("[data-indicator=uci-changes]")).to_have_count(0)
    expect(field(page, OPTION)).to_have_value(stored)


def test_dependent_fields_come_and_go(site: Site, page: Page) -> None:
    site.open(page, "config")
    enabled = page.locator("[data-widget-id='widget.cbid.remsim.ionmesh.enabled']")
    reveal(page, "ionmesh.host")
    expect(row(page, "ionmesh.host")).to_be_visible()
    enabled.uncheck(force=True)
    expect(row(page, "ionmesh.host")).to_be_hidden()
    enabled.check(force=True)
    expect(row(page, "ionmesh.host")).to_be_visible()
