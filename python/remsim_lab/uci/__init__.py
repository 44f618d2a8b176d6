# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's uci: libuci's files, deltas and command in pure Python."""
