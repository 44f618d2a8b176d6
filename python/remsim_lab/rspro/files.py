# SPDX-License-Identifier: GPL-2.0-or-later
"""The file tree of a virtual UICC: types, and a tree such as operators issue. Made-up contents.

Sources: ETSI TS 102 221 section 13, 3GPP TS 31.102 section 4, TS 51.011 section 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Transparent:
    fid: int
    data: bytearray
    short_id: int = 0
    needs_pin: bool = True

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(slots=True)
class Records:
    """Linear fixed, or cyclic (record 1 is the newest)."""

    fid: int
    records: list[bytearray]
    is_cyclic: bool = False
    short_id: int = 0
    needs_pin: bool = True

    @property
    def size(self) -> int:
        return sum(len(record) for record in self.records)

    @property
    def record_size(self) -> int:
        return len(self.records[0])


File = Transparent | Records


@dataclass(slots=True)
class Directory:
    fid: int
    files: dict[int, File] = field(default_factory=dict)
    directories: dict[int, Directory] = field(default_factory=dict)
    aid: bytes = b""


USIM_AID = bytes.fromhex("a0000000871002ffffffff8903020000")
ISIM_AID = bytes.fromhex("a0000000871004ffffffff8903020000")


def swapped(digits: str, octets: int) -> bytes:
    """Packed BCD with swapped nibbles, padded with f."""
    padded = digits.ljust(octets * 2, "f")
    return bytes(int(padded[at + 1] + padded[at], 16) for at in range(0, octets * 2, 2))


def imsi_octets(imsi: str) -> bytes:
    """TS 31.102 4.2.2: length, then parity nibble and digits."""
    parity = "9" if len(imsi) % 2 else "1"
    return b"\x08" + swapped(parity + imsi, 8)


def universal_card(iccid: str, imsi: str) -> Directory:
    """Master file with telecom, GSM and USIM parts."""
    master = Directory(0x3F00)
    usim = Directory(0x7FFF, aid=USIM_AID)
    isim = Directory(0x7FFF, aid=ISIM_AID)
    master.directories = {
        0x7F10: _telecom(),
        0x7F20: _gsm(imsi),
        0xFF01: usim,  # reached by name only: the number is internal
        0xFF02: isim,
    }
    _fill(master, _MASTER_FILES, imsi)
    master.files[0x2FE2] = Transparent(0x2FE2, bytearray(swapped(iccid, 10)), 2, False)
    master.files[0x2F00] = _directory_file()
    _fill(usim, _USIM_FILES, imsi)
    usim.files[0x6F07] = Transparent(0x6F07, bytearray(imsi_octets(imsi)), 7)
    usim.files[0x6F39] = Records(0x6F39, [bytearray(3) for _ in range(4)], True)
    usim.files[0x6F40] = Records(0x6F40, [bytearray(b"\xff" * 26) for _ in range(2)])
    usim.files[0x6F3C] = Records(0x6F3C, [bytearray(b"\x00" + b"\xff" * 175) for _ in range(10)])
    usim.directories[0x5F3B] = Directory(0x5F3B)
    _fill(usim.directories[0x5F3B], {0x4F20: 9, 0x4F52: 9, 0x4F63: 10, 0x4F64: 20}, imsi)
    usim.directories[0x5FC0] = Directory(0x5FC0)
    _fill(usim.directories[0x5FC0], {0x4F01: 20, 0x4F02: 20, 0x4F03: 57, 0x4F05: 68}, imsi)
    _fill(isim, {0x6F02: 60, 0x6F03: 40, 0x6FAD: 4}, imsi)
    return master


_MASTER_FILES = {0x2F05: 10, 0x2F06: 60, 0x2F08: 5}
_OPEN_TO_ALL = (0x2F05, 0x2F06, 0x2F08, 0x2FE2, 0x2F00, 0x6F05, 0x6FAD, 0x6FB7, 0x6F38, 0x6F06)
_USIM_FILES = {
    0x6F05: 10,  # LI
    0x6F06: 60,  # ARR
    0x6F08: 33,  # Keys
    0x6F09: 33,  # KeysPS
    0x6F31: 1,  # HPPLMN
    0x6F38: 14,  # UST
    0x6F3E: 20,  # GID1
    0x6F3F: 20,  # GID2
    0x6F42: 40,  # SMSP, kept transparent here
    0x6F43: 2,  # SMSS
    0x6F45: 20,  # CBMI
    0x6F46: 17,  # SPN
    0x6F48: 20,  # CBMID
    0x6F50: 20,  # CBMIR
    0x6F56: 1,  # EST
    0x6F5B: 6,  # START-HFN
    0x6F5C: 3,  # THRESHOLD
    0x6F60: 250,  # PLMNwAcT
    0x6F61: 250,  # OPLMNwAcT
    0x6F62: 50,  # HPLMNwAcT
    0x6F73: 14,  # PSLOCI
    0x6F78: 2,  # ACC
    0x6F7B: 12,  # FPLMN
    0x6F7E: 11,  # LOCI
    0x6FAD: 4,  # AD
    0x6FB7: 20,  # ECC, kept transparent here
    0x6FC4: 50,  # NETPAR
    0x6FC5: 60,  # PNN
    0x6FC6: 40,  # OPL
    0x6FCD: 30,  # SPDI
    0x6FD9: 30,  # EHPLMN
    0x6FDC: 1,  # LRPLMNSI
    0x6FE3: 18,  # EPSLOCI
    0x6FE4: 54,  # EPSNSC
    0x6FEF: 20,  # PWS, kept short
}


def _fill(directory: Directory, sizes: dict[int, int], imsi: str) -> None:
    """Contents differ from file to file and card to card, so that no mix-up goes unseen."""
    seed = int(imsi)
    for fid, size in sizes.items():
        data = bytearray(
            (seed * 31 + fid * 7 + directory.fid + at * 13) & 0xFF for at in range(size)
        )
        short_id = fid & 0x1F if directory.fid == 0x7FFF and fid in _SHORT else 0
        directory.files[fid] = Transparent(fid, data, short_id, fid not in _OPEN_TO_ALL)


_SHORT = (0x6F05, 0x6F06, 0x6F08, 0x6F09, 0x6F73, 0x6F78, 0x6F7B, 0x6F7E, 0x6F5B)


def _directory_file() -> Records:
    rows = [b"\x61\x12\x4f\x10" + aid for aid in (USIM_AID, ISIM_AID)]
    return Records(0x2F00, [bytearray(row.ljust(38, b"\xff")) for row in rows], False, 0x1E, False)


def _telecom() -> Directory:
    telecom = Directory(0x7F10)
    telecom.files[0x6F3A] = Records(0x6F3A, [bytearray(b"\xff" * 28) for _ in range(20)])
    telecom.files[0x6F3B] = Records(0x6F3B, [bytearray(b"\xff" * 28) for _ in range(5)])
    telecom.files[0x6F44] = Records(0x6F44, [bytearray(b"\xff" * 28) for _ in range(5)], True)
    telecom.directories[0x5F3A] = Directory(0x5F3A)
    phonebook = [bytearray(b"\xff" * 30) for _ in range(10)]
    telecom.directories[0x5F3A].files[0x4F30] = Records(0x4F30, [bytearray(b"\xa8" + b"\xff" * 49)])
    telecom.directories[0x5F3A].files[0x4F3A] = Records(0x4F3A, phonebook)
    return telecom


def _gsm(imsi: str) -> Directory:
    gsm = Directory(0x7F20)
    sizes = {0x6F05: 4, 0x6F20: 9, 0x6F38: 10, 0x6F46: 17, 0x6F78: 2, 0x6F7B: 12, 0x6F7E: 11}
    _fill(gsm, {**sizes, 0x6FAD: 4, 0x6F74: 16, 0x6F31: 1, 0x6F45: 8}, imsi)
    gsm.files[0x6F07] = Transparent(0x6F07, bytearray(imsi_octets(imsi)))
    return gsm
