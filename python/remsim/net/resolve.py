# SPDX-License-Identifier: GPL-2.0-or-later
"""Names asked of one link's own DNS servers over a bound socket, with a bounded cache that outlives
their failure.

The C library's resolver cannot be bound to a link and would ask whatever server the main table
reaches, so it is never used here. One instance per link and thread. Source: RFC 1035 section 4.2;
RFC 8767 (serving stale answers).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from typing import Protocol

from remsim.clock import Clock, Deadline
from remsim.errors import PeerNonsense, PeerUnreachable
from remsim.net import dns
from remsim.net.bind import (
    LimitedSocket,
    LinkBinding,
    connect,
    errno_word,
    family_of,
    is_literal,
    open_socket,
    sockaddr,
)

DNS_PORT = 53  # RFC 1035 4.2
TRY_S = 2.0  # one server, one question; mobile links answer in 0.05 to 1 s
ROUNDS = 2  # how often each server is asked
FRESH_MIN_S = 60.0  # a TTL of 0 must not cost a question per connection on a paid link
FRESH_MAX_S = 86_400.0  # RFC 8767 section 4: a day is as long as anybody caches
RETRY_S = 30.0  # after a failure the last good addresses are used this long before asking again
STALE_TRY_S = (
    2.0  # with last good addresses at hand, failing servers may cost a beat no more than this
)
MAX_NAMES = 16  # hosts of one orchestrator and a time server or two; more only by mistake
UDP_MAX = 4096  # nothing longer is expected without EDNS, RFC 1035 4.2.1 says 512
STRAY_MAX = 32  # wrong or forged datagrams looked at before a question counts as unanswered
TCP_MAX = 65_535 + 2

QUESTION_TYPES = {socket.AF_INET: dns.RecordType.A, socket.AF_INET6: dns.RecordType.AAAA}
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}  # RFC 6761 section 6.3


class DnsExchange(Protocol):
    """One question to one server over one link. PeerError or OSError if no usable answer came in
    time.
    """

    def ask(
        self, link: LinkBinding, server: str, question: dns.Question, deadline: Deadline
    ) -> dns.Answer: ...


class BoundDnsExchange:
    """UDP from a fresh random port with a random id, connected so that nobody else's datagrams get
    in; TCP if cut.
    """

    def __init__(self, port: int = DNS_PORT) -> None:
        self._port = port

    def ask(
        self, link: LinkBinding, server: str, question: dns.Question, deadline: Deadline
    ) -> dns.Answer:
        identifier = int.from_bytes(os.urandom(2))
        query = dns.build_query(identifier, question)
        answer = self._ask_udp(link, server, query, question, deadline)
        if answer.is_truncated:
            return self._ask_tcp(link, server, query, question, deadline)
        return answer

    def _ask_udp(
        self,
        link: LinkBinding,
        server: str,
        query: bytes,
        question: dns.Question,
        deadline: Deadline,
    ) -> dns.Answer:
        with open_socket(link, family_of(server), socket.SOCK_DGRAM) as sock:
            sock.deadline = deadline
            sock.connect(sockaddr(server, self._port))
            sock.send(query)
            for _ in range(STRAY_MAX):
                message = sock.recv(UDP_MAX)
                if dns.answers(message, _identifier(query), question):
                    return dns.parse_answer(message, question)
        raise PeerNonsense("DNS", f"{server} sends answers to other questions")

    def _ask_tcp(
        self,
        link: LinkBinding,
        server: str,
        query: bytes,
        question: dns.Question,
        deadline: Deadline,
    ) -> dns.Answer:
        with connect(link, server, self._port, deadline) as sock:
            sock.limit(deadline, TCP_MAX)
            sock.sendall(len(query).to_bytes(2) + query)
            message = _read_exactly(sock, int.from_bytes(_read_exactly(sock, 2)))
        if not dns.answers(message, _identifier(query), question):
            raise PeerNonsense("DNS", f"{server} answers another question")
        answer = dns.parse_answer(message, question)
        if answer.is_truncated:
            raise PeerNonsense("DNS", f"{server} truncates even over TCP")
        return answer


@dataclass(frozen=True, slots=True)
class _Known:
    """`addresses` are the last good ones; they stay when they are no longer fresh."""

    addresses: tuple[str, ...]
    fresh_until: float


class LinkResolver:
    """Name → addresses over one link. Literals and `localhost` are never asked for."""

    def __init__(self, clock: Clock, exchange: DnsExchange | None = None) -> None:
        self._clock = clock
        self._exchange = exchange or BoundDnsExchange()
        self._link = LinkBinding()
        self._known: dict[str, _Known] = {}

    def rebind(self, link: LinkBinding) -> None:
        """The link changed. Other DNS servers or families may know other addresses: everything is
        asked again.
        """
        changed = (link.dns_servers, link.families) != (self._link.dns_servers, self._link.families)
        self._link = link
        if changed:
            now = self._clock.monotonic()
            self._known = {
                name: replace(known, fresh_until=now) for name, known in self._known.items()
            }

    def resolve(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        """At least one address that this link can speak, or PeerUnreachable. Last good ones when
        DNS fails.
        """
        if is_literal(host):
            return self._speakable(host, (host,))
        name = host.rstrip(".").lower()
        if name == "localhost":
            return self._speakable(host, tuple(LOOPBACK[family] for family in self._link.families))
        known = self._known.get(name)
        if known is not None and self._clock.monotonic() < known.fresh_until:
            return self._speakable(host, known.addresses)
        return self._ask_again(name, known, deadline)

    def _ask_again(self, name: str, known: _Known | None, deadline: Deadline) -> tuple[str, ...]:
        if known is not None:
            deadline = _sooner(deadline, STALE_TRY_S)
        try:
            addresses, ttl_s = self._ask_families(name, deadline)
        except PeerUnreachable:
            if known is None:
                raise
            self._remember(name, known.addresses, RETRY_S)
            return self._speakable(name, known.addresses)
        self._remember(name, addresses, min(max(ttl_s, FRESH_MIN_S), FRESH_MAX_S))
        return addresses

    def _remember(self, name: str, addresses: tuple[str, ...], fresh_s: float) -> None:
        self._known.pop(name, None)
        self._known[name] = _Known(addresses, self._clock.monotonic() + fresh_s)
        while len(self._known) > MAX_NAMES:
            del self._known[next(iter(self._known))]

    def _ask_families(self, name: str, deadline: Deadline) -> tuple[tuple[str, ...], float]:
        """One family that is answered is enough; the failure of the other is then no failure."""
        addresses: list[str] = []
        ttls: list[float] = []
        failure: PeerUnreachable | None = None
        for family in self._link.families:
            try:
                answer = self._ask_chain(dns.Question(name, QUESTION_TYPES[family]), deadline)
            except PeerUnreachable as error:
                failure = failure or error
                continue
            addresses += answer.addresses
            ttls.append(answer.ttl_s)
        if addresses:
            return tuple(addresses), min(ttls)
        raise failure or PeerUnreachable(name, "DNS knows no address of it", word="NODATA")

    def _ask_chain(self, question: dns.Question, deadline: Deadline) -> dns.Answer:
        """Where an answer ends in a bare alias, that is asked for, a bounded number of times."""
        ttl_s = dns.MAX_TTL_S
        for _ in range(dns.MAX_CHAIN):
            answer = self._ask_servers(question, deadline)
            ttl_s = min(ttl_s, answer.ttl_s)
            if answer.addresses or answer.alias is None:
                return replace(answer, ttl_s=ttl_s)
            question = dns.Question(answer.alias, question.type)
        raise PeerUnreachable(question.name, "DNS leads from alias to alias", word="ALIAS LOOP")

    def _ask_servers(self, question: dns.Question, deadline: Deadline) -> dns.Answer:
        if not self._link.dns_servers:
            raise PeerUnreachable(question.name, "the link has no DNS server", word="NO DNS")
        failure = PeerUnreachable(question.name, "no time left to ask DNS", word="ETIMEDOUT")
        for server in self._link.dns_servers * ROUNDS:
            if deadline.is_over:
                break
            try:
                answer = self._exchange.ask(self._link, server, question, _sooner(deadline, TRY_S))
            except (OSError, PeerNonsense) as error:
                failure = _unanswered(question.name, server, error)
                continue
            if answer.code == dns.ResponseCode.NOERROR:
                return answer
            failure = PeerUnreachable(
                question.name, f"DNS server {server} says {answer.word}", word=answer.word
            )
            if answer.code == dns.ResponseCode.NXDOMAIN:
                break
        raise failure

    def _speakable(self, host: str, addresses: tuple[str, ...]) -> tuple[str, ...]:
        usable = tuple(address for address in addresses if self._link.speaks(address))
        if not usable:
            raise PeerUnreachable(
                host, "the link speaks another version of IP", word="EAFNOSUPPORT"
            )
        return usable


def _sooner(deadline: Deadline, seconds: float) -> Deadline:
    return Deadline.after(deadline.clock, min(deadline.left_s, seconds))


def _unanswered(name: str, server: str, error: OSError | PeerNonsense) -> PeerUnreachable:
    if isinstance(error, TimeoutError):
        return PeerUnreachable(name, f"DNS server {server} does not answer", word="ETIMEDOUT")
    if isinstance(error, PeerNonsense):
        return PeerUnreachable(name, f"DNS server {server}: {error.reason}", word="NONSENSE")
    return PeerUnreachable(
        name, f"DNS server {server}: {error.strerror or error}", word=errno_word(error)
    )


def _identifier(query: bytes) -> int:
    return int.from_bytes(query[:2])


def _read_exactly(sock: LimitedSocket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise PeerNonsense("DNS", "answer cut short")
        data += part
    return bytes(data)
