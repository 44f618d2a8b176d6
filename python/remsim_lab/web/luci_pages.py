# SPDX-License-Identifier: GPL-2.0-or-later
"""LuCI's pages below /cgi-bin/luci: login, page shell, menu, translations, Save & Apply, logout.

Source: LuCI's dispatcher.uc and its controllers; recorded traffic in
tests/vectors/openwrt/luci/save-apply.json.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remsim.clock import Clock
from remsim_lab.ubus import wire
from remsim_lab.web.bus import Bus
from remsim_lab.web.http import Request, Response, error_response, text_response
from remsim_lab.web.jsonrpc import NULL_SESSION
from remsim_lab.web.luci_config import LuciConfig
from remsim_lab.web.menu import Menu, Page, permission
from remsim_lab.web.shell import Shell, View
from remsim_lab.web.translations import catalogue, script

SCRIPT = "/cgi-bin/luci"
COOKIE = "sysauth_http"
TOKEN_BYTES = 16
NO_CACHE = ("Cache-Control", "no-cache")
LOGIN_REQUIRED = ("X-LuCI-Login-Required", "yes")
HTML, JSON = "text/html; charset=UTF-8", "application/json; charset=UTF-8"
ALIASES_MAX = 8
# What a ubus status is as an HTTP answer (controller/admin/uci.uc).
HTTP_OF_STATUS = {
    wire.OK: (200, "OK"),
    wire.INVALID_COMMAND: (400, "Invalid command"),
    wire.INVALID_ARGUMENT: (400, "Invalid argument"),
    wire.METHOD_NOT_FOUND: (404, "Method not found"),
    wire.NOT_FOUND: (404, "Not found"),
    wire.NO_DATA: (204, "No data"),
    wire.PERMISSION_DENIED: (403, "Permission denied"),
    wire.TIMEOUT: (504, "Timeout"),
    wire.CONNECTION_FAILED: (503, "Connection failed"),
}


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks."""

    sid: str
    username: str
    token: str
    groups: Mapping[str, Sequence[str]]


class LuciPages:
    """`version` goes into the addresses of scripts, so that a new one is loaded anew."""

    def __init__(self, root: Path, bus: Bus, clock: Clock, version: str) -> None:
        self._root = root
        self._bus = bus
        self._clock = clock
        self._shell = Shell(root, version)
        self._functions: Mapping[str, Callable[[Request, Page, Login | None], Response]] = {
            "action_translations": self._translations,
            "action_menu": self._menu,
            "action_logout": self._logout,
            "action_apply_rollback": self._apply_rollback,
            "action_apply_unchecked": self._apply_unchecked,
            "action_confirm": self._confirm,
            "action_revert": self._revert,
        }

    def answer(self, request: Request) -> Response:
        path = [part for part in request.path.removeprefix(SCRIPT).split("/") if part]
        return self._dispatch(request, path, ALIASES_MAX)

    def _dispatch(self, request: Request, path: Sequence[str], left: int) -> Response:
        menu = Menu(self._root)
        login = self._login_of(request)
        page = menu.resolve(path, None if login is None else login.groups)
        if page.auth.get("methods") and login is None:
            if not page.auth.get("login"):
                return _forbidden(LOGIN_REQUIRED)
            return self._log_in(request, page)
        may_write = permission(page.groups, {} if login is None else login.groups)
        if may_write is None:
            return _forbidden()
        action = page.action
        if action.get("post") and (refusal := _post_refusal(request, login)):
            return refusal
        if action["type"] == "alias" and left:
            return self._dispatch(request, action["path"].split("/"), left - 1)
        return self._run(request, path, page, login, may_write)

    def _run(
        self,
        request: Request,
        asked: Sequence[str],
        page: Page,
        login: Login | None,
        may_write: bool,
    ) -> Response:
        action = page.action
        function = self._functions.get(action.get("function", ""))
        if action["type"] == "function" and function is not None:
            return function(request, page, login)
        if action["type"] != "view" or login is None:
            missing = f"No page is registered at '/{'/'.join(asked)}'."
            return error_response(404, "Not Found", missing)
        node = {**page.node, "readonly": not may_write}
        view = View(action["path"], node, page.path, asked, login.sid, login.token)
        text = self._shell.page(view, self._config(request), "/" + "/".join(asked))
        return text_response(HTML, text, NO_CACHE)

    def _config(self, request: Request) -> LuciConfig:
        return LuciConfig.of(self._root, request.headers.get("accept-language", ""))

    # --- sessions ---

    def _ask(self, path: str, method: str, **arguments: object) -> tuple[int, dict[str, Any]]:
        return self._bus.ask(path, method, dict(arguments))

    def _login_of(self, request: Request) -> Login | None:
        sid = request.cookies.get(COOKIE)
        if not sid:
            return None
        _, held = self._ask("session", "get", ubus_rpc_session=sid)
        values = held.get("values", {})
        if not isinstance(values.get("token"), str):
            return None
        _, grants = self._ask("session", "access", ubus_rpc_session=sid)
        groups = grants.get("access-group", {})
        return Login(sid, str(values.get("username")), values["token"], groups)

    def _log_in(self, request: Request, page: Page) -> Response:
        form = request.form
        username, password = form.get("luci_username"), form.get("luci_password")
        if username is None or password is None:
            return self._login_page(request, None)
        timeout_s = self._config(request).session_s
        wanted = {"username": username, "password": password, "timeout": timeout_s}
        status, made = self._ask("session", "login", **wanted)
        if status:
            return self._login_page(request, username)
        sid = str(made["ubus_rpc_session"])
        values = {"token": secrets.token_hex(TOKEN_BYTES)}
        self._ask("session", "set", ubus_rpc_session=sid, values=values)
        cookie = f"{COOKIE}={sid}; path={SCRIPT}/; SameSite=strict; HttpOnly"
        where = request.target.partition("?")[0]
        headers = (("Content-Type", HTML), ("Location", where), ("Set-Cookie", cookie), NO_CACHE)
        return Response(302, "Found", headers)

    def _login_page(self, request: Request, failed_username: str | None) -> Response:
        text = self._shell.login(self._config(request), failed_username)
        return Response(403, "Forbidden", (*_html(), LOGIN_REQUIRED), text.encode())

    def _logout(self, _request: Request, _page: Page, login: Login | None) -> Response:
        if login is not None:
            self._ask("session", "destroy", ubus_rpc_session=login.sid)
        gone = f"{COOKIE}=; expires=Thu, 01 Jan 1970 01:00:00 GMT; path={SCRIPT}/"
        headers = (*_html(), ("Location", f"{SCRIPT}/"), ("Set-Cookie", gone))
        return Response(302, "Found", headers)

    # --- scripts ---

    def _translations(self, _request: Request, page: Page, _login: Login | None) -> Response:
        language = page.rest[0] if page.rest else "en"
        text = script(catalogue(self._root, language)) if language.isascii() else script({})
        return text_response("application/javascript; charset=UTF-8", text, NO_CACHE)

    def _menu(self, _request: Request, _page: Page, login: Login | None) -> Response:
        tree = Menu(self._root).for_login({} if login is None else login.groups)
        return text_response(JSON, json.dumps(tree), NO_CACHE)

    # --- Save & Apply ---

    def _apply_rollback(self, request: Request, _page: Page, login: Login | None) -> Response:
        if login is None:
            return _forbidden()
        limit_s = self._config(request).rollback_s
        wanted = {"ubus_rpc_session": login.sid, "timeout": limit_s, "rollback": True}
        status, _ = self._ask("uci", "apply", **wanted)
        if status:
            return _as_http(status)
        token = secrets.token_hex(TOKEN_BYTES)
        until = int(self._clock.wall()) + limit_s
        pending = {"token": token, "session": login.sid, "timeout": until}
        self._keep_pending(pending)
        return text_response(JSON, json.dumps({"token": token}), NO_CACHE)

    def _apply_unchecked(self, _request: Request, _page: Page, login: Login | None) -> Response:
        if login is None:
            return _forbidden()
        _, pending = self._ask("uci", "changes", ubus_rpc_session=login.sid)
        for config in pending.get("changes", {}):
            status, _ = self._ask("uci", "commit", ubus_rpc_session=login.sid, config=config)
            if status:
                return _as_http(status)
        status, _ = self._ask("uci", "apply", ubus_rpc_session=login.sid, rollback=False)
        return _as_http(status)

    def _confirm(self, request: Request, _page: Page, _login: Login | None) -> Response:
        """By whoever knows the token: the login may have been lost on the way."""
        pending = self._pending()
        if pending is None:
            return _as_http(wire.NO_DATA)
        if request.form.get("token") != pending["token"]:
            return _as_http(wire.PERMISSION_DENIED)
        status, _ = self._ask("uci", "confirm", ubus_rpc_session=pending["session"])
        if status == wire.OK:
            self._keep_pending({})
        return _as_http(status)

    def _revert(self, _request: Request, _page: Page, login: Login | None) -> Response:
        if login is None:
            return _forbidden()
        status, pending = self._ask("uci", "changes", ubus_rpc_session=login.sid)
        for config in pending.get("changes", {}):
            status, _ = self._ask("uci", "revert", ubus_rpc_session=login.sid, config=config)
            if status:
                break
        return _as_http(status)

    def _pending(self) -> Mapping[str, Any] | None:
        """The apply that waits for a confirmation; kept in the default session, as LuCI does."""
        keys = {"ubus_rpc_session": NULL_SESSION, "keys": ["rollback"]}
        _, held = self._ask("session", "get", **keys)
        pending = held.get("values", {}).get("rollback")
        if not isinstance(pending, dict) or pending.get("timeout", 0) < int(self._clock.wall()):
            return None
        return pending

    def _keep_pending(self, pending: Mapping[str, object]) -> None:
        values = {"rollback": dict(pending)}
        self._ask("session", "set", ubus_rpc_session=NULL_SESSION, values=values)


def _html() -> tuple[tuple[str, str], ...]:
    return (("Content-Type", HTML), NO_CACHE)


def _forbidden(*more: tuple[str, str]) -> Response:
    return Response(403, "Forbidden", (*_html(), *more))


def _as_http(status: int) -> Response:
    code, reason = HTTP_OF_STATUS.get(status, (500, wire.status_text(status)))
    if code == 204:
        return Response(code, reason, _html())
    return Response(code, reason, (("Content-Type", "text/plain"), NO_CACHE), reason.encode())


def _post_refusal(request: Request, login: Login | None) -> Response | None:
    """Actions need a POST with the session's token, so that no other site can ask for them."""
    if request.method != "POST":
        return Response(405, "Method Not Allowed", (("Allow", "POST"), NO_CACHE))
    if login is None or request.form.get("token") != login.token:
        return _forbidden()
    return None
