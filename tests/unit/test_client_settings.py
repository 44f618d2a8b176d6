# SPDX-License-Identifier: GPL-2.0-or-later
"""client.json, path.json, assignment.json: what is written is what is read, and wrong values name
their place.
"""

from __future__ import annotations

import json

import pytest

from remsim.card.vpcd import VpcdSettings
from remsim.client_settings import (
    Backend,
    ClientSettings,
    External,
    FrontEndKind,
    Simtrace2Settings,
    assignment_json,
    client_json,
    parse_assignment,
    parse_client,
    parse_path,
    path_json,
)
from remsim.errors import ConfigError
from remsim.net.bind import LinkBinding
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim.rspro.session import Bank
from remsim.rspro.tls import TlsSettings

FULL = ClientSettings(
    backend=Backend.ST2,
    front_end=FrontEndKind.SIMTRACE2,
    client_slot=ClientSlot(1023, 7),
    name="router-1",
    server=Endpoint("server.example", 9998),
    rest_port=0,
    bank=Bank(Endpoint("2001:db8::1", 9999), BankSlot(3, 4)),
    atr=bytes.fromhex("3b9e96"),
    ignores_bank_atr=True,
    bank_hold_s=120.0,
    server_keepalive_s=0.0,
    bank_keepalive_s=45.5,
    has_cache=True,
    tls=TlsSettings("/etc/ca.pem", "/etc/me.pem", "/etc/me.key", "secret", "bank", False),
    vpcd=VpcdSettings("192.0.2.1", 40000),
    simtrace2=Simtrace2Settings(0x1D50, 0x60E3, "1-1.2", "abc", 5, 1, 0, 0, 1),
    external=External(("/usr/bin/x", "-i", "a b"), (("MODEM1_DEVICE", "/dev/ttyUSB2"),)),
    is_verbose=True,
)


@pytest.mark.parametrize("settings", [ClientSettings(), FULL])
def test_settings_survive_the_file(settings):
    assert parse_client(client_json(settings)) == settings


def test_equal_settings_give_equal_files():
    assert client_json(FULL) == client_json(parse_client(client_json(FULL)))


def test_empty_object_is_all_defaults():
    assert parse_client("{}") == ClientSettings()


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"client_id": 1024}, "client.json.client_id"),
        ({"client_id": "5"}, "client.json.client_id"),
        ({"client_id": True}, "client.json.client_id"),
        ({"front_end": "magic"}, "client.json.front_end"),
        ({"server": "host"}, "client.json.server"),
        ({"server": {"port": 1}}, "client.json.server.host"),
        ({"server": {"host": "a", "port": 0}}, "client.json.server.port"),
        ({"bank": {"host": "a", "port": 1, "bank_id": -1}}, "client.json.bank.bank_id"),
        ({"atr": "3"}, "client.json.atr"),
        ({"atr": "3b"}, "client.json.atr"),
        ({"atr": "3b" * 56}, "client.json.atr"),
        ({"atr": "zz"}, "client.json.atr"),
        ({"atr_ignore_rspro": True}, "client.json.atr"),
        ({"bank_hold_s": -1}, "client.json.bank_hold_s"),
        ({"bank_hold_s": "long"}, "client.json.bank_hold_s"),
        ({"cache": 1}, "client.json.cache"),
        ({"backend": "st2"}, "client.json.external"),
        ({"backend": "st2", "external": {"argv": ["relative"]}}, "client.json.external.argv"),
        ({"tls": {"ca_cert": 5}}, "client.json.tls.ca_cert"),
    ],
)
def test_wrong_value_is_named_by_its_path(values, path):
    with pytest.raises(ConfigError) as caught:
        parse_client(json.dumps(values))
    assert caught.value.path == path


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '"text"'])
def test_text_that_is_no_object_is_refused(text):
    for parse in (parse_client, parse_path, parse_assignment):
        with pytest.raises(ConfigError):
            parse(text)


def test_passphrase_shows_neither_in_errors_nor_in_reprs():
    with pytest.raises(ConfigError) as caught:
        parse_client(json.dumps({"tls": {"ca_cert": "x", "passphrase": {"secret": 1}}}))
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(FULL)


@pytest.mark.parametrize(
    "binding",
    [None, LinkBinding("wwan1", 0x52020000, ("10.0.0.1",), ("10.64.1.2/30",)), LinkBinding("lo")],
)
def test_path_survives_the_file(binding):
    assert parse_path(path_json(binding)) == binding


@pytest.mark.parametrize("bank", [None, Bank(Endpoint("bank.example", 9999), BankSlot(1, 0))])
def test_assignment_survives_the_file(bank):
    assert parse_assignment(assignment_json(bank)) == bank
