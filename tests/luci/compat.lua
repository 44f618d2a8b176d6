-- SPDX-License-Identifier: GPL-2.0-or-later
-- luasrc/controller/remsim.lua against the answers of old: run with lua5.1 from the project's directory.

local requests, written, replies = {}, {}, {}

package.loaded["luci.util"] = {
	ubus = function(object, method) return replies[object .. " " .. method] end
}
package.loaded["luci.http"] = {
	getenv = function() return requests.method end,
	prepare_content = function(kind) written.kind = kind end,
	write = function(text) written.text = text end,
	write_json = function(content) written.json = content end,
	status = function(code) written.code = code end,
	redirect = function(url) written.url = url end
}
package.loaded["luci.dispatcher"] = {
	context = { authsession = "session" },
	test_post_security = function() return requests.token end,
	build_url = function(...) return table.concat({ ... }, "/") end
}
package.loaded["luci.sys"] = { call = function(command) written.command = command end }
package.loaded["luci.model.uci"] = { cursor = function() return { get = function() return "30" end } end }

package.path = "luasrc/?.lua;" .. package.path
package.preload["luci.controller.remsim"] = loadfile("luasrc/controller/remsim.lua")
local app = require "luci.controller.remsim"

local function status()
	return {
		uptime_s = 3725.5,
		control_path = { path = "iot", reason = "iot: registered" },
		assignment = { state = "active", registrations = 2 },
		client = { tpdus = "17", errors = "1", modem_resets = "3" },
		modem1 = { state = "connected", fields = { signal = { value = { rssi_dbm = 4294967205 }, age_s = 10 } } },
		alerts = { { severity = "error", reason = "no SIM" } }
	}
end

local function equal(got, wanted, what)
	assert(got == wanted, string.format("%s: %s instead of %s", what, tostring(got), tostring(wanted)))
end

local tests = {}

function tests.statistics_have_the_members_of_old()
	local found = app.statistics(status())

	equal(found.available, true, "available")
	equal(found.uptime, "1h 2m 5s", "uptime")
	equal(found.uptime_seconds, 3725.5, "uptime_seconds")
	equal(found.tpdus_sent, 17, "tpdus_sent")
	equal(found.tpdus_received, 17, "tpdus_received")
	equal(found.errors, 1, "errors")
	equal(found.reconnections, 2, "reconnections")
	equal(found.sim_switches, 3, "sim_switches")
end

function tests.statistics_say_when_nothing_is_known()
	local found = app.statistics(nil)

	equal(found.available, false, "available")
	equal(found.uptime, "N/A", "uptime")
	equal(found.uptime_seconds, nil, "uptime_seconds")
	equal(found.tpdus_sent, 0, "tpdus_sent")
end

function tests.a_negative_number_of_the_binding_is_negative_again()
	local found = app.signal(status(), 1000000, "30")

	equal(found.enabled, true, "enabled")
	equal(found.interval, 30, "interval")
	equal(found.last_rssi, -91, "last_rssi")
	equal(found.last_check, os.date("%H:%M:%S", 999990), "last_check")
end

function tests.an_unknown_signal_is_left_out()
	local now = status()

	now.modem1.fields.signal = { value = nil }
	equal(app.signal(now, 0, nil).last_rssi, nil, "last_rssi")
	equal(app.signal(nil, 0, nil).enabled, false, "enabled")
end

function tests.the_summary_names_what_is_wrong()
	local text = app.summary(status())

	assert(text:find("assignment: active\n", 1, true) and text:find("error: no SIM\n", 1, true), text)
	equal(app.summary(nil), "remsim does not answer\n", "summary")
end

function tests.a_link_does_not_restart_anything()
	requests.method = "GET"
	app.action_restart()
	equal(written.command, nil, "command")
	equal(written.url, "admin/services/remsim/overview", "url")
end

function tests.a_form_without_token_does_not_restart_anything()
	requests.method, requests.token = "POST", false
	app.action_restart()
	equal(written.command, nil, "command")
end

function tests.a_form_without_the_control_role_is_refused()
	requests.method, requests.token = "POST", true
	replies["session access"] = { access = false }
	app.action_restart()
	equal(written.command, nil, "command")
	equal(written.code, 403, "code")
end

function tests.a_form_with_token_and_role_restarts()
	requests.method, requests.token = "POST", true
	replies["session access"] = { access = true }
	app.action_restart()
	equal(written.command, "/etc/init.d/remsim restart >/dev/null 2>&1", "command")
end

function tests.every_address_of_old_needs_a_role()
	local entries = {}
	local function target(name) return function(...) return { name, ... } end end

	setfenv(app.index, {
		entry = function(path, action)
			local made = { action = action }

			entries[path[4]] = made
			return made
		end,
		alias = target("alias"),
		call = target("call")
	})()

	for _, name in ipairs({ "status", "advanced", "action_get_stats", "action_get_signal", "action_print_stats", "action_test", "action_restart" }) do
		assert(entries[name] and entries[name].acl_depends[1]:match("^luci%-app%-remsim%-"), name)
	end
	equal(entries.action_restart.acl_depends[1], "luci-app-remsim-control", "role of action_restart")
end

local failed = 0
for name, test in pairs(tests) do
	requests, replies = {}, {}
	for key in pairs(written) do written[key] = nil end

	local fine, reason = pcall(test)

	if not fine then
		failed = failed + 1
		print(name .. ": " .. tostring(reason))
	end
end
os.exit(failed == 0 and 0 or 1)
