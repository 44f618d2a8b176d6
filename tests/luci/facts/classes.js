/* SPDX-License-Identifier: GPL-2.0-or-later
 * Classes and modules. */
({
	'a class without __init__ runs its parent\'s': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ __init__: function(a, b) { this.got = [ a, b ] } });

		t.same(new (A.extend({}))(1, 2).got, [ 1, 2 ]);
	},

	'without new it throws': async function(t) {
		const base = await L.require('baseclass'), A = base.extend({});
		let error = null;

		try {
			A();
		}
		catch (e) {
			error = e;
		}

		t.same(error instanceof TypeError, true);
	},

	'super takes a list or single arguments': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ add: function(a, b) { return a + b } });
		const B = A.extend({ add: function(a, b) {
			return [ this.super('add', [ a, b ]), this.super('add', a, b), this.super('add', arguments) ];
		} });

		t.same(new B().add(1, 2), [ 3, 3, 3 ]);
	},

	'super without arguments gives the parent\'s property, null for an unknown one': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ word: 'parent', call: function() { return 'called' } });
		const B = A.extend({ word: 'child', look: function() {
			return [ this.super('word'), typeof(this.super('call')), this.super('call', []), this.super('none') ];
		} });

		t.same(new B().look(), [ 'parent', 'function', 'called', null ]);
	},

	'super goes up one class at a time': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ who: function() { return 'A' } });
		const B = A.extend({ who: function() { return 'B' + this.super('who', []) } });
		const C = B.extend({ who: function() { return 'C' + this.super('who', []) } });

		t.same(new C().who(), 'CBA');
	},

	'super in a method that only the instance has begins above its class': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ who: function() { return 'A' } });
		const B = A.extend({ who: function() { return 'B' } });
		const one = new B();

		one.who = function() { return 'one' + this.super('who', []) };
		t.same(one.who(), 'oneA');
	},

	'prototype properties can be written on instances': async function(t) {
		const base = await L.require('baseclass'), A = base.extend({ handle: function() {} });
		const one = new A(), other = new A();

		one.handle = null;
		t.same([ one.handle, typeof(other.handle) ], [ null, 'function' ]);
	},

	'singleton gives an instance, instantiate takes a list, isSubclass goes down': async function(t) {
		const base = await L.require('baseclass');
		const A = base.extend({ __init__: function(a) { this.a = a } });

		t.same([ base.singleton({ x: 5 }).x, A.instantiate([ 7 ]).a ], [ 5, 7 ]);
		t.same([ A.isSubclass(A.extend({})), A.isSubclass(base.extend({})) ], [ true, false ]);
	},

	'a module is one object, also as L.name': async function(t) {
		const once = await L.require('facts.module'), again = await L.require('facts.module');

		t.same([ once === again, L.uci === await L.require('uci'), once.runs() ], [ true, true, 1 ]);
	},

	'requirements after code count, after another string they do not': async function(t) {
		t.same((await L.require('facts.module')).seen(), [ 'object', 'object', 'undefined' ]);
	},

	'a default variable has underscores for everything else': async function(t) {
		t.same((await L.require('facts.module')).defaultName(), 'object');
	},

	'a missing module says which file': async function(t) {
		const error = await L.require('facts.missing').then(function() { return null }, function(e) { return e });

		t.same([ error.name, (/HTTP error 404 while loading class file ".*facts\/missing\.js/).test(error.message) ], [ 'NetworkError', true ]);
	},

	'resolveDefault answers rejections only': async function(t) {
		t.same(await L.resolveDefault(Promise.reject(new Error('x')), 5), 5);
		t.same(await L.resolveDefault(null, 5), null);
		t.same(await L.resolveDefault(Promise.resolve(3), 5), 3);
	},

	'toArray, isObject, bind': function(t) {
		t.same([ L.toArray('a b'), L.toArray(null), L.toArray(''), L.toArray([ 1 ]), L.toArray({ a: 1 }) ], [ [ 'a', 'b' ], [], [], [ 1 ], [ { a: 1 } ] ]);
		t.same([ L.isObject([]), L.isObject(null), L.isObject('x') ], [ true, false, false ]);
		t.same(L.bind(function(a, b) { return [ this.x, a, b ] }, { x: 1 }, 2)(3), [ 1, 2, 3 ]);
	},

	'an address drops parts with other characters': function(t) {
		t.same(L.url('admin', 'x'), L.env.scriptname + '/admin/x');
		t.same(L.url('admin/y'), L.env.scriptname + '/admin/y');
		t.same(L.url('admin', 'a b', 'x'), L.env.scriptname + '/admin/x');
		t.same(L.resource('a/b.css'), L.env.resource + '/a/b.css');
	},

	'a page that may be written says so': function(t) {
		t.same(L.hasViewPermission(), true);
	}
})
