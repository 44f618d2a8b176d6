// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require poll';
'require remsim.chart as chart';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The history as charts. Series are those of python/remsim/history/series.py. */

const FRESH_S = 60;	/* a sample a minute is stored */
const PENDING_MS = 400;
const PENDING_MAX = 25;	/* looks; storage answers from its own thread */

const RETRY_MS = 5000;
const NONE = _('none');

function unit(name) {
	return function(value) { return '%s %s'.format(Number(value.toFixed(1)), name) };
}

function rate(value) {
	return words.bytes(value) + '/s';
}

function of(names) {
	return function(value) { return names[value] };
}

/* There is nothing between two states: the worst one of a step is drawn, up to the best one. */
function worst(points) {
	return points.map(function(point) { return [ point[0], point[1], point[1], point[3] ] });
}

/* [ title, [ [ series, label ], … ], show, names of the levels ] */
function charts(name) {
	const title = words.modemName(name);

	return [
		[ _('%s, strength').format(title), [ [ name + '.rsrp', 'RSRP' ], [ name + '.rssi', 'RSSI' ] ], unit('dBm') ],
		[ _('%s, quality').format(title), [ [ name + '.sinr', 'SINR' ], [ name + '.rsrq', 'RSRQ' ] ], unit('dB') ],
		[ _('%s, data').format(title), [ [ name + '.rx', _('received') ], [ name + '.tx', _('sent') ] ], rate ],
		[ _('%s, temperature').format(title), [ [ name + '.temperature', _('temperature') ] ], unit('°C') ]
	];
}

const PATHS = [ NONE, 'IoT', _('primary') ];
const STATES = [ _('not registered'), _('lost'), _('grace period'), _('assigned') ];

const CHARTS = [
	[ _('Path of the heartbeat'), [ [ 'heartbeat.path', _('path') ] ], of(PATHS), PATHS ],
	[ _('State at the bank'), [ [ 'assignment.state', _('state') ] ], of(STATES), STATES ],
	[ _('Round trip of the heartbeat'), [ [ 'heartbeat.rtt', _('round trip') ] ], unit('ms') ],
	[ _('SIM commands'), [ [ 'sim.latency', _('time of a command') ] ], unit('ms') ]
].concat(charts('modem1'), charts('modem2'));

const WINDOWS = [ [ 'hour', _('Hour') ], [ 'day', _('Day') ], [ 'week', _('Week') ], [ 'month', _('Month') ] ];

return baseclass.extend({
	/* Up to six series at once. An answer is what storage prepared when it was asked the last time:
	 * so it is asked twice, and again while there is none. */
	query: function(names, window_name, tries) {
		return api.history(names.join(' '), window_name).then(L.bind(function(reply) {
			if (tries && !reply.pending)
				return reply;

			if (tries >= PENDING_MAX)
				throw new Error(_('The history does not answer.'));

			return new Promise(function(resolve) { window.setTimeout(resolve, PENDING_MS) })
				.then(L.bind(this.query, this, names, window_name, (tries || 0) + 1));
		}, this));
	},

	/* All series of the charts, six at a time. */
	ask: function(window_name) {
		const names = [].concat(...CHARTS.map(function(row) { return row[1].map(function(curve) { return curve[0] }) }));
		const parts = [];

		for (let i = 0; i < names.length; i += 6)
			parts.push(this.query(names.slice(i, i + 6), window_name));

		return Promise.all(parts).then(function(replies) {
			return Object.assign({}, replies[0], {
				series: Object.assign({}, ...replies.map(function(reply) { return reply.series }))
			});
		});
	},

	/* Figures of what has samples. */
	figures: function(answer) {
		return CHARTS.map(function(row) {
			const curves = row[1].map(function(curve) {
				const series = answer.series[curve[0]] || { points: [] };
				const points = row[2] == rate ? chart.rates(series.points, answer.step_s) : row[3] ? worst(series.points) : series.points;

				return { label: curve[1], points: points };
			}).filter(function(curve) { return curve.points.length });

			return curves.length ? chart.draw({
				title: row[0], window: answer.window, step_s: answer.step_s, now: answer.as_of, curves: curves, show: row[2], levels: row[3],
				least: row[2] == rate ? 1 : null
			}) : null;
		}).filter(function(figure) { return figure });
	},

	section: function() {
		const body = E('div'), buttons = E('div', { 'class': 'remsim-bar', 'role': 'group', 'aria-label': _('Time span') });
		let chosen = 'day';

		const show = L.bind(function() {
			const asked = chosen;

			return this.ask(asked).then(L.bind(function(answer) {
				const figures = this.figures(answer);

				if (asked == chosen)
					live.update(body, figures.length ? [ E('div', { 'class': 'remsim-charts' }, figures) ]
						: [ E('p', { 'data-key': 'none' }, [ E('em', {}, [ _('Nothing was recorded in this time.') ]) ]) ]);
			}, this)).catch(function(error) {
				live.update(body, [ E('p', { 'data-key': 'trouble', 'role': 'alert' }, [ live.badge([ 'bad', words.trouble(error).text ]) ]) ]);
				window.setTimeout(function() { asked == chosen && show() }, RETRY_MS);
			});
		}, this);

		const draw = function() {
			live.update(buttons, WINDOWS.map(function(row) {
				const pressed = row[0] == chosen;

				return E('button', {
					'class': 'btn cbi-button' + (pressed ? ' cbi-button-positive important' : ''),
					'aria-pressed': String(pressed),
					'click': function() {
						chosen = row[0];
						draw();
						show();
					}
				}, [ row[1] ]);
			}));
		};

		draw();
		show();
		poll.add(show, FRESH_S);

		return E('section', { 'class': 'cbi-section', 'aria-label': _('History') }, [ E('h3', {}, [ _('History') ]), buttons, body ]);
	}
});
