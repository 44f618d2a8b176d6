-- SPDX-License-Identifier: GPL-2.0-or-later
-- Addresses of the C client's Lua application, led to the pages of luci-app-remsim and to the daemon's
-- answers. Its addresses "config" and "modems" are those of the new pages already. Nothing here asks a
-- modem, a log or a server: every answer comes from `ubus call remsim status`.

module("luci.controller.remsim", package.seeall)

function index()
	local function lead(name, target, groups)
		local page = entry({ "admin", "services", "remsim", name }, target)

		page.leaf = true
		page.acl_depends = groups
	end

	lead("status", alias("admin", "services", "remsim", "overview"), { "luci-app-remsim-status" })
	lead("advanced", alias("admin", "services", "remsim", "config"), { "luci-app-remsim-control" })
	lead("action_get_stats", call("action_get_stats"), { "luci-app-remsim-status" })
	lead("action_get_signal", call("action_get_signal"), { "luci-app-remsim-status" })
	lead("action_print_stats", call("action_print_stats"), { "luci-app-remsim-status" })
	lead("action_test", call("action_test"), { "luci-app-remsim-status" })
	lead("action_restart", call("action_restart"), { "luci-app-remsim-control" })
end

-- Nil while the daemon does not answer.
local function status()
	return require("luci.util").ubus("remsim", "status", {})
end

-- The application of old counted in whole numbers and had a flag for "nothing known".
local function count(value)
	return math.floor(tonumber(value) or 0)
end

local function hours(seconds)
	return string.format("%dh %dm %ds", math.floor(seconds / 3600), math.floor(seconds / 60) % 60, math.floor(seconds) % 60)
end

function statistics(now)
	local client = now and now.client or {}
	local tpdus = count(client.tpdus)

	return {
		available = client.tpdus ~= nil,
		uptime = now and hours(now.uptime_s) or "N/A",
		uptime_seconds = now and now.uptime_s,
		tpdus_sent = tpdus,
		tpdus_received = tpdus,
		errors = count(client.errors),
		reconnections = count(now and now.assignment.registrations),
		sim_switches = count(client.modem_resets)
	}
end

-- Lua's ubus binding hands negative 32-bit numbers over as unsigned ones.
function signed(number)
	return number >= 2147483648 and number - 4294967296 or number
end

-- What is not known is left out, as of old. `clock` is Unix time of now.
function signal(now, clock, interval)
	local reading = now and now.modem1 and now.modem1.fields and now.modem1.fields.signal
	local value = reading and reading.value

	return {
		enabled = reading ~= nil,
		interval = tonumber(interval) or 60,
		last_rssi = value and value.rssi_dbm and math.floor(signed(value.rssi_dbm)),
		last_check = value and reading.age_s and os.date("%H:%M:%S", clock - reading.age_s)
	}
end

-- One line for each thing that matters.
function summary(now)
	if not now then
		return "remsim does not answer\n"
	end

	local lines = {
		"control path: " .. now.control_path.path .. " (" .. now.control_path.reason .. ")",
		"assignment: " .. now.assignment.state
	}

	for _, name in ipairs({ "modem1", "modem2" }) do
		if now[name] then
			lines[#lines + 1] = name .. ": " .. now[name].state
		end
	end

	for _, alert in ipairs(now.alerts) do
		lines[#lines + 1] = alert.severity .. ": " .. alert.reason
	end

	return table.concat(lines, "\n") .. "\n"
end

local function answer_json(content)
	local http = require "luci.http"

	http.prepare_content("application/json")
	http.write_json(content)
end

local function answer_text(text)
	local http = require "luci.http"

	http.prepare_content("text/plain")
	http.write(text)
end

function action_get_stats()
	answer_json(statistics(status()))
end

function action_get_signal()
	local interval = require("luci.model.uci").cursor():get("remsim", "monitoring", "signal_interval")

	answer_json(signal(status(), os.time(), interval))
end

function action_print_stats()
	local now = status()

	if not now then
		require("luci.http").status(503, "Service Not Running")
	end

	answer_text(summary(now))
end

function action_test()
	answer_text(summary(status()))
end

-- A link that restarts by being followed could be followed from anywhere: the page only shows itself.
-- A form restarts, with LuCI's token and the control role. The SIM stays where it is (detach).
function action_restart()
	local http, dispatcher = require "luci.http", require "luci.dispatcher"

	if http.getenv("REQUEST_METHOD") == "POST" then
		if not dispatcher.test_post_security() then
			return
		end

		if not may_act(dispatcher.context.authsession) then
			http.status(403, "Forbidden")
			return answer_text("the control role is needed\n")
		end

		require("luci.sys").call("/etc/init.d/remsim restart >/dev/null 2>&1")
	end

	http.redirect(dispatcher.build_url("admin", "services", "remsim", "overview"))
end

function may_act(session)
	local reply = require("luci.util").ubus("session", "access", {
		ubus_rpc_session = session,
		scope = "ubus",
		object = "luci.remsim",
		["function"] = "release"
	})

	return type(reply) == "table" and reply.access == true
end
