# SPDX-License-Identifier: GPL-2.0-or-later
"""IonMesh stand-in: an orchestrator that assigns SIM slots, enforces grace, and fails in every way
asked for.

python -m remsim_lab.ionmesh --bind 0.0.0.0 --port 5000 --control /run/ionmesh.sock --log
ionmesh.jsonl

HTTP/1.1 with keep-alive, optionally TLS. Serves the paths and JSON of terminills/osmo-remsim
doc/IONMESH-INTEGRATION.md; answers are compact JSON, because the C fork's client finds a text only
right behind its colon. What it answers does not come from the product's own code. Faults and
injections: `remsim_lab.ionmesh_control`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from remsim.clock import Clock
from remsim_lab.ionmesh_answers import Answer, Fault, answer_json, refuse
from remsim_lab.ionmesh_bank import MODES, Bank, Client, NoSlot
from remsim_lab.ionmesh_connection import Connection

BASE = "/api/backend/v1/remsim"
LOG_MAX = 10_000  # requests kept in memory
TLS_HANDSHAKE_S = 10.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What may be set from outside, besides faults."""

    heartbeat_interval_s: float = 60
    bankd_endpoint: str = "http://127.0.0.1:9999"
    drip_s: float = 1.0


class IonMesh:
    """The server. `start()` listens, `stop()` ends everything. Methods may be called from any
    thread.
    """

    def __init__(
        self,
        bank: Bank,
        clock: Clock,
        bind: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        write_line: Callable[[str], None] | None = None,
    ) -> None:
        self.bank = bank
        self.behaviour = Behaviour()
        self.requests: list[dict[str, Any]] = []
        self.port = port
        self.clock = clock
        self._bind = bind
        self._tls = tls
        self._write_line = write_line
        self._fault: Fault | None = None
        self._fault_left: int | None = None
        self._commands: list[dict[str, Any]] = []
        self._lock = threading.RLock()
        self._listener: socket.socket | None = None
        self._open: dict[int, socket.socket] = {}
        self._connections = 0
        self._released = threading.Event()  # ends whatever a fault keeps waiting

    # --- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        family = socket.AF_INET6 if ":" in self._bind else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._bind, self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        self._released.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop_connections()

    def restart(self, lose_state: bool) -> None:
        self.stop()
        if lose_state:
            self.bank.forget()
        self._released.clear()
        self.start()

    def drop_connections(self) -> None:
        """As a NAT that forgot them: reset, not closed."""
        with self._lock:
            sockets, self._open = tuple(self._open.values()), {}
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    # --- control -------------------------------------------------------------------------------

    def fail(self, fault: Fault, times: int | None = None) -> None:
        self.restore()
        self._released.clear()
        with self._lock:
            self._fault, self._fault_left = fault, times
        if fault is Fault.DOWN:
            self.stop()

    def restore(self) -> None:
        with self._lock:
            was, self._fault, self._fault_left = self._fault, None, None
        self._released.set()
        if was is Fault.DOWN:
            self._released.clear()
            self.start()

    @property
    def fault(self) -> Fault | None:
        return self._fault

    def add_command(self, command: dict[str, Any]) -> None:
        """Goes out with the next heartbeat's answer, once."""
        with self._lock:
            self._commands.append(command)

    def state(self) -> dict[str, Any]:
        """For people and tests; times in seconds ago."""
        now = self.clock.monotonic()
        return {
            "port": self.port,
            "fault": self._fault.value if self._fault else None,
            "grace_s": self.bank.grace_s,
            "heartbeat_interval_s": self.behaviour.heartbeat_interval_s,
            "requests": len(self.requests),
            "connections": self._connections,
            "clients": [_client_state(client, now) for client in self.bank.clients()],
            "happenings": [
                {"age_s": round(now - each.at, 3), "what": each.what, "client_id": each.client_id}
                for each in self.bank.happenings[-100:]
            ],
        }

    # --- requests ------------------------------------------------------------------------------

    def take_fault(self) -> Fault | None:
        with self._lock:
            fault = self._fault
            if fault is not None and self._fault_left is not None:
                self._fault_left -= 1
                if self._fault_left <= 0:
                    self._fault = self._fault_left = None
            return fault

    def wait_for_release(self, seconds: float | None = None) -> bool:
        """True when the fault that makes one wait is over."""
        return self._released.wait(seconds)

    def answer(self, method: str, path: str, key: str | None, body: dict[str, Any]) -> Answer:
        tenant_id = self.bank.tenant_of(key)
        if key is not None and tenant_id is None:
            return refuse(401, "Unauthorized")
        if method == "GET" and path == f"{BASE}/discover":
            return self._discover()
        if method == "POST" and path == f"{BASE}/register-client":
            return self._register(tenant_id, body)
        if method == "POST" and path == f"{BASE}/heartbeat":
            return self._beat(tenant_id, body)
        if method == "DELETE" and path.startswith(f"{BASE}/unregister/"):
            return self._unregister(tenant_id, unquote(path.rsplit("/", 1)[1]))
        return refuse(404, "Not found")

    def _register(self, tenant_id: int | None, body: dict[str, Any]) -> Answer:
        client_id, wanted = body.get("client_id"), body.get("tenant_id", 1)
        mode = body.get("mapping_mode", MODES[0])
        if not isinstance(client_id, str) or not client_id:
            return refuse(400, "client_id required")
        if not isinstance(wanted, int) or not self.bank.knows(wanted):
            return refuse(400, "unknown tenant_id")
        if mode not in MODES:
            return refuse(400, f"unknown mapping_mode, one of {', '.join(MODES)}")
        if self.bank.needs_key(wanted) and tenant_id is None:
            return refuse(401, "Unauthorized")
        if tenant_id is not None and tenant_id != wanted:
            return refuse(403, "Key belongs to another tenant")
        try:
            client, was_known = self.bank.register(
                client_id, wanted, mode, body.get("mcc_mnc") or "", body.get("preferred_bank_id")
            )
        except NoSlot as error:
            return _no_slot(error.available_modes)
        return self._assigned(client, was_known)

    def _assigned(self, client: Client, was_known: bool) -> Answer:
        note = {"note": "Existing registration returned"} if was_known else {}
        return answer_json(
            200,
            status="ok",
            bank_id=client.slot.bank_id,
            slot_id=client.slot.slot_id,
            iccid=client.slot.iccid,
            imsi=client.slot.imsi,
            bankd_endpoint=self.behaviour.bankd_endpoint,
            mapping_mode=client.mode,
            profile_id=client.profile_id,
            heartbeat_interval=self.behaviour.heartbeat_interval_s,
            ki_proxy_enabled=client.mode == "KI_PROXY_SWSIM",
            **note,
        )

    def _beat(self, tenant_id: int | None, body: dict[str, Any]) -> Answer:
        client_id = body.get("client_id")
        if not isinstance(client_id, str) or not client_id:
            return refuse(400, "client_id required")
        client = self.bank.find(client_id, tenant_id)
        if client is None:
            return refuse(404, "Client not registered")
        self.bank.beat(
            client,
            str(body.get("status", "active")),
            body.get("stats") or {},
            body.get("modem_info") or {},
        )
        with self._lock:
            commands, self._commands = self._commands, []
        return answer_json(
            200,
            status="ok",
            next_heartbeat_interval=self.behaviour.heartbeat_interval_s,
            commands=commands,
        )

    def _unregister(self, tenant_id: int | None, client_id: str) -> Answer:
        if self.bank.find(client_id, tenant_id) is None:
            return refuse(404, "Client not found")
        self.bank.release(client_id)
        return answer_json(200, status="ok", message="Client unregistered and slot released")

    def _discover(self) -> Answer:
        return answer_json(
            200,
            service="ionmesh-orchestrator",
            version="1.0.0",
            capabilities=["slot-assignment", "multi-tenant", "health-monitoring"],
            supported_mapping_modes=list(MODES),
        )

    def log(self, record: dict[str, Any]) -> None:
        """One request. The API key is never in it."""
        with self._lock:
            self.requests.append(record)
            del self.requests[:-LOG_MAX]

    def log_answered(self, record: dict[str, Any]) -> None:
        if self._write_line is not None:
            self._write_line(json.dumps(record, separators=(",", ":")))

    # --- connections ---------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return  # closed by stop()
            with self._lock:
                self._connections += 1
                number = self._connections
                self._open[number] = sock
            threading.Thread(target=self._serve, args=(sock, peer, number), daemon=True).start()

    def _serve(self, plain: socket.socket, peer: tuple[Any, ...], number: int) -> None:
        sock = plain
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._handshake(plain, number)
            Connection(sock, peer, self, number)
        except OSError:
            pass  # the client went away, or was thrown out: nobody is left to be told
        finally:
            with self._lock:
                self._open.pop(number, None)
            sock.close()

    def _handshake(self, plain: socket.socket, number: int) -> socket.socket:
        if self._tls is None:
            return plain
        plain.settimeout(TLS_HANDSHAKE_S)
        sock = self._tls.wrap_socket(plain, server_side=True)
        sock.settimeout(None)
        with self._lock:
            self._open[number] = sock
        return sock


def _no_slot(available_modes: tuple[str, ...]) -> Answer:
    return refuse(
        503,
        "No available slots for requested mapping mode",
        available_modes=list(available_modes),
    )


def _client_state(client: Client, now: float) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "tenant_id": client.tenant_id,
        "mapping_mode": client.mode,
        "bank_id": client.slot.bank_id,
        "slot_id": client.slot.slot_id,
        "iccid": client.slot.iccid,
        "beats": client.beats,
        "status": client.status,
        "stats": client.stats,
        "modem_info": client.modem,
        "silent_s": round(now - client.heard_at, 3),
    }


if __name__ == "__main__":
    from remsim_lab.ionmesh_control import main

    raise SystemExit(main())
