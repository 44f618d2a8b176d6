# SPDX-License-Identifier: GPL-2.0-or-later
"""Fibocom's Qualcomm line (NL668, NL678, FM101, FM135,
FM150, FG150, FM160) and UNISOC line (FM650, FG650, FG621).

Sources: ModemManager 77-mm-fibocom-port-types.rules and Linux option.c (ids, interfaces);
FUjr/QModem vendor/fibocom.sh (commands). Some documents call 2cb7:0a05 an FM350 and 2cb7:01a0 an
L850; they are these instead. A USB mode number means something else on each platform, so remsim
never writes one.
"""

from __future__ import annotations

from remsim.modem import commands as c
from remsim.modem.at import Expect
from remsim.modem.commands import Command
from remsim.modem.profile import Composition, Profile
from remsim.modem.profiles.fm350 import GTCCINFO
from remsim.modem.profiles.l850 import parse_mtsm

_MTSM = Command(
    "temperature",
    "AT+MTSM=1,6",
    Expect(("+MTSM",)),
    parse_mtsm,
    "temperature of the module",
    "QModem vendor/fibocom.sh",
)
_MTSM_PLAIN = Command(
    "temperature",
    "AT+MTSM=1",
    Expect(("+MTSM",)),
    parse_mtsm,
    "temperature of the module, UNISOC",
    "QModem vendor/fibocom.sh",
)

PROFILE = Profile(
    name="fibocom",
    title="Fibocom, Qualcomm and UNISOC lines",
    source="FUjr/QModem vendor/fibocom.sh",
    compositions=(
        Composition("2cb7:01a0", at_interfaces=(2, 3)),  # NL668-AM, NL652-EU laptop
        Composition("2cb7:0104", at_interfaces=(1, 2)),  # FM150, FM190, NL678
        Composition("2cb7:0105"),  # NL678
        Composition("2cb7:010b"),  # FG150
        Composition("2cb7:0111"),  # FM160
        Composition("2cb7:0115", at_interfaces=(3,)),  # FM135
        Composition("2cb7:01a2", at_interfaces=(2, 3)),  # FM101, MBIM
        Composition("2cb7:01a4", at_interfaces=(3,)),  # FM101, ADB
        Composition("2cb7:0a04"),  # FM650/FG650, FG621: ECM, NCM, RNDIS, MBIM
        Composition("2cb7:0a05"),
        Composition("2cb7:0a06"),
        Composition("2cb7:0a07"),
        Composition("1508:1001"),  # NL668, QMI on interface 4
    ),
    models=("NL668", "NL652", "NL678", "FM1", "FG1", "FM650", "FG6"),
    reset=c.action("AT+CFUN=15", "restart", "QModem vendor/fibocom.sh"),
    slot_select="AT+GTDUALSIM={slot}",
    signal=(GTCCINFO, c.CESQ, c.CSQ),
    iccid=(c.CCID, c.ICCID),
    temperature=(_MTSM, _MTSM_PLAIN),
)
