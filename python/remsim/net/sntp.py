# SPDX-License-Identifier: GPL-2.0-or-later
"""The time of day over one link, for judging certificates before the router's own clock is set.
Never sets a clock.

The answer is unauthenticated: it is believed only as a reading that is not before the build of this
package. Source: RFC 4330 section 5 (client), RFC 5905 figure 8 (header); the nonce in the transmit
field is the usual data-minimisation of draft-ietf-ntp-data-minimization.
"""

from __future__ import annotations

import os
import socket
import struct

from remsim.clock import Deadline
from remsim.errors import PeerError, PeerNonsense, PeerUnreachable
from remsim.net.bind import LinkBinding, errno_word, family_of, open_socket, sockaddr
from remsim.net.resolve import LinkResolver

NTP_PORT = 123
PACKET = struct.Struct("!BBbb11I")  # RFC 5905 figure 8, without extensions
CLIENT_V4 = 0x23  # LI 0, version 4, mode 3
MODE_SERVER = 4
LEAP_UNSYNCHRONISED = 3
STRATUM_MAX = 15
ERA_S = 2**32  # the 32-bit seconds start again in February 2036
NTP_TO_UNIX_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
STRAY_MAX = 8
TRY_S = 3.0  # one server; a slow link answers in 1 to 2 s


def build_request(nonce: bytes) -> bytes:
    """`nonce` is 8 random bytes that the server has to send back as originate timestamp."""
    return PACKET.pack(CLIENT_V4, *(0,) * 14)[:40] + nonce


def parse_reply(message: bytes, nonce: bytes, not_before_s: float) -> float:
    """The server's wall clock in Unix seconds, in the first NTP era not before `not_before_s`.

    PeerNonsense when it is no answer to this request, or the server says that it does not know the
    time.
    """
    if len(message) < PACKET.size:
        raise PeerNonsense("SNTP", "answer cut short")
    first, stratum, _, _, *_ = PACKET.unpack_from(message)
    if first & 7 != MODE_SERVER or message[24:32] != nonce:
        raise PeerNonsense("SNTP", "answer to another request")
    if first >> 6 == LEAP_UNSYNCHRONISED or not 1 <= stratum <= STRATUM_MAX:
        raise PeerNonsense("SNTP", "the server does not know the time")
    seconds, fraction = struct.unpack_from("!II", message, 40)
    if seconds == 0:
        raise PeerNonsense("SNTP", "the server does not know the time")
    wall_s: float = seconds - NTP_TO_UNIX_S + fraction / ERA_S
    while wall_s < not_before_s - ERA_S / 2:
        wall_s += ERA_S
    if wall_s < not_before_s:
        raise PeerNonsense("SNTP", "the server's time is before this software was built")
    return wall_s


def ask_time(
    link: LinkBinding,
    resolver: LinkResolver,
    servers: tuple[str, ...],
    not_before_s: float,
    deadline: Deadline,
    port: int = NTP_PORT,
) -> float:
    """The wall clock at return, from the first server that knows it. PeerError if none answers in
    time.
    """
    failure: PeerError = PeerUnreachable("SNTP", "no time server is configured")
    for server in servers:
        if deadline.is_over:
            break
        attempt = Deadline.after(deadline.clock, min(deadline.left_s, TRY_S))
        try:
            address = resolver.resolve(server, attempt)[0]
            return _ask(link, address, not_before_s, attempt, port)
        except PeerError as error:
            failure = error
        except OSError as error:
            failure = PeerUnreachable(server, "no answer over SNTP", word=errno_word(error))
    raise failure


def _ask(
    link: LinkBinding, address: str, not_before_s: float, deadline: Deadline, port: int
) -> float:
    nonce = os.urandom(8)
    with open_socket(link, family_of(address), socket.SOCK_DGRAM) as sock:
        sock.deadline = deadline
        sock.connect(sockaddr(address, port))
        sent_at = deadline.clock.monotonic()
        sock.send(build_request(nonce))
        for _ in range(STRAY_MAX):
            message = sock.recv(PACKET.size * 4)
            if message[24:32] == nonce:
                half_way_s = (deadline.clock.monotonic() - sent_at) / 2
                return parse_reply(message, nonce, not_before_s) + half_way_s
    raise PeerNonsense("SNTP", f"{address} answers other requests")
