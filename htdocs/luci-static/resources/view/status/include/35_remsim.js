// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The block on Status, Overview: the state in a few lines and the way to the pages. */

return baseclass.extend({
	title: _('Remote SIM'),

	/* All blocks of the page wait for the slowest one; the answer comes from memory. */
	load: function() {
		return live.outcome(api.status());
	},

	render: function(outcome) {
		if (outcome.trouble)
			return outcome.trouble.denied ? null : E('p', {}, [ live.badge([ 'unknown', outcome.trouble.text ]) ]);

		live.startTicking();

		const status = outcome.data, path = status.control_path.path, names = [ 'modem1', 'modem2' ];

		return E('div', { 'class': 'remsim' }, [
			E('table', { 'class': 'table' }, [
				this.row(_('SIM bank'), [ live.badge(words.assignment(status.assignment.state)), this.grace(status.assignment) ]),
				this.row(_('Heartbeat'), [ path == 'none' ? live.badge([ 'bad', _('no path') ]) : _('over %s').format(words.carrier(path)), ' ',
					live.age(status.heartbeat.last_answer_age_s) ])
			].concat(names.filter(function(name) { return status[name] }).map(L.bind(function(name) {
				return this.row(words.modemName(name), [ live.badge(words.modem(status[name].state)) ]);
			}, this)), words.concerns(status).map(L.bind(function(concern) {
				return this.row(words.levelWord(concern.level), [ concern.text ]);
			}, this)))),
			E('p', {}, [ E('a', { 'href': L.url('admin/services/remsim/overview') }, [ _('Details') ]) ])
		]);
	},

	row: function(label, children) {
		return E('tr', { 'class': 'tr' }, [
			E('td', { 'class': 'td left', 'width': '33%' }, [ label ]),
			E('td', { 'class': 'td left' }, children)
		]);
	},

	grace: function(assignment) {
		return assignment.grace_left_s == null ? '' : E('span', {}, [ ' ', _('Lets go in'), ' ', live.countdown(assignment.grace_left_s) ]);
	}
});
