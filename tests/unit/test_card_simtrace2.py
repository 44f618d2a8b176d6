# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-end simtrace2 with a board that is played: messages as octets, and a phone on T=0."""

from __future__ import annotations

import struct
import threading
import time
from types import SimpleNamespace

import pytest

from remsim.card import simtrace2_codec as codec
from remsim.card import simtrace2_usb
from remsim.card.iso_case import sends_data
from remsim.card.simtrace2 import FIND_AGAIN_S, Simtrace2FrontEnd
from remsim.card.simtrace2_codec import DataFlag
from remsim.card.simtrace2_usb import BoardSettings, UsbBoard, path_of
from remsim.clock import SystemClock
from remsim.errors import DeviceError, DeviceGone, NotPossibleError
from remsim.eventloop import EventLoop
from remsim_lab.rspro.files import USIM_AID
from remsim_lab.rspro.sim import VirtualSim

ATR = bytes.fromhex("3b9f96801fc78031a073be21136743200718000001a5")
H = bytes.fromhex


# --- messages ---


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (codec.configure(None), "0108000000000c0001000000"),
        (codec.configure(1), "0108000000000e00010000000003"),
        (codec.configure(0), "0108000000000e00010000000002"),
        (codec.set_atr(H("3b00")), "0102000000000b00023b00"),
        (codec.insert_card(True), "010500000000090001"),
        (codec.insert_card(False), "010500000000090000"),
        (codec.transmit(H("a4"), DataFlag.THEN_RECEIVE), "0101000000000f00080000000100a4"),
        (codec.pulse_modem_reset(300), "0201000000000b00022c01"),
        (codec.select_sim(codec.REMOTE), "020200000000090001"),
    ],
)
def test_message_to_the_board_has_its_octets(octets, expected):
    assert octets.hex() == expected


def rx(data, flags):
    payload = struct.pack("<IH", flags, len(data)) + data
    return struct.pack("<BBBBHH", 1, 6, 0, 0, 0, 8 + len(payload)) + payload


def status(flags):
    payload = struct.pack("<IHBBBI", flags, 3000, 1, 1, 10, 9600)
    return struct.pack("<BBBBHH", 1, 4, 0, 0, 0, 8 + len(payload)) + payload


def test_several_messages_in_one_transfer_are_cut_by_their_length():
    transfer = rx(H("00a4000402"), 1) + status(3)
    assert [(m.kind, m.type) for m in codec.messages_in(transfer)] == [(1, 6), (1, 4)]


@pytest.mark.parametrize("octets", ["00", "0106000000000700", "010600000000ff00", "01" * 9])
def test_rubbish_from_the_board_is_a_device_error(octets):
    with pytest.raises(DeviceError):
        list(codec.messages_in(H(octets)))


@pytest.mark.parametrize("payload", ["", "0100000005", "010000000500", "01000000040000a4"])
def test_data_of_wrong_length_is_a_device_error(payload):
    with pytest.raises(DeviceError):
        codec.received(H(payload))


def test_error_message_is_readable():
    payload = struct.pack("<BBHB", 2, 1, 7, 4) + b"oops"
    assert codec.error_text(payload) == "error 7 of subsystem 1, severity 2: oops"
    assert codec.error_text(b"") == "an error without words"


# --- direction of data ---


@pytest.mark.parametrize(
    ("header", "sends"),
    [
        ("00a4000402", True),
        ("00a4000c00", False),
        ("00b000000a", False),
        ("00d6000004", True),
        ("00c0000010", False),
        ("0088008122", True),
        ("0020000108", True),
        ("0020000100", False),
        ("80f200000c", False),
        ("80f2400002", True),
        ("80100000ff", True),
        ("801200000b", False),
        ("801400000c", True),
        ("80c2000010", True),
        ("80aa000005", True),
        ("0070000001", False),
        ("0070800100", False),
        ("4170000001", False),
        ("01a4040010", True),
        ("a0a4000002", True),
        ("a0f2000016", False),
        ("a0c000000f", False),
        ("a088000010", True),
        ("a0a2000004", True),
        ("a020000108", True),
        ("a004000000", False),
        ("0044000000", False),
        ("80e2900005", True),
        ("0073000010", False),
        ("0073010010", True),
        ("0073018010", True),
        ("007301a010", False),
        ("0073048010", True),
        ("0075040010", True),
        ("0075000010", False),
        ("807a000008", True),
        ("00d0000002", True),
        ("80ca9f7f00", False),
        ("00ee000000", None),
        ("a0ee000001", None),
    ],
)
def test_direction_of_data_is_known(header, sends):
    assert sends_data(H(header)) is sends


# --- the front-end ---


class FakeBoard:
    """The firmware's side of the USB messages, with a phone on the other side."""

    can_reset_modem = True

    def __init__(self):
        self.written = []
        self.on_transfer = None
        self.on_gone = None
        self.is_there = True
        self.opened = 0

    def open(self, on_transfer, on_gone):
        if not self.is_there:
            raise DeviceGone("SIMtrace2", "no such board on USB")
        self.opened += 1
        self.on_transfer, self.on_gone = on_transfer, on_gone

    def write(self, octets):
        if not self.is_there:
            raise DeviceGone("SIMtrace2", "gone")
        self.written.append(octets)

    def close(self):
        pass

    def take(self):
        written, self.written = self.written, []
        return [message for octets in written for message in codec.messages_in(octets)]


class Phone:
    """T=0 on the contacts: sends a header, obeys procedure bytes, gives data and status word."""

    def __init__(self, board):
        self.board = board

    def power(self, *flags):
        for each in flags:
            self.board.on_transfer(status(each))

    def start(self, header):
        self.heard = b""
        self.board.take()
        self.board.on_transfer(rx(header, DataFlag.HEADER))

    def command(self, command, pieces=1):
        """The answer to a TPDU as the phone gets it."""
        header, data = command[:5], command[5:]
        self.start(header)
        for _ in range(3):
            for message in self.board.take():
                if (message.kind, message.type) != (1, 1):
                    continue
                part = codec.received(message.payload)
                if part.flags & DataFlag.THEN_RECEIVE:
                    assert part.data == header[1:2]
                    self._send(data, pieces)
                elif part.flags & DataFlag.FINAL:
                    return self.heard + part.data
                else:
                    assert part.data[:1] == header[1:2]
                    self.heard = part.data[1:]
        return None

    heard = b""

    def _send(self, data, pieces):
        size = -(-len(data) // pieces)
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            self.board.on_transfer(rx(part, DataFlag.FINAL if is_last else 0))


class CardUser:
    """Answers from a virtual card."""

    def __init__(self, sim):
        self.sim = sim
        self.front_end = None
        self.lines = []
        self.commands = []
        self.answers = True

    def command(self, command):
        self.commands.append(command)
        if self.answers:
            self.front_end.answer(self.sim.process(command))
        return True

    def line_changed(self, line):
        self.lines.append(line)

    def front_end_ended(self, reason):
        raise AssertionError(reason)


@pytest.fixture
def bench():
    loop = EventLoop(SystemClock())
    board, user = FakeBoard(), CardUser(VirtualSim())
    front_end = user.front_end = Simtrace2FrontEnd(board, None, loop)
    front_end.open(user)
    board.take()
    yield SimpleNamespace(
        loop=loop, board=board, user=user, front_end=front_end, phone=Phone(board)
    )
    front_end.close()
    loop.close()


def kinds(messages):
    return [(message.kind, message.type, message.payload.hex()) for message in messages]


def test_board_is_configured_when_it_is_opened():
    loop, board = EventLoop(SystemClock()), FakeBoard()
    Simtrace2FrontEnd(board, 1, loop).open(CardUser(VirtualSim()))
    assert board.written == [codec.configure(1)]
    loop.close()


def test_card_is_presented_and_removed_in_the_c_clients_order(bench):
    bench.front_end.present(ATR)
    assert bench.front_end.reset_modem()
    length = f"{len(ATR):02x}"
    assert kinds(bench.board.take()) == [
        (2, 2, "01"),
        (1, 2, length + ATR.hex()),
        (1, 5, "01"),
        (2, 1, "022c01"),
    ]
    bench.front_end.remove()
    assert kinds(bench.board.take()) == [(1, 5, "00"), (2, 2, "00")]


def test_commands_of_every_case_pass(bench):
    sim, phone = bench.user.sim, bench.phone
    assert phone.command(H("00a40004022fe2"))[:1] == b"\x61"
    assert phone.command(H("00b000000a")) == bytes(sim.file(0x2FE2).data) + b"\x90\x00"
    assert phone.command(H("00a4040410") + USIM_AID)[:1] == b"\x61"
    assert phone.command(H("00a40004026f60"))[:1] == b"\x61"
    assert phone.command(H("00d60000fa") + bytes(250), pieces=4) == b"\x90\x00"
    assert phone.command(H("00b00000fa")) == bytes(250) + b"\x90\x00"
    assert phone.command(H("00a4030c00")) == b"\x90\x00"
    assert bench.user.commands[4] == H("00d60000fa") + bytes(250)


def test_whole_256_octets_of_answer_pass(bench):
    bench.user.sim.file(0xFF01, 0x6F60).data[:] = bytes(range(250))
    bench.user.answers = False
    bench.phone.start(H("00b0000000"))
    bench.front_end.answer(bytes(range(256)) + b"\x90\x00")
    data, word = (codec.received(m.payload).data for m in bench.board.take())
    assert (data, word) == (b"\xb0" + bytes(range(256)), b"\x90\x00")


def test_unknown_instruction_is_answered_not_left_hanging(bench):
    assert bench.phone.command(H("00ee000000")) == b"\x6d\x00"
    assert bench.user.commands == []


def test_answer_after_a_reset_of_the_phone_is_not_sent(bench):
    bench.user.answers = False
    bench.phone.power(0x03 | 0x10, 0x03)
    bench.phone.start(H("00b000000a"))
    bench.phone.power(0x03 | 0x10)
    bench.board.take()
    bench.front_end.answer(b"\x90\x00")
    assert bench.board.take() == []


def test_new_header_drops_what_was_under_way(bench):
    bench.phone.start(H("00a4000402"))
    bench.board.on_transfer(rx(b"\x2f", 0))
    assert bench.phone.command(H("00a4000c023f00")) == b"\x90\x00"
    assert bench.user.commands == [H("00a4000c023f00")]


def test_line_edges_are_told_once(bench):
    bench.phone.power(0x01 | 0x10, 0x03 | 0x10, 0x03, 0x03, 0x00)
    told = [(s.reset_active, s.vcc_present, s.clk_active) for s in bench.user.lines]
    assert told == [(True, True, False), (False, True, True), (False, False, False)]


def test_stopped_clock_is_no_news(bench):
    bench.phone.power(0x03, 0x01, 0x03, 0x01, 0x03)
    assert len(bench.user.lines) == 1


def test_late_answer_to_a_command_that_the_phone_gave_up_is_not_the_next_ones(bench):
    bench.user.answers = False
    bench.phone.start(H("00b000000a"))
    bench.phone.start(H("00b0000002"))
    bench.board.take()
    bench.front_end.answer(bytes(10) + b"\x90\x00")
    assert bench.board.take() == []
    bench.front_end.answer(b"\x01\x02\x90\x00")
    assert len(bench.board.take()) == 2


@pytest.mark.parametrize("octets", [1, 9, 11, 256])
def test_answer_that_the_phone_cannot_take_is_not_begun(bench, octets):
    bench.user.answers = False
    bench.phone.start(H("00b000000a"))
    bench.board.take()
    bench.front_end.answer(bytes(octets) + b"\x90\x00")
    (word,) = [codec.received(message.payload) for message in bench.board.take()]
    assert word.data == b"\x6f\x00"


def test_too_much_data_from_the_phone_is_refused_not_left_hanging(bench):
    bench.phone.start(H("00d6000002"))
    bench.board.take()
    bench.board.on_transfer(rx(b"abcd", DataFlag.FINAL))
    (word,) = [codec.received(message.payload) for message in bench.board.take()]
    assert word.data == b"\x67\x00"
    assert bench.user.commands == []


def test_command_without_a_card_is_answered(bench):
    bench.user.command = lambda command: False
    assert bench.phone.command(H("00b000000a")) == b"\x6f\x00"


def test_pts_and_messages_of_other_classes_are_passed_over(bench):
    bench.board.on_transfer(H("0107000000001500" + "06" + "ff1094000000" * 2))
    bench.board.on_transfer(H("0303000000000800") + H("7f01000000000800"))
    assert bench.phone.command(H("00a4000c023f00")) == b"\x90\x00"


@pytest.mark.parametrize("octets", [0, 56, 255, 300])
def test_atr_that_rspro_does_not_have_either_is_not_sent(bench, octets):
    with pytest.raises(DeviceError, match="ATR"):
        codec.set_atr(bytes(octets))
    bench.front_end.present(bytes(octets))
    assert [kind[:2] for kind in kinds(bench.board.take())] == [(2, 2), (1, 5)]


@pytest.mark.parametrize("octets", [1, 33, 34, 55])
def test_atr_of_every_rspro_length_is_sent(bench, octets):
    bench.front_end.present(bytes(octets))
    assert kinds(bench.board.take())[1] == (1, 2, f"{octets:02x}" + "00" * octets)


def test_data_without_a_header_is_ignored(bench):
    bench.board.on_transfer(rx(H("aabb"), DataFlag.FINAL))
    assert bench.user.commands == []


def test_rubbish_from_the_board_is_survived(bench):
    bench.board.on_transfer(b"\xff" * 40)
    bench.board.on_transfer(b"")
    assert bench.phone.command(H("00a4000c023f00")) == b"\x90\x00"


def test_missing_board_says_why_and_is_looked_for_again(bench, monkeypatch):
    monkeypatch.setattr("remsim.card.simtrace2.FIND_AGAIN_S", 0.01)
    board = FakeBoard()
    board.is_there = False
    front_end = Simtrace2FrontEnd(board, None, bench.loop)
    front_end.open(CardUser(VirtualSim()))
    front_end.present(ATR)
    assert front_end.presence.why_not == "SIMtrace2: no such board on USB"
    assert not front_end.reset_modem()
    board.is_there = True
    until(bench.loop, lambda: board.opened)
    assert front_end.presence.is_there
    assert (1, 5, "01") in kinds(board.take())  # the card that was waited with
    front_end.close()


def until(loop, condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        loop.run_once(time.monotonic() + 0.01)


def test_unplugged_board_powers_the_card_down_and_comes_back(bench, monkeypatch):
    monkeypatch.setattr("remsim.card.simtrace2.FIND_AGAIN_S", 0.01)
    bench.front_end.present(ATR)
    bench.phone.power(0x03)
    bench.board.is_there = False
    bench.board.on_gone("SIMtrace2: gone")
    assert not bench.front_end.presence.is_there
    assert bench.user.lines[-1].vcc_present is False
    bench.board.is_there = True
    until(bench.loop, lambda: bench.board.opened == 2)
    assert (1, 5, "01") in kinds(bench.board.take())
    assert FIND_AGAIN_S > 1


def test_board_without_a_modem_leaves_the_reset_to_the_daemon(bench):
    bench.board.can_reset_modem = False
    assert bench.front_end.reset_modem() is False


# --- USB ---


class FakeEndpoint:
    def __init__(self, address, kind):
        self.bEndpointAddress, self.bmAttributes = address, kind
        self.written = []
        self.incoming = []

    def write(self, octets, limit_ms):
        self.written.append(octets)

    def read(self, octets, limit_ms):
        if self.incoming:
            return self.incoming.pop(0)
        time.sleep(0.005)
        raise FakeUsbError("timed out", errno=110)


class FakeUsbError(OSError):
    def __init__(self, text, errno=19):
        super().__init__(errno, text)


class NoBackend(ValueError):
    pass


class FakeInterface(list):
    def __init__(self, number, sub_class=2):
        super().__init__(
            [
                FakeEndpoint(0x81, 3),
                FakeEndpoint(0x04, 2),
                FakeEndpoint(0x85, 2),
                FakeEndpoint(0x86, 3),
            ]
        )
        self.bInterfaceNumber, self.bAlternateSetting = number, 0
        self.bInterfaceClass, self.bInterfaceSubClass = 0xFF, sub_class


class FakeDevice:
    def __init__(self, product=0x60E3, vendor=0x1D50, bus=1, ports=(1, 2), serial="abc", address=5):
        self.idVendor, self.idProduct = vendor, product
        self.bus, self.port_numbers, self.serial_number, self.address = bus, ports, serial, address
        self.interfaces = [FakeInterface(0, sub_class=1), FakeInterface(1), FakeInterface(2)]

    def get_active_configuration(self):
        return self.interfaces


class FakeUsb:
    def __init__(self, *devices):
        self.claimed = []
        self.core = SimpleNamespace(
            find=lambda find_all: iter(devices), USBError=FakeUsbError, NoBackendError=NoBackend
        )
        self.util = SimpleNamespace(
            claim_interface=lambda device, number: self.claimed.append((device, number)),
            dispose_resources=lambda device: None,
        )


@pytest.fixture
def plug(monkeypatch):
    def begin(*devices):
        usb = FakeUsb(*devices)
        monkeypatch.setattr(simtrace2_usb, "load_usb", lambda: usb)
        return usb

    return begin


def opened(settings=None):
    loop = EventLoop(SystemClock())
    board = UsbBoard(settings or BoardSettings(), loop)
    board.transfers, board.reasons = [], []
    board.open(board.transfers.append, board.reasons.append)
    return board, loop


def test_board_is_found_by_its_kind_and_its_first_emulation_interface_taken(plug):
    device = FakeDevice()
    usb = plug(FakeDevice(product=0x1234), device)
    board, _ = opened()
    assert usb.claimed == [(device, 1)]
    assert not board.can_reset_modem
    board.write(b"abc")
    assert device.interfaces[1][1].written == [b"abc"]
    board.close()


@pytest.mark.parametrize(
    "settings",
    [
        BoardSettings(path="2-3.1"),
        BoardSettings(serial="wanted"),
        BoardSettings(address=77),
        BoardSettings(product=0x4004),
    ],
)
def test_one_of_several_boards_is_found_by_what_tells_it_apart(plug, settings):
    wanted = FakeDevice(product=0x4004, bus=2, ports=(3, 1), serial="wanted", address=77)
    usb = plug(FakeDevice(), wanted, FakeDevice(address=6))
    board, _ = opened(settings)
    assert usb.claimed == [(wanted, 1)]
    assert board.can_reset_modem
    assert path_of(wanted) == "2-3.1"
    board.close()


def test_interface_can_be_chosen(plug):
    usb = plug(FakeDevice())
    board, _ = opened(BoardSettings(interface=2))
    assert usb.claimed[0][1] == 2
    board.close()


def test_absent_board_or_interface_is_told(plug):
    plug()
    with pytest.raises(DeviceGone, match="no such board"):
        opened()
    plug(FakeDevice())
    with pytest.raises(DeviceError, match="interface"):
        opened(BoardSettings(interface=9))


def test_transfers_of_both_endpoints_arrive_on_the_loops_thread(plug):
    device = FakeDevice()
    plug(device)
    device.interfaces[1][2].incoming = [b"data"]
    device.interfaces[1][0].incoming = [b"status"]
    board, loop = opened()
    until(loop, lambda: len(board.transfers) == 2)
    assert sorted(board.transfers) == [b"data", b"status"]
    board.close()


def test_board_that_is_unplugged_is_told_once(plug):
    device = FakeDevice()
    plug(device)

    def gone(octets, limit_ms):
        raise FakeUsbError("No such device", 19)

    device.interfaces[1][2].read = gone
    device.interfaces[1][0].read = gone
    board, loop = opened()
    until(loop, lambda: board.reasons)
    assert "No such device" in board.reasons[0]
    assert len(board.reasons) == 1
    board.close()


def test_missing_libusb_is_named(plug):
    def find(find_all):
        raise NoBackend("No backend available")

    plug().core.find = find
    with pytest.raises(NotPossibleError, match=r"libusb-1\.0"):
        opened()


def test_device_that_tells_no_serial_number_is_no_crash(plug):
    class Mute(FakeDevice):
        serial_number = property(lambda _: (_ for _ in ()).throw(ValueError("no langid")))

        def __init__(self):
            self.idVendor, self.idProduct = 0x1D50, 0x60E3
            self.bus, self.port_numbers, self.address = 1, (1,), 4

    plug(Mute())
    with pytest.raises(DeviceError, match="no langid"):
        opened(BoardSettings(serial="wanted"))


def test_nobody_reads_a_device_that_is_closed(plug):
    device = FakeDevice()
    usb = plug(device)
    board, _ = opened()
    closed = []
    usb.util.dispose_resources = lambda device: closed.append(
        [thread.name for thread in threading.enumerate() if thread.name == "simtrace2"]
    )
    board.close()
    assert closed == [[]]


def test_missing_pyusb_is_named(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("usb"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NotPossibleError, match="python3-pyusb"):
        simtrace2_usb.load_usb()
