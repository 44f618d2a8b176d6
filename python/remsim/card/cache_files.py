# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files the cache may remember, and where a command's file is in the card's tree. Pure.

A file is in the table only if its specification says both "update activity: low" and that nobody
but the issuer may write it (UPDATE: ADM). So neither modem nor user changes it in ordinary life,
and what the issuer changes over the air shows as ENVELOPE or REFRESH. Everything else is asked of
the card each time: keys, locations, FPLMN, counters, messages, phone book, languages, MSISDN.
Sources: 3GPP TS 31.102 V18 section 4, TS 31.103 V18 section 4, TS 51.011 section 10, ETSI TS
102 221 V18 section 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from remsim.card.apdu import GSM_CLASS, HEADER, Ins
from remsim.card.place import CURRENT_APPLICATION, MASTER_FILE, Place

Path = tuple[bytes, ...]
"""Identifiers from the root: the master file's, or an application's name, then directories, then
perhaps a file."""

ROOT: Path = (MASTER_FILE,)
ICCID_PATH: Path = (MASTER_FILE, b"\x2f\xe2")
USIM = bytes.fromhex("a0000000871002")  # registered application provider and application code
ISIM = bytes.fromhex("a0000000871004")
_NAME_OCTETS = len(USIM)  # what follows it in an AID is the issuer's
_MIN_NAME = 12  # of a whole application's name, TS 101 220 4; a shorter one may mean several
_DF_GSM = b"\x7f\x20"
_DF_5GS = b"\x5f\xc0"
_FILE_OCTETS = (0x2F, 0x6F, 0x4F)  # first octet of a file's identifier, TS 102 221 8.6
_FIRST_LEVEL, _SECOND_LEVEL = 0x7F, 0x5F  # and of a directory's
_BY_FILE, _BY_NAME, _BY_PATH = 0x00, 0x04, 0x08  # P1 of SELECT

_IN_MASTER_FILE = {  # TS 102 221
    0x2F00: "13.1 DIR",
    0x2F06: "13.4 ARR",
    0x2F08: "13.6 UMPC",
    0x2FE2: "13.2 ICCID",
}
_IN_USIM = {  # TS 31.102
    0x6F06: "4.2.55 ARR",
    0x6F07: "4.2.2 IMSI",
    0x6F31: "4.2.6 HPPLMN",
    0x6F38: "4.2.8 UST",
    0x6F3E: "4.2.10 GID1",
    0x6F3F: "4.2.11 GID2",
    0x6F46: "4.2.12 SPN",
    0x6F48: "4.2.20 CBMID",
    0x6F49: "4.2.29 SDN",
    0x6F4C: "4.2.31 EXT3",
    0x6F5C: "4.2.52 THRESHOLD",
    0x6F61: "4.2.53 OPLMNwAcT",
    0x6F62: "4.2.54 HPLMNwAcT",
    0x6F78: "4.2.15 ACC",
    0x6FAD: "4.2.18 AD",
    0x6FB7: "4.2.21 ECC",
    0x6FC5: "4.2.58 PNN",
    0x6FC6: "4.2.59 OPL",
    0x6FCD: "4.2.66 SPDI",
    0x6FD9: "4.2.84 EHPLMN",
    0x6FDB: "4.2.85 EHPLMNPI",
    0x6FDC: "4.2.86 LRPLMNSI",
    0x6FE6: "4.2.93 UFC",
    0x6FE8: "4.2.94 NASCONFIG",
    0x6FEC: "4.2.96 PWS",
}
_IN_5GS = {  # TS 31.102
    0x4F06: "4.4.11.7 UAC_AIC",
    0x4F07: "4.4.11.8 SUCI_Calc_Info",
    0x4F08: "4.4.11.9 OPL5G",
    0x4F0A: "4.4.11.11 Routing_Indicator",
}
_IN_ISIM = {  # TS 31.103
    0x6F02: "4.2.2 IMPI",
    0x6F03: "4.2.3 DOMAIN",
    0x6F04: "4.2.4 IMPU",
    0x6F06: "4.2.6 ARR",
    0x6F07: "4.2.7 IST",
    0x6F09: "4.2.8 P-CSCF",
    0x6FAD: "4.2.5 AD",
}
_IN_GSM = {  # TS 51.011
    0x6F07: "10.3.2 IMSI",
    0x6F31: "10.3.5 HPLMN",
    0x6F38: "10.3.7 SST",
    0x6F3E: "10.3.9 GID1",
    0x6F3F: "10.3.10 GID2",
    0x6F46: "10.3.11 SPN",
    0x6F48: "10.3.26 CBMID",
    0x6F78: "10.3.15 ACC",
    0x6FAD: "10.3.18 AD",
    0x6FAE: "10.3.19 Phase",
    0x6FB7: "10.3.27 ECC",
}

STABLE_FILES: Mapping[Path, Mapping[int, str]] = MappingProxyType(
    {
        ROOT: _IN_MASTER_FILE,
        (MASTER_FILE, _DF_GSM): _IN_GSM,
        (USIM,): _IN_USIM,
        (USIM, _DF_5GS): _IN_5GS,
        (ISIM,): _IN_ISIM,
    }
)
"""Directory: file identifier: section and name."""


def is_stable(path: Path) -> bool:
    """Contents of the file at `path` may be remembered."""
    if len(path) < 2:
        return False
    if not has_certain_root(path):
        return False
    files = STABLE_FILES.get((path[0][:_NAME_OCTETS], *path[1:-1]))
    return files is not None and int.from_bytes(path[-1], "big") in files


def is_directory(path: Path) -> bool:
    """A directory whose place in the tree is beyond doubt: the master file, a first-level directory
    below it, an application, a second-level directory below either of these two.
    """
    if not path or len(path) > 3 or not has_certain_root(path):
        return False
    levels = [each[0] for each in path[1:]]
    if path[0] == MASTER_FILE:
        return levels in ([], [_FIRST_LEVEL], [_FIRST_LEVEL, _SECOND_LEVEL])
    return levels in ([], [_SECOND_LEVEL])


def has_certain_root(path: Path) -> bool:
    """The master file, or an application by its whole name."""
    return path[0] == MASTER_FILE or is_whole_name(path[0])


def is_whole_name(name: bytes) -> bool:
    """Not just the beginning of one, by which the card may choose now this application, now
    that.
    """
    return len(name) >= _MIN_NAME


def path_of(place: Place) -> Path | None:
    """Where a place is; None if the commands that led there do not tell (short file identifiers,
    parents, relative paths).
    """
    path: Path | None = base_of(place)
    for command in place.trail:
        if path is None or command[1] != Ins.SELECT:
            return None
        path = _moved(path, base_of(place), command)
    return path


def directory_of(place: Place) -> Path | None:
    """Of the directory that a place is in."""
    path = path_of(place.directory)
    return path[:-1] if path is not None and _is_file(path) else path


def base_of(place: Place) -> Path:
    """Where a place's trail begins."""
    return ROOT if place.application is None else (place.application[HEADER:],)


def _moved(path: Path, base: Path, command: bytes) -> Path | None:
    way, target = command[2], command[HEADER:]
    if command[0] == GSM_CLASS or way == _BY_FILE:
        return _child(path, base, target)
    if way == _BY_NAME:
        return ROOT  # a termination: nothing else by name stands in a trail
    if way != _BY_PATH or len(target) % 2:
        return None
    moved: Path | None = ROOT
    for at in range(0, len(target), 2):
        moved = moved and _child(moved, base, target[at : at + 2])
    return moved


def _child(path: Path, base: Path, target: bytes) -> Path | None:
    """Below the directory of `path`."""
    if target in (MASTER_FILE, b""):
        return ROOT
    if target == CURRENT_APPLICATION:
        return None if base == ROOT else base
    if len(target) != 2:
        return None
    return (*(path[:-1] if _is_file(path) else path), target)


def _is_file(path: Path) -> bool:
    return len(path) > 1 and path[-1][0] in _FILE_OCTETS
