# SPDX-License-Identifier: GPL-2.0-or-later
"""Fibocom FM350-GL as it answers on USB in mode 41 (0e8d:7127).

Taken from the notes of francesco-stimola (device-verified) and obsy/modemdata 0e8d7126: blanks
after commas and before a colon, quotes around names, <AcT> 13 on LTE, no +CPINR, AT+GTCAINFO
unanswered, `AT+CFUN=15` with its 49 and 28 seconds.
"""

from __future__ import annotations

from remsim_lab.modems.model import Model, UsbInterface

FM350 = Model(
    name="fm350",
    usb_id="0e8d:7127",
    manufacturer="Fibocom Wireless Inc.",
    product="FM350-GL",
    imei="863123040012343",
    interfaces=(
        UsbInterface(0, "net", "rndis_host"),
        UsbInterface(1, "other", "rndis_host"),
        UsbInterface(2, "tty", "option"),
        UsbInterface(3, "tty", "option"),
        UsbInterface(4, "tty", "option"),
        UsbInterface(5, "other"),
        UsbInterface(6, "at", "option"),
        UsbInterface(7, "tty", "option"),
        UsbInterface(8, "tty", "option"),
        UsbInterface(9, "tty", "option"),
    ),
    tty_prefix="ttyUSB",
    reset_commands=("+CFUN=15",),
    unknown_command="+CME ERROR: 100",
    leave_s=49.0,
    boot_s=28.0,
    silent_s=0.0,
    sim_s=4.0,
    register_s=3.0,
    rereads_sim_on_radio_cycle=True,
    has_cpinr=False,
    boot_urcs=("+ESIMS: 1,29", "+CIREPI: 1", "+EONSNWNAME: 0", "+CTZV: +8,1"),
    chatter=("+CIREPI: 1", "+EDSBP: 0,1,2", "+CTZV: +8,1", "+EMCFRPT: 1", "+CNEMIU: 0"),
    always={
        "I": (
            "Manufacturer: {manufacturer}",
            "Model: {product}",
            "Revision: 81600.0000.00.29.22.06",
            "IMEI: {imei}",
        ),
        "+CGMI": ("{manufacturer}",),
        "+CGMM": ("{product}",),
        "+CGMM?": ('+CGMM: "{product}"',),
        "+CGMR": ("81600.0000.00.29.22.06",),
        "+CGMR?": ('+CGMR: "81600.0000.00.29.22.06"',),
        "+GMR?": ('+GMR: "81600.0000.00.29.22.06"',),
        "+CGSN": ("{imei}",),
        "+GTPKGVER?": ('+GTPKGVER: "81600.0000.00.29.22.06_5006.0000.065.006.048_E09"',),
        "+GTUSBMODE?": ("+GTUSBMODE: 41",),
        "+GTUSBMODE=?": ("+GTUSBMODE: (40,41)",),
        "+GTSENRDTEMP=1": ("+GTSENRDTEMP: 1,45300",),
        "+GTDUALSIM?": ('+GTDUALSIM : 0, "SUB1", "NO SERVICE"',),
        "+MSMPD?": ("+MSMPD: 1",),
        "+GTFCCLOCKMODE?": ("+GTFCCLOCKMODE: 0",),
        "+GTFCCEFFSTATUS?": ("+GTFCCEFFSTATUS: 0,1",),
        "+GTCAINFO?": None,
        "+CEER": ("+CEER: 0,NONE",),
    },
    with_sim={
        "+EPINC?": ("+EPINC: {tries}, 3, {puk_tries}, 10",),
        "+ICCID": ("+ICCID: {iccid}f",),
        "+CCID": ("+CCID: {iccid}f",),
        "+CIMI": ("{imsi}",),
    },
    registered={
        "+CSQ": ("+CSQ: 11, 99",),
        "+CESQ": ("+CESQ: 17,99,255,255,22,60,255,255,255",),
        "+COPS?": ('+COPS: 0,0,"{operator}",13',),
        "+GTCCINFO?": (
            "+GTCCINFO:",
            "LTE service cell:",
            "1,4,001,01,{tac},{cell},1300,358,103,100,13,60,60,22",
            "LTE neighbor cell:",
            "2,4,,,FFFF,00FFFFFFF,1300,359,100,50,52,18",
        ),
        "+CGACT?": ("+CGACT: 1,1",),
        "+CGPADDR=1": ('+CGPADDR: 1,"10.64.1.2",""',),
        "+GTDNS=1": ('+GTDNS: 1,"10.64.1.1","10.64.1.1"',),
    },
    unregistered={
        "+CSQ": ("+CSQ: 99, 99",),
        "+CESQ": ("+CESQ: 99,99,255,255,255,255,255,255,255",),
        "+COPS?": ('+COPS:0,255,"",0',),
        "+GTCCINFO?": ("+GTCCINFO:",),
        "+CGACT?": ("+CGACT: 1,0",),
    },
)
