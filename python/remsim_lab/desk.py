# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's control socket: one question as a line of JSON, then lines of text, then an exit code.

    -> {"command": "fail", "target": "modem1", "kind": "signal"}
    <- {"line": "modem1: no signal"}
    <- {"exit": 0}

The answering side runs each question on a thread of its own, so that a scenario of five minutes
does not keep anybody from looking. A client that goes away ends nothing but its own output.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remsim_lab.network.namespace import NetworkError

QUESTION_MAX_BYTES = 65536
QUESTION_LIMIT_S = 5.0

Say = Callable[[str], None]
Answer = Callable[[Mapping[str, Any], Say], int]
"""`answer(question, say)` -> exit code; it raises `LabError` to refuse."""


class LabError(Exception):
    """The lab cannot do what was asked; the text says why."""


class Desk:
    """Listens on a unix socket for root only."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = socket.socketpair()

    def open(self) -> None:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._path))
        os.chmod(self._path, 0o600)
        listener.listen()
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="lab-desk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._wake_write.send(b"w")
            self._thread.join()
            self._thread = None
        if self._listener is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)
        self._wake_read.close()
        self._wake_write.close()

    def _run(self) -> None:
        listener = self._listener
        assert listener is not None
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake_read in ready:
                    return
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(QUESTION_LIMIT_S)
            question = _read_question(connection)

            def say(line: str) -> None:
                _send(connection, {"line": line})

            try:
                code = self._answer(question, say)
            except (LabError, NetworkError) as error:
                say(f"remsim-lab: {error}")
                code = 1
            _send(connection, {"exit": code})


def _read_question(connection: socket.socket) -> Mapping[str, Any]:
    raw = b""
    while not raw.endswith(b"\n"):
        part = connection.recv(4096)
        if not part or len(raw) > QUESTION_MAX_BYTES:
            raise OSError("no question")
        raw += part
    question = json.loads(raw)
    if not isinstance(question, dict):
        raise OSError("not a question")
    return question


def _send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def ask(path: Path, question: Mapping[str, Any], say: Say) -> int:
    """The client's side: each line as it comes, then the exit code. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        _send(connection, question)
        with connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                message = json.loads(line)
                if "exit" in message:
                    return int(message["exit"])
                say(str(message["line"]))
    raise OSError("the lab ended before the answer was complete")
