# SPDX-License-Identifier: GPL-2.0-or-later
"""Templates: golden texts, root's own ones, and what happens when one is wrong.

A golden file holds prose, a UCI file, facts and the expected text. `REMSIM_GOLDEN=1 pytest …`
writes the expected texts again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remsim.config import uci
from remsim.config.load import defaults, load
from remsim.config.option import Raw
from remsim.config.render import (
    RENDERED_LONGEST,
    Chapter,
    ClientTarget,
    Context,
    RoutingFacts,
    Source,
    Template,
    client_context,
    client_environment,
    configured_target,
    lines_of,
    render,
    routing_context,
    support_context,
    uci_quoted,
)
from remsim.config.templates import (
    SHIPPED_DIRECTORY,
    client_argv,
    client_variables,
    find,
    render_to_file,
    rendered,
)
from remsim.config.values import MASK, Config, LoadResult
from remsim.errors import NotPossibleError, StorageError, TemplateError
from remsim.paths import Paths

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "config"
REWRITE = bool(os.environ.get("REMSIM_GOLDEN"))
MARK = "=====\n"  # between the parts of a golden file

FACTS = RoutingFacts(
    servers=("192.0.2.10", "2001:db8::10", "192.0.2.10"),
    dns_servers=("10.64.0.1", "2001:db8:64::1"),
    iot_device="wwan1",
)
CHAPTERS = (Chapter("Log", "register: X-API-Key key-of-the-mesh sent\nPIN 98765432 accepted"),)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "etc/config").mkdir(parents=True)
    return Paths(str(tmp_path))


def good(**sections: dict[str, Raw]) -> Config:
    result = load(sections)
    assert result.config is not None, result.problems
    return result.config


def context_for(template: Template, loaded: LoadResult) -> Context:
    assert loaded.config is not None
    if template is Template.SUPPORT:
        return support_context("0.0.0", loaded, CHAPTERS)
    if template in (Template.CLIENT_ARGV, Template.CLIENT_ENVIRONMENT):
        return client_context(loaded.config, configured_target(loaded.config))
    return routing_context(loaded.config, FACTS)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_a_template_renders_its_golden_text(path: Path, paths: Paths) -> None:
    prose, configuration, expected = path.read_text(encoding="utf-8").split(MARK)
    template = Template(path.stem.split("_")[0] + ".j2")
    Path(paths.at("/etc/config/remsim")).write_text(configuration, encoding="utf-8")
    text = rendered(paths, template, context_for(template, load(uci.read(paths).sections)))
    if REWRITE:
        path.write_text(prose + MARK + configuration + MARK + text, encoding="utf-8")
    else:
        assert text == expected


def test_every_shipped_template_has_a_golden_text() -> None:
    shipped = {template.value for template in Template}
    assert shipped == set(os.listdir(SHIPPED_DIRECTORY))
    assert {path.stem.split("_")[0] + ".j2" for path in GOLDEN.glob("*.txt")} == shipped


@pytest.mark.parametrize("template", [Template.MWAN3, Template.NETWORK])
def test_rendered_sections_are_uci_files(template: Template, paths: Paths) -> None:
    config = good(routing={"share_iot": "1"}, modems={"dual_modem": "1"})
    text = rendered(paths, template, routing_context(config, FACTS))
    Path(paths.at("/etc/config/remsim")).write_text(text, encoding="utf-8")
    assert all(uci.read(paths).sections)


# --- the external client -------------------------------------------------------------------------


def test_the_assigned_server_takes_the_configured_ones_place(paths: Paths) -> None:
    config = good(client={"backend": "st2"})
    argv = client_argv(paths, config, ClientTarget("192.0.2.7", 9999, 3, 4))
    assert argv[:10] == (
        "/usr/bin/osmo-remsim-client-st2",
        "-L",
        *("-i", "192.0.2.7", "-p", "9999", "-c", "3", "-n", "4"),
    )


def test_the_built_in_client_and_a_client_without_server_are_not_rendered() -> None:
    with pytest.raises(NotPossibleError, match="native"):
        client_context(defaults(), ClientTarget("a", 1, 0, 0))
    config = good(client={"backend": "st2"})
    with pytest.raises(NotPossibleError, match=r"server\.host"):
        client_context(config, configured_target(config))


def test_one_modem_and_no_orchestrator_need_no_variables_of_theirs() -> None:
    names = [name for name, _ in client_environment(defaults())]
    assert not any(name.startswith(("MODEM2_", "IONMESH_")) for name in names)
    assert ("OPENWRT_SIGNAL_INTERVAL", "60") in client_environment(defaults())


def test_a_watching_switched_off_is_an_interval_of_0() -> None:
    config = good(monitoring={"signal_monitoring": "0"})
    assert ("OPENWRT_SIGNAL_INTERVAL", "0") in client_environment(config)


def test_a_line_that_is_no_number_is_never_given_to_the_c_client() -> None:
    """It reads numbers with atoi(): a name would be line 0."""
    config = good(modem1={"sim_switch_gpio": "SIM_SEL", "reset_gpio": "none"})
    names = dict(client_environment(config))
    assert "MODEM1_SIM_GPIO" not in names and "MODEM1_RESET_GPIO" not in names
    translated = dict(client_environment(config, {"modem1.sim_switch_gpio": 532}))
    assert translated["MODEM1_SIM_GPIO"] == "532"


def test_variables_come_back_as_pairs(paths: Paths) -> None:
    config = good(
        client={"backend": "openwrt"},
        modems={"dual_modem": "1"},
        ionmesh={"enabled": "1", "host": "mesh.example", "api_key": "key-of-the-mesh"},
    )
    pairs = client_variables(paths, config, ClientTarget("a.example", 9998, 0, 0))
    assert dict(pairs)["MODEM2_DEVICE"] == "/dev/ttyUSB5"
    assert dict(pairs)["IONMESH_HOST"] == "mesh.example"
    assert "key-of-the-mesh" not in repr(pairs)


def test_arguments_are_lines_and_blank_ones_are_dropped() -> None:
    assert lines_of("a\n\n  b c  \n\td\n") == ("a", "b c", "d")


# --- secrets -----------------------------------------------------------------------------------


def test_no_template_ever_sees_a_secret(paths: Paths) -> None:
    config = good(
        modem1={"pin": "98765432", "password": "pass-of-the-apn"},
        modem2={"pin": "87654321"},
        ionmesh={"enabled": "1", "host": "a", "api_key": "key-of-the-mesh"},
        security={"client_key_passphrase": "phrase-of-the-key"},
        client={"backend": "st2"},
    )
    loaded = LoadResult(config)
    contexts = (
        client_context(config, ClientTarget("a", 1, 0, 0)),
        routing_context(config, FACTS),
        support_context("0", loaded, (Chapter("All", " ".join(config.secrets())),)),
    )
    for context in contexts:
        for secret in config.secrets():
            assert secret not in repr(context)


def test_a_report_about_a_broken_file_still_renders(paths: Paths) -> None:
    broken = load({"heartbeat": {"interval": "1"}, "modem1": {"pin": "oops-not-a-pin"}})
    text = rendered(paths, Template.SUPPORT, support_context("1", broken, CHAPTERS))
    assert "heartbeat.interval: '1' is not a whole number" in text
    assert "oops-not-a-pin" not in text and MASK in text


# --- root's own templates ------------------------------------------------------------------------


def own(paths: Paths, text: str | bytes, template: Template = Template.DNSMASQ) -> Path:
    directory = Path(paths.at("/etc/remsim/templates"))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    file = directory / template.value
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o644)
    return file


def dnsmasq(paths: Paths) -> str:
    return rendered(paths, Template.DNSMASQ, routing_context(defaults(), FACTS))


def test_roots_own_template_is_used(paths: Paths) -> None:
    own(paths, "port {{ server.port }}\n")
    assert dnsmasq(paths) == "port 9998\n"


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_template_that_others_can_write_is_refused(paths: Paths, mode: int) -> None:
    own(paths, "x").chmod(mode)
    with pytest.raises(StorageError, match=r"/etc/remsim/templates/dnsmasq\.j2: only root"):
        dnsmasq(paths)


def test_a_template_in_a_directory_that_others_can_write_is_refused(paths: Paths) -> None:
    own(paths, "x").parent.chmod(0o777)
    with pytest.raises(StorageError, match="/etc/remsim/templates: only root"):
        dnsmasq(paths)


def test_a_template_of_another_owner_is_refused(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own(paths, "x")
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65533)
    with pytest.raises(StorageError, match="only root"):
        dnsmasq(paths)


def test_a_link_is_no_template(paths: Paths, tmp_path: Path) -> None:
    file = own(paths, "x")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="dnsmasq"):
        dnsmasq(paths)


def test_a_pipe_is_no_template_and_does_not_block(paths: Paths) -> None:
    file = own(paths, "x")
    file.unlink()
    os.mkfifo(file, 0o644)
    with pytest.raises(StorageError, match="not a regular file"):
        dnsmasq(paths)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "longer than")]
)
def test_a_template_that_is_no_text_of_sensible_size_is_refused(
    paths: Paths, data: bytes, reason: str
) -> None:
    own(paths, data)
    with pytest.raises(StorageError, match=reason):
        dnsmasq(paths)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("one\ntwo {{ server.hots }}\n", 2, "hots"),
        ("one\n\n{% if x %}\n", 3, "unexpected|Unexpected|expected"),
        ("{{ server.port / 0 }}", 1, "division"),
        ("a\nb\n{{ ''.__class__.__mro__ }}", 3, "unsafe"),
        ("{{ server.update({'port': 1}) }}", 1, "immutable|unsafe|not safely callable"),
        ("\n{% include 'other' %}", 2, "no loader"),
        ("{% macro again() %}{{ again() }}{% endmacro %}\n{{ again() }}", 1, "recursion"),
        ("{% for n in range(999999) %}x{% endfor %}", 1, "[Rr]ange"),
    ],
)
def test_an_error_names_the_template_and_the_line(
    paths: Paths, text: str, line: int, reason: str
) -> None:
    own(paths, text)
    with pytest.raises(TemplateError, match=reason) as failed:
        dnsmasq(paths)
    assert failed.value.path == "/etc/remsim/templates/dnsmasq.j2"
    assert failed.value.line == line
    assert f"dnsmasq.j2:{line}: " in failed.value.reason


def test_a_template_without_end_is_stopped() -> None:
    row = "{% for n in range(99999) %}{{ 'x' * 99 }}{% endfor %}"
    with pytest.raises(TemplateError, match=str(RENDERED_LONGEST)):
        render(Source("t.j2", row), {})


def test_a_failed_rendering_leaves_the_old_file_in_force(paths: Paths) -> None:
    context = routing_context(defaults(), FACTS)
    own(paths, "good\n")
    target = Path(paths.at("/tmp/dnsmasq.d/remsim.conf"))
    assert render_to_file(paths, Template.DNSMASQ, context, "/tmp/dnsmasq.d/remsim.conf")
    assert not render_to_file(paths, Template.DNSMASQ, context, "/tmp/dnsmasq.d/remsim.conf")
    own(paths, "{{ nothing }}")
    with pytest.raises(TemplateError):
        render_to_file(paths, Template.DNSMASQ, context, "/tmp/dnsmasq.d/remsim.conf")
    assert target.read_text() == "good\n"
    assert os.listdir(target.parent) == ["remsim.conf"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_the_shipped_template_is_used_otherwise(paths: Paths) -> None:
    assert find(paths, Template.MWAN3).path == os.path.join(SHIPPED_DIRECTORY, "mwan3.j2")


def test_quoting_keeps_quotes_together() -> None:
    assert uci_quoted("it's") == "'it'\\''s'"
    assert uci_quoted(True) == "'1'"
    assert uci_quoted(7) == "'7'"


def test_jinja2_is_loaded_only_to_render() -> None:
    """It takes 11 MB; the daemon imports the configuration and must not pay for it."""
    program = (
        "import sys, remsim.config.store, remsim.config.templates, remsim.config.render\n"
        "print([m for m in ('jinja2', 'uci', 'ubus', 'requests') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(uci.__file__).parents[2])}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
