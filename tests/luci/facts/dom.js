/* SPDX-License-Identifier: GPL-2.0-or-later
 * E() and dom: what becomes HTML, what becomes text, what becomes an attribute. */
({
	'a bare string child is HTML, in an array it is text': function(t) {
		t.same(E('p', {}, 'a<b>c</b>').innerHTML, 'a<b>c</b>');
		t.same(E('p', {}, [ 'a<b>c</b>' ]).textContent, 'a<b>c</b>');
		t.same(E('p', 'a<i>b</i>').children.length, 1);
	},

	'null, undefined and false in an array become words': function(t) {
		t.same(E('p', {}, [ null, ' ', undefined, ' ', false ]).textContent, 'null undefined false');
	},

	'bare null and undefined add nothing, false and numbers are printed': function(t) {
		t.same(E('p', {}, null).childNodes.length, 0);
		t.same(E('p', {}, undefined).childNodes.length, 0);
		t.same(E('p', {}, false).textContent, 'false');
		t.same(E('p', {}, 7).textContent, '7');
	},

	'a nested array is not flattened': function(t) {
		t.same(E('p', {}, [ [ 'a', 'b' ] ]).textContent, 'a,b');
	},

	'a function child is called with the node': function(t) {
		t.same(E('p', { 'id': 'x' }, function(node) { return [ node.id ] }).textContent, 'x');
	},

	'HTML makes the first element, an array a fragment': function(t) {
		t.same(E('<p class="q">a</p><i></i>').outerHTML, '<p class="q">a</p>');
		t.same(E([]).nodeType, 11);
		t.same(E([], [ E('b'), 'x' ]).childNodes.length, 2);
	},

	'an element is changed when it is given': function(t) {
		const node = E('p');

		t.same(E(node, { 'title': 'a' }, [ 'b' ]) === node, true);
		t.same(node.outerHTML, '<p title="a">b</p>');
	},

	'null attributes are left out, false is written': function(t) {
		const node = E('input', { 'a': null, 'b': undefined, 'disabled': false, 'c': true, 'd': { 'x': 1 } });

		t.same([ node.hasAttribute('a'), node.hasAttribute('b') ], [ false, false ]);
		t.same([ node.getAttribute('disabled'), node.disabled, node.getAttribute('c'), node.getAttribute('d') ], [ 'false', true, 'true', '{"x":1}' ]);
	},

	'a function attribute listens, `this` is the element': function(t) {
		let heard = null;
		const node = E('p', { 'click': function(ev) { heard = [ this, ev.type ] } });

		node.dispatchEvent(new Event('click'));
		t.same([ heard[0] === node, heard[1] ], [ true, 'click' ]);
	},

	'appending a bare string replaces everything, an array does not': async function(t) {
		const dom = await L.require('dom'), node = E('p', {}, [ 'old' ]);

		dom.append(node, [ ' new' ]);
		t.same(node.textContent, 'old new');
		dom.append(node, 'x');
		t.same(node.textContent, 'x');
	},

	'content() empties first; anything but a node gives null': async function(t) {
		const dom = await L.require('dom'), node = E('p', {}, [ 'old' ]);

		dom.content(node, [ 'a', 'b' ]);
		t.same(node.childNodes.length, 2);
		dom.content(node, null);
		t.same(node.childNodes.length, 0);
		t.same(dom.content('p', []), null);
	},

	'data is kept by key, listed, and cleared with null': async function(t) {
		const dom = await L.require('dom'), node = E('p');

		t.same(dom.data(node), null);
		t.same(dom.data(node, 'a', 5), 5);
		dom.data(node, 'b', 6);
		t.same([ dom.data(node, 'a'), dom.data(node) ], [ 5, { a: 5, b: 6 } ]);
		t.same(dom.data(node, 'a', null), 5);
		t.same(dom.data(node, 'a'), undefined);
		dom.data(node, null);
		t.same(dom.data(node), null);
	},

	'an instance is found upwards and called': async function(t) {
		const dom = await L.require('dom'), base = await L.require('baseclass');
		const Thing = base.extend({ add: function(a, b) { return a + b } });
		const inner = E('i'), outer = E('p', {}, [ inner ]), thing = new Thing();

		dom.bindClassInstance(outer, thing);
		t.same(dom.findClassInstance(inner) === thing, true);
		t.same([ dom.callClassMethod(inner, 'add', 1, 2), dom.callClassMethod(inner, 'none') ], [ 3, null ]);
	},

	'neither text nor hidden elements make a node full': async function(t) {
		const dom = await L.require('dom');

		t.same(dom.isEmpty(E('p', {}, [ 'text' ])), true);
		t.same(dom.isEmpty(E('p', {}, [ E('i', { 'class': 'hidden' }) ])), true);
		t.same(dom.isEmpty(E('p', {}, [ E('i') ])), false);
	},

	'elem, matches, parent and parse': async function(t) {
		const dom = await L.require('dom'), inner = E('i', { 'class': 'a' });

		E('p', { 'class': 'b' }, [ inner ]);
		t.same([ dom.elem(document), dom.elem('x'), dom.elem(null) ], [ true, false, false ]);
		t.same([ dom.matches(inner, '.a'), dom.parent(inner, '.b').tagName, dom.parse('<b>x</b>').tagName ], [ true, 'P', 'B' ]);
	}
})
