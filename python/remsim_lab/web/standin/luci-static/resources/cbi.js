/* SPDX-License-Identifier: GPL-2.0-or-later
 * Globals that LuCI pages have before anything else: translations and format strings.
 *
 * A stand-in for LuCI's cbi.js: the parts that the pages of remsim use, with LuCI's observed
 * behaviour, its traps included; tests/luci/facts holds both to it. Never part of a package. */

/* Paul Hsieh's hash over UTF-8, as the catalogues have it. */
function sfh(text) {
	const bytes = new TextEncoder().encode(text);
	const word = function(at) { return bytes[at] + bytes[at + 1] * 256 };
	const signed = function(at) { return bytes[at] > 127 ? bytes[at] - 256 : bytes[at] };
	const add = function(a, b) { return (a + b) >>> 0 };

	if (!bytes.length)
		return null;

	let hash = bytes.length, at = 0;

	for (; at + 4 <= bytes.length; at += 4) {
		hash = add(hash, word(at));
		hash = ((hash << 16) ^ ((word(at + 2) << 11) ^ hash)) >>> 0;
		hash = add(hash, hash >>> 11);
	}

	switch (bytes.length - at) {
	case 3:
		hash = add(hash, word(at));
		hash = (hash ^ (hash << 16)) >>> 0;
		hash = (hash ^ (signed(at + 2) << 18)) >>> 0;
		hash = add(hash, hash >>> 11);
		break;

	case 2:
		hash = add(hash, word(at));
		hash = (hash ^ (hash << 11)) >>> 0;
		hash = add(hash, hash >>> 17);
		break;

	case 1:
		hash = add(hash, signed(at));
		hash = (hash ^ (hash << 10)) >>> 0;
		hash = add(hash, hash >>> 1);
		break;
	}

	for (const shifts of [ [ 3, 5 ], [ 4, 17 ], [ 25, 6 ] ]) {
		hash = (hash ^ (hash << shifts[0])) >>> 0;
		hash = add(hash, hash >>> shifts[1]);
	}

	return hash.toString(16).padStart(8, '0');
}

function translationKey(text, context) {
	const plain = String(text).trim().replace(/[ \t\n]+/g, ' ');

	return context != null ? '%s\u0001%s'.format(String(context).trim(), plain) : plain;
}

function translationOf(key) {
	return window.TR ? window.TR[sfh(key)] : null;
}

/* The text in the page's language, or itself as it was given. */
function _(text, context) {
	return translationOf(translationKey(text, context)) || text;
}

/* The form for a number; it is not put in. */
function N_(number, one, many, context) {
	const rule = (/plural=([^;]+)/).exec((window.TR && window.TR['00000000']) || 'plural=(n != 1);');
	const form = new Function('n', 'return +(' + rule[1] + ')')(number);

	return translationOf(translationKey(one, context) + '\u0002' + form) || (form ? many : one);
}

(function() {
	const PLACE = /%('.|0| )?(-)?(\d+)?(?:\.(\d+))?([%bcdufosxXqhjtm])/g;
	const ESCAPES = { '&': '&#38;', '"': '&#34;', '\'': '&#39;', '<': '&#60;', '>': '&#62;' };
	const UNITS = [ '', 'K', 'M', 'G', 'T', 'P', 'E' ];

	function whole(value) {
		return Math.floor(+value || 0);
	}

	function escaped(value, which) {
		const text = value == null || typeof(value) == 'object' ? '' : String(value);

		return text.replace(which, function(sign) { return ESCAPES[sign] });
	}

	function duration(value) {
		const seconds = whole(value), days = Math.floor(seconds / 86400);
		const rest = '%dh %dm %ds'.format(seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);

		return days ? '%dd %s'.format(days, rest) : rest;
	}

	function metric(value, base, digits) {
		let number = +value || 0, unit = 0;

		for (; unit < UNITS.length - 1 && number > base; unit++)
			number /= base;

		return unit ? '%s %s%s'.format(number.toFixed(digits), UNITS[unit], base == 1024 ? 'i' : '') : '%s '.format(number);
	}

	const SHOW = {
		b: function(value) { return whole(value).toString(2) },
		c: function(value) { return String.fromCharCode(+value || 0) },
		d: function(value) { return String(whole(value)) },
		f: function(value, width, digits) { return digits == null ? String(parseFloat(value)) : parseFloat(value).toFixed(digits) },
		h: function(value) { return escaped(value, /[&"'<>]/g) },
		j: String,
		m: function(value, width, digits) { return metric(value, width || 1000, digits == null ? 2 : digits) },
		o: function(value) { return whole(value).toString(8) },
		q: function(value) { return escaped(value, /["']/g) },
		s: String,
		t: duration,
		u: function(value) { return String(Math.abs(whole(value))) },
		x: function(value) { return whole(value).toString(16) },
		X: function(value) { return whole(value).toString(16).toUpperCase() }
	};

	/* With fewer arguments than places what was put in last is put in again. */
	String.prototype.format = function() {
		const given = arguments;
		let next = 0, text;

		return String(this).replace(PLACE, function(place, fill, left, width, digits, kind) {
			if (kind == '%')
				return '%';

			const number = width ? parseInt(width, 10) : 0;
			const filler = fill ? fill.slice(-1) : ' ';

			if (next < given.length)
				text = SHOW[kind](given[next++], number, digits == null ? null : parseInt(digits, 10));
			else if (text === undefined)
				text = 'undefined';

			if (kind == 'm')
				return text;

			return left ? text.padEnd(number, filler) : text.padStart(number, filler);
		});
	};

	String.format = function() {
		return String.prototype.format.apply(arguments[0], Array.prototype.slice.call(arguments, 1));
	};
})();

function findParent(node, selector) {
	return node && node.closest ? node.closest(selector) : null;
}

function cbi_init() {}
