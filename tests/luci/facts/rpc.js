/* SPDX-License-Identifier: GPL-2.0-or-later
 * Calls: what answers resolve to, and how they go over the wire. The object `fact` answers what its
 * method's name says; t.posts() gives the bodies that were sent. */
({
	'an answer with data resolves to it': async function(t) {
		t.same(await t.call('data', {}), { x: 1, y: 'z' });
		t.same(await t.call('data', { expect: { x: 0 } }), 1);
		t.same(await t.call('data', { expect: { '': {} } }), { x: 1, y: 'z' });
	},

	'a missing field or one of another type gives the default': async function(t) {
		t.same(await t.call('data', { expect: { none: 'd' } }), 'd');
		t.same(await t.call('data', { expect: { y: [] } }), []);
	},

	'an answer without data is 0, or the default': async function(t) {
		t.same(await t.call('empty', {}), 0);
		t.same(await t.call('empty', { expect: { '': {} } }), {});
		t.same(await t.call('empty', { reject: true }), 0);
	},

	'a ubus status resolves: with its number, or invisibly with the default': async function(t) {
		for (const code of [ 2, 4, 5, 6, 7, 9 ]) {
			t.same(await t.call('status_%d'.format(code), {}), code);
			t.same(await t.call('status_%d'.format(code), { expect: { x: 'd' } }), 'd');
			t.same(await t.call('status_%d'.format(code), { expect: { '': {} } }), {});
		}
	},

	'with reject a ubus status rejects': async function(t) {
		const error = await t.failure('status_4', { reject: true });

		t.same([ error.name, (/RPC call to fact\/status_4 failed with ubus code 4: /).test(error.message) ], [ 'RPCError', true ]);
	},

	'a JSON-RPC error always rejects': async function(t) {
		const denied = await t.failure('denied', { expect: { '': {} } }), gone = await t.failure('gone', {});

		t.same([ denied.name, denied.message.split('\n')[0] ], [ 'RPCError', 'RPC call to fact/denied failed with error -32002: Access denied' ]);
		t.same(gone.message.split('\n')[0], 'RPC call to fact/gone failed with error -32000: Object not found');
	},

	'an HTTP error rejects, in a batch with other words': async function(t) {
		t.same((await t.failure('http', {})).message, 'No related RPC reply');
		t.same((/HTTP error 502/).test((await t.failure('http', { nobatch: true })).message), true);
	},

	'a broken connection rejects': async function(t) {
		t.same((await t.failure('abort', {})).message, 'XHR request aborted by browser');
	},

	'calls of one frame go in one request, a single one too': async function(t) {
		await t.posts();
		await Promise.all([ t.call('data', {}), t.call('empty', {}), t.call('data', {}) ]);
		await t.call('data', {});

		const posts = await t.posts();

		t.same(posts.map(function(body) { return Array.isArray(body) ? body.length : 0 }), [ 3, 1 ]);
	},

	'nobatch sends a bare object': async function(t) {
		await t.posts();
		await t.call('data', { nobatch: true });
		t.same((await t.posts()).map(function(body) { return Array.isArray(body) }), [ false ]);
	},

	'one failed call does not disturb the others of its request': async function(t) {
		const found = await Promise.allSettled([ t.call('denied', {}), t.call('data', { expect: { x: 0 } }) ]);

		t.same([ found[0].status, found[1].value ], [ 'rejected', 1 ]);
	},

	'answers belong to calls by position': async function(t) {
		t.same(await Promise.all([ t.call('shuffled', {}), t.call('data', { expect: { x: 0 } }) ]), [ { n: 1 }, 1 ]);
	},

	'parameters are positional; undefined is dropped, null is sent, more is for the filter': async function(t) {
		const rpc = await L.require('rpc');
		const call = rpc.declare({ object: 'fact', method: 'data', params: [ 'a', 'b', 'c' ], filter: function(data, args, extra) {
			return [ data.x, args, extra, this === rpc ];
		} });

		await t.posts();
		t.same(await call(1, undefined, null, 'more'), [ 1, { a: 1, b: undefined, c: null }, 'more', true ]);
		t.same((await t.posts())[0][0].params[3], { a: 1, c: null });
	},

	'arguments are not sent when none are declared': async function(t) {
		const rpc = await L.require('rpc');

		await t.posts();
		await rpc.declare({ object: 'fact', method: 'data' })(1, 2);
		t.same((await t.posts())[0][0].params[3], {});
	},

	'a filter that throws rejects': async function(t) {
		t.same((await t.failure('data', { filter: function() { throw new Error('no') } })).message, 'no');
	},

	'a refused call looks whether the login still lives': async function(t) {
		await t.posts();
		await t.failure('denied', {});

		const asked = [].concat(...(await t.posts()).slice(1));

		t.same(asked.map(function(message) { return message.params.slice(1, 3).concat([ message.params[3].scope ]) }), [ [ 'session', 'access', 'uci' ] ]);
		t.same(document.body.classList.contains('modal-overlay-active'), false);
	},

	'the session of the page is used': async function(t) {
		const rpc = await L.require('rpc');

		t.same([ rpc.getSessionID(), (/^[0-9a-f]{32}$/).test(rpc.getSessionID()) ], [ L.env.sessionid, true ]);
	},

	'a request resolves for every HTTP status': async function(t) {
		const request = await L.require('request'), missing = await request.get('/luci-static/none.js');

		t.same([ missing.ok, missing.status ], [ false, 404 ]);
	}
})
