# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's /ubus against recorded exchanges with the real uhttpd and rpcd: same bytes, same files.

| recorded       | held                                                                            |
|----------------|---------------------------------------------------------------------------------|
| status line    | all                                                                             |
| headers        | all                                                                             |
| body           | all; where the recording was cut, up to the cut                                 |
| files after it | config file, deltas of each session, snapshots (uci.json)                       |

Session ids are random, so those of the recording are exchanged for living ones of the same user.
Objects that only a whole router has are put on the bus by name (`OTHERS`). Not held: the grants of
the root login and the signature of `file`, whose text is cut and which depend on the packages
installed there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luci.router_web import VECTORS, Answer, LabObject, RouterWeb, router_web
from remsim_lab.ubus.blob import INT8, STRING, TABLE
from remsim_lab.web.provider import Method

SERVICE = (
    Method("list", {"name": STRING, "verbose": INT8}, lambda _: ()),
    Method("event", {"type": STRING, "data": TABLE}, lambda _: ()),
    Method("get_data", {"name": STRING, "instance": STRING, "type": STRING}, lambda _: ()),
)
OTHER_NAMES = (
    *("luci-rpc", "network", "network.device", "network.interface", "network.rrdns"),
    *("network.wireless", "rc", "rpc-sys"),
)
OTHERS = {"service": SERVICE} | dict.fromkeys(OTHER_NAMES, ())
USERS = {  # recorded session ids, and whose they were
    "76ad1a13ca55e21878e59096b076f4dd": "editor",
    "802bb83828569923e3fdd25c2182738c": "editor",
    "bf8b8ef1848f294b67ba8e2989012e93": "reader",
    "9746147bf5a8024b941333d213536c7e": "nouci",
    "f787653fc0840f1212cfe36d101372e1": "noubus",
    "4b50bfe128876c0cc225218b859a5ddf": "short",
    "ae431ba7bbc9461410d6a0ca3eea956c": "reader",
    "aa19a5574cb7eba3f3314921f194dc10": "reader",
    "0de2e2e0ec60fa24b9aeb07605ae5901": "editor",
}
WAITS_S = {"call_expired_session": 1.6, "uci_get_after_auto_rollback": 3.0}
DEPENDS_ON_PACKAGES = {"login_root_plaintext_hash": '"acls":', "get_list": '"file"'}
NOT_RECORDED = {  # the request of http10: its body, guessed from the answer
    "http10": ('{"jsonrpc": "2.0", "id": 1, "method": "list", "params": ["lab.obj"]}', "HTTP/1.0")
}
_ID = re.compile(r'"([0-9a-f]{32})"')
_CUT = re.compile(r"\.\.\.<(\d+) chars in all>$", re.DOTALL)


def load(name: str) -> list[dict[str, Any]]:
    return list(json.loads((VECTORS / f"jsonrpc/{name}.json").read_text()))


class Replay:
    """One file of recordings, played in order."""

    def __init__(self, web: RouterWeb, lab: LabObject) -> None:
        self._web = web
        self._lab = lab
        self.living: dict[str, str] = {}

    def play(self, vector: dict[str, Any]) -> None:
        self._web.clock.move(WAITS_S.get(vector["name"], 0.0))
        request = vector["request"]
        headers = {name: self._now(text) for name, text in request["headers"].items()}
        body, version = NOT_RECORDED.get(vector["name"], (self._body(request), "HTTP/1.1"))
        line = f"{request['method']} {request['path']} {version}"
        given = self._web.exchange(line, headers, body)
        self._compare(vector["name"], vector["response"], given)
        if "state_after" in vector:
            assert self._state() == vector["state_after"], vector["name"]

    def _body(self, request: dict[str, Any]) -> str | None:
        """A cut body is a long text of one letter."""
        body = request["body"]
        if body is None:
            return None
        if cut := _CUT.search(body):
            start = body[: cut.start()]
            body = start + "x" * (int(cut[1]) - len(start) - len('"}]}')) + '"}]}'
        return self._now(body)

    def _now(self, text: str) -> str:
        for recorded, user in USERS.items():
            if recorded in text and recorded not in self.living:
                more = {"timeout": 1} if user == "short" else {}
                name = "editor" if user == "short" else user
                self.living[recorded] = self._web.login(name, **more)
        for recorded, now in self.living.items():
            text = text.replace(recorded, now)
        return text

    def _compare(self, name: str, wanted: dict[str, Any], given: Answer) -> None:
        assert given.status_line == wanted["status_line"]
        assert given.headers == wanted["headers"]
        expected = wanted["body"]
        text = self._recorded(given.body, expected)
        if cut := _CUT.search(expected):
            expected = expected[: cut.start()]
            if name in DEPENDS_ON_PACKAGES:
                expected = expected[: expected.index(DEPENDS_ON_PACKAGES[name])]
            else:
                assert len(text) == int(cut[1])
            text = text[: len(expected)]
        assert text == expected

    def _recorded(self, text: str, expected: str) -> str:
        """With the recording's session ids; one that both sides just made counts as the same."""
        made = [found for found in _ID.findall(text) if found not in self.living.values()]
        recorded_made = [found for found in _ID.findall(expected) if found not in USERS]
        for now, recorded in zip(made, recorded_made, strict=True):
            text = text.replace(now, recorded)
        for recorded, now in self.living.items():
            text = text.replace(now, recorded)
        return text

    def _state(self) -> dict[str, Any]:
        root = self._web.root
        by_now = dict.fromkeys(self.living.values(), "<sid>")
        deltas = {
            f"/var/run/rpcd/uci-{by_now[path.parent.name[4:]]}/{path.name}": path.read_text()
            for path in (root / "var/run/rpcd").glob("uci-*/*")
        }
        return {
            "config_file": (root / "etc/config/labapp").read_text(),
            "delta_files": deltas,
            "snapshot": _snapshot(root / "var/run/rpcd"),
        }


def _snapshot(run: Path) -> list[str] | None:
    """As `ls` shows both directories."""
    if not (run / "snapshot-files").is_dir():
        return None
    lines: list[str] = []
    for name in ("snapshot-delta", "snapshot-files"):
        held = sorted(path.name for path in (run / name).iterdir())
        lines += [f"/var/run/rpcd/{name}:", *held, ""]
    return lines


@pytest.fixture
def lab() -> Iterator[LabObject]:
    lab = LabObject()
    yield lab
    lab.released.set()


def replay(directory: Path, vectors: list[dict[str, Any]], lab: LabObject, cors: bool) -> None:
    with router_web(directory, lab, OTHERS, has_cors=cors) as web:
        player = Replay(web, lab)
        config = vectors[0].get("state_after", {}).get("config_file", "")
        (web.root / "etc/config/labapp").write_text(config)
        for name in ("snapshot-delta", "snapshot-files"):
            (web.root / "var/run/rpcd" / name).mkdir()
        for vector in vectors:
            player.play(vector)


@pytest.mark.parametrize("name", ["session", "call", "envelope", "list", "uci"])
def test_recorded_exchanges_come_out_the_same(name: str, tmp_path: Path, lab: LabObject) -> None:
    replay(tmp_path, load(name), lab, cors=False)


@pytest.mark.parametrize("cors", [False, True], ids=["plain", "cors"])
def test_recorded_http_comes_out_the_same(cors: bool, tmp_path: Path, lab: LabObject) -> None:
    wanted = [each for each in load("http") if is_cors(each["name"]) is cors]
    assert len(wanted) == (4 if cors else 17)
    replay(tmp_path, wanted, lab, cors)


def is_cors(name: str) -> bool:
    return "cors" in name and "no_cors" not in name
