# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's ubus: codec, broker, client, command, in the protocol of ubusd and libubus."""
