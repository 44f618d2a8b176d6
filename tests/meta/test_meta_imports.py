# SPDX-License-Identifier: GPL-2.0-or-later
"""Who imports whom, and that what is imported is also depended upon."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from source_tree import (
    PYTHON,
    depends,
    foreign_imports,
    modules,
    own_imports,
    reachable,
)

# --- layers ---------------------------------------------------------------------------------------

# A module may import its own package and what stands on a lower step; shells never each other.
LEAVES = ("remsim", "lean", "errors", "clock", "model", "paths", "events", "installed")
LANGUAGES = (
    "command",
    "config",
    "eventloop",
    "netifd",
    "netlink",
    "net",
    "rspro",
    "usage",
    "doctor",
    "metrics",
)
DECIDERS = (
    "alerts",
    "client_events",
    "core",
    "failover",
    "job_starter",
    "jobs",
    "saved",
    "sim_follower",
    "snapshot",
    "state",
)
SHELLS = ("bus", "card", "gpio", "history", "link", "modem", "orchestrator", "routing", "storage")
ROOTS = (
    "assembly",
    "cli",
    "client",
    "client_bus",
    "client_settings",
    "client_status",
    "daemon",
    "settings",
)
STEPS = {
    name: step
    for step, names in enumerate((LEAVES, LANGUAGES, DECIDERS, SHELLS, ROOTS))
    for name in names
}
# The words of a shell that others may speak as well: pure types, nothing that opens anything.
WORDS = {
    "remsim.card.apdu",
    "remsim.card.api",
    "remsim.card.layer",
    "remsim.card.place",
    "remsim.card.relay",
    "remsim.client_settings",
    "remsim.gpio.api",
    "remsim.history.series",
}
# One thread owns both: to the outside they are one shell.
SAME_SHELL = {"history": "storage", "client_files": "storage"}
# Leaves may import each other downwards: a chain, not a circle.
SAME_STEP = (LEAVES, LANGUAGES, DECIDERS, ROOTS)


def place(module: str) -> str:
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else parts[0]
    return SAME_SHELL.get(name, name)


def upward_imports() -> Iterator[str]:
    for name in modules("remsim"):
        for target in own_imports(name):
            here, there = place(name), place(target)
            if here == there or STEPS[there] < STEPS[here] or target in WORDS:
                continue
            if not any(here in step and there in step for step in SAME_STEP):
                yield f"{name} imports {target}"


def test_every_module_has_its_place_in_the_layers() -> None:
    unknown = {place(name) for name in modules("remsim")} - STEPS.keys()
    assert not unknown, f"give it a step in {__file__}: {unknown}"


def test_imports_go_downwards_and_shells_do_not_import_each_other() -> None:
    assert list(upward_imports()) == []


# --- purity ---------------------------------------------------------------------------------------

PURE = (
    "remsim.config.types",
    "remsim.config.schema",
    "remsim.config.load",
    "remsim.config.render",
    "remsim.config.migrate",
    "remsim.core",
    "remsim.job_starter",
    "remsim.sim_follower",
    "remsim.state",
    "remsim.doctor.checks",
    "remsim.failover",
    "remsim.metrics",
    "remsim.modem.at",
    "remsim.modem.commands",
    "remsim.modem.profile",
    "remsim.modem.profiles",
    "remsim.routing.plan",
    "remsim.rspro",
    "remsim.snapshot",
    "remsim.usage.meter",
)
# The socket shell of a pure protocol, and what it stands on.
IMPURE_PARTS = (
    "remsim.rspro.worker",
    "remsim.rspro.lookup",
    "remsim.rspro.release",
    "remsim.rspro.tls",
)
INPUT_OUTPUT = {"os", "requests", "serial", "socket", "subprocess", "threading", "time"}


def test_the_words_of_a_shell_are_pure() -> None:
    """But for the types in signatures: a cancel event is a threading.Event."""
    for name in WORDS & modules("remsim").keys():
        assert foreign_imports(name) & (INPUT_OUTPUT - {"threading"}) == set(), name


def pure_modules() -> list[str]:
    return [
        name
        for name in modules("remsim")
        if any(name == pure or name.startswith(pure + ".") for pure in PURE)
        and name not in IMPURE_PARTS
    ]


@pytest.mark.parametrize("name", pure_modules())
def test_a_pure_module_reaches_no_input_and_no_output(name: str) -> None:
    """Not by way of another module either."""
    guilty = {
        module: sorted(found)
        for module in reachable(name)
        if (found := foreign_imports(module) & INPUT_OUTPUT)
    }
    assert guilty == {}


# --- one owner for each heavy or awkward module ---------------------------------------------------

OWNERS = {
    "gpiod": {"remsim.gpio.chardev"},
    "jinja2": {"remsim.config.render"},
    "requests": {"remsim.orchestrator.http"},
    "serial": {"remsim.modem.port"},
    "ubus": {"remsim.bus.ubus"},
    "uci": {"remsim.config.uci"},
    "urllib3": {"remsim.orchestrator.http"},
    "usb": {"remsim.card.simtrace2_usb"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_importer(library: str) -> None:
    importers = {name for name in modules("remsim") if library in foreign_imports(name)}
    assert importers <= OWNERS[library]


def test_sqlite_is_touched_by_storage_alone() -> None:
    importers = {place(name) for name in modules("remsim") if "sqlite3" in foreign_imports(name)}
    assert importers <= {"history", "usage", "storage"}


@pytest.mark.parametrize(
    ("start", "never"),
    [
        ("remsim.daemon", {"gpiod", "jinja2", "usb"}),
        (
            "remsim.client",
            {"gpiod", "http", "jinja2", "requests", "serial", "sqlite3", "ssl", "usb"},
        ),
        ("remsim.cli", {"gpiod", "jinja2", "requests", "serial", "sqlite3", "ssl", "ubus", "usb"}),
    ],
)
def test_starting_loads_nothing_heavy(start: str, never: set[str]) -> None:
    code = f"import sys, {start}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": f"{PYTHON}:{PYTHON}/remsim_lab/dropin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert never & set(loaded) == set()


def test_the_product_does_not_know_the_lab() -> None:
    for name in modules("remsim"):
        assert "remsim_lab" not in foreign_imports(name), name


def test_the_product_never_imports_relatively() -> None:
    """A relative import would escape the walks of this file."""
    for name, path in modules("remsim").items():
        assert "\nfrom ." not in path.read_text(encoding="utf-8"), name


# --- imports against the packages' DEPENDS --------------------------------------------------------

# OpenWrt's python3-light is the standard library without these (lang/python/python3/files of
# openwrt/packages). `email` went from python3-email to python3-urllib; http.client needs it, and
# 23.05's python3-requests brings the former.
SPLIT_OFF = {
    "_hashlib": "python3-openssl",
    "asyncio": "python3-asyncio",
    "bz2": "python3-light",
    "ctypes": "python3-ctypes",
    "curses": "python3-ncurses",
    "dbm": "python3-dbm",
    "decimal": "python3-decimal",
    "email": "python3-urllib",
    "fractions": "python3-decimal",
    "http": "python3-urllib",
    "logging": "python3-logging",
    "lzma": "python3-lzma",
    "multiprocessing": "python3-multiprocessing",
    "pydoc": "python3-pydoc",
    "readline": "python3-readline",
    "sqlite3": "python3-sqlite3",
    "ssl": "python3-openssl",
    "statistics": "python3-decimal",
    "unicodedata": "python3-codecs",
    "unittest": "python3-unittest",
    "urllib": "python3-urllib",
    "uuid": "python3-uuid",
    "xml": "python3-xml",
    "xmlrpc": "python3-xml",
}
LIBRARIES = {
    "gpiod": "python3-gpiod",
    "jinja2": "python3-jinja2",
    "requests": "python3-requests",
    "serial": "python3-pyserial",
    "ubus": "python3-ubus",
    "uci": "python3-uci",
    "urllib3": "python3-urllib3",
    "usb": "python3-pyusb",
}
# What another package depends on by necessity: requests is a face of urllib3.
BROUGHT_BY = {"python3-urllib3": "python3-requests"}
# Programs that are run, by package. busybox, ubus and uci are in every image.
PROGRAMS = {"ip": "ip-full", "nft": "nftables-json"}
# Front-ends that only some routers have; the module says which package it misses.
ON_DEMAND = {"usb"}


def package_of(top: str) -> str | None:
    if top in LIBRARIES:
        package = LIBRARIES[top]
        return BROUGHT_BY.get(package, package)
    if top in SPLIT_OFF:
        return SPLIT_OFF[top]
    return "python3-light" if top in sys.stdlib_module_names else None


def test_every_import_is_covered_by_the_packages_dependencies() -> None:
    covered = depends("remsim")
    missing = {
        f"{top} ({package_of(top)}) in {name}"
        for name in modules("remsim")
        for top in foreign_imports(name) - ON_DEMAND
        if package_of(top) not in covered
    }
    assert missing == set()


def test_no_dependency_is_there_for_nothing() -> None:
    needed = {package_of(top) for name in modules("remsim") for top in foreign_imports(name)} | set(
        PROGRAMS.values()
    )
    later = {"python3-sqlite3"}  # history and usage counters
    indirect = {"python3-codecs"}  # the idna codec, for every host name
    assert depends("remsim") - needed - later - indirect == set()


def test_host_names_need_the_codecs_package() -> None:
    """The reason for a dependency that no import shows: getaddrinfo() encodes by `idna`."""
    code = """
import socket, sys
sys.modules["unicodedata"] = None
try:
    socket.getaddrinfo("localhost", 1)
except LookupError:
    print("needs it")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "needs it"
    assert "python3-codecs" in depends("remsim")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_that_is_run_is_depended_upon(program: str) -> None:
    users = [
        name
        for name, path in modules("remsim").items()
        if f'("{program}",' in path.read_text(encoding="utf-8")
    ]
    assert users
    assert PROGRAMS[program] in depends("remsim")
