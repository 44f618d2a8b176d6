# SPDX-License-Identifier: GPL-2.0-or-later
"""remsim: keeps a router on a remote SIM online.

The package is what a router gets. It never knows whether it runs in the lab (`remsim_lab`).
"""

__version__ = "0.1.0"
