# SPDX-License-Identifier: GPL-2.0-or-later
"""The modems that can be simulated, by name."""

from __future__ import annotations

from remsim_lab.modems.model import Model
from remsim_lab.modems.table_fm350 import FM350
from remsim_lab.modems.table_generic import GENERIC
from remsim_lab.modems.table_l850 import L850

MODELS: dict[str, Model] = {model.name: model for model in (FM350, L850, GENERIC)}
