# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's remote SIM, from the bank to the modem's contacts: remsim-server and bank stand-ins
with a virtual USIM in each slot, the SIMtrace2 board in the primary's second SIM slot, and
remsim-client as a supervised program of the router.

IonMesh assigns; whoever holds a slot there has its mapping at the remsim-server, until it is over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from remsim.clock import Clock
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim_lab.ionmesh_bank import Bank
from remsim_lab.ionmesh_bank import Slot as BankEntry
from remsim_lab.launchers import Place, environment_of, python
from remsim_lab.modems.cards import SimCard
from remsim_lab.network import addresses
from remsim_lab.rspro.bankd import Bankd
from remsim_lab.rspro.milenage import Subscriber
from remsim_lab.rspro.remote_slot import HomeNetwork, RemoteSlot
from remsim_lab.rspro.server import BANKD_PORT, REST_PORT, RSPRO_PORT, RemsimServer
from remsim_lab.rspro.sim import VirtualSim
from remsim_lab.rspro.startup import proactive_commands
from remsim_lab.rspro.usb_board import PluggedBoard
from remsim_lab.service import Program

CLIENT = ClientSlot(0, 0)  # the shipped configuration's
BOOK_S = 0.5  # of real time, between two looks whether somebody's grace is over
# Known to bank and home network; test set 1 of 3GPP TS 35.208.
KEY = bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc")
OPC = bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf")
_MOODS: dict[str, tuple[str, object]] = {"silent": ("is_mute", True), "slow": ("delay_s", 2.0)}
SERVICE = "etc/init.d/remsim-client"
PID_FILE = "var/run/remsim/client.pid"


class BankSide:
    """`start()` where the servers are. The book of IonMesh is followed from then on."""

    def __init__(self, bank: Bank, clock: Clock, has_network: bool) -> None:
        self._bank = bank
        self._clock = clock
        ports = (RSPRO_PORT, REST_PORT, BANKD_PORT) if has_network else (0, 0, 0)
        host = addresses.REMSIM_SERVER if has_network else "127.0.0.1"
        self._bank_host = addresses.BANKD if has_network else "127.0.0.1"
        self._cards = {slot.slot_id: new_card(slot) for slot in bank.slots}
        self.server = RemsimServer(ports[0], ports[1], host, clock=clock)
        self.bankd = self._make_bankd(ports[2])
        self._is_down = {"server": False, "bankd": False}
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def _make_bankd(self, port: int) -> Bankd:
        bank_id, slots = self._bank.slots[0].bank_id, max(self._cards) + 1
        cards = dict(self._cards)
        return Bankd(cards, None, bank_id, slots, self._bank_host, port, self._clock)

    def start(self) -> None:
        self.server.start()
        self._start_bankd()
        self._bank.on_change = self._follow
        self._thread = threading.Thread(target=self._look, name="lab-bank-book", daemon=True)
        self._thread.start()

    def _start_bankd(self) -> None:
        self.bankd.server = (self.server.host, self.server.rspro_port)
        self.bankd.start()
        self.server.bankd_port = self.bankd.port

    def stop(self) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()
        self._bank.on_change = lambda: None
        self.bankd.stop()
        self.server.stop()

    # --- breaking and mending; where the servers are -----------------------------------------

    def fail_server(self) -> None:
        """It ends, and with it its mappings."""
        self._is_down["server"] = True
        self.server.stop()

    def mend_server(self) -> None:
        if self._is_down["server"]:
            old = self.server
            self.server = RemsimServer(old.rspro_port, old.rest_port, old.host, clock=self._clock)
            self.server.bankd_port = self.bankd.port
            self.server.start()
            self._is_down["server"] = False
            self._follow()

    def fail_bankd(self, kind: str) -> None:
        bankd = self.bankd
        if kind == "down":
            self._is_down["bankd"] = True
            bankd.stop()
        elif kind == "pull":
            bankd.ask(bankd.cards.clear)
        else:
            bankd.ask(lambda: setattr(bankd, *_MOODS[kind]))

    def mend_bankd(self) -> None:
        if self._is_down["bankd"]:
            self.bankd = self._make_bankd(self.bankd.port)
            self._start_bankd()
            self._is_down["bankd"] = False
            return

        def well() -> None:
            self.bankd.cards.update(self._cards)
            self.bankd.is_mute, self.bankd.delay_s = False, 0.0

        self.bankd.ask(well)

    @property
    def words(self) -> str:
        """How it is, for people."""
        parts = [f"{name} down" for name, is_down in self._is_down.items() if is_down]
        if not self._is_down["server"]:
            maps = self.server.ask(lambda: [f"{m.bank} for {m.client}" for m in self.server.maps])
            parts.append(f"slot {', '.join(maps)}" if maps else "no slot mapped")
        return ", ".join([*parts, f"{self.bankd.tpdus} commands"])

    # --- the book -----------------------------------------------------------------------------

    def _look(self) -> None:
        while not self._is_over.wait(BOOK_S):
            self._bank.clients()  # an expiry is booked when somebody asks

    def _follow(self) -> None:
        holder = next(iter(self._bank.holders()), None)
        wanted = BankSlot(holder.slot.bank_id, holder.slot.slot_id) if holder else None
        if not self._is_down["server"]:
            self.server.ask(lambda: self._map(wanted))

    def _map(self, wanted: BankSlot | None) -> None:
        """On the server's thread."""
        mapped = [each for each in self.server.maps if each.client == CLIENT]
        for each in mapped:
            if each.bank != wanted:
                self.server.remove(each.id)
        if wanted is not None and not any(each.bank == wanted for each in mapped):
            self.server.create(wanted, CLIENT)


def new_card(slot: BankEntry) -> VirtualSim:
    return VirtualSim(slot.iccid, slot.imsi, Subscriber(KEY, OPC), proactive=proactive_commands())


class RouterSide:
    """Board, contacts and the program. `slot` goes into the modem before `plug()`."""

    def __init__(
        self, place: Place, speed: float, on_read: Callable[[SimCard | None], None]
    ) -> None:
        self._place = place
        self._speed = speed
        self.board = PluggedBoard(place.usb_socket)
        network = HomeNetwork(Subscriber(KEY, OPC))
        self.slot = RemoteSlot(self.board, network, speed, os.urandom, time.monotonic, on_read)

    def plug(self) -> None:
        self.board.plug()

    def unplug(self) -> None:
        """The modem's driver first: nobody answers it any more."""
        self.slot.power_off()
        self.board.unplug()

    def install(self) -> None:
        """The service's script, as far as the daemon calls it: procd ends the program for a reload
        and starts it again at once.
        """
        script = self._place.root / SERVICE
        script.parent.mkdir(parents=True, exist_ok=True)
        pid_file = self._place.root / PID_FILE
        script.write_text(f'#!/bin/sh\nread -r pid <"{pid_file}" && kill "$pid"\nexit 0\n')
        script.chmod(0o755)

    def program(self, log: Path) -> Program:
        root = str(self._place.root)
        if self._speed == 1:
            argv = python("-m", "remsim.client", "--root", root)
        else:
            argv = python("-m", "remsim_lab.fast_client", f"{self._speed:g}", "--root", root)
        pid_file = str(self._place.root / PID_FILE)
        noted = ("sh", "-c", 'echo "$$" >"$0"; exec "$@"', pid_file, *self._place.inside, *argv)
        return Program("remsim-client", noted, environment_of(self._place), log)
