# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's ubus: codec, broker, client and command, all over the protocol that ubusd and libubus speak."""
