# SPDX-License-Identifier: GPL-2.0-or-later
"""A short-lived command: the external C client's arguments and environment, as JSON on stdout.

    python3 -m remsim.config.external --root DIR

A process of its own because Jinja2 has no place in the daemon's memory. Exit codes: 0 printed,
1 something is wrong (said on stderr), 2 usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from remsim.config import store
from remsim.config.render import configured_target
from remsim.config.templates import client_argv, client_variables
from remsim.errors import RemsimError
from remsim.paths import Paths


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "--root":
        print("usage: python3 -m remsim.config.external --root DIR", file=sys.stderr)
        return 2
    paths = Paths(arguments[1])
    config = store.load_file(paths).config or store.last_accepted(paths)
    if config is None:
        print("there is no usable configuration", file=sys.stderr)
        return 1
    try:
        target = configured_target(config)
        made = {
            "argv": client_argv(paths, config, target),
            "environment": client_variables(paths, config, target),
        }
    except RemsimError as error:
        print(error.reason, file=sys.stderr)
        return 1
    print(json.dumps(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
