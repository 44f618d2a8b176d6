# SPDX-License-Identifier: GPL-2.0-or-later
"""Imported first by the client and the daemon: keeps 1 MB of unused library out of them.

`dataclasses` imports `inspect` (which brings ast, dis and tokenize) only to write signatures into
docstrings. A stand-in does without them; whoever asks it for anything else gets the real module.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

EARLY_COLLECTION = 200  # objects; classes with slots are made twice, the first is garbage at once


class _Inspect(ModuleType):
    """What dataclasses calls, and a way to the rest."""

    @staticmethod
    def signature(_: object) -> str:
        return "(...)"

    @staticmethod
    def unwrap(function: Callable[..., Any]) -> Callable[..., Any]:
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        return function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        import inspect

        return getattr(inspect, name)


def begin() -> None:
    """Before the imports of a process that is to stay small."""
    gc.set_threshold(EARLY_COLLECTION, 5, 5)
    if "inspect" not in sys.modules and "dataclasses" not in sys.modules:
        sys.modules["inspect"] = _Inspect("inspect")


def end() -> None:
    """After them: what is loaded now stays, and need not be looked at again by the collector."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 10)


begin()
