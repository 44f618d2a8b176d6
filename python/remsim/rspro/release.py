# SPDX-License-Identifier: GPL-2.0-or-later
"""Have the server make our own slot mapping anew, so that the bank lets go of a dead connection.

A bank without keep-alive never learns that a radio link died under a connection: it keeps the card
for it and refuses us. Removing the mapping ends that connection; the same mapping is made again at
once, and tried again if that fails. Only a mapping that is exactly ours is touched. Plain HTTP on a
bound socket, on a short-lived thread: http.client would cost the client 2 MB.
Source: REST API of osmo-remsim-server, tests/vectors/rspro/rest-api.json.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from remsim.clock import Clock, Deadline
from remsim.errors import PeerError, PeerNonsense, PeerRejected, PeerUnreachable
from remsim.net.bind import LinkBinding, connect_any, errno_word
from remsim.net.resolve import LinkResolver
from remsim.rspro.link import Endpoint
from remsim.rspro.lookup import addresses_of
from remsim.rspro.messages import BankSlot, ClientSlot

BASE = "/api/backend/v1/slotmaps"
REQUEST_LIMIT_S = 8.0
REPEAT_LIMIT_S = 60.0  # a mapping that we removed is made again at almost any price
REPEAT_PAUSE_S = 2.0
MAX_ANSWER = 256 * 1024  # some thousand mappings

Done = Callable[[bool, str], None]


class Releaser:
    """`release()` returns at once; `done` is called on another thread."""

    def __init__(self, server: Endpoint, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    def release(self, link: LinkBinding, bank: BankSlot, client: ClientSlot, done: Done) -> None:
        threading.Thread(
            target=self._run, args=(link, bank, client, done), name="release", daemon=True
        ).start()

    def _run(self, link: LinkBinding, bank: BankSlot, client: ClientSlot, done: Done) -> None:
        try:
            self._make_anew(link, bank, client)
        except PeerError as error:
            done(False, error.reason)
        else:
            done(True, f"mapping of slot {bank} made anew")

    def _make_anew(self, link: LinkBinding, bank: BankSlot, client: ClientSlot) -> None:
        body = _mapping(bank, client)
        maps = self._request(link, "GET", BASE)
        if body not in [_without_state(each) for each in _maps_in(maps)]:
            raise PeerRejected(str(self._server), f"slot {bank} is not mapped to us there")
        number = bank.bank_id * 65536 + bank.slot_nr
        self._request(link, "DELETE", f"{BASE}/{number}")
        self._insist(link, json.dumps(body))

    def _insist(self, link: LinkBinding, body: str) -> None:
        deadline = Deadline.after(self._clock, REPEAT_LIMIT_S)
        pause = threading.Event()
        while True:
            try:
                self._request(link, "POST", BASE, body)
                return
            except PeerError:
                if deadline.is_over:
                    raise
            self._clock.wait(pause, REPEAT_PAUSE_S)

    def _request(self, link: LinkBinding, method: str, path: str, body: str = "") -> str:
        """The answer's body; PeerError for everything that is no success."""
        deadline = Deadline.after(self._clock, REQUEST_LIMIT_S)
        peer = str(self._server)
        head = f"{method} {path} HTTP/1.0\r\nHost: {self._server.host}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            answer = self._exchange(link, f"{head}\r\n{body}".encode(), deadline)
        except OSError as error:
            raise PeerUnreachable(peer, errno_word(error) or str(error)) from error
        top, _, content = answer.partition(b"\r\n\r\n")
        words = top.split(b" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise PeerNonsense(peer, "the answer is no HTTP")
        if not 200 <= int(words[1]) < 300:
            raise PeerRejected(peer, f"{method} {path} is answered {int(words[1])}", int(words[1]))
        return content.decode("utf-8", "replace")

    def _exchange(self, link: LinkBinding, request: bytes, deadline: Deadline) -> bytes:
        resolver = LinkResolver(self._clock)
        addresses = addresses_of(self._server.host, link, resolver, self._clock)
        with connect_any(link, addresses, self._server.port, deadline) as sock:
            sock.limit(deadline, MAX_ANSWER)
            sock.sendall(request)
            answer = b""
            while octets := sock.recv(65536):
                answer += octets
        return answer


def _mapping(bank: BankSlot, client: ClientSlot) -> dict[str, dict[str, int]]:
    return {
        "bank": {"bankId": bank.bank_id, "slotNr": bank.slot_nr},
        "client": {"clientId": client.client_id, "slotNr": client.slot_nr},
    }


def _maps_in(text: str) -> list[object]:
    try:
        maps = json.loads(text)["slotmaps"]
    except (ValueError, TypeError, KeyError):
        return []
    return maps if isinstance(maps, list) else []


def _without_state(mapping: object) -> object:
    if not isinstance(mapping, dict):
        return mapping
    return {name: value for name, value in mapping.items() if name != "state"}
