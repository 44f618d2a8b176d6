# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-in for pyusb, over the lab's USB: names and exceptions are those of pyusb 1.x, as far as
the product uses them. The one device is the SIMtrace2 board at the socket that REMSIM_LAB_USB names
(`remsim_lab.rspro.usb_board`); without it nothing is plugged in.
"""
