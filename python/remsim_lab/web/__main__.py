# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's web as a program, supervised by the lab.

python -m remsim_lab.web --root ROOT --socket SOCKET --port PORT --url-file FILE

FILE gets the address once it answers. Ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from remsim.clock import SystemClock
from remsim_lab.web.server import Web


def main() -> int:
    options = _parser().parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    url_file: Path = options.url_file
    try:
        with Web(options.root, options.socket, options.port, SystemClock(), _say) as web:
            fresh = url_file.with_suffix(".new")
            fresh.write_text(web.url, encoding="utf-8")
            fresh.rename(url_file)
            ended.wait()
    finally:
        url_file.unlink(missing_ok=True)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remsim_lab.web")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
