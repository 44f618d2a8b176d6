# SPDX-License-Identifier: GPL-2.0-or-later
"""Which way a command's data goes: on T=0 the header does not say, one has to know. Pure.

P3 is the length of data that the terminal sends, or of data that the card sends; only class and
instruction tell which. Sources: ETSI TS 102 221 table 10.5, TS 102 222 section 6, 3GPP TS 51.011
section 9.1, GlobalPlatform Card Specification chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from remsim.card.apdu import GSM_CLASS, Ins

SENDS, RECEIVES = True, False  # as the terminal sees it


def _status(header: bytes) -> bool:
    """80F2 is STATUS of a UICC, and GET STATUS of GlobalPlatform with one of P1's high bits."""
    return SENDS if header[2] & 0xF0 else RECEIVES


def _secure_channel(header: bytes) -> bool:
    """MANAGE SECURE CHANNEL, TS 102 221 11.1.20: P1 00 retrieves the endpoints; else bit 8 and the
    sequence bits of P2 tell data of the terminal (first block, or 000) from those of the card.
    """
    p1, p2 = header[2:4]
    if p1 == 0:
        return RECEIVES
    is_session_end = p1 & 0x07 == 4
    return SENDS if is_session_end or p2 == 0x80 or p2 >> 5 == 0 else RECEIVES


def _transact_data(header: bytes) -> bool:
    """TRANSACT DATA, TS 102 221 11.1.21: bit 3 of P1 says that the terminal sends."""
    return SENDS if header[2] & 0x04 else RECEIVES


_Direction = bool | Callable[[bytes], bool]

_COMMON: Mapping[int, _Direction] = MappingProxyType(
    {
        Ins.DEACTIVATE_FILE: SENDS,  # only if P3 is not 0
        Ins.TERMINAL_PROFILE: SENDS,
        Ins.FETCH: RECEIVES,
        Ins.TERMINAL_RESPONSE: SENDS,
        Ins.VERIFY: SENDS,
        Ins.CHANGE_PIN: SENDS,
        Ins.DISABLE_PIN: SENDS,
        Ins.ENABLE_PIN: SENDS,
        Ins.UNBLOCK_PIN: SENDS,
        Ins.INCREASE: SENDS,
        Ins.ACTIVATE_FILE: SENDS,
        Ins.AUTHENTICATE: SENDS,
        Ins.SEARCH_RECORD: SENDS,
        Ins.SELECT: SENDS,
        Ins.READ_BINARY: RECEIVES,
        Ins.READ_RECORD: RECEIVES,
        Ins.GET_RESPONSE: RECEIVES,
        Ins.ENVELOPE: SENDS,
        Ins.UPDATE_BINARY: SENDS,
        Ins.UPDATE_RECORD: SENDS,
    }
)

_UICC: Mapping[int, _Direction] = MappingProxyType(
    {
        **_COMMON,
        Ins.MANAGE_CHANNEL: RECEIVES,
        Ins.MANAGE_SECURE_CHANNEL: _secure_channel,
        Ins.TRANSACT_DATA: _transact_data,
        Ins.SUSPEND: SENDS,
        Ins.GET_IDENTITY: SENDS,
        Ins.GET_CHALLENGE: RECEIVES,
        Ins.AUTHENTICATE_ODD: SENDS,
        Ins.TERMINAL_CAPABILITY: SENDS,
        Ins.RETRIEVE_DATA: SENDS,
        Ins.SET_DATA: SENDS,
        Ins.STATUS: _status,
        0x0E: SENDS,  # ERASE BINARY
        0x50: SENDS,  # INITIALIZE UPDATE
        0x7A: SENDS,  # EXCHANGE CAPABILITIES
        0x82: SENDS,  # EXTERNAL AUTHENTICATE
        0xCA: RECEIVES,  # GET DATA
        0xD0: SENDS,  # WRITE BINARY
        0xD2: SENDS,  # WRITE RECORD
        0xD4: SENDS,  # RESIZE FILE
        0xD8: SENDS,  # PUT KEY
        0xDA: SENDS,  # PUT DATA
        0xE0: SENDS,  # CREATE FILE
        0xE2: SENDS,  # STORE DATA
        0xE4: SENDS,  # DELETE
        0xE6: SENDS,  # INSTALL
        0xE8: SENDS,  # LOAD
        0xF0: SENDS,  # SET STATUS
    }
)

_SIM: Mapping[int, _Direction] = MappingProxyType(
    {
        **_COMMON,
        Ins.STATUS: RECEIVES,
        0xFA: RECEIVES,  # SLEEP: P3 is 0
    }
)


def sends_data(header: bytes) -> bool | None:
    """Whether the terminal sends P3 octets after this header; None for an unknown instruction."""
    known = (_SIM if header[0] == GSM_CLASS else _UICC).get(header[1])
    if callable(known):
        known = known(header)
    if known is None:
        return None
    return known and header[4] > 0
