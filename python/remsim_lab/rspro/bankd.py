# SPDX-License-Identifier: GPL-2.0-or-later
"""Bank stand-in: virtual cards in slots, clients on one port, a link to the server.

`python -m remsim_lab.rspro.bankd SERVER_PORT [PORT [BANK_ID]]` runs one in the foreground. Behaves
as the recorded osmo-remsim-bankd, its oddities included: it does not reassemble TCP, says no to
everything with cardNotPresent, keeps reset and power per worker, and closes on what it dislikes.
Faults (`delay_s`, `is_mute`, `loses_answers`) are set from outside. Source: tests/vectors/rspro.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remsim.clock import Clock
from remsim.errors import RsproNonsense
from remsim.rspro import framing
from remsim.rspro.messages import (
    BankSlot,
    ClientSlot,
    ClientSlotStatusInd,
    Component,
    ConnectBankReq,
    ConnectClientReq,
    ConnectClientRes,
    CreateMappingReq,
    CreateMappingRes,
    Message,
    Pdu,
    RemoveMappingReq,
    RemoveMappingRes,
    ResetStateReq,
    ResetStateRes,
    Result,
    SetAtrReq,
    SetAtrRes,
    SlotPhysStatus,
    TpduCardToModem,
    TpduFlags,
    TpduModemToCard,
)
from remsim_lab.rspro.peer import CLIENT_RESULT_TAG, Peer, identity
from remsim_lab.rspro.server import BANKD_PORT, RSPRO_PORT
from remsim_lab.rspro.sim import VirtualSim
from remsim_lab.rspro.station import Station

RECHECK_S = 10.0  # a kept connection without mapping or card
RECONNECT_S = 0.5  # to the server; the real one takes up to 10 s
MIN_TPDU, MAX_TPDU = 5, 260
RELEASED = SlotPhysStatus(False, True)


@dataclass(slots=True)
class Worker:
    """A thread of the real bank: what it remembers outlives its connections."""

    reset_active: bool = False
    vcc_present: bool = True
    client: BankClient | None = None


@dataclass(slots=True, eq=False)
class BankClient:
    """One client connection. `header` is set between the two receive calls of a frame."""

    sock: socket.socket
    worker: Worker
    slot: ClientSlot | None = None
    bank_slot: int | None = None  # the slot whose card it holds
    header: bytes = b""
    codec: framing.TpduCodec | None = None
    queue: list[bytes] = field(default_factory=list)


class Bankd(Station):
    """`cards` maps a slot number to its card; None or missing: no card there."""

    def __init__(
        self,
        cards: dict[int, VirtualSim] | None = None,
        server: tuple[str, int] | None = None,
        bank_id: int = 1,
        number_of_slots: int = 8,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(host, clock)
        self.cards = cards if cards is not None else {0: VirtualSim()}
        self.server = server
        self.bank_id = bank_id
        self.number_of_slots = number_of_slots
        self.port = port
        self.mappings: dict[ClientSlot, BankSlot] = {}
        self.clients: list[BankClient] = []
        self.delay_s = 0.0
        self.is_mute = False
        self.loses_answers = 0  # how many of the next answers get lost
        self.sends_atr = True
        self.tpdus = 0
        self.closed_for: list[str] = []  # why client connections were closed by us
        self._workers = [Worker() for _ in range(number_of_slots)]
        self._listener: socket.socket | None = None
        self._peer: Peer | None = None

    # --- life ---

    def setup(self) -> None:
        self._listener = self.listen(self.port, self._accepted)
        self.port = self._listener.getsockname()[1]
        self._connect_server()

    def teardown(self) -> None:
        if self._listener is not None:
            self.drop(self._listener)
        for client in list(self.clients):
            self._close(client, "end")
        if self._peer is not None:
            self._peer.close()

    # --- what tests do (through `ask`) ---

    def map(self, client: ClientSlot, slot: int) -> None:
        """A mapping without any server; a client that waits is served from now on, without ATR."""
        self.mappings[client] = BankSlot(self.bank_id, slot)
        for each in self.clients:
            if each.slot == client:
                self._hold(each)

    def unmap(self, client: ClientSlot) -> None:
        self.mappings.pop(client, None)
        for each in list(self.clients):
            if each.slot == client:
                self._close(each, "mapping removed")

    def pull(self, slot: int) -> None:
        """Take the card out: nobody is told."""
        self.cards.pop(slot, None)

    def put(self, slot: int, card: VirtualSim) -> None:
        self.cards[slot] = card

    def drop_clients(self) -> None:
        for each in list(self.clients):
            self._close(each, "dropped")

    def say(self, *messages: Message) -> None:
        """To every client, whatever it is."""
        for each in list(self.clients):
            for message in messages:
                self._send(each, framing.frame(Pdu(message)))

    def send_octets(self, octets: bytes) -> None:
        for each in list(self.clients):
            self._send(each, octets)

    # --- the server link ---

    def _connect_server(self) -> None:
        if self.server is None:
            return
        sock = socket.socket()
        try:
            sock.bind((self.host, 0))
            sock.connect(self.server)
        except OSError:
            sock.close()
            self.after(RECONNECT_S, "server", self._connect_server)
            return
        sock.setblocking(False)
        self._peer = Peer(self, sock, self._server_frame, self._server_lost)
        self._peer.say(ConnectBankReq(identity(Component.BANK), self.bank_id, self.number_of_slots))

    def _server_lost(self, _: Peer, __: str) -> None:
        self._peer = None
        self.after(RECONNECT_S, "server", self._connect_server)

    def _server_frame(self, peer: Peer, whole: bytes) -> None:
        try:
            message = framing.message_of(whole).message
        except RsproNonsense:
            peer.close("nonsense")
            return
        match message:
            case CreateMappingReq():
                peer.say(CreateMappingRes(self._create(message)))
            case RemoveMappingReq():
                known = self.mappings.get(message.client) == message.bank
                peer.say(RemoveMappingRes(Result.OK if known else Result.UNKNOWN_SLOTMAP))
                if known:
                    self.unmap(message.client)
            case ResetStateReq():
                for client in list(self.mappings):
                    self.unmap(client)
                peer.say(ResetStateRes(Result.OK))

    def _create(self, request: CreateMappingReq) -> Result:
        if request.bank.bank_id != self.bank_id:
            return Result.ILLEGAL_BANK_ID
        if request.bank.slot_nr >= self.number_of_slots:
            return Result.ILLEGAL_SLOT_ID
        self.map(request.client, request.bank.slot_nr)
        return Result.OK

    # --- clients ---

    def _accepted(self, sock: socket.socket) -> None:
        worker = next((each for each in self._workers if each.client is None), None)
        if worker is None:
            self.loop.watch(sock.fileno(), lambda: self._ignore(sock))
            return
        client = worker.client = BankClient(sock, worker)
        self.clients.append(client)
        self.loop.watch(sock.fileno(), lambda: self._readable(client))

    def _ignore(self, sock: socket.socket) -> None:
        """All workers are busy: the connection exists and nothing is ever answered."""
        try:
            octets = sock.recv(4096)
        except OSError:
            octets = b""
        if not octets:
            self.drop(sock)

    def _close(self, client: BankClient, reason: str) -> None:
        if client not in self.clients:
            return
        self.closed_for.append(reason)
        self.clients.remove(client)
        client.worker.client = None
        self.loop.cancel((client, "check"))
        self.loop.cancel((client, "answer"))
        self._release(client)
        self.drop(client.sock)

    def _readable(self, client: BankClient) -> None:
        """Two receive calls per frame, as the real one: whatever comes in pieces is fatal."""
        wanted = framing.HEADER
        if client.header:
            wanted = int.from_bytes(client.header[:2], "big")
        try:
            octets = client.sock.recv(wanted)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if len(octets) < wanted:
            self._close(client, "closed by the client" if not octets else "a frame in pieces")
        elif not client.header and octets[:2] != b"\x00\x00":
            client.header = octets
        elif client.header:
            whole, client.header = client.header + octets, b""
            self._frame(client, whole)

    def _frame(self, client: BankClient, whole: bytes) -> None:
        if self.is_mute:
            return
        if framing.is_rspro(whole):
            self._rspro(client, whole)
            return
        kind = framing.ccm_of(whole)
        if kind == framing.Ccm.PING:
            self._send(client, framing.PONG)
        elif kind == framing.Ccm.IDENTITY_ACK:
            self._send(client, framing.IDENTITY_ACK)
        elif kind is None:
            self._close(client, "another protocol")

    def _rspro(self, client: BankClient, whole: bytes) -> None:
        try:
            message = framing.message_of(whole).message
        except RsproNonsense:
            self._close(client, "malformed")
            return
        handler = _HANDLERS.get(type(message))
        if handler is None:
            self._close(client, f"unexpected {type(message).__name__}")
        else:
            handler(self, client, message)

    def _on_connect(self, client: BankClient, request: ConnectClientReq) -> None:
        if request.client_slot is None or client.slot is not None:
            refusal = ConnectClientRes(identity(Component.BANK), Result.ILLEGAL_CLIENT_ID)
            self._say(client, refusal, CLIENT_RESULT_TAG)
            self._close(client, "illegal connect request")
            return
        client.slot = request.client_slot
        is_held = self._hold(client)
        result = Result.OK if is_held else Result.CARD_NOT_PRESENT
        self._say(client, ConnectClientRes(identity(Component.BANK), result), CLIENT_RESULT_TAG)
        if is_held:
            self._say_atr(client)
        else:
            self.after(RECHECK_S, (client, "check"), lambda: self._check(client))

    def _check(self, client: BankClient) -> None:
        """A card that came meanwhile is announced by its ATR only."""
        if client.bank_slot is None and self._hold(client):
            self._say_atr(client)
        elif client.bank_slot is None:
            self.after(RECHECK_S, (client, "check"), lambda: self._check(client))

    def _hold(self, client: BankClient) -> bool:
        """Open the card exclusively: it starts afresh."""
        mapped = self.mappings.get(client.slot) if client.slot is not None else None
        card = self.cards.get(mapped.slot_nr) if mapped is not None else None
        if mapped is None or card is None or client.slot is None:
            return False
        if any(other.bank_slot == mapped.slot_nr for other in self.clients if other is not client):
            return False
        if client.bank_slot is None:
            card.reset()
        client.bank_slot = mapped.slot_nr
        client.codec = framing.TpduCodec(client.slot, mapped)
        return True

    def _release(self, client: BankClient) -> None:
        client.bank_slot = None

    def _say_atr(self, client: BankClient) -> None:
        if self.sends_atr and client.slot is not None and client.bank_slot is not None:
            self._say(client, SetAtrReq(client.slot, self.cards[client.bank_slot].atr))

    def _on_tpdu(self, client: BankClient, tpdu: TpduModemToCard) -> None:
        card = self.cards.get(client.bank_slot) if client.bank_slot is not None else None
        is_sound = (
            card is not None
            and tpdu.from_client_slot == client.slot
            and tpdu.to_bank_slot == BankSlot(self.bank_id, client.bank_slot or 0)
            and MIN_TPDU <= len(tpdu.data) <= MAX_TPDU
        )
        if card is None or not is_sound:
            self._close(client, "a TPDU that cannot be served")
            return
        self.tpdus += 1
        response = card.process(tpdu.data)
        if self.loses_answers:
            self.loses_answers -= 1
            return
        answer = TpduCardToModem(tpdu.to_bank_slot, tpdu.from_client_slot, TpduFlags(), response)
        self._answer(client, framing.frame(Pdu(answer)))

    def _answer(self, client: BankClient, octets: bytes) -> None:
        if not self.delay_s:
            self._send(client, octets)
            return
        client.queue.append(octets)
        if len(client.queue) == 1:
            self.after(self.delay_s, (client, "answer"), lambda: self._answer_late(client))

    def _answer_late(self, client: BankClient) -> None:
        self._send(client, client.queue.pop(0))
        if client.queue:
            self.after(self.delay_s, (client, "answer"), lambda: self._answer_late(client))

    def _on_status(self, client: BankClient, indication: ClientSlotStatusInd) -> None:
        """Only edges count, and the worker remembers the last state."""
        status, worker = indication.slot_phys_status, client.worker
        vcc = worker.vcc_present if status.vcc_present is None else status.vcc_present
        lost_power = worker.vcc_present and not vcc
        was_reset = status.reset_active and not worker.reset_active
        worker.vcc_present, worker.reset_active = vcc, status.reset_active
        card = self.cards.get(client.bank_slot) if client.bank_slot is not None else None
        if card is not None and (lost_power or was_reset):
            card.reset()

    def _on_atr_answer(self, client: BankClient, answer: SetAtrRes) -> None:
        """Ignored, whatever it says."""

    def _say(self, client: BankClient, message: Message, tag: int = 0) -> None:
        self._send(client, framing.frame(Pdu(message, tag=tag)))

    def _send(self, client: BankClient, octets: bytes) -> None:
        try:
            client.sock.sendall(octets)
        except OSError:
            self._close(client, "cannot be sent to")


_HANDLERS: dict[type, Callable[[Bankd, BankClient, Any], None]] = {
    ConnectClientReq: Bankd._on_connect,
    TpduModemToCard: Bankd._on_tpdu,
    ClientSlotStatusInd: Bankd._on_status,
    SetAtrRes: Bankd._on_atr_answer,
}


def main(arguments: list[str]) -> None:
    numbers = [int(each) for each in arguments] + [RSPRO_PORT, BANKD_PORT, 1][len(arguments) :]
    bank = Bankd(server=("127.0.0.1", numbers[0]), port=numbers[1], bank_id=numbers[2])
    bank.start()
    try:
        threading.Event().wait()
    finally:
        bank.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
