# SPDX-License-Identifier: GPL-2.0-or-later
"""The init scripts: what procd is told, when the daemon is asked to release, and when it is not."""

import pytest
from router_shell import FILES, Router

UCI = """
case "$*" in
	"-q show remsim") [ "$UCI_BROKEN" != 1 ] ;;
	"-q get remsim.service.enabled") [ -n "$UCI_ENABLED" ] && echo "$UCI_ENABLED" ;;
	*) exit 9 ;;
esac
"""
RELEASE = "remsim <release> <--timeout> <60>"


@pytest.fixture
def daemon(router: Router) -> Router:
    """A router with the service enabled and the daemon running."""
    router.program("uci", UCI)
    router.environment["UCI_ENABLED"] = "1"
    (router.root / "etc/config/remsim").touch()
    return router


def test_the_daemon_is_started_with_respawn_and_without_the_configuration_as_file(
    daemon: Router,
) -> None:
    daemon.init("remsim", "start")
    assert daemon.procd == [
        "start",
        "instance",
        "param command /usr/sbin/remsimd",
        "param respawn 3600 5 0",
        f"param file {daemon.root}/usr/lib/remsim/build",
        "param stdout 1",
        "param stderr 1",
        "trigger remsim",
    ]


@pytest.mark.parametrize("word", ["1", "on", "true", "yes", "enabled"])
def test_every_word_for_yes_enables(daemon: Router, word: str) -> None:
    daemon.environment["UCI_ENABLED"] = word
    daemon.init("remsim", "start")
    assert "instance" in daemon.procd


@pytest.mark.parametrize("word", ["0", "off", "no", "", "maybe"])
def test_everything_else_does_not(daemon: Router, word: str) -> None:
    daemon.environment["UCI_ENABLED"] = word
    daemon.init("remsim", "start")
    assert daemon.procd == ["start", "trigger remsim"]


def test_without_a_configuration_file_nothing_starts(daemon: Router) -> None:
    (daemon.root / "etc/config/remsim").unlink()
    daemon.init("remsim", "boot")
    assert "instance" not in daemon.procd


def test_with_a_broken_file_the_daemon_starts_and_goes_by_what_it_accepted_last(
    daemon: Router,
) -> None:
    daemon.environment["UCI_BROKEN"] = "1"
    daemon.init("remsim", "boot")
    assert "instance" in daemon.procd


def test_reload_is_one_call_with_a_time_limit(daemon: Router) -> None:
    daemon.init("remsim", "reload")
    assert [call for call in daemon.calls if call.startswith("ubus")] == [
        "ubus <-t> <5> <call> <remsim> <reload>"
    ]
    assert daemon.procd == []


def test_a_broken_file_does_not_stop_the_running_daemon(daemon: Router) -> None:
    daemon.environment["UCI_BROKEN"] = "1"
    daemon.init("remsim", "reload")
    assert daemon.procd == []


def test_reload_starts_a_daemon_that_does_not_run(daemon: Router) -> None:
    daemon.program("ubus", "exit 4")
    daemon.init("remsim", "reload")
    assert "instance" in daemon.procd


def test_switching_the_service_off_releases_and_stops(daemon: Router) -> None:
    daemon.environment["UCI_ENABLED"] = "0"
    daemon.init("remsim", "reload")
    assert RELEASE in daemon.calls
    assert daemon.procd == ["kill"]


def test_an_explicit_stop_releases_before_the_process_ends(daemon: Router) -> None:
    daemon.program("remsim", 'echo released >>"$PROCD_LOG"')
    daemon.init("remsim", "stop")
    assert daemon.calls[-1] == RELEASE
    assert daemon.procd == ["released", "kill"]


@pytest.mark.parametrize("action", ["restart", "shutdown"])
def test_restart_and_shutdown_only_detach(daemon: Router, action: str) -> None:
    daemon.init("remsim", action)
    assert RELEASE not in daemon.calls
    assert daemon.procd[0] == "kill"


def test_an_upgrade_only_detaches(daemon: Router) -> None:
    daemon.environment["PKG_UPGRADE"] = "1"
    daemon.init("remsim", "stop")
    assert RELEASE not in daemon.calls
    assert daemon.procd == ["kill"]


def test_removing_the_package_releases(daemon: Router) -> None:
    daemon.environment["PKG_UPGRADE"] = "0"
    daemon.init("remsim", "stop")
    assert RELEASE in daemon.calls


def test_a_release_that_fails_is_logged_and_the_stop_goes_on(daemon: Router) -> None:
    daemon.program("remsim", "exit 6")
    assert daemon.init("remsim", "stop") == 0
    assert any(call.startswith("logger") for call in daemon.calls)
    assert daemon.procd == ["kill"]


def test_stopping_a_daemon_that_does_not_run_waits_for_nothing(daemon: Router) -> None:
    daemon.program("ubus", "exit 4")
    daemon.init("remsim", "stop")
    assert not [call for call in daemon.calls if call.startswith("remsim")]
    assert daemon.procd == ["kill"]


def test_the_init_scripts_read_no_option_but_service_enabled() -> None:
    for name in ("remsim", "remsim-client"):
        text = (FILES / "etc/init.d" / name).read_text()
        assert text.count("config_get") == 0
        assert text.replace("remsim.service.enabled", "").count("uci -q get") <= 1


def test_the_clients_parameters_are_its_only_file(router: Router) -> None:
    parameters = router.root / "var/run/remsim/client.json"
    parameters.touch()
    router.init("remsim-client", "start")
    assert router.procd == [
        "start",
        "instance",
        "param command /usr/sbin/remsim-client",
        f"param file {parameters}",
        "param respawn 3600 5 0",
        "param stdout 1",
        "param stderr 1",
    ]


def test_without_parameters_there_is_no_client(router: Router) -> None:
    router.init("remsim-client", "boot")
    assert router.procd == ["start"]


def test_no_upgrade_stops_the_client(router: Router) -> None:
    router.environment["PKG_UPGRADE"] = "1"
    assert router.init("remsim-client", "stop") == 0
    assert router.procd == []


@pytest.mark.parametrize("action", ["stop", "shutdown", "restart"])
def test_everything_else_that_stops_the_client_does(router: Router, action: str) -> None:
    router.init("remsim-client", action)
    assert router.procd[0] == "kill"
