# SPDX-License-Identifier: GPL-2.0-or-later
"""The web of the lab's router: uhttpd's `/ubus`, rpcd's objects, LuCI's pages."""
