// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require ui';
'require view';
'require remsim.events as events';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Services, Remote SIM, Log: events as they come, older ones from the store, filtered, as a file. */

const EVENTS_KEPT = 500;
const OLDER = 100;	/* rows of the store at a time */

return view.extend({
	wanted: { kind: '', modem: '', text: '' },
	stored: [],	/* rows of the store, older than those of the feed */
	before: 0,

	load: function() {
		this.feed = events.feed(EVENTS_KEPT);

		return live.outcome(this.feed.ask());
	},

	render: function(first) {
		this.page = live.follow(first, L.bind(this.feed.ask, this.feed), L.bind(this.draw, this));

		return E('div', {}, [ E('h2', {}, [ _('Log') ]), this.filters(), this.page.root ]);
	},

	shown: function() {
		return events.filter(this.stored.concat(this.feed.rows), this.wanted);
	},

	draw: function() {
		const rows = this.shown();

		return [
			E('p', { 'role': 'status' }, [ N_(rows.length, '%d event', '%d events').format(rows.length) ]),
			events.table(rows)
		];
	},

	filters: function() {
		const change = L.bind(function(ev) {
			this.wanted[ev.target.name] = ev.target.value;
			this.page.redraw();
		}, this);
		const select = function(name, label, choices) {
			return E('label', {}, [ label, E('select', { 'name': name, 'change': change }, [ E('option', { 'value': '' }, [ _('all') ]) ].concat(
				choices.map(function(choice) { return E('option', { 'value': choice[0] }, [ choice[1] ]) })
			)) ]);
		};

		return E('div', { 'class': 'remsim-bar' }, [
			select('kind', _('Kind'), words.kinds().map(function(kind) { return [ kind, words.kind(kind) ] })),
			select('modem', _('Modem'), [ 'modem1', 'modem2' ].map(function(name) { return [ name, words.modemName(name) ] })),
			E('label', {}, [ _('Text'), E('input', { 'type': 'search', 'name': 'text', 'input': change }) ]),
			this.olderButton = this.button(_('Older events'), this.older),
			this.button(_('Save as CSV'), function() { events.save('remsim-log.csv', 'text/csv', events.csv(this.shown())) }),
			this.button(_('Save as JSON'), function() { events.save('remsim-log.json', 'application/json', JSON.stringify(this.shown(), null, 1)) })
		]);
	},

	button: function(label, act) {
		return E('button', { 'class': 'btn cbi-button', 'type': 'button', 'click': ui.createHandlerFn(this, act) }, [ label ]);
	},

	older: function() {
		return events.older(this.before, OLDER, this.stored.concat(this.feed.rows)).then(L.bind(function(found) {
			this.stored = found.rows.concat(this.stored);
			this.before = found.before;

			if (this.before == null)
				this.olderButton.remove();

			this.page.redraw();
		}, this), function(error) { ui.addNotification(null, [ E('p', {}, [ words.trouble(error).text ]) ], 'error') });
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
