# SPDX-License-Identifier: GPL-2.0-or-later
"""Other set-ups than the shipped one, end to end: one modem, IPv6 probes, TLS with keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remsim_lab.certificates import issue
from remsim_lab.film import Film
from remsim_lab.ionmesh import IonMesh
from remsim_lab.ionmesh_bank import Bank, make_slots
from remsim_lab.ionmesh_control import tls_context
from remsim_lab.lab import GRACE_S, IONMESH_PORT, Lab
from remsim_lab.network import addresses
from scenario.lab_hands import (
    BEAT_SLACK_S,
    INTERVAL_S,
    IOT,
    PRIMARY,
    calm_down,
    configure,
    edges,
    expect,
    kernel,
    quiet,
    requests,
    ubus,
    watch,
)

pytestmark = pytest.mark.netns

HOST = "ionmesh.example.com"
KEY = "lab-key-of-tenant-7"
TENANT = 7


def test_with_one_modem_it_carries_everything_and_is_cured_in_time(lab: Lab, film: Film) -> None:
    configure(lab, modems__dual_modem="0")
    try:
        calm_down(lab)
        assert "modem2" not in ubus(lab, "status")
        assert not [line for line in kernel(lab) if "drop" in line], "nothing to be protected"
        film.begin()
        expect(film, 3 * INTERVAL_S, lambda: film.beats(PRIMARY)[-1:] > [0.0], "a beat")
        lab.fail("modem1", "hang", quiet)
        hung_at = film.now_s
        expect(film, 200.0, lambda: edges(film), "a reset")
        reset_at = film.edges("modem1_reset")[0][0] - hung_at
        assert 180.0 <= reset_at <= 180.0 + BEAT_SLACK_S
        back = film.now_s + lab.modem(PRIMARY).boot_s
        expect(film, 300.0, lambda: film.beats(PRIMARY)[-1:] > [back], "a beat again")
        assert list(edges(film)) == ["modem1_reset"]
        assert not [at for at in film.beats(IOT) if at > 0]
        assert not film.bank("expired")
    finally:
        lab.restore(None, quiet)
        configure(lab, modems__dual_modem="1")


def test_a_probe_target_of_ipv6_tells_a_server_outage_from_a_dead_link(
    lab: Lab, film: Film
) -> None:
    configure(lab, failover__probe_targets=[addresses.WEBSITE6])
    try:
        lab.fail("ionmesh", "down", quiet)
        watch(film, 75.0)
        sent = [each.packet for each in film.captured(IOT) if each.outbound]
        assert any(packet.destination == addresses.WEBSITE6 for packet in sent)
        assert not edges(film)
        assert ubus(lab, "status")["modem2"]["path"]["up"]
        lab.fail("modem2", "silent", quiet)

        def is_dead() -> bool:
            seen = ubus(lab, "status")
            return not seen["modem2"]["path"]["up"] and seen["modem1"]["path"]["up"]

        expect(film, 75.0, is_dead, "the silent link, and only that, counts as down")
    finally:
        lab.restore(None, quiet)
        configure(lab, failover__probe_targets=list(addresses.PROBE_TARGETS[:2]))


def test_a_modem_that_may_not_roam_gives_way_and_is_not_reset(lab: Lab, film: Film) -> None:
    lab.fail("modem2", "roaming", quiet)
    watch(film, 2 * INTERVAL_S)
    assert film.beats(IOT) and not film.beats(PRIMARY), "allowed by default"
    configure(lab, modem2__roaming="0")
    try:
        expect(film, 2 * INTERVAL_S, lambda: film.beats(PRIMARY), "a beat over the other link")
        watch(film, 75.0)
        assert "modem2.roaming" in [each["id"] for each in ubus(lab, "status")["alerts"]]
        assert not edges(film), "no reset makes it come home"
        lab.restore("modem2", quiet)
        home_at = film.now_s
        expect(film, 100.0, lambda: film.beats(IOT)[-1:] > [home_at], "beats over the IoT link")
    finally:
        lab.restore(None, quiet)
        configure(lab, modem2__roaming="1")


@contextmanager
def secured(lab: Lab, directory: Path) -> Iterator[IonMesh]:
    """The orchestrator over TLS, with a key for tenant 7, for routers with a certificate only."""
    authority = issue("Lab authority")
    server = issue(HOST, (HOST,), authority).write(directory, "server")
    ca, _ = authority.write(directory, "authority")
    bank = Bank(lab.clock, make_slots(1, 4), {TENANT: KEY}, GRACE_S)
    tls = tls_context(*server, ca)
    mesh = IonMesh(bank, lab.clock, addresses.ORCHESTRATOR, IONMESH_PORT, tls)
    mesh.behaviour = lab.mesh.behaviour
    keep = lab.place.root / "etc/remsim"
    authority.write(keep, "authority")
    issue("router-1", (), authority).write(keep, "router")
    lab.mesh.stop()
    lab.among_servers(mesh.start)
    try:
        yield mesh
    finally:
        mesh.stop()
        lab.among_servers(lambda: lab.mesh.restart(lose_state=False))


def test_tls_with_key_and_certificate_from_the_first_registration_on(
    lab: Lab, film: Film, tmp_path: Path
) -> None:
    with secured(lab, tmp_path) as mesh:
        configure(
            lab,
            ionmesh__tenant_id=str(TENANT),
            ionmesh__api_key=KEY,
            security__use_tls="1",
            security__ca_cert="/etc/remsim/authority.crt",
        )
        film.begin()
        watch(film, 2 * INTERVAL_S)
        assert not mesh.requests, "nobody gets in without a certificate"
        configure(
            lab,
            security__client_cert="/etc/remsim/router.crt",
            security__client_key="/etc/remsim/router.key",
        )
        expect(film, 200.0, mesh.bank.clients, "a registration")
        count = len(mesh.requests)
        expect(film, 3 * INTERVAL_S, lambda: len(mesh.requests) > count + 1, "two beats")
        mesh.drop_connections()
        count = len(mesh.requests)
        expect(film, 3 * INTERVAL_S, lambda: len(mesh.requests) > count, "one more beat")
        assert all(each["has_key"] and each["tls"] in ("TLSv1.2", "TLSv1.3")
                   for each in mesh.requests)  # fmt: skip
        assert mesh.requests[-1]["tls_resumed"], "no whole handshake again"
        assert not requests(film, ""), "nothing in plain text"
        shown = str(ubus(lab, "config")) + (lab.place.log / "remsimd.log").read_text()
        assert KEY not in shown
        configure(
            lab,
            ionmesh__tenant_id="1",
            ionmesh__api_key="",
            security__use_tls="0",
            security__client_cert="",
            security__client_key="",
        )
    calm_down(lab)
