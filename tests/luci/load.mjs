// SPDX-License-Identifier: GPL-2.0-or-later
// Loads a LuCI module without a browser: the source is a function body, `'require a.b as c'` names its
// dependencies, the result is a class that is instantiated once. E() gives plain trees instead of nodes.

import { readFileSync } from 'node:fs';

const RESOURCES = new URL('../../htdocs/luci-static/resources/', import.meta.url);

// LuCI's String.prototype.format, as far as the pages use it.
String.prototype.format = function (...values) {
	let next = 0;

	return this.replace(/%(?:(\.\d+)?([sdf])|%)/g, (all, precision, kind) => {
		if (all === '%%')
			return '%';

		const value = values[next++];

		if (kind === 'd')
			return String(Math.floor(Number(value)) || 0);

		return kind === 'f' ? Number(value).toFixed(precision ? Number(precision.slice(1)) : 6) : String(value);
	});
};

function extend(properties) {
	const parent = this && this.prototype;

	function LuciClass(...args) {
		if (this.__init__)
			this.__init__(...args);
	}

	LuciClass.prototype = Object.assign(Object.create(parent || Object.prototype), properties);
	LuciClass.prototype.super = function (name, args) { return parent[name].apply(this, args); };
	LuciClass.extend = extend;

	return LuciClass;
}

// A tree of { tag, attributes, children }; children are trees and texts.
export function E(tag, attributes, children) {
	if (Array.isArray(attributes)) {
		children = attributes;
		attributes = {};
	}

	return { tag, attributes: attributes || {}, children: [].concat(children == null ? [] : children) };
}

// All text of a tree, in reading order.
export function textOf(node) {
	if (node == null || typeof node !== 'object')
		return String(node ?? '');

	return Array.isArray(node) ? node.map(textOf).join(' ') : node.children.map(textOf).join(' ');
}

export function find(node, predicate) {
	if (node == null || typeof node !== 'object')
		return [];

	const below = (Array.isArray(node) ? node : node.children).flatMap((child) => find(child, predicate));

	return !Array.isArray(node) && predicate(node) ? [node, ...below] : below;
}

export const hasClass = (name) => (node) => String(node.attributes.class ?? '').split(' ').includes(name);

const L = {
	bind: (fn, self, ...args) => fn.bind(self, ...args),
	resolveDefault: (promise, value) => Promise.resolve(promise).catch(() => value),
	resource: (path) => '/luci-static/resources/' + path,
	url: (path) => '/cgi-bin/luci/' + path,
	env: {}
};

// `stubs`: replacements by module name. Returns the module's instance; each call is a page of its own.
export function page(stubs = {}) {
	const loaded = new Map(Object.entries({
		baseclass: { extend },
		view: { extend },
		form: { Map: { extend }, Flag: {}, ListValue: {}, DynamicList: {}, Value: {} },
		dom: {}, poll: {}, uci: {}, ui: {}, rpc: { declare: () => () => Promise.reject(new Error('no call expected')) },
		...stubs
	}));
	const document = {
		createElementNS: (_space, tag) => ({
			tag, attributes: {}, children: [],
			setAttribute(name, value) { this.attributes[name] = String(value); },
			appendChild(child) { this.children.push(child); return child; }
		}),
		createTextNode: (text) => text,
		querySelector: () => ({}),
		querySelectorAll: () => [],
		documentElement: { lang: 'en' }
	};
	const window = { setTimeout: (fn) => queueMicrotask(fn), setInterval: () => 1 };

	function require(name) {
		if (!loaded.has(name)) {
			const source = readFileSync(new URL(name.replaceAll('.', '/') + '.js', RESOURCES), 'utf8');
			const pragmas = [...source.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm)];
			const names = pragmas.map(([, module, alias]) => alias ?? module.replace(/\W/g, '_'));
			const make = new Function('window', 'document', 'L', 'E', '_', 'N_', ...names, source);
			const Made = make(window, document, L, E, (text) => text, (n, one, many) => (n === 1 ? one : many),
				...pragmas.map(([, module]) => require(module)));

			loaded.set(name, new Made());
		}

		return loaded.get(name);
	}

	return require;
}
