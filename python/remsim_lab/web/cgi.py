# SPDX-License-Identifier: GPL-2.0-or-later
"""/cgi-bin/cgi-exec: the one program that LuCI runs in Save & Apply, which tells who asks.

Nothing is ever run here. Source: cgi-io main.c; recorded in
tests/vectors/openwrt/luci/save-apply.json.
"""

from __future__ import annotations

import json

from remsim_lab.web.bus import Bus
from remsim_lab.web.http import Request, Response, text_response

PATH = "/cgi-bin/cgi-exec"
PEER = "/usr/libexec/luci-peeraddr"
_PEER_ADDRESS = {
    "remote_addr": "127.0.0.1",
    "server_addr": "127.0.0.1",
    "inbound_devices": ["lo"],
    "inbound_interfaces": [],
}


def cgi_exec(bus: Bus, request: Request) -> Response:
    form = request.form
    status, _ = bus.ask("session", "access", {"ubus_rpc_session": form.get("sessionid", "")})
    if status or request.method != "POST" or form.get("command") != PEER:
        return Response(403, "Forbidden", (("Content-Type", "text/plain"),), b"Forbidden")
    return text_response("application/octet-stream", json.dumps(_PEER_ADDRESS))
