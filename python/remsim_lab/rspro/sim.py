# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual UICC on T=0: files, logical channels, PIN, authentication, toolkit.

One TPDU in, one answer out. Speaks both the UICC's classes (00, 80, 4x ...) and the SIM's class A0.
Knows nothing of RSPRO.
Sources: ETSI TS 102 221 sections 8 to 14, 3GPP TS 31.102 section 7, TS 51.011 sections 8 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from remsim_lab.rspro.files import Directory, File, Records, Transparent, universal_card
from remsim_lab.rspro.milenage import Subscriber, Vector, gsm_triplet, milenage

ATR = bytes.fromhex("3b9f96801fc78031a073be21136743200718000001a5")
PIN_TRIES = 3
PUK_TRIES = 10
MAX_CHANNEL = 3
OK = b"\x90\x00"
NOT_FOUND = b"\x6a\x82"
WRONG_LENGTH = b"\x67\x00"
WRONG_PARAMETERS = b"\x6a\x86"
UNKNOWN_INSTRUCTION = b"\x6d\x00"
UNKNOWN_CLASS = b"\x6e\x00"
NOT_ALLOWED = b"\x69\x82"  # security status not satisfied
NO_FILE = b"\x69\x86"
WRONG_FILE_TYPE = b"\x69\x81"
BLOCKED = b"\x69\x83"
NO_RECORD = b"\x6a\x83"
GSM_WORDS = {
    NOT_FOUND: b"\x94\x04",
    NOT_ALLOWED: b"\x98\x04",
    NO_FILE: b"\x94\x00",
    WRONG_FILE_TYPE: b"\x94\x08",
    NO_RECORD: b"\x94\x02",
    BLOCKED: b"\x98\x40",
    WRONG_PARAMETERS: b"\x6b\x00",
}


@dataclass(slots=True)
class Channel:
    """`path` leads from the master file to the current directory."""

    path: list[Directory]
    file: File | None = None
    pointer: int = 0  # record pointer, 0 = none
    application: Directory | None = None

    @property
    def directory(self) -> Directory:
        return self.path[-1]

    def copy(self) -> Channel:
        return Channel(list(self.path), self.file, 0, self.application)


@dataclass(slots=True)
class Pin:
    value: bytes
    puk: bytes = b"12345678"
    is_enabled: bool = True
    tries: int = PIN_TRIES
    puk_tries: int = PUK_TRIES


class _Refused(Exception):
    def __init__(self, word: bytes) -> None:
        super().__init__(word.hex())
        self.word = word


@dataclass(slots=True)
class VirtualSim:
    """`proactive` holds commands of the card's toolkit, announced by 91xx once a terminal profile
    came. `writes` and `log` are for tests.
    """

    iccid: str = "8988201234567890123"
    imsi: str = "001010123456789"
    subscriber: Subscriber = field(
        default_factory=lambda: Subscriber(
            bytes.fromhex("465b5ce8b199b49faa5f0a2ee238a6bc"),
            bytes.fromhex("cd63cb71954a9f4e48a5994e37a02baf"),
        )
    )
    atr: bytes = ATR
    pin: Pin = field(default_factory=lambda: Pin(b"1234".ljust(8, b"\xff"), is_enabled=False))
    proactive: list[bytes] = field(default_factory=list)
    log: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_logging: bool = False
    resets: int = 0
    writes: int = 0
    _master: Directory = field(init=False)
    _channels: dict[int, Channel] = field(init=False)
    _is_verified: bool = field(init=False)
    _has_profile: bool = field(init=False)
    _pending: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._master = universal_card(self.iccid, self.imsi)
        self.reset()
        self.resets = 0

    def reset(self) -> None:
        """Power-on or reset contact: everything volatile is gone."""
        self.resets += 1
        self._channels = {0: Channel([self._master])}
        self._is_verified = False
        self._has_profile = False
        self._pending = b""

    def state(self) -> tuple[object, ...]:
        """Everything volatile that later answers depend on, for comparing two cards."""
        channels = {
            number: (
                tuple(directory.fid for directory in channel.path),
                channel.file.fid if channel.file else None,
                channel.pointer,
                channel.application.aid if channel.application else None,
            )
            for number, channel in sorted(self._channels.items())
        }
        return tuple(channels.items()), self._is_verified, self._has_profile

    def file(self, *path: int) -> File:
        """A file by directory numbers below the master file (FF01 is the USIM), for tests."""
        directory = self._master
        for fid in path[:-1]:
            directory = directory.directories[fid]
        return directory.files[path[-1]]

    def process(self, command: bytes) -> bytes:
        """The answer to one TPDU: data and status word."""
        response = self._process(command)
        if self.is_logging:
            self.log.append((command, response))
        return response

    def _process(self, command: bytes) -> bytes:
        if len(command) < 5:
            return WRONG_LENGTH
        is_gsm = command[0] == 0xA0
        if command[1] != 0xC0:
            self._pending = b""
        try:
            data = self._carry_out(self._channel(command), command)
        except _Refused as refused:
            return GSM_WORDS.get(refused.word, refused.word) if is_gsm else refused.word
        if command[1] in _ANSWER_BY_GET_RESPONSE and data:
            self._pending = data
            return (b"\x9f" if is_gsm else b"\x61") + bytes((len(data) & 0xFF,))
        return data + self._final_word()

    def _carry_out(self, channel: Channel, command: bytes) -> bytes:
        """A command that is refused leaves the selection as it was."""
        handler = _HANDLERS.get(command[1])
        if handler is None:
            raise _Refused(UNKNOWN_INSTRUCTION)
        before = (channel.path, channel.file, channel.pointer, channel.application)
        try:
            return handler(self, channel, command)
        except _Refused:
            channel.path, channel.file, channel.pointer, channel.application = before
            raise

    def _final_word(self) -> bytes:
        if self._has_profile and self.proactive:
            return bytes((0x91, len(self.proactive[0])))
        return OK

    def _channel(self, command: bytes) -> Channel:
        cla = command[0]
        if cla != 0xA0 and cla & 0xF0 not in (0x00, 0x80, 0x40, 0xC0):
            raise _Refused(UNKNOWN_CLASS)
        number = 0 if cla == 0xA0 else 4 + (cla & 0x0F) if cla & 0x40 else cla & 0x03
        if number not in self._channels:
            raise _Refused(b"\x68\x81")
        return self._channels[number]

    # --- selection --------------------------------------------------------------------------------

    def _select(self, channel: Channel, command: bytes) -> bytes:
        target = _data(command)
        way = command[2] if command[0] != 0xA0 else 0
        if way == 0x04:
            self._select_name(channel, target, command[3])
        elif way in (0x08, 0x09):
            self._select_path(channel, target, way == 0x08)
        elif way == 0x03:
            channel.path = channel.path[:-1] or channel.path
            channel.file = None
        elif way in (0x00, 0x01, 0x02):
            self._select_file(channel, int.from_bytes(target, "big") if target else 0x3F00)
        else:
            raise _Refused(WRONG_PARAMETERS)
        channel.pointer = 0
        if command[0] != 0xA0 and command[3] & 0x0C == 0x0C:
            return b""
        return self._describe(channel, command[0] == 0xA0)

    def _select_name(self, channel: Channel, name: bytes, p2: int) -> None:
        found = next(
            (
                item
                for item in self._master.directories.values()
                if name and item.aid[: len(name)] == name
            ),
            None,
        )
        if found is None:
            raise _Refused(NOT_FOUND)
        if p2 & 0x60 == 0x40:
            channel.application, channel.path = None, [self._master]
        else:
            channel.application, channel.path = found, [self._master, found]
        channel.file = None

    def _select_path(self, channel: Channel, path: bytes, from_master: bool) -> None:
        if from_master:
            channel.path, channel.file = [self._master], None
        for at in range(0, len(path), 2):
            self._select_file(channel, int.from_bytes(path[at : at + 2], "big"), at == 0)

    def _select_file(self, channel: Channel, fid: int, may_climb: bool = True) -> None:
        path = self._directory_path(channel, fid, may_climb)
        if path is not None:
            channel.path, channel.file = path, None
        elif fid in channel.directory.files:
            channel.file = channel.directory.files[fid]
        else:
            raise _Refused(NOT_FOUND)

    def _directory_path(
        self, channel: Channel, fid: int, may_climb: bool
    ) -> list[Directory] | None:
        """TS 102 221 8.4.1: master file, application, child, self, parent, sibling."""
        if fid == 0x3F00:
            return [self._master]
        if fid == 0x7FFF:
            return [self._master, channel.application] if channel.application else None
        path = channel.path
        if fid in path[-1].directories and not path[-1].directories[fid].aid:
            return [*path, path[-1].directories[fid]]
        if not may_climb or len(path) < 2:
            return None
        if path[-1].fid == fid:
            return path
        if path[-2].fid == fid:
            return path[:-1]
        sibling = path[-2].directories.get(fid)
        return [*path[:-1], sibling] if sibling is not None and not sibling.aid else None

    def _describe(self, channel: Channel, is_gsm: bool) -> bytes:
        if is_gsm:
            return self._describe_gsm(channel)
        if channel.file is not None:
            return _template(channel.file)
        directory = channel.directory
        shown = bytes.fromhex("82027821") + b"\x83\x02" + directory.fid.to_bytes(2, "big")
        if directory.aid:
            shown += b"\x84" + bytes((len(directory.aid),)) + directory.aid
        enabled = 0x80 if self.pin.is_enabled else 0x00
        shown += bytes.fromhex("8a0105") + bytes((0xC6, 6, 0x90, 1, enabled, 0x83, 1, 1))
        return b"\x62" + bytes((len(shown),)) + shown

    def _describe_gsm(self, channel: Channel) -> bytes:
        if channel.file is None:
            flags = 0x00 if self.pin.is_enabled else 0x80
            fid = channel.directory.fid.to_bytes(2, "big")
            return (
                bytes(4)
                + fid
                + b"\x02"
                + bytes(5)
                + bytes((9, flags, 2, 4, 4, 0, 0x83, 0x8A))
                + bytes(2)
            )
        file = channel.file
        structure = 0 if isinstance(file, Transparent) else 3 if file.is_cyclic else 1
        length = file.record_size if isinstance(file, Records) else 0
        return (
            bytes(2)
            + file.size.to_bytes(2, "big")
            + file.fid.to_bytes(2, "big")
            + bytes((4, 0, 0, 0, 0, 1, 2, structure, length))
        )

    def _status(self, channel: Channel, command: bytes) -> bytes:
        if command[3] == 0x0C and command[0] != 0xA0:
            return b""
        if command[0] == 0xA0:
            return self._describe_gsm(Channel(channel.path))[: command[4] or 256]
        return _exactly(self._describe(Channel(channel.path), False), command[4])

    def _manage_channel(self, channel: Channel, command: bytes) -> bytes:
        if command[2] & 0x80:
            number = command[3]
            if number == 0 or self._channels.pop(number, None) is None:
                raise _Refused(b"\x68\x81")
            return b""
        free = [number for number in range(1, MAX_CHANNEL + 1) if number not in self._channels]
        if not free or command[3]:
            raise _Refused(b"\x6a\x81")
        is_basic = channel is self._channels[0]
        self._channels[free[0]] = Channel([self._master]) if is_basic else channel.copy()
        return bytes((free[0],))

    # --- reading and writing ----------------------------------------------------------------------

    def _read_binary(self, channel: Channel, command: bytes) -> bytes:
        file, offset = self._binary(channel, command)
        if offset > len(file.data):
            raise _Refused(b"\x6b\x00")
        wanted = command[4] or 256
        rest = len(file.data) - offset
        if wanted > rest:
            raise _Refused(bytes((0x67 if command[0] == 0xA0 else 0x6C, rest)))
        return bytes(file.data[offset : offset + wanted])

    def _update_binary(self, channel: Channel, command: bytes) -> bytes:
        file, offset = self._binary(channel, command)
        data = _data(command)
        if offset + len(data) > len(file.data):
            raise _Refused(b"\x6b\x00")
        file.data[offset : offset + len(data)] = data
        self.writes += 1
        return b""

    def _binary(self, channel: Channel, command: bytes) -> tuple[Transparent, int]:
        offset = (command[2] & 0x7F) << 8 | command[3]
        if command[2] & 0x80 and command[0] != 0xA0:
            self._select_short(channel, command[2] & 0x1F)
            offset = command[3]
        file = self._readable(channel)
        if not isinstance(file, Transparent):
            raise _Refused(WRONG_FILE_TYPE)
        return file, offset

    def _select_short(self, channel: Channel, short_id: int) -> None:
        for file in channel.directory.files.values():
            if file.short_id == short_id:
                channel.file, channel.pointer = file, 0
                return
        raise _Refused(NOT_FOUND)

    def _readable(self, channel: Channel) -> File:
        if channel.file is None:
            raise _Refused(NO_FILE)
        if channel.file.needs_pin and self.pin.is_enabled and not self._is_verified:
            raise _Refused(NOT_ALLOWED)
        return channel.file

    def _read_record(self, channel: Channel, command: bytes) -> bytes:
        record = self._record(channel, command)
        if (command[4] or 256) != len(record):
            raise _Refused(bytes((0x67 if command[0] == 0xA0 else 0x6C, len(record))))
        return bytes(record)

    def _update_record(self, channel: Channel, command: bytes) -> bytes:
        data = _data(command)
        file = channel.file
        if isinstance(file, Records) and file.is_cyclic and command[3] & 7 == 3:
            self._readable(channel)
            file.records = [bytearray(data.ljust(file.record_size, b"\xff")), *file.records[:-1]]
            channel.pointer = 1
        else:
            record = self._record(channel, command)
            if len(data) != len(record):
                raise _Refused(WRONG_LENGTH)
            record[:] = data
        self.writes += 1
        return b""

    def _record(self, channel: Channel, command: bytes) -> bytearray:
        if command[0] != 0xA0 and command[3] >> 3:
            self._select_short(channel, command[3] >> 3)
        file = self._readable(channel)
        if not isinstance(file, Records):
            raise _Refused(WRONG_FILE_TYPE)
        number = self._record_number(channel, file, command[2], command[3] & 7)
        if not 1 <= number <= len(file.records):
            raise _Refused(NO_RECORD)
        if command[3] & 7 != 4:
            channel.pointer = number
        return file.records[number - 1]

    @staticmethod
    def _record_number(channel: Channel, file: Records, p1: int, mode: int) -> int:
        if mode == 2:
            return channel.pointer + 1
        if mode == 3:
            return (channel.pointer or len(file.records) + 1) - 1
        if mode == 4:
            return p1 or channel.pointer
        raise _Refused(WRONG_PARAMETERS)

    def _search_record(self, channel: Channel, command: bytes) -> bytes:
        file = self._readable(channel)
        if not isinstance(file, Records):
            raise _Refused(WRONG_FILE_TYPE)
        pattern = _data(command)
        found = [number + 1 for number, record in enumerate(file.records) if pattern in record]
        if not found:
            raise _Refused(b"\x62\x82")
        channel.pointer = found[0]
        return bytes(found)

    def _increase(self, channel: Channel, command: bytes) -> bytes:
        file = self._readable(channel)
        if not isinstance(file, Records) or not file.is_cyclic:
            raise _Refused(WRONG_FILE_TYPE)
        total = int.from_bytes(file.records[0], "big") + int.from_bytes(_data(command), "big")
        newest = bytearray((total % 2 ** (8 * file.record_size)).to_bytes(file.record_size, "big"))
        file.records = [newest, *file.records[:-1]]
        channel.pointer = 1
        self.writes += 1
        return bytes(newest)

    # --- PIN and authentication -------------------------------------------------------------------

    def _verify(self, _: Channel, command: bytes) -> bytes:
        data = _data(command)
        if not data:
            if self._is_verified or not self.pin.is_enabled:
                return b""
            raise _Refused(bytes((0x63, 0xC0 | self.pin.tries)))
        self._check_pin(data)
        return b""

    def _check_pin(self, value: bytes) -> None:
        if not self.pin.tries:
            raise _Refused(BLOCKED)
        if value != self.pin.value:
            self.pin.tries -= 1
            self._is_verified = self._is_verified and self.pin.tries > 0
            raise _Refused(bytes((0x63, 0xC0 | self.pin.tries)))
        self.pin.tries = PIN_TRIES
        self._is_verified = True

    def _change_pin(self, _: Channel, command: bytes) -> bytes:
        data = _data(command)
        self._check_pin(data[:8])
        self.pin.value = data[8:]
        return b""

    def _disable_pin(self, _: Channel, command: bytes) -> bytes:
        self._check_pin(_data(command))
        self.pin.is_enabled = False
        return b""

    def _enable_pin(self, _: Channel, command: bytes) -> bytes:
        self._check_pin(_data(command))
        self.pin.is_enabled = True
        return b""

    def _unblock_pin(self, _: Channel, command: bytes) -> bytes:
        data = _data(command)
        if not self.pin.puk_tries:
            raise _Refused(BLOCKED)
        if data[:8] != self.pin.puk:
            self.pin.puk_tries -= 1
            raise _Refused(bytes((0x63, 0xC0 | self.pin.puk_tries)))
        self.pin.value, self.pin.tries, self.pin.puk_tries = data[8:], PIN_TRIES, PUK_TRIES
        self._is_verified = self.pin.is_enabled = True
        return b""

    def _authenticate(self, channel: Channel, command: bytes) -> bytes:
        data = _data(command)
        if self.pin.is_enabled and not self._is_verified:
            raise _Refused(NOT_ALLOWED)
        if command[0] == 0xA0:
            outcome, vector, auts = "gsm", self._plain_vector(data[:16]), b""
            sres, kc = gsm_triplet(vector)
            return sres + kc
        if channel.application is None:
            raise _Refused(b"\x69\x85")
        if command[3] & 7 == 0:
            sres, kc = gsm_triplet(self._plain_vector(data[1:17]))
            return b"\x04" + sres + b"\x08" + kc
        outcome, vector, auts = self.subscriber.authenticate(data[1:17], data[18:34])
        if outcome == "mac":
            raise _Refused(b"\x98\x62")
        if outcome == "sync":
            return b"\xdc\x0e" + auts
        _, kc = gsm_triplet(vector)
        parts = (vector.res, vector.ck, vector.ik, kc)
        return b"\xdb" + b"".join(bytes((len(part),)) + part for part in parts)

    def _plain_vector(self, rand: bytes) -> Vector:
        return milenage(self.subscriber.key, self.subscriber.opc, rand, bytes(6), bytes(2))

    def _get_challenge(self, _: Channel, command: bytes) -> bytes:
        return bytes(at * 17 & 0xFF for at in range(command[4] or 256))

    # --- toolkit and the rest ---------------------------------------------------------------------

    def _get_response(self, _: Channel, command: bytes) -> bytes:
        if not self._pending:
            raise _Refused(b"\x69\x85")
        wanted = command[4] or 256
        if wanted > len(self._pending):
            raise _Refused(bytes((0x6C, len(self._pending))))
        data, self._pending = self._pending[:wanted], b""
        return data

    def _terminal_profile(self, _: Channel, __: bytes) -> bytes:
        self._has_profile = True
        return b""

    def _envelope(self, _: Channel, command: bytes) -> bytes:
        """The lab's OTA: D1 with a file number and its new contents."""
        data = _data(command)
        if data[:1] == b"\xd1" and len(data) > 4:
            file = self._master.directories[0xFF01].files.get(int.from_bytes(data[2:4], "big"))
            if isinstance(file, Transparent):
                content = data[4:][: len(file.data)]
                file.data[: len(content)] = content
                self.writes += 1
        return b""

    def _fetch(self, _: Channel, command: bytes) -> bytes:
        if not self.proactive or len(self.proactive[0]) != (command[4] or 256):
            raise _Refused(b"\x6f\x00")
        return self.proactive.pop(0)

    def _accept(self, _: Channel, __: bytes) -> bytes:
        return b""


_Handler = Callable[[VirtualSim, Channel, bytes], bytes]
_HANDLERS: dict[int, _Handler] = {
    0x04: VirtualSim._accept,
    0x10: VirtualSim._terminal_profile,
    0x12: VirtualSim._fetch,
    0x14: VirtualSim._accept,
    0x20: VirtualSim._verify,
    0x24: VirtualSim._change_pin,
    0x26: VirtualSim._disable_pin,
    0x28: VirtualSim._enable_pin,
    0x2C: VirtualSim._unblock_pin,
    0x32: VirtualSim._increase,
    0x44: VirtualSim._accept,
    0x70: VirtualSim._manage_channel,
    0x84: VirtualSim._get_challenge,
    0x88: VirtualSim._authenticate,
    0xA2: VirtualSim._search_record,
    0xA4: VirtualSim._select,
    0xAA: VirtualSim._accept,
    0xB0: VirtualSim._read_binary,
    0xB2: VirtualSim._read_record,
    0xC0: VirtualSim._get_response,
    0xC2: VirtualSim._envelope,
    0xD6: VirtualSim._update_binary,
    0xDC: VirtualSim._update_record,
    0xF2: VirtualSim._status,
}
_ANSWER_BY_GET_RESPONSE = frozenset({0xA4, 0x88, 0x32, 0xA2})


def _data(command: bytes) -> bytes:
    if len(command) != 5 + command[4]:
        raise _Refused(WRONG_LENGTH)
    return command[5:]


def _exactly(data: bytes, wanted: int) -> bytes:
    if (wanted or 256) > len(data):
        raise _Refused(bytes((0x6C, len(data))))
    return data[: wanted or 256]


def _template(file: File) -> bytes:
    if isinstance(file, Transparent):
        shown = bytes.fromhex("82024121")
    else:
        kind = 0x46 if file.is_cyclic else 0x42
        size = file.record_size.to_bytes(2, "big")
        shown = bytes((0x82, 5, kind, 0x21)) + size + bytes((len(file.records),))
    shown += b"\x83\x02" + file.fid.to_bytes(2, "big") + bytes.fromhex("8a0105")
    shown += b"\x80\x02" + file.size.to_bytes(2, "big")
    shown += bytes((0x88, 1, file.short_id << 3)) if file.short_id else bytes((0x88, 0))
    return b"\x62" + bytes((len(shown),)) + shown
