/* SPDX-License-Identifier: GPL-2.0-or-later
 * The configuration on a page. The config `facts` has main (type facts: name, list), @item[0..1]. */
({
	'a config is loaded once': async function(t) {
		const uci = await t.uci();

		t.same(await uci.load('facts'), []);
		uci.unload('facts');
		t.same(await uci.load([ 'facts' ]), [ 'facts' ]);
	},

	'no right to read rejects, also for what is not there': async function(t) {
		const uci = await t.uci();

		for (const name of [ 'rpcd', 'nothing' ])
			t.same(await uci.load(name).then(function() { return null }, function(e) { return (/code 6/).test(e.message) }), true);
	},

	'get: text, list, section; undefined without the option, null without the section': async function(t) {
		const uci = await t.uci();

		t.same([ uci.get('facts', 'main', 'name'), uci.get('facts', 'main', 'list') ], [ 'a', [ 'x', 'y' ] ]);
		t.same([ uci.get('facts', 'main', 'none'), uci.get('facts', 'none', 'name') ], [ undefined, null ]);
		t.same([ uci.get('facts', 'main')['.type'], uci.get('facts', 'none') ], [ 'facts', null ]);
	},

	'sections by type, by index': async function(t) {
		const uci = await t.uci();

		t.same(uci.sections('facts', 'item').map(function(s) { return s.n }), [ '1', '2' ]);
		t.same([ uci.get('facts', '@item[0]', 'n'), uci.get('facts', '@item[-1]', 'n'), uci.get_first('facts', 'item', 'n') ], [ '1', '2', '1' ]);
	},

	'set needs a section; empty text and null take an option away': async function(t) {
		const uci = await t.uci();

		uci.set('facts', 'none', 'a', 'b');
		t.same(uci.get('facts', 'none'), null);
		uci.set('facts', 'main', 'name', '');
		t.same(uci.get('facts', 'main', 'name'), null);
		uci.set('facts', 'main', 'name', 'b');
		t.same(uci.get('facts', 'main', 'name'), 'b');
		uci.unset('facts', 'main', 'name');
		t.same(uci.get('facts', 'main', 'name'), null);
	},

	'add gives a name for now, remove takes a section away': async function(t) {
		const uci = await t.uci(), sid = uci.add('facts', 'item');

		t.same([ (/^new/).test(sid), uci.get('facts', sid)['.type'] ], [ true, 'item' ]);
		uci.remove('facts', sid);
		t.same(uci.get('facts', sid), null);
		t.same(uci.add('facts', 'item', 'called'), 'called');
		uci.remove('facts', 'main');
		t.same(uci.get('facts', 'main'), null);
	},

	'save sends a call for each kind of change and loads again': async function(t) {
		const uci = await t.uci();

		uci.set('facts', 'main', 'name', 'new');
		uci.unset('facts', 'main', 'list');
		uci.add('facts', 'item', 'third');
		uci.set('facts', 'third', 'n', '3');
		await t.posts();
		await uci.save();

		const sent = [].concat(...(await t.posts())).map(function(m) { return [ m.params[2], m.params[3] ] }).filter(function(row) {
			return [ 'add', 'delete', 'set' ].includes(row[0]);
		});

		t.same(sent.map(function(row) { return row[0] }).sort(), [ 'add', 'delete', 'set' ]);
		t.same(sent.find(function(row) { return row[0] == 'set' })[1], { config: 'facts', section: 'main', values: { name: 'new' } });
		t.same(sent.find(function(row) { return row[0] == 'delete' })[1], { config: 'facts', section: 'main', options: [ 'list' ] });
		t.same(sent.find(function(row) { return row[0] == 'add' })[1], { config: 'facts', type: 'item', name: 'third', values: { n: '3' } });
		t.same(uci.get('facts', 'main', 'name'), 'new');
		t.same(Object.keys(await uci.changes()), [ 'facts' ]);
	},

	'nothing to save sends nothing': async function(t) {
		const uci = await t.uci();

		await t.posts();
		await uci.save();
		t.same((await t.posts()).length, 0);
	},

	'a refused value rejects, and the calls before it are staged': async function(t) {
		const uci = await t.uci();

		uci.unset('facts', 'main', 'list');
		uci.set('facts', 'main', 'name', 1.5);
		t.same(await uci.save().then(function() { return null }, function(e) { return (/code 2/).test(e.message) }), true);
		t.same(await uci.save().then(function() { return null }, function(e) { return (/code (2|4)/).test(e.message) }), true);
		uci.unload('facts');
		await uci.load('facts');
		t.same([ uci.get('facts', 'main', 'list'), uci.get('facts', 'main', 'name') ], [ undefined, 'a' ]);
	}
})
