// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/events.js: the log as a page follows it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, textOf } from './load.mjs';

const row = (seq, text = `event ${seq}`) => ({ seq, time: '2026-01-02T03:04:05Z', uptime_s: seq, kind: 'path', modem: 'modem1', text });

function following(answers, audits = []) {
	const calls = [];
	const events = page({
		'remsim.rpc': {
			events: () => { calls.push('all'); return Promise.resolve(answers.shift()); },
			events_since: (since) => { calls.push(since); return Promise.resolve(answers.shift()); },
			audit: (before, limit) => { calls.push(['audit', before, limit]); return Promise.resolve(audits.shift()); }
		}
	})('remsim.events');

	return { events, calls };
}

test('all is asked for once, then what is new', async () => {
	const { events, calls } = following([{ events: [row(1), row(2)], newest: 2 }, { events: [row(3)], newest: 3 }, { events: [], newest: 3 }]);
	const feed = events.feed(10);

	await feed.ask();
	await feed.ask();
	await feed.ask();
	assert.deepEqual(calls, ['all', 2, 3]);
	assert.deepEqual(feed.rows.map((each) => each.seq), [1, 2, 3]);
});

test('only the newest are kept', async () => {
	const { events } = following([{ events: [row(1), row(2), row(3)], newest: 3 }]);
	const feed = events.feed(2);

	assert.deepEqual((await feed.ask()).map((each) => each.seq), [2, 3]);
});

test('a log that begins anew is read anew', async () => {
	const { events, calls } = following([{ events: [row(9)], newest: 9 }, { events: [], newest: 1 }, { events: [row(1)], newest: 1 }]);
	const feed = events.feed(5);

	await feed.ask();
	await feed.ask();
	await feed.ask();
	assert.deepEqual(calls, ['all', 9, 'all']);
	assert.deepEqual(feed.rows.map((each) => each.seq), [1]);
});

test('an event before the clock was set has its time since start', () => {
	const { events } = following([]);

	assert.equal(events.when({ time: null, uptime_s: 75 }), '75 s after start');
});

test('filters are combined', () => {
	const { events } = following([]);
	const rows = [row(1, 'Link down'), { ...row(2, 'link up'), modem: 'modem2' }, { ...row(3, 'link'), kind: 'sim' }];
	const seqs = (wanted) => events.filter(rows, wanted).map((each) => each.seq);

	assert.deepEqual(seqs({ kind: '', modem: '', text: '' }), [1, 2, 3]);
	assert.deepEqual(seqs({ text: 'LINK', kind: 'path', modem: 'modem1' }), [1]);
});

test('the table shows the newest first and says when there is nothing', () => {
	const { events } = following([]);

	assert.match(textOf(events.table([row(1), row(2)])), /event 2.*event 1/);
	assert.match(textOf(events.table([])), /No events/);
});

test('older rows of the store are joined without repeating those shown', async () => {
	const stored = (id, uptime_s, text) => ({ id, time: 1767323045, uptime_s, kind: 'path', modem: null, text });
	const page1 = { pending: false, rows: [stored(5, 2.04, 'event 2'), stored(4, 1, 'older')] };
	const { events, calls } = following([], [page1, page1]);
	const found = await events.older(0, 2, [row(2)]);

	assert.deepEqual(found.rows.map((each) => each.text), ['older']);
	assert.equal(found.rows[0].time, '2026-01-02T03:04:05.000Z');
	assert.equal(found.before, 4);
	assert.equal(calls.length, 2, 'the newest rows are asked for twice: the first answer may be of yesterday');
});

test("the store's end is told", async () => {
	const { events } = following([], [{ pending: false, rows: [] }]);

	assert.deepEqual(await events.older(7, 2, []), { rows: [], before: null });
});

test('a page of the store that is all known leads to the next', async () => {
	const stored = (id) => ({ id, time: null, uptime_s: id, kind: 'path', modem: null, text: `event ${id}` });
	const { events, calls } = following([], [{ rows: [stored(3), stored(2)] }, { rows: [stored(1)] }]);
	const found = await events.older(9, 2, [row(2), row(3)]);

	assert.deepEqual(found.rows.map((each) => each.id), [1]);
	assert.deepEqual(calls.map((call) => call[1]), [9, 2]);
});

test('CSV has a row for each event', () => {
	const { events } = following([]);

	assert.equal(events.csv([row(1, 'a, b')]).split('\r\n')[1], '1,2026-01-02T03:04:05Z,1,path,modem1,"a, b"');
});

test('sentences of the daemon are put together anew', () => {
	const sentences = page()('remsim.sentences');
	const said = {
		'registered over iot as vm-slot0': 'registered over the IoT modem as vm-slot0',
		'primary path up: registered and addressed': 'path over the primary modem is up: registered and addressed',
		'error: iot path is down: modem booting': 'error: path over the IoT modem is down: booting',
		'over: iot path is down: link wwan1 has no address': 'over: path over the IoT modem is down: link wwan1 has no address',
		'control traffic: none': 'control traffic goes over no modem',
		'modem2 is pin needed': 'Modem 2: IoT: PIN needed',
		'modem1: reset line': 'Modem 1: primary: reset line',
		'modem1: at_reset failed: no answer': 'Modem 1: primary: reset by AT command failed: no answer',
		'modem1: SIM is local': 'Modem 1: primary: SIM is own card',
		'reset modem2 asked for by luci:admin': 'reset modem2, asked for by luci:admin',
		'warning: no heartbeat answered, the bank lets go in 120 s: silence': 'warning: no heartbeat is answered, the bank lets go in 120 s: silence',
		'warning: no heartbeat answered, the bank lets go in 120 s': 'warning: no heartbeat is answered, the bank lets go in 120 s'
	};

	assert.deepEqual(Object.fromEntries(Object.keys(said).map((text) => [text, sentences.of(text)])), said);
});

test('a sentence that is not known stays as it is', () => {
	const sentences = page()('remsim.sentences');

	for (const text of ['something new', 'modem1: never heard of', 'modem1 is upside down', '']) {
		const expected = text.replace('modem1', 'Modem 1: primary').replace(' is upside', ': upside');

		assert.equal(sentences.of(text), expected);
	}
});
