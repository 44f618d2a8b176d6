# SPDX-License-Identifier: GPL-2.0-or-later
"""One browser and one router for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from luci.browser import launch
from luci.site import URL, Hands, Site
from luci.site import site as open_site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as held:
        yield held


@pytest.fixture
def hands(site: Site) -> Hands:
    assert site.hands is not None
    return site.hands


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The router and the browser live to the session's end, so what needs them comes last.

    Nothing is broken on a router that is not ours.
    """
    items.sort(key=lambda item: "site" in getattr(item, "fixturenames", ()))
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))  # counted and said as "rerun"
    if URL is None:
        return
    kept = [item for item in items if "hands" not in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
