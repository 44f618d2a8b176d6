# SPDX-License-Identifier: GPL-2.0-or-later
"""A simulated modem as a device: pseudo-terminals,
a USB device in the lab's sysfs, GPIO lines, on a thread of its own.

Every method may be called from any thread; what it asks for is done on the modem's thread, in
order.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import queue
import select
import termios
import threading
import time
import tty
from collections.abc import Callable, Sequence
from typing import Protocol

from remsim_lab.modems.cards import LOCAL_PRIMARY, REMOTE_PRIMARY, CardSlot, SimCard
from remsim_lab.modems.core import SimulatedCore
from remsim_lab.modems.model import Model
from remsim_lab.modems.tables import MODELS
from remsim_lab.modems.usb_tree import UsbTree, free_name

log = logging.getLogger("remsim_lab.modem")

READ_BYTES = 4096
IDLE_S = 5.0  # longest sleep; everything else wakes the thread by itself
_IN_CLOSE_WRITE = 0x00000008


class LabClock(Protocol):
    def monotonic(self) -> float: ...


class _RealClock:
    def monotonic(self) -> float:
        return time.monotonic()


class _Terminal:
    """One pseudo-terminal; `is_at` False = a serial port that says nothing."""

    def __init__(self, is_at: bool) -> None:
        self.is_at = is_at
        self.master, slave = os.openpty()
        # A fresh terminal echoes until somebody makes it raw, so a modem would hear itself talk.
        tty.setraw(slave, termios.TCSANOW)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self.master, False)

    def close(self) -> None:
        os.close(self.master)


class SimulatedModem:
    """`model` is a name of `MODELS` or a `Model`;
    `tty_names` are the names of its serial interfaces in order.

    `place` is the USB port path. Levels of `on_reset_line` and so on are those of the pin, before
    any active-low. `on_registration(bool)` is called on the modem's thread whenever its data link
    comes or goes, first at the start. `speed` divides every time of the device. The clock need only
    tell the time.
    """

    def __init__(
        self,
        model: str | Model,
        root: str,
        tty_names: Sequence[str],
        bus_path: str,
        clock: LabClock | None = None,
        *,
        net_name: str | None = None,
        imei: str | None = None,
        local: SimCard | None = None,
        remote: SimCard | CardSlot | None = None,
        has_local: bool = True,
        has_remote: bool = False,
        operator: str = "Lab One",
        speed: float = 1.0,
        is_up: bool = True,
        reset_active_low: bool = True,
        power_active_low: bool = False,
        on_registration: Callable[[bool], None] = lambda is_registered: None,
        on_usb: Callable[[bool], None] = lambda is_present: None,
    ) -> None:
        self.model = MODELS[model] if isinstance(model, str) else model
        self.tty_names = tuple(tty_names)
        self.bus_path = bus_path
        if local is None and has_local:
            local = SimCard(*LOCAL_PRIMARY)
        if remote is None and has_remote:
            remote = SimCard(*REMOTE_PRIMARY)
        self.core = SimulatedCore(
            self.model, imei=imei, local=local, remote=remote, operator=operator, speed=speed
        )
        self.core.on_usb = self._usb_changed
        self.core.on_registration = on_registration
        self._on_registration = on_registration
        self._on_usb = on_usb
        self._root = root
        self._clock: LabClock = clock or _RealClock()
        self._tree = UsbTree(root, bus_path, self.model, net_name)
        self._is_up = is_up
        self._reset_asserted_level = 0 if reset_active_low else 1
        self._power_off_level = 0 if power_active_low else 1
        self._terminals: dict[int, _Terminal] = {}
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read = self._wake_write = -1
        self._inotify = -1
        self._epoll: select.epoll | None = None
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._was_authorized = True

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Returns when the device is there (or, with `is_up` False, booting)."""
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._inotify = _inotify_init()
        self._epoll.register(self._inotify, select.EPOLLIN)
        self._thread = threading.Thread(
            target=self._run, name=f"lab-{self.model.name}-{self.bus_path}", daemon=True
        )
        self._thread.start()
        self._do(self._switch_on)

    def _switch_on(self) -> None:
        self.core.switch_on(self._now(), is_up=self._is_up)
        self._on_registration(False)

    def stop(self) -> None:
        """The device leaves, its nodes with it."""
        if self._thread is None:
            return
        self._do(self._end)
        self._thread.join()
        self._thread = None
        for fd in (self._wake_read, self._wake_write, self._inotify):
            os.close(fd)
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _end(self) -> None:
        self._is_stopping = True
        self._leave()
        self._tree.leave()

    # --- what the lab can do to it ------------------------------------------------------------

    def fail(self, kind: str, cure: str | None = None) -> None:
        """See `remsim_lab.modems.faults.FAULTS`;
        `cure` overrides what heals it ("never", "radio", ... "power")."""
        self._do(lambda: self.core.fail(kind, self._now(), cure))

    def restore(self) -> None:
        self._do(lambda: self.core.restore(self._now()))

    def on_reset_line(self, level: int) -> None:
        """The reset pin's level."""
        asserted = level == self._reset_asserted_level
        self._do(lambda: self.core.hold_reset(asserted, self._now()))

    def on_power_line(self, level: int) -> None:
        """The power pin's level."""
        is_on = level != self._power_off_level
        self._do(lambda: self.core.power(is_on, self._now()))

    def on_sim_switch(self, level: int) -> None:
        """0 local, 1 remote. The modem does not notice."""
        source = "remote" if level else "local"
        self._do(lambda: self.core.select(source, self._now()))

    def on_authorized(self, value: int) -> None:
        """What was written to the device's `authorized` in sysfs (noticed by itself)."""
        self._do(lambda: self.core.authorize(bool(value), self._now()))

    def insert(self, source: str, card: SimCard | None) -> None:
        """A card on the "local" or "remote" side, or None to take it away."""
        self._do(lambda: self.core.insert(source, card, self._now()))

    def card_was_read(self, card: SimCard | None) -> None:
        """From whoever plays the card of the selected slot; nobody waits."""
        self._requests.put(lambda: self.core.card_was_read(card, self._now()))
        os.write(self._wake_write, b"x")

    def renumber(self, tty_names: Sequence[str]) -> None:
        """Names for the next time it enters USB."""
        names = tuple(tty_names)

        def take() -> None:
            self.tty_names = names

        self._do(take)

    @property
    def is_on_usb(self) -> bool:
        return self.core.is_on_usb

    @property
    def is_registered(self) -> bool:
        return self.core.is_registered

    # --- the thread ---------------------------------------------------------------------------

    def _do(self, action: Callable[[], None]) -> None:
        """On the modem's thread; returns when done, and raises what it raised."""
        if self._thread is threading.current_thread():
            action()
            return
        if self._thread is None:
            raise RuntimeError("the simulated modem is not running")
        done = threading.Event()
        raised: list[Exception] = []

        def run() -> None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 it belongs to the caller
                raised.append(error)
            finally:
                done.set()

        self._requests.put(run)
        os.write(self._wake_write, b"x")
        done.wait()
        if raised:
            raise raised[0]

    def _now(self) -> float:
        return self._clock.monotonic()

    def _run(self) -> None:
        while not self._is_stopping:
            self._wait()
            self._serve_requests()
            self.core.advance(self._now())
            self._flush()

    def _wait(self) -> None:
        assert self._epoll is not None
        next_at = self.core.next_at
        timeout_s = IDLE_S if next_at is None else min(IDLE_S, max(0.0, next_at - self._now()))
        for fd, _ in self._epoll.poll(timeout_s):
            if fd == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, READ_BYTES)
            elif fd == self._inotify:
                self._authorized_written()
            else:
                self._read(fd)

    def _serve_requests(self) -> None:
        while not self._requests.empty():
            self._requests.get()()

    def _read(self, fd: int) -> None:
        """Nobody has the terminal open (EIO), nothing is there (EAGAIN): both mean later."""
        terminal = next((t for t in self._terminals.values() if t.master == fd), None)
        while terminal is not None:
            try:
                data = os.read(fd, READ_BYTES)
            except OSError:
                return
            if not data:
                return
            if terminal.is_at:
                self.core.receive(data, self._now())

    def _flush(self) -> None:
        """To the first AT port; what a full terminal does not take is lost, as on a real one."""
        data = self.core.take_output()
        terminal = next((t for t in self._terminals.values() if t.is_at), None)
        if data and terminal is not None:
            with contextlib.suppress(OSError):
                os.write(terminal.master, data)

    # --- USB ----------------------------------------------------------------------------------

    def _usb_changed(self, is_present: bool) -> None:
        if is_present:
            self._enter()
        else:
            self._leave()
        self._on_usb(is_present)

    def _enter(self) -> None:
        assert self._epoll is not None
        serial = [i for i in self.model.interfaces if i.kind in ("at", "tty")]
        names: dict[int, tuple[str, str]] = {}
        has_at = False
        os.makedirs(f"{self._root}/dev", exist_ok=True)
        for interface, wanted in zip(serial, self.tty_names, strict=False):
            terminal = _Terminal(interface.kind == "at" and not has_at)
            has_at = has_at or terminal.is_at
            self._terminals[interface.number] = terminal
            taken = {name for name, _ in names.values()}
            names[interface.number] = (free_name(self._root, wanted, taken), terminal.path)
            self._epoll.register(terminal.master, select.EPOLLIN | select.EPOLLET)
        self._tree.enter(names)
        _inotify_watch(self._inotify, self._tree.authorized_path)

    def _leave(self) -> None:
        """The nodes go, and whoever has one open is hung up on."""
        self._tree.leave(keep_device=not self._was_authorized)
        for terminal in self._terminals.values():
            if self._epoll is not None:
                self._epoll.unregister(terminal.master)
            terminal.close()
        self._terminals.clear()

    def _authorized_written(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._inotify, READ_BYTES)
        try:
            with open(self._tree.authorized_path, encoding="ascii") as file:
                value = file.read(8).strip() != "0"
        except OSError:
            return
        if value != self._was_authorized:
            self._was_authorized = value
            self.core.authorize(value, self._now())


# --- inotify, which Python does not have -------------------------------------------------------


_libc = ctypes.CDLL(None, use_errno=True)


def _inotify_init() -> int:
    fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    return fd


def _inotify_watch(fd: int, path: str) -> None:
    if _libc.inotify_add_watch(fd, path.encode(), _IN_CLOSE_WRITE) < 0:
        raise OSError(ctypes.get_errno(), f"inotify_add_watch {path}")
