# SPDX-License-Identifier: GPL-2.0-or-later
"""Events of the remote-SIM client, settled. Pure.

The C client starts its event script detached and never waits: the calls of several events overlap
and come in any order. So a single call decides nothing: events are collected until none has come
for a moment, put into the order of their starts, and the state that results is what counts.
Source: osmo-remsim 1.1.3, observed; the causes are listed in its manual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from remsim.model import SimSource
from remsim.state import ClientReport

SETTLE_S = 1.0  # no further event for this long: what there is, is the state
KEPT = 64  # events of one burst; a mapping move makes six
VALUES_KEPT = 64  # names of the client's last word; the C client has about 20

# The C client runs the requests of a lost bank while its variables still say CONNECTED (recorded),
# so for a request its name counts and for everything else the state.
_BANK_UP = ("event-bankd-connect", "request-sim-remote", "request-card-insert")
_BANK_DOWN = ("request-card-remove", "request-sim-local")
_SIM_REQUESTS = {
    "request-sim-remote": SimSource.REMOTE,
    "request-sim-local": SimSource.LOCAL,
    "remote": SimSource.REMOTE,  # the native client's words
    "local": SimSource.LOCAL,
}


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """One call of the event script (or of the native client). `started`: seconds since boot."""

    cause: str
    variables: tuple[tuple[str, str], ...] = ()
    started: float = 0.0
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Settling:
    """Events of a burst, not yet acted upon. `due_at` is when they count."""

    events: tuple[ClientEvent, ...] = ()
    due_at: float | None = None


def collect(settling: Settling, event: ClientEvent, now: float) -> Settling:
    return Settling((*settling.events, event)[-KEPT:], now + SETTLE_S)


def settle(settling: Settling, before: ClientReport, now: float) -> tuple[Settling, ClientReport]:
    """The report that results, whatever order the calls came in."""
    if settling.due_at is None or now < settling.due_at:
        return settling, before
    # One process reports in order, several times within the 10 ms that uptime tells apart.
    ordered = sorted(settling.events, key=lambda event: (event.started, event.pid))
    report = before
    for event in ordered:
        report = _applied(report, event)
    return Settling(), replace(report, at=now)


def _applied(report: ClientReport, event: ClientEvent) -> ClientReport:
    variables = dict(event.variables)
    bank = variables.get("REMSIM_BANKD_STATE", variables.get("bank_state", ""))
    connected = report.bank_connected
    if event.cause in _BANK_UP:
        connected = True
    elif event.cause in _BANK_DOWN:
        connected = False
    elif bank and not event.cause.startswith("request-"):
        connected = bank.upper() == "CONNECTED"
    state = variables.get("REMSIM_SERVER_STATE", variables.get("state", report.state))
    values = {**dict(report.values), **{name.lower(): text for name, text in event.variables}}
    asked = variables.get("sim_wanted", event.cause)
    resets = variables.get("modem_resets", "")
    by_daemon = variables.get("modem_reset_by", "daemon") == "daemon"
    return ClientReport(
        cause=event.cause,
        state=state.lower(),
        bank_connected=connected,
        sim_wanted=_SIM_REQUESTS.get(asked, report.sim_wanted),
        modem_resets=int(resets) if resets.isdecimal() and by_daemon else report.modem_resets,
        pid=event.pid if resets.isdecimal() else report.pid,
        at=report.at,
        values=tuple(values.items())[-VALUES_KEPT:],
    )
