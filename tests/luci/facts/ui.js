/* SPDX-License-Identifier: GPL-2.0-or-later
 * Dialogs, notifications, indicators, tabs, handlers. */
({
	'a dialog has a title and children; it stays in the page when it is hidden': async function(t) {
		const ui = await L.require('ui'), box = ui.showModal('a<i>b</i>', [ E('p', {}, [ 'text' ]) ], 'one', 'two');

		t.same([ box.querySelector('h4').innerHTML, box.querySelector('p').textContent, box.classList.contains('modal'), box.classList.contains('one') ],
			[ 'a<i>b</i>', 'text', true, true ]);
		t.same(document.body.classList.contains('modal-overlay-active'), true);
		ui.hideModal();
		t.same([ document.body.classList.contains('modal-overlay-active'), box.querySelector('p').textContent ], [ false, 'text' ]);
	},

	'a bare string takes the place of the dialog\'s title': async function(t) {
		const ui = await L.require('ui'), box = ui.showModal('title', 'only <b>this</b>');

		t.same(box.innerHTML, 'only <b>this</b>');
		ui.hideModal();
	},

	'escape presses the first button': async function(t) {
		const ui = await L.require('ui');
		let pressed = 0;
		const box = ui.showModal('x', [ E('div', { 'class': 'right' }, [ E('button', { 'click': function() { pressed++ } }, [ 'ok' ]) ]) ]);

		box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', keyCode: 27, bubbles: true }));
		t.same(pressed, 1);
		ui.hideModal();
	},

	'a notification comes first and can be dismissed': async function(t) {
		const ui = await L.require('ui'), box = ui.addNotification('Title', [ E('p', {}, [ 'text' ]) ], 'error');
		const place = document.querySelector('#maincontent');

		t.same([ place.firstElementChild === box, box.classList.contains('alert-message'), box.classList.contains('error'), box.querySelector('h4').textContent ],
			[ true, true, true, 'Title' ]);
		t.same(box.querySelectorAll('button').length, 1);
		box.remove();
	},

	'an indicator is text; it says whether it changed': async function(t) {
		const ui = await L.require('ui');

		t.same([ ui.showIndicator('facts', '<b>', null, 'active'), ui.showIndicator('facts', '<b>', null, 'active'), ui.showIndicator('facts', 'x', null, 'inactive') ],
			[ true, false, true ]);
		t.same(document.querySelector('[data-indicator="facts"]').textContent, 'x');
		t.same([ ui.hideIndicator('facts'), ui.hideIndicator('facts') ], [ true, false ]);
	},

	'a handler spins until its promise is settled': async function(t) {
		const ui = await L.require('ui');
		let finish = null, seen = null;
		const context = { act: function(a, ev) {
			seen = [ this === context, a, ev.type ];

			return new Promise(function(resolve) { finish = resolve });
		} };
		const button = E('button', { 'click': ui.createHandlerFn(context, 'act', 5) });

		button.dispatchEvent(new Event('click'));
		t.same([ seen, button.disabled, button.classList.contains('spinning') ], [ [ true, 5, 'click' ], true, true ]);
		finish();
		await new Promise(function(resolve) { setTimeout(resolve, 20) });
		t.same([ button.disabled, button.classList.contains('spinning') ], [ false, false ]);
	},

	'a handler that rejects frees its button, one that throws does not': async function(t) {
		const ui = await L.require('ui');
		const reject = E('button', { 'click': ui.createHandlerFn({}, function() { return Promise.reject(new Error('fact')) }) });
		const fail = E('button', { 'click': ui.createHandlerFn({}, function() { throw new Error('fact') }) });

		reject.dispatchEvent(new Event('click'));
		fail.dispatchEvent(new Event('click'));
		await new Promise(function(resolve) { setTimeout(resolve, 20) });
		t.same([ reject.disabled, fail.disabled ], [ false, true ]);
	},

	'an unknown method makes no handler': async function(t) {
		t.same((await L.require('ui')).createHandlerFn({}, 'none'), null);
	},

	'tabs stand before their panes; panes of text alone are hidden': async function(t) {
		const ui = await L.require('ui');
		const panes = E('div', {}, [
			E('div', { 'data-tab': 'a', 'data-tab-title': 'A<i>1</i>' }, [ E('p', {}, [ 'a' ]) ]),
			E('div', { 'data-tab': 'b', 'data-tab-title': 'B' }, [ E('p', {}, [ 'b' ]) ]),
			E('div', { 'data-tab': 'c', 'data-tab-title': 'C' }, [ 'text' ])
		]);
		const box = document.querySelector('#maincontent').appendChild(E('div', {}, [ panes ]));

		ui.tabs.initTabGroup(panes.childNodes);

		const menu = box.querySelector('ul.cbi-tabmenu'), active = function() {
			return Array.from(panes.children).filter(function(pane) { return pane.getAttribute('data-tab-active') == 'true' }).map(function(pane) { return pane.getAttribute('data-tab') });
		};

		t.same([ menu.nextElementSibling === panes, menu.querySelector('i') != null, active() ], [ true, true, [ 'a' ] ]);
		t.same(menu.querySelector('[data-tab="c"]').style.display, 'none');
		menu.querySelector('[data-tab="b"] a').click();
		t.same([ active(), menu.querySelector('[data-tab="b"]').className, menu.querySelector('[data-tab="a"]').className ], [ [ 'b' ], 'cbi-tab', 'cbi-tab-disabled' ]);
		box.remove();
	},

	'a list of items leaves null out and shows text': async function(t) {
		const ui = await L.require('ui'), node = E('div');

		ui.itemlist(node, [ 'A', '<b>', 'B', null, 'C', 0 ]);
		t.same(node.textContent, 'A: <b>C: 0');
	},

	'local data of the session': async function(t) {
		const session = await L.require('session');

		session.setLocalData('fact', { a: 1 });
		t.same([ session.getLocalData('fact'), session.getLocalData('none') ], [ { a: 1 }, null ]);
	},

	'the menu shows what may be seen, in order': async function(t) {
		const ui = await L.require('ui'), tree = await ui.menu.load();
		const names = ui.menu.getChildren(tree.children.admin.children.facts).map(function(child) { return child.name });

		t.same(names, [ 'second', 'first' ]);
	}
})
