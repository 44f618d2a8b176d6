'use strict';
'require baseclass';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The state in words. Pure: no page, no calls, no clock. Source: docs/ubus.md.
 *
 * null is "not known" and never becomes zero: words(null) says so, and `known` is false there.
 * A mark is [ level, word ]; levels are good, warn, bad, busy, off, unknown. */

const UNKNOWN = [ 'unknown', _('unknown') ];

const MODEM_STATES = {
	absent: [ 'bad', _('not there') ],
	booting: [ 'busy', _('booting') ],
	no_sim: [ 'bad', _('no SIM') ],
	pin_needed: [ 'bad', _('PIN needed') ],
	searching: [ 'busy', _('searching for a network') ],
	registered: [ 'warn', _('registered, no data') ],
	connected: [ 'good', _('connected') ],
	failed: [ 'bad', _('failed') ]
};

const ASSIGNMENTS = {
	active: [ 'good', _('assigned') ],
	grace: [ 'warn', _('grace period') ],
	expired: [ 'bad', _('lost') ],
	unregistered: [ 'off', _('not registered') ]
};

const PATHS = {
	up: [ 'good', _('up') ],
	down: [ 'bad', _('down') ]
};

const SOURCES = {
	remote: [ 'good', _('from the bank') ],
	local: [ 'off', _('own card') ]
};

const REGISTRATIONS = {
	0: [ 'bad', _('not searching') ],
	1: [ 'good', _('home network') ],
	2: [ 'busy', _('searching') ],
	3: [ 'bad', _('denied') ],
	5: [ 'good', _('roaming') ],
	6: [ 'warn', _('SMS only') ],
	7: [ 'warn', _('roaming, SMS only') ],
	8: [ 'bad', _('emergency calls only') ],
	9: [ 'warn', _('home network, without CSFB') ],
	10: [ 'warn', _('roaming, without CSFB') ]
};

const ROUTINGS = {
	applied: [ 'good', _('applied') ],
	pending: [ 'busy', _('pending') ],
	failed: [ 'bad', _('failed') ],
	off: [ 'off', _('off') ]
};

const LEVELS = {
	good: _('good'),
	warn: _('warning'),
	bad: _('error'),
	busy: _('under way'),
	off: _('off'),
	unknown: _('unknown')
};

const MODEMS = { modem1: _('Modem 1: primary'), modem2: _('Modem 2: IoT') };
const CARRIERS = { iot: _('the IoT modem'), primary: _('the primary modem') };

const STEPS = {
	interface: _('interface down and up'),
	radio: _('radio off and on'),
	at_reset: _('reset by AT command'),
	reset_line: _('reset line'),
	bus: _('USB or PCI again'),
	power: _('power off and on')
};

const PHASES = {
	'interface down': _('interface down'),
	'interface up': _('interface up'),
	'check': _('check'),
	'switch': _('SIM switch'),
	'radio off': _('radio off'),
	'radio on': _('radio on'),
	'reset': _('reset'),
	'SIM ready': _('SIM ready'),
	'ICCID': _('ICCID read'),
	'already there': _('nothing to switch'),
	'sim': _('SIM to local'),
	'routes': _('routes handed back')
};

const KINDS = {
	alert: _('alert'),
	assignment: _('assignment'),
	audit: _('remote command'),
	client: _('client'),
	control_path: _('control path'),
	heartbeat: _('heartbeat'),
	job: _('action'),
	modem: _('modem'),
	path: _('path'),
	recovery: _('recovery'),
	routing: _('routing'),
	sim: _('SIM')
};

const BLAME = {
	argument: _('wrong argument'),
	busy: _('busy'),
	not_possible: _('not possible here'),
	config: _('configuration'),
	device: _('device'),
	device_gone: _('device gone'),
	device_timeout: _('device does not answer'),
	at: _('refused by the modem'),
	at_nonsense: _('unreadable answer of the modem'),
	peer: _('other side'),
	peer_unreachable: _('not reachable'),
	peer_rejected: _('refused by the other side'),
	peer_nonsense: _('unreadable answer'),
	storage: _('storage'),
	internal: _('bug in remsim')
};

/* Sentences of the daemon that a page shows often; any other stays as it is. */
const REASONS = [
	[ /^registered and addressed$/, _('registered and addressed') ],
	[ /^link works, orchestrator silent$/, _('link works, orchestrator is silent') ],
	[ /^orchestrator and probe targets silent$/, _('orchestrator and probe targets are silent') ],
	[ /^interface (\S+) has no device$/, _('interface %s has no device') ],
	[ /^link (\S+) has no carrier$/, _('link %s has no carrier') ],
	[ /^link (\S+) has no address$/, _('link %s has no address') ],
	[ /^modem roams, which is not allowed$/, _('roams, which is not allowed') ],
	[ /^not seen yet$/, _('not seen yet') ],
	[ /^no card front-end is configured/, _('no card front-end is configured') ],
	[ /^the bank connection does not stand$/, _('the bank is not connected') ]
];

/* What is wrong and what to do, by the alert's id; one that is not here keeps the daemon's words. */
const ALERTS = [
	[ /^assignment\.grace$/, _('No heartbeat is answered'), _('Nothing to do yet: both paths and every host are tried.') ],
	[ /^assignment\.expired$/, _('The assignment is lost'), _('It is registered again as soon as the orchestrator answers.') ],
	[ /^assignment\.refused$/, _('Registration fails'), _('Check host, tenant and API key, and the orchestrator\'s log.') ],
	[ /^modem[12]\.pin$/, _('The SIM wants a PIN'), _('Enter the PIN in the configuration. It is tried once, and only with more than two tries left.') ],
	[ /^modem[12]\.down$/, _('The path is down'), _('Recovery steps run by themselves; the page of the modems shows which.') ],
	[ /^modem1\.no_sim$/, _('No SIM'), _('Check the SIM switch, the card front-end and the bank\'s assignment.') ],
	[ /^modem[12]\.roaming$/, _('Only a roaming network is found'), _('Allow roaming for this modem in the configuration where the plan permits it.') ],
	[ /^modem2\.no_sim$/, _('No SIM'), _('Check the IoT SIM\'s holder and contacts.') ],
	[ /^config$/, _('The configuration was not accepted'), _('Correct it; until then the last accepted one is in force.') ],
	[ /^routing$/, _('Routing could not be applied'), _('Run "remsim routing check" on the router.') ],
	[ /^storage$/, _('Something cannot be written'), _('Free some space on the router; what is not written is lost at the next restart.') ],
	[ /^gpio\./, _('A GPIO line does not work'), _('Check the line\'s name in the configuration and who else uses it.') ]
];

/* [ RSRP, RSSI ] in dBm from which on a signal has 4, 3, 2, 1 bars. */
const BARS = [ [ -80, -65 ], [ -90, -75 ], [ -100, -85 ], [ -110, -95 ] ];
const BAR_WORDS = [ _('very weak'), _('weak'), _('fair'), _('good'), _('very good') ];

const MINUTE = 60, HOUR = 3600, DAY = 86400;

return baseclass.extend({
	mark: function(table, key) {
		return (key != null && table[key]) || UNKNOWN;
	},

	modem: function(state) { return this.mark(MODEM_STATES, state) },
	assignment: function(state) { return this.mark(ASSIGNMENTS, state) },
	path: function(state) { return this.mark(PATHS, state) },
	source: function(source) { return this.mark(SOURCES, source) },
	registration: function(stat) { return this.mark(REGISTRATIONS, stat) },
	routing: function(state) { return this.mark(ROUTINGS, state) },
	levelWord: function(level) { return LEVELS[level] },

	modemName: function(name) { return MODEMS[name] || name },
	carrier: function(path) { return CARRIERS[path] || _('no modem') },
	step: function(name) { return STEPS[name] || name },
	phase: function(text) { return PHASES[text] || text },
	kind: function(name) { return KINDS[name] || name },
	kinds: function() { return Object.keys(KINDS) },
	blame: function(code) { return BLAME[code] || code },

	known: function(value) {
		return value != null && value !== '';
	},

	words: function(value, unit) {
		return this.known(value) ? (unit ? '%s %s'.format(value, unit) : String(value)) : UNKNOWN[1];
	},

	/* 252 -> "4 min 12 s" */
	span: function(seconds) {
		if (seconds == null)
			return UNKNOWN[1];

		const s = Math.max(0, Math.round(seconds));

		if (s < 2 * MINUTE)
			return _('%d s').format(s);

		if (s < HOUR)
			return _('%d min %d s').format(s / MINUTE, s % MINUTE);

		if (s < 2 * DAY)
			return _('%d h %d min').format(s / HOUR, s % HOUR / MINUTE);

		return _('%d days').format(s / DAY);
	},

	ago: function(seconds) {
		if (seconds == null)
			return _('never');

		return seconds < 2 ? _('just now') : _('%s ago').format(this.span(seconds));
	},

	/* A failure context as a list of short statements. */
	failure: function(failure) {
		if (!failure)
			return [];

		const said = [ failure.reason, this.blame(failure.type) ];

		if (failure.code && failure.code != failure.type)
			said.push(failure.code);

		if (failure.attempt > 1)
			said.push(_('attempt %d').format(failure.attempt));

		if (failure.age_s != null)
			said.push(this.ago(failure.age_s));

		if (failure.next_retry_in_s != null)
			said.push(_('next try in %s').format(this.span(failure.next_retry_in_s)));

		return said;
	},

	/* A sentence of the daemon. */
	reason: function(text) {
		const found = REASONS.find(function(row) { return row[0].test(text) });

		if (found)
			return found[1].format(text.match(found[0])[1]);

		const state = MODEM_STATES[String(text).replace(/^modem /, '').replace(/ /g, '_')];

		return state ? state[1] : text;
	},

	/* An alert for people: { level, text, detail, advice, since_s }. */
	alert: function(alert) {
		const found = ALERTS.find(function(row) { return row[0].test(alert.id) });
		const modem = MODEMS[alert.id.split('.')[0]];

		return {
			level: alert.severity == 'error' ? 'bad' : 'warn',
			text: !found ? alert.reason : modem ? '%s (%s)'.format(found[1], modem) : found[1],
			detail: found ? alert.reason : '',
			advice: found ? found[2] : alert.advice,
			since_s: alert.since_s
		};
	},

	/* Bars (0 to 4, null: not known), a word for them and the measured values. */
	signal: function(signal) {
		const rsrp = signal ? signal.rsrp_dbm : null, rssi = signal ? signal.rssi_dbm : null;

		if (rsrp == null && rssi == null)
			return { bars: null, word: UNKNOWN[1], text: UNKNOWN[1] };

		const column = rsrp != null ? 0 : 1, value = rsrp != null ? rsrp : rssi;
		const missed = BARS.findIndex(function(row) { return value >= row[column] });
		const bars = missed < 0 ? 0 : 4 - missed;

		return {
			bars: bars,
			word: BAR_WORDS[bars],
			text: '%d dBm %s'.format(value, column ? 'RSSI' : 'RSRP')
		};
	},

	/* 1234567 -> "1.2 MB"; units of 1000, as data plans count. */
	bytes: function(count) {
		if (count == null)
			return UNKNOWN[1];

		const power = Math.max(0, Math.min(4, Math.floor(Math.log10(Math.max(count, 1)) / 3)));

		return '%s %s'.format(Number((count / Math.pow(1000, power)).toFixed(power ? 1 : 0)), [ 'B', 'kB', 'MB', 'GB', 'TB' ][power]);
	},

	/* A failed call: what it means. `absent`: the router answers and remsim does not. */
	trouble: function(error) {
		const text = String((error && error.message) || error);

		if (error && error.code != null)
			return { denied: false, absent: false, text: text };

		if ((/error -32002|code 6:/).test(text))
			return { denied: true, absent: false, text: _('This login may not see the state of remsim.') };

		if ((/error -32000|code (4|7|9|10):/).test(text))
			return { denied: false, absent: true, text: _('The service remsim does not answer: it is stopped, starting or hangs.') };

		if ((/timed out/).test(text))
			return { denied: false, absent: true, text: _('No answer in time: the service remsim or the router hangs.') };

		if ((/XHR request|HTTP error|No related RPC reply/).test(text))
			return { denied: false, absent: false, text: _('The router does not answer.') };

		return { denied: false, absent: false, text: text };
	},

	/* Everything that needs a person's eye, worst first, as alert() says it. */
	concerns: function(status) {
		const found = status.alerts.map(L.bind(this.alert, this));

		if (!status.enabled)
			found.push({ level: 'off', text: _('remsim is switched off.'), advice: _('Switch it on in the configuration.') });

		if (status.released)
			found.push({ level: 'off', text: _('Everything was released: SIM local, routes handed back.'), advice: _('Restart the service to take over again.') });

		return found.sort(function(a, b) { return (b.level == 'bad') - (a.level == 'bad') });
	},

	/* Rows of a table as CSV (RFC 4180). A cell that a spreadsheet would run gets a quote before it. */
	csv: function(rows) {
		return rows.map(function(row) {
			return row.map(function(cell) {
				const text = cell == null ? '' : String(cell);
				const safe = (/^[=+\-@\t\r]/).test(text) && !(/^-?[0-9.]+$/).test(text) ? '\'' + text : text;

				return (/[",\r\n]/).test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
			}).join(',');
		}).join('\r\n') + '\r\n';
	}
});
