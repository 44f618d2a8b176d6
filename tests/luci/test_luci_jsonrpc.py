# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's /ubus beyond the recordings: time-outs, kept connections, and a public client of it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from openwrt.ubus import Ubus

from luci.router_web import LIMIT_S, LabObject, RouterWeb, router_web
from remsim_lab.ubus import message
from remsim_lab.ubus.blob import STRING
from remsim_lab.web.provider import Method

NOBODY = "0" * 32


@pytest.fixture
def lab() -> LabObject:
    return LabObject()


@pytest.fixture
def web(tmp_path: Path, lab: LabObject) -> Iterator[RouterWeb]:
    with router_web(tmp_path, lab, {}, timeout_s=0.3) as web:
        yield web
        lab.released.set()


def test_a_call_without_an_answer_ends_with_the_servers_own_error(web: RouterWeb) -> None:
    assert web.call(web.login("editor"), "lab.obj", "hang") == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -32003, "message": "ubus request timed out"},
    }


def test_a_hung_call_holds_nobody_else_up(web: RouterWeb, lab: LabObject) -> None:
    sid = web.login("editor")
    hung = threading.Thread(target=web.call, args=(sid, "lab.obj", "hang"))
    hung.start()
    assert web.call(sid, "session", "access")["result"][0] == 0
    lab.released.set()
    hung.join(LIMIT_S)


def test_requests_of_a_kept_connection_are_answered_one_after_another(web: RouterWeb) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.http.port, timeout=LIMIT_S)
    for ident in range(3):
        body = json.dumps({"jsonrpc": "2.0", "id": ident, "method": "list"})
        connection.request("POST", "/ubus", body)
        assert json.loads(connection.getresponse().read())["id"] == ident
    connection.close()


def test_a_bus_that_comes_back_is_found_again(web: RouterWeb) -> None:
    sid = web.login("editor")
    web.broker.stop()
    assert web.call(sid, "lab.obj", "types")["error"]["code"] == -32000
    web.broker.start()
    web.wait_for("session")
    web.wait_for("lab.obj")
    assert web.call(sid, "lab.obj", "types")["result"][0] == 0


def test_what_a_session_did_not_apply_goes_with_it(web: RouterWeb) -> None:
    (web.root / "etc/config/labapp").write_text("config main 'main'\n")
    sid = web.login("editor")
    web.call(sid, "uci", "set", config="labapp", section="main", values={"a": "1"})
    deltas = web.root / f"var/run/rpcd/uci-{sid}"
    assert (deltas / "labapp").read_text() == "labapp.main.a='1'\n"
    assert web.call(sid, "session", "destroy")["result"] == [0]
    assert not deltas.exists()


def test_a_login_while_an_apply_waits_gets_the_session_of_that_apply(web: RouterWeb) -> None:
    (web.root / "etc/config/labapp").write_text("config main 'main'\n")
    sid = web.login("editor")
    web.call(sid, "uci", "set", config="labapp", section="main", values={"a": "1"})
    web.call(sid, "uci", "apply", rollback=True, timeout=30)
    assert web.login("reader") != sid
    assert web.login("editor") == sid
    assert web.call(sid, "uci", "confirm")["result"] == [0]


@pytest.mark.parametrize(
    "body", ["", "{", "[[", '"' * 9, "\x00", "[1,2", '{"jsonrpc":"2.0","method":"call"}', "9" * 400]
)
def test_rubbish_is_answered_with_a_parse_error(web: RouterWeb, body: str) -> None:
    answer = web.exchange("POST /ubus HTTP/1.1", {"Connection": "close"}, body)
    assert answer.json()["error"]["code"] == -32700


@pytest.mark.parametrize(
    "line",
    ["GET", "GET /ubus", "BREW /ubus HTTP/1.1", "GET /ubus HTTP/9", "  ", "GET / / HTTP/1.1"],
)
def test_a_broken_request_line_is_a_bad_request(web: RouterWeb, line: str) -> None:
    assert web.exchange(line, {}, None).status_line == "HTTP/1.0 400 Bad Request"


def test_two_lengths_of_one_body_are_refused(web: RouterWeb) -> None:
    headers = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    assert "400" in web.exchange("POST /ubus HTTP/1.1", headers, None).status_line


# --- openwrt-ubus-rpc from PyPI ---


@pytest.fixture
def client_web(tmp_path: Path, lab: LabObject) -> Iterator[RouterWeb]:
    board = Method("board", {"ubus_rpc_session": STRING}, lambda _: [message.pack({"model": "m"})])
    with router_web(tmp_path, lab, {"test.system": (board,)}) as web:
        (web.root / "etc/config/labapp").write_text("config main 'main'\n\toption a '1'\n")
        yield web


def public_client(web: RouterWeb, username: str, password: str) -> Ubus:
    return Ubus(f"http://127.0.0.1:{web.http.port}/ubus", username, password)


def test_a_public_client_logs_in_and_calls(client_web: RouterWeb) -> None:
    client = public_client(client_web, "editor", "editor")
    assert len(client.connect()) == 32
    assert client.api_call("call", "lab.obj", "echo", {"str": "x"})["str"] == "x"
    assert client.api_call("call", "lab.obj", "status", {"code": 4}) is None
    assert client.get_uci_config("labapp", "main")["values"] == {
        "main": {".anonymous": False, ".type": "main", ".name": "main", ".index": 0, "a": "1"}
    }


def test_a_public_client_is_told_what_it_may_not(client_web: RouterWeb) -> None:
    client = public_client(client_web, "reader", "reader")
    client.connect()
    with pytest.raises(PermissionError, match="Access denied"):
        client.api_call("call", "lab.obj", "strict", {})
    with pytest.raises(ConnectionError, match="Object not found"):
        client.api_call("call", "no.such", "x", {})


def test_a_public_client_with_a_wrong_password_gets_a_status_and_no_data(
    client_web: RouterWeb,
) -> None:
    """Which this client takes for None, and then falls over it."""
    client = public_client(client_web, "editor", "wrong")
    with pytest.raises(TypeError, match="NoneType"):
        client.connect()
