# SPDX-License-Identifier: GPL-2.0-or-later
"""Names over one link: cache, servers in order, aliases, last good addresses; and the socket shell
on loopback.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from remsim.clock import Deadline, SystemClock
from remsim.errors import PeerNonsense, PeerUnreachable
from remsim.net import dns
from remsim.net.bind import LinkBinding
from remsim.net.dns import Answer, Question, RecordType
from remsim.net.resolve import BoundDnsExchange, LinkResolver
from remsim_lab.clock import HandClock

IPV4_LINK = LinkBinding("wwan1", 0, ("10.0.0.1", "10.0.0.2"), ("10.64.1.2/30",))
IPV6_LINK = LinkBinding("wwan1", 0, ("2001:db8::53",), ("2001:db8:1::2/64",))
DUAL_LINK = LinkBinding("wwan1", 0, ("10.0.0.1",), ("10.64.1.2/30", "2001:db8:1::2/64"))
FOUND = Answer(0, False, ("192.0.2.10",), 300)
NOTHING = Answer(0, False)


class Servers:
    """Answers questions from a table; remembers who was asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.replies: dict[tuple[str, str], Answer | Exception] = {}

    def ask(self, link: LinkBinding, server: str, question: Question, deadline: Deadline) -> Answer:
        self.asked.append((server, question.name, question.type.name))
        reply = self.replies.get((server, question.name), FOUND)
        if question.type is RecordType.AAAA and reply is FOUND:
            reply = Answer(0, False, ("2001:db8::10",), 300)
        if isinstance(reply, Exception):
            raise reply
        return reply


class Bench:
    def __init__(self, link: LinkBinding = IPV4_LINK) -> None:
        self.clock = HandClock()
        self.servers = Servers()
        self.resolver = LinkResolver(self.clock, self.servers)
        self.resolver.rebind(link)

    def resolve(self, host: str = "ionmesh.example.com", timeout_s: float = 10) -> tuple[str, ...]:
        return self.resolver.resolve(host, Deadline.after(self.clock, timeout_s))

    def break_dns(self, failure: Answer | Exception) -> None:
        for server in (*IPV4_LINK.dns_servers, *IPV6_LINK.dns_servers):
            self.servers.replies[(server, "ionmesh.example.com")] = failure


def test_literals_are_never_asked_for() -> None:
    bench = Bench()
    assert bench.resolve("192.0.2.7") == ("192.0.2.7",)
    assert Bench(IPV6_LINK).resolve("2001:db8::7") == ("2001:db8::7",)
    assert bench.servers.asked == []


def test_literal_of_a_version_that_the_link_does_not_speak_is_unreachable() -> None:
    with pytest.raises(PeerUnreachable) as caught:
        Bench().resolve("2001:db8::7")
    assert caught.value.word == "EAFNOSUPPORT"


def test_localhost_is_known() -> None:
    assert Bench().resolve("localhost") == ("127.0.0.1",)


def test_only_the_versions_of_the_link_are_asked() -> None:
    bench = Bench()
    bench.resolve()
    assert [asked[2] for asked in bench.servers.asked] == ["A"]
    six = Bench(IPV6_LINK)
    assert six.resolve() == ("2001:db8::10",)
    assert [asked[2] for asked in six.servers.asked] == ["AAAA"]


def test_link_with_both_versions_gets_both_addresses() -> None:
    assert Bench(DUAL_LINK).resolve() == ("192.0.2.10", "2001:db8::10")


def test_answer_is_kept_for_its_ttl_and_then_asked_again() -> None:
    bench = Bench()
    bench.resolve()
    bench.clock.move(299)
    bench.resolve()
    assert len(bench.servers.asked) == 1
    bench.clock.move(2)
    bench.resolve()
    assert len(bench.servers.asked) == 2


def test_ttl_of_zero_does_not_cost_a_question_per_connection() -> None:
    bench = Bench()
    bench.break_dns(Answer(0, False, ("192.0.2.10",), 0))
    bench.resolve()
    bench.clock.move(59)
    bench.resolve()
    assert len(bench.servers.asked) == 1


def test_second_server_is_asked_when_the_first_is_silent() -> None:
    bench = Bench()
    bench.servers.replies[("10.0.0.1", "ionmesh.example.com")] = TimeoutError()
    assert bench.resolve() == ("192.0.2.10",)
    assert [asked[0] for asked in bench.servers.asked] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (TimeoutError(), "ETIMEDOUT"),
        (ConnectionRefusedError(111, "Connection refused"), "ECONNREFUSED"),
        (Answer(2, False), "SERVFAIL"),
        (Answer(3, False), "NXDOMAIN"),
        (NOTHING, "NODATA"),
        (PeerNonsense("DNS", "answer cut short"), "NONSENSE"),
    ],
)
def test_failure_names_its_cause(failure: Answer | Exception, word: str) -> None:
    bench = Bench()
    bench.break_dns(failure)
    with pytest.raises(PeerUnreachable) as caught:
        bench.resolve()
    assert caught.value.word == word


def test_unknown_name_is_not_asked_of_every_server() -> None:
    bench = Bench()
    bench.break_dns(Answer(3, False))
    with pytest.raises(PeerUnreachable):
        bench.resolve()
    assert len(bench.servers.asked) == 1


def test_last_good_addresses_stay_when_dns_fails() -> None:
    bench = Bench()
    bench.resolve()
    bench.clock.move(10_000)
    bench.break_dns(TimeoutError())
    assert bench.resolve() == ("192.0.2.10",)


def test_failing_dns_is_not_asked_again_at_once() -> None:
    bench = Bench()
    bench.resolve()
    bench.clock.move(10_000)
    bench.break_dns(TimeoutError())
    bench.resolve()
    asked = len(bench.servers.asked)
    bench.clock.move(29)
    bench.resolve()
    assert len(bench.servers.asked) == asked
    bench.clock.move(2)
    bench.resolve()
    assert len(bench.servers.asked) > asked


def test_address_change_is_seen_after_the_ttl() -> None:
    bench = Bench()
    bench.resolve()
    bench.break_dns(Answer(0, False, ("192.0.2.99",), 300))
    bench.clock.move(301)
    assert bench.resolve() == ("192.0.2.99",)


def test_other_dns_servers_are_asked_at_once() -> None:
    bench = Bench()
    bench.resolve()
    bench.resolver.rebind(LinkBinding("wwan1", 0, ("10.9.9.9",), ("10.64.1.2/30",)))
    bench.resolve()
    assert bench.servers.asked[-1][0] == "10.9.9.9"


def test_same_link_seen_again_asks_nothing() -> None:
    bench = Bench()
    bench.resolve()
    bench.resolver.rebind(IPV4_LINK)
    bench.resolve()
    assert len(bench.servers.asked) == 1


def test_bare_alias_is_asked_for() -> None:
    bench = Bench()
    bench.break_dns(Answer(0, False, (), 30, "lb.example.net"))
    assert bench.resolve() == ("192.0.2.10",)
    assert [asked[1] for asked in bench.servers.asked] == ["ionmesh.example.com", "lb.example.net"]


def test_aliases_without_end_end() -> None:
    bench = Bench()
    bench.break_dns(Answer(0, False, (), 30, "ionmesh.example.com"))
    with pytest.raises(PeerUnreachable) as caught:
        bench.resolve()
    assert caught.value.word == "ALIAS LOOP"


def test_link_without_dns_server_says_so() -> None:
    with pytest.raises(PeerUnreachable) as caught:
        Bench(LinkBinding("wwan1", 0, (), ("10.64.1.2/30",))).resolve()
    assert caught.value.word == "NO DNS"


def test_number_of_names_kept_is_bounded() -> None:
    bench = Bench()
    for number in range(40):
        bench.resolve(f"host{number}.example.com")
    bench.resolve("host39.example.com")
    assert len(bench.servers.asked) == 40
    bench.resolve("host0.example.com")
    assert len(bench.servers.asked) == 41


# --- the socket shell, on loopback -------------------------------------------------------------

LOOPBACK = LinkBinding("lo", 0, ("127.0.0.1",), ("127.0.0.1/8",))
QUESTION = Question("ionmesh.example.com", RecordType.A)
Reply = Callable[[bytes], list[bytes]]


def right(query: bytes, address: bytes = b"\xc0\x00\x02\x0a") -> bytes:
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    return head + query[12:] + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + address


def truncated(query: bytes) -> bytes:
    return query[:2] + struct.pack("!HHHHH", 0x8380, 1, 0, 0, 0) + query[12:]


@contextmanager
def dns_server(udp: Reply, tcp: Reply | None = None) -> Iterator[int]:
    """One question over UDP; then one over TCP if `tcp` is given."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as streams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        port = datagrams.getsockname()[1]
        streams.bind(("127.0.0.1", port))
        streams.listen()

        def serve() -> None:
            query, peer = datagrams.recvfrom(512)
            for reply in udp(query):
                datagrams.sendto(reply, peer)
            if tcp is not None:
                with streams.accept()[0] as stream:
                    query = stream.recv(512)[2:]
                    for reply in tcp(query):
                        stream.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield port
        thread.join(5)


def ask(port: int, timeout_s: float = 5.0) -> Answer:
    return BoundDnsExchange(port).ask(
        LOOPBACK, "127.0.0.1", QUESTION, Deadline.after(SystemClock(), timeout_s)
    )


def test_answer_over_udp() -> None:
    with dns_server(lambda query: [right(query)]) as port:
        assert ask(port).addresses == ("192.0.2.10",)


def test_wrong_id_and_wrong_question_are_ignored() -> None:
    def forged(query: bytes) -> list[bytes]:
        other_id = bytes((query[0] ^ 1,)) + right(query, b"\x06\x06\x06\x06")[1:]
        other_name = right(query, b"\x06\x06\x06\x06").replace(b"ionmesh", b"ionnest")
        return [other_id, other_name, b"rubbish", right(query)]

    with dns_server(forged) as port:
        assert ask(port).addresses == ("192.0.2.10",)


def test_truncated_answer_is_asked_again_over_tcp() -> None:
    def over_tcp(query: bytes) -> list[bytes]:
        reply = right(query)
        return [len(reply).to_bytes(2), reply[:9], reply[9:]]

    with dns_server(lambda query: [truncated(query)], over_tcp) as port:
        assert ask(port).addresses == ("192.0.2.10",)


def test_tcp_answer_cut_short_is_nonsense() -> None:
    server = dns_server(lambda query: [truncated(query)], lambda query: [b"\x00\x50abc"])
    with server as port, pytest.raises(PeerNonsense):
        ask(port)


def test_silent_server_costs_no_more_than_the_deadline() -> None:
    with dns_server(lambda query: []) as port, pytest.raises(TimeoutError):
        ask(port, 0.1)


def test_ids_and_ports_are_different_each_time() -> None:
    seen: list[bytes] = []

    def note(query: bytes) -> list[bytes]:
        seen.append(query[:2])
        return [right(query)]

    for _ in range(4):
        with dns_server(note) as port:
            ask(port)
    assert len(set(seen)) > 1


def test_query_carries_the_question() -> None:
    assert dns.build_query(1, QUESTION)[12:].startswith(b"\x07ionmesh")
