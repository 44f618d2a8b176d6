# SPDX-License-Identifier: GPL-2.0-or-later
"""What the client says about itself: the status of `remsim.client`, and its report to the daemon.

No secret and no card data but the ICCID and ATR. The report's values are texts, as the C client's
event variables are; `bank_state` is the word that the daemon looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remsim import __version__
from remsim.client_settings import ClientSettings
from remsim.rspro.link import Link, LinkState
from remsim.rspro.worker import Worker

CONNECTED = "CONNECTED"  # the C client's word for a link that is up


def full_status(worker: Worker, settings: ClientSettings, now: float) -> dict[str, Any]:
    """JSON for `ubus call remsim.client status`."""
    session = worker.session
    presence = worker.front_end.presence
    return {
        "version": __version__,
        "backend": settings.backend.value,
        "mode": "remsim-server" if settings.server is not None else "direct",
        "state": session.state.value,
        "state_age_s": round(now - session.state_since, 1),
        "client_slot": str(session.client_slot),
        "server": _link(session.server_link),
        "bank": {
            **_link(session.bank_link),
            "slot": str(session.bank.slot) if session.bank else None,
        },
        "card": {
            "present": session.has_card,
            "atr": session.atr.hex() if session.atr else None,
            "iccid": session.relay.selection.iccid,
        },
        "front_end": {
            "name": worker.front_end.name,
            "there": presence.is_there,
            "why_not": presence.why_not or None,
        },
        "sim_wanted": _sim_wanted(worker),
        "modem_resets": session.counters.modem_resets,
        "tpdus": _tpdus(worker),
        "cache": session.layer.status() if session.layer is not None else None,
        "latency_ms": latency_ms(worker),
        "errors": errors(worker),
    }


def variables(worker: Worker, settings: ClientSettings) -> Mapping[str, str]:
    """For the daemon's `client_event`."""
    session = worker.session
    presence = worker.front_end.presence
    counters = session.relay.counters
    p50, p99 = latency_ms(worker).values()
    return {
        "state": session.state.value,
        "bank_state": CONNECTED if session.bank_link.is_up else session.bank_link.state.value,
        "server_state": CONNECTED if session.server_link.is_up else session.server_link.state.value,
        "server": str(session.server_link.peer or ""),
        "bank": str(session.bank_link.peer or ""),
        "bank_slot": _slot(worker),
        "client_slot": str(session.client_slot),
        "card": "present" if session.has_card else "absent",
        "atr": session.atr.hex() if session.atr else "",
        "iccid": session.relay.selection.iccid or "",
        "front_end": worker.front_end.name,
        "front_end_why_not": presence.why_not,
        "sim_wanted": _sim_wanted(worker),
        "modem_resets": str(session.counters.modem_resets),
        "modem_reset_by": "front_end" if worker.modem_reset_by_front_end else "daemon",
        "tpdus": str(counters.commands),
        "errors": str(sum(errors(worker).values())),
        "latency_p50_ms": "" if p50 is None else f"{p50:.2f}",
        "latency_p99_ms": "" if p99 is None else f"{p99:.2f}",
        "failure": session.bank_link.last_reason or session.server_link.last_reason,
    }


def latency_ms(worker: Worker) -> dict[str, float | None]:
    latency = worker.session.latency
    return {
        name: None if seconds is None else round(seconds * 1000, 3)
        for name, seconds in (("p50", latency.percentile(50)), ("p99", latency.percentile(99)))
    }


def errors(worker: Worker) -> dict[str, int]:
    session, relay = worker.session, worker.session.relay.counters
    return {
        "nonsense": session.counters.nonsense + relay.nonsense,
        "unexpected": session.counters.unexpected + relay.unexpected,
        "rejected": session.counters.rejected,
        "ignored": session.counters.ignored,
        "dropped": relay.dropped,
        "lost": relay.lost,
    }


def _sim_wanted(worker: Worker) -> str:
    """A card that nothing can show to the modem is none."""
    is_shown = worker.session.has_card and worker.front_end.presence.is_there
    return "remote" if is_shown else "local"


def _slot(worker: Worker) -> str:
    return str(worker.session.bank.slot) if worker.session.bank else ""


def _tpdus(worker: Worker) -> dict[str, int]:
    relay = worker.session.relay
    return {
        "answered": relay.counters.commands,
        "waiting": relay.waiting,
        "repeated": relay.counters.repeated,
        "replayed": relay.counters.replayed,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "state": link.state.value,
        "peer": str(link.peer) if link.peer else None,
        "attempts": link.attempts,
        "failure": link.last_reason or None if link.state is not LinkState.UP else None,
    }
