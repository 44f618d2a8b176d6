# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network: a router with two modem links, a carrier behind each, servers, a LAN.

Never installed on a router. `topology` is the entry: `with Topology(name) as net: ...`.
"""
