# SPDX-License-Identifier: GPL-2.0-or-later
"""A modem that knows 27.007 and nothing else, behind an id that no table has (test vendor)."""

from __future__ import annotations

from remsim_lab.modems.model import Model, UsbInterface

GENERIC = Model(
    name="generic",
    usb_id="dead:beef",
    manufacturer="Lab",
    product="Lab Modem",
    imei="004400152020000",
    interfaces=(UsbInterface(0, "net", "cdc_ether"), UsbInterface(2, "at", "option")),
    tty_prefix="ttyUSB",
    reset_commands=("+CFUN=1,1",),
    unknown_command="ERROR",
    leave_s=1.0,
    boot_s=10.0,
    silent_s=3.0,
    sim_s=3.0,
    register_s=3.0,
    rereads_sim_on_radio_cycle=False,
    has_cpinr=True,
    boot_urcs=("RDY", "+CPIN: READY", "SMS Ready"),
    chatter=("+CTZV: +4",),
    always={
        "I": ("Lab Modem",),
        "+CGMI": ("Lab",),
        "+CGMM": ("{product}",),
        "+CGMR": ("Revision: 1.0",),
        "+CGSN": ("{imei}",),
        "+CEER": ("No cause information available",),
    },
    with_sim={"+CCID": ("+CCID: {iccid}",), "+CIMI": ("{imsi}",)},
    registered={
        "+CSQ": ("+CSQ: 18,99",),
        "+CESQ": ("+CESQ: 99,99,255,255,20,80",),
        "+COPS?": ('+COPS: 0,0,"{operator}",7',),
        "+CGACT?": ("+CGACT: 1,1",),
        "+CGPADDR=1": ('+CGPADDR: 1,"10.66.1.2"',),
    },
    unregistered={
        "+CSQ": ("+CSQ: 99,99",),
        "+CESQ": ("+CESQ: 99,99,255,255,255,255",),
        "+COPS?": ("+COPS: 0",),
        "+CGACT?": (),
    },
)
