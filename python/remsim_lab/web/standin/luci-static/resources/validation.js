'use strict';
'require baseclass';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Data types of form fields, as expressions such as and(uinteger,range(0,255)).
 *
 * A stand-in for LuCI's validation.js: the types that the pages of remsim use. An unknown type throws
 * when the validator is made, as in LuCI. Never part of a package. */

const IP4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const HOSTNAME = /^(?=.{1,253}$)[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(?:\.[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*$/;

function bytesOf(text) {
	return new TextEncoder().encode(text).length;
}

function isIp6(text) {
	const halves = text.split('::');
	const tail = (/:([0-9.]+\.[0-9.]+)$/).exec(text);

	if (tail)
		return IP4.test(tail[1]) && isIp6(text.replace(/[0-9.]+$/, '0:0'));

	if (halves.length > 2)
		return false;

	const groups = halves.map(function(half) { return half ? half.split(':') : [] });
	const count = groups.reduce(function(sum, half) { return sum + half.length }, 0);

	return [].concat(...groups).every(function(group) { return (/^[0-9a-fA-F]{1,4}$/).test(group) }) &&
		(halves.length == 2 ? count < 8 : count == 8);
}

function isPrefix(text, isAddress, bits) {
	const parts = text.split('/');

	return parts.length == 2 && isAddress(parts[0]) && (/^[0-9]+$/).test(parts[1]) && parts[1] <= bits;
}

function isIp4(text) {
	return IP4.test(text);
}

/* Each: ok(validator, value, arguments) -> null or what is expected. */
const TYPES = {
	string: function() { return null },
	file: function() { return null },
	directory: function() { return null },
	uinteger: function(value) { return (/^[0-9]+$/).test(value) ? null : _('positive integer value') },
	integer: function(value) { return (/^-?[0-9]+$/).test(value) ? null : _('valid integer value') },
	float: function(value) { return (/^-?[0-9]+(?:\.[0-9]+)?$/).test(value) ? null : _('valid decimal value') },
	ufloat: function(value) { return (/^[0-9]+(?:\.[0-9]+)?$/).test(value) ? null : _('positive decimal value') },
	range: function(value, given) {
		return value !== '' && +value >= +given[0] && +value <= +given[1] ? null : _('value between %f and %f').format(given[0], given[1]);
	},
	min: function(value, given) { return +value >= +given[0] ? null : _('value greater or equal to %f').format(given[0]) },
	max: function(value, given) { return +value <= +given[0] ? null : _('value smaller or equal to %f').format(given[0]) },
	rangelength: function(value, given) {
		const length = bytesOf(value);

		return length >= +given[0] && length <= +given[1] ? null : _('value between %d and %d characters').format(given[0], given[1]);
	},
	minlength: function(value, given) { return bytesOf(value) >= +given[0] ? null : _('value with at least %d characters').format(given[0]) },
	maxlength: function(value, given) { return bytesOf(value) <= +given[0] ? null : _('value with at most %d characters').format(given[0]) },
	hexstring: function(value) { return (/^(?:[0-9a-fA-F]{2})+$/).test(value) ? null : _('hexadecimal encoded value') },
	port: function(value) { return (/^[0-9]+$/).test(value) && value <= 65535 ? null : _('valid port value') },
	uciname: function(value) { return (/^[a-zA-Z0-9_]+$/).test(value) ? null : _('valid UCI identifier') },
	ip4addr: function(value) { return isIp4(value) || isPrefix(value, isIp4, 32) ? null : _('valid IPv4 address') },
	ip6addr: function(value) { return isIp6(value) || isPrefix(value, isIp6, 128) ? null : _('valid IPv6 address') },
	ipaddr: function(value) { return TYPES.ip4addr(value) && TYPES.ip6addr(value) ? _('valid IP address') : null },
	cidr: function(value) { return isPrefix(value, isIp4, 32) || isPrefix(value, isIp6, 128) ? null : _('valid IPv4 or IPv6 CIDR') },
	hostname: function(value) { return HOSTNAME.test(value) && !(/^[0-9.]+$/).test(value) ? null : _('valid hostname') },
	host: function(value) { return TYPES.hostname(value) && !isIp4(value) && !isIp6(value) ? _('valid hostname or IP address') : null },
	and: function(value, given) {
		for (const check of given) {
			const expected = check(value);

			if (expected)
				return expected;
		}

		return null;
	},
	or: function(value, given) {
		const expected = given.map(function(check) { return check(value) });

		return expected.includes(null) ? null : _('One of the following: %s').format('\n - ' + expected.join('\n - '));
	}
};

/* "and(uinteger,range(0,255))" -> function(value) -> null or what is expected. */
function compile(text) {
	const match = (/^([a-z0-9_]+)(?:\((.*)\))?$/).exec(text.trim());

	if (!match || !TYPES[match[1]])
		L.raise('SyntaxError', 'Unrecognized token "%s"', text);

	const given = match[2] == null ? [] : split(match[2]).map(function(part) {
		return (/^-?[0-9.]+$/).test(part) ? part : compile(part);
	});

	return function(value) { return TYPES[match[1]](value, given) };
}

function split(text) {
	const parts = [ '' ];
	let depth = 0;

	for (const sign of text) {
		depth += (sign == '(') - (sign == ')');

		if (sign == ',' && !depth)
			parts.push('');
		else
			parts[parts.length - 1] += sign;
	}

	return parts.map(function(part) { return part.trim() });
}

const Validator = baseclass.extend({
	__init__: function(field, type, optional, check) {
		this.field = field;
		this.optional = optional;
		this.check = check;
		this.type = compile(type || 'string');
	},

	/* Marks the field and tells the widget around it. A field that is nowhere is fine. */
	validate: function() {
		if (!this.field.closest('body, [data-field]'))
			return true;

		const message = this.problem();

		this.field.classList.toggle('cbi-input-invalid', message != null);

		if (message == null) {
			this.field.removeAttribute('data-tooltip');
			this.field.removeAttribute('data-tooltip-style');
			this.field.dispatchEvent(new CustomEvent('validation-success', { bubbles: true }));

			return true;
		}

		this.field.setAttribute('data-tooltip', message);
		this.field.setAttribute('data-tooltip-style', 'error');
		this.field.dispatchEvent(new CustomEvent('validation-failure', { bubbles: true, detail: { message: message } }));

		return false;
	},

	problem: function() {
		const value = this.field.matches('select, input') ? this.field.value : this.field.getAttribute('data-value') || '';

		if (!value)
			return this.optional ? null : _('Expecting: %s').format(_('non-empty value'));

		const expected = this.type(value);

		if (expected)
			return _('Expecting: %s').format(expected);

		const said = this.check ? this.check(value) : true;

		return said === true || said == null ? null : said;
	}
});

return baseclass.extend({
	create: function(field, type, optional, check) {
		return new Validator(field, type, optional, check);
	}
});
