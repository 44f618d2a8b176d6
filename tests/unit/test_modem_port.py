# SPDX-License-Identifier: GPL-2.0-or-later
"""The serial port over real pseudo-terminals:
never blocking, never shared, gone when it is gone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from remsim.errors import DeviceError, DeviceGone, DeviceTimeout
from remsim.modem.port import SerialPort, open_serial, owners_of


class Line:
    """A terminal whose far end the test holds;
    `node` is a link to it, as /dev/ttyUSB2 is in the lab."""

    def __init__(self, directory: Path, name: str = "ttyUSB2") -> None:
        self.far, near = pty.openpty()
        tty.setraw(near)
        self.terminal = os.ttyname(near)
        self.node = directory / name
        self.node.symlink_to(self.terminal)
        os.close(near)
        self.is_hung_up = False

    def hang_up(self) -> None:
        if not self.is_hung_up:
            self.is_hung_up = True
            os.close(self.far)

    def open(self) -> SerialPort:
        return open_serial("/dev/ttyUSB2", str(self.node))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    line.hang_up()


def test_bytes_pass_in_both_directions_unchanged(line: Line) -> None:
    port = line.open()
    port.write(b"AT+CSQ\r", 1.0)
    assert os.read(line.far, 100) == b"AT+CSQ\r"
    os.write(line.far, b"\r\n+CSQ: 11, 99\r\n\x00\x11\x13\xff")
    data = b""
    while len(data) < 20:
        data += port.read(1.0)
    assert data == b"\r\n+CSQ: 11, 99\r\n\x00\x11\x13\xff"
    port.close()


def test_what_the_modem_says_is_not_echoed_back_to_it(line: Line) -> None:
    port = line.open()
    os.write(line.far, b"\r\n+CREG: 1\r\n")
    assert port.read(1.0)
    os.set_blocking(line.far, False)
    with pytest.raises(BlockingIOError):
        os.read(line.far, 100)
    port.close()


def test_read_takes_no_longer_than_asked(line: Line) -> None:
    port = line.open()
    before = time.monotonic()
    assert port.read(0.05) == b""
    assert 0.04 <= time.monotonic() - before < 0.5
    assert port.read(0.0) == b""
    port.close()


def test_write_to_a_modem_that_takes_nothing_ends_in_time(line: Line) -> None:
    port = line.open()
    before = time.monotonic()
    with pytest.raises(DeviceTimeout):
        port.write(b"x" * 1_000_000, 0.1)
    port.close()
    assert time.monotonic() - before < 1.0


def test_port_that_vanishes_is_gone_at_the_next_read_and_write(line: Line) -> None:
    port = line.open()
    line.hang_up()
    with pytest.raises(DeviceGone):
        port.read(1.0)
    with pytest.raises(DeviceGone):
        port.write(b"AT\r", 0.5)
    port.close()


def test_node_that_leads_elsewhere_is_not_our_port_any_more(line: Line, tmp_path: Path) -> None:
    port = line.open()
    other = Line(tmp_path, "other")
    line.node.unlink()
    line.node.symlink_to(other.terminal)
    with pytest.raises(DeviceGone, match="another device"):
        port.read(0.01)
    line.node.unlink()
    with pytest.raises(DeviceGone):
        port.read(0.01)
    port.close()
    other.hang_up()


def test_closing_does_not_hang_up_the_modem(line: Line) -> None:
    line.open().close()
    # The far end of a pseudo-terminal sees the near end's settings.
    assert not termios.tcgetattr(line.far)[2] & termios.HUPCL


def test_missing_node_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DeviceGone, match="no such device"):
        open_serial("/dev/ttyUSB9", str(tmp_path / "ttyUSB9"))


def test_node_that_is_no_terminal_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError):
        open_serial("/dev/ttyUSB9", str(tmp_path / "file"))


def test_closed_port_is_gone_and_closing_twice_is_nothing(line: Line) -> None:
    port = line.open()
    port.close()
    port.close()
    with pytest.raises(DeviceGone):
        port.read(0.0)


def test_port_is_opened_once(line: Line) -> None:
    port = line.open()
    with pytest.raises(DeviceError, match="cannot be opened"):
        line.open()
    port.close()
    line.open().close()


def test_program_that_holds_the_port_is_named(line: Line) -> None:
    script = (
        "import sys; f = open(sys.argv[1], 'rb+', buffering=0); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(line.node)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        [owner] = owners_of(str(line.node))
        assert owner.pid == other.pid and owner.name.startswith("python")
        with pytest.raises(DeviceError, match=rf"in use by python\S* \(pid {other.pid}\)"):
            line.open()
        other.communicate("\n")
    line.open().close()


def test_owners_of_nothing_are_none(tmp_path: Path, line: Line) -> None:
    assert owners_of(str(tmp_path / "missing")) == ()
    assert owners_of(str(tmp_path)) == ()
    assert owners_of(str(line.node), proc=str(tmp_path)) == ()
