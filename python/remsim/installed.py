# SPDX-License-Identifier: GPL-2.0-or-later
"""Which build this is: version, and when it was made. Written by the packages' install recipe.

The date is a lower bound of the true time for certificates, so it must never be later than the
build; a source tree has no build file, and the date of this file stands in for it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from remsim import __version__

_PACKAGE_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
BUILD_FILE = os.path.join(os.path.dirname(_PACKAGE_DIRECTORY), "build")


@dataclass(frozen=True, slots=True)
class Build:
    """`version` with the package's release ("0.1.0-r1"); `made_at_s` seconds since 1970."""

    version: str
    made_at_s: float


def this_build(build_file: str = BUILD_FILE) -> Build:
    """The installed build; of a source tree, its version and the age of this file."""
    try:
        with open(build_file, encoding="ascii") as file:
            version, made_at = file.read().split()
        return Build(version, float(made_at))
    except (OSError, ValueError):
        return Build(__version__, os.stat(__file__).st_mtime)
