# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: everything a router has around remsim, simulated on one Debian machine. Never installed on a router."""
