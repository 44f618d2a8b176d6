# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of the pages, in a real browser over the lab's web: first content, cost of polls, leaks.

What is measured is the product's: the call behind a page and the page's own code. The browser and
the lab's web are other people's and their time is in the figures nevertheless. Playwright is loaded
only here and only when asked for.
"""

from __future__ import annotations

import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from remsim.model import Role
from remsim_lab import procfs
from remsim_lab.lab import Lab
from remsim_lab.web.wanted import WebWanted

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

OVERVIEW = "/cgi-bin/luci/admin/services/remsim/overview"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
HUNG_S = 8.0  # until the modems' silence has been noticed
LOADS = 7
WARM_UP = 200  # polls, until the browser has compiled and cached what it will
LEAK_BUDGET_MB = 1.0
CONTENT_BUDGET_MS = 100
POLL_BUDGET_PERCENT = 1.0

# Notes when the session is there (every module of the page is loaded then), when the first content
# is, and how many requests of the page went out between them. (LuCI's header has one of its own.)
_NOTE = """
(function() {
    const send = XMLHttpRequest.prototype.send, open = XMLHttpRequest.prototype.open;
    window.benchCalls = 0;
    XMLHttpRequest.prototype.open = function(method, url) {
        this.benchIsCall = String(url).includes('/ubus');
        return open.apply(this, arguments);
    };
    XMLHttpRequest.prototype.send = function(body) {
        const isOurs = this.benchIsCall && String(body).includes('luci.remsim');
        const isAsked = window.benchBegan && !window.benchEnded && isOurs;
        window.benchCalls += isAsked ? 1 : 0;
        return send.apply(this, arguments);
    };
    document.addEventListener('luci-loaded', () => { window.benchBegan = performance.now() });
    document.addEventListener('DOMContentLoaded', () => {
        new MutationObserver(() => {
            if (!window.benchEnded && document.querySelector('#view .remsim-picture'))
                window.benchEnded = performance.now();
        }).observe(document.body, { childList: true, subtree: true });
    });
})();
"""
# Calls every polled function `count` times, each after the one before.
_POLL = """
async count => {
    const calls = L.Poll.queue.map(entry =>
        Object.values(entry).find(value => typeof(value) == 'function'));
    L.Poll.stop();
    for (let i = 0; i < count; i++)
        await Promise.all(calls.map(call => call()));
}
"""


class Row(NamedTuple):
    """As a Figure of the bench takes it."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    against: str | None = None


class Counts(NamedTuple):
    """What a page holds after its garbage was collected."""

    heap_bytes: float
    nodes: float
    listeners: float


def measure(lab: Lab, watch_s: float, polls: int) -> Iterator[Row]:
    lab.serve_pages(WebWanted())
    lab.wait_until_active()
    with _overview(lab) as page:
        yield from _first_content(lab, page)
        yield from _poll_cost(lab, page, watch_s)
        yield from _leaks(page, polls)


@contextmanager
def _overview(lab: Lab) -> Iterator[Page]:
    """A browser that is logged in and shows the overview."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        page = browser.new_page()
        page.add_init_script(_NOTE)
        page.goto(lab.url + OVERVIEW)
        page.locator("#luci_username").fill(lab.users.admin.username)
        page.locator("#luci_password").fill(lab.users.admin.password)
        page.locator("button").click()
        page.wait_for_selector("#view .remsim-picture")
        yield page
        browser.close()


def _first_content(lab: Lab, page: Page) -> Iterator[Row]:
    """Both modems hung, the server unreachable."""
    for role in Role:
        lab.fail(role.value, "hang", _nobody)
    lab.fail("ionmesh", "down", _nobody)
    try:
        threading.Event().wait(HUNG_S)
        times, calls = zip(*(_load(page) for _ in range(LOADS)), strict=True)
    finally:
        lab.restore(None, _nobody)
    yield Row(
        "Overview, modems hung: session to first content",
        statistics.median(times),
        "ms",
        CONTENT_BUDGET_MS,
    )
    yield Row("Overview: requests before the first content", max(calls), "", 1)


def _load(page: Page) -> tuple[float, int]:
    """(ms from the session to the first content, calls between)"""
    page.reload()
    page.wait_for_function("() => window.benchEnded")
    took_ms, calls = page.evaluate("[ benchEnded - benchBegan, benchCalls ]")
    return float(took_ms), int(calls)


def _poll_cost(lab: Lab, page: Page, watch_s: float) -> Iterator[Row]:
    """The daemon's share of a core while one page asks every 5 s, and without it."""
    lab.wait_until_active()
    page.reload()
    page.wait_for_selector("#view .remsim-picture")
    polled = _cpu_percent(lab, watch_s)
    page.evaluate("L.Poll.stop()")
    quiet = _cpu_percent(lab, watch_s)
    yield Row(
        "daemon: CPU for a page that polls every 5 s",
        max(0.0, polled - quiet),
        "%",
        POLL_BUDGET_PERCENT,
        f"without it: {quiet:.2f} %",
    )


def _cpu_percent(lab: Lab, watch_s: float) -> float:
    pid = lab.remsimd.pid
    if pid is None:
        raise SystemExit("the daemon is not running")
    before = procfs.usage(pid)
    threading.Event().wait(watch_s)
    return procfs.between(before, procfs.usage(pid)).cpu_percent


def _leaks(page: Page, polls: int) -> Iterator[Row]:
    page.reload()
    page.wait_for_selector("#view .remsim-picture")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate(_POLL, WARM_UP)
    before = _counts(session)
    page.evaluate(_POLL, polls)
    after = _counts(session)
    grown = (after.heap_bytes - before.heap_bytes) / 1e6
    yield Row(f"Overview: memory grown in {polls} polls", grown, "MB", LEAK_BUDGET_MB)
    yield Row("Overview: nodes grown", after.nodes - before.nodes, "", 50)
    yield Row("Overview: listeners grown", after.listeners - before.listeners, "", 20)


def _counts(session: CDPSession) -> Counts:
    session.send("HeapProfiler.collectGarbage")
    rows = session.send("Performance.getMetrics")["metrics"]
    held = {row["name"]: float(row["value"]) for row in rows}
    return Counts(held["JSHeapUsedSize"], held["Nodes"], held["JSEventListeners"])


def _nobody(_line: str) -> None:
    """The rows are what is shown."""
