'use strict';
'require baseclass';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Generated from python/remsim/config/schema.py by `make generate`: change the schema, not this file.
 *
 * An option: name, path, type (flag, choice, list, value), title; where it has them:
 * help, unit, default (UCI text; an array for a list), datatype (LuCI's), pattern
 * (regular expression for all of the text) with expected (what to say if it does not
 * fit), choices ([ value, title ]), depends (alternatives, each { path: value } that
 * must all hold; always within one page), secret, expert, effect (reload or client). */
return baseclass.extend({
	sections: [
		{
			name: 'service',
			title: _('Service'),
			page: 'general',
			options: [
				{
					name: 'enabled',
					path: 'service.enabled',
					type: 'flag',
					title: _('Enabled'),
					help: _('Start remsim at boot. Everything else takes effect only while this is on.'),
					default: '0',
					effect: 'reload'
				}
			]
		},
		{
			name: 'modems',
			title: _('Modems'),
			page: 'modems',
			options: [
				{
					name: 'dual_modem',
					path: 'modems.dual_modem',
					type: 'flag',
					title: _('Two modems'),
					help: _('A second modem with its own local SIM carries the control traffic, so that losing the primary link never loses the remote SIM.'),
					default: '0',
					effect: 'client'
				}
			]
		},
		{
			name: 'modem1',
			title: _('Modem 1: primary'),
			help: _('Carries the users\' traffic and takes its SIM from the bank.'),
			page: 'modems',
			options: [
				{
					name: 'device',
					path: 'modem1.device',
					type: 'value',
					title: _('Device'),
					help: _('The port that takes AT commands; auto to find it by USB path, IMEI or model.'),
					default: '/dev/ttyUSB2',
					pattern: '^(auto|/.*)$',
					expected: _('a device path such as /dev/ttyUSB2, or auto'),
					effect: 'client'
				},
				{
					name: 'interface',
					path: 'modem1.interface',
					type: 'value',
					title: _('Network interface'),
					help: _('Interface of /etc/config/network (or network device) that this modem serves.'),
					default: 'wwan0',
					pattern: '^[A-Za-z0-9_.@-]{1,15}$',
					expected: _('an interface name of at most 15 characters'),
					effect: 'reload'
				},
				{
					name: 'sim_switch_gpio',
					path: 'modem1.sim_switch_gpio',
					type: 'value',
					title: _('SIM switch line'),
					help: _('GPIO line that selects local or remote SIM: a number, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none.'),
					default: '20',
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					effect: 'client'
				},
				{
					name: 'sim_switch_active_low',
					path: 'modem1.sim_switch_active_low',
					type: 'flag',
					title: _('SIM switch inverted'),
					help: _('On: level 0 selects the remote SIM.'),
					default: '0',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'reset_gpio',
					path: 'modem1.reset_gpio',
					type: 'value',
					title: _('Reset line'),
					help: _('GPIO line that resets the modem, or none.'),
					default: '21',
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					effect: 'client'
				},
				{
					name: 'reset_active_low',
					path: 'modem1.reset_active_low',
					type: 'flag',
					title: _('Reset inverted'),
					help: _('On: level 0 resets, as RESET# of M.2 modules does.'),
					default: '1',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'reset_pulse_ms',
					path: 'modem1.reset_pulse_ms',
					type: 'value',
					title: _('Reset pulse'),
					help: _('How long the reset line is held.'),
					unit: _('ms'),
					default: '300',
					datatype: 'and(uinteger,range(10,10000))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_gpio',
					path: 'modem1.power_gpio',
					type: 'value',
					title: _('Power line'),
					help: _('GPIO line that feeds the modem. The last step of recovery switches it off and on.'),
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_active_low',
					path: 'modem1.power_active_low',
					type: 'flag',
					title: _('Power inverted'),
					help: _('On: level 0 feeds the modem.'),
					default: '0',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_off_ms',
					path: 'modem1.power_off_ms',
					type: 'value',
					title: _('Power off time'),
					help: _('How long the modem stays without power.'),
					unit: _('ms'),
					default: '5000',
					datatype: 'and(uinteger,range(100,60000))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'bus_path',
					path: 'modem1.bus_path',
					type: 'value',
					title: _('Bus path'),
					help: _('Binds the role to a USB or PCI place, such as 1-1.2 or 0000:01:00.0. With two equal modems nothing else is reliable.'),
					pattern: '^([0-9]{1,3}-[0-9]{1,3}([.][0-9]{1,3}){0,6}|[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}[.][0-7])$',
					expected: _('a USB path such as 1-1.2 or a PCI address such as 0000:01:00.0'),
					effect: 'reload'
				},
				{
					name: 'imei',
					path: 'modem1.imei',
					type: 'value',
					title: _('IMEI'),
					help: _('Binds the role to one modem. A modem with another IMEI is left alone.'),
					pattern: '^[0-9]{15}$',
					expected: _('the 15 digits of an IMEI'),
					effect: 'reload'
				},
				{
					name: 'profile',
					path: 'modem1.profile',
					type: 'value',
					title: _('Model profile'),
					help: _('Which command set to use; auto to recognise the model.'),
					default: 'auto',
					pattern: '^[A-Za-z0-9_.-]{1,32}$',
					expected: _('a word of letters, digits, dots, dashes and underscores'),
					expert: true,
					effect: 'reload'
				},
				{
					name: 'boot_time',
					path: 'modem1.boot_time',
					type: 'value',
					title: _('Boot time'),
					help: _('From reset to the first answer; 0 to learn it.'),
					unit: _('seconds'),
					default: '0',
					datatype: 'and(uinteger,range(0,600))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'pin',
					path: 'modem1.pin',
					type: 'value',
					title: _('PIN'),
					help: _('Of the local SIM. It is tried once, and never when only two tries are left.'),
					pattern: '^[0-9]{4,8}$',
					expected: _('4 to 8 digits'),
					secret: true,
					effect: 'reload'
				},
				{
					name: 'expected_iccid',
					path: 'modem1.expected_iccid',
					type: 'value',
					title: _('ICCID of the local SIM'),
					help: _('If given, a switch to the local SIM counts only when this card answers, and the PIN is sent to no other.'),
					pattern: '^[0-9]{18,20}[Ff]?$',
					expected: _('the 18 to 20 digits of an ICCID'),
					expert: true,
					effect: 'reload'
				},
				{
					name: 'apn',
					path: 'modem1.apn',
					type: 'value',
					title: _('APN'),
					help: _('Access point name; empty to leave the modem\'s own.'),
					pattern: '^[A-Za-z0-9._-]{1,100}$',
					expected: _('an access point name'),
					effect: 'reload'
				},
				{
					name: 'username',
					path: 'modem1.username',
					type: 'value',
					title: _('User name'),
					help: _('For the access point.'),
					datatype: 'rangelength(1,255)',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'password',
					path: 'modem1.password',
					type: 'value',
					title: _('Password'),
					help: _('For the access point.'),
					datatype: 'rangelength(1,255)',
					secret: true,
					expert: true,
					effect: 'reload'
				},
				{
					name: 'auth',
					path: 'modem1.auth',
					type: 'choice',
					title: _('Authentication'),
					help: _('Protocol for user name and password.'),
					default: 'none',
					choices: [ [ 'none', _('None') ], [ 'pap', _('PAP') ], [ 'chap', _('CHAP') ] ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'pdp_type',
					path: 'modem1.pdp_type',
					type: 'choice',
					title: _('PDP type'),
					default: 'ipv4v6',
					choices: [ [ 'ipv4', _('IPv4') ], [ 'ipv6', _('IPv6') ], [ 'ipv4v6', _('IPv4 and IPv6') ] ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'roaming',
					path: 'modem1.roaming',
					type: 'flag',
					title: _('Roaming allowed'),
					help: _('Off: a roaming registration counts as no network.'),
					default: '1',
					effect: 'reload'
				},
				{
					name: 'default_route',
					path: 'modem1.default_route',
					type: 'flag',
					title: _('Default route'),
					help: _('Whether the main routing table has a default route over this link. The IoT link has one only while routing.share_iot is on.'),
					default: '1',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'metric',
					path: 'modem1.metric',
					type: 'value',
					title: _('Metric'),
					help: _('Of the default route; the lower one is preferred.'),
					default: '100',
					datatype: 'and(uinteger,range(1,9999))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'sim_slot_local',
					path: 'modem1.sim_slot_local',
					type: 'value',
					title: _('Slot of the local SIM'),
					help: _('The modem\'s own slot number, counted from 1; 0 to leave the slot alone.'),
					default: '0',
					datatype: 'and(uinteger,range(0,8))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'sim_slot_remote',
					path: 'modem1.sim_slot_remote',
					type: 'value',
					title: _('Slot of the remote SIM'),
					help: _('The modem\'s own slot number, counted from 1; 0 to leave the slot alone.'),
					default: '0',
					datatype: 'and(uinteger,range(0,8))',
					expert: true,
					effect: 'reload'
				}
			]
		},
		{
			name: 'modem2',
			title: _('Modem 2: IoT'),
			help: _('Carries the control traffic over its own local SIM, which it always keeps.'),
			page: 'modems',
			options: [
				{
					name: 'device',
					path: 'modem2.device',
					type: 'value',
					title: _('Device'),
					help: _('The port that takes AT commands; auto to find it by USB path, IMEI or model.'),
					default: '/dev/ttyUSB5',
					pattern: '^(auto|/.*)$',
					expected: _('a device path such as /dev/ttyUSB2, or auto'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'client'
				},
				{
					name: 'interface',
					path: 'modem2.interface',
					type: 'value',
					title: _('Network interface'),
					help: _('Interface of /etc/config/network (or network device) that this modem serves.'),
					default: 'wwan1',
					pattern: '^[A-Za-z0-9_.@-]{1,15}$',
					expected: _('an interface name of at most 15 characters'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'reload'
				},
				{
					name: 'sim_switch_gpio',
					path: 'modem2.sim_switch_gpio',
					type: 'value',
					title: _('SIM switch line'),
					help: _('GPIO line that selects local or remote SIM: a number, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none.'),
					default: '22',
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'client'
				},
				{
					name: 'sim_switch_active_low',
					path: 'modem2.sim_switch_active_low',
					type: 'flag',
					title: _('SIM switch inverted'),
					help: _('On: level 0 selects the remote SIM.'),
					default: '0',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'reset_gpio',
					path: 'modem2.reset_gpio',
					type: 'value',
					title: _('Reset line'),
					help: _('GPIO line that resets the modem, or none.'),
					default: '23',
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'client'
				},
				{
					name: 'reset_active_low',
					path: 'modem2.reset_active_low',
					type: 'flag',
					title: _('Reset inverted'),
					help: _('On: level 0 resets, as RESET# of M.2 modules does.'),
					default: '1',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'reset_pulse_ms',
					path: 'modem2.reset_pulse_ms',
					type: 'value',
					title: _('Reset pulse'),
					help: _('How long the reset line is held.'),
					unit: _('ms'),
					default: '300',
					datatype: 'and(uinteger,range(10,10000))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_gpio',
					path: 'modem2.power_gpio',
					type: 'value',
					title: _('Power line'),
					help: _('GPIO line that feeds the modem. The last step of recovery switches it off and on.'),
					pattern: '^((/dev/)?gpiochip[0-9]{1,3}:[0-9]{1,4}|/sys/class/gpio/[A-Za-z0-9_.:-]{1,64}|(?!gpiochip)[A-Za-z0-9_+#.-][A-Za-z0-9_+#.:@/ -]{0,30})$',
					expected: _('a GPIO line: 20, gpiochip0:20, a line name, /sys/class/gpio/NAME, or none'),
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_active_low',
					path: 'modem2.power_active_low',
					type: 'flag',
					title: _('Power inverted'),
					help: _('On: level 0 feeds the modem.'),
					default: '0',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'power_off_ms',
					path: 'modem2.power_off_ms',
					type: 'value',
					title: _('Power off time'),
					help: _('How long the modem stays without power.'),
					unit: _('ms'),
					default: '5000',
					datatype: 'and(uinteger,range(100,60000))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'bus_path',
					path: 'modem2.bus_path',
					type: 'value',
					title: _('Bus path'),
					help: _('Binds the role to a USB or PCI place, such as 1-1.2 or 0000:01:00.0. With two equal modems nothing else is reliable.'),
					pattern: '^([0-9]{1,3}-[0-9]{1,3}([.][0-9]{1,3}){0,6}|[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}[.][0-7])$',
					expected: _('a USB path such as 1-1.2 or a PCI address such as 0000:01:00.0'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'reload'
				},
				{
					name: 'imei',
					path: 'modem2.imei',
					type: 'value',
					title: _('IMEI'),
					help: _('Binds the role to one modem. A modem with another IMEI is left alone.'),
					pattern: '^[0-9]{15}$',
					expected: _('the 15 digits of an IMEI'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'reload'
				},
				{
					name: 'profile',
					path: 'modem2.profile',
					type: 'value',
					title: _('Model profile'),
					help: _('Which command set to use; auto to recognise the model.'),
					default: 'auto',
					pattern: '^[A-Za-z0-9_.-]{1,32}$',
					expected: _('a word of letters, digits, dots, dashes and underscores'),
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'boot_time',
					path: 'modem2.boot_time',
					type: 'value',
					title: _('Boot time'),
					help: _('From reset to the first answer; 0 to learn it.'),
					unit: _('seconds'),
					default: '0',
					datatype: 'and(uinteger,range(0,600))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'pin',
					path: 'modem2.pin',
					type: 'value',
					title: _('PIN'),
					help: _('Of the local SIM. It is tried once, and never when only two tries are left.'),
					pattern: '^[0-9]{4,8}$',
					expected: _('4 to 8 digits'),
					depends: [ { 'modems.dual_modem': '1' } ],
					secret: true,
					effect: 'reload'
				},
				{
					name: 'expected_iccid',
					path: 'modem2.expected_iccid',
					type: 'value',
					title: _('ICCID of the local SIM'),
					help: _('If given, a switch to the local SIM counts only when this card answers, and the PIN is sent to no other.'),
					pattern: '^[0-9]{18,20}[Ff]?$',
					expected: _('the 18 to 20 digits of an ICCID'),
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'apn',
					path: 'modem2.apn',
					type: 'value',
					title: _('APN'),
					help: _('Access point name; empty to leave the modem\'s own.'),
					pattern: '^[A-Za-z0-9._-]{1,100}$',
					expected: _('an access point name'),
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'reload'
				},
				{
					name: 'username',
					path: 'modem2.username',
					type: 'value',
					title: _('User name'),
					help: _('For the access point.'),
					datatype: 'rangelength(1,255)',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'password',
					path: 'modem2.password',
					type: 'value',
					title: _('Password'),
					help: _('For the access point.'),
					datatype: 'rangelength(1,255)',
					depends: [ { 'modems.dual_modem': '1' } ],
					secret: true,
					expert: true,
					effect: 'reload'
				},
				{
					name: 'auth',
					path: 'modem2.auth',
					type: 'choice',
					title: _('Authentication'),
					help: _('Protocol for user name and password.'),
					default: 'none',
					choices: [ [ 'none', _('None') ], [ 'pap', _('PAP') ], [ 'chap', _('CHAP') ] ],
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'pdp_type',
					path: 'modem2.pdp_type',
					type: 'choice',
					title: _('PDP type'),
					default: 'ipv4v6',
					choices: [ [ 'ipv4', _('IPv4') ], [ 'ipv6', _('IPv6') ], [ 'ipv4v6', _('IPv4 and IPv6') ] ],
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'roaming',
					path: 'modem2.roaming',
					type: 'flag',
					title: _('Roaming allowed'),
					help: _('Off: a roaming registration counts as no network.'),
					default: '1',
					depends: [ { 'modems.dual_modem': '1' } ],
					effect: 'reload'
				},
				{
					name: 'default_route',
					path: 'modem2.default_route',
					type: 'flag',
					title: _('Default route'),
					help: _('Whether the main routing table has a default route over this link. The IoT link has one only while routing.share_iot is on.'),
					default: '1',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'metric',
					path: 'modem2.metric',
					type: 'value',
					title: _('Metric'),
					help: _('Of the default route; the lower one is preferred.'),
					default: '200',
					datatype: 'and(uinteger,range(1,9999))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'sim_slot_local',
					path: 'modem2.sim_slot_local',
					type: 'value',
					title: _('Slot of the local SIM'),
					help: _('The modem\'s own slot number, counted from 1; 0 to leave the slot alone.'),
					default: '0',
					datatype: 'and(uinteger,range(0,8))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'sim_slot_remote',
					path: 'modem2.sim_slot_remote',
					type: 'value',
					title: _('Slot of the remote SIM'),
					help: _('The modem\'s own slot number, counted from 1; 0 to leave the slot alone.'),
					default: '0',
					datatype: 'and(uinteger,range(0,8))',
					depends: [ { 'modems.dual_modem': '1' } ],
					expert: true,
					effect: 'reload'
				}
			]
		},
		{
			name: 'ionmesh',
			title: _('IonMesh'),
			help: _('An orchestrator that assigns SIM bank and slot and watches the heartbeat.'),
			page: 'general',
			options: [
				{
					name: 'enabled',
					path: 'ionmesh.enabled',
					type: 'flag',
					title: _('Use IonMesh'),
					default: '0',
					effect: 'client'
				},
				{
					name: 'host',
					path: 'ionmesh.host',
					type: 'value',
					title: _('Host'),
					help: _('Name or address of the orchestrator.'),
					datatype: 'host',
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'hosts',
					path: 'ionmesh.hosts',
					type: 'list',
					title: _('Further hosts'),
					help: _('Tried in this order when the first does not answer.'),
					datatype: 'host',
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'port',
					path: 'ionmesh.port',
					type: 'value',
					title: _('Port'),
					default: '5000',
					datatype: 'and(uinteger,range(1,65535))',
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'tenant_id',
					path: 'ionmesh.tenant_id',
					type: 'value',
					title: _('Tenant'),
					help: _('Number of your tenant at the orchestrator.'),
					default: '1',
					datatype: 'and(uinteger,range(0,2147483647))',
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'mapping_mode',
					path: 'ionmesh.mapping_mode',
					type: 'choice',
					title: _('Mapping mode'),
					help: _('How the orchestrator maps this router to SIMs.'),
					default: 'ONE_TO_ONE_SWSIM',
					choices: [ [ 'ONE_TO_ONE_SWSIM', _('One to one, software SIM') ], [ 'ONE_TO_ONE_VSIM', _('One to one, virtual SIM') ], [ 'KI_PROXY_SWSIM', _('Ki proxy, software SIM') ] ],
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'mcc_mnc',
					path: 'ionmesh.mcc_mnc',
					type: 'value',
					title: _('MCC and MNC'),
					help: _('Ask for a SIM of this network, such as 310410; empty for any.'),
					pattern: '^[0-9]{5,6}$',
					expected: _('5 or 6 digits: country code and network code, such as 310410'),
					depends: [ { 'ionmesh.enabled': '1' } ],
					effect: 'reload'
				},
				{
					name: 'api_key',
					path: 'ionmesh.api_key',
					type: 'value',
					title: _('API key'),
					help: _('Sent with every request if given.'),
					datatype: 'rangelength(1,255)',
					depends: [ { 'ionmesh.enabled': '1' } ],
					secret: true,
					effect: 'reload'
				},
				{
					name: 'client_name',
					path: 'ionmesh.client_name',
					type: 'value',
					title: _('Client name'),
					help: _('How this router calls itself; empty for host name and slot.'),
					pattern: '^[A-Za-z0-9._-]{1,64}$',
					expected: _('1 to 64 letters, digits, dots, dashes and underscores'),
					depends: [ { 'ionmesh.enabled': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'preferred_bank_id',
					path: 'ionmesh.preferred_bank_id',
					type: 'value',
					title: _('Preferred bank'),
					help: _('Bank id to ask for; empty for any.'),
					datatype: 'and(uinteger,range(0,1023))',
					depends: [ { 'ionmesh.enabled': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'allow_commands',
					path: 'ionmesh.allow_commands',
					type: 'list',
					title: _('Commands obeyed'),
					help: _('Remote commands that the orchestrator may send; empty for none.'),
					pattern: '^[A-Za-z0-9_.-]{1,32}$',
					expected: _('a word of letters, digits, dots, dashes and underscores'),
					depends: [ { 'ionmesh.enabled': '1' } ],
					expert: true,
					effect: 'reload'
				}
			]
		},
		{
			name: 'server',
			title: _('remsim-server'),
			help: _('The server that assigns a SIM. With IonMesh the assignment comes from there instead.'),
			page: 'general',
			options: [
				{
					name: 'host',
					path: 'server.host',
					type: 'value',
					title: _('Host'),
					help: _('Name or address of the remsim-server.'),
					datatype: 'host',
					effect: 'client'
				},
				{
					name: 'port',
					path: 'server.port',
					type: 'value',
					title: _('Port'),
					help: _('RSPRO port of the server.'),
					default: '9998',
					datatype: 'and(uinteger,range(1,65535))',
					effect: 'client'
				},
				{
					name: 'rest_port',
					path: 'server.rest_port',
					type: 'value',
					title: _('REST port'),
					help: _('Where the server is asked to make this router\'s mapping anew, when the bank still holds the SIM for a connection that died; 0 asks never.'),
					default: '9997',
					datatype: 'and(uinteger,range(0,65535))',
					expert: true,
					effect: 'client'
				},
				{
					name: 'atr',
					path: 'server.atr',
					type: 'value',
					title: _('Default ATR'),
					help: _('Answer to reset shown to the modem until the bank sends one, in hexadecimal.'),
					datatype: 'and(hexstring,rangelength(4,66))',
					expert: true,
					effect: 'client'
				},
				{
					name: 'atr_ignore_rspro',
					path: 'server.atr_ignore_rspro',
					type: 'flag',
					title: _('Ignore the bank\'s ATR'),
					help: _('Always show the default ATR.'),
					default: '0',
					expert: true,
					effect: 'client'
				}
			]
		},
		{
			name: 'bankd',
			title: _('Fixed SIM bank'),
			help: _('For a bank without any server: the bank daemon and slot this router always uses.'),
			page: 'advanced',
			options: [
				{
					name: 'host',
					path: 'bankd.host',
					type: 'value',
					title: _('Bank host'),
					help: _('Leave empty when a server or IonMesh assigns the bank.'),
					datatype: 'host',
					expert: true,
					effect: 'client'
				},
				{
					name: 'port',
					path: 'bankd.port',
					type: 'value',
					title: _('Bank port'),
					default: '9999',
					datatype: 'and(uinteger,range(1,65535))',
					expert: true,
					effect: 'client'
				},
				{
					name: 'bank_id',
					path: 'bankd.bank_id',
					type: 'value',
					title: _('Bank id'),
					default: '1',
					datatype: 'and(uinteger,range(0,1023))',
					expert: true,
					effect: 'client'
				},
				{
					name: 'slot',
					path: 'bankd.slot',
					type: 'value',
					title: _('Bank slot'),
					default: '0',
					datatype: 'and(uinteger,range(0,1023))',
					expert: true,
					effect: 'client'
				}
			]
		},
		{
			name: 'client',
			title: _('Remote-SIM client'),
			help: _('The program that carries the SIM\'s commands between the SIM bank and the modem.'),
			page: 'advanced',
			options: [
				{
					name: 'client_id',
					path: 'client.client_id',
					type: 'value',
					title: _('Client id'),
					help: _('Number of this router at the remsim-server, which maps it to a SIM in the bank.'),
					default: '0',
					datatype: 'and(uinteger,range(0,1023))',
					effect: 'client'
				},
				{
					name: 'client_slot',
					path: 'client.client_slot',
					type: 'value',
					title: _('Client slot'),
					help: _('Which of this router\'s card slots the client serves.'),
					default: '0',
					datatype: 'and(uinteger,range(0,1023))',
					effect: 'client'
				},
				{
					name: 'backend',
					path: 'client.backend',
					type: 'choice',
					title: _('Program'),
					help: _('The built-in client, or an installed program of osmo-remsim.'),
					default: 'native',
					choices: [ [ 'native', _('Built in') ], [ 'st2', _('osmo-remsim-client-st2') ], [ 'openwrt', _('osmo-remsim-client-openwrt') ] ],
					effect: 'client'
				},
				{
					name: 'front_end',
					path: 'client.front_end',
					type: 'choice',
					title: _('Card front-end'),
					help: _('What presents the remote SIM to the modem. Without one its local SIM stays in use.'),
					default: 'none',
					choices: [ [ 'none', _('None') ], [ 'vpcd', _('Virtual card reader (vpcd)') ], [ 'simtrace2', _('SIMtrace2 board') ], [ 'shell', _('Standard input and output') ] ],
					depends: [ { 'client.backend': 'native' } ],
					effect: 'client'
				},
				{
					name: 'bank_hold',
					path: 'client.bank_hold',
					type: 'value',
					title: _('Hold the card after losing the bank'),
					help: _('For this long a lost bank connection neither removes the card nor resets the modem.'),
					unit: _('seconds'),
					default: '300',
					datatype: 'and(uinteger,range(10,3600))',
					expert: true,
					effect: 'client'
				},
				{
					name: 'server_keepalive',
					path: 'client.server_keepalive',
					type: 'value',
					title: _('Keep-alive to the server'),
					help: _('After such a silence a sign of life is asked for. Each costs data of the IoT plan; 0 asks for none.'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(0,3600))',
					depends: [ { 'client.backend': 'native' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'bank_keepalive',
					path: 'client.bank_keepalive',
					type: 'value',
					title: _('Keep-alive to the bank'),
					help: _('The same for the connection to the bank.'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(0,3600))',
					depends: [ { 'client.backend': 'native' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'cache',
					path: 'client.cache',
					type: 'flag',
					title: _('Remember the SIM\'s fixed files'),
					help: _('Answers the modem\'s reading of files that never change without asking the bank, so that it starts in a third of the time over a slow link. What was told is compared with the SIM afterwards; the answers are kept on the router.'),
					default: '0',
					depends: [ { 'client.backend': 'native' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'vpcd_host',
					path: 'client.vpcd_host',
					type: 'value',
					title: _('vpcd host'),
					help: _('Where the virtual card reader listens.'),
					default: '127.0.0.1',
					datatype: 'host',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'vpcd' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'vpcd_port',
					path: 'client.vpcd_port',
					type: 'value',
					title: _('vpcd port'),
					help: _('Of the virtual reader\'s first slot; each slot has a port of its own.'),
					default: '35963',
					datatype: 'and(uinteger,range(1,65535))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'vpcd' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_vendor',
					path: 'client.usb_vendor',
					type: 'value',
					title: _('USB vendor id'),
					help: _('Of the SIMtrace2 board; empty for any.'),
					pattern: '^[0-9a-fA-F]{4}$',
					expected: _('4 hexadecimal digits'),
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_product',
					path: 'client.usb_product',
					type: 'value',
					title: _('USB product id'),
					help: _('Of the SIMtrace2 board; empty for any.'),
					pattern: '^[0-9a-fA-F]{4}$',
					expected: _('4 hexadecimal digits'),
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_serial',
					path: 'client.usb_serial',
					type: 'value',
					title: _('USB serial number'),
					help: _('Tells two equal boards apart, wherever they are plugged in; empty for any.'),
					datatype: 'rangelength(1,126)',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_path',
					path: 'client.usb_path',
					type: 'value',
					title: _('USB path'),
					help: _('Tells two equal boards apart: the bus path of the board, such as 1-1.2.'),
					pattern: '^[0-9]{1,3}-[0-9]{1,3}([.][0-9]{1,3}){0,6}$',
					expected: _('a USB path such as 1-1.2'),
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_address',
					path: 'client.usb_address',
					type: 'value',
					title: _('USB address'),
					help: _('Changes with every plugging.'),
					datatype: 'and(uinteger,range(1,127))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_config',
					path: 'client.usb_config',
					type: 'value',
					title: _('USB configuration'),
					help: _('Empty for any.'),
					datatype: 'and(uinteger,range(0,255))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_interface',
					path: 'client.usb_interface',
					type: 'value',
					title: _('USB interface'),
					help: _('One for each card slot; empty for any.'),
					datatype: 'and(uinteger,range(0,255))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'usb_altsetting',
					path: 'client.usb_altsetting',
					type: 'value',
					title: _('USB alternate setting'),
					help: _('Empty for 0.'),
					datatype: 'and(uinteger,range(0,255))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'sim_presence',
					path: 'client.sim_presence',
					type: 'value',
					title: _('SIM presence level'),
					help: _('Level of the presence pin while a card is there; empty to leave it alone.'),
					datatype: 'and(uinteger,range(0,1))',
					depends: [ { 'client.backend': 'native', 'client.front_end': 'simtrace2' }, { 'client.backend': 'st2' } ],
					expert: true,
					effect: 'client'
				}
			]
		},
		{
			name: 'heartbeat',
			title: _('Heartbeat'),
			help: _('The bank keeps the SIM assigned only while heartbeats arrive.'),
			page: 'network',
			options: [
				{
					name: 'interval',
					path: 'heartbeat.interval',
					type: 'value',
					title: _('Interval'),
					help: _('Time between two heartbeats. Each costs data of the IoT plan.'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(10,300))',
					effect: 'reload'
				},
				{
					name: 'timeout',
					path: 'heartbeat.timeout',
					type: 'value',
					title: _('Time limit'),
					help: _('How long an answer may take.'),
					unit: _('seconds'),
					default: '10',
					datatype: 'and(uinteger,range(5,60))',
					effect: 'reload'
				},
				{
					name: 'grace',
					path: 'heartbeat.grace',
					type: 'value',
					title: _('Grace period'),
					help: _('How long the bank keeps the SIM assigned after the last heartbeat.'),
					unit: _('seconds'),
					default: '300',
					datatype: 'and(uinteger,range(60,86400))',
					effect: 'reload'
				},
				{
					name: 'min_interval',
					path: 'heartbeat.min_interval',
					type: 'value',
					title: _('Shortest interval'),
					help: _('The orchestrator may ask for nothing shorter.'),
					unit: _('seconds'),
					default: '10',
					datatype: 'and(uinteger,range(5,300))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'max_interval',
					path: 'heartbeat.max_interval',
					type: 'value',
					title: _('Longest interval'),
					help: _('The orchestrator may ask for nothing longer, and a data plan stretches no further.'),
					unit: _('seconds'),
					default: '300',
					datatype: 'and(uinteger,range(10,3600))',
					expert: true,
					effect: 'reload'
				}
			]
		},
		{
			name: 'failover',
			title: _('Failover and recovery'),
			page: 'network',
			options: [
				{
					name: 'hold_down',
					path: 'failover.hold_down',
					type: 'value',
					title: _('Hold-down'),
					help: _('A recovered link must be well for this long before it is used again.'),
					unit: _('seconds'),
					default: '30',
					datatype: 'and(uinteger,range(0,3600))',
					effect: 'reload'
				},
				{
					name: 'iot_reset_after',
					path: 'failover.iot_reset_after',
					type: 'value',
					title: _('Reset IoT modem after'),
					help: _('Time without an IoT link before its modem is reset.'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(10,3600))',
					effect: 'reload'
				},
				{
					name: 'primary_reset_after',
					path: 'failover.primary_reset_after',
					type: 'value',
					title: _('Reset primary modem after'),
					help: _('Time without a primary link before its modem is reset.'),
					unit: _('seconds'),
					default: '180',
					datatype: 'and(uinteger,range(10,3600))',
					effect: 'reload'
				},
				{
					name: 'both_reset_after',
					path: 'failover.both_reset_after',
					type: 'value',
					title: _('Reset when both are down'),
					help: _('At the latest; sooner if the modem\'s boot time would outlast the grace period.'),
					unit: _('seconds'),
					default: '180',
					datatype: 'and(uinteger,range(10,3600))',
					effect: 'reload'
				},
				{
					name: 'backoff_max',
					path: 'failover.backoff_max',
					type: 'value',
					title: _('Longest pause'),
					help: _('Between two rounds of recovery that did not help.'),
					unit: _('seconds'),
					default: '3600',
					datatype: 'and(uinteger,range(60,86400))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'probe_targets',
					path: 'failover.probe_targets',
					type: 'list',
					title: _('Probe targets'),
					help: _('Addresses asked over a link when the orchestrator does not answer, to tell a dead link from a dead server.'),
					default: [ '1.1.1.1', '8.8.8.8' ],
					datatype: 'ipaddr',
					effect: 'reload'
				},
				{
					name: 'probe_timeout',
					path: 'failover.probe_timeout',
					type: 'value',
					title: _('Probe time limit'),
					unit: _('seconds'),
					default: '5',
					datatype: 'and(uinteger,range(1,60))',
					expert: true,
					effect: 'reload'
				},
				{
					name: 'probe_interval',
					path: 'failover.probe_interval',
					type: 'value',
					title: _('Probe interval'),
					help: _('How often mwan3 asks the probe targets.'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(10,3600))',
					depends: [ { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'local_fallback',
					path: 'failover.local_fallback',
					type: 'flag',
					title: _('Fall back to the local SIM'),
					help: _('Switch the primary modem to its local SIM while the remote one is unusable.'),
					default: '0',
					effect: 'reload'
				},
				{
					name: 'local_fallback_after',
					path: 'failover.local_fallback_after',
					type: 'value',
					title: _('Fall back after'),
					help: _('How long the remote SIM must have been unusable.'),
					unit: _('seconds'),
					default: '900',
					datatype: 'and(uinteger,range(60,86400))',
					depends: [ { 'failover.local_fallback': '1' } ],
					effect: 'reload'
				}
			]
		},
		{
			name: 'routing',
			title: _('Routing of the control traffic'),
			page: 'network',
			options: [
				{
					name: 'mode',
					path: 'routing.mode',
					type: 'choice',
					title: _('Method'),
					help: _('How the control traffic is led over the chosen link.'),
					default: 'policy',
					choices: [ [ 'policy', _('Policy routing') ], [ 'static', _('Host routes') ], [ 'mwan3', _('mwan3') ], [ 'none', _('None') ] ],
					effect: 'reload'
				},
				{
					name: 'force_iot_routing',
					path: 'routing.force_iot_routing',
					type: 'flag',
					title: _('Prefer the IoT link'),
					help: _('With two modems: control traffic goes over the IoT link whenever it works.'),
					default: '1',
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'static' }, { 'routing.mode': 'mwan3' } ],
					effect: 'reload'
				},
				{
					name: 'iot_interface',
					path: 'routing.iot_interface',
					type: 'value',
					title: _('IoT interface'),
					help: _('Interface or network device of the IoT link, if it is not that of modem 2.'),
					default: 'wwan1',
					pattern: '^[A-Za-z0-9_.@-]{1,15}$',
					expected: _('an interface name of at most 15 characters'),
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'static' }, { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'share_iot',
					path: 'routing.share_iot',
					type: 'flag',
					title: _('Share the IoT link'),
					help: _('On: users\' traffic may take the IoT link too. Mind its data plan.'),
					default: '0',
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'static' }, { 'routing.mode': 'mwan3' } ],
					effect: 'reload'
				},
				{
					name: 'allow',
					path: 'routing.allow',
					type: 'list',
					title: _('Allowed on the IoT link'),
					help: _('Hosts and networks besides the control traffic, for instance of remote support.'),
					datatype: 'or(host,cidr)',
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'static' }, { 'routing.mode': 'mwan3' } ],
					effect: 'reload'
				},
				{
					name: 'table',
					path: 'routing.table',
					type: 'value',
					title: _('Routing table'),
					help: _('A table that nothing else uses.'),
					default: '10',
					datatype: 'and(uinteger,range(1,252))',
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'priority',
					path: 'routing.priority',
					type: 'value',
					title: _('Rule priority'),
					help: _('Lower numbers are asked first.'),
					default: '100',
					datatype: 'and(uinteger,range(1,32765))',
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'mark',
					path: 'routing.mark',
					type: 'value',
					title: _('Packet mark'),
					help: _('Marks the control traffic; all its bits lie within the mask.'),
					default: '0x52000000',
					pattern: '^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$',
					expected: _('a number of 32 bits such as 0x520000'),
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'mark_mask',
					path: 'routing.mark_mask',
					type: 'value',
					title: _('Packet mark mask'),
					help: _('The bits of the mark that belong to remsim.'),
					default: '0xff000000',
					pattern: '^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$',
					expected: _('a number of 32 bits such as 0x520000'),
					depends: [ { 'routing.mode': 'policy' }, { 'routing.mode': 'mwan3' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'weight_primary',
					path: 'routing.weight_primary',
					type: 'value',
					title: _('Share of the primary link'),
					help: _('With mwan3 and a shared IoT link.'),
					default: '3',
					datatype: 'and(uinteger,range(1,1000))',
					depends: [ { 'routing.mode': 'mwan3', 'routing.share_iot': '1' } ],
					expert: true,
					effect: 'reload'
				},
				{
					name: 'weight_iot',
					path: 'routing.weight_iot',
					type: 'value',
					title: _('Share of the IoT link'),
					help: _('With mwan3 and a shared IoT link.'),
					default: '1',
					datatype: 'and(uinteger,range(1,1000))',
					depends: [ { 'routing.mode': 'mwan3', 'routing.share_iot': '1' } ],
					expert: true,
					effect: 'reload'
				}
			]
		},
		{
			name: 'security',
			title: _('Security'),
			help: _('Of the connections to orchestrator and server.'),
			page: 'network',
			options: [
				{
					name: 'use_tls',
					path: 'security.use_tls',
					type: 'flag',
					title: _('Use TLS'),
					help: _('Recommended.'),
					default: '0',
					effect: 'client'
				},
				{
					name: 'verify',
					path: 'security.verify',
					type: 'flag',
					title: _('Check the server\'s certificate'),
					help: _('Off only while testing.'),
					default: '1',
					depends: [ { 'security.use_tls': '1' } ],
					effect: 'client'
				},
				{
					name: 'ca_cert',
					path: 'security.ca_cert',
					type: 'value',
					title: _('CA certificates'),
					help: _('File with the certificates that are trusted.'),
					default: '/etc/ssl/certs/ca-certificates.crt',
					datatype: 'file',
					pattern: '^/.*$',
					expected: _('an absolute path of a file'),
					depends: [ { 'security.use_tls': '1' } ],
					effect: 'client'
				},
				{
					name: 'client_cert',
					path: 'security.client_cert',
					type: 'value',
					title: _('Client certificate'),
					help: _('File with this router\'s certificate.'),
					datatype: 'file',
					pattern: '^/.*$',
					expected: _('an absolute path of a file'),
					depends: [ { 'security.use_tls': '1' } ],
					effect: 'client'
				},
				{
					name: 'client_key',
					path: 'security.client_key',
					type: 'value',
					title: _('Client key'),
					help: _('File with the key of this router\'s certificate.'),
					datatype: 'file',
					pattern: '^/.*$',
					expected: _('an absolute path of a file'),
					depends: [ { 'security.use_tls': '1' } ],
					effect: 'client'
				},
				{
					name: 'client_key_passphrase',
					path: 'security.client_key_passphrase',
					type: 'value',
					title: _('Passphrase of the client key'),
					datatype: 'rangelength(1,255)',
					depends: [ { 'security.use_tls': '1' } ],
					secret: true,
					expert: true,
					effect: 'client'
				},
				{
					name: 'server_name',
					path: 'security.server_name',
					type: 'value',
					title: _('Server name'),
					help: _('Name that the certificate must carry if it is not the host\'s.'),
					datatype: 'host',
					depends: [ { 'security.use_tls': '1' } ],
					expert: true,
					effect: 'client'
				}
			]
		},
		{
			name: 'monitoring',
			title: _('Monitoring'),
			page: 'advanced',
			options: [
				{
					name: 'signal_monitoring',
					path: 'monitoring.signal_monitoring',
					type: 'flag',
					title: _('Watch the signal'),
					help: _('Ask the modems for signal quality.'),
					default: '1',
					effect: 'client'
				},
				{
					name: 'signal_interval',
					path: 'monitoring.signal_interval',
					type: 'value',
					title: _('Signal interval'),
					unit: _('seconds'),
					default: '60',
					datatype: 'and(uinteger,range(10,600))',
					depends: [ { 'monitoring.signal_monitoring': '1' } ],
					effect: 'client'
				},
				{
					name: 'stats_interval',
					path: 'monitoring.stats_interval',
					type: 'value',
					title: _('Statistics interval'),
					help: _('How often a summary is written to the log; 0 for never.'),
					unit: _('seconds'),
					default: '3600',
					datatype: 'and(uinteger,range(0,604800))',
					effect: 'client'
				},
				{
					name: 'track_data_usage',
					path: 'monitoring.track_data_usage',
					type: 'flag',
					title: _('Count data'),
					help: _('Keep counters of both links over restarts.'),
					default: '1',
					effect: 'reload'
				}
			]
		},
		{
			name: 'logging',
			title: _('Logging'),
			page: 'advanced',
			options: [
				{
					name: 'debug',
					path: 'logging.debug',
					type: 'flag',
					title: _('Debug log'),
					default: '0',
					effect: 'client'
				},
				{
					name: 'log_categories',
					path: 'logging.log_categories',
					type: 'value',
					title: _('Log categories'),
					help: _('Of osmo-remsim\'s programs.'),
					default: 'DMAIN:DPCU',
					pattern: '^[A-Z][A-Z0-9]*(,[0-9]{1,2})?(:[A-Z][A-Z0-9]*(,[0-9]{1,2})?)*$',
					expected: _('log categories such as DMAIN:DPCU'),
					depends: [ { 'logging.debug': '1' } ],
					expert: true,
					effect: 'client'
				},
				{
					name: 'syslog',
					path: 'logging.syslog',
					type: 'flag',
					title: _('System log'),
					help: _('Write to the system log.'),
					default: '1',
					effect: 'reload'
				}
			]
		},
		{
			name: 'advanced',
			title: _('Advanced'),
			page: 'advanced',
			options: [
				{
					name: 'event_script',
					path: 'advanced.event_script',
					type: 'value',
					title: _('Event script'),
					help: _('A program of your own that is run when the client reports an event.'),
					datatype: 'file',
					pattern: '^/.*$',
					expected: _('an absolute path of a file'),
					expert: true,
					effect: 'reload'
				},
				{
					name: 'keep_running',
					path: 'advanced.keep_running',
					type: 'flag',
					title: _('Keep running on errors'),
					help: _('Off: the client is not started again after it failed.'),
					default: '1',
					expert: true,
					effect: 'client'
				}
			]
		}
	]
});
