// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require rpc';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Every call of the ubus object luci.remsim, once; the table is python/remsim/bus/api.py.
 *
 * A promise rejects for every kind of failure: the transport's, ubus's, and an answer that is
 * {error: {code, message, argument}}. (A job's own error stands beside its id and is an answer.) */

function refuse(reply) {
	if (reply.error && reply.id == null)
		throw Object.assign(new Error(reply.error.message), reply.error);

	return reply;
}

return baseclass.extend({
	status: rpc.declare({ object: 'luci.remsim', method: 'status', expect: { '': {} }, filter: refuse, reject: true }),
	info: rpc.declare({ object: 'luci.remsim', method: 'info', expect: { '': {} }, filter: refuse, reject: true }),
	events: rpc.declare({ object: 'luci.remsim', method: 'events', expect: { '': {} }, filter: refuse, reject: true }),
	events_since: rpc.declare({ object: 'luci.remsim', method: 'events_since', params: [ 'since', 'limit' ], expect: { '': {} }, filter: refuse, reject: true }),
	job: rpc.declare({ object: 'luci.remsim', method: 'job', params: [ 'id' ], expect: { '': {} }, filter: refuse, reject: true }),
	jobs: rpc.declare({ object: 'luci.remsim', method: 'jobs', expect: { '': {} }, filter: refuse, reject: true }),
	history: rpc.declare({ object: 'luci.remsim', method: 'history', params: [ 'series', 'window' ], expect: { '': {} }, filter: refuse, reject: true }),
	audit: rpc.declare({ object: 'luci.remsim', method: 'audit', params: [ 'before', 'limit' ], expect: { '': {} }, filter: refuse, reject: true }),
	config: rpc.declare({ object: 'luci.remsim', method: 'config', expect: { '': {} }, filter: refuse, reject: true }),
	validate: rpc.declare({ object: 'luci.remsim', method: 'validate', params: [ 'values' ], expect: { '': {} }, filter: refuse, reject: true }),
	reload: rpc.declare({ object: 'luci.remsim', method: 'reload', expect: { '': {} }, filter: refuse, reject: true }),
	heartbeat: rpc.declare({ object: 'luci.remsim', method: 'heartbeat', expect: { '': {} }, filter: refuse, reject: true }),
	register: rpc.declare({ object: 'luci.remsim', method: 'register', expect: { '': {} }, filter: refuse, reject: true }),
	unregister: rpc.declare({ object: 'luci.remsim', method: 'unregister', expect: { '': {} }, filter: refuse, reject: true }),
	release: rpc.declare({ object: 'luci.remsim', method: 'release', expect: { '': {} }, filter: refuse, reject: true }),
	sim: rpc.declare({ object: 'luci.remsim', method: 'sim', params: [ 'modem', 'source' ], expect: { '': {} }, filter: refuse, reject: true }),
	reset: rpc.declare({ object: 'luci.remsim', method: 'reset', params: [ 'modem' ], expect: { '': {} }, filter: refuse, reject: true }),
	reset_by: rpc.declare({ object: 'luci.remsim', method: 'reset_by', params: [ 'modem', 'step' ], expect: { '': {} }, filter: refuse, reject: true }),
	at: rpc.declare({ object: 'luci.remsim', method: 'at', params: [ 'modem', 'command' ], expect: { '': {} }, filter: refuse, reject: true }),

	access: rpc.declare({ object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ], expect: { access: false } }),

	/* Whether this login has the control role. A page's menu entry asks for the status role only,
	 * which has nothing to write, so L.hasViewPermission() cannot tell. */
	mayAct: function() {
		return L.resolveDefault(this.access('ubus', 'luci.remsim', 'reset'), false);
	}
});
