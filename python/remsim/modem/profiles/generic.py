# SPDX-License-Identifier: GPL-2.0-or-later
"""Any modem that speaks 3GPP TS 27.007, and nothing but that. Used where no other record fits.

Restart by AT+CFUN=1,1; the SIM is read again by that restart, which works on every modem, if
slowly.
"""

from __future__ import annotations

from remsim.modem.profile import GENERIC, Profile

PROFILE = Profile(name=GENERIC, title="any 27.007 modem", source="3GPP TS 27.007")
