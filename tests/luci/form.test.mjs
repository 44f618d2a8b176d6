// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/form.js over the generated schema: the pure parts of the form.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page } from './load.mjs';

const stored = { heartbeat: { interval: '20' }, routing: { allow: ['a', 'b'] } };
const require = page({ uci: { get: (_config, section, option) => stored[section]?.[option] } });
const form = require('remsim.form');
const schema = require('remsim.schema');
const options = schema.sections.flatMap((section) => section.options);

test('a pattern judges all of the text, and each entry of a list', () => {
	const option = { pattern: '^[0-9]{4,8}$', expected: '4 to 8 digits' };

	assert.equal(form.fault(option, '1234'), null);
	assert.equal(form.fault(option, ''), null);
	assert.equal(form.fault(option, 'x1234'), 'Expected: 4 to 8 digits');
	assert.equal(form.fault(option, ['1234', '12']), 'Expected: 4 to 8 digits');
	assert.equal(form.fault({}, 'anything'), null);
});

test('every pattern of the schema is one that JavaScript understands', () => {
	for (const option of options.filter((each) => each.pattern))
		assert.equal(form.fault(option, option.default ?? ''), null, option.path);
});

test("every option's default passes its own rules or is empty", () => {
	for (const option of options)
		assert.ok(option.default == null || form.fault(option, option.default) == null, option.path);
});

test('what is judged is every option, empty where nothing is set', () => {
	const values = form.values();

	assert.equal(Object.keys(values).length, options.length);
	assert.equal(values['heartbeat.interval'], '20');
	assert.deepEqual(values['routing.allow'], ['a', 'b']);
	assert.equal(values['heartbeat.timeout'], '');
});

test('what is judged fits into one call', () => {
	assert.ok(options.length <= 200, 'VALUES_MAX in python/remsim/bus/objects.py');
});

test('a problem names section and option as the page does', () => {
	assert.equal(form.problemText({ path: 'heartbeat.timeout', value: '90', expected: '5 to 60' }),
		'Heartbeat, Time limit: 90 is not possible. Expected: 5 to 60');
	assert.equal(form.problemText({ path: '/etc/config/remsim:3', value: '', expected: 'broken' }), '/etc/config/remsim:3: broken');
});

test('what an option depends on is an option on the same page', () => {
	const pageOf = new Map(schema.sections.flatMap((section) => section.options.map((option) => [option.path, section.page])));

	for (const section of schema.sections)
		for (const option of section.options)
			for (const path of (option.depends ?? []).flatMap(Object.keys))
				assert.equal(pageOf.get(path), section.page, `${option.path} depends on ${path}`);
});
