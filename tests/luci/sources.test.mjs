// SPDX-License-Identifier: GPL-2.0-or-later
// Rules over the pages' sources that a reader would otherwise have to look for.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('../../htdocs/luci-static/resources/', import.meta.url));
const VIEW_LINES_MAX = 120;
const APP_BYTES_MAX = 60 * 1024;	// compressed

const files = readdirSync(ROOT, { recursive: true }).map(String).filter((name) => /\.(js|css)$/.test(name));
const sources = new Map(files.map((name) => [name, readFileSync(ROOT + name, 'utf8')]));
const written = [...sources].filter(([name]) => name !== 'remsim/schema.js');

test('a view is short; what pages share is elsewhere', () => {
	for (const [name, source] of sources)
		if (name.startsWith('view/'))
			assert.ok(source.split('\n').length - 1 <= VIEW_LINES_MAX, name);
});

test('nothing is put into a page as markup', () => {
	for (const [name, source] of sources)
		assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|rawhtml|eval\(/, name);
});

test('children are never a bare string, which LuCI would take for markup', () => {
	for (const [name, source] of written)
		assert.doesNotMatch(source, /\bE\('[a-z0-9]+', \{[^{}]*\}, (?:_\(|'|"|`)/, name);
});

test('no address but the own', () => {
	for (const [name, source] of sources)
		assert.deepEqual(source.match(/(?:https?:)?\/\/[\w.-]+\.\w+/g)?.filter((url) => url !== 'http://www.w3.org') ?? [], [], name);
});

test('a text to translate is a literal', () => {
	for (const [name, source] of sources) {
		assert.doesNotMatch(source, /(?<![\w$])_\((?!['"])/, name);
		assert.doesNotMatch(source, /(?<![\w$])N_\((?![\w.]+, '[^']*', ')/, name);
	}
});

test('a regular expression stands where LuCI\'s minifier knows it', () => {
	for (const [name, source] of written)
		assert.doesNotMatch(source, /(?:return|=>|typeof)\s+\/[^/*]/, name);
});

test('colours have values for themes without variables', () => {
	const css = sources.get('remsim/remsim.css');

	for (const [use] of css.matchAll(/var\(--(?!remsim-)[^)]*\)/g))
		assert.match(use, /,/, use);
});

test('the whole of the pages fits into its budget', () => {
	const bytes = gzipSync(Buffer.from([...sources.values()].join('\n')), { level: 9 }).length;

	assert.ok(bytes <= APP_BYTES_MAX, `${bytes} bytes`);
});
