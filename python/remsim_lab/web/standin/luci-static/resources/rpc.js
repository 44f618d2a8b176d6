// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require request';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Calls of ubus methods over JSON-RPC: those of one frame in one request.
 *
 * A stand-in for LuCI's rpc.js with its observed behaviour: a ubus status resolves unless the call
 * was declared with `reject: true`; tests/luci/facts holds both to it. Never part of a package. */

const NULL_SESSION = '00000000000000000000000000000000';
const TIMEOUT_S = 20;

const STATUS = [
	_('Command OK'), _('Invalid command'), _('Invalid argument'), _('Method not found'), _('Resource not found'),
	_('No data received'), _('Permission denied'), _('Request timeout'), _('Not supported'), _('Unspecified error'), _('Connection lost')
];

const interceptors = [];
let lastId = 1, batch = null;

function kindOf(value) {
	return Object.prototype.toString.call(value);
}

function named(request) {
	return 'RPC call to %s/%s'.format(request.object, request.method);
}

/* What a declared call makes of the answer. */
function settle(request, message) {
	if (message == null || typeof(message) != 'object' || message.jsonrpc != '2.0')
		L.raise('RPCError', '%s returned an invalid message frame', named(request));

	if (message.error)
		L.raise('RPCError', '%s failed with error %d: %s', named(request), message.error.code, message.error.message || '?');

	const result = Array.isArray(message.result) ? message.result : [ 9 ];

	if (request.reject && result[0] !== 0)
		L.raise('RPCError', '%s failed with ubus code %d: %s', named(request), result[0], STATUS[result[0]] || '?');

	const reply = result.length > 1 ? result[1] : result[0];
	const expected = expect(request, reply);

	return request.filter ? request.filter.apply(request.self, [ expected, request.args ].concat(request.extra)) : expected;
}

/* The wanted field when it is of the default's type, else the default. */
function expect(request, reply) {
	for (const key in request.expect || {}) {
		const fallback = request.expect[key];
		const value = key == '' ? reply : (reply != null && typeof(reply) == 'object' ? reply[key] : null);

		return value == null || kindOf(value) != kindOf(fallback) ? fallback : value;
	}

	return reply;
}

function finish(request, message) {
	const tasks = interceptors.map(function(intercept) { return intercept(message, request) });

	return Promise.all(tasks).then(function() { return settle(request, message) });
}

function post(content) {
	const url = L.env.ubuspath + (L.env.ubuspath.includes('?') ? '' : '?' + Date.now());

	return request.post(url, content, { timeout: (L.env.rpctimeout || TIMEOUT_S) * 1000, cache: true });
}

function flush() {
	const calls = batch;

	batch = null;

	post(calls.map(function(call) { return call.message })).then(function(answer) {
		const replies = answer.ok ? answer.json() : [];

		calls.forEach(function(call, i) {
			if (replies[i])
				finish(call.request, replies[i]).then(call.resolve, call.reject);
			else
				call.reject(new Error('No related RPC reply'));
		});
	}).catch(function(error) {
		calls.forEach(function(call) { call.reject(error) });
	});
}

function enqueue(request, message) {
	return new Promise(function(resolve, reject) {
		if (!batch) {
			batch = [];
			window.requestAnimationFrame(flush);
		}

		batch.push({ request: request, message: message, resolve: resolve, reject: reject });
	});
}

function callAlone(request, message) {
	return post(message).then(function(answer) {
		if (!answer.ok)
			L.raise('RPCError', '%s failed with HTTP error %d: %s', named(request), answer.status, answer.statusText || '?');

		return finish(request, answer.json());
	});
}

return baseclass.extend({
	declare: function(options) {
		return L.bind(function() {
			const given = Array.prototype.slice.call(arguments), names = options.params || [], args = {};

			names.slice(0, given.length).forEach(function(name, i) { args[name] = given[i] });

			const message = {
				jsonrpc: '2.0', id: lastId++, method: 'call',
				params: [ this.getSessionID(), options.object, options.method, args ]
			};
			const request = {
				object: options.object, method: options.method, expect: options.expect, filter: options.filter,
				reject: options.reject, self: this, args: args, extra: given.slice(names.length)
			};

			return options.nobatch ? callAlone(request, message) : enqueue(request, message);
		}, this);
	},

	list: function() {
		const params = Array.from(arguments);
		const message = { jsonrpc: '2.0', id: lastId++, method: 'list', params: params.length ? params : undefined };

		return post(message).then(function(answer) { return answer.json().result });
	},

	getSessionID: function() { return L.env.sessionid || NULL_SESSION },
	setSessionID: function(sid) { L.env.sessionid = sid },
	getBaseURL: function() { return L.env.ubuspath },
	getStatusText: function(status) { return STATUS[status] || _('Unknown error code') },

	addInterceptor: function(intercept) {
		if (typeof(intercept) == 'function')
			interceptors.push(intercept);

		return intercept;
	},

	removeInterceptor: function(intercept) {
		const at = interceptors.indexOf(intercept);

		return at >= 0 && interceptors.splice(at, 1).length > 0;
	}
});
