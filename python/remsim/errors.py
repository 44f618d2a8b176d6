# SPDX-License-Identifier: GPL-2.0-or-later
"""Every exception of remsim, on one page. Data is in attributes; `code` is what ubus callers get.

RemsimError
  ConfigError          a value in /etc/config/remsim cannot be used        (user's fault)
  ArgumentError        a caller's argument cannot be used                  (caller's fault)
  BusyError            the thing asked for is already being done           (try again)
  NotPossibleError     right request, but this set-up cannot do it         (configuration)
  DeviceError          modem, port, GPIO line or card reader failed        (hardware)
    DeviceGone         the device node or USB device vanished
    DeviceTimeout      no answer before the deadline
  AtError              the modem answered ERROR, +CME ERROR or +CMS ERROR
    AtNonsense         the modem's answer cannot be understood
  PeerError            orchestrator, server or bank misbehaved             (remote's fault)
    PeerUnreachable    no connection, no name, no route
    PeerRejected       an answer that says no (HTTP 4xx/5xx, RSPRO result)
    PeerNonsense       an answer that cannot be understood
      RsproNonsense    octets that are no RSPRO message, or a message that does not fit
  BusError             ubus cannot be reached or refused
    BusAbsent          nobody listens on the ubus socket
    ObjectAbsent       the object is not on the bus: no daemon, or hidden from this user
    BusDenied          ubus refuses this user
    BusTimeout         the object's owner did not answer in time
  StorageError         a file cannot be read or written
  TemplateError        a template cannot be rendered                       (its author's fault)
"""

from __future__ import annotations


class RemsimError(Exception):
    """Base of all. `reason` is one sentence for a person, without a final dot."""

    code = "error"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConfigError(RemsimError):
    """`path` is "section.option", `value` the text (masked if secret), `expected` what would do."""

    code = "config"

    def __init__(self, path: str, value: str, expected: str) -> None:
        super().__init__(f"{path}: {value!r} is not {expected}" if value else f"{path}: {expected}")
        self.path = path
        self.value = value
        self.expected = expected


class ArgumentError(RemsimError):
    """`argument` names the ubus argument, CLI option or environment variable."""

    code = "argument"

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(reason)
        self.argument = argument


class BusyError(RemsimError):
    code = "busy"


class NotPossibleError(RemsimError):
    code = "not_possible"


class DeviceError(RemsimError):
    """`device` is the node, line or USB path."""

    code = "device"

    def __init__(self, device: str, reason: str) -> None:
        super().__init__(f"{device}: {reason}")
        self.device = device


class DeviceGone(DeviceError):
    code = "device_gone"


class DeviceTimeout(DeviceError):
    code = "device_timeout"


class AtError(RemsimError):
    """`kind` is "ERROR", "CME" or "CMS"; `number` as in 27.007 section 9.2, None for ERROR."""

    code = "at"

    def __init__(self, command: str, kind: str, number: int | None, text: str = "") -> None:
        detail = kind if number is None else f"{kind} {number}"
        super().__init__(f"{command}: {detail}{' ' + text if text else ''}")
        self.command = command
        self.kind = kind
        self.number = number
        self.text = text


class AtNonsense(AtError):
    """`text` is the answer as it came, shortened."""

    code = "at_nonsense"

    def __init__(self, command: str, text: str) -> None:
        super().__init__(command, "unreadable answer", None, repr(text[:80]))


class PeerError(RemsimError):
    """`peer` is host:port or URL without secrets; `status` an HTTP status or RSPRO result, if any.

    `word` is what the kernel, TLS or DNS calls it (ECONNREFUSED, CERT_HAS_EXPIRED, NXDOMAIN).
    """

    code = "peer"

    def __init__(self, peer: str, reason: str, status: int | None = None, word: str = "") -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer = peer
        self.status = status
        self.word = word


class PeerUnreachable(PeerError):
    code = "peer_unreachable"


class PeerRejected(PeerError):
    code = "peer_rejected"


class PeerNonsense(PeerError):
    code = "peer_nonsense"


class RsproNonsense(PeerNonsense):
    """`peer` is "RSPRO peer": the pure protocol code does not know whom it is talking to."""

    code = "rspro_nonsense"

    def __init__(self, reason: str) -> None:
        super().__init__("RSPRO peer", reason)


class BusError(RemsimError):
    code = "bus"


class BusAbsent(BusError):
    code = "bus_absent"


class ObjectAbsent(BusError):
    code = "object_absent"


class BusDenied(BusError):
    code = "denied"


class BusTimeout(BusError):
    code = "timeout"


class StorageError(RemsimError):
    """`path` names the file."""

    code = "storage"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class TemplateError(RemsimError):
    """`path` names the template, `line` counts from 1; 0 where no line can be blamed."""

    code = "template"

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
        self.path = path
        self.line = line
