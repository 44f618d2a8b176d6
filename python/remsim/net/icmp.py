# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP echo as bytes, both families. Pure. Source: RFC 792 (echo), RFC 4443 section 4, RFC 1071
(checksum).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ECHO = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
IPV4_HEADER_MIN = 20


@dataclass(frozen=True, slots=True)
class EchoKind:
    """`raw_has_header`: a raw socket of this family delivers the IP header in front of the
    message.
    """

    request: int
    reply: int
    raw_has_header: bool


ECHO_V4 = EchoKind(8, 0, True)
ECHO_V6 = EchoKind(128, 129, False)


def build_echo(kind: EchoKind, identifier: int, nonce: bytes) -> bytes:
    """The kernel computes the checksum of ICMPv6 itself; what is written here is then replaced."""
    blank = ECHO.pack(kind.request, 0, 0, identifier, 1) + nonce
    return ECHO.pack(kind.request, 0, checksum(blank), identifier, 1) + nonce


def is_echo_reply(kind: EchoKind, message: bytes, nonce: bytes, from_raw: bool) -> bool:
    """Whether it answers the request that carried `nonce`. The identifier is not compared: an
    unprivileged socket has its own put in by the kernel, and the nonce is longer.
    """
    if from_raw and kind.raw_has_header:
        if len(message) < IPV4_HEADER_MIN:
            return False
        message = message[(message[0] & 0x0F) * 4 :]
    if len(message) < ECHO.size:
        return False
    return message[0] == kind.reply and message[ECHO.size :] == nonce


def checksum(data: bytes) -> int:
    """RFC 1071: ones' complement sum of 16-bit words."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
