# SPDX-License-Identifier: GPL-2.0-or-later
"""The other ends of RSPRO for the lab: server, bank with virtual cards, and their misbehaviour."""
