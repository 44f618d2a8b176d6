// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require view';
'require remsim.events as events';
'require remsim.job as job';
'require remsim.live as live';
'require remsim.picture as picture';
'require remsim.rpc as api';
'require remsim.sentences as sentences';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Services, Remote SIM, Overview: what is wrong, the picture, the last events. */

const EVENTS_SHOWN = 8;

return view.extend({
	load: function() {
		this.feed = events.feed(EVENTS_SHOWN);

		return Promise.all([ live.outcome(this.ask()), api.mayAct() ]);
	},

	/* The snapshot, and in the same request the events since the last one. */
	ask: function() {
		return Promise.all([ api.status(), this.feed.ask() ]).then(function(answers) { return answers[0] });
	},

	render: function(loaded) {
		this.mayAct = loaded[1];
		this.page = live.follow(loaded[0], L.bind(this.ask, this), L.bind(this.draw, this));

		return E('div', {}, [ E('h2', {}, [ _('Remote SIM') ]), this.page.root ]);
	},

	draw: function(status) {
		return [
			this.concerns(words.concerns(status)),
			picture.draw(status, this.mayAct ? this.actions() : {}),
			E('h3', {}, [ _('Last events') ]),
			events.table(this.feed.rows),
			E('p', { 'class': 'remsim-old' }, [ _('remsim %s, running for %s').format(status.version, words.span(status.uptime_s)) ])
		];
	},

	concerns: function(found) {
		if (!found.length)
			return E('p', { 'data-key': 'fine' }, [ live.badge([ 'good', _('Nothing needs your attention.') ]) ]);

		return E('ul', { 'class': 'remsim-concerns', 'data-key': 'concerns', 'aria-label': _('Needs attention') }, found.map(function(concern) {
			return E('li', { 'class': 'remsim-edge-' + concern.level }, [
				live.badge([ concern.level, words.levelWord(concern.level) ]), ' ',
				E('strong', {}, [ concern.text ]), ' ',
				concern.since_s == null ? '' : live.age(concern.since_s),
				concern.detail ? E('p', {}, [ sentences.of(concern.detail) ]) : '',
				E('p', {}, [ concern.advice ])
			]);
		}));
	},

	actions: function() {
		return {
			modem1: [ this.switchSim('modem1'), this.reset('modem1') ],
			modem2: [ this.reset('modem2') ],
			bank: [
				this.button({
					label: _('Send heartbeat…'),
					question: _('A heartbeat is sent over the path that carries the control traffic now.'),
					start: function() { return api.heartbeat() }
				}),
				this.button({
					label: _('Register again…'),
					question: _('The orchestrator is asked for an assignment again. It may assign another SIM; the modem then loses its connection for a moment.'),
					danger: true,
					start: function() { return api.register() }
				})
			]
		};
	},

	switchSim: function(modem) {
		return this.button({
			key: 'sim-' + modem,
			label: _('Switch SIM…'),
			question: _('The modem loses its connection until it has read the other SIM, which takes up to a few minutes.'),
			danger: true,
			choices: [ [ 'remote', _('SIM from the bank') ], [ 'local', _('own card') ] ],
			start: function(source) { return api.sim(modem, source) }
		});
	},

	reset: function(modem) {
		return this.button({
			key: 'reset-' + modem,
			label: _('Reset…'),
			question: _('%s is reset by the best way there is and loses its connection until it has booted.').format(words.modemName(modem)),
			danger: true,
			start: function() { return api.reset(modem) }
		});
	},

	button: function(action) {
		return job.button(Object.assign({ done: this.page && this.page.refresh }, action));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
