# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML around a page: what LuCI's theme bootstrap and its header template give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from remsim_lab.web.luci_config import LuciConfig
from remsim_lab.web.translations import catalogue, translated

SCRIPT = "/cgi-bin/luci"
MEDIA, RESOURCE = "/luci-static/bootstrap", "/luci-static/resources"
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class View:
    """`name` as in remsim/overview."""

    name: str
    node: Mapping[str, object]
    path: Sequence[str]
    requested: Sequence[str]
    sid: str
    token: str


class Shell:
    def __init__(self, root: Path, version: str) -> None:
        self._root = root
        self._version = version
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, view: View, config: LuciConfig, path_info: str) -> str:
        environment = {
            **self._environment(config, path_info),
            "requestpath": list(view.requested),
            "dispatchpath": list(view.path),
            "sessionid": view.sid,
            "token": view.token,
            "nodespec": dict(view.node),
        }
        title = str(view.node.get("title", ""))
        return self._render("view.html.j2", config, environment, view=view, page_title=title)

    def login(self, config: LuciConfig, failed_username: str | None) -> str:
        environment = {
            **self._environment(config, "/"),
            "requestpath": [],
            "dispatchpath": [],
            "nodespec": {},
        }
        return self._render(
            "login.html.j2", config, environment, failed_username=failed_username, page_title=""
        )

    def _environment(self, config: LuciConfig, path_info: str) -> dict[str, object]:
        """L.env."""
        return {
            "media": MEDIA,
            "resource": RESOURCE,
            "scriptname": SCRIPT,
            "pathinfo": path_info,
            "documentroot": "/www",
            "pollinterval": config.poll_s,
            "ubuspath": "/ubus/",
            "apply_rollback": config.rollback_s,
            "apply_holdoff": config.holdoff_s,
            "apply_timeout": config.confirm_timeout_s,
            "apply_display": config.display_s,
            "rollback_token": None,
        }

    def _render(
        self, name: str, config: LuciConfig, environment: Mapping[str, object], **more: object
    ) -> str:
        texts = catalogue(self._root, config.language)
        script = Markup(json.dumps(environment).replace("/", "\\/"))
        return self._templates.get_template(name).render(
            environment=script,
            language=config.language,
            media=MEDIA,
            resource=RESOURCE,
            script=SCRIPT,
            version=self._version,
            _=lambda text: translated(texts, text),
            **more,
        )
