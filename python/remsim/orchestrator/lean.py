# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps a library's optional companions out of memory. For requests: it loads a guesser of text
encodings (3 MB and more), which answers in JSON never need.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imported_without(*names: str) -> Iterator[None]:
    """Inside, these modules cannot be imported, unless they are already. A library that insists on
    them raises ImportError.
    """
    blocked = [name for name in names if name not in sys.modules]
    for name in blocked:
        sys.modules[name] = None  # type: ignore[assignment] # the documented way to forbid an import
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # requests would warn that it cannot guess encodings
            yield
    finally:
        for name in blocked:
            sys.modules.pop(name, None)
