# SPDX-License-Identifier: GPL-2.0-or-later
"""`usb.util`: an interface is claimed by connecting to each of its endpoints."""

from __future__ import annotations

from .core import Device


def claim_interface(device: Device, interface: int) -> None:
    """USBError if the board is gone."""
    device.claim(interface)


def dispose_resources(device: Device) -> None:
    device.release()
