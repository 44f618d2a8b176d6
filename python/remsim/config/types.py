# SPDX-License-Identifier: GPL-2.0-or-later
"""Value types of the configuration: UCI text to Python value and back, with the LuCI datatype.

Pure. A type never sees a path and never quotes the text it refuses (it may be a secret): it raises
ConfigError with `expected` alone, and the loader adds the rest. No type accepts a control
character, so that a value can never start a new line in a rendered file.
LuCI datatypes are those of LuCI's validation.js; a misspelt one silently accepts everything there.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from remsim.errors import ConfigError

Value = bool | int | float | str | tuple[str, ...] | None

TRUE_WORDS = ("1", "yes", "on", "true", "enabled")  # libuci's and euci's words
FALSE_WORDS = ("0", "no", "off", "false", "disabled")
TEXT_LONGEST = 255  # characters; longer than any name or path a router needs
LIST_MOST = 32  # entries of a list
U32_HIGHEST = 0xFFFF_FFFF


class Widget(Enum):
    """How a form shows it. The value is the word in schema.js."""

    FLAG = "flag"
    CHOICE = "choice"
    LIST = "list"
    VALUE = "value"


class ValueType(ABC):
    """`unset` is the value of an option that has neither text nor default."""

    widget: ClassVar[Widget] = Widget.VALUE
    unset: ClassVar[Value] = ""
    unit: str = ""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What would do, as it stands after "is not"."""

    @property
    def datatype(self) -> str:
        """LuCI's datatype expression; empty where it has none."""
        return ""

    @property
    def pattern(self) -> str:
        """Regular expression for all of the text, valid in Python and JavaScript; or empty."""
        return ""

    @abstractmethod
    def parse(self, text: str) -> Value:
        """`text` is not empty. Raises ConfigError without path and value."""

    def format(self, value: Value) -> str:
        """The UCI text of a parsed value."""
        return str(value)

    def refuse(self) -> ConfigError:
        return ConfigError("", "", self.expected)


@dataclass(frozen=True, slots=True)
class Flag(ValueType):
    widget = Widget.FLAG
    unset = False

    @property
    def expected(self) -> str:
        return "0 or 1"

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise self.refuse()

    def format(self, value: Value) -> str:
        return "1" if value else "0"


@dataclass(frozen=True, slots=True)
class Integer(ValueType):
    """Both limits belong to the range. `unit` is a word for people: "seconds", "ms", "MB"."""

    lowest: int
    highest: int
    unit: str = ""
    unset = None

    @property
    def expected(self) -> str:
        unit = f" ({self.unit})" if self.unit else ""
        return f"a whole number from {self.lowest} to {self.highest}{unit}"

    @property
    def datatype(self) -> str:
        kind = "integer" if self.lowest < 0 else "uinteger"
        return f"and({kind},range({self.lowest},{self.highest}))"

    def parse(self, text: str) -> int:
        digits = text.strip()
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", digits):
            raise self.refuse()
        number = int(digits)
        if not self.lowest <= number <= self.highest:
            raise self.refuse()
        return number


@dataclass(frozen=True, slots=True)
class Bits(ValueType):
    """32 bits, written 0x520000 or in decimal; written back in hexadecimal."""

    unset = None

    @property
    def expected(self) -> str:
        return "a number of 32 bits such as 0x520000"

    @property
    def pattern(self) -> str:
        return "(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})"

    def parse(self, text: str) -> int:
        digits = text.strip()
        if not re.fullmatch(self.pattern, digits):
            raise self.refuse()
        number = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
        if number > U32_HIGHEST:
            raise self.refuse()
        return number

    def format(self, value: Value) -> str:
        return hex(value) if isinstance(value, int) else str(value)


@dataclass(frozen=True, slots=True)
class Choice(ValueType):
    """`choices` are (word, title). Capitals are forgiven, the declared spelling is the value."""

    choices: tuple[tuple[str, str], ...]
    widget = Widget.CHOICE

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word, _title in self.choices)

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, text: str) -> str:
        for word in self.words:
            if word.lower() == text.strip().lower():
                return word
        raise self.refuse()


@dataclass(frozen=True, slots=True)
class Text(ValueType):
    """Printable text of one line. `shape` is a regular expression for all of it."""

    shape: str = ""
    meaning: str = ""
    longest: int = TEXT_LONGEST
    shortest: int = 1
    blanks_count: bool = False  # a password may begin or end with a blank

    @property
    def expected(self) -> str:
        return self.meaning or f"printable text of {self.shortest} to {self.longest} characters"

    @property
    def datatype(self) -> str:
        return "" if self.shape else f"rangelength({self.shortest},{self.longest})"

    @property
    def pattern(self) -> str:
        return self.shape

    def parse(self, text: str) -> str:
        kept = text if self.blanks_count else text.strip()
        if not kept.isprintable() or not self.shortest <= len(kept) <= self.longest:
            raise self.refuse()
        if self.shape and not re.fullmatch(self.shape, kept):
            raise self.refuse()
        return kept


@dataclass(frozen=True, slots=True)
class Host(ValueType):
    """A DNS name (RFC 1123, and the underscore that is in use) or an address without brackets."""

    @property
    def expected(self) -> str:
        return "a host name or an IP address"

    @property
    def datatype(self) -> str:
        return "host"

    def parse(self, text: str) -> str:
        name = text.strip()
        if is_address(name) or _is_host_name(name):
            return name
        raise self.refuse()


@dataclass(frozen=True, slots=True)
class Address(ValueType):
    @property
    def expected(self) -> str:
        return "an IP address"

    @property
    def datatype(self) -> str:
        return "ipaddr"

    def parse(self, text: str) -> str:
        if not is_address(text.strip()):
            raise self.refuse()
        return text.strip()


@dataclass(frozen=True, slots=True)
class HostOrNetwork(ValueType):
    """A host, or a network in CIDR notation (host bits are cleared)."""

    @property
    def expected(self) -> str:
        return "a host name, an IP address or a network such as 192.0.2.0/24"

    @property
    def datatype(self) -> str:
        return "or(host,cidr)"

    def parse(self, text: str) -> str:
        if "/" not in text:
            return Host().parse(text)
        try:
            return str(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise self.refuse() from None


@dataclass(frozen=True, slots=True)
class Hex(ValueType):
    """Octets in hexadecimal; blanks and colons are dropped, letters become capitals."""

    shortest: int  # octets
    longest: int

    @property
    def expected(self) -> str:
        return f"{self.shortest} to {self.longest} octets in hexadecimal"

    @property
    def datatype(self) -> str:
        return f"and(hexstring,rangelength({2 * self.shortest},{2 * self.longest}))"

    def parse(self, text: str) -> str:
        digits = re.sub(r"[ :]", "", text.strip()).upper()
        if not re.fullmatch("([0-9A-F]{2})+", digits):
            raise self.refuse()
        if not self.shortest <= len(digits) // 2 <= self.longest:
            raise self.refuse()
        return digits


@dataclass(frozen=True, slots=True)
class FilePath(ValueType):
    """An absolute path without `..`. Whether it exists is not a question for pure code."""

    meaning: str = "an absolute path of a file"

    @property
    def expected(self) -> str:
        return self.meaning

    @property
    def datatype(self) -> str:
        return "file"

    @property
    def pattern(self) -> str:
        return "/.*"

    def parse(self, text: str) -> str:
        path = text.strip()
        usable = path.isprintable() and 1 < len(path) <= TEXT_LONGEST
        if not usable or not path.startswith("/") or ".." in path.split("/"):
            raise self.refuse()
        return path


@dataclass(frozen=True, slots=True)
class Device(ValueType):
    """A device node. `auto` becomes the empty text: the device is discovered."""

    @property
    def expected(self) -> str:
        return "a device path such as /dev/ttyUSB2, or auto"

    @property
    def pattern(self) -> str:
        return "(auto|/.*)"

    def parse(self, text: str) -> str:
        if text.strip().lower() == "auto":
            return ""
        try:
            return FilePath().parse(text)
        except ConfigError:
            raise self.refuse() from None

    def format(self, value: Value) -> str:
        return str(value) if value else "auto"


@dataclass(frozen=True, slots=True)
class GpioLine(ValueType):
    """`20`, `gpiochip0:20`, `/sys/class/gpio/NAME` or a line name; `none` becomes the empty text.

    Line names have at most 31 characters (linux/gpio.h, GPIO_MAX_NAME_SIZE is 32 with the NUL).
    """

    @property
    def expected(self) -> str:
        return "a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none"

    @property
    def pattern(self) -> str:
        chip = "(/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}"
        sysfs = "/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}"
        name = "(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30}"
        return f"({chip}|{sysfs}|{name})"

    def parse(self, text: str) -> str:
        line = text.strip()
        if line.lower() == "none":
            return ""
        is_line = re.fullmatch(self.pattern, line) and line.rsplit("/")[-1] not in (".", "..")
        if not is_line or (line.isdecimal() and len(line) > 4):
            raise self.refuse()
        return line.removeprefix("/dev/")

    def format(self, value: Value) -> str:
        return str(value) if value else "none"


@dataclass(frozen=True, slots=True)
class ListOf(ValueType):
    """A UCI list, or words in one option as LuCI and many scripts write it. Entries are texts."""

    item: ValueType
    widget = Widget.LIST
    unset = ()

    @property
    def expected(self) -> str:
        return f"a list of at most {LIST_MOST} entries, each {self.item.expected}"

    @property
    def datatype(self) -> str:
        return self.item.datatype

    @property
    def pattern(self) -> str:
        return self.item.pattern

    def parse(self, text: str) -> Value:
        return self.parse_entries(tuple(text.split()))

    def parse_entries(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """Empty entries are dropped, repeated ones kept once."""
        texts = (self.item.format(self.item.parse(entry)) for entry in entries if entry.strip())
        kept = tuple(dict.fromkeys(texts))
        if len(kept) > LIST_MOST:
            raise self.refuse()
        return kept


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address without brackets, scope or prefix length."""
    if "%" in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_host_name(text: str) -> bool:
    if len(text) > 253 or re.fullmatch(r"[0-9.]+", text):
        return False
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    return re.fullmatch(rf"{label}(\.{label})*", text) is not None


# Types that more than one option has, with their source.
FLAG = Flag()
HOST = Host()
PORT = Integer(1, 65535)
RSPRO_ID = Integer(0, 1023)  # RSPRO.asn: ClientId, BankId and SlotNumber are INTEGER (0..1023)
DEVICE = Device()
GPIO_LINE = GpioLine()
ATR = Hex(2, 33)  # ISO 7816-3: TS, T0 and at most 31 further characters
MCC_MNC = Text("[0-9]{5,6}", "5 or 6 digits: country code and network code, such as 310410")
IMEI = Text("[0-9]{15}", "the 15 digits of an IMEI")
ICCID = Text("[0-9]{18,20}[Ff]?", "the 18 to 20 digits of an ICCID")
PIN = Text("[0-9]{4,8}", "4 to 8 digits")  # 3GPP TS 31.101 section 9.5.1
PASSWORD = Text(blanks_count=True)
INTERFACE = Text("[A-Za-z0-9_.@-]{1,15}", "an interface name of at most 15 characters")  # IFNAMSIZ
APN = Text("[A-Za-z0-9._-]{1,100}", "an access point name")  # 3GPP TS 23.003 section 9.1
WORD = Text("[A-Za-z0-9_.-]{1,32}", "a word of letters, digits, dots, dashes and underscores")
CLIENT_NAME = Text("[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, dots, dashes and underscores")
USB_ID = Text("[0-9a-fA-F]{4}", "4 hexadecimal digits")
USB_SERIAL = Text(longest=126)  # characters of a USB string descriptor at most
USB_PATH = Text(r"[0-9]{1,3}-[0-9]{1,3}([.][0-9]{1,3}){0,6}", "a USB path such as 1-1.2")
BUS_PATH = Text(
    r"([0-9]{1,3}-[0-9]{1,3}([.][0-9]{1,3}){0,6}"
    r"|[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}[.][0-7])",
    "a USB path such as 1-1.2 or a PCI address such as 0000:01:00.0",
)
LOG_CATEGORIES = Text(
    "[A-Z][A-Z0-9]*(,[0-9]{1,2})?(:[A-Z][A-Z0-9]*(,[0-9]{1,2})?)*",
    "log categories such as DMAIN:DPCU",
)
