// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/status.js: the state in words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page } from './load.mjs';

const words = page()('remsim.status');

test('unknown is a word and zero is a number', () => {
	assert.equal(words.words(null), 'unknown');
	assert.equal(words.words(''), 'unknown');
	assert.equal(words.words(0, 'dBm'), '0 dBm');
	assert.equal(words.words('0'), '0');
	assert.equal(words.bytes(null), 'unknown');
	assert.equal(words.bytes(0), '0 B');
	assert.equal(words.span(null), 'unknown');
	assert.equal(words.span(0), '0 s');
});

test('never is not long ago', () => {
	assert.equal(words.ago(null), 'never');
	assert.equal(words.ago(0.4), 'just now');
	assert.equal(words.ago(12.9), '13 s ago');
});

test('spans change their unit where people do', () => {
	assert.equal(words.span(119), '119 s');
	assert.equal(words.span(252), '4 min 12 s');
	assert.equal(words.span(3600), '1 h 0 min');
	assert.equal(words.span(90061), '25 h 1 min');
	assert.equal(words.span(3 * 86400), '3 days');
	assert.equal(words.span(-3), '0 s');
});

test('bytes are counted in thousands, as data plans are', () => {
	assert.equal(words.bytes(999), '999 B');
	assert.equal(words.bytes(1234), '1.2 kB');
	assert.equal(words.bytes(10e6), '10 MB');
	assert.equal(words.bytes(2.5e12), '2.5 TB');
});

test('every state has a word and an unheard-of one is unknown', () => {
	for (const state of ['absent', 'booting', 'no_sim', 'pin_needed', 'searching', 'registered', 'connected', 'failed'])
		assert.notEqual(words.modem(state)[0], 'unknown', state);

	for (const state of ['active', 'grace', 'expired', 'unregistered'])
		assert.notEqual(words.assignment(state)[0], 'unknown', state);

	assert.deepEqual(words.modem('unknown'), ['unknown', 'unknown']);
	assert.deepEqual(words.modem('something new'), ['unknown', 'unknown']);
	assert.deepEqual(words.source(null), ['unknown', 'unknown']);
});

test('a failure says what, whose fault, how often, when and when next', () => {
	const failure = { attempt: 3, code: 'CME 10', reason: 'SIM not inserted', type: 'at', age_s: 12, next_retry_in_s: 30 };

	assert.deepEqual(words.failure(failure), [
		'SIM not inserted', 'refused by the modem', 'CME 10', 'attempt 3', '12 s ago', 'next try in 30 s'
	]);
});

test('a failure does not repeat itself nor invent what it lacks', () => {
	const failure = { attempt: 1, code: 'device_gone', reason: 'no modem at 1-1', type: 'device_gone', age_s: null, next_retry_in_s: null };

	assert.deepEqual(words.failure(failure), ['no modem at 1-1', 'device gone']);
	assert.deepEqual(words.failure(null), []);
});

test('bars come from RSRP, or from RSSI where there is no RSRP', () => {
	assert.deepEqual(words.signal({ rsrp_dbm: -81, rssi_dbm: -50 }), { bars: 3, word: 'good', text: '-81 dBm RSRP' });
	assert.deepEqual(words.signal({ rsrp_dbm: null, rssi_dbm: -91 }), { bars: 1, word: 'weak', text: '-91 dBm RSSI' });
	assert.equal(words.signal({ rsrp_dbm: -80 }).bars, 4);
	assert.equal(words.signal({ rsrp_dbm: -130 }).bars, 0);
	assert.equal(words.signal({ rsrp_dbm: null, rssi_dbm: null }).bars, null);
	assert.equal(words.signal(null).bars, null);
});

test('an alert has title and advice by its kind, and keeps what the daemon says', () => {
	const alert = words.alert({ id: 'modem2.no_sim', severity: 'error', reason: 'modem2: no SIM', advice: 'x', since_s: 3 });

	assert.deepEqual(alert, {
		level: 'bad', text: 'No SIM (Modem 2: IoT)', detail: 'modem2: no SIM',
		advice: 'Check the IoT SIM\'s holder and contacts.', since_s: 3
	});
});

test('an alert of a kind that is new keeps the words of the daemon', () => {
	const alert = words.alert({ id: 'usage.plan', severity: 'warning', reason: '95 % used', advice: 'buy more', since_s: 3 });

	assert.deepEqual([alert.text, alert.detail, alert.advice], ['95 % used', '', 'buy more']);
});

test("the daemon's usual sentences are translated, others stay", () => {
	assert.equal(words.reason('link wwan1 has no carrier'), 'link wwan1 has no carrier');
	assert.equal(words.reason('link works, orchestrator silent'), 'link works, orchestrator is silent');
	assert.equal(words.reason('modem pin needed'), 'PIN needed');
	assert.equal(words.reason('no card front-end is configured (client.front_end)'), 'no card front-end is configured');
	assert.equal(words.reason('something new'), 'something new');
	assert.equal(words.reason(null), null);
});

test('concerns come worst first, with off and released among them', () => {
	const alerts = [
		{ id: 'modem1.down', severity: 'warning', reason: 'down', advice: '', since_s: 31 },
		{ id: 'modem2.pin', severity: 'error', reason: 'PIN', advice: '', since_s: 5 }
	];
	const found = words.concerns({ alerts, enabled: false, released: true });

	assert.deepEqual(found.map((concern) => concern.level), ['bad', 'warn', 'off', 'off']);
	assert.deepEqual(words.concerns({ alerts: [], enabled: true, released: false }), []);
});

test('trouble tells a stopped daemon from a dead router and from a missing right', () => {
	const of = (text) => words.trouble(new Error(text));

	assert.equal(of('RPC call to luci.remsim/status failed with error -32000: Object not found').absent, true);
	assert.equal(of('RPC call to luci.remsim/status failed with ubus code 7: Request timeout').absent, true);
	assert.equal(of('XHR request timed out').absent, true);
	assert.equal(of('XHR request aborted by browser').absent, false);
	assert.equal(of('RPC call to luci.remsim/at failed with error -32002: Access denied').denied, true);
	assert.equal(of('RPC call to uci/get failed with ubus code 6: Permission denied').denied, true);
});

test("the daemon's own refusal is shown as it is", () => {
	const refusal = Object.assign(new Error('already released'), { code: 'busy' });

	assert.deepEqual(words.trouble(refusal), { denied: false, absent: false, text: 'already released' });
});

test('CSV quotes what needs quotes', () => {
	assert.equal(words.csv([['a', 'b,c', 'd"e', 'f\ng', null]]), 'a,"b,c","d""e","f\ng",\r\n');
});

test('CSV disarms what a spreadsheet would run, and leaves numbers alone', () => {
	assert.equal(words.csv([['=cmd()', '+1+1', '-2', '@x', '-81.5', '-a']]), "'=cmd(),'+1+1,-2,'@x,-81.5,'-a\r\n");
});
