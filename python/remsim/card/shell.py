# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end for scripts: hexadecimal TPDUs on standard input, answers on standard output.

In: one TPDU a line (blanks allowed), or RESET. Out: `SET_ATR: 3b 00` and `R-APDU: 90 00` lines, as
osmo-remsim-client-shell writes them. A line that is neither goes to the log and has no answer.
After the end of input the client ends, once every command read has its answer. Reading stops while
the reader of the output is slow, so nothing piles up.
"""

from __future__ import annotations

import errno
import logging
import os

from remsim.card.api import CardUser, Presence
from remsim.eventloop import EventLoop
from remsim.rspro.messages import SlotPhysStatus

LOG = logging.getLogger(__name__)

INPUT, OUTPUT = 0, 1
MAX_LINE = 4096  # a TPDU has 520 digits; longer lines are rubbish
READ_OCTETS = 65536
MAX_COMMANDS = 32  # read ahead; the relay keeps 64 waiting
UNPOWERED = SlotPhysStatus(True, False, False, True)
POWERED = SlotPhysStatus(False, True, True, True)


class ShellFrontEnd:
    name = "shell"
    presence = Presence(True)

    def __init__(self, loop: EventLoop, input_fd: int = INPUT, output_fd: int = OUTPUT) -> None:
        self._loop = loop
        self._input_fd = input_fd
        self._output_fd = output_fd
        self._user: CardUser | None = None
        self._partial = b""
        self._lines: list[bytes] = []
        self._pending = b""
        self._unanswered = 0
        self._is_ended = False
        self._is_reading = False
        self._was_blocking = True

    def open(self, user: CardUser) -> None:
        self._user = user
        self._was_blocking = os.get_blocking(self._output_fd)
        os.set_blocking(self._output_fd, False)
        self._read_on()

    def close(self) -> None:
        self._stop_reading()
        if self._pending:
            self._loop.unwatch(self._output_fd)
            self._pending = b""
        os.set_blocking(self._output_fd, self._was_blocking)

    def present(self, atr: bytes) -> None:
        self.set_atr(atr)

    def remove(self) -> None:
        """What waits for an answer gets none."""
        self._unanswered = 0
        self._go_on()

    def set_atr(self, atr: bytes) -> None:
        self._write(f"SET_ATR: {atr.hex(' ')}\n".encode())

    def answer(self, response: bytes) -> None:
        self._unanswered = max(0, self._unanswered - 1)
        self._write(f"R-APDU: {response.hex(' ')}\n".encode())
        if self._is_ended or self._lines:
            self._go_on()

    def reset_modem(self) -> bool:
        """A script has no memory of the card: nothing needs to be done."""
        return True

    # --- input ------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        if self._is_reading or self._is_ended:
            return
        try:
            self._loop.watch(self._input_fd, self._readable)
            self._is_reading = True
        except PermissionError:  # epoll refuses regular files; they are always readable
            self._loop.at(self._loop.clock.monotonic(), self, self._readable)

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._loop.unwatch(self._input_fd)
            self._is_reading = False

    def _readable(self) -> None:
        try:
            octets = os.read(self._input_fd, READ_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            LOG.warning("standard input: %s", error.strerror)
            octets = b""
        self._is_ended = not octets
        *lines, self._partial = (self._partial + octets).split(b"\n")
        if self._is_ended and self._partial:
            lines.append(self._partial)
        if len(self._partial) > MAX_LINE:
            LOG.warning("a line of more than %d characters is dropped", MAX_LINE)
            self._partial = b""
        self._lines += lines
        self._go_on()

    def _go_on(self) -> None:
        """Hand over what was read, as far as there is room, and read on if all of it went."""
        while self._lines and self._unanswered < MAX_COMMANDS:
            self._take(self._lines.pop(0))
        if self._lines or self._pending:
            self._stop_reading()
        elif not self._is_ended:
            self._read_on()
        else:
            self._stop_reading()
            if not self._unanswered:
                self._end("end of input")

    def _take(self, line: bytes) -> None:
        if self._user is None:
            return
        try:
            command = bytes.fromhex(line.decode("ascii"))
        except ValueError:
            self._take_word(line.decode("ascii", "replace").strip(), self._user)
            return
        if 5 <= len(command) <= 260:
            self._unanswered += 1
            if not self._user.command(command):
                self._unanswered -= 1
                LOG.warning("no card: the command is dropped")
        elif command:
            LOG.warning("a command of %d octets is dropped: 5 to 260 are possible", len(command))

    def _take_word(self, word: str, user: CardUser) -> None:
        if word.upper() == "RESET":
            self._unanswered = 0
            user.line_changed(UNPOWERED)
            user.line_changed(POWERED)
        else:
            LOG.warning("neither hexadecimal nor RESET: %.60s", word)

    # --- output -----------------------------------------------------------------------------------

    def _write(self, octets: bytes) -> None:
        if self._pending:
            self._pending += octets
            return
        try:
            written = os.write(self._output_fd, octets)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self._output_is_gone(error)
            return
        if written < len(octets):
            self._pending = octets[written:]
            self._loop.watch(self._output_fd, None, self._writable)
            self._stop_reading()

    def _writable(self) -> None:
        octets, self._pending = self._pending, b""
        self._loop.unwatch(self._output_fd)
        self._write(octets)
        if not self._pending:
            self._go_on()

    def _output_is_gone(self, error: OSError) -> None:
        if error.errno != errno.EPIPE:
            LOG.warning("standard output: %s", error.strerror)
        self._is_ended = True
        self._lines.clear()
        self._stop_reading()
        self._end("nobody reads the output")

    def _end(self, reason: str) -> None:
        """Told once."""
        user, self._user = self._user, None
        if user is not None:
            user.front_end_ended(reason)
