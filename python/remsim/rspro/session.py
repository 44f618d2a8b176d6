# SPDX-License-Identifier: GPL-2.0-or-later
"""The remote-SIM client as one transition table over its two links and the card. Pure.

Events in (connected, octets, closed, a moment, a command of the modem), actions out; time is passed
in as monotonic seconds. Nothing outside `_step` changes the state, and a pair that the table does
not list changes nothing. Losing the bank never removes the card before `bank_hold_s`: commands
wait, and once the bank is back the card's state is replayed. Differences from the C client and
their reasons: docs/rspro.md.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remsim.card.apdu import MAX_COMMAND, MIN_COMMAND
from remsim.card.layer import CardLayer
from remsim.card.relay import Relay
from remsim.errors import RsproNonsense
from remsim.rspro import framing
from remsim.rspro.actions import (
    Action,
    Answer,
    Cause,
    LinkName,
    PresentCard,
    ReleaseSlot,
    RemoveCard,
    ResetModem,
    SetAtr,
    Tell,
)
from remsim.rspro.latency import Latency
from remsim.rspro.link import Endpoint, Link, LinkSettings, LinkState, News
from remsim.rspro.messages import (
    MAX_ATR,
    BankSlot,
    BankSlotStatusInd,
    ClientSlot,
    ClientSlotStatusInd,
    Component,
    ConfigClientBankReq,
    ConfigClientBankRes,
    ConfigClientIdReq,
    ConfigClientIdRes,
    ConnectClientRes,
    Identity,
    Message,
    Pdu,
    Result,
    SetAtrReq,
    SetAtrRes,
    SlotPhysStatus,
    TpduCardToModem,
    violations,
)
from remsim.rspro.states import CARD_STATES, HELD_STATES, TABLE, Event, State

DEFAULT_ATR = b"\x3b\x00"  # what the C client shows until the bank sends one
ATR_LIMIT_S = 2.0  # the bank sends setAtrReq right behind its connectClientRes
MOVE_LIMIT_S = 5.0  # a mapping is moved by a removal and a new one, usually within a second
STALL_S = 10.0  # a command without answer for so long makes the bank be asked for a sign of life
MAX_ATRS = 32  # remembered slots; a server that moves us through more of them is playing
COMMAND_LIMIT_S = 60.0  # and this ends the connection even if PONGs come
HELD_DELAY_S = 16.0  # largest back-off to the bank while a card is held
SERVER_SPREAD_S = 2.0  # a server that ends takes many clients with it: they come back spread out
BANK_SPREAD_S = 0.2
RELEASED = SlotPhysStatus(False, True, True, True)
UNPOWERED = SlotPhysStatus(True, False, False, True)


_REMOVALS = {
    Event.OVER: "the bank stayed away",
    Event.OTHER_CARD: "the bank has another card now",
    Event.NOT_RESTORED: "its state could not be restored",
    Event.MISLED: "the modem was told what is out of date",
}
_SERVER_CAUSES = {
    News.UP: Cause.SERVER_CONNECTED,
    News.LOST: Cause.SERVER_LOST,
    News.FAILED: Cause.SERVER_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Bank:
    """Where the card is. In direct mode the host may be a name; a server names an address."""

    endpoint: Endpoint
    slot: BankSlot


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """`server` None means direct mode: `bank` names the card. `atr` is shown where the bank sends
    none; with `ignores_bank_atr` always.
    """

    identity: Identity
    client_slot: ClientSlot
    server: Endpoint | None = None
    bank: Bank | None = None
    atr: bytes | None = None
    ignores_bank_atr: bool = False
    bank_hold_s: float = 300.0
    server_keepalive_s: float = 60.0
    bank_keepalive_s: float = 60.0
    releases_slot: bool = False  # the shell can have the server make our mapping anew


@dataclass(slots=True)
class SessionCounters:
    nonsense: int = 0  # frames that could not be understood, or did not fit
    unexpected: int = 0  # messages that this state has no use for
    rejected: int = 0  # commands of a length that no bank takes
    ignored: int = 0  # commands while no card was presented
    losses: int = 0  # of the bank, with a card presented
    swaps: int = 0  # a card presented after another one, or anew
    modem_resets: int = 0  # that were asked for


class Session:
    """Each method that takes an event returns the actions to carry out, in order. `layer`: what
    stands between relay and bank (the cache), if anything does.
    """

    def __init__(
        self,
        settings: SessionSettings,
        dice: Callable[[], float],
        layer: CardLayer | None = None,
    ) -> None:
        self.settings = settings
        self.state = State.NO_BANK
        self.state_since = 0.0
        self.client_slot = settings.client_slot
        self.bank: Bank | None = None
        self.counters = SessionCounters()
        self.latency = Latency()
        self.layer = layer
        to_card = self._command_to_bank if layer is None else self._command_to_layer
        self.relay = Relay(to_card, self._answer_to_modem, self._end_plan, self._took)
        self._take_answer = self.relay.answer if layer is None else layer.answer
        if layer is not None:
            layer.bind(self._command_to_bank, self.relay.answer, self._distrust)
        self.server_link = self._link(LinkName.SERVER, dice)
        self.bank_link = self._link(LinkName.BANK, dice)
        self._out: list[Action] = []
        self._now = 0.0
        self._has_been_assigned = False  # by this connection of the server
        self._replayed_before = 0  # commands, when the restoration under way began
        self._codec = framing.TpduCodec(self.client_slot, BankSlot(0, 0))
        self._shown: tuple[BankSlot, bytes] | None = None  # slot and ATR of the card presented
        self._atrs: dict[BankSlot, bytes] = {}  # the last ATR of each slot we were sent to
        self._has_asked_again = False  # for an ATR, by reconnecting
        self._over_at: float | None = None
        self._atr_due_at: float | None = None
        self._line = RELEASED  # reset and power as the modem last set them
        self._had_card = False
        self._removal = ""
        self._is_releasing = False

    def _link(self, name: LinkName, dice: Callable[[], float]) -> Link:
        is_server = name is LinkName.SERVER
        settings = self.settings
        return Link(
            LinkSettings(
                name,
                Component.SERVER if is_server else Component.BANK,
                settings.identity,
                settings.server_keepalive_s if is_server else settings.bank_keepalive_s,
                spread_s=SERVER_SPREAD_S if is_server else BANK_SPREAD_S,
            ),
            self._emit,
            self._hear,
            dice,
        )

    # --- events in --------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When `tick()` is wanted next."""
        since = self.relay.running_since
        moments = (
            self.server_link.deadline,
            self.bank_link.deadline,
            self._over_at,
            self._atr_due_at,
            None if since is None else self._stalled_at(since),
            None if self.layer is None else self.layer.deadline,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def atr(self) -> bytes | None:
        """Of the card that is presented."""
        return self._shown[1] if self._shown else None

    @property
    def has_card(self) -> bool:
        """The modem has a card: the SIM switch belongs on remote."""
        return self.state in CARD_STATES

    def start(self, now: float) -> list[Action]:
        self._now = now
        if self.settings.server is not None:
            self.server_link.open(self.settings.server, self.client_slot, now)
        if self.settings.bank is not None:
            self._assign(self.settings.bank)
        return self.tick(now)

    def connected(self, link: LinkName, now: float) -> list[Action]:
        self._now = now
        self._link_of(link).connected(now)
        return self._take()

    def closed(self, link: LinkName, reason: str, now: float, by_peer: bool = True) -> list[Action]:
        """TCP was refused, or ended. `reason` is a short phrase; `by_peer` says whether the peer
        ended it, or nothing passed any more.
        """
        self._now = now
        self._link_of(link).closed(now, reason, by_peer)
        return self.tick(now)

    def received(self, link: LinkName, octets: bytes, now: float) -> list[Action]:
        self._now = now
        source = self._link_of(link)
        for whole in source.feed(octets, now):
            response = self._codec.answer_of(whole) if link is LinkName.BANK else None
            if response is not None and source.is_up:
                self._take_answer(response, now)
            elif source.is_connected:
                self._take_message(source, whole)
        if source.nonsense is not None:
            self._refuse(source, source.nonsense)
            source.give_up(now, source.nonsense.reason)
        return self._take()

    def takes(self, command: bytes) -> bool:
        """Whether `command()` would get this one answered. Before the first card commands wait."""
        has_card = self.has_card or not self._had_card
        return has_card and MIN_COMMAND <= len(command) <= MAX_COMMAND

    def command(self, command: bytes, now: float) -> list[Action]:
        """A TPDU of the modem. Before the first card commands wait; later, without a card, they are
        dropped, as there is nobody to ask.
        """
        self._now = now
        if not MIN_COMMAND <= len(command) <= MAX_COMMAND:
            self.counters.rejected += 1
        elif self._had_card and not self.has_card:
            self.counters.ignored += 1
        else:
            self.relay.command(command, now)
        return self._take()

    def line_changed(self, status: SlotPhysStatus, now: float) -> list[Action]:
        """The modem changed reset or power. The bank acts on edges, so both edges are told."""
        self._now = now
        if status.reset_active or status.vcc_present is False:
            self.relay.card_reset()
            if self.layer is not None:
                self.layer.card_reset()
        self._line = status
        self._report_line(status)
        return self._take()

    def tick(self, now: float) -> list[Action]:
        self._now = now
        self.server_link.tick(now)
        self.bank_link.tick(now)
        self._watch_command(now)
        if self._atr_due_at is not None and now >= self._atr_due_at:
            self._atr_due_at = None
            self._go_on_without_atr()
        if self._over_at is not None and now >= self._over_at:
            self._over_at = None
            self._step(Event.OVER)
        if self.layer is not None:
            self.layer.tick(now)
        self.bank_link.tick(now)  # what the steps above made due at once
        return self._take()

    @property
    def longest_delay_s(self) -> float:
        return self.bank_link.settings.max_delay_s

    def path_changed(self, now: float) -> list[Action]:
        """The control traffic leaves by another link now: both connections are made anew."""
        self._now = now
        for link in (self.server_link, self.bank_link):
            if link.peer is not None:
                link.open(link.peer, self.client_slot, now, is_path_lost=True)
        return self.tick(now)

    def slot_released(self, is_done: bool, reason: str, now: float) -> list[Action]:
        """How a `ReleaseSlot` ended; one that failed is asked for again at the next refusal."""
        self._now = now
        self._is_releasing = False
        self._emit(Tell(Cause.SLOT_RELEASED if is_done else Cause.SLOT_HELD, reason))
        if is_done:
            self.bank_link.hurry(now)
        return self.tick(now)

    def assign(self, bank: Bank | None, now: float) -> list[Action]:
        """Direct mode: the orchestrator names another slot, or none."""
        self._now = now
        if bank is None:
            self._withdraw()
        else:
            self._assign(bank)
        return self.tick(now)

    # --- messages ---------------------------------------------------------------------------------

    def _take_message(self, source: Link, whole: bytes) -> None:
        try:
            pdu = framing.message_of(whole)
        except RsproNonsense as nonsense:
            self._refuse(source, nonsense)
            return
        handler = _HANDLERS.get((source.settings.name, type(pdu.message)))
        if handler is None:
            self.counters.unexpected += 1
        else:
            handler(self, pdu)
        self.bank_link.tick(self._now)

    def _on_server_greeting(self, pdu: Pdu) -> None:
        if isinstance(pdu.message, ConnectClientRes):
            self.server_link.greeted(pdu.message, self._now)

    def _on_bank_greeting(self, pdu: Pdu) -> None:
        if isinstance(pdu.message, ConnectClientRes):
            self.bank_link.greeted(pdu.message, self._now)

    def _on_client_id(self, pdu: Pdu) -> None:
        if not isinstance(pdu.message, ConfigClientIdReq):
            return
        if any(violations(pdu)):
            self._reply(self.server_link, ConfigClientIdRes(Result.ILLEGAL_CLIENT_ID))
            return
        self.client_slot = pdu.message.client_slot
        self.server_link.rename(self.client_slot)
        self.bank_link.rename(self.client_slot)
        self._reply(self.server_link, ConfigClientIdRes(Result.OK))
        self._emit(Tell(Cause.CLIENT_RENAMED, f"client slot {self.client_slot}"))

    def _on_bank_assignment(self, pdu: Pdu) -> None:
        request = pdu.message
        if not isinstance(request, ConfigClientBankReq):
            return
        if any(violations(pdu)):
            self.counters.nonsense += 1
            self._reply(self.server_link, ConfigClientBankRes(Result.ILLEGAL_BANK_ID))
            return
        self._reply(self.server_link, ConfigClientBankRes(Result.OK))
        is_first, self._has_been_assigned = not self._has_been_assigned, True
        if request.bankd.port == 0:
            if not (is_first and self._is_held_card_of(request.bank_slot)):
                self._withdraw()
        else:
            host = self._host_of(ipaddress.ip_address(request.bankd.ip))
            self._assign(Bank(Endpoint(host, request.bankd.port), request.bank_slot))

    def _is_held_card_of(self, slot: BankSlot) -> bool:
        """A server that begins with "no bank" has our mapping, but not the bank (without a mapping
        it says nothing): the card waits for the bank as for any other loss.
        """
        return self.state in CARD_STATES and self.bank is not None and self.bank.slot == slot

    def _host_of(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        """A server names the address that the bank called from; a bank on the server's own machine
        called from its loopback, which is not ours.
        """
        server = self.settings.server
        if address.is_loopback and server is not None and not _is_loopback(server.host):
            return server.host
        return str(address)

    def _on_atr(self, pdu: Pdu) -> None:
        request = pdu.message
        if not isinstance(request, SetAtrReq) or self.bank is None:
            return
        if not 1 <= len(request.atr) <= MAX_ATR:
            self._reply(self.bank_link, SetAtrRes(Result.CARD_TRANSMISSION_ERROR))
            self._refuse(self.bank_link, RsproNonsense(f"an ATR of {len(request.atr)} octets"))
            return
        self._reply(self.bank_link, SetAtrRes(Result.OK))
        self._remember_atr(self.bank.slot, request.atr)
        self._has_asked_again = False
        self.bank_link.card_came(self._now)
        if not self.settings.ignores_bank_atr:
            self._learn_atr(request.atr)

    def _on_answer(self, pdu: Pdu) -> None:
        """An answer in another form than the usual one, or for another slot."""
        message = pdu.message
        if not isinstance(message, TpduCardToModem) or not self.bank_link.is_up:
            return
        is_ours = (message.from_bank_slot, message.to_client_slot) == (
            self._codec.bank_slot,
            self._codec.client_slot,
        )
        if is_ours:
            self._take_answer(message.data, self._now)
        else:
            self._refuse(
                self.bank_link,
                RsproNonsense(f"an answer of slot {message.from_bank_slot}, not of ours"),
            )

    def _on_bank_status(self, pdu: Pdu) -> None:
        """Never sent by the C bank. A pulled card shows in the commands that follow."""

    def _refuse(self, source: Link, nonsense: RsproNonsense) -> None:
        self.counters.nonsense += 1
        self._emit(Tell(Cause.NONSENSE, f"{source.settings.name.value}: {nonsense.reason}"))

    # --- assignment and ATR -----------------------------------------------------------------------

    def _assign(self, bank: Bank) -> None:
        """A working connection to the same slot is left alone: servers repeat themselves."""
        is_same = bank == self.bank and self.state not in (State.NO_BANK, State.MOVING)
        self._emit(Tell(Cause.BANK_ASSIGNED, f"slot {bank.slot} at {bank.endpoint}"))
        if is_same:
            self.bank_link.hurry(self._now)
            return
        self.bank = bank
        self._has_asked_again = False
        self._step(Event.ASSIGNED)

    def _withdraw(self) -> None:
        self._emit(Tell(Cause.BANK_WITHDRAWN, "no bank assigned"))
        self._step(Event.WITHDRAWN)
        self.bank = None

    def _learn_atr(self, atr: bytes) -> None:
        self._atr_due_at = None
        if self.state is State.SERVING and self._shown is not None and atr != self._shown[1]:
            self._shown = (self._shown[0], atr)
            self._emit(SetAtr(atr))
        elif self.state is State.RETURNED and self.bank is not None:
            same = self._shown == (self.bank.slot, atr)
            self._step(Event.SAME_CARD if same else Event.OTHER_CARD)
        else:
            self._step(Event.ATR)

    def _remember_atr(self, slot: BankSlot, atr: bytes) -> None:
        if len(self._atrs) >= MAX_ATRS:
            self._atrs.clear()
        self._atrs[slot] = atr

    def _go_on_without_atr(self) -> None:
        """No setAtrReq came (a mapping made on a kept connection brings none): use the slot's last
        one, or connect once more to be sent one, or use the configured one.
        """
        slot = self.bank.slot if self.bank else BankSlot(0, 0)
        known = self._atrs.get(slot)
        if known is None and not self._has_asked_again:
            self._has_asked_again = True
            self._emit(Tell(Cause.ATR_MISSING, "the bank sent no ATR; connecting again"))
            self._step(Event.ATR_LATE)
            return
        atr = known or self.settings.atr or DEFAULT_ATR
        self._emit(Tell(Cause.ATR_MISSING, f"the bank sent no ATR; using {atr.hex()}"))
        self._learn_atr(atr)

    # --- links ------------------------------------------------------------------------------------

    def _link_of(self, name: LinkName) -> Link:
        return self.server_link if name is LinkName.SERVER else self.bank_link

    def _hear(self, name: LinkName, news: News, reason: str) -> None:
        if name is LinkName.SERVER:
            self._has_been_assigned = False
            self._emit(Tell(_SERVER_CAUSES[news], _joined(self.server_link.peer, reason)))
        else:
            self._hear_bank(news, reason)

    def _hear_bank(self, news: News, reason: str) -> None:
        endpoint = self.bank_link.peer
        if news is News.UP:
            self._codec = framing.TpduCodec(self.bank_link.client_slot, self._slot)
            self._emit(Tell(Cause.BANK_CONNECTED, f"{endpoint}, slot {self._slot}"))
            self._report_line(RELEASED)
            if self._line != RELEASED:
                self._report_line(self._line)
            self._step(Event.BANK_UP)
        elif news is News.LOST:
            self._emit(Tell(Cause.BANK_LOST, _joined(endpoint, reason)))
            self._close_relay()
            self._step(Event.BANK_LOST)
        else:
            self._emit(Tell(Cause.BANK_REFUSED, _joined(endpoint, reason)))
            self._release_own_slot()

    def _release_own_slot(self) -> None:
        """A bank without keep-alive holds the card for our dead connection, for ever."""
        is_ours = self.bank_link.is_orphaned and self.bank_link.state is LinkState.REFUSED
        if not self.settings.releases_slot or not is_ours or self._is_releasing:
            return
        if self.state is State.HOLDING and self.bank is not None:
            self._is_releasing = True
            self._emit(Tell(Cause.SLOT_HELD, "the bank holds the card for our old connection"))
            self._emit(ReleaseSlot(self.bank.slot, self.client_slot))

    @property
    def _slot(self) -> BankSlot:
        return self.bank.slot if self.bank else BankSlot(0, 0)

    def _report_line(self, status: SlotPhysStatus) -> None:
        if self.bank_link.is_up:
            self._reply(
                self.bank_link,
                ClientSlotStatusInd(self._codec.client_slot, self._codec.bank_slot, status),
            )

    def _reply(self, link: Link, message: Message) -> None:
        link.send(framing.frame(Pdu(message)))

    def _watch_command(self, now: float) -> None:
        since = self.relay.running_since
        if since is None:
            return
        if now >= since + COMMAND_LIMIT_S:
            self.bank_link.give_up(now, f"a command has no answer for {COMMAND_LIMIT_S:.0f} s")
        elif now >= self._stalled_at(since):
            self.bank_link.probe(now)

    def _stalled_at(self, since: float) -> float:
        """When to ask the bank for a sign of life, or to give it up."""
        if self.bank_link.awaits_pong:
            return since + COMMAND_LIMIT_S
        return min(max(since, self.bank_link.heard_at) + STALL_S, since + COMMAND_LIMIT_S)

    # --- the relay --------------------------------------------------------------------------------

    def _command_to_layer(self, command: bytes) -> None:
        if self.layer is not None:
            self.layer.command(command, self._now)

    def _close_relay(self) -> None:
        self.relay.close()
        if self.layer is not None:
            self.layer.close()

    def _distrust(self, reason: str, is_modem_misled: bool) -> None:
        self._emit(Tell(Cause.CACHE_DROPPED, reason))
        if is_modem_misled:
            self._step(Event.MISLED)

    def _command_to_bank(self, command: bytes) -> None:
        self.bank_link.send(self._codec.command_frame(command))

    def _answer_to_modem(self, response: bytes) -> None:
        self._emit(Answer(response))

    def _end_plan(self, is_restored: bool) -> None:
        self._step(Event.RESTORED if is_restored else Event.NOT_RESTORED)

    def _took(self, seconds: float) -> None:
        self.latency.add(seconds)

    # --- the machine ------------------------------------------------------------------------------

    def _step(self, event: Event) -> None:
        move = TABLE.get((self.state, event))
        if move is None:
            return
        previous, (self.state, todo) = self.state, move
        self.state_since = self._now
        if previous not in HELD_STATES or self.state not in HELD_STATES:
            self._over_at = None
        self._atr_due_at = None
        self._removal = _REMOVALS.get(event, event.value)
        self.bank_link.max_delay_s = HELD_DELAY_S if self.has_card else self.longest_delay_s
        for name in todo:
            _DO[name](self)

    def _do_open_bank(self) -> None:
        self._close_relay()
        if self.bank is not None:
            self.bank_link.open(self.bank.endpoint, self.client_slot, self._now)

    def _do_shut_bank(self) -> None:
        self.bank_link.shut(self._now, "no bank assigned")

    def _do_await_atr(self) -> None:
        if self.settings.ignores_bank_atr:
            self._learn_atr(self.settings.atr or DEFAULT_ATR)
        else:
            self._atr_due_at = self._now + ATR_LIMIT_S

    def _do_present(self) -> None:
        atr = self._atr_to_show()
        self._shown = (self._slot, atr)
        self._had_card = True
        self._emit(PresentCard(atr))
        self._emit(Tell(Cause.CARD_PRESENTED, f"slot {self._slot}, ATR {atr.hex()}"))
        if self.layer is not None:
            self.layer.begin(atr)
        self.relay.open(self._now)

    def _atr_to_show(self) -> bytes:
        own = self.settings.atr or DEFAULT_ATR
        return own if self.settings.ignores_bank_atr else self._atrs.get(self._slot, own)

    def _do_remove(self) -> None:
        self.relay.start_anew()
        if self.layer is not None:
            self.layer.end()
        self._shown = None
        self._emit(RemoveCard())
        self._emit(Tell(Cause.CARD_REMOVED, self._removal))

    def _do_reset_modem(self) -> None:
        self.counters.modem_resets += 1
        self._emit(ResetModem())

    def _do_hold(self) -> None:
        self.counters.losses += 1
        self._close_relay()
        if self._over_at is None:
            self._over_at = self._now + self.settings.bank_hold_s

    def _do_await_move(self) -> None:
        self._over_at = self._now + min(MOVE_LIMIT_S, self.settings.bank_hold_s)

    def _do_restore(self) -> None:
        self._replayed_before = self.relay.counters.replayed
        self.relay.restore(self._now)

    def _do_resume(self) -> None:
        replayed = self.relay.counters.replayed - self._replayed_before
        self._emit(Tell(Cause.CARD_RESTORED, f"{replayed} commands replayed"))
        self.relay.open(self._now)

    def _do_reset_card(self) -> None:
        """Cold reset at the bank: a plan that failed left the card somewhere."""
        self._emit(Tell(Cause.CARD_NOT_RESTORED, "the modem has to read the card anew"))
        self._report_line(UNPOWERED)
        self._report_line(RELEASED)

    # --- actions out ------------------------------------------------------------------------------

    def _emit(self, action: Action) -> None:
        self._out.append(action)

    def _take(self) -> list[Action]:
        out, self._out = self._out, []
        return out


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _joined(endpoint: Endpoint | None, reason: str) -> str:
    return f"{endpoint}: {reason}" if reason else str(endpoint)


_DO: Mapping[str, Callable[[Session], None]] = MappingProxyType(
    {
        name.removeprefix("_do_"): method
        for name, method in vars(Session).items()
        if name.startswith("_do_")
    }
)

_HANDLERS: Mapping[tuple[LinkName, type[Message]], Callable[[Session, Pdu], None]] = (
    MappingProxyType(
        {
            (LinkName.SERVER, ConnectClientRes): Session._on_server_greeting,
            (LinkName.SERVER, ConfigClientIdReq): Session._on_client_id,
            (LinkName.SERVER, ConfigClientBankReq): Session._on_bank_assignment,
            (LinkName.BANK, ConnectClientRes): Session._on_bank_greeting,
            (LinkName.BANK, SetAtrReq): Session._on_atr,
            (LinkName.BANK, TpduCardToModem): Session._on_answer,
            (LinkName.BANK, BankSlotStatusInd): Session._on_bank_status,
        }
    )
)
