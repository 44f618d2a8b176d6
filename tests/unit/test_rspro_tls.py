# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS around RSPRO: right and wrong certificates, client certificates, a clock that is not set."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from remsim.errors import ConfigError
from remsim.rspro.messages import BankSlot
from remsim.rspro.session import Bank
from remsim.rspro.tls import TlsSettings, TlsWrapper
from remsim_lab.certificates import issue
from remsim_lab.clock import HandClock
from remsim_lab.rspro.bankd import Bankd
from rspro_world import CLIENT, World, at

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
HOSTS = ("127.0.0.1", "bank.example")


class Terminator:
    """What stunnel is in front of a bank: TLS on one side, plain RSPRO on the other."""

    def __init__(self, certificate, key, target, client_ca=""):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if client_ca:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(client_ca)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.subjects = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            outside = self._context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            plain.close()
            return
        self.subjects.append(outside.getpeercert())
        inside = socket.create_connection(self._target)
        inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pump, args=(inside, outside), daemon=True).start()
        self._pump(outside, inside)

    @staticmethod
    def _pump(source, target):
        try:
            while octets := source.recv(65536):
                target.sendall(octets)
        except OSError:
            pass
        finally:
            for each in (source, target):
                each.close()


@pytest.fixture
def bank():
    bank = Bankd()
    bank.start()
    bank.ask(lambda: bank.map(CLIENT, 0))
    yield bank
    bank.stop()


@pytest.fixture
def authority():
    return issue("lab authority")


@pytest.fixture
def terminate(tmp_path, bank):
    made = []

    def begin(issued, client_ca=""):
        paths = issued.write(tmp_path, "server")
        made.append(Terminator(*paths, ("127.0.0.1", bank.port), client_ca))
        return made[-1].port

    yield begin
    for each in made:
        each.close()


def client(port, clock=None, built_at_s=0.0, **tls):
    wrapper = TlsWrapper(TlsSettings(**tls), clock or HandClock(wall=time.time()), built_at_s)
    return World(tls=wrapper, bank=Bank(at(port), BankSlot(1, 0)))


def refusal(world):
    with world:
        world.until(lambda: any("TLS" in told.text for told in world.told))
        return next(told.text for told in world.told if "TLS" in told.text)


def test_session_runs_through_tls(tmp_path, authority, terminate):
    ca = authority.write(tmp_path, "ca")[0]
    port = terminate(issue("bank", HOSTS, authority))
    with client(port, ca_cert=ca) as world:
        world.serve()
        for number in range(100):
            assert world.ask(bytes((0, 0xB0, 0, number, 1)))[-2:] == b"\x69\x86"


def test_name_on_the_certificate_may_be_given(tmp_path, authority, terminate):
    ca = authority.write(tmp_path, "ca")[0]
    port = terminate(issue("bank", ("bank.example",), authority))
    assert "mismatch" in refusal(client(port, ca_cert=ca))
    with client(port, ca_cert=ca, server_name="bank.example") as world:
        world.serve()


def test_certificate_of_another_authority_is_refused(tmp_path, authority, terminate):
    ca = authority.write(tmp_path, "ca")[0]
    port = terminate(issue("bank", HOSTS, issue("other")))
    assert "unable to get local issuer" in refusal(client(port, ca_cert=ca))


def test_verification_can_be_switched_off(terminate):
    with client(terminate(issue("bank", HOSTS)), verifies=False) as world:
        world.serve()


def test_client_certificate_is_shown(tmp_path, authority, terminate):
    ca = authority.write(tmp_path, "ca")[0]
    mine = issue("router1", (), authority).write(tmp_path, "mine")
    port = terminate(issue("bank", HOSTS, authority), client_ca=ca)
    with client(port, ca_cert=ca, client_cert=mine[0], client_key=mine[1]) as world:
        world.serve()
    without = client(port, ca_cert=ca)
    with without:
        without.until(lambda: any("certificate required" in told.text for told in without.told))


def test_certificate_is_judged_by_the_build_while_the_clock_is_unset(
    tmp_path, authority, terminate
):
    ca = authority.write(tmp_path, "ca")[0]
    port = terminate(issue("bank", HOSTS, authority))
    unset = HandClock(wall=1000.0)
    built_at_s = NOW.timestamp()
    with client(port, unset, built_at_s, ca_cert=ca) as world:
        world.serve()
    old = issue("bank", HOSTS, authority, NOW - 2 * YEAR, NOW - YEAR)
    assert "before this package was built" in refusal(
        client(terminate(old), unset, built_at_s, ca_cert=ca)
    )


def test_certificate_that_ended_is_refused_once_the_clock_is_set(tmp_path, authority, terminate):
    ca = authority.write(tmp_path, "ca")[0]
    old = issue("bank", HOSTS, authority, NOW - 2 * YEAR, NOW - timedelta(days=1))
    assert "expired" in refusal(client(terminate(old), ca_cert=ca))


@pytest.mark.parametrize(
    ("tls", "option"),
    [
        ({"ca_cert": "/nowhere/ca.pem"}, "security.ca_cert"),
        ({"client_cert": "/nowhere/me.pem", "verifies": False}, "security.client_cert"),
    ],
)
def test_missing_file_is_a_configuration_error_that_names_it(tls, option):
    with pytest.raises(ConfigError) as caught:
        TlsWrapper(TlsSettings(**tls), HandClock(), 0.0)
    assert caught.value.path == option


def test_passphrase_never_shows():
    assert "secret" not in repr(TlsSettings(passphrase="secret"))
