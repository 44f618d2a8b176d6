// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/chart.js and remsim/history.js: what is drawn and what is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { find, hasClass, page, textOf } from './load.mjs';

const chart = page()('remsim.chart');
const at = (...times) => times.map((time) => [time, 1, 2, 3]);
const show = (value) => String(value);

test('a gap breaks the line', () => {
	const parts = chart.segments(at(0, 60, 120, 300, 360), 60);

	assert.deepEqual(parts.map((part) => part.length), [3, 2]);
});

test('an answer that the database made smaller has no gaps between its wider steps', () => {
	assert.equal(chart.segments(at(0, 180, 360, 540), 60).length, 1);
	assert.equal(chart.step(at(0, 180, 360), 60), 180);
	assert.equal(chart.step(at(0), 60), 60);
});

test('counters become rates per second of their step', () => {
	assert.deepEqual(chart.rates([[0, 600], [60, 1200]], 60), [[0, 10, 10, 10], [60, 20, 20, 20]]);
	assert.deepEqual(chart.rates([[0, 1800], [180, 0]], 60)[0], [0, 10, 10, 10]);
});

test('no samples have no extent', () => {
	assert.equal(chart.extent([{ points: [] }]), null);
	assert.deepEqual(chart.extent([{ points: at(0) }]), [1, 3]);
});

test('a scale has round numbers around what it shows', () => {
	assert.deepEqual(chart.scale(-98, -81), [-100, -95, -90, -85, -80]);
	assert.deepEqual(chart.scale(0, 1), [0, 0.5, 1]);

	for (const [low, high] of [[-98.3, -81.2], [0, 0.001], [5, 5], [3, 1234567]]) {
		const ticks = chart.scale(low, high);

		assert.ok(ticks[0] <= low && ticks.at(-1) >= high, `${low} to ${high}: ${ticks}`);
		assert.ok(ticks.length >= 2 && ticks.length <= 7, String(ticks));
	}
});

test('what has no fractions has no marks between, and none below zero', () => {
	assert.deepEqual(chart.scale(0, 1, 1), [0, 1]);
	assert.deepEqual(chart.scale(0, 0, 1), [0, 1]);
	assert.deepEqual(chart.scale(8, 13, 1), [8, 10, 12, 14]);
});

test('times are those of a clock on the wall', () => {
	assert.deepEqual(chart.times(1000, 5000, 3600, 0), [3600]);
	assert.deepEqual(chart.times(0, 7200, 3600, 1800), [1800, 5400]);
});

test('a curve in words: last, lowest, highest, gaps', () => {
	const curve = { label: 'RSRP', points: [[0, -90, -88, -85], [60, -95, -91, -90], [600, -80, -80, -80]] };

	assert.equal(chart.summary(curve, { step_s: 60, show }), 'RSRP: last -80, lowest -95, highest -80, 1 gap');
	assert.equal(chart.summary({ label: 'x', points: [] }, { step_s: 60, show }), 'x: no samples');
});

test('a drawing says in words what it shows and has its numbers', () => {
	const drawn = chart.draw({ title: 'Strength', window: 'hour', step_s: 60, now: 3600, show, curves: [{ label: 'RSRP', points: at(0, 60, 300) }] });
	const image = find(drawn, (node) => node.attributes.role === 'img')[0];

	assert.match(image.attributes['aria-label'], /^Strength\. RSRP: last 2, lowest 1, highest 3, 1 gap$/);
	assert.equal(find(drawn, (node) => node.tag === 'details').length, 1);
	assert.match(textOf(find(drawn, (node) => node.tag === 'figcaption')[0]), /Strength/);
});

test('a time at the edge is written before it', () => {
	const midnight = 86400 + 60 * new Date(86400000).getTimezoneOffset();
	const drawn = chart.draw({ title: 't', window: 'day', step_s: 60, now: midnight + 60, show, curves: [{ label: 'l', points: at(midnight) }] });
	const labels = find(drawn, hasClass('remsim-times'))[0].children;

	assert.deepEqual(labels.map((label) => label.attributes.class), [null, null, null, 'remsim-late']);
});

test('the line is not drawn over a gap, and a lone sample is a dot', () => {
	const drawn = chart.draw({ title: 't', window: 'hour', step_s: 60, now: 3600, show, curves: [{ label: 'l', points: at(0, 60, 600) }] });
	const [line, dots] = find(drawn, hasClass('remsim-line')).map((node) => node.attributes.d);

	assert.equal(line.match(/M/g).length, 1);
	assert.match(dots, /^M[0-9. ]+h\.1$/);
});

test('the table names what is missing', () => {
	const table = chart.table({ show, curves: [{ label: 'a', points: at(0, 60) }, { label: 'b', points: at(60) }] });

	assert.match(textOf(table), /unknown/);
});

test('every series of the charts is one that the daemon has, six at a time', async () => {
	const asked = [];
	const history = page({
		'remsim.rpc': { history: (series, window) => {
			asked.push([series.split(' '), window]);

			return Promise.resolve({ window, step_s: 60, as_of: 1000, pending: false, series: {} });
		} }
	})('remsim.history');
	const answer = await history.ask('day');

	assert.ok(asked.every(([names, window]) => names.length <= 6 && window === 'day'));
	assert.ok(asked.flatMap(([names]) => names).every((name) => /^(modem[12]|heartbeat|assignment|sim)\./.test(name)));
	assert.deepEqual(history.figures(answer), []);
});

test('of a state the worst one in a step is drawn, never one between two', () => {
	const series = { 'assignment.state': { points: [[0, 0, 1.6, 3]] }, 'heartbeat.path': { points: [[0, 0, 1, 2]] } };
	const said = page()('remsim.history').figures({ window: 'day', step_s: 60, as_of: 60, series }).map((figure) =>
		find(figure, (node) => node.attributes.role === 'img')[0].attributes['aria-label']);

	assert.deepEqual(said, ['Path of the heartbeat. path: last none', 'State at the bank. state: last not registered']);
});

test('an answer that is not ready is asked for again', async () => {
	let asked = 0;
	const history = page({
		'remsim.rpc': { history: () => Promise.resolve(++asked < 3 ? { pending: true } : { pending: false, step_s: 60, as_of: 1, series: {} }) }
	})('remsim.history');

	assert.equal((await history.query(['modem1.rsrp'], 'day')).step_s, 60);
	assert.equal(asked, 3);
});

test('a store that never answers is said', async () => {
	const history = page({ 'remsim.rpc': { history: () => Promise.resolve({ pending: true }) } })('remsim.history');

	await assert.rejects(history.query(['modem1.rsrp'], 'day'), /does not answer/);
});
