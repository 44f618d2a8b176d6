// SPDX-License-Identifier: GPL-2.0-or-later
// remsim/job.js: from a job's answer to what a person reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page, textOf } from './load.mjs';

const made = (answers) => page({
	'remsim.rpc': { job: () => {
		const answer = answers.shift();

		return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
	} }
})('remsim.job');
const job = made([]);

test('verdicts of a running, a done and a failed job', () => {
	assert.deepEqual(job.verdict({ state: 'running', took_s: null, age_s: 4 }), ['busy', 'Under way for 4.0 s.']);
	assert.deepEqual(job.verdict({ state: 'done', took_s: 75 }), ['good', 'Done after 75 s.']);
	assert.deepEqual(job.verdict({ state: 'failed', took_s: 2, error: { code: 'device_timeout', message: 'no answer' } }),
		['bad', 'Failed after 2.0 s: no answer (device does not answer)']);
});

test('results have labels and words, unknown ones are left out', () => {
	const results = job.results({ result: { path: 'iot', rtt_ms: 43.06, iccid: null, lines: ['OK', 'x'], secret: 1 } });

	assert.deepEqual(results, [['Path', 'the IoT modem'], ['Round trip', '43.1 ms'], ['ICCID', 'unknown'], ['Answer', 'OK\nx']]);
	assert.deepEqual(job.results({ result: null }), []);
});

test('phases are named with their time', () => {
	assert.match(textOf(job.phases({ progress: [{ phase: 'SIM ready', elapsed_s: 12.34 }, { phase: 'new one', elapsed_s: 13 }] })),
		/12\.3 s\s+SIM ready\s+13\.0 s\s+new one/);
});

test('a job is followed to its end, over silences', async () => {
	const shown = [];
	const ended = await made([{ state: 'running' }, new Error('XHR request timed out'), { state: 'done' }]).watch('1', (each) => shown.push(each.state));

	assert.equal(ended.state, 'done');
	assert.deepEqual(shown, ['running', 'done']);
});

test('a job that the daemon does not know ends the watch', async () => {
	await assert.rejects(made([Object.assign(new Error('no job'), { code: 'argument' })]).watch('9', () => {}), /no job/);
});

test('a daemon that stays silent ends the watch', async () => {
	await assert.rejects(made(Array.from({ length: 40 }, () => new Error('XHR request timed out'))).watch('1', () => {}), /timed out/);
});
