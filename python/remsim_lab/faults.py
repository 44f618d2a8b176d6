# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be broken in the lab, by name. Data only: `remsim-lab --help` and the lab share it."""

from __future__ import annotations

# Target -> ways to fail; the first is the default.
MODEM_WAYS = {
    "signal": "no coverage: not registered, the link loses its carrier",
    "hang": "answers nothing and carries nothing until its reset line, bus or power is used",
    "sim": "its SIM is not seen any more",
    "port": "leaves USB and stays away until its power is cycled",
    "link": "registered, but its link loses the carrier",
    "silent": "registered and up, but the link passes nothing",
    "loss": "every third packet is lost",
    "denied": "the network refuses the subscription",
    "roaming": "registered as a guest in another operator's network",
    "garbage": "noise on the AT port",
    "slow": "answers on the AT port come 6 s late",
}
IONMESH_WAYS = {
    "down": "nothing listens, connections are reset",
    "silent": "takes requests, never answers",
    "500": "answers 500",
    "slow": "a right answer, one byte a second",
    "nonsense": "200 with a login page",
    "huge": "an answer of 10 MB",
    "503": "no slots",
    "404": "knows nobody",
    "401": "refuses everybody",
    "cut": "closes in the middle of the answer",
    "forget": "restarts without its assignments (over at once)",
}
UBUS_WAYS = {"restart": "killed, started again at once", "down": "killed, until `restore`"}
DNS_WAYS = {
    "silent": "no answer",
    "failing": "SERVFAIL",
    "empty": "no such name",
}
REMSIMD_WAYS = {
    "kill": "SIGKILL; procd starts it again after 5 s",
    "term": "SIGTERM: it detaches and is started again",
}
REMSIM_SERVER_WAYS = {"down": "ends, and forgets its mappings; started again by `restore`"}
BANKD_WAYS = {
    "down": "ends, connections are closed",
    "silent": "takes commands, never answers",
    "slow": "answers after 2 s",
    "pull": "the cards are pulled out of their readers",
}
CLIENT_WAYS = {
    "kill": "SIGKILL; procd starts it again",
    "term": "SIGTERM: the card leaves the modem, and it is started again",
}

TARGETS: dict[str, dict[str, str]] = {
    "modem1": MODEM_WAYS,
    "modem2": MODEM_WAYS,
    "ionmesh": IONMESH_WAYS,
    "ubus": UBUS_WAYS,
    "dns": DNS_WAYS,
    "remsimd": REMSIMD_WAYS,
    "remsim-server": REMSIM_SERVER_WAYS,
    "bankd": BANKD_WAYS,
    "remsim-client": CLIENT_WAYS,
}
