# SPDX-License-Identifier: GPL-2.0-or-later
"""Every option of /etc/config/remsim, declared once. Everything else is derived from this table.

Pure. No code elsewhere repeats a default, a range or a title. Section and option names that are in
use in the field are kept; sections are found by name, their type may differ. `default` is UCI text,
as a user would write it. Titles and help become translatable LuCI texts, so they hold no markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remsim.config.option import Effect, Option, Page, Section, section
from remsim.config.types import (
    APN,
    ATR,
    BUS_PATH,
    CLIENT_NAME,
    DEVICE,
    FLAG,
    GPIO_LINE,
    HOST,
    ICCID,
    IMEI,
    INTERFACE,
    LOG_CATEGORIES,
    MCC_MNC,
    PASSWORD,
    PIN,
    PORT,
    RSPRO_ID,
    USB_ID,
    USB_PATH,
    USB_SERIAL,
    WORD,
    Address,
    Bits,
    Choice,
    FilePath,
    HostOrNetwork,
    Integer,
    ListOf,
)

CONFIG_NAME = "remsim"  # /etc/config/remsim
CONFIG_PATH = f"/etc/config/{CONFIG_NAME}"
HIGHEST_TENANT = 2**31 - 1  # the C client holds it in an int

BACKENDS = Choice(
    (
        ("native", "Built in"),
        ("st2", "osmo-remsim-client-st2"),
        ("openwrt", "osmo-remsim-client-openwrt"),
    )
)
FRONT_ENDS = Choice(
    (
        ("none", "None"),
        ("vpcd", "Virtual card reader (vpcd)"),
        ("simtrace2", "SIMtrace2 board"),
        ("shell", "Standard input and output"),
    )
)
MAPPING_MODES = Choice(
    (
        ("ONE_TO_ONE_SWSIM", "One to one, software SIM"),
        ("ONE_TO_ONE_VSIM", "One to one, virtual SIM"),
        ("KI_PROXY_SWSIM", "Ki proxy, software SIM"),
    )
)
ROUTING_MODES = Choice(
    (
        ("policy", "Policy routing"),
        ("static", "Host routes"),
        ("mwan3", "mwan3"),
        ("none", "None"),
    )
)
AUTHENTICATIONS = Choice((("none", "None"), ("pap", "PAP"), ("chap", "CHAP")))
PDP_TYPES = Choice((("ipv4", "IPv4"), ("ipv6", "IPv6"), ("ipv4v6", "IPv4 and IPv6")))

_CLIENT = Effect.CLIENT
_WITH_VPCD = ("client.backend=native client.front_end=vpcd",)
_WITH_SIMTRACE2 = ("client.backend=native client.front_end=simtrace2", "client.backend=st2")
_WITH_IONMESH = ("ionmesh.enabled=1",)
_WITH_TLS = ("security.use_tls=1",)
_WITH_ROUTING = ("routing.mode=policy", "routing.mode=static", "routing.mode=mwan3")
_WITH_TABLE = ("routing.mode=policy", "routing.mode=mwan3")
_WITH_SHARES = ("routing.mode=mwan3 routing.share_iot=1",)
_OF_OLDER_FILES = "Of older files: stands for the same option of modem1 while dual_modem is 0."


@dataclass(frozen=True, slots=True)
class _ModemDefaults:
    """Where the two modems differ."""

    environment: str
    device: str
    sim_switch_gpio: str
    reset_gpio: str
    interface: str
    metric: str


# The tables below are easier to compare with an option's words side by side.
# fmt: off


def _modem_options(own: _ModemDefaults) -> tuple[Option, ...]:
    return (
        Option("device", DEVICE, own.device, "Device",
            help="The port that takes AT commands; auto to find it by USB path, IMEI or model.",
            environment=f"{own.environment}_DEVICE", effect=_CLIENT),
        Option("interface", INTERFACE, own.interface, "Network interface",
            help="Interface of /etc/config/network (or network device) that this modem serves."),
        Option("sim_switch_gpio", GPIO_LINE, own.sim_switch_gpio, "SIM switch line",
            help="GPIO line that selects local or remote SIM: a number, gpiochip0:20, a line name, "
                 "/sys/class/gpio/NAME, or none.",
            environment=f"{own.environment}_SIM_GPIO", effect=_CLIENT),
        Option("sim_switch_active_low", FLAG, "0", "SIM switch inverted",
            help="On: level 0 selects the remote SIM.", expert=True),
        Option("reset_gpio", GPIO_LINE, own.reset_gpio, "Reset line",
            help="GPIO line that resets the modem, or none.",
            environment=f"{own.environment}_RESET_GPIO", effect=_CLIENT),
        Option("reset_active_low", FLAG, "1", "Reset inverted",
            help="On: level 0 resets, as RESET# of M.2 modules does.", expert=True),
        Option("reset_pulse_ms", Integer(10, 10_000, "ms"), "300", "Reset pulse",
            help="How long the reset line is held.", expert=True),
        Option("power_gpio", GPIO_LINE, "", "Power line",
            help="GPIO line that feeds the modem. The last step of recovery switches it off and "
                 "on.", expert=True),
        Option("power_active_low", FLAG, "0", "Power inverted",
            help="On: level 0 feeds the modem.", expert=True),
        Option("power_off_ms", Integer(100, 60_000, "ms"), "5000", "Power off time",
            help="How long the modem stays without power.", expert=True),
        Option("bus_path", BUS_PATH, "", "Bus path",
            help="Binds the role to a USB or PCI place, such as 1-1.2 or 0000:01:00.0. With two "
                 "equal modems nothing else is reliable."),
        Option("imei", IMEI, "", "IMEI",
            help="Binds the role to one modem. A modem with another IMEI is left alone."),
        Option("profile", WORD, "auto", "Model profile",
            help="Which command set to use; auto to recognise the model.", expert=True),
        Option("boot_time", Integer(0, 600, "seconds"), "0", "Boot time",
            help="From reset to the first answer; 0 to learn it.", expert=True),
        Option("pin", PIN, "", "PIN", secret=True,
            help="Of the local SIM. It is tried once, and never when only two tries are left."),
        Option("expected_iccid", ICCID, "", "ICCID of the local SIM",
            help="If given, a switch to the local SIM counts only when this card answers, and the "
                 "PIN is sent to no other.", expert=True),
        Option("apn", APN, "", "APN", help="Access point name; empty to leave the modem's own."),
        Option("username", PASSWORD, "", "User name", help="For the access point.", expert=True),
        Option("password", PASSWORD, "", "Password", secret=True,
            help="For the access point.", expert=True),
        Option("auth", AUTHENTICATIONS, "none", "Authentication",
            help="Protocol for user name and password.", expert=True),
        Option("pdp_type", PDP_TYPES, "ipv4v6", "PDP type", expert=True),
        Option("roaming", FLAG, "1", "Roaming allowed",
            help="Off: a roaming registration counts as no network."),
        Option("default_route", FLAG, "1", "Default route",
            help="Whether the main routing table has a default route over this link. The IoT link "
                 "has one only while routing.share_iot is on.", expert=True),
        Option("metric", Integer(1, 9999), own.metric, "Metric",
            help="Of the default route; the lower one is preferred.", expert=True),
        Option("sim_slot_local", Integer(0, 8), "0", "Slot of the local SIM",
            help="The modem's own slot number, counted from 1; 0 to leave the slot alone.",
            expert=True),
        Option("sim_slot_remote", Integer(0, 8), "0", "Slot of the remote SIM",
            help="The modem's own slot number, counted from 1; 0 to leave the slot alone.",
            expert=True),
    )


SECTIONS: tuple[Section, ...] = (
    section("service", "Service", "", Page.GENERAL, (
        Option("enabled", FLAG, "0", "Enabled",
            help="Start remsim at boot. Everything else takes effect only while this is on."),
    )),
    section("modems", "Modems", "", Page.MODEMS, (
        Option("dual_modem", FLAG, "0", "Two modems", environment="OPENWRT_DUAL_MODEM",
            help="A second modem with its own local SIM carries the control traffic, so that "
                 "losing the primary link never loses the remote SIM."),
        Option("device", DEVICE, "", "Device", help=_OF_OLDER_FILES, legacy=True),
        Option("sim_switch_gpio", GPIO_LINE, "", "SIM switch line",
            help=_OF_OLDER_FILES, legacy=True),
        Option("reset_gpio", GPIO_LINE, "", "Reset line", help=_OF_OLDER_FILES, legacy=True),
    ), effect=_CLIENT),
    section("modem1", "Modem 1: primary",
        "Carries the users' traffic and takes its SIM from the bank.",
        Page.MODEMS,
        _modem_options(_ModemDefaults(
            "MODEM1", "/dev/ttyUSB2", "20", "21", "wwan0",
            metric="100")),
    ),
    section("modem2", "Modem 2: IoT",
        "Carries the control traffic over its own local SIM, which it always keeps.",
        Page.MODEMS,
        _modem_options(_ModemDefaults(
            "MODEM2", "/dev/ttyUSB5", "22", "23", "wwan1",
            metric="200")),
        shown_when=("modems.dual_modem=1",),
    ),
    section("ionmesh", "IonMesh",
        "An orchestrator that assigns SIM bank and slot and watches the heartbeat.",
        Page.GENERAL, (
        Option("enabled", FLAG, "0", "Use IonMesh", effect=_CLIENT),
        Option("host", HOST, "", "Host", environment="IONMESH_HOST",
            help="Name or address of the orchestrator.", shown_when=_WITH_IONMESH),
        Option("hosts", ListOf(HOST), "", "Further hosts",
            help="Tried in this order when the first does not answer.", shown_when=_WITH_IONMESH),
        Option("port", PORT, "5000", "Port", environment="IONMESH_PORT", shown_when=_WITH_IONMESH),
        Option("tenant_id", Integer(0, HIGHEST_TENANT), "1", "Tenant",
            environment="IONMESH_TENANT_ID",
            help="Number of your tenant at the orchestrator.", shown_when=_WITH_IONMESH),
        Option("mapping_mode", MAPPING_MODES, "ONE_TO_ONE_SWSIM", "Mapping mode",
            environment="IONMESH_MAPPING_MODE",
            help="How the orchestrator maps this router to SIMs.", shown_when=_WITH_IONMESH),
        Option("mcc_mnc", MCC_MNC, "", "MCC and MNC", environment="IONMESH_MCC_MNC",
            help="Ask for a SIM of this network, such as 310410; empty for any.",
            shown_when=_WITH_IONMESH),
        Option("api_key", PASSWORD, "", "API key", secret=True,
            help="Sent with every request if given.", shown_when=_WITH_IONMESH),
        Option("client_name", CLIENT_NAME, "", "Client name", expert=True,
            help="How this router calls itself; empty for host name and slot.",
            shown_when=_WITH_IONMESH),
        Option("preferred_bank_id", RSPRO_ID, "", "Preferred bank", expert=True,
            help="Bank id to ask for; empty for any.", shown_when=_WITH_IONMESH),
        Option("allow_commands", ListOf(WORD), "", "Commands obeyed", expert=True,
            help="Remote commands that the orchestrator may send; empty for none.",
            shown_when=_WITH_IONMESH),
    )),
    section("server", "remsim-server",
        "The server that assigns a SIM. With IonMesh the assignment comes from there instead.",
        Page.GENERAL, (
        Option("host", HOST, "", "Host", help="Name or address of the remsim-server."),
        Option("port", PORT, "9998", "Port", help="RSPRO port of the server."),
        Option("rest_port", Integer(0, 65_535), "9997", "REST port", expert=True,
            help="Where the server is asked to make this router's mapping anew, when the bank "
                 "still holds the SIM for a connection that died; 0 asks never."),
        Option("atr", ATR, "", "Default ATR", expert=True,
            help="Answer to reset shown to the modem until the bank sends one, in hexadecimal."),
        Option("atr_ignore_rspro", FLAG, "0", "Ignore the bank's ATR", expert=True,
            help="Always show the default ATR."),
    ), effect=_CLIENT),
    section("bankd", "Fixed SIM bank",
        "For a bank without any server: the bank daemon and slot this router always uses.",
        Page.ADVANCED, (
        Option("host", HOST, "", "Bank host",
            help="Leave empty when a server or IonMesh assigns the bank."),
        Option("port", PORT, "9999", "Bank port"),
        Option("bank_id", RSPRO_ID, "1", "Bank id"),
        Option("slot", RSPRO_ID, "0", "Bank slot"),
    ), effect=_CLIENT, expert=True),
    section("client", "Remote-SIM client",
        "The program that carries the SIM's commands between the SIM bank and the modem.",
        Page.ADVANCED, (
        Option("client_id", RSPRO_ID, "0", "Client id",
            help="Number of this router at the remsim-server, which maps it to a SIM in the bank."),
        Option("client_slot", RSPRO_ID, "0", "Client slot",
            help="Which of this router's card slots the client serves."),
        Option("backend", BACKENDS, "native", "Program",
            help="The built-in client, or an installed program of osmo-remsim."),
        Option("front_end", FRONT_ENDS, "none", "Card front-end",
            help="What presents the remote SIM to the modem. Without one its local SIM stays in "
                 "use.", shown_when=("client.backend=native",)),
        Option("bank_hold", Integer(10, 3600, "seconds"), "300",
            "Hold the card after losing the bank", expert=True,
            help="For this long a lost bank connection neither removes the card nor resets the "
                 "modem."),
        Option("server_keepalive", Integer(0, 3600, "seconds"), "60", "Keep-alive to the server",
            expert=True, shown_when=("client.backend=native",),
            help="After such a silence a sign of life is asked for. Each costs data of the IoT "
                 "plan; 0 asks for none."),
        Option("bank_keepalive", Integer(0, 3600, "seconds"), "60", "Keep-alive to the bank",
            expert=True, shown_when=("client.backend=native",),
            help="The same for the connection to the bank."),
        Option("cache", FLAG, "0", "Remember the SIM's fixed files", expert=True,
            help="Answers the modem's reading of files that never change without asking the bank, "
                 "so that it starts in a third of the time over a slow link. What was told is "
                 "compared with the SIM afterwards; the answers are kept on the router.",
            shown_when=("client.backend=native",)),
        Option("vpcd_host", HOST, "127.0.0.1", "vpcd host", expert=True, shown_when=_WITH_VPCD,
            help="Where the virtual card reader listens."),
        Option("vpcd_port", PORT, "35963", "vpcd port", expert=True, shown_when=_WITH_VPCD,
            help="Of the virtual reader's first slot; each slot has a port of its own."),
        Option("usb_vendor", USB_ID, "", "USB vendor id", expert=True, shown_when=_WITH_SIMTRACE2,
            help="Of the SIMtrace2 board; empty for any."),
        Option("usb_product", USB_ID, "", "USB product id", expert=True, shown_when=_WITH_SIMTRACE2,
            help="Of the SIMtrace2 board; empty for any."),
        Option("usb_serial", USB_SERIAL, "", "USB serial number", expert=True,
            shown_when=("client.backend=native client.front_end=simtrace2",),
            help="Tells two equal boards apart, wherever they are plugged in; empty for any."),
        Option("usb_path", USB_PATH, "", "USB path", expert=True, shown_when=_WITH_SIMTRACE2,
            help="Tells two equal boards apart: the bus path of the board, such as 1-1.2."),
        Option("usb_address", Integer(1, 127), "", "USB address", expert=True,
            shown_when=_WITH_SIMTRACE2, help="Changes with every plugging."),
        Option("usb_config", Integer(0, 255), "", "USB configuration", expert=True,
            shown_when=_WITH_SIMTRACE2, help="Empty for any."),
        Option("usb_interface", Integer(0, 255), "", "USB interface", expert=True,
            shown_when=_WITH_SIMTRACE2, help="One for each card slot; empty for any."),
        Option("usb_altsetting", Integer(0, 255), "", "USB alternate setting", expert=True,
            shown_when=_WITH_SIMTRACE2, help="Empty for 0."),
        Option("sim_presence", Integer(0, 1), "", "SIM presence level", expert=True,
            shown_when=_WITH_SIMTRACE2,
            help="Level of the presence pin while a card is there; empty to leave it alone."),
    ), effect=_CLIENT),
    section("heartbeat", "Heartbeat",
        "The bank keeps the SIM assigned only while heartbeats arrive.",
        Page.NETWORK, (
        Option("interval", Integer(10, 300, "seconds"), "60", "Interval",
            help="Time between two heartbeats. Each costs data of the IoT plan."),
        Option("timeout", Integer(5, 60, "seconds"), "10", "Time limit",
            help="How long an answer may take."),
        Option("grace", Integer(60, 86_400, "seconds"), "300", "Grace period",
            help="How long the bank keeps the SIM assigned after the last heartbeat."),
        Option("min_interval", Integer(5, 300, "seconds"), "10", "Shortest interval", expert=True,
            help="The orchestrator may ask for nothing shorter."),
        Option("max_interval", Integer(10, 3600, "seconds"), "300", "Longest interval", expert=True,
            help="The orchestrator may ask for nothing longer, and a data plan stretches no "
                 "further."),
    )),
    section("failover", "Failover and recovery", "", Page.NETWORK, (
        Option("hold_down", Integer(0, 3600, "seconds"), "30", "Hold-down",
            help="A recovered link must be well for this long before it is used again."),
        Option("iot_reset_after", Integer(10, 3600, "seconds"), "60", "Reset IoT modem after",
            help="Time without an IoT link before its modem is reset."),
        Option("primary_reset_after", Integer(10, 3600, "seconds"), "180",
            "Reset primary modem after",
            help="Time without a primary link before its modem is reset."),
        Option("both_reset_after", Integer(10, 3600, "seconds"), "180", "Reset when both are down",
            help="At the latest; sooner if the modem's boot time would outlast the grace period."),
        Option("backoff_max", Integer(60, 86_400, "seconds"), "3600", "Longest pause", expert=True,
            help="Between two rounds of recovery that did not help."),
        Option("probe_targets", ListOf(Address()), ("1.1.1.1", "8.8.8.8"), "Probe targets",
            help="Addresses asked over a link when the orchestrator does not answer, to tell a "
                 "dead link from a dead server."),
        Option("probe_timeout", Integer(1, 60, "seconds"), "5", "Probe time limit", expert=True),
        Option("probe_interval", Integer(10, 3600, "seconds"), "60", "Probe interval", expert=True,
            help="How often mwan3 asks the probe targets.", shown_when=("routing.mode=mwan3",)),
        Option("local_fallback", FLAG, "0", "Fall back to the local SIM",
            help="Switch the primary modem to its local SIM while the remote one is unusable."),
        Option("local_fallback_after", Integer(60, 86_400, "seconds"), "900", "Fall back after",
            help="How long the remote SIM must have been unusable.",
            shown_when=("failover.local_fallback=1",)),
    )),
    section("routing", "Routing of the control traffic", "", Page.NETWORK, (
        Option("mode", ROUTING_MODES, "policy", "Method",
            help="How the control traffic is led over the chosen link."),
        Option("force_iot_routing", FLAG, "1", "Prefer the IoT link", shown_when=_WITH_ROUTING,
            help="With two modems: control traffic goes over the IoT link whenever it works."),
        Option("iot_interface", INTERFACE, "wwan1", "IoT interface", expert=True,
            shown_when=_WITH_ROUTING,
            help="Interface or network device of the IoT link, if it is not that of modem 2."),
        Option("share_iot", FLAG, "0", "Share the IoT link", shown_when=_WITH_ROUTING,
            help="On: users' traffic may take the IoT link too. Mind its data plan."),
        Option("allow", ListOf(HostOrNetwork()), "", "Allowed on the IoT link",
            shown_when=_WITH_ROUTING,
            help="Hosts and networks besides the control traffic, for instance of remote support."),
        Option("table", Integer(1, 252), "10", "Routing table", expert=True,
            shown_when=_WITH_TABLE, help="A table that nothing else uses."),
        Option("priority", Integer(1, 32_765), "100", "Rule priority", expert=True,
            shown_when=_WITH_TABLE, help="Lower numbers are asked first."),
        Option("mark", Bits(), "0x52000000", "Packet mark", expert=True, shown_when=_WITH_TABLE,
            help="Marks the control traffic; all its bits lie within the mask."),
        Option("mark_mask", Bits(), "0xff000000", "Packet mark mask", expert=True,
            shown_when=_WITH_TABLE, help="The bits of the mark that belong to remsim."),
        Option("weight_primary", Integer(1, 1000), "3", "Share of the primary link", expert=True,
            shown_when=_WITH_SHARES, help="With mwan3 and a shared IoT link."),
        Option("weight_iot", Integer(1, 1000), "1", "Share of the IoT link", expert=True,
            shown_when=_WITH_SHARES, help="With mwan3 and a shared IoT link."),
    )),
    section("security", "Security", "Of the connections to orchestrator and server.",
        Page.NETWORK, (
        Option("use_tls", FLAG, "0", "Use TLS", help="Recommended."),
        Option("verify", FLAG, "1", "Check the server's certificate", shown_when=_WITH_TLS,
            help="Off only while testing."),
        Option("ca_cert", FilePath(), "/etc/ssl/certs/ca-certificates.crt", "CA certificates",
            help="File with the certificates that are trusted.", shown_when=_WITH_TLS),
        Option("client_cert", FilePath(), "", "Client certificate",
            help="File with this router's certificate.", shown_when=_WITH_TLS),
        Option("client_key", FilePath(), "", "Client key",
            help="File with the key of this router's certificate.", shown_when=_WITH_TLS),
        Option("client_key_passphrase", PASSWORD, "", "Passphrase of the client key", secret=True,
            expert=True, shown_when=_WITH_TLS),
        Option("server_name", HOST, "", "Server name", expert=True, shown_when=_WITH_TLS,
            help="Name that the certificate must carry if it is not the host's."),
    ), effect=_CLIENT),
    section("monitoring", "Monitoring", "", Page.ADVANCED, (
        Option("signal_monitoring", FLAG, "1", "Watch the signal",
            help="Ask the modems for signal quality.", effect=_CLIENT),
        Option("signal_interval", Integer(10, 600, "seconds"), "60", "Signal interval",
            environment="OPENWRT_SIGNAL_INTERVAL", effect=_CLIENT,
            shown_when=("monitoring.signal_monitoring=1",)),
        Option("stats_interval", Integer(0, 604_800, "seconds"), "3600", "Statistics interval",
            environment="OPENWRT_STATS_INTERVAL", effect=_CLIENT,
            help="How often a summary is written to the log; 0 for never."),
        Option("track_data_usage", FLAG, "1", "Count data",
            help="Keep counters of both links over restarts."),
    )),
    section("logging", "Logging", "", Page.ADVANCED, (
        Option("debug", FLAG, "0", "Debug log", effect=_CLIENT),
        Option("log_categories", LOG_CATEGORIES, "DMAIN:DPCU", "Log categories",
            help="Of osmo-remsim's programs.", expert=True, effect=_CLIENT,
            shown_when=("logging.debug=1",)),
        Option("syslog", FLAG, "1", "System log", help="Write to the system log."),
    )),
    section("advanced", "Advanced", "", Page.ADVANCED, (
        Option("event_script", FilePath(), "", "Event script", expert=True,
            help="A program of your own that is run when the client reports an event."),
        Option("keep_running", FLAG, "1", "Keep running on errors", expert=True, effect=_CLIENT,
            help="Off: the client is not started again after it failed."),
    )),
)

# fmt: on

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {option.path: option for part in SECTIONS for option in part.options}
)
SECTION_NAMES = tuple(part.name for part in SECTIONS)


def option_of_environment(name: str) -> Option | None:
    """The option that the environment variable `name` of the C client stands for."""
    return next((option for option in OPTIONS.values() if option.environment == name), None)
