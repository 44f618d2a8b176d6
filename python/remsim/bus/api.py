# SPDX-License-Identifier: GPL-2.0-or-later
"""The method table: every ubus method of `remsim` and `luci.remsim`, as data.

python-ubus accepts a call only with exactly the declared arguments, so there are no optional ones:
variants are methods of their own. Numbers are declared UNSPEC and checked in Python (a small number
from JSON is INT32 whatever was declared). `luci.remsim` has the same methods without the ROUTER
ones, each with the string `ubus_rpc_session` that uhttpd adds. The ACL files, docs/ubus.md, the CLI
and the LuCI rpc declarations are held to this table by tests/meta.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

OBJECT = "remsim"
LUCI_OBJECT = "luci.remsim"
SESSION_ARGUMENT = "ubus_rpc_session"
STATE_EVENT = "remsim.state"
ALERT_EVENT = "remsim.alert"


class Wire(Enum):
    """BLOBMSG_TYPE_* numbers of libubox."""

    ANY = 0
    TABLE = 2
    STRING = 3
    BOOL = 7


class Access(Enum):
    """Which ACL role may call it. ROUTER: local root only (not on luci.remsim)."""

    STATUS = "status"
    CONTROL = "control"
    ROUTER = "router"


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    wire: Wire
    help: str


@dataclass(frozen=True, slots=True)
class Method:
    """`starts_job`: answers `{job: id}` at once; the rest answer from the snapshot."""

    name: str
    access: Access
    help: str
    arguments: tuple[Argument, ...] = ()
    starts_job: bool = False


_MODEM = Argument("modem", Wire.STRING, "modem1 (primary) or modem2 (IoT)")

METHODS: tuple[Method, ...] = (
    Method(
        "status",
        Access.STATUS,
        "Everything that changes: control path, assignment, heartbeat, modems, alerts",
    ),
    Method(
        "info",
        Access.STATUS,
        "What does not change by itself: versions, identities, lines, capabilities",
    ),
    Method("events", Access.STATUS, "The newest 100 events, oldest first"),
    Method(
        "events_since",
        Access.STATUS,
        "Events after a sequence number",
        (
            Argument(
                "since", Wire.ANY, "sequence number of the last event already seen, 0 for all"
            ),
            Argument("limit", Wire.ANY, "1..500"),
        ),
    ),
    Method(
        "job",
        Access.STATUS,
        "State, progress and result of a job",
        (Argument("id", Wire.STRING, "from {job: id}"),),
    ),
    Method("jobs", Access.STATUS, "The newest 50 jobs, without results"),
    Method(
        "history",
        Access.STATUS,
        "Series of signal, traffic and heartbeat; `pending` while the first answer is prepared",
        (
            Argument("series", Wire.STRING, "up to 6 names with blanks between, e.g. modem1.rsrp"),
            Argument("window", Wire.STRING, "hour, day, week or month"),
        ),
    ),
    Method(
        "audit",
        Access.STATUS,
        "The lasting log of events and actions, newest first",
        (
            Argument("before", Wire.ANY, "row id to go back from, 0 for the newest"),
            Argument("limit", Wire.ANY, "1..500"),
        ),
    ),
    Method(
        "config",
        Access.CONTROL,
        "Effective configuration, secrets masked, with problems and warnings",
    ),
    Method(
        "validate",
        Access.CONTROL,
        "Check values without storing them",
        (Argument("values", Wire.TABLE, '{"section.option": value or list}'),),
    ),
    Method(
        "reload",
        Access.CONTROL,
        "Read /etc/config/remsim again; a file with errors leaves the running one in force",
        starts_job=True,
    ),
    Method("heartbeat", Access.CONTROL, "Send a heartbeat now", starts_job=True),
    Method("register", Access.CONTROL, "Register with the orchestrator again", starts_job=True),
    Method(
        "unregister",
        Access.CONTROL,
        "Give the assignment back and stay unregistered",
        starts_job=True,
    ),
    Method(
        "release",
        Access.CONTROL,
        "Unregister, SIM switch to local, routes handed back",
        starts_job=True,
    ),
    Method(
        "sim",
        Access.CONTROL,
        "Switch a modem's SIM",
        (_MODEM, Argument("source", Wire.STRING, "local or remote")),
        starts_job=True,
    ),
    Method(
        "reset",
        Access.CONTROL,
        "Reset a modem by the best way there is",
        (_MODEM,),
        starts_job=True,
    ),
    Method(
        "reset_by",
        Access.CONTROL,
        "Reset a modem by one recovery step",
        (
            _MODEM,
            Argument("step", Wire.STRING, "interface, radio, at_reset, reset_line, bus or power"),
        ),
        starts_job=True,
    ),
    Method(
        "at",
        Access.CONTROL,
        "Send one AT command",
        (_MODEM, Argument("command", Wire.STRING, "AT command without line end")),
        starts_job=True,
    ),
    Method(
        "client_event",
        Access.ROUTER,
        "An event of the remote-SIM client (native, or the C client's event script)",
        (
            Argument(
                "cause", Wire.STRING, "osmo-remsim cause, or a state word of the native client"
            ),
            Argument("variables", Wire.TABLE, "REMSIM_* variables, or the native client's status"),
            Argument("started", Wire.ANY, "start time of the sender, seconds since boot"),
            Argument("pid", Wire.ANY, "process id of the sender"),
        ),
    ),
    Method(
        "hotplug",
        Access.ROUTER,
        "A kernel or netifd hotplug event",
        (
            Argument("subsystem", Wire.STRING, "tty, net, iface or wwan"),
            Argument("action", Wire.STRING, "add, remove, ifup, ifdown, ..."),
            Argument("name", Wire.STRING, "device or interface name"),
            Argument("path", Wire.STRING, "DEVPATH, may be empty"),
        ),
    ),
)


def methods_of(object_name: str) -> tuple[Method, ...]:
    """The methods that an object carries."""
    if object_name == OBJECT:
        return METHODS
    return tuple(method for method in METHODS if method.access is not Access.ROUTER)


def signature_of(object_name: str, method: Method) -> dict[str, int]:
    """`{argument: BLOBMSG_TYPE}` exactly as python-ubus wants it."""
    signature = {argument.name: argument.wire.value for argument in method.arguments}
    if object_name == LUCI_OBJECT:
        signature[SESSION_ARGUMENT] = Wire.STRING.value
    return signature
