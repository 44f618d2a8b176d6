# SPDX-License-Identifier: GPL-2.0-or-later
"""Fibocom L850-GL as it answers in MBIM mode (2cb7:0007): ttyACM on interfaces 2 and 6, debug on 4.

Answers from ModemManager's tests (mm-modem-helpers-xmm.c) and obsy/modemdata 2cb70007.
"""

from __future__ import annotations

from remsim_lab.modems.model import Model, UsbInterface

L850 = Model(
    name="l850",
    usb_id="2cb7:0007",
    manufacturer="Fibocom",
    product="L850-GL",
    imei="015550009876543",
    interfaces=(
        UsbInterface(0, "net", "cdc_mbim"),
        UsbInterface(1, "other", "cdc_mbim"),
        UsbInterface(2, "at", "cdc_acm"),
        UsbInterface(3, "other", "cdc_acm"),
        UsbInterface(4, "tty", "cdc_acm"),
        UsbInterface(5, "other", "cdc_acm"),
        UsbInterface(6, "at", "cdc_acm"),
        UsbInterface(7, "other", "cdc_acm"),
    ),
    tty_prefix="ttyACM",
    reset_commands=("+CFUN=15", "+CFUN=1,1"),
    unknown_command="ERROR",
    leave_s=2.0,
    boot_s=18.0,
    silent_s=5.0,
    sim_s=6.0,
    register_s=4.0,
    rereads_sim_on_radio_cycle=False,
    has_cpinr=True,
    boot_urcs=("+XSIM: 2", "+PBREADY"),
    chatter=("+XREG: 0,1,BAND_LTE_3,0", "+CTZV: +8"),
    always={
        "I": ("L850 LTE Module", "V1.0"),
        "+CGMI": ('+CGMI: "Fibocom"',),
        "+CGMM": ('+CGMM: "L850 LTE Module"',),
        "+CGMR": ('+CGMR: "18500.5001.00.05.27.30"',),
        "+CGSN": ('+CGSN: "{imei}"',),
        "+GTUSBMODE?": ("+GTUSBMODE: 7",),
        "+MTSM=1": ("+MTSM: 42",),
        "+XACT?": ("+XACT: 4,2,1,1,2,4,5,8,101,102,103,104,105,107,108,112,113,117,118,120",),
        "+CEER": ('+CEER: "No cause information available"',),
    },
    with_sim={
        "+CCID": ("+CCID: {iccid}",),
        "+CIMI": ("{imsi}",),
    },
    registered={
        "+CSQ": ("+CSQ: 20,99",),
        "+CESQ": ("+CESQ: 99,99,255,255,24,51",),
        "+XCESQ?": ("+XCESQ: 0,99,99,255,255,24,51,18",),
        "+XLEC?": ("+XLEC: 0,2,5,3,BAND_LTE_3",),
        "+XMCI=1": (
            '+XMCI: 4,001,01,"0x1111","0x01234567","0x003D","0x000002BC","0x0000490C",'
            '"0xFFFFFFFF",36,21,26,"0x0000001C","0x00000000"',
        ),
        "+COPS?": ('+COPS: 0,0,"{operator}",7',),
        "+CGACT?": ("+CGACT: 0,0", "+CGACT: 1,1"),
        "+CGPADDR=1": ("+CGPADDR: 1,10.65.1.2",),
    },
    unregistered={
        "+CSQ": ("+CSQ: 99,99",),
        "+CESQ": ("+CESQ: 99,99,255,255,255,255",),
        "+XCESQ?": ("+XCESQ: 0,99,99,255,255,255,255,255",),
        "+XLEC?": ("+XLEC: 0,0",),
        "+COPS?": ("+COPS: 0",),
        "+CGACT?": ("+CGACT: 0,0", "+CGACT: 1,0"),
    },
)
