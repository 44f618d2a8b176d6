# SPDX-License-Identifier: GPL-2.0-or-later
"""Templates found and rendered: the shipped one, or root's own of the same name.

A file in /etc/remsim/templates counts only if nobody but root can have written it: regular, owned
by root (or by this very user, as in a build), writable by its owner alone, and so its directory.
One that does not is an error, not a silent return to the shipped one. A failed rendering writes
nothing: what is there stays in force.
"""

from __future__ import annotations

import os
import stat

from remsim.config.files import write_atomically
from remsim.config.render import (
    ClientTarget,
    Context,
    Source,
    Template,
    client_context,
    lines_of,
    render,
)
from remsim.config.values import Config
from remsim.errors import StorageError
from remsim.paths import Paths

SHIPPED_DIRECTORY = os.path.join(os.path.dirname(os.path.dirname(__file__)), "templates")
OWN_DIRECTORY = "/etc/remsim/templates"
TEMPLATE_LONGEST = 65_536  # bytes; the shipped ones have at most a few thousand
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def find(paths: Paths, template: Template) -> Source:
    """Root's own template if there is one, else the shipped one. Raises StorageError."""
    own = os.path.join(paths.at(OWN_DIRECTORY), template.value)
    shown = os.path.join(OWN_DIRECTORY, template.value)
    if os.path.lexists(own):
        _check_directory(paths.at(OWN_DIRECTORY))
        return Source(shown, _read_trusted(own, shown))
    shipped = os.path.join(SHIPPED_DIRECTORY, template.value)
    with open(shipped, encoding="utf-8") as file:
        return Source(shipped, file.read())


def rendered(paths: Paths, template: Template, context: Context) -> str:
    """Raises StorageError and TemplateError."""
    return render(find(paths, template), context)


def render_to_file(
    paths: Paths, template: Template, context: Context, target: str, mode: int = 0o644
) -> bool:
    """Whether `target` (a router path) changed. On any error it stays as it was."""
    return write_atomically(paths.at(target), rendered(paths, template, context), mode)


def client_argv(paths: Paths, config: Config, target: ClientTarget) -> tuple[str, ...]:
    """Program and arguments of the external client, for execve: no shell sees them."""
    return lines_of(rendered(paths, Template.CLIENT_ARGV, client_context(config, target)))


def client_variables(
    paths: Paths,
    config: Config,
    target: ClientTarget,
    gpio_numbers: dict[str, int] | None = None,
) -> tuple[tuple[str, str], ...]:
    """(name, value) pairs for the external client's environment."""
    context = client_context(config, target, gpio_numbers)
    pairs = (
        line.partition("=")
        for line in lines_of(rendered(paths, Template.CLIENT_ENVIRONMENT, context))
    )
    return tuple((name.strip(), value) for name, equals, value in pairs if equals)


def _check_directory(directory: str) -> None:
    if _is_foreign(os.stat(directory)):
        raise StorageError(OWN_DIRECTORY, "only root may be able to write here: chmod 755")


def _read_trusted(path: str, shown: str) -> str:
    """Judges the file that was opened, not a name that may change in between."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise StorageError(shown, error.strerror or str(error)) from error
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise StorageError(shown, "not a regular file")
        if _is_foreign(status):
            raise StorageError(shown, "only root may be able to write it: chown root, chmod 644")
        return _decoded(file.read(TEMPLATE_LONGEST + 1), shown)


def _is_foreign(status: os.stat_result) -> bool:
    return status.st_uid not in (0, os.geteuid()) or bool(status.st_mode & OTHERS_WRITE)


def _decoded(data: bytes, shown: str) -> str:
    if len(data) > TEMPLATE_LONGEST:
        raise StorageError(shown, f"longer than {TEMPLATE_LONGEST} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise StorageError(shown, "not valid UTF-8") from None
