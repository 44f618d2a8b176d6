// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.live as live';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The picture of the Overview: the modems on one side, the SIM bank on the other, and between them
 * what travels: heartbeats over the path that carries them, the SIM's commands to the primary modem. */

return baseclass.extend({
	/* actions: { modem1: [ button, … ], modem2: […], bank: […] } */
	draw: function(status, actions) {
		const parts = [ 'modem1', 'modem2' ].filter(function(name) { return status[name] });

		return E('div', { 'class': 'remsim-picture' }, [].concat(...parts.map(L.bind(function(name) {
			return [ this.modem(status, name, actions[name]), this.path(status, name) ];
		}, this)), [ this.bank(status, actions.bank) ]));
	},

	card: function(name, title, mark, rows, buttons) {
		return E('section', { 'class': 'remsim-card remsim-edge-%s remsim-at-%s'.format(mark[0], name), 'aria-label': title, 'data-key': name }, [
			E('h3', {}, [ title ]),
			E('p', {}, [ live.badge(mark) ]),
			live.terms(rows),
			E('div', { 'class': 'remsim-actions' }, buttons)
		]);
	},

	modem: function(status, name, buttons) {
		const modem = status[name], field = modem.fields;
		const current = modem.state == 'connected' || modem.state == 'registered';
		const registration = field.registration && field.registration.value;
		const readings = [ field.operator, field.technology ].filter(function(reading) { return reading && words.known(reading.value) });
		const network = readings.map(function(reading) { return reading.value });
		const age_s = Math.max(...readings.map(function(reading) { return reading.age_s }));

		if (registration && registration.stat != 1)
			network.push(words.registration(registration.stat)[1]);

		return this.card(name, words.modemName(name), words.modem(modem.state), [
			[ _('Network'), network.length ? E('span', { 'class': current ? null : 'remsim-old' }, [ network.join(' · ') ]) : live.value(null), ' ', readings.length ? live.age(age_s) : '' ],
			[ _('Signal'), this.signal(field.signal, current) ],
			[ _('SIM'), live.badge(words.source(modem.sim.source)), live.failure(modem.sim.failure) ],
			[ _('Path'), live.badge(words.path(modem.path.state)), modem.path.state == 'down' ? E('div', {}, [ words.reason(modem.path.reason) ]) : '' ],
			this.recovery(modem.recovery),
			modem.failure ? [ _('Trouble'), live.failure(modem.failure) ] : null
		], buttons || []);
	},

	/* What a modem said before it fell silent is dim. */
	signal: function(reading, current) {
		const signal = words.signal(reading ? reading.value : null);

		return E('span', { 'class': current ? null : 'remsim-old' }, [
			this.bars(signal.bars), ' ',
			signal.bars == null ? live.value(null) : '%s (%s)'.format(signal.text, signal.word), ' ',
			signal.bars == null ? '' : live.age(reading.age_s)
		]);
	},

	bars: function(count) {
		return live.svg('svg', { 'class': 'remsim-bars', 'viewBox': '0 0 22 16', 'aria-hidden': 'true' }, [ 0, 1, 2, 3 ].map(function(i) {
			return live.svg('rect', {
				'class': count != null && i < count ? 'remsim-on' : null,
				'x': 1 + 5 * i, 'y': 11 - 3 * i, 'width': 4, 'height': 4 + 3 * i
			});
		}));
	},

	recovery: function(recovery) {
		if (!recovery.active)
			return null;

		return [ _('Recovery'), live.badge([ 'busy', recovery.step ? words.step(recovery.step) : _('waiting') ]), recovery.next_step && recovery.next_in_s != null ? E('div', {}, [
			_('then: %s, in').format(words.step(recovery.next_step)), ' ', live.countdown(recovery.next_in_s)
		]) : '' ];
	},

	/* What travels between one modem and the bank. */
	path: function(status, name) {
		const modem = status[name], carries = status.control_path.modem == name, up = modem.path.up;
		const held_s = status.control_path.held_back_s, waits = held_s != null && name == 'modem2';
		const strands = [ carries ? [ 'heartbeat', _('carries the heartbeat') ]
			: up ? waits ? [ 'idle', _('takes over in'), ' ', live.countdown(held_s) ] : [ 'idle', _('stands by') ]
				: modem.path.state == 'down' ? [ 'cut', _('interrupted') ] : [ 'idle', words.words(null) ] ];

		if (modem.sim.source == 'remote')
			strands.push([ status.client.bank_connected ? 'sim' : 'cut', status.client.bank_connected ? _('SIM from the bank') : _('no SIM from the bank') ]);

		return E('div', { 'class': 'remsim-path remsim-path-' + name, 'data-key': 'path-' + name }, strands.map(L.bind(function(strand) {
			return E('div', { 'class': 'remsim-strand remsim-strand-' + strand[0] }, [ this.strand(strand[0]), E('span', {}, strand.slice(1)) ]);
		}, this)));
	},

	strand: function(kind) {
		const arrow = { heartbeat: 'M92 2L99 8L92 14', sim: 'M8 2L1 8L8 14', cut: 'M45 3L55 13M55 3L45 13', idle: '' }[kind];

		return live.svg('svg', { 'viewBox': '0 0 100 16', 'preserveAspectRatio': 'none', 'aria-hidden': 'true' }, [
			live.svg('path', { 'd': kind == 'cut' ? 'M1 8H40M60 8H99' : 'M1 8H99' }),
			live.svg('path', { 'class': 'remsim-arrow', 'd': arrow })
		]);
	},

	bank: function(status, buttons) {
		const assignment = status.assignment, beat = status.heartbeat, mark = words.assignment(assignment.state);
		const place = [ assignment.bank_id, assignment.slot_id ];

		return this.card('bank', _('SIM bank'), mark, [
			assignment.grace_left_s != null ? [ _('Lets go in'), this.grace(assignment.grace_left_s) ] : null,
			[ _('Bank and slot'), place[0] == null ? live.value(null) : place.join(' / ') ],
			[ _('ICCID'), live.value(assignment.iccid) ],
			[ _('Heartbeat answered'), beat.last_answer_age_s == null ? words.ago(null) : live.age(beat.last_answer_age_s),
				E('div', {}, [ this.beat(beat) ]) ],
			beat.next_in_s != null ? [ _('Next heartbeat in'), live.countdown(beat.next_in_s) ] : null,
			assignment.next_try_in_s != null ? [ _('Next registration in'), live.countdown(assignment.next_try_in_s) ] : null,
			[ _('SIM commands'), status.client.remote_possible ? live.badge([ 'good', _('connected') ]) : live.badge([ 'off', _('not connected') ]),
				E('div', {}, [ this.client(status.client) ]) ],
			assignment.failure || beat.failure ? [ _('Trouble'), live.failure(assignment.failure || beat.failure) ] : null
		], buttons);
	},

	client: function(client) {
		return [
			words.known(client.tpdus) ? _('%s commands').format(client.tpdus) : null,
			words.known(client.latency_p50_ms) ? '%s ms'.format(client.latency_p50_ms) : null,
			words.reason(client.why_not),
			client.failure
		].filter(words.known).join(' · ');
	},

	beat: function(beat) {
		return [
			beat.path ? _('over %s').format(words.carrier(beat.path)) : null,
			beat.rtt_ms != null ? '%.0f ms'.format(beat.rtt_ms) : null,
			_('every %s').format(words.span(beat.interval_s))
		].filter(words.known).join(' · ');
	},

	grace: function(seconds) {
		return E('strong', { 'class': 'remsim-grace' }, [ live.countdown(seconds) ]);
	}
});
