// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require request';
'require rpc';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Lists of files, and the one program that Save & Apply asks.
 *
 * A stand-in for LuCI's fs.js: the parts that are used here. Never part of a package. */

const ERRORS = { 4: 'NotFoundError', 6: 'PermissionError' };

const callList = rpc.declare({ object: 'file', method: 'list', params: [ 'path' ] });

function checked(reply) {
	if (typeof(reply) == 'number')
		L.raise(ERRORS[reply] || 'Error', rpc.getStatusText(reply));

	return reply;
}

return baseclass.extend({
	list: function(path) {
		return callList(path).then(checked).then(function(reply) { return reply.entries || [] });
	},

	exec_direct: function(command, args, type) {
		const content = 'sessionid=%s&command=%s&stderr=0'.format(
			encodeURIComponent(L.env.sessionid), encodeURIComponent([ command ].concat(args || []).join(' ')));

		return request.post('/cgi-bin/cgi-exec', content, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }).then(function(answer) {
			if (!answer.ok)
				L.raise(answer.status == 403 ? 'PermissionError' : 'Error', answer.statusText);

			return type == 'json' ? answer.json() : answer.text();
		});
	}
});
