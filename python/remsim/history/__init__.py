# SPDX-License-Identifier: GPL-2.0-or-later
"""History: what is sampled (`series`, pure) and where it lies (`store`, SQLite)."""
