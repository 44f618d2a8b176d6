# SPDX-License-Identifier: GPL-2.0-or-later
"""One connection of the client, to the server or to a bank: a transition table and its actions.

Pure: octets and moments (monotonic seconds) in, actions out. Nothing outside `_step` changes the
state, and a pair that the table does not list changes nothing. Differences from the C client
(docs/rspro.md): back-off with jitter, PING only when nothing was heard for the interval, no final
state after a stranger, a connection kept for a while after cardNotPresent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from remsim.errors import RsproNonsense
from remsim.rspro import framing
from remsim.rspro.actions import Action, Close, Connect, LinkName, Send
from remsim.rspro.messages import (
    ClientSlot,
    Component,
    ConnectClientReq,
    ConnectClientRes,
    Identity,
    Message,
    Pdu,
    Result,
)

CONNECT_LIMIT_S = 10.0  # T2 of the C client: one TCP attempt
GREETING_LIMIT_S = 10.0  # T1: connectClientRes is due; the server itself waits 10 s for the request
PONG_LIMIT_S = 10.0
DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # from the start of the previous attempt
JITTER = 0.25  # of the delay, either way
LASTED_S = 32.0  # an attempt that led to a connection of this age starts the delays anew
PATIENCE_S = 12.0  # the bank looks again for mapping and card every 10 s on a kept connection
UNSEEN_S = -1e9


class LinkState(Enum):
    IDLE = "idle"
    WAITING = "waiting"  # for the moment of the next attempt
    CONNECTING = "connecting"
    GREETING = "greeting"  # connectClientReq is sent
    REFUSED = "refused"  # the bank has no card for us, but may get one on this connection
    UP = "up"


class LinkEvent(Enum):
    OPEN = "open"
    SHUT = "shut"
    DUE = "due"
    TCP_UP = "tcp_up"
    TCP_DOWN = "tcp_down"
    ACCEPTED = "accepted"
    DENIED = "denied"
    NO_CARD = "no_card"
    STRANGER = "stranger"
    SILENT = "silent"  # no PONG, or no answer to a command


class News(Enum):
    """What a link tells its session."""

    UP = "up"
    LOST = "lost"
    FAILED = "failed"  # an attempt came to nothing


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_S, _E = LinkState, LinkEvent
_WAIT = ("back_off", "tell_failed")
_CLOSE_AND_WAIT = ("close", *_WAIT)

TABLE: Mapping[tuple[LinkState, LinkEvent], tuple[LinkState, tuple[str, ...]]] = MappingProxyType(
    {
        **{(state, _E.OPEN): (_S.WAITING, ("close", "start_over")) for state in _S},
        **{(state, _E.SHUT): (_S.IDLE, ("close", "tell_lost")) for state in _S},
        (_S.WAITING, _E.DUE): (_S.CONNECTING, ("connect",)),
        (_S.CONNECTING, _E.TCP_UP): (_S.GREETING, ("greet",)),
        (_S.CONNECTING, _E.TCP_DOWN): (_S.WAITING, _WAIT),
        (_S.CONNECTING, _E.DUE): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.GREETING, _E.ACCEPTED): (_S.UP, ("tell_up",)),
        (_S.GREETING, _E.NO_CARD): (_S.REFUSED, ("be_patient", "tell_failed")),
        (_S.GREETING, _E.DENIED): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.GREETING, _E.STRANGER): (_S.WAITING, ("close", "back_off_far", "tell_failed")),
        (_S.GREETING, _E.TCP_DOWN): (_S.WAITING, _WAIT),
        (_S.GREETING, _E.DUE): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.GREETING, _E.SILENT): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.REFUSED, _E.ACCEPTED): (_S.UP, ("tell_up",)),
        (_S.REFUSED, _E.TCP_DOWN): (_S.WAITING, _WAIT),
        (_S.REFUSED, _E.DUE): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.REFUSED, _E.SILENT): (_S.WAITING, _CLOSE_AND_WAIT),
        (_S.UP, _E.TCP_DOWN): (_S.WAITING, ("back_off", "tell_lost")),
        (_S.UP, _E.SILENT): (_S.WAITING, ("close", "back_off", "tell_lost")),
    }
)


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """`keepalive_s` is the silence after which a PING goes out; 0 sends none. `max_delay_s` ends
    the back-off's growth; `spread_s` is what the first attempt after a loss is spread over.
    """

    name: LinkName
    peer_type: Component
    identity: Identity
    keepalive_s: float
    max_delay_s: float = DELAYS_S[-1]
    spread_s: float = 0.0


class Link:
    """`emit` takes actions, `tell` takes news; `dice()` is uniform in 0..1."""

    def __init__(
        self,
        settings: LinkSettings,
        emit: Callable[[Action], None],
        tell: Callable[[LinkName, News, str], None],
        dice: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.state = LinkState.IDLE
        self.peer: Endpoint | None = None
        self.client_slot = ClientSlot(0, 0)  # the one this connection was opened with
        self.attempts = 0
        self.last_reason = ""
        self.is_orphaned = False  # the last connection that was up ended without the peer's word
        self.max_delay_s = settings.max_delay_s
        self._wanted_slot = self.client_slot
        self._emit = emit
        self._tell = tell
        self._dice = dice
        self._reader = framing.FrameReader()
        self._due_at: float | None = None
        self._step_number = 0
        self._started_at = UNSEEN_S
        self._heard_at = UNSEEN_S
        self._pinged_at: float | None = None
        self._is_peers_word = False
        self._is_path_lost = False
        self._now = 0.0

    # --- orders of the session --------------------------------------------------------------------

    def open(
        self, peer: Endpoint, client_slot: ClientSlot, now: float, is_path_lost: bool = False
    ) -> None:
        """Connect to `peer` at once, whatever was before. `is_path_lost`: the old connection's end
        will perhaps never reach the peer.
        """
        self.peer = peer
        self._wanted_slot = client_slot
        self._is_path_lost = is_path_lost
        self._step(LinkEvent.OPEN, now, "")

    def shut(self, now: float, reason: str) -> None:
        self._step(LinkEvent.SHUT, now, reason)

    def give_up(self, now: float, reason: str) -> None:
        """The peer is no use any more (a command is never answered): close and come again."""
        self._step(LinkEvent.SILENT, now, reason)

    def hurry(self, now: float) -> None:
        """Try at once if the link is down: something changed for the better."""
        if self.peer is not None and self.state in (LinkState.WAITING, LinkState.REFUSED):
            self._step(LinkEvent.OPEN, now, "")

    def rename(self, client_slot: ClientSlot) -> None:
        """The slot to come with at the next connection."""
        self._wanted_slot = client_slot

    def send(self, frame: bytes) -> None:
        self._emit(Send(self.settings.name, frame))

    def probe(self, now: float) -> None:
        """Ask for a sign of life, whatever the keep-alive interval."""
        if self._pinged_at is None and self.is_connected:
            self._ping(now)

    @property
    def awaits_pong(self) -> bool:
        return self._pinged_at is not None

    @property
    def heard_at(self) -> float:
        """When the last octets came."""
        return self._heard_at

    # --- events -----------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        return self.state is LinkState.UP

    @property
    def is_connected(self) -> bool:
        return self.state in (LinkState.GREETING, LinkState.REFUSED, LinkState.UP)

    @property
    def deadline(self) -> float | None:
        """When `tick()` is wanted next."""
        moments = [moment for moment in (self._due_at, self._sign_due_at) if moment is not None]
        return min(moments, default=None)

    @property
    def _sign_due_at(self) -> float | None:
        if not self.is_connected:
            return None
        if self._pinged_at is not None:
            return self._pinged_at + PONG_LIMIT_S
        return self._heard_at + self.settings.keepalive_s if self.settings.keepalive_s else None

    def connected(self, now: float) -> None:
        self._step(LinkEvent.TCP_UP, now, "")

    def closed(self, now: float, reason: str, by_peer: bool = True) -> None:
        """TCP was refused, or ended: by the peer's own word, or because nothing passed any more."""
        self._is_peers_word = by_peer
        self._step(LinkEvent.TCP_DOWN, now, reason)
        self._is_peers_word = False

    def tick(self, now: float) -> None:
        if self._due_at is not None and now >= self._due_at:
            limit = "no answer to the connect request" if self.is_connected else "no connection"
            self._step(LinkEvent.DUE, now, limit)
        sign_due_at = self._sign_due_at
        if sign_due_at is None or now < sign_due_at:
            return
        if self._pinged_at is None:
            self._ping(now)
        else:
            self._step(LinkEvent.SILENT, now, f"no PONG within {PONG_LIMIT_S:.0f} s")

    def feed(self, octets: bytes, now: float) -> list[bytes]:
        """RSPRO frames out of what arrived. Keep-alive is dealt with here."""
        self._heard_at = now
        self._pinged_at = None
        frames = self._reader.feed(octets)
        if len(frames) == 1 and framing.is_rspro(frames[0]):
            return frames
        return [whole for whole in frames if not self._is_connection_management(whole)]

    @property
    def nonsense(self) -> RsproNonsense | None:
        """Set when the stream can no longer be cut into frames."""
        return self._reader.nonsense

    def greeted(self, answer: ConnectClientRes, now: float) -> None:
        """connectClientRes; only the first one of a connection counts."""
        if answer.identity.type != self.settings.peer_type:
            self._step(LinkEvent.STRANGER, now, f"the peer is a {_word(answer.identity.type)}")
        elif answer.result == Result.OK:
            self._step(LinkEvent.ACCEPTED, now, "")
        elif answer.result == Result.CARD_NOT_PRESENT:
            self._step(LinkEvent.NO_CARD, now, "card not present")
        else:
            self._step(LinkEvent.DENIED, now, _word(answer.result))

    def card_came(self, now: float) -> None:
        """A refused connection is as good as accepted once an ATR arrives on it."""
        if self.state is LinkState.REFUSED:
            self._step(LinkEvent.ACCEPTED, now, "")

    # --- the machine ------------------------------------------------------------------------------

    def _step(self, event: LinkEvent, now: float, reason: str) -> None:
        move = TABLE.get((self.state, event))
        if move is None:
            return
        self._now = now
        self._due_at = None
        if reason:
            self.last_reason = reason
        previous, (self.state, todo) = self.state, move
        for name in todo:
            _DO[name](self, previous)

    def _do_close(self, previous: LinkState) -> None:
        if previous not in (LinkState.IDLE, LinkState.WAITING):
            self._emit(Close(self.settings.name))

    def _do_start_over(self, previous: LinkState) -> None:
        self._step_number = 0
        self._due_at = self._now
        if previous is LinkState.UP:
            self.is_orphaned = self._is_path_lost
            self._tell(self.settings.name, News.LOST, "connecting anew")

    def _do_connect(self, _: LinkState) -> None:
        if self.peer is None:
            return
        self._started_at = self._now
        self._due_at = self._now + CONNECT_LIMIT_S
        self.attempts += 1
        self._emit(Connect(self.settings.name, self.peer.host, self.peer.port))

    def _do_greet(self, _: LinkState) -> None:
        self._reader = framing.FrameReader()
        self._due_at = self._now + GREETING_LIMIT_S
        self._heard_at = self._now
        self._pinged_at = None
        self.client_slot = self._wanted_slot
        if self.settings.keepalive_s:
            self._ping(self._now)
        request: Message = ConnectClientReq(self.settings.identity, self.client_slot)
        self.send(framing.frame(Pdu(request)))

    def _do_be_patient(self, _: LinkState) -> None:
        """Short at first: a mapping that is made on a kept connection brings no ATR."""
        self._due_at = self._now + min(PATIENCE_S, self._delay_s(self._step_number + 1))

    def _do_back_off(self, previous: LinkState) -> None:
        lasted = self._now - self._started_at > LASTED_S
        self._step_number = 0 if lasted and previous is LinkState.UP else self._step_number
        spread_s = self.settings.spread_s * self._dice() if previous is LinkState.UP else 0.0
        self._wait(self._delay_s(self._step_number), spread_s)
        self._step_number += 1

    def _do_back_off_far(self, _: LinkState) -> None:
        self._wait(self.max_delay_s, 0.0)

    def _delay_s(self, step_number: int) -> float:
        return min(DELAYS_S[min(step_number, len(DELAYS_S) - 1)], self.max_delay_s)

    def _wait(self, delay_s: float, spread_s: float) -> None:
        jittered_s = delay_s * (1 - JITTER + 2 * JITTER * self._dice()) + spread_s
        self._due_at = max(self._now + spread_s, self._started_at + jittered_s)

    def _do_tell_up(self, _: LinkState) -> None:
        self.last_reason = ""
        self.is_orphaned = False
        self._tell(self.settings.name, News.UP, "")

    def _do_tell_failed(self, _: LinkState) -> None:
        self._tell(self.settings.name, News.FAILED, self.last_reason)

    def _do_tell_lost(self, previous: LinkState) -> None:
        if previous is LinkState.UP:
            self.is_orphaned = not self._is_peers_word
            self._tell(self.settings.name, News.LOST, self.last_reason)

    # --- keep-alive -------------------------------------------------------------------------------

    def _ping(self, now: float) -> None:
        self._pinged_at = now
        self.send(framing.PING)

    def _is_connection_management(self, whole: bytes) -> bool:
        kind = framing.ccm_of(whole)
        if kind == framing.Ccm.PING:
            self.send(framing.PONG)
        elif kind == framing.Ccm.IDENTITY_REQUEST:
            self.send(framing.identity_response(self.settings.identity.name))
        return kind is not None


_DO: Mapping[str, Callable[[Link, LinkState], None]] = MappingProxyType(
    {
        name.removeprefix("_do_"): method
        for name, method in vars(Link).items()
        if name.startswith("_do_")
    }
)


def _word(value: int) -> str:
    """ "identity in use" for Result.IDENTITY_IN_USE; an unknown number stays one."""
    name = getattr(value, "name", None)
    return name.lower().replace("_", " ") if isinstance(name, str) else f"unknown {value}"
