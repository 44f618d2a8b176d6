# SPDX-License-Identifier: GPL-2.0-or-later
"""One client connection of the IonMesh stand-in: HTTP/1.1, and all the ways to spoil an answer."""

from __future__ import annotations

import json
import socket
import ssl
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from remsim_lab.ionmesh_answers import BROKEN, Answer, Fault, refuse

if TYPE_CHECKING:
    from remsim_lab.ionmesh import IonMesh

BODY_MAX = 64 * 1024


class Connection(BaseHTTPRequestHandler):
    """One client connection; each answer leaves in one write."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __init__(
        self, sock: socket.socket, peer: tuple[Any, ...], mesh: IonMesh, number: int
    ) -> None:
        self._mesh = mesh
        self._number = number
        super().__init__(sock, peer, mesh)  # type: ignore[arg-type] # only kept, never called

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_DELETE(self) -> None:
        self._do()

    def log_message(self, format: str, *args: object) -> None:
        """The JSON log is enough."""

    def _do(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            self._send(refuse(413, "body too long"))
            return
        text = self.rfile.read(int(length))
        try:
            body = json.loads(text) if text else {}
        except ValueError:
            body = None
        fault = self._mesh.take_fault()
        record = self._record(body, fault)
        self._mesh.log(record)
        if isinstance(body, dict):
            answer = self._mesh.answer(self.command, self.path, self.headers.get("X-API-Key"), body)
        else:
            answer = refuse(400, "body is not a JSON object")
        self._answer(answer, fault, record)
        self._mesh.log_answered(record)

    def _answer(self, answer: Answer, fault: Fault | None, record: dict[str, Any]) -> None:
        if fault is Fault.SILENT:
            self.close_connection = True
            self._mesh.wait_for_release()
            return
        if fault in BROKEN:
            answer = BROKEN[fault]
        record["status"] = answer.status
        if fault is Fault.DRIP:
            self._drip(answer)
        elif fault is Fault.CUT:
            self.close_connection = True
            self.connection.sendall(self._whole(answer)[:-5])
        else:
            self._send(answer)
        if fault is Fault.CLOSE_AFTER:
            self.close_connection = True

    def _drip(self, answer: Answer) -> None:
        self.close_connection = True
        for octet in self._whole(answer):
            self.connection.sendall(bytes((octet,)))
            if self._mesh.wait_for_release(self._mesh.behaviour.drip_s):
                return

    def _send(self, answer: Answer) -> None:
        self.wfile.write(self._whole(answer))
        self.wfile.flush()

    def _whole(self, answer: Answer) -> bytes:
        """What RFC 9110 asks of a server with a clock: date, type and length; nothing to spare."""
        head = [
            f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('', ''))[0]}",
            f"Date: {self.date_time_string()}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + answer.body

    def _record(self, body: object, fault: Fault | None) -> dict[str, Any]:
        tls = self.connection if isinstance(self.connection, ssl.SSLSocket) else None
        return {
            "wall": self._mesh.clock.wall(),
            "monotonic": self._mesh.clock.monotonic(),
            "peer": self.client_address[0],
            "connection": self._number,
            "method": self.command,
            "path": self.path,
            "body": body,
            "client_id": body.get("client_id") if isinstance(body, dict) else None,
            "has_key": "X-API-Key" in self.headers,
            "headers": [name for name in self.headers if name != "X-API-Key"],
            "tls": tls.version() if tls is not None else None,
            "tls_resumed": bool(tls.session_reused) if tls is not None else None,
            "fault": fault.value if fault else None,
            "status": None,
        }
