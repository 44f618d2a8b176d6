/* SPDX-License-Identifier: GPL-2.0-or-later
 * Forms: names for tests, what a save stores, what is refused. The config `facts` has main. */
({
	'a row, its widget and its input have names': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name', 'help') });
		const row = map.root.querySelector('#cbi-facts-main-name');

		t.same([ map.root.id, row.classList.contains('cbi-value'), row.getAttribute('data-name'), row.getAttribute('data-field') ],
			[ 'cbi-facts', true, 'name', 'cbid.facts.main.name' ]);
		t.same(map.root.querySelector('[id="widget.cbid.facts.main.name"]').value, 'a');
		t.same(map.root.querySelector('.cbi-value-description').textContent, 'help');
		t.same(map.root.querySelector('.cbi-section > h3').textContent, 'Section');
	},

	'titles and descriptions are HTML': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'a<i>b</i>', 'c<i>d</i>') });

		t.same(map.root.querySelectorAll('.cbi-value-title > i, .cbi-value-description > i').length, 2);
	},

	'an untouched value without a default is not written': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'new', 'New') });

		t.same(await t.saved(map), {});
	},

	'an untouched default is written': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'new', 'New').default = 'x' });

		t.same(await t.saved(map), { new: 'x' });
	},

	'an emptied value is removed': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name') });

		t.type(map, 'name', '');
		t.same(await t.saved(map), { name: undefined });
	},

	'rmempty false refuses an empty value, unless it is optional': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'new', 'New').rmempty = false });

		t.same((/Option "New" contains an invalid input value\. .*non-empty value/).test(await t.refused(map)), true);

		const other = await t.form(function(section, form) { Object.assign(section.option(form.Value, 'new', 'New'), { rmempty: false, optional: true }) });

		t.same(await t.saved(other), {});
	},

	'a flag: its default is not written, the other value is': async function(t) {
		const map = await t.form(function(section, form) {
			section.option(form.Flag, 'off', 'Off');
			section.option(form.Flag, 'on', 'On').default = '1';
		});

		t.same(await t.saved(map), {});
		t.click(map, 'off');
		t.click(map, 'on');
		t.same(await t.saved(map), { off: '1', on: '0' });
	},

	'a list value preselects its first choice, which is then written': async function(t) {
		const map = await t.form(function(section, form) {
			const option = section.option(form.ListValue, 'mode', 'Mode');

			option.value('one', 'One');
			option.value('two', 'Two');
		});

		t.same(await t.saved(map), { mode: 'one' });
	},

	'an optional list value preselects nothing': async function(t) {
		const map = await t.form(function(section, form) {
			const option = section.option(form.ListValue, 'mode', 'Mode');

			option.value('one', 'One');
			option.optional = true;
		});

		t.same(await t.saved(map), {});
	},

	'what a rule hides is removed on save, unless it is retained': async function(t) {
		const make = function(retain) {
			return t.form(function(section, form) {
				section.option(form.Flag, 'shown', 'Shown');

				const option = section.option(form.Value, 'name', 'Name');

				option.depends('shown', '1');
				option.retain = retain;
			});
		};
		const map = await make(false);

		t.same(map.root.querySelector('#cbi-facts-main-name').classList.contains('hidden'), true);
		t.same(await t.saved(map), { name: undefined });

		const keeping = await make(true);

		t.same(await t.saved(keeping), {});
		t.click(keeping, 'shown');
		t.same(keeping.root.querySelector('#cbi-facts-main-name').classList.contains('hidden'), false);
	},

	'several rules are alternatives, one rule\'s conditions all hold': async function(t) {
		const map = await t.form(function(section, form) {
			section.option(form.Flag, 'p', 'P');
			section.option(form.Flag, 'q', 'Q');
			const both = section.option(form.Value, 'both', 'Both'), any = section.option(form.Value, 'any', 'Any');

			both.depends({ p: '1', q: '1' });
			any.depends('p', '1');
			any.depends('facts.main.q', '1');
		});
		const hidden = function() {
			return [ 'both', 'any' ].map(function(name) { return map.root.querySelector('#cbi-facts-main-' + name).classList.contains('hidden') });
		};

		t.same(hidden(), [ true, true ]);
		t.click(map, 'q');
		t.same(hidden(), [ true, false ]);
		t.click(map, 'p');
		t.same(hidden(), [ false, false ]);
	},

	'a bad value is marked at the field and nothing is sent': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name').datatype = 'uinteger' });
		const input = map.root.querySelector('input');

		t.type(map, 'name', 'x');
		t.same([ input.classList.contains('cbi-input-invalid'), (/^Expecting: /).test(input.getAttribute('data-tooltip')) ], [ true, true ]);
		await t.posts();
		t.same((/Option "Name" contains an invalid input value\. Expecting: /).test(await t.refused(map)), true);
		t.same((await t.posts()).length, 0);
	},

	'the words of an own check are shown as they are': async function(t) {
		const map = await t.form(function(section, form) {
			section.option(form.Value, 'name', 'Name').validate = function(sid, value) { return value == 'good' || 'say %s: %s'.format(sid, value) };
		});

		t.type(map, 'name', 'bad');
		t.same(map.root.querySelector('input').getAttribute('data-tooltip'), 'say main: bad');
		t.type(map, 'name', 'good');
		t.same(map.root.querySelector('input').hasAttribute('data-tooltip'), false);
	},

	'a misspelt type accepts everything, and the own check is not asked': async function(t) {
		const map = await t.form(function(section, form) {
			Object.assign(section.option(form.Value, 'name', 'Name'), { datatype: 'unsigned', validate: function() { return 'never' } });
		});

		t.type(map, 'name', 'x');
		t.same(await t.saved(map), { name: 'x' });
	},

	'data types': async function(t) {
		const validation = await L.require('validation'), field = E('input');

		E('div', { 'data-field': 'x' }, [ field ]);

		const judge = function(type, value) {
			field.value = value;

			return validation.create(field, type, false).validate();
		};
		const good = {
			'and(uinteger,range(10,300))': [ '10', '300' ], 'rangelength(1,3)': [ 'a', 'abc' ], 'and(hexstring,rangelength(4,66))': [ '3B00' ],
			'host': [ 'a.example', '1.2.3.4', 'fe80::1', 'a_b' ], 'ipaddr': [ '1.2.3.4', '::1' ], 'or(host,cidr)': [ '10.0.0.0/8', '2001:db8::/32', 'a' ],
			'file': [ '/a' ], 'port': [ '0', '65535' ], 'integer': [ '-5' ]
		};
		const bad = {
			'and(uinteger,range(10,300))': [ '9', '301', 'x', '1.5', '-1' ], 'rangelength(1,3)': [ 'abcd', 'äö' ], 'and(hexstring,rangelength(4,66))': [ '3B', 'xyzw' ],
			'host': [ 'a b', '1.2.3.456' ], 'ipaddr': [ '1.2.3', 'x' ], 'or(host,cidr)': [ 'a b', '10.0.0.0/33' ],
			'port': [ '65536', '-1' ], 'integer': [ '1.5' ]
		};

		for (const type in good)
			t.same([ type ].concat(good[type].map(function(value) { return judge(type, value) })), [ type ].concat(good[type].map(function() { return true })));

		for (const type in bad)
			t.same([ type ].concat(bad[type].map(function(value) { return judge(type, value) })), [ type ].concat(bad[type].map(function() { return false })));
	},

	'a stored password stands in the page, hidden after a frame': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name').password = true });
		const input = map.root.querySelector('input');

		await new Promise(requestAnimationFrame);
		await new Promise(requestAnimationFrame);
		t.same([ input.value, input.type ], [ 'a', 'password' ]);
	},

	'a list gives its items and, if valid, the text being typed': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.DynamicList, 'list', 'List').datatype = 'uciname' });
		const option = map.lookupOption('list', 'main')[0], input = map.root.querySelector('.add-item input');

		t.same(option.formvalue('main'), [ 'x', 'y' ]);
		input.value = 'z';
		input.dispatchEvent(new Event('keyup', { bubbles: true }));
		t.same(option.formvalue('main'), [ 'x', 'y', 'z' ]);
		input.value = 'not good';
		input.dispatchEvent(new Event('keyup', { bubbles: true }));
		t.same(option.formvalue('main'), [ 'x', 'y' ]);
	},

	'an emptied list is removed': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.DynamicList, 'list', 'List') });

		map.lookupOption('list', 'main')[0].getUIElement('main').setValue([]);
		t.same(await t.saved(map), { list: undefined });
	},

	'the loaded value is stored by a call with two arguments': async function(t) {
		const calls = [];

		await t.form(function(section, form) {
			section.option(form.Value, 'name', 'Name').cfgvalue = function() {
				calls.push(arguments.length);

				return this.super('cfgvalue', arguments);
			};
		});
		t.same(calls[0], 2);
	},

	'reset draws the stored values again': async function(t) {
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name') });

		t.type(map, 'name', 'other');
		await map.reset();
		t.same(map.root.querySelector('input').value, 'a');
	},

	'a failed save says so in a dialog, a silent one does not': async function(t) {
		const ui = await L.require('ui');
		const map = await t.form(function(section, form) { section.option(form.Value, 'name', 'Name').datatype = 'uinteger' });

		t.type(map, 'name', 'x');
		await map.save(null, true).catch(function() {});
		t.same(document.body.classList.contains('modal-overlay-active'), false);
		await map.save().catch(function() {});
		t.same([ document.body.classList.contains('modal-overlay-active'), document.querySelector('.modal > h4').textContent ], [ true, 'Save error' ]);
		ui.hideModal();
	}
})
