# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS on loopback: what is wrong with a certificate is named, sessions are resumed, and the clock
rule holds.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import remsim.orchestrator.http
from orchestrator_bench import SHORT_S, TIMEOUT_S, make_mesh, running
from remsim.clock import Deadline, SystemClock
from remsim.errors import ConfigError, PeerError, PeerNonsense, PeerRejected, PeerUnreachable
from remsim.net.bind import LinkBinding
from remsim.orchestrator.api import HttpRequest, Target, TlsSettings
from remsim.orchestrator.http import LinkHttp
from remsim.orchestrator.tls import make_context
from remsim_lab.certificates import Issued, issue
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_answers import Fault
from remsim_lab.ionmesh_control import tls_context

VECTORS = Path(__file__).parents[1] / "vectors" / "orchestrator"
DISCOVER = HttpRequest("GET", "/api/backend/v1/remsim/discover")
NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
HOSTS = ("ionmesh.example.com", "127.0.0.1")


class WallAt(SystemClock):
    """The monotonic clock is real, the wall clock is what the test says."""

    def __init__(self, moment: datetime) -> None:
        self.wall_s = moment.timestamp()

    def wall(self) -> float:
        return self.wall_s


class Site:
    """An authority, and a TLS server with certificates of any kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = issue("lab authority")
        self.ca_file = self.authority.write(folder, "ca")[0]
        self.told: list[float | PeerError] = []  # what the time server says, in turn
        self.asked_time = 0

    @contextmanager
    def server(
        self, server: Issued | None = None, client_ca: str = "", limit: ssl.TLSVersion | None = None
    ) -> Iterator[IonMesh]:
        certificate = server or issue("server", HOSTS, self.authority)
        paths = certificate.write(self.folder, "server")
        context = tls_context(*paths, client_ca)
        assert context is not None
        if limit is not None:
            context.maximum_version = limit
        with running(make_mesh(context)) as mesh:
            yield mesh

    def client(self, wall: datetime = NOW, **settings: Any) -> LinkHttp:
        chosen: dict[str, Any] = {
            "build_time_s": (NOW - YEAR).timestamp(),
            "ca_file": self.ca_file,
            **settings,
        }
        client = LinkHttp(WallAt(wall), TlsSettings(**chosen))
        client.rebind(LinkBinding("lo", 0, (), ("127.0.0.1/8",)))
        return client

    def tell_time(self, *_: object) -> float:
        self.asked_time += 1
        told = self.told.pop(0) if self.told else PeerUnreachable("SNTP", "no answer")
        if isinstance(told, PeerError):
            raise told
        return told


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path)
    monkeypatch.setattr(remsim.orchestrator.http, "ask_time", site.tell_time)
    return site


def ask(
    client: LinkHttp, mesh: IonMesh, timeout_s: float = TIMEOUT_S, host: str = "127.0.0.1"
) -> int:
    deadline = Deadline.after(SystemClock(), timeout_s)
    return client.exchange(Target(host, mesh.port), DISCOVER, deadline).status


def refused(client: LinkHttp, mesh: IonMesh) -> str:
    with pytest.raises(PeerRejected) as caught:
        ask(client, mesh)
    assert caught.value.status is None
    return caught.value.word


# --- certificates ------------------------------------------------------------------------------


def test_certificate_of_our_authority_is_accepted(site: Site) -> None:
    with site.server() as mesh:
        client = site.client()
        assert ask(client, mesh) == 200
        assert ask(client, mesh) == 200
        assert {request["connection"] for request in mesh.requests} == {1}
        assert mesh.requests[0]["tls"] == "TLSv1.3"
        client.close()


def test_certificate_of_another_authority_is_named(site: Site) -> None:
    with site.server(issue("server", HOSTS, issue("other"))) as mesh:
        assert refused(site.client(), mesh) == "UNKNOWN_ISSUER"


def test_self_signed_certificate_is_named(site: Site) -> None:
    with site.server(issue("server", HOSTS)) as mesh:
        assert refused(site.client(), mesh) == "SELF_SIGNED_CERT"


def test_expired_certificate_is_named(site: Site) -> None:
    old = issue("server", HOSTS, site.authority, NOW - 2 * YEAR, NOW - timedelta(days=1))
    with site.server(old) as mesh:
        assert refused(site.client(), mesh) == "CERT_HAS_EXPIRED"


def test_certificate_for_another_address_is_named(site: Site) -> None:
    with site.server(issue("server", ("192.0.2.1",), site.authority)) as mesh:
        assert refused(site.client(), mesh) == "IP_ADDRESS_MISMATCH"


def test_certificate_for_another_name_is_named(site: Site) -> None:
    with site.server() as mesh:
        assert refused(site.client(server_name="other.example.com"), mesh) == "HOSTNAME_MISMATCH"


def test_server_name_may_differ_from_the_host(site: Site) -> None:
    with site.server(issue("server", HOSTS[:1], site.authority)) as mesh:
        assert ask(site.client(server_name="ionmesh.example.com"), mesh) == 200


def test_verification_can_be_switched_off(site: Site) -> None:
    with site.server(issue("server")) as mesh:
        assert ask(site.client(verify=False, ca_file=""), mesh) == 200


def test_server_that_speaks_plain_http_is_nonsense(site: Site) -> None:
    with running(make_mesh()) as mesh, pytest.raises(PeerNonsense) as caught:
        ask(site.client(), mesh)
    assert "TLS failed" in caught.value.reason


def test_handshake_without_end_ends_with_the_deadline(site: Site) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = Target("127.0.0.1", silent.getsockname()[1])
        with pytest.raises(PeerUnreachable) as caught:
            site.client().exchange(target, DISCOVER, Deadline.after(SystemClock(), SHORT_S))
    assert caught.value.word == "ETIMEDOUT"


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.SILENT, Fault.HUGE, Fault.CUT])
def test_limits_hold_inside_tls(site: Site, fault: Fault) -> None:
    with site.server() as mesh:
        client = site.client()
        assert ask(client, mesh) == 200
        mesh.fail(fault)
        begun_at = SystemClock().monotonic()
        with pytest.raises((PeerNonsense, PeerUnreachable)):
            ask(client, mesh, SHORT_S)
        assert SystemClock().monotonic() - begun_at < SHORT_S + 1


# --- client certificates -----------------------------------------------------------------------


def test_client_certificate_is_presented(site: Site) -> None:
    mine = issue("router1", (), site.authority).write(site.folder, "mine")
    with site.server(client_ca=site.ca_file) as mesh:
        assert ask(site.client(cert_file=mine[0], key_file=mine[1]), mesh) == 200


@pytest.mark.parametrize("limit", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_missing_client_certificate_is_named(site: Site, limit: ssl.TLSVersion) -> None:
    """With TLS 1.3 the refusal races with the end of the connection; either way no answer is
    taken.
    """
    server = site.server(client_ca=site.ca_file, limit=limit)
    with server as mesh, pytest.raises(PeerError) as caught:
        ask(site.client(), mesh)
    assert isinstance(caught.value, PeerRejected | PeerUnreachable)
    if isinstance(caught.value, PeerRejected):
        assert "the server refuses" in caught.value.reason


def test_key_with_passphrase_is_opened_and_never_asked_for_on_a_terminal() -> None:
    settings = TlsSettings(
        0.0,
        cert_file=str(VECTORS / "client-encrypted.crt"),
        key_file=str(VECTORS / "client-encrypted.key"),
    )
    make_context(replace(settings, key_passphrase="lab"), 0)
    for wrong in ("", "wrong"):
        with pytest.raises(ConfigError) as caught:
            make_context(replace(settings, key_passphrase=wrong), 0)
        assert caught.value.path == "security.client_cert"


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nrubbish\n"])
def test_unusable_file_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "x.pem"
    if content is not None:
        path.write_text(content)
    for settings in (TlsSettings(0.0, ca_file=str(path)), TlsSettings(0.0, cert_file=str(path))):
        with pytest.raises(ConfigError) as caught:
            make_context(settings, 0)
        assert str(path) in str(caught.value)


# --- resumption --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_connection_resumes_the_session(site: Site, limit: ssl.TLSVersion) -> None:
    with site.server(limit=limit) as mesh:
        client = site.client()
        for _ in range(3):
            assert ask(client, mesh) == 200
            mesh.drop_connections()
        assert [request["tls_resumed"] for request in mesh.requests] == [False, True, True]


def test_kept_tls_connection_that_was_closed_is_replaced(site: Site) -> None:
    with site.server() as mesh:
        client = site.client()
        mesh.fail(Fault.CLOSE_AFTER)
        assert [ask(client, mesh) for _ in range(3)] == [200, 200, 200]


# --- the clock rule ----------------------------------------------------------------------------

BOOT = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
BUILD = NOW - YEAR


def test_before_the_clock_is_set_the_time_server_is_asked(site: Site) -> None:
    with site.server() as mesh:
        site.told = [NOW.timestamp()]
        client = site.client(wall=BOOT)
        assert ask(client, mesh) == 200
        mesh.drop_connections()
        assert ask(client, mesh) == 200
    assert site.asked_time == 1


@pytest.mark.parametrize(
    ("begins", "ends", "word"),
    [
        (NOW - 3 * YEAR, NOW - timedelta(days=1), "CERT_HAS_EXPIRED"),
        (NOW + timedelta(days=1), NOW + YEAR, "CERT_NOT_YET_VALID"),
    ],
)
def test_told_time_judges_both_dates(
    site: Site, begins: datetime, ends: datetime, word: str
) -> None:
    with site.server(issue("server", HOSTS, site.authority, begins, ends)) as mesh:
        site.told = [NOW.timestamp()]
        assert refused(site.client(wall=BOOT), mesh) == word


def test_without_a_time_server_the_build_date_is_the_judge(site: Site) -> None:
    """Newer than the build is no fault, the true time is later as well; expired before it is
    one.
    """
    newer = issue("server", HOSTS, site.authority, NOW - timedelta(days=1), NOW + YEAR)
    with site.server(newer) as mesh:
        assert ask(site.client(wall=BOOT), mesh) == 200
    older = issue("server", HOSTS, site.authority, BUILD - YEAR, BUILD - timedelta(days=1))
    with site.server(older) as mesh:
        assert refused(site.client(wall=BOOT), mesh) == "CERT_HAS_EXPIRED"


def test_everything_but_the_dates_is_verified_before_the_clock_is_set(site: Site) -> None:
    with site.server(issue("server", HOSTS, issue("other"))) as mesh:
        assert refused(site.client(wall=BOOT), mesh) == "UNKNOWN_ISSUER"
    with site.server(issue("server", ("192.0.2.1",), site.authority)) as mesh:
        assert refused(site.client(wall=BOOT), mesh) == "IP_ADDRESS_MISMATCH"


def test_silent_time_server_is_not_asked_at_every_connection(site: Site) -> None:
    with site.server() as mesh:
        client = site.client(wall=BOOT)
        for _ in range(3):
            assert ask(client, mesh) == 200
            mesh.drop_connections()
    assert site.asked_time == 1


def test_clock_that_is_set_asks_no_time_server(site: Site) -> None:
    with site.server() as mesh:
        assert ask(site.client(), mesh) == 200
    assert site.asked_time == 0


def test_clock_that_may_be_behind_is_checked_when_a_certificate_is_not_valid_yet(
    site: Site,
) -> None:
    """OpenSSL judges by the system's clock, so the certificate is of the future and the server's
    time too.
    """
    begins = NOW + YEAR
    with site.server(issue("server", HOSTS, site.authority, begins, begins + YEAR)) as mesh:
        site.told = [(begins + timedelta(days=1)).timestamp()]
        client = site.client()
        assert ask(client, mesh) == 200
        mesh.drop_connections()
        assert ask(client, mesh) == 200
    assert site.asked_time == 1


def test_time_server_cannot_turn_the_clock_back(site: Site) -> None:
    expired = issue("server", HOSTS, site.authority, NOW - 2 * YEAR, NOW - timedelta(days=1))
    with site.server(expired) as mesh:
        client = site.client()
        assert refused(client, mesh) == "CERT_HAS_EXPIRED"
    future = issue("server", HOSTS, site.authority, NOW + YEAR, NOW + 2 * YEAR)
    with site.server(future) as mesh:
        site.told = [(NOW - YEAR / 2).timestamp()]
        assert refused(client, mesh) == "CERT_NOT_YET_VALID"
    with site.server(expired) as mesh:
        assert refused(client, mesh) == "CERT_HAS_EXPIRED"
