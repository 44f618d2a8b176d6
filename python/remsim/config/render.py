# SPDX-License-Identifier: GPL-2.0-or-later
"""What the templates get to see, and rendering itself. Pure; Jinja2 is imported when it is used.

Jinja2 takes 11 MB, so only short-lived commands render. Every value a template sees is masked: no
rendered text ever holds a secret. A template that fails is named with its line.
Where templates come from is templates.py's business.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from remsim.config.schema import OPTIONS
from remsim.config.types import GpioLine, is_address
from remsim.config.values import Config, LoadResult
from remsim.errors import NotPossibleError, TemplateError

RENDERED_LONGEST = 1_000_000  # characters; the largest text here is a support report of some 100 kB
PROGRAM_PREFIX = "/usr/bin/osmo-remsim-client-"
EVENT_SCRIPT = "/usr/lib/remsim/event-script"
MOST_SERVER_RULES = 99  # a mwan3 rule's name has 15 characters

_FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Template(Enum):
    """The value is the file's name, here and in /etc/remsim/templates."""

    CLIENT_ARGV = "client-argv.j2"
    CLIENT_ENVIRONMENT = "client-environment.j2"
    MWAN3 = "mwan3.j2"
    NETWORK = "network.j2"
    DNSMASQ = "dnsmasq.j2"
    SUPPORT = "support.j2"


@dataclass(frozen=True, slots=True)
class Source:
    """A template's text; `path` is where it came from, for error messages."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class ClientTarget:
    """Whom the external client calls: the configured server, or what an orchestrator assigned."""

    host: str
    port: int
    client_id: int
    client_slot: int


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """What only the running system knows. Addresses have no prefix length."""

    servers: tuple[str, ...] = ()  # addresses of orchestrator, server and bank
    dns_servers: tuple[str, ...] = ()  # of the IoT link
    iot_device: str = ""  # the IoT link's network device
    gateway: str = ""  # of the IoT link; empty on raw-IP links


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the support report that somebody else has gathered."""

    title: str
    text: str


Context = Mapping[str, object]


def configured_target(config: Config) -> ClientTarget:
    return ClientTarget(
        config.text("server.host"),
        config.integer("server.port"),
        config.integer("client.client_id"),
        config.integer("client.client_slot"),
    )


def client_environment(
    config: Config, gpio_numbers: Mapping[str, int] | None = None
) -> tuple[tuple[str, str], ...]:
    """The C client's variables. `gpio_numbers` gives a line's number in sysfs by option path.

    Only what counts is there: no MODEM2_ without a second modem, and no line that is not a number,
    since the C client would take a name for line 0.
    """
    numbers = gpio_numbers or {}
    variables = []
    for path, option in OPTIONS.items():
        value = str(numbers.get(path, config.shown(path)))
        is_number = value.isdecimal() or not isinstance(option.type, GpioLine)
        if path == "monitoring.signal_interval" and not config.applies(path):
            variables.append((option.environment, "0"))  # unset would mean every 60 s
        elif option.environment and config.values[path] and is_number and config.applies(path):
            variables.append((option.environment, value))
    return tuple(variables)


def client_context(
    config: Config, target: ClientTarget, gpio_numbers: Mapping[str, int] | None = None
) -> Context:
    """For CLIENT_ARGV and CLIENT_ENVIRONMENT. Raises NotPossibleError for the built-in client."""
    backend = config.text("client.backend")
    if backend == "native":
        raise NotPossibleError("client.backend is native: there is no other program to start")
    if not target.host:
        raise NotPossibleError("no server for the client: set server.host")
    return {
        **config.masked(),
        "program": PROGRAM_PREFIX + backend,
        "event_script": EVENT_SCRIPT,
        "target": target,
        "environment": client_environment(config, gpio_numbers),
    }


def routing_context(config: Config, facts: RoutingFacts) -> Context:
    """For MWAN3, NETWORK and DNSMASQ."""
    hosts = (
        config.text("ionmesh.host") if config.flag("ionmesh.enabled") else "",
        *(config.items("ionmesh.hosts") if config.flag("ionmesh.enabled") else ()),
        config.text("server.host"),
        config.text("bankd.host"),
    )
    names = dict.fromkeys(host for host in hosts if host and not is_address(host))
    servers = tuple(dict.fromkeys(facts.servers))[:MOST_SERVER_RULES]
    return {
        **config.masked(),
        "servers": servers,
        "server_names": tuple(names),
        "dns_servers": facts.dns_servers,
        "iot_device": facts.iot_device or config.text("routing.iot_interface"),
        "gateway": facts.gateway,
        "mark": f"{config.integer('routing.mark'):#x}/{config.integer('routing.mark_mask'):#x}",
    }


def support_context(
    version: str, loaded: LoadResult, chapters: tuple[Chapter, ...] = ()
) -> Context:
    """For SUPPORT. Every secret of the configuration is blotted out of the chapters as well."""
    config = loaded.config
    shown = tuple((path, config.shown(path)) for path in OPTIONS if config and config.is_set(path))
    blotted = tuple(
        Chapter(each.title, config.redact(each.text) if config else each.text) for each in chapters
    )
    return {
        "version": version,
        "given": shown,
        "problems": tuple(problem.text for problem in loaded.problems),
        "notices": tuple(notice.text for notice in loaded.notices),
        "chapters": blotted,
    }


def render(source: Source, context: Context) -> str:
    """The rendered text. Raises TemplateError with file and line."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["uci"] = uci_quoted
    try:
        code = environment.compile(source.text, source.path, source.path)
        template = environment.template_class.from_code(
            environment, code, dict(environment.globals)
        )
        return _joined(source, template, context)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(source.path, error.lineno, str(error.message)) from error
    except (jinja2.TemplateError, *_FAILURES) as error:
        raise TemplateError(source.path, _line_of(error, source), str(error)) from error


def lines_of(rendered: str) -> tuple[str, ...]:
    """The lines that hold something: arguments or variables, one each."""
    return tuple(line.strip() for line in rendered.split("\n") if line.strip())


def uci_quoted(value: object) -> str:
    """`value` as a quoted word of a UCI file. Flags become 0 and 1."""
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "'\\''") + "'"


def _joined(source: Source, template: Any, context: Context) -> str:
    pieces: list[str] = []
    length = 0
    for piece in template.generate(context):
        pieces.append(piece)
        length += len(piece)
        if length > RENDERED_LONGEST:
            raise TemplateError(source.path, 0, f"more than {RENDERED_LONGEST} characters come out")
    return "".join(pieces)


def _line_of(error: BaseException, source: Source) -> int:
    """Jinja2 gives its frames the template's name and line. 0 if no frame is the template's."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((each.lineno or 0 for each in reversed(frames) if each.filename == source.path), 0)
