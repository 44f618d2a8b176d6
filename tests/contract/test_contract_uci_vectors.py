# SPDX-License-Identifier: GPL-2.0-or-later
"""Every recorded run of the real `uci` command, repeated with the lab's: output, files, deltas."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remsim_lab.uci import command

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "openwrt" / "uci"
CASES = [
    pytest.param(case, id=f"{name}-{case['name']}")
    for name in ("parse", "modify")
    for case in json.loads((VECTORS / f"{name}.json").read_text())
]
SHORT_FILE = "config main 'a'\n\toption x '{}'\n"


@dataclass
class Run:
    stdout: bytes
    stderr: str
    code: int


class _Stdio(io.TextIOWrapper):
    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")

    def value(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


def run_uci(monkeypatch: pytest.MonkeyPatch, arguments: list[str], stdin: str = "") -> Run:
    """One run in this process."""
    out, err = _Stdio(), _Stdio()
    monkeypatch.setattr(sys, "stdin", _Stdio(stdin.encode()))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    code = command.main(arguments)
    monkeypatch.undo()
    return Run(out.value(), err.value().decode(), code)


def recorded_bytes(case: dict[str, Any], key: str) -> bytes | None:
    """Text, {"hex": ...}, or what a description stands for."""
    if f"{key}_len" in case:
        text = SHORT_FILE.format("v" * (case[f"{key}_len"] - len(SHORT_FILE) + 2))
        assert len(text) == case[f"{key}_len"]
        return text.encode()
    value = case[key]
    if value is None:
        return None
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def same_output(step: dict[str, Any], key: str, got: bytes) -> bool:
    """Long recorded outputs are cut: their beginning and length count."""
    wanted = step[key]
    if isinstance(wanted, dict):
        return got == bytes.fromhex(wanted["hex"])
    if f"{key}_len" in step:
        return len(got) == step[f"{key}_len"] and got.startswith(wanted.encode()[:150])
    return bool(got == wanted.encode())


@pytest.mark.parametrize("case", CASES)
def test_recorded_uci_run_comes_out_the_same(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, save = tmp_path / "config", tmp_path / "save"
    config.mkdir()
    given = recorded_bytes(case, "input")
    if given is not None:
        (config / case["config_name"]).write_bytes(given)
    for step in case["steps"]:
        words = {"CONFDIR": str(config), "SAVEDIR": str(save)}
        run = run_uci(
            monkeypatch, [words.get(w, w) for w in step["command"]], step.get("stdin", "")
        )
        assert same_output(step, "stdout", run.stdout), (step, run)
        assert (run.stderr, run.code) == (step["stderr"], step["rc"])
        if "delta_after_step" in step:
            assert texts_in(save) == step["delta_after_step"]
    assert texts_in(save) == case["delta_after"]
    after = config / case["config_name"]
    assert (after.read_bytes() if after.exists() else None) == recorded_bytes(case, "file_after")
    for name, text in case.get("files_after", {}).items():
        assert (config / name).read_text() == text


def texts_in(directory: Path) -> dict[str, str]:
    if not directory.is_dir():
        return {}
    return {name: (directory / name).read_text() for name in sorted(os.listdir(directory))}
