// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.live as live';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Line charts of the history. A line is drawn where there are samples and broken where there are
 * none: a gap is never bridged and never zero. Every chart says in words what it shows and has its
 * numbers as a table.
 *
 * A curve: { label, points: [ [ unix, low, mean, high ], … ] }; at most three in a chart. */

const SPANS = { hour: 3600, day: 86400, week: 604800, month: 31 * 86400 };	/* seconds */
const TICKS = { hour: 900, day: 21600, week: 2 * 86400, month: 7 * 86400 };	/* seconds between labels */
const WIDTH = 600, HEIGHT = 120;	/* of the drawing's own units; it is stretched to the page */
const LATE = .9;	/* from here on a label would stick out of the page */
const GAP = 1.5;	/* steps without a sample that make a gap */
const ROWS_MAX = 60;	/* of the table of numbers */

/* Round numbers around [ low, high ], at most five; `least` apart, of what has no fractions and is
 * never below zero. */
function scale(low, high, least) {
	if (!(high > low)) {
		low = least ? Math.max(0, low - least) : low - 1;
		high += least || 1;
	}

	const rough = (high - low) / 4, power = Math.pow(10, Math.floor(Math.log10(rough)));
	const step = Math.max(least || 0, [ 1, 2, 5, 10 ].map(function(n) { return n * power }).find(function(n) { return n >= rough }));
	const ticks = [];

	for (let value = Math.floor(low / step) * step; value < high + step; value += step)
		ticks.push(Number(value.toPrecision(12)));

	return ticks;
}

return baseclass.extend({
	/* The step of an answer: that of its table, or wider where the database made it smaller. */
	step: function(points, step_s) {
		const distances = points.slice(1).map(function(point, i) { return point[0] - points[i][0] });

		return Math.max(step_s, Math.min.apply(null, distances.length ? distances : [ 0 ]));
	},

	/* Counters are what was added in each step: as a rate per second they are a curve too. */
	rates: function(points, step_s) {
		const step = this.step(points, step_s);

		return points.map(function(point) {
			const rate = point[1] / step;

			return [ point[0], rate, rate, rate ];
		});
	},

	/* Runs of points without a gap between them. */
	segments: function(points, step_s) {
		const parts = [], step = this.step(points, step_s);

		points.forEach(function(point, i) {
			if (!i || point[0] - points[i - 1][0] > GAP * step)
				parts.push([]);

			parts[parts.length - 1].push(point);
		});

		return parts;
	},

	extent: function(curves) {
		let low = Infinity, high = -Infinity;

		for (const curve of curves)
			for (const point of curve.points) {
				low = Math.min(low, point[1]);
				high = Math.max(high, point[3]);
			}

		return low > high ? null : [ low, high ];
	},

	scale: scale,

	/* Times to label, on the clock's round numbers. offset_s: of local time from UTC. */
	times: function(from, to, step, offset_s) {
		const found = [];

		for (let at = Math.ceil((from + offset_s) / step) * step - offset_s; at <= to; at += step)
			found.push(at);

		return found;
	},

	/* A curve in words; of levels the lowest and highest say nothing. */
	summary: function(curve, chart) {
		const points = curve.points, show = chart.show, step_s = chart.step_s;

		if (!points.length)
			return '%s: %s'.format(curve.label, _('no samples'));

		const extent = this.extent([ curve ]), gaps = this.segments(points, step_s).length - 1;
		const said = [ _('last %s').format(show(points[points.length - 1][2])) ];

		if (extent[0] != extent[1] && !chart.levels)
			said.push(_('lowest %s').format(show(extent[0])), _('highest %s').format(show(extent[1])));

		if (gaps)
			said.push(N_(gaps, '%d gap', '%d gaps').format(gaps));

		return '%s: %s'.format(curve.label, said.join(', '));
	},

	timeText: function(unix, window) {
		const date = new Date(unix * 1000), language = document.documentElement.lang || undefined;

		return window == 'hour' || window == 'day'
			? date.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })
			: date.toLocaleDateString(language, { day: 'numeric', month: 'short' });
	},

	/* chart: title, window, step_s, now (unix), curves, show(value) -> text; `least` between two
	 * marks of the scale; `levels` instead of a scale: [ text of 0, text of 1, … ]. */
	draw: function(chart) {
		const to = chart.now, from = to - SPANS[chart.window];
		const extent = chart.levels ? [ 0, chart.levels.length - 1 ] : this.extent(chart.curves);
		const said = chart.curves.map(L.bind(function(curve) { return this.summary(curve, chart) }, this));

		return E('figure', { 'class': 'remsim-chart', 'data-key': chart.title + chart.window }, [
			E('figcaption', {}, [ E('strong', {}, [ chart.title ]) ].concat(said.map(function(text, i) {
				return E('div', { 'class': 'remsim-legend remsim-curve-%d'.format(i) }, [
					live.svg('svg', { 'viewBox': '0 0 24 8', 'aria-hidden': 'true' }, [ live.svg('path', { 'd': 'M0 4H24' }) ]), text
				]);
			}))),
			extent ? this.plot(chart, from, to, extent, said) : '',
			extent ? this.numbers(chart) : ''
		]);
	},

	plot: function(chart, from, to, extent, said) {
		const ticks = chart.levels ? chart.levels.map(function(_text, i) { return i }) : scale(extent[0], extent[1], chart.least);
		const low = ticks[0], high = ticks[ticks.length - 1];
		const x = function(unix) { return (WIDTH * (unix - from) / (to - from)).toFixed(1) };
		const y = function(value) { return (HEIGHT * (high - value) / (high - low)).toFixed(1) };
		const times = this.times(from, to, TICKS[chart.window], -60 * new Date(to * 1000).getTimezoneOffset());
		const percent = function(part, whole) { return (100 * part / whole).toFixed(2) + '%' };
		const grid = ticks.map(function(value) { return 'M0 %sH%d'.format(y(value), WIDTH) })
			.concat(times.map(function(at) { return 'M%s 0V%d'.format(x(at), HEIGHT) })).join('');

		return E('div', { 'class': 'remsim-plot' }, [
			E('div', { 'class': 'remsim-scale' + (chart.levels ? ' remsim-levels' : ''), 'aria-hidden': 'true' }, ticks.map(function(value, i) {
				return E('span', { 'style': 'top:' + percent(y(value), HEIGHT) }, [ chart.levels ? chart.levels[i] : chart.show(value) ]);
			})),
			live.svg('svg', {
				'viewBox': '0 0 %d %d'.format(WIDTH, HEIGHT),
				'preserveAspectRatio': 'none',
				'role': 'img',
				'aria-label': '%s. %s'.format(chart.title, said.join('. '))
			}, [ live.svg('path', { 'class': 'remsim-grid', 'd': grid }) ].concat(
				...chart.curves.map(L.bind(function(curve, i) { return this.curve(curve, i, chart.step_s, x, y) }, this)))),
			E('div', { 'class': 'remsim-times', 'aria-hidden': 'true' }, times.map(L.bind(function(at) {
				return E('span', {
					'class': (at - from) / (to - from) > LATE ? 'remsim-late' : null,
					'style': 'left:' + percent(at - from, to - from)
				}, [ this.timeText(at, chart.window) ]);
			}, this)))
		]);
	},

	/* Range from lowest to highest, the mean as a line, a dot where a sample stands alone. */
	curve: function(curve, number, step_s, x, y) {
		const line = [], range = [], dots = [];

		for (const part of this.segments(curve.points, step_s)) {
			const at = function(column) {
				return function(point) { return '%s %s'.format(x(point[0]), y(point[column])) };
			};

			(part.length == 1 ? dots : line).push('M' + part.map(at(2)).join('L') + (part.length == 1 ? 'h.1' : ''));
			range.push('M' + part.map(at(1)).concat(part.slice().reverse().map(at(3))).join('L') + 'Z');
		}

		return [
			live.svg('path', { 'class': 'remsim-range remsim-curve-%d'.format(number), 'd': range.join('') }),
			live.svg('path', { 'class': 'remsim-line remsim-curve-%d'.format(number), 'd': line.join('') }),
			live.svg('path', { 'class': 'remsim-line remsim-dots remsim-curve-%d'.format(number), 'd': dots.join('') })
		];
	},

	/* The numbers, made when they are asked for. */
	numbers: function(chart) {
		const fill = L.bind(function(ev) {
			if (ev.target.open && !ev.target.querySelector('table'))
				ev.target.appendChild(E('div', { 'class': 'remsim-numbers', 'tabindex': '0', 'role': 'region', 'aria-label': chart.title }, [ this.table(chart) ]));
		}, this);

		return E('details', { 'data-keep': '', 'toggle': fill }, [ E('summary', {}, [ _('Numbers') ]) ]);
	},

	table: function(chart) {
		const times = Array.from(new Set([].concat(...chart.curves.map(function(curve) {
			return curve.points.map(function(point) { return point[0] });
		})))).sort(function(a, b) { return b - a }).slice(0, ROWS_MAX);
		const rows = times.map(function(at) {
			return E('tr', { 'class': 'tr' }, [ E('th', { 'class': 'td', 'scope': 'row' }, [ new Date(at * 1000).toLocaleString() ]) ].concat(
				chart.curves.map(function(curve) {
					const point = curve.points.find(function(candidate) { return candidate[0] == at });

					return E('td', { 'class': 'td' }, [ point ? chart.show(point[2]) : words.words(null) ]);
				})));
		});

		return E('table', { 'class': 'table' }, [
			E('tr', { 'class': 'tr table-titles' }, [ E('th', { 'class': 'th' }, [ _('Time') ]) ].concat(
				chart.curves.map(function(curve) { return E('th', { 'class': 'th' }, [ curve.label ]) })))
		].concat(rows));
	}
});
