// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require view';
'require remsim.history as history';
'require remsim.job as job';
'require remsim.live as live';
'require remsim.modem as modem';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Services, Remote SIM, Modems: every field, the history, and for the control role resets by choice
 * and an AT console. */

return view.extend({
	load: function() {
		return Promise.all([ live.outcome(api.status()), L.resolveDefault(api.info(), {}), api.mayAct() ]);
	},

	render: function(loaded) {
		this.info = loaded[1].modems || {};
		this.mayAct = loaded[2];
		this.page = live.follow(loaded[0], function() { return api.status() }, L.bind(this.draw, this));

		return E('div', {}, [
			E('h2', {}, [ _('Modems') ]), this.page.root,
			history.section(),
			this.mayAct ? this.console(loaded[0].data) : ''
		]);
	},

	draw: function(status) {
		return [ E('div', { 'class': 'remsim-pair' }, this.names(status).map(L.bind(function(name) {
			return E('section', { 'class': 'cbi-section', 'aria-label': words.modemName(name), 'data-key': name }, [
				E('h3', {}, [ words.modemName(name) ]),
				modem.table(status[name]),
				this.mayAct ? E('div', { 'class': 'remsim-actions' }, [ this.reset(name) ]) : ''
			]);
		}, this))) ];
	},

	names: function(status) {
		return [ 'modem1', 'modem2' ].filter(function(name) { return !status || status[name] });
	},

	reset: function(name) {
		const steps = (this.info[name] || {}).recovery_steps || [];

		return job.button({
			key: 'reset-' + name,
			label: _('Reset…'),
			question: _('%s loses its connection until it is back.').format(words.modemName(name)),
			danger: true,
			choices: [ [ '', _('the best way there is') ] ].concat(steps.map(function(step) { return [ step, words.step(step) ] })),
			start: function(step) { return step ? api.reset_by(name, step) : api.reset(name) },
			done: L.bind(function() { return this.page.refresh() }, this)
		});
	},

	console: function(status) {
		const output = E('pre', { 'class': 'remsim-console', 'role': 'log', 'tabindex': '0', 'aria-label': _('Answers') });
		const which = E('select', { 'id': 'remsim-at-modem' }, this.names(status).map(function(name) {
			return E('option', { 'value': name }, [ words.modemName(name) ]);
		}));
		const command = E('input', { 'id': 'remsim-at', 'type': 'text', 'value': 'ATI', 'maxlength': '512', 'spellcheck': 'false', 'autocomplete': 'off' });
		const send = E('button', { 'class': 'btn cbi-button cbi-button-action', 'type': 'submit' }, [ _('Send') ]);
		const tell = function(text) {
			output.appendChild(document.createTextNode(text + '\n'));
			output.scrollTop = output.scrollHeight;
		};

		const submit = L.bind(function(ev) {
			ev.preventDefault();
			send.disabled = true;
			tell('%s> %s'.format(which.value, command.value));

			return this.talk(which.value, command.value).then(tell, function(error) {
				tell(words.trouble(error).text);
			}).then(function() { send.disabled = false });
		}, this);

		return E('section', { 'class': 'cbi-section' }, [
			E('h3', {}, [ _('AT console') ]),
			E('p', {}, [ _('One command at a time. It waits for the modem\'s poll and recovery; a wrong command can cut the connection.') ]),
			output,
			E('form', { 'class': 'remsim-bar', 'submit': submit }, [
				E('label', { 'for': 'remsim-at-modem' }, [ _('Modem') ]), which,
				E('label', { 'for': 'remsim-at' }, [ _('AT command') ]), command, send
			])
		]);
	},

	/* The answer's lines, or why there is none. */
	talk: function(name, command) {
		return api.at(name, command).then(function(reply) {
			return job.watch(reply.job, function() {});
		}).then(function(ended) {
			return ended.state == 'done' ? ((ended.result || {}).lines || []).join('\n') : job.verdict(ended)[1];
		});
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
