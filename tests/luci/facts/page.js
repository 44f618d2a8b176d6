/* SPDX-License-Identifier: GPL-2.0-or-later
 * What the facts are stated with. Runs before anything else in the page. */
(function() {
	const sent = [];
	const open = XMLHttpRequest.prototype.open, send = XMLHttpRequest.prototype.send;

	XMLHttpRequest.prototype.open = function(method, url) {
		this.factUrl = url;

		return open.apply(this, arguments);
	};

	XMLHttpRequest.prototype.send = function(body) {
		if (String(this.factUrl).includes('/ubus'))
			sent.push(body);

		return send.apply(this, arguments);
	};

	function shown(value) {
		return JSON.stringify(value, function(key, each) { return each === undefined ? '(undefined)' : each });
	}

	function sorted(value) {
		if (value == null || typeof(value) != 'object')
			return value;

		if (Array.isArray(value))
			return value.map(sorted);

		return Object.keys(value).sort().reduce(function(all, key) {
			all[key] = sorted(value[key]);

			return all;
		}, {});
	}

	window.facts = {
		same: function(given, wanted) {
			if (shown(sorted(given)) !== shown(sorted(wanted)))
				throw new Error('given ' + shown(given) + ', wanted ' + shown(wanted));
		},

		/* Bodies of calls since it was asked the last time. */
		posts: async function() {
			return sent.splice(0).map(function(body) { return JSON.parse(body) });
		},

		call: async function(method, options) {
			const rpc = await L.require('rpc');

			return rpc.declare(Object.assign({ object: 'fact', method: method }, options))();
		},

		failure: function(method, options) {
			return facts.call(method, options).then(function(value) { throw new Error('resolved with ' + shown(value)) }, function(error) { return error });
		},

		/* The config `facts` as it is in the file. */
		uci: async function() {
			const uci = await L.require('uci'), rpc = await L.require('rpc');

			await rpc.declare({ object: 'uci', method: 'revert', params: [ 'config' ] })('facts');
			uci.unload('facts');
			await uci.load('facts');

			return uci;
		},

		form: async function(build) {
			await facts.uci();

			const form = await L.require('form'), map = new form.Map('facts');
			const section = map.section(form.NamedSection, 'main', 'facts', 'Section');

			build(section, form);
			document.querySelector('#view').replaceChildren(await map.render());

			return map;
		},

		/* What saving stages for the section main. */
		saved: async function(map) {
			const uci = await L.require('uci');

			await map.save(null, true);

			const staged = {};

			for (const change of (await uci.changes()).facts || []) {
				if (change[0] == 'set')
					staged[change[2]] = change[3];
				else if (change[0] == 'remove')
					staged[change[2]] = undefined;
			}

			return staged;
		},

		refused: function(map) {
			return map.save(null, true).then(function() { return 'saved' }, function(error) { return error.message });
		},

		type: function(map, name, text) {
			const input = map.root.querySelector('[id="widget.cbid.facts.main.%s"]'.format(name));

			input.value = text;
			input.dispatchEvent(new Event('keyup', { bubbles: true }));
			input.dispatchEvent(new Event('change', { bubbles: true }));
		},

		click: function(map, name) {
			map.root.querySelector('[data-widget-id="widget.cbid.facts.main.%s"]'.format(name)).click();
		},

		/* [ [ fact, what is wrong ], … ] */
		hold: async function(stated) {
			const broken = [];

			for (const name in stated) {
				try {
					await stated[name](facts);
				}
				catch (error) {
					broken.push([ name, String(error && error.stack || error) ]);
				}
			}

			return broken;
		}
	};
})();
