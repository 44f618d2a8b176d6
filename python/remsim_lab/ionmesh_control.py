# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the IonMesh stand-in as a program, and steers it while it runs.

A unix socket takes one JSON object per line and answers one per line:
`{"do":"fault","name":"silent","times":2}` · `restore` · `state` · `log` (`since`: number of
requests already seen) · `interval` (`seconds`) · `grace` (`seconds`) · `command` (`command`: an
entry of commands[]) · `expire` (`client_id`) · `drop` (open connections) · `restart`
(`lose_state`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from remsim.clock import SystemClock
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_answers import Fault
from remsim_lab.ionmesh_bank import Bank, make_slots

LINE_MAX = 64 * 1024
ASK_S = 5.0

Verb = Callable[[IonMesh, dict[str, Any]], object]


def _log(mesh: IonMesh, asked: dict[str, Any]) -> object:
    since = int(asked.get("since", 0))
    return {"requests": mesh.requests[since:], "newest": len(mesh.requests)}


def _fault(mesh: IonMesh, asked: dict[str, Any]) -> object:
    times = asked.get("times")
    mesh.fail(Fault(asked["name"]), int(times) if times is not None else None)
    return {}


def _restore(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.restore()
    return {}


def _interval(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.behaviour = replace(mesh.behaviour, heartbeat_interval_s=asked["seconds"])
    return {}


def _grace(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.bank.grace_s = float(asked["seconds"])
    return {}


def _command(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.add_command(asked["command"])
    return {}


def _expire(mesh: IonMesh, asked: dict[str, Any]) -> object:
    return {"expired": mesh.bank.release(str(asked["client_id"]), "expired")}


def _drop(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.drop_connections()
    return {}


def _restart(mesh: IonMesh, asked: dict[str, Any]) -> object:
    mesh.restart(bool(asked.get("lose_state", False)))
    return {}


VERBS: dict[str, Verb] = {
    "fault": _fault,
    "restore": _restore,
    "state": lambda mesh, asked: mesh.state(),
    "log": _log,
    "interval": _interval,
    "grace": _grace,
    "command": _command,
    "expire": _expire,
    "drop": _drop,
    "restart": _restart,
}


def ask(path: str, do: str, **members: object) -> dict[str, Any]:
    """One request to a running stand-in. RuntimeError with its reason if it says no."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ASK_S)
        sock.connect(path)
        with sock.makefile("rwb") as stream:
            stream.write(json.dumps({"do": do, **members}).encode() + b"\n")
            stream.flush()
            reply: dict[str, Any] = json.loads(stream.readline() or b'{"error":"no answer"}')
    if "error" in reply:
        raise RuntimeError(f"ionmesh: {reply['error']}")
    return reply


class Control:
    """The unix socket. One thread per connection, so that nobody waits for anybody."""

    def __init__(self, mesh: IonMesh, path: str) -> None:
        self._mesh = mesh
        self._path = path
        self._listener: socket.socket | None = None

    def start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._path)
        os.chmod(self._path, 0o600)
        self._listener.listen(8)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # closed by stop()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rwb") as stream:
            while line := stream.readline(LINE_MAX):
                stream.write(json.dumps(self._do(line)).encode() + b"\n")
                stream.flush()

    def _do(self, line: bytes) -> object:
        try:
            asked = json.loads(line)
            return VERBS[asked["do"]](self._mesh, asked)
        except (ValueError, KeyError, TypeError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


def tls_context(cert: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    if not cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key or None)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    clock = SystemClock()
    tenants = dict(_tenant(text) for text in options.tenant or ["1"])
    bank = Bank(clock, make_slots(options.banks, options.slots), tenants, options.grace)
    tls = tls_context(options.tls_cert, options.tls_key, options.client_ca)
    with contextlib.ExitStack() as stack:
        write_line = None
        if options.log:
            log = stack.enter_context(open(options.log, "a", buffering=1, encoding="utf-8"))
            write_line = lambda line: print(line, file=log)  # noqa: E731
        mesh = IonMesh(bank, clock, options.bind, options.port, tls, write_line)
        mesh.behaviour = replace(
            mesh.behaviour,
            heartbeat_interval_s=options.interval,
            bankd_endpoint=options.bankd,
        )
        _run(mesh, options.control)
    return 0


def _run(mesh: IonMesh, control_path: str) -> None:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    mesh.start()
    control = Control(mesh, control_path) if control_path else None
    if control is not None:
        control.start()
    print(f"ready on port {mesh.port}", flush=True)
    ended.wait()
    if control is not None:
        control.stop()
    mesh.stop()


def _tenant(text: str) -> tuple[int, str | None]:
    number, _, key = text.partition(":")
    return int(number), key or None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remsim_lab.ionmesh", description="IonMesh stand-in")
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000, help="0 for any")
    parser.add_argument("--control", default="", help="unix socket")
    parser.add_argument("--log", default="", help="JSON lines, one per request")
    parser.add_argument("--tenant", action="append", metavar="ID[:KEY]", help="default: 1, no key")
    parser.add_argument("--banks", type=int, default=2)
    parser.add_argument("--slots", type=int, default=8, help="per bank")
    parser.add_argument("--grace", type=float, default=300.0, help="seconds")
    parser.add_argument("--interval", type=int, default=60, help="heartbeat, seconds")
    parser.add_argument(
        "--bankd", default="http://127.0.0.1:9999", help="endpoint given to clients"
    )
    parser.add_argument("--tls-cert", default="")
    parser.add_argument("--tls-key", default="")
    parser.add_argument("--client-ca", default="", help="demand certificates signed by it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
