# SPDX-License-Identifier: GPL-2.0-or-later
"""remsim-server stand-in: RSPRO on one port, the REST API on another.

`python -m remsim_lab.rspro.server [RSPRO_PORT [REST_PORT]]` runs it in the foreground. Behaves as
the recorded server does, its oddities included; where the real process would die, `deaths` grows
and every connection is closed. Source: tests/vectors/rspro.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from remsim.clock import Clock
from remsim.errors import RsproNonsense
from remsim.rspro import framing
from remsim.rspro.messages import (
    MAX_ID,
    BankSlot,
    ClientSlot,
    Component,
    ConfigClientBankReq,
    ConfigClientBankRes,
    ConnectBankReq,
    ConnectBankRes,
    ConnectClientReq,
    ConnectClientRes,
    CreateMappingReq,
    CreateMappingRes,
    Identity,
    IpPort,
    Message,
    RemoveMappingReq,
    RemoveMappingRes,
    Result,
)
from remsim_lab.rspro.peer import CLIENT_RESULT_TAG, EMPTY, Peer, identity
from remsim_lab.rspro.station import Station

RSPRO_PORT, REST_PORT = 9998, 9997
BANKD_PORT = 9999  # the server always names this one, whatever port the bank listens on
REQUEST_LIMIT_S = 10.0
REJECT_CLOSE_S = 1.0
BASE = "/api/backend/v1"
_TYPES = {Component.CLIENT: "remsimClient", Component.BANK: "remsimBankd"}


class MapState(Enum):
    NEW = "NEW"
    UNACKNOWLEDGED = "UNACKNOWLEDGED"
    ACTIVE = "ACTIVE"
    DELETING = "DELETING"


@dataclass(slots=True, eq=False)
class SlotMap:
    bank: BankSlot
    client: ClientSlot
    state: MapState = MapState.NEW

    @property
    def id(self) -> int:
        return self.bank.bank_id * 65536 + self.bank.slot_nr


@dataclass(slots=True)
class _Known:
    """Who is behind a connection, once it has said so."""

    identity: Identity
    client: ClientSlot | None = None
    bank_id: int | None = None
    number_of_slots: int = 0
    address: str = ""


class RemsimServer(Station):
    """`bankd_port` stands for 9999 where several banks share one address in a test."""

    def __init__(
        self,
        rspro_port: int = 0,
        rest_port: int = 0,
        host: str = "127.0.0.1",
        bankd_port: int = BANKD_PORT,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(host, clock)
        self.rspro_port = rspro_port
        self.rest_port = rest_port
        self.bankd_port = bankd_port
        self.maps: list[SlotMap] = []
        self.peers: dict[Peer, _Known | None] = {}
        self.deaths: list[str] = []
        self.results: list[Result | int] = []  # what clients answered to their assignment
        self._listener: socket.socket | None = None
        self._http: ThreadingHTTPServer | None = None

    # --- life ---

    def setup(self) -> None:
        self._listener = self.listen(self.rspro_port, self._accepted)
        self.rspro_port = self._listener.getsockname()[1]
        self._http = ThreadingHTTPServer((self.host, self.rest_port), _handler(self))
        self._http.daemon_threads = True
        self.rest_port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def teardown(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
        if self._listener is not None:
            self.drop(self._listener)
        for peer in list(self.peers):
            peer.close()

    # --- what tests and the REST API do (through `ask`) ---

    def create(self, bank: BankSlot, client: ClientSlot) -> bool:
        taken = any(m.bank == bank or m.client == client for m in self._live())
        if taken:
            return False
        self.maps.append(SlotMap(bank, client))
        self._push(self.maps[-1])
        return True

    def remove(self, map_id: int) -> bool:
        found = next((m for m in self._live() if m.id == map_id), None)
        if found is None:
            return False
        bank = self._bank(found.bank.bank_id)
        if bank is None or found.state is MapState.NEW:
            self.maps.remove(found)
            self._tell_client(found.client)
        else:
            found.state = MapState.DELETING
            bank.say(RemoveMappingReq(found.client, found.bank))
        return True

    def reset(self) -> None:
        for each in list(self._live()):
            self.remove(each.id)

    def say_to_client(self, client: ClientSlot, *messages: Message) -> None:
        """Anything at all, for misbehaviour."""
        peer = self._client(client)
        for message in messages:
            if peer is not None:
                peer.say(message)

    def client_peer(self, client: ClientSlot) -> Peer | None:
        return self._client(client)

    # --- RSPRO ---

    def _accepted(self, sock: socket.socket) -> None:
        peer = Peer(self, sock, self._frame, self._closed)
        self.peers[peer] = None
        self.after(REQUEST_LIMIT_S, (peer, "request"), lambda: self._check_request(peer))

    def _check_request(self, peer: Peer) -> None:
        if self.peers.get(peer, 1) is None:
            peer.close("no connect request")

    def _closed(self, peer: Peer, _: str) -> None:
        known = self.peers.pop(peer, None)
        self.loop.cancel((peer, "request"))
        if known is not None and known.bank_id is not None:
            for each in self._live():
                if each.bank.bank_id == known.bank_id:
                    each.state = MapState.NEW

    def _frame(self, peer: Peer, whole: bytes) -> None:
        if whole == EMPTY:
            self._die("a frame of length 0")
            return
        try:
            message = framing.message_of(whole).message
        except RsproNonsense:
            return  # ignored, as recorded
        handler = self._HANDLERS.get(type(message))
        if handler is not None:
            handler(self, peer, message)

    def _on_client(self, peer: Peer, request: ConnectClientReq) -> None:
        if request.client_slot is None or request.identity.type != Component.CLIENT:
            self._die("connectClientReq without slot or with a foreign type")
            return
        if self.peers.get(peer) is not None:
            return
        result = Result.OK if self._client(request.client_slot) is None else Result.IDENTITY_IN_USE
        peer.say(ConnectClientRes(identity(Component.SERVER), result), CLIENT_RESULT_TAG)
        if result is not Result.OK:
            self.after(REJECT_CLOSE_S, (peer, "request"), lambda: peer.close("rejected"))
            return
        self.peers[peer] = _Known(request.identity, client=request.client_slot)
        if any(m.client == request.client_slot for m in self._live()):
            self._tell_client(request.client_slot)

    def _on_bank(self, peer: Peer, request: ConnectBankReq) -> None:
        if request.identity.type != Component.BANK:
            self._die("connectBankReq with a foreign type")
            return
        result = Result.OK if self._bank(request.bank_id) is None else Result.IDENTITY_IN_USE
        peer.say(ConnectBankRes(identity(Component.SERVER), result))
        if result is not Result.OK:
            self.after(REJECT_CLOSE_S, (peer, "request"), lambda: peer.close("rejected"))
            return
        address = peer.sock.getpeername()[0]
        self.peers[peer] = _Known(
            request.identity, None, request.bank_id, request.number_of_slots, address
        )
        for each in self._live():
            if each.bank.bank_id == request.bank_id:
                self._push(each)

    def _on_created(self, peer: Peer, _: CreateMappingRes) -> None:
        """The result is not looked at, as recorded."""
        known = self.peers.get(peer)
        waiting = [
            m
            for m in self.maps
            if m.state is MapState.UNACKNOWLEDGED and known and m.bank.bank_id == known.bank_id
        ]
        if not waiting:
            self._die("createMappingRes that answers nothing")
            return
        waiting[0].state = MapState.ACTIVE
        self._tell_client(waiting[0].client)

    def _on_removed(self, peer: Peer, _: RemoveMappingRes) -> None:
        known = self.peers.get(peer)
        for each in self.maps:
            if each.state is MapState.DELETING and known and each.bank.bank_id == known.bank_id:
                self.maps.remove(each)
                self._tell_client(each.client, each.bank)
                return

    def _on_result(self, _: Peer, answer: Any) -> None:
        self.results.append(answer.result)

    _HANDLERS: dict[type, Callable[[RemsimServer, Peer, Any], None]] = {  # noqa: RUF012
        ConnectClientReq: _on_client,
        ConnectBankReq: _on_bank,
        CreateMappingRes: _on_created,
        RemoveMappingRes: _on_removed,
        ConfigClientBankRes: _on_result,
    }

    # --- inside ---

    def _live(self) -> list[SlotMap]:
        return [each for each in self.maps if each.state is not MapState.DELETING]

    def _client(self, slot: ClientSlot) -> Peer | None:
        return next((p for p, k in self.peers.items() if k is not None and k.client == slot), None)

    def _bank(self, bank_id: int) -> Peer | None:
        return next(
            (p for p, k in self.peers.items() if k is not None and k.bank_id == bank_id), None
        )

    def _push(self, mapping: SlotMap) -> None:
        bank = self._bank(mapping.bank.bank_id)
        if bank is None:
            self._tell_client(mapping.client)
            return
        mapping.state = MapState.UNACKNOWLEDGED
        bank.say(CreateMappingReq(mapping.client, mapping.bank))

    def _tell_client(self, client: ClientSlot, old: BankSlot | None = None) -> None:
        """Where the card is, or port 0 with the slot that is not (or no longer) to be had."""
        peer = self._client(client)
        if peer is None:
            return
        mapping = next((m for m in self._live() if m.client == client), None)
        slot = mapping.bank if mapping is not None else old
        if slot is None:
            return
        bank = self._bank(slot.bank_id)
        known = self.peers.get(bank) if bank is not None else None
        if mapping is None or known is None or mapping.state is not MapState.ACTIVE:
            if mapping is None or known is None:
                peer.say(ConfigClientBankReq(slot, IpPort(bytes(4), 0)))
            return
        address = ipaddress.ip_address(known.address).packed
        peer.say(ConfigClientBankReq(slot, IpPort(address, self.bankd_port)))

    def _die(self, reason: str) -> None:
        """The real process ends here, and a service manager starts it again without maps."""
        self.deaths.append(reason)
        self.maps.clear()
        for peer in list(self.peers):
            peer.close("the server died")

    # --- REST ---

    def answer(self, method: str, path: str, kind: str, body: bytes) -> tuple[int, str]:
        """Status and body of one HTTP request."""
        parts = [part for part in path.split("/") if part]
        route = parts[3:] if path.startswith(BASE) else ["?"]
        match (method, route):
            case ("GET", ["slotmaps"]):
                return 200, _compact({"slotmaps": [_map_json(m) for m in self._live()]})
            case ("POST", ["slotmaps"]):
                return self._post_map(kind, body), ""
            case ("DELETE", ["slotmaps", number]):
                done = number.isdecimal() and self.remove(int(number))
                return (200 if done else 404), ""
            case ("GET", ["banks", *rest]):
                return self._list(
                    "banks", rest, [k for k in self._knowns() if k.bank_id is not None]
                )
            case ("GET", ["clients", *rest]):
                return self._list("clients", rest, [k for k in self._knowns() if k.client])
            case ("GET", ["restart-counter"]):
                return 200, ""
            case ("POST", ["global-reset"]):
                self.reset()
                return 200, ""
        return 404, "Resource not found"

    def _knowns(self) -> list[_Known]:
        return [known for known in self.peers.values() if known is not None]

    def _list(self, name: str, rest: list[str], knowns: list[_Known]) -> tuple[int, str]:
        if not rest:
            return 200, _compact({name: [_known_json(known) for known in knowns]})
        if not rest[0].isdecimal():
            return 200, ""
        wanted = int(rest[0])
        if wanted > 65535:
            return 400, ""
        found = [k for k in knowns if name == "banks" and k.bank_id == wanted]
        if name == "clients" and wanted == 0:  # only 0 matches, and means the first one
            found = knowns[:1]
        return 200, _compact(_known_json(found[0])) if found else ""

    def _post_map(self, kind: str, body: bytes) -> int:
        try:
            value: Any = json.loads(body) if kind == "application/json" else {}
            numbers = [
                value["bank"]["bankId"],
                value["bank"]["slotNr"],
                value["client"]["clientId"],
                value["client"]["slotNr"],
            ]
        except (ValueError, TypeError, KeyError):
            return 400
        if not all(type(number) is int and 0 <= number <= MAX_ID for number in numbers):
            return 400
        return 201 if self.create(BankSlot(*numbers[:2]), ClientSlot(*numbers[2:])) else 400


def _map_json(mapping: SlotMap) -> dict[str, Any]:
    return {
        "bank": {"bankId": mapping.bank.bank_id, "slotNr": mapping.bank.slot_nr},
        "client": {"clientId": mapping.client.client_id, "slotNr": mapping.client.slot_nr},
        "state": mapping.state.value,
    }


def _known_json(known: _Known) -> dict[str, Any]:
    is_bank = known.bank_id is not None
    component = {
        "type_": _TYPES[Component.BANK if is_bank else Component.CLIENT],
        "name": known.identity.name,
        "software": known.identity.software,
        "swVersion": known.identity.sw_version,
    }
    if is_bank:
        return {
            "peer": f"B{known.bank_id}",
            "state": "CONNECTED_BANKD",
            "component_id": component,
            "bankId": known.bank_id,
            "numberOfSlots": known.number_of_slots,
        }
    return {"peer": f"C{known.client}", "state": "CONNECTED_CLIENT", "component_id": component}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _handler(server: RemsimServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kind = self.headers.get("content-type") or ""
            status, text = server.ask(
                lambda: server.answer(self.command, self.path.split("?")[0], kind, body)
            )
            self.send_response(status)
            if text.startswith(("{", "[")):
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = do_PUT = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


def main(arguments: list[str]) -> None:
    ports = [int(each) for each in arguments] + [RSPRO_PORT, REST_PORT][len(arguments) :]
    server = RemsimServer(ports[0], ports[1])
    server.start()
    try:
        threading.Event().wait()
    finally:
        server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
