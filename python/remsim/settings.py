# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration as each part wants it: one frozen settings object for each. Pure.

The only place where option names meet the parts' own words; no part knows a UCI name.
"""

from __future__ import annotations

from dataclasses import dataclass

from remsim.card.vpcd import VpcdSettings
from remsim.client_settings import Backend, ClientSettings, FrontEndKind, Simtrace2Settings
from remsim.config.values import Config
from remsim.failover.policy import Policy
from remsim.gpio.api import LineSettings, parse_line, power_line
from remsim.model import Role, Step
from remsim.modem.settings import ModemSettings
from remsim.orchestrator.api import OrchestratorSettings, TlsSettings
from remsim.paths import Paths
from remsim.routing.plan import LinkRouting, RoutingMode, RoutingSettings
from remsim.rspro.link import Endpoint
from remsim.rspro.messages import BankSlot, ClientSlot
from remsim.rspro.session import Bank
from remsim.rspro.tls import TlsSettings as RsproTls

SIGNAL_UNWATCHED_S = 86_400.0  # monitoring.signal_monitoring is 0: once a day, for the record
ALWAYS_POSSIBLE = (Step.INTERFACE, Step.RADIO, Step.AT_RESET, Step.BUS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the daemon is built from."""

    enabled: bool
    debug: bool
    syslog: bool
    policy: Policy
    orchestrator: OrchestratorSettings | None
    routing: RoutingSettings
    lines: tuple[LineSettings, ...]
    modems: tuple[ModemSettings, ...]
    interfaces: tuple[tuple[Role, str], ...]
    client_id: str
    front_end: str
    client: ClientSettings | None

    def interface(self, role: Role) -> str:
        return dict(self.interfaces)[role]


def build(config: Config, paths: Paths, hostname: str, build_time_s: float) -> Settings:
    """Raises ConfigError where only the parts know what fits together (marks, GPIO lines)."""
    roles = (Role.PRIMARY, Role.IOT) if config.flag("modems.dual_modem") else (Role.PRIMARY,)
    client_id = _client_id(config, hostname)
    routing = _routing(config)
    for role in roles:
        routing.marks.of(role)  # refuses marks that do not fit, before anything is started
    return Settings(
        enabled=config.flag("service.enabled"),
        debug=config.flag("logging.debug"),
        syslog=config.flag("logging.syslog"),
        policy=policy(config),
        orchestrator=_orchestrator(config, paths, client_id, build_time_s),
        routing=routing,
        lines=tuple(line for role in roles for line in _lines(config, role)),
        modems=tuple(_modem(config, role) for role in roles),
        interfaces=tuple((role, _interface(config, role)) for role in roles),
        client_id=client_id,
        front_end=_front_end(config),
        client=_client(config, paths),
    )


def policy(config: Config) -> Policy:
    """Failover's numbers."""
    prefer = Role.IOT if config.flag("routing.force_iot_routing") else Role.PRIMARY
    return Policy(
        orchestrated=config.flag("ionmesh.enabled"),
        dual_modem=config.flag("modems.dual_modem"),
        prefer=prefer if config.flag("modems.dual_modem") else Role.PRIMARY,
        heartbeat_interval_s=config.number("heartbeat.interval"),
        heartbeat_timeout_s=config.number("heartbeat.timeout"),
        min_interval_s=config.number("heartbeat.min_interval"),
        max_interval_s=config.number("heartbeat.max_interval"),
        grace_s=config.number("heartbeat.grace"),
        hold_down_s=config.number("failover.hold_down"),
        iot_reset_after_s=config.number("failover.iot_reset_after"),
        primary_reset_after_s=config.number("failover.primary_reset_after"),
        both_reset_after_s=config.number("failover.both_reset_after"),
        backoff_max_s=config.number("failover.backoff_max"),
        probe_targets=config.items("failover.probe_targets"),
        probe_timeout_s=config.number("failover.probe_timeout"),
        local_fallback=config.flag("failover.local_fallback"),
        local_fallback_after_s=config.number("failover.local_fallback_after"),
        remote_possible=_front_end(config) != "none",
        follows_client=not _drives_own_lines(config),
        primary_steps=_steps(config, Role.PRIMARY),
        iot_steps=_steps(config, Role.IOT),
        allowed_commands=frozenset(config.items("ionmesh.allow_commands")),
    )


def _client_id(config: Config, hostname: str) -> str:
    """Requirement 105: host name and slot, unless a name is given."""
    name = config.text("ionmesh.client_name")
    return name or f"{hostname}-slot{config.integer('client.client_slot')}"


def _front_end(config: Config) -> str:
    backend = config.text("client.backend")
    return config.text("client.front_end") if backend == "native" else backend


def _drives_own_lines(config: Config) -> bool:
    """The C fork's client drives modem 1's SIM switch and reset line itself: we only read them."""
    return config.text("client.backend") == "openwrt"


def _client(config: Config, paths: Paths) -> ClientSettings | None:
    """The remote-SIM client's parameters; None while there is nothing for it to do."""
    backend = Backend(config.text("client.backend"))
    front_end = FrontEndKind(config.text("client.front_end"))
    if backend is Backend.NATIVE and front_end is FrontEndKind.NONE:
        return None
    host, atr = config.text("server.host"), config.text("server.atr")
    return ClientSettings(
        backend=backend,
        front_end=front_end,
        client_slot=ClientSlot(
            config.integer("client.client_id"), config.integer("client.client_slot")
        ),
        server=Endpoint(host, config.integer("server.port")) if host else None,
        rest_port=config.integer("server.rest_port"),
        bank=_fixed_bank(config),
        atr=bytes.fromhex(atr) if atr else None,
        ignores_bank_atr=config.flag("server.atr_ignore_rspro"),
        bank_hold_s=config.number("client.bank_hold"),
        server_keepalive_s=config.number("client.server_keepalive"),
        bank_keepalive_s=config.number("client.bank_keepalive"),
        has_cache=config.flag("client.cache"),
        tls=_client_tls(config, paths),
        vpcd=VpcdSettings(config.text("client.vpcd_host"), config.integer("client.vpcd_port")),
        simtrace2=_simtrace2(config),
        is_verbose=config.flag("logging.debug"),
    )


def _fixed_bank(config: Config) -> Bank | None:
    host = config.text("bankd.host")
    if not host:
        return None
    slot = BankSlot(config.integer("bankd.bank_id"), config.integer("bankd.slot"))
    return Bank(Endpoint(host, config.integer("bankd.port")), slot)


def _simtrace2(config: Config) -> Simtrace2Settings:
    vendor, product = config.text("client.usb_vendor"), config.text("client.usb_product")
    return Simtrace2Settings(
        vendor=int(vendor, 16) if vendor else None,
        product=int(product, 16) if product else None,
        path=config.text("client.usb_path"),
        serial=config.text("client.usb_serial"),
        address=config.optional_integer("client.usb_address"),
        configuration=config.optional_integer("client.usb_config"),
        interface=config.optional_integer("client.usb_interface"),
        alternate_setting=config.optional_integer("client.usb_altsetting") or 0,
        presence_level=config.optional_integer("client.sim_presence"),
    )


def _client_tls(config: Config, paths: Paths) -> RsproTls | None:
    if not config.flag("security.use_tls"):
        return None
    return RsproTls(
        ca_cert=_file(config, paths, "ca_cert"),
        client_cert=_file(config, paths, "client_cert"),
        client_key=_file(config, paths, "client_key"),
        passphrase=config.text("security.client_key_passphrase"),
        server_name=config.text("security.server_name"),
        verifies=config.flag("security.verify"),
    )


def _file(config: Config, paths: Paths, option: str) -> str:
    name = config.text(f"security.{option}")
    return paths.at(name) if name else ""


def _steps(config: Config, role: Role) -> tuple[Step, ...]:
    possible = set(ALWAYS_POSSIBLE)
    ours = role is Role.IOT or not _drives_own_lines(config)
    if config.text(f"{role.value}.reset_gpio") and ours:
        possible.add(Step.RESET_LINE)
    if config.text(f"{role.value}.power_gpio"):
        possible.add(Step.POWER)
    return tuple(step for step in Step if step in possible)


def _interface(config: Config, role: Role) -> str:
    return config.text(f"{role.value}.interface")


def _orchestrator(
    config: Config, paths: Paths, client_id: str, build_time_s: float
) -> OrchestratorSettings | None:
    if not config.flag("ionmesh.enabled"):
        return None
    return OrchestratorSettings(
        hosts=(config.text("ionmesh.host"), *config.items("ionmesh.hosts")),
        client_id=client_id,
        port=config.integer("ionmesh.port"),
        tenant_id=config.integer("ionmesh.tenant_id"),
        mapping_mode=config.text("ionmesh.mapping_mode"),
        mcc_mnc=config.text("ionmesh.mcc_mnc"),
        preferred_bank_id=config.optional_integer("ionmesh.preferred_bank_id"),
        api_key=config.text("ionmesh.api_key"),
        min_interval_s=config.number("heartbeat.min_interval"),
        max_interval_s=config.number("heartbeat.max_interval"),
        tls=_tls(config, paths, build_time_s),
    )


def _tls(config: Config, paths: Paths, build_time_s: float) -> TlsSettings | None:
    if not config.flag("security.use_tls"):
        return None
    return TlsSettings(
        build_time_s=build_time_s,
        verify=config.flag("security.verify"),
        ca_file=_file(config, paths, "ca_cert"),
        cert_file=_file(config, paths, "client_cert"),
        key_file=_file(config, paths, "client_key"),
        key_passphrase=config.text("security.client_key_passphrase"),
        server_name=config.text("security.server_name"),
    )


def _routing(config: Config) -> RoutingSettings:
    return RoutingSettings(
        mode=RoutingMode(config.text("routing.mode")),
        share_iot=config.flag("routing.share_iot"),
        allow=config.items("routing.allow"),
        table=config.integer("routing.table"),
        priority=config.integer("routing.priority"),
        mark=config.integer("routing.mark"),
        mark_mask=config.integer("routing.mark_mask"),
        primary=_link_routing(config, Role.PRIMARY),
        iot=_link_routing(config, Role.IOT) if config.flag("modems.dual_modem") else None,
    )


def _link_routing(config: Config, role: Role) -> LinkRouting:
    return LinkRouting(
        interface=_interface(config, role),
        default_route=config.flag(f"{role.value}.default_route"),
        metric=config.integer(f"{role.value}.metric"),
    )


def _modem(config: Config, role: Role) -> ModemSettings:
    section = role.value
    ours = role is Role.IOT or not _drives_own_lines(config)
    has_other = config.flag("modems.dual_modem")
    other_bus_path = config.text(f"{role.other.value}.bus_path") if has_other else ""
    watches_signal = config.flag("monitoring.signal_monitoring")
    signal_interval_s = config.number("monitoring.signal_interval")
    return ModemSettings(
        role=role,
        device=config.text(f"{section}.device"),
        bus_path=config.text(f"{section}.bus_path") or None,
        imei=config.text(f"{section}.imei") or None,
        other_bus_path=other_bus_path or None,
        has_other=has_other,
        profile=config.text(f"{section}.profile"),
        pin=config.text(f"{section}.pin") or None,
        expected_iccid=config.text(f"{section}.expected_iccid") or None,
        boot_time_s=config.number(f"{section}.boot_time") or None,
        roaming_allowed=config.flag(f"{section}.roaming"),
        has_sim_switch=bool(config.text(f"{section}.sim_switch_gpio")) and ours,
        has_reset_line=bool(config.text(f"{section}.reset_gpio")) and ours,
        has_power_line=bool(config.text(f"{section}.power_gpio")),
        reset_pulse_ms=config.integer(f"{section}.reset_pulse_ms"),
        power_off_ms=config.integer(f"{section}.power_off_ms"),
        sim_slot_local=config.integer(f"{section}.sim_slot_local") or None,
        sim_slot_remote=config.integer(f"{section}.sim_slot_remote") or None,
        signal_interval_s=signal_interval_s if watches_signal else SIGNAL_UNWATCHED_S,
    )


def _lines(config: Config, role: Role) -> list[LineSettings]:
    """The modem's GPIO lines."""
    section = role.value
    lines = []
    switch = config.text(f"{section}.sim_switch_gpio")
    if switch:
        active_low = config.flag(f"{section}.sim_switch_active_low")
        lines.append(LineSettings(f"{section}.sim_switch", parse_line(switch), active_low))
    reset = config.text(f"{section}.reset_gpio")
    if reset:
        active_low = config.flag(f"{section}.reset_active_low")
        pulse_ms = config.integer(f"{section}.reset_pulse_ms")
        lines.append(LineSettings(f"{section}.reset", parse_line(reset), active_low, pulse_ms))
    power = config.text(f"{section}.power_gpio")
    if power:
        active_low = config.flag(f"{section}.power_active_low")
        off_ms = config.integer(f"{section}.power_off_ms")
        lines.append(power_line(f"{section}.power", parse_line(power), active_low, off_ms))
    return lines
