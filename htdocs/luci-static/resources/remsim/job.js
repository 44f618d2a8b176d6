// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require ui';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * A button that acts: question, job, progress, result. The job runs in the daemon, so closing the
 * window calls nothing off; its end is then said in a notification. */

const LOOK_MS = 1000;
const SILENCE_MAX = 30;	/* looks without an answer before a job is given up */

const RESULTS = {
	path: _('Path'),
	host: _('Host'),
	rtt_ms: _('Round trip'),
	bank_id: _('Bank'),
	slot_id: _('Slot'),
	source: _('SIM'),
	iccid: _('ICCID'),
	step: _('Step'),
	changed: _('Changed'),
	lines: _('Answer')
};

function resultText(name, value) {
	if (value == null)
		return words.words(null);

	switch (name) {
	case 'path': return words.carrier(value);
	case 'source': return words.source(value)[1];
	case 'step': return words.step(value);
	case 'rtt_ms': return '%.1f ms'.format(value);
	}

	return Array.isArray(value) ? value.join('\n') : String(value);
}

return baseclass.extend({
	/* The result of a finished job as [ [ label, text ], … ]. */
	results: function(job) {
		return Object.keys(job.result || {}).filter(function(name) { return RESULTS[name] }).map(function(name) {
			return [ RESULTS[name], resultText(name, job.result[name]) ];
		});
	},

	/* [ level, sentence ] of where a job stands. */
	verdict: function(job) {
		const seconds = job.took_s != null ? job.took_s : job.age_s;
		const took = seconds < 10 ? '%.1f s'.format(seconds) : words.span(seconds);

		if (job.state == 'done')
			return [ 'good', _('Done after %s.').format(took) ];

		if (job.state == 'failed')
			return [ 'bad', '%s (%s)'.format(_('Failed after %s: %s').format(took, job.error.message), words.blame(job.error.code)) ];

		return [ 'busy', _('Under way for %s.').format(took) ];
	},

	/* Looks at a job until it has ended; show(job) each time. Resolves with the ended job. */
	watch: function(id, show) {
		let silence = 0;

		const look = function() {
			return api.job(id).then(function(job) {
				silence = 0;
				show(job);

				return job.state == 'done' || job.state == 'failed' ? job : again();
			}, function(error) {
				if (error.code != null || ++silence > SILENCE_MAX)
					throw error;

				return again();
			});
		};

		const again = function() {
			return new Promise(function(resolve) { window.setTimeout(resolve, LOOK_MS) }).then(look);
		};

		return look();
	},

	/* A button. action: label, question (text), start(choice) -> promise of {job}; where it has them
	 * danger, choices ([ value, title ]), done(). */
	button: function(action) {
		return E('button', {
			'class': 'btn cbi-button' + (action.danger ? ' cbi-button-negative' : ' cbi-button-action'),
			'type': 'button',
			'data-key': action.key || action.label,
			'click': L.bind(this.ask, this, action)
		}, [ action.label ]);
	},

	ask: function(action) {
		const choices = (action.choices || []).map(function(choice, i) {
			return E('label', { 'class': 'remsim-choice' }, [
				E('input', { 'type': 'radio', 'name': 'remsim-choice', 'value': choice[0], 'checked': i ? null : '' }), ' ',
				choice[1]
			]);
		});
		const box = ui.showModal(action.label, [
			E('p', {}, [ action.question ]),
			E('div', { 'role': 'radiogroup', 'aria-label': action.label }, choices),
			E('div', { 'class': 'right' }, [
				E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Cancel') ]), ' ',
				E('button', {
					'class': 'btn cbi-button ' + (action.danger ? 'cbi-button-negative' : 'cbi-button-positive'),
					'click': L.bind(function() {
						const chosen = box.querySelector('input:checked');

						this.run(action, chosen ? chosen.value : null);
					}, this)
				}, [ action.label.replace(/…$/, '') ])
			])
		]);

		this.name(box);
		box.querySelector('button, input').focus();
	},

	/* A name for screen readers that goes with the dialog's content: LuCI has one dialog for all. */
	name: function(box) {
		box.querySelector('h4').id = 'remsim-dialog';
		box.setAttribute('aria-labelledby', 'remsim-dialog');
	},

	run: function(action, choice) {
		const list = E('ol', { 'class': 'remsim-phases' }), state = E('p', { 'role': 'status' }), result = E('div');
		const close = E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Close') ]);
		const title = action.label.replace(/…$/, '');

		this.name(ui.showModal(title, [
			list, state, result,
			E('div', { 'class': 'right' }, [ close ])
		]));
		close.focus();

		const tell = function(mark, rows) {
			live.update(state, [ live.badge(mark) ]);
			live.update(result, rows.length ? [ live.terms(rows.map(function(row) {
				return [ row[0], E('span', { 'class': row[1].includes('\n') ? 'remsim-lines' : null }, [ row[1] ]) ];
			})) ] : []);
		};
		const isOpen = function() {
			return state.isConnected && document.body.classList.contains('modal-overlay-active');
		};

		tell([ 'busy', _('Sent.') ], []);

		return action.start(choice).then(L.bind(function(reply) {
			return this.watch(reply.job, L.bind(function(job) {
				live.update(list, this.phases(job));
				tell(this.verdict(job), this.results(job));
			}, this));
		}, this)).then(L.bind(function(job) { return this.verdict(job) }, this), function(error) {
			tell([ 'bad', words.trouble(error).text ], []);

			return [ 'bad', words.trouble(error).text ];
		}).then(function(verdict) {
			if (!isOpen())
				ui.addNotification(title, [ E('p', {}, [ live.badge(verdict) ]) ], verdict[0] == 'bad' ? 'error' : 'info');

			return action.done && action.done();
		});
	},

	phases: function(job) {
		return job.progress.map(function(entry) {
			return E('li', {}, [
				E('span', { 'class': 'remsim-age' }, [ '%.1f s'.format(entry.elapsed_s) ]), ' ', words.phase(entry.phase)
			]);
		});
	}
});
