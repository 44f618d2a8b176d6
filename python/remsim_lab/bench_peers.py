# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench's own programs on the bus: a caller that times its calls, and a bare answerer.

    call SOCKET OBJECT METHOD COUNT     milliseconds of each call, one per line
    answer SOCKET FILE                  is the object `bench` with the method `status`
    until SOCKET OBJECT METHOD          monotonic seconds of the first answer

They are processes of their own, so that nothing but the bus stands between them and the daemon.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from remsim.bus.ubus import BusClient, load_binding, take_signals
from remsim.errors import BusError

CALL_LIMIT_MS = 10_000
RETRY_S = 0.005
UNTIL_LIMIT_S = 30.0


def call(socket: str, object_name: str, method: str, count: str) -> None:
    with BusClient(socket) as client:
        for _ in range(int(count)):
            before = time.perf_counter()
            client.call(object_name, method, {}, CALL_LIMIT_MS)
            print(f"{1000 * (time.perf_counter() - before):.4f}")


def answer(socket: str, file: str) -> None:
    """Replies with a fixed text: what any answer of that size costs here."""
    reply = json.loads(Path(file).read_text(encoding="utf-8"))
    stopping = threading.Event()
    take_signals(stopping.set)
    binding = load_binding()
    binding.connect(socket)

    def status(handler: Any, _: dict[str, Any]) -> None:
        handler.reply(reply)

    binding.add("bench", {"status": {"method": status, "signature": {}}})
    print("ready", flush=True)
    while not stopping.is_set():
        binding.loop(200)


def until(socket: str, object_name: str, method: str) -> None:
    """Ask until there is an answer."""
    pause = threading.Event()
    give_up_at = time.monotonic() + UNTIL_LIMIT_S
    while time.monotonic() < give_up_at:
        try:
            with BusClient(socket) as client:
                client.call(object_name, method, {}, CALL_LIMIT_MS)
        except BusError:
            pause.wait(RETRY_S)
            continue
        print(f"{time.monotonic():.4f}")
        return
    raise SystemExit("no answer")


if __name__ == "__main__":
    ROLES: dict[str, Callable[..., None]] = {"call": call, "answer": answer, "until": until}
    ROLES[sys.argv[1]](*sys.argv[2:])
