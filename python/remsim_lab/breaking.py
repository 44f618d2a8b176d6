# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaking and mending the running lab: what `remsim-lab fail`, `restore` and `delay` do."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from remsim.model import Role
from remsim_lab.desk import LabError, Say
from remsim_lab.faults import TARGETS
from remsim_lab.ionmesh_answers import Fault
from remsim_lab.network.dns import DnsMood

if TYPE_CHECKING:
    from remsim_lab.lab import Lab

_IONMESH = {
    "down": Fault.DOWN,
    "silent": Fault.SILENT,
    "500": Fault.ERROR_500,
    "slow": Fault.DRIP,
    "nonsense": Fault.NOT_JSON,
    "huge": Fault.HUGE,
    "503": Fault.NO_SLOTS,
    "404": Fault.NOT_FOUND,
    "401": Fault.REFUSE,
    "cut": Fault.CUT,
}
_DNS = {"silent": DnsMood.SILENT, "failing": DnsMood.FAILING, "empty": DnsMood.EMPTY}
_REMOTE_SIM = ("remsim-server", "bankd", "remsim-client")


class Breakage:
    """Remembers what is broken, so that `restore` without a target mends exactly that."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._broken: dict[str, str] = {}

    @property
    def broken(self) -> dict[str, str]:
        """Target -> way."""
        return dict(self._broken)

    def fail(self, target: str, kind: str | None, say: Say) -> None:
        ways = TARGETS.get(target)
        if ways is None:
            raise LabError(f"{target!r} is none of {', '.join(TARGETS)}")
        kind = kind or next(iter(ways))
        if kind not in ways:
            raise LabError(f"{target} can fail by {', '.join(ways)}, not by {kind!r}")
        if target in self._broken:
            self._mend(target)
        self._break(target, kind)
        self._broken[target] = kind
        say(f"{target}: {ways[kind]}")

    def restore(self, target: str | None, say: Say) -> None:
        for each in list(self._broken) if target is None else [target]:
            self._mend(each)
            self._broken.pop(each, None)
            say(f"{each}: mended")

    def delay(self, role: Role, delay_ms: float, say: Say) -> None:
        self._lab.network.carrier(role).delay(delay_ms)
        self._broken.setdefault(role.value, "delay")
        say(f"{role.value}: {delay_ms:g} ms more in each direction")

    def _break(self, target: str, kind: str) -> None:
        lab = self._lab
        if target == "ionmesh":
            self._break_ionmesh(kind)
        elif target == "dns":
            lab.network.dns.mood = _DNS[kind]
        elif target == "ubus":
            lab.ubusd.pause() if kind == "down" else lab.ubusd.kill()
        elif target == "remsimd":
            lab.remsimd.kill(signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        elif target in _REMOTE_SIM:
            self._break_remote_sim(target, kind)
        else:
            lab.modem(Role(target)).fail(kind)

    def _break_ionmesh(self, kind: str) -> None:
        mesh = self._lab.mesh
        if kind == "forget":
            self._lab.among_servers(lambda: mesh.restart(lose_state=True))
        else:
            mesh.fail(_IONMESH[kind])

    def _break_remote_sim(self, target: str, kind: str) -> None:
        lab = self._lab
        if not lab.has_remote_sim:
            raise LabError(f"{target}: this lab has no SIM bank")
        if target == "remsim-server":
            lab.bank_side.fail_server()
        elif target == "bankd":
            lab.bank_side.fail_bankd(kind)
        else:
            lab.client.kill(signal.SIGKILL if kind == "kill" else signal.SIGTERM)

    def _mend(self, target: str) -> None:
        lab = self._lab
        if target == "ionmesh":
            lab.among_servers(lab.mesh.restore)
        elif target == "dns":
            lab.network.dns.mood = DnsMood.WELL
        elif target == "ubus":
            lab.ubusd.resume()
        elif target == "remsim-server":
            lab.among_servers(lab.bank_side.mend_server)
        elif target == "bankd":
            lab.among_servers(lab.bank_side.mend_bankd)
        elif target in (role.value for role in Role):
            lab.modem(Role(target)).restore()
