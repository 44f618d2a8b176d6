# SPDX-License-Identifier: GPL-2.0-or-later
"""TUN devices: raw IP without a gateway, as a modem's wwan device is.

The device lives as long as its descriptor is open and carries nothing but IP packets.
Source: Documentation/networking/tuntap.rst and include/uapi/linux/if_tun.h of the kernel.
"""

from __future__ import annotations

import fcntl
import os
import struct

from remsim_lab.network.namespace import Namespace

TUNSETIFF = 0x400454CA
TUNSETCARRIER = 0x400454E2  # since Linux 5.0
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000  # no packet information header before the IP header


def open_tun(namespace: Namespace, device: str) -> int:
    """A non-blocking descriptor of a new TUN device in `namespace`."""

    def inside() -> int:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI)
            fcntl.ioctl(descriptor, TUNSETIFF, request)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    return namespace.call(inside)


def set_carrier(descriptor: int, is_on: bool) -> None:
    """What `LOWER_UP` of `ip link` shows. Needs the device to be administratively up."""
    fcntl.ioctl(descriptor, TUNSETCARRIER, struct.pack("i", is_on))
