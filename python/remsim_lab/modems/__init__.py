# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated modems on pseudo-terminals, with their USB devices in a simulated sysfs.

`SimulatedModem` is what the lab uses; `SimulatedCore` is the modem without any device, for tests
that move the clock. Nothing here imports the product: it must not understand AT the way the product
does.
"""

from __future__ import annotations

from remsim_lab.modems.cards import SimCard
from remsim_lab.modems.core import SimulatedCore
from remsim_lab.modems.device import SimulatedModem
from remsim_lab.modems.model import Model
from remsim_lab.modems.tables import MODELS

__all__ = ["MODELS", "Model", "SimCard", "SimulatedCore", "SimulatedModem"]
