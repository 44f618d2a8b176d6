# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: all that a router has around remsim, on one Debian machine. Never on a router."""
