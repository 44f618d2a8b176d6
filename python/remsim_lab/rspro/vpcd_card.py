# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual SIM in the slot of a virtual reader, for a real pcscd and bank: `python -m
remsim_lab.rspro.vpcd_card [PORT] [ICCID] [IMSI]`. Ends when the reader closes.
"""

from __future__ import annotations

import socket
import sys

from remsim_lab.rspro.sim import VirtualSim

DEFAULT_PORT = 35963
POWER_OFF, POWER_ON, RESET, GET_ATR = 0, 1, 2, 4


def serve(sim: VirtualSim, port: int, host: str = "127.0.0.1") -> None:
    """Answer the reader until it goes away."""
    with socket.create_connection((host, port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        unread = b""
        while True:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            octets = sock.recv(4096)
            if not octets:
                return
            unread += octets
            while len(unread) >= 2 and len(unread) >= 2 + int.from_bytes(unread[:2], "big"):
                end = 2 + int.from_bytes(unread[:2], "big")
                answer = answer_to(sim, unread[2:end])
                unread = unread[end:]
                if answer is not None:
                    sock.sendall(len(answer).to_bytes(2, "big") + answer)


def answer_to(sim: VirtualSim, message: bytes) -> bytes | None:
    if len(message) != 1:
        return sim.process(message)
    if message[0] == GET_ATR:
        return sim.atr
    sim.reset()
    return None


def main(arguments: list[str]) -> None:
    port = int(arguments[0]) if arguments else DEFAULT_PORT
    sim = VirtualSim(arguments[1], arguments[2]) if len(arguments) > 2 else VirtualSim()
    serve(sim, port)


if __name__ == "__main__":
    main(sys.argv[1:])
