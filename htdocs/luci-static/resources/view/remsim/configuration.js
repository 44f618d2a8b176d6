// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require uci';
'require ui';
'require view';
'require remsim.form as form';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Services, Remote SIM, Configuration: the form, and what the daemon says about the file in force. */

const STATES = {
	last_accepted: _('The file has problems; the last accepted configuration is in force.'),
	defaults: _('The file has problems; the defaults are in force.')
};

return view.extend({
	load: function() {
		return Promise.all([ uci.load('remsim'), live.outcome(api.config()) ]);
	},

	render: function(loaded) {
		const map = this.map = form.map((/\/advanced$/).test(location.pathname) ? 'advanced' : null);

		return map.render().then(L.bind(function(root) {
			map.showExpert(false);

			return E('div', { 'class': 'remsim' }, [
				E('h2', {}, [ _('Configuration') ]),
				this.findings(loaded[1]),
				this.expert(map),
				root
			]);
		}, this));
	},

	expert: function(map) {
		return E('div', { 'class': 'remsim-bar' }, [ E('label', {}, [
			E('input', { 'type': 'checkbox', 'change': function(ev) { map.showExpert(ev.target.checked) } }),
			_('Show expert options')
		]) ]);
	},

	findings: function(outcome) {
		if (outcome.trouble)
			return E('p', {}, [ live.badge([ 'off', outcome.trouble.text ]) ]);

		const said = (outcome.data.problems || []).map(function(problem) { return [ 'bad', form.problemText(problem) ] })
			.concat((outcome.data.warnings || []).map(function(warning) { return [ 'warn', warning.text ] }));

		return E('div', {}, [
			STATES[outcome.data.state] ? E('p', {}, [ live.badge([ 'bad', STATES[outcome.data.state] ]) ]) : '',
			E('ul', { 'class': 'remsim-concerns' }, said.map(function(row) {
				return E('li', { 'class': 'remsim-edge-' + row[0] }, [ live.badge([ row[0], words.levelWord(row[0]) ]), ' ', row[1] ]);
			}))
		]);
	},

	/* A refused save has said why; LuCI's own handlers would leave an uncaught error as well. */
	handleSave: function() {
		return this.map.save().catch(function() {});
	},

	handleSaveApply: function(_ev, mode) {
		return this.map.save().then(function() { ui.changes.apply(mode == '0') }, function() {});
	}
});
