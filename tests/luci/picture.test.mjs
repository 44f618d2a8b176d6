// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/picture.js and remsim/modem.js: everything that the picture says is said in words too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { find, hasClass, page, textOf } from './load.mjs';

const require = page();
const picture = require('remsim.picture');
const table = require('remsim.modem');

function modem(changes = {}) {
	return {
		role: 'primary', state: 'connected', age_s: 1, device: '/dev/ttyUSB2', bus_path: '2-1', usb_id: null, profile: 'fm350', boot_time_s: 77,
		fields: {
			operator: { value: 'One', age_s: 1 }, technology: { value: 'LTE', age_s: 1 },
			registration: { value: { stat: 1, act: 7, tac: '05D5', cell_id: '01' }, age_s: 1 },
			signal: { value: { rssi_dbm: -70, rsrp_dbm: -95, rsrq_db: 0, sinr_db: null, band: null }, age_s: 2 }
		},
		sim: { source: 'local', level: 0, wanted: 0, line: 'gpiochip0:20', failure: null },
		link: { interface: 'wwan0', device: 'wwan0', up: true, age_s: 1, addresses: ['10.0.0.2/30'], dns_servers: [], rx_bytes: 0, tx_bytes: 5, failure: null },
		path: { state: 'up', up: true, reason: 'registered and addressed', since_s: 9 },
		recovery: { active: false, step: null, tried: [], next_step: null, next_in_s: null, helped: null, failure: null },
		failure: null, ...changes
	};
}

function status(changes = {}) {
	return {
		control_path: { path: 'iot', modem: 'modem2' },
		assignment: { state: 'active', grace_left_s: null, bank_id: 1, slot_id: 0, iccid: '89', next_try_in_s: null, failure: null },
		heartbeat: { last_answer_age_s: 3, next_in_s: 57, interval_s: 60, rtt_ms: 43, path: 'iot', failure: null },
		client: { remote_possible: false, bank_connected: false, why_not: 'no card front-end' },
		modem1: modem(), modem2: modem(), ...changes
	};
}

const pathOf = (drawn, name) => textOf(find(drawn, hasClass('remsim-path-' + name)));

test('the path that carries the heartbeat is named, the other stands by', () => {
	const drawn = picture.draw(status(), {});

	assert.match(pathOf(drawn, 'modem2'), /carries the heartbeat/);
	assert.match(pathOf(drawn, 'modem1'), /stands by/);
});

test('a path that is back says when it takes over', () => {
	const held = { path: 'primary', modem: 'modem1', held_back_s: 21 };

	assert.match(pathOf(picture.draw(status({ control_path: held }), {}), 'modem2'), /takes over in\s+21 s/);
});

test('a path that is down is interrupted, one not known yet is unknown', () => {
	const down = modem({ path: { state: 'down', up: false, reason: 'modem searching', since_s: 1 } });
	const unknown = modem({ path: { state: 'unknown', up: false, reason: '', since_s: 1 } });
	const drawn = picture.draw(status({ modem1: down, modem2: unknown, control_path: { path: 'none', modem: null } }), {});

	assert.match(pathOf(drawn, 'modem1'), /interrupted/);
	assert.match(pathOf(drawn, 'modem2'), /unknown/);
	assert.match(textOf(drawn), /searching for a network/);
});

test("the SIM's source is shown at the modem and on its path", () => {
	const remote = modem({ sim: { source: 'remote', failure: null } });
	const client = { remote_possible: true, bank_connected: true, why_not: null };

	assert.match(pathOf(picture.draw(status({ modem1: remote, client }), {}), 'modem1'), /SIM from the bank/);
	assert.match(pathOf(picture.draw(status({ modem1: remote }), {}), 'modem1'), /no SIM from the bank/);
});

test('the grace period counts down', () => {
	const assignment = { ...status().assignment, state: 'grace', grace_left_s: 252 };
	const drawn = picture.draw(status({ assignment }), {});

	assert.match(textOf(drawn), /grace period[\s\S]*Lets go in\s+4 min 12 s/);
	assert.equal(find(drawn, hasClass('remsim-grace')).length, 1);
});

test('slot 0 is a slot, a missing bank is unknown', () => {
	assert.match(textOf(picture.draw(status(), {})), /1 \/ 0/);

	const assignment = { ...status().assignment, bank_id: null, slot_id: null };

	assert.match(textOf(picture.draw(status({ assignment }), {})), /Bank and slot\s+unknown/);
});

test('with one modem there is one modem', () => {
	const alone = status();

	delete alone.modem2;
	assert.equal(find(picture.draw(alone, {}), hasClass('remsim-card')).length, 2);
});

test('a modem that was never seen is drawn without inventing anything', () => {
	const fresh = modem({ state: 'unknown', fields: {}, age_s: null, device: null, bus_path: null, profile: null, boot_time_s: null });
	const text = textOf(picture.draw(status({ modem1: fresh }), {}));

	assert.match(text, /Network\s+unknown/);
	assert.match(text, /Signal\s+unknown/);
	assert.doesNotMatch(text, /undefined|null|NaN/);
	assert.doesNotMatch(textOf(table.table(fresh)), /undefined|null|NaN/);
});

test('what a silent modem said last is marked as old', () => {
	const drawn = picture.draw(status({ modem1: modem({ state: 'booting' }) }), {});

	assert.equal(find(drawn, hasClass('remsim-old')).length, 2);
});

test('every mark has a sign beside its colour', () => {
	for (const badge of find(picture.draw(status(), {}), hasClass('remsim-badge')))
		assert.match(textOf(badge), /^\S+\s+\S/);
});

test('the table has every field, its age, and why one could not be read', () => {
	const failing = modem();

	failing.fields.imsi = { value: null, age_s: null, error: { attempt: 2, code: 'CME 14', reason: 'SIM busy', type: 'at', age_s: 4, next_retry_in_s: 6 } };

	const text = textOf(table.table(failing));

	assert.match(text, /IMSI\s+unknown\s+! SIM busy · refused by the modem · CME 14 · attempt 2 · 4 s ago · next try in 6 s/);
	assert.match(text, /RSRP -95 dBm, RSSI -70 dBm, RSRQ 0 dB/);
	assert.match(text, /home network, TAC 05D5, cell 01/);
	assert.match(text, /Received, sent\s+0 B, 5 B/);
	assert.match(text, /DNS servers\s+none/);
});

test('recovery tells what was tried, what helped and what comes next', () => {
	const recovery = { active: true, step: null, tried: ['interface', 'radio'], next_step: 'reset_line', next_in_s: 28, helped: 'bus' };

	assert.equal(table.recovery(recovery),
		'tried: interface down and up, radio off and on · last helped: USB or PCI again · next: reset line in 28 s');
	assert.equal(table.recovery(modem().recovery), 'not needed');
});
