# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules named like OpenWrt's Python bindings, for machines that have none of them."""
