# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets that leave by one chosen link, and what is asked over them: names, time, echoes."""
