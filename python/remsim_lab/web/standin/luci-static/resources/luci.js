/* SPDX-License-Identifier: GPL-2.0-or-later
 * Classes, elements, requests, polling, views and modules: what every page of LuCI stands on.
 *
 * A stand-in for LuCI's luci.js: the parts that the pages of remsim use, with LuCI's observed
 * behaviour, its traps included; tests/luci/facts holds both to it. Never part of a package. */

(function(window, document) {
	'use strict';

	/* --- classes ------------------------------------------------------------------------------ */

	const supers = new WeakMap();	/* of an instance: method -> the prototype that is at work */
	let unnamed = 0;

	function protoWith(proto, name) {
		while (proto && !Object.prototype.hasOwnProperty.call(proto, name))
			proto = Object.getPrototypeOf(proto);

		return proto;
	}

	function isList(value) {
		return Array.isArray(value) || Object.prototype.toString.call(value) == '[object Arguments]';
	}

	class Class {
		constructor() {
			if (Object.prototype.hasOwnProperty.call(Object.getPrototypeOf(this), '__init__'))
				this.__init__.apply(this, arguments);
			else
				this.super('__init__', Array.from(arguments));
		}

		/* super('m', [ args ]) or super('m', a, b) calls what the parent has; super('m') gives it. It
		 * begins above the instance's own class, also for a method that only the instance has. */
		super(name) {
			const given = Array.prototype.slice.call(arguments, 1);
			const working = supers.get(this) || supers.set(this, {}).get(this);
			const before = working[name];
			const proto = protoWith(Object.getPrototypeOf(before || Object.getPrototypeOf(this)), name);

			if (!proto)
				return null;

			if (!given.length)
				return proto[name];

			if (typeof(proto[name]) != 'function')
				throw new ReferenceError(name + ' is not a function in parent class');

			working[name] = proto;

			try {
				return proto[name].apply(this, isList(given[0]) ? given[0] : given);
			}
			finally {
				working[name] = before;
			}
		}

		toString() {
			return '[' + this.constructor.displayName + ']';
		}

		static extend(properties) {
			const Child = class extends this {};

			for (const name of Object.keys(properties))
				Object.defineProperty(Child.prototype, name, {
					value: properties[name], writable: true, configurable: true, enumerable: true
				});

			const given = properties.__name__ || 'Anonymous' + unnamed++;

			Child.displayName = given.split(/[^A-Za-z0-9]+/).map(function(part) {
				return part.charAt(0).toUpperCase() + part.slice(1);
			}).join('') + 'Class';

			return Child;
		}

		static singleton(properties) {
			return this.extend(properties).instantiate(Array.prototype.slice.call(arguments, 1));
		}

		static instantiate(given) {
			return new this(...given);
		}

		static isSubclass(other) {
			return typeof(other) == 'function' && other.prototype instanceof this;
		}
	}

	/* --- elements ----------------------------------------------------------------------------- */

	const registry = new Map();	/* data-idref -> data of a node */
	let lastRef = 0;

	function fromHtml(html) {
		const template = document.createElement('template');

		template.innerHTML = html;

		return template.content.firstElementChild;
	}

	const Dom = Class.singleton({
		__name__: 'LuCI.DOM',

		elem: function(value) {
			return value != null && typeof(value) == 'object' && 'nodeType' in value;
		},

		parse: fromHtml,

		matches: function(node, selector) {
			return this.elem(node) && node.matches ? node.matches(selector) : false;
		},

		parent: function(node, selector) {
			return this.elem(node) && node.closest ? node.closest(selector) : null;
		},

		/* A bare string is HTML and replaces everything; in an array it is text. */
		append: function(node, children) {
			if (!this.elem(node))
				return null;

			if (Array.isArray(children)) {
				for (const child of children)
					node.appendChild(this.elem(child) ? child : document.createTextNode('' + child));

				return node.lastChild;
			}

			if (typeof(children) == 'function')
				return this.append(node, children(node));

			if (this.elem(children))
				return node.appendChild(children);

			if (children != null)
				node.innerHTML = '' + children;

			return node.lastChild;
		},

		content: function(node, children) {
			if (!this.elem(node))
				return null;

			for (const held of node.querySelectorAll('[data-idref]'))
				registry.delete(held.getAttribute('data-idref'));

			while (node.firstChild)
				node.removeChild(node.firstChild);

			return this.append(node, children);
		},

		/* null and undefined are left out; false is written like anything else. */
		attr: function(node, key, value) {
			if (!this.elem(node))
				return null;

			const given = typeof(key) == 'object' && key != null ? key : { [key]: value };

			for (const name in given) {
				const each = given[name];

				if (each == null)
					continue;

				if (typeof(each) == 'function')
					node.addEventListener(name, each);
				else
					node.setAttribute(name, typeof(each) == 'object' ? JSON.stringify(each) : each);
			}
		},

		create: function() {
			const given = Array.prototype.slice.call(arguments);
			const tag = given.shift();
			const hasAttributes = given[0] != null && typeof(given[0]) == 'object' && !Array.isArray(given[0]) && !this.elem(given[0]);
			const attributes = hasAttributes || given.length > 1 ? given.shift() : null;
			let node;

			if (this.elem(tag))
				node = tag;
			else if (Array.isArray(tag))
				node = document.createDocumentFragment();
			else if (tag.charAt(0) == '<')
				node = fromHtml(tag);
			else
				node = document.createElement(tag);

			if (attributes)
				this.attr(node, attributes);

			this.append(node, Array.isArray(tag) && tag.length ? tag : given[0]);

			return node;
		},

		data: function(node, key, value) {
			if (!this.elem(node) || !node.getAttribute)
				return null;

			let ref = node.getAttribute('data-idref');
			let held = ref ? registry.get(ref) : null;

			if (arguments.length > 2 && value !== null) {
				if (!held) {
					ref = 'L%d'.format(++lastRef);
					held = {};
					registry.set(ref, held);
					node.setAttribute('data-idref', ref);
				}

				return (held[key] = value);
			}

			if (!held)
				return null;

			if (arguments.length == 1)
				return held;

			if (key === null) {
				registry.delete(ref);
				node.removeAttribute('data-idref');

				return held;
			}

			const found = held[key];

			if (arguments.length > 2)
				delete held[key];

			return found;
		},

		bindClassInstance: function(node, instance) {
			if (!(instance instanceof Class))
				LuCI.prototype.error('TypeError', 'Argument must be a class instance');

			return this.data(node, '_class', instance);
		},

		findClassInstance: function(node) {
			for (; this.elem(node); node = node.parentNode) {
				const instance = this.data(node, '_class');

				if (instance instanceof Class)
					return instance;
			}

			return null;
		},

		callClassMethod: function(node, method) {
			const instance = this.findClassInstance(node);

			if (instance == null || typeof(instance[method]) != 'function')
				return null;

			return instance[method].apply(instance, Array.prototype.slice.call(arguments, 2));
		},

		/* Neither text nor hidden elements count. */
		isEmpty: function(node, ignore) {
			return !Array.from(node ? node.children : []).some(function(child) {
				return !child.classList.contains('hidden') && !(ignore && ignore(child));
			});
		}
	});

	/* --- requests ----------------------------------------------------------------------------- */

	const Response = Class.extend({
		__name__: 'LuCI.response',

		__init__: function(xhr, url, took_ms) {
			this.ok = xhr.status >= 200 && xhr.status <= 299;
			this.status = xhr.status;
			this.statusText = xhr.statusText;
			this.url = url;
			this.duration = took_ms;
			this.headers = { get: function(name) { return xhr.getResponseHeader(name) }, has: function(name) { return xhr.getResponseHeader(name) != null } };
			this.body = xhr.response;
		},

		text: function() { return typeof(this.body) == 'string' ? this.body : null },
		json: function() { return JSON.parse(this.body) },
		blob: function() { return this.body }
	});

	const Request = Class.singleton({
		__name__: 'LuCI.request',

		interceptors: [],

		addInterceptor: function(callback) {
			this.interceptors.push(callback);

			return callback;
		},

		expandURL: function(url) {
			return (/^(?:[^/]+:)?\/\//).test(url) ? url : location.protocol + '//' + location.host + url;
		},

		/* Resolves whatever the HTTP status is; rejects when there was no answer. */
		request: function(target, options) {
			const given = Object.assign({ method: 'GET', credentials: true }, options);
			const parts = [];

			for (const name in given.query || {})
				if (given.query[name] != null)
					parts.push(encodeURIComponent(name) + '=' + encodeURIComponent(given.query[name]));

			if (!given.cache)
				parts.push(String(Date.now()));

			const url = this.expandURL(target) + (parts.length ? (target.includes('?') ? '&' : '?') + parts.join('&') : '');

			return new Promise(L.bind(function(resolve, reject) {
				this.send(url, given, resolve, reject);
			}, this));
		},

		send: function(url, given, resolve, reject) {
			const xhr = new XMLHttpRequest(), began = Date.now();
			let content = given.content, type = null;

			xhr.open(given.method, url, true, given.username, given.password);
			xhr.responseType = given.responseType || 'text';
			xhr.timeout = given.timeout || 0;

			if (content != null && typeof(content) == 'object' && !(content instanceof FormData)) {
				type = 'application/json';
				content = JSON.stringify(content);
			}

			for (const name in given.headers || {}) {
				type = name.toLowerCase() == 'content-type' ? null : type;
				xhr.setRequestHeader(name, given.headers[name]);
			}

			if (type)
				xhr.setRequestHeader('Content-Type', type);

			xhr.ontimeout = function() { reject(new Error('XHR request timed out')) };
			xhr.onerror = xhr.onabort = function() { reject(new Error('XHR request aborted by browser')) };
			xhr.onload = L.bind(function() {
				const response = new Response(xhr, url, Date.now() - began);

				/* What an interceptor throws is thrown into the void, and the promise stays open. */
				for (const intercept of this.interceptors)
					intercept(response);

				resolve(response);
			}, this);

			if (given.progress)
				xhr.upload.addEventListener('progress', given.progress);

			xhr.send(content == null ? null : content);
		},

		get: function(url, options) {
			return this.request(url, Object.assign({ method: 'GET' }, options));
		},

		post: function(url, data, options) {
			return this.request(url, Object.assign({ method: 'POST', content: data }, options));
		}
	});

	/* --- polling ------------------------------------------------------------------------------ */

	const Poll = Class.singleton({
		__name__: 'LuCI.poll',

		queue: [],
		ready: false,	/* until the page is there nothing is called */

		add: function(call, interval_s) {
			const every_s = interval_s == null ? L.env.pollinterval || null : interval_s;

			if (isNaN(every_s) || typeof(call) != 'function')
				throw new TypeError('Invalid argument to LuCI.poll.add()');

			if (this.queue.some(function(entry) { return entry.call == call }))
				return false;

			this.queue.push({ call: call, every_s: every_s >>> 0, isPending: false });

			if (this.timer == null && this.ready)
				this.start();

			return true;
		},

		remove: function(call) {
			const before = this.queue.length;

			if (typeof(call) != 'function')
				throw new TypeError('Invalid argument to LuCI.poll.remove()');

			this.queue = this.queue.filter(function(entry) { return entry.call != call });

			if (!this.queue.length)
				this.stop();

			return this.queue.length != before;
		},

		start: function() {
			if (this.timer != null)
				return false;

			this.ready = true;
			this.tick = 0;

			if (this.queue.length) {
				this.timer = window.setInterval(L.bind(this.step, this), 1000);
				this.step();
				document.dispatchEvent(new CustomEvent('poll-start'));
			}

			return true;
		},

		stop: function() {
			if (this.timer == null)
				return false;

			document.dispatchEvent(new CustomEvent('poll-stop'));
			window.clearInterval(this.timer);
			this.timer = null;

			return true;
		},

		active: function() {
			return this.timer != null;
		},

		/* One that is still at work is left out. One that throws ends the round, and stays at work
		 * for ever. */
		step: function() {
			const tick = this.tick++;

			for (const entry of this.queue) {
				if (tick % entry.every_s != 0 || entry.isPending)
					continue;

				entry.isPending = true;
				Promise.resolve(entry.call()).finally(function() { entry.isPending = false });
			}
		}
	});

	/* --- session and views --------------------------------------------------------------------- */

	const Session = Class.singleton({
		__name__: 'LuCI.session',

		getID: function() { return L.env.sessionid || '0'.repeat(32) },
		getToken: function() { return L.env.token || null },

		held: function() {
			try {
				return JSON.parse(window.sessionStorage.getItem('luci-session-store'))[this.getID()] || {};
			}
			catch (e) {
				return {};
			}
		},

		getLocalData: function(key) {
			const value = this.held()[key];

			return value == null ? null : value;
		},

		setLocalData: function(key, value) {
			const held = Object.assign(this.held(), { [key]: value });

			if (value == null)
				delete held[key];

			window.sessionStorage.setItem('luci-session-store', JSON.stringify({ [this.getID()]: held }));

			return true;
		}
	});

	const View = Class.extend({
		__name__: 'LuCI.view',

		__init__: function() {
			const place = document.getElementById('view');

			Dom.content(place, E('div', { 'class': 'spinning' }, [ _('Loading view…') ]));

			L.loaded
				.then(L.bind(this.load, this))
				.then(L.bind(this.render, this))
				.then(L.bind(function(nodes) {
					Dom.content(place, nodes);
					Dom.append(place, this.addFooter());
				}, this)).catch(L.error);
		},

		load: function() {},
		render: function() {},

		maps: function(method) {
			return Promise.all(Array.from(document.getElementById('maincontent').querySelectorAll('.cbi-map')).map(function(map) {
				return Dom.callClassMethod(map, method);
			}));
		},

		handleSave: function() {
			return this.maps('save');
		},

		handleSaveApply: function(ev, mode) {
			return this.handleSave(ev).then(function() {
				L.ui.changes.apply(mode == '0');
			});
		},

		handleReset: function() {
			return this.maps('reset');
		},

		addFooter: function() {
			const footer = E([]), buttons = [];
			const isReadonly = L.hasViewPermission() === false ? '' : null;

			if (this.handleSaveApply) {
				const apply = new L.ui.ComboButton('0', {
					0: [ _('Save & Apply') ],
					1: [ _('Apply unchecked') ]
				}, {
					classes: { 0: 'btn cbi-button cbi-button-apply important', 1: 'btn cbi-button cbi-button-negative important' },
					click: L.ui.createHandlerFn(this, 'handleSaveApply'),
					disabled: isReadonly
				});

				buttons.push(apply.render(), ' ');
			}

			if (this.handleSave)
				buttons.push(E('button', {
					'class': 'cbi-button cbi-button-save', 'click': L.ui.createHandlerFn(this, 'handleSave'), 'disabled': isReadonly
				}, [ _('Save') ]), ' ');

			if (this.handleReset)
				buttons.push(E('button', {
					'class': 'cbi-button cbi-button-reset', 'click': L.ui.createHandlerFn(this, 'handleReset'), 'disabled': isReadonly
				}, [ _('Reset') ]));

			if (buttons.length)
				footer.appendChild(E('div', { 'class': 'cbi-page-actions' }, buttons));

			return footer;
		}
	});

	/* --- modules ------------------------------------------------------------------------------ */

	const PRAGMA = /\/\*[^]*?\*\/|\/\/[^\n]*|(["'])((?:\\.|(?!\1)[^\\\n])*)\1/g;
	const REQUIRE = /^require[ \t]+(\S+)(?:[ \t]+as[ \t]+([a-zA-Z_]\S*))?$/;

	/* [ [ module, variable ], … ] of the string literals at the top of a module. */
	function dependencies(source) {
		const found = [];

		for (const match of source.matchAll(PRAGMA)) {
			if (!match[1] || match[2] == 'use strict')
				continue;

			const wanted = REQUIRE.exec(match[2]);

			if (!wanted)
				break;

			found.push([ wanted[1], wanted[2] || wanted[1].replace(/[^a-zA-Z0-9]/g, '_') ]);
		}

		return found;
	}

	const modules = {};	/* name -> promise of the instance */

	const LuCI = Class.extend({
		__name__: 'LuCI',

		__init__: function(env) {
			const script = document.querySelector('script[src*="/luci.js"]');

			this.env = Object.assign({
				resource_version: script ? script.src.split('?v=')[1] || '' : '',
				base_url: script ? script.getAttribute('src').replace(/\/luci\.js.*$/, '') : ''
			}, env);

			window.L = this;
			modules.baseclass = Promise.resolve(Class);
			modules.dom = Promise.resolve(Dom);
			modules.poll = Promise.resolve(Poll);
			modules.request = Promise.resolve(Request);
			modules.session = Promise.resolve(Session);
			modules.view = Promise.resolve(View);
			this.loaded = new Promise(function(resolve) {
				document.addEventListener('luci-loaded', resolve, { once: true });
			});

			document.addEventListener('DOMContentLoaded', L.bind(this.setup, this));
		},

		setup: function() {
			return Promise.all([ this.require('ui'), this.require('rpc'), this.require('uci') ]).then(L.bind(function(found) {
				found[0].begin();
				found[1].addInterceptor(L.bind(this.lookForEnd, this));
				Request.addInterceptor(L.bind(function(answer) {
					if (answer.status == 403 && answer.headers.get('X-LuCI-Login-Required') == 'yes')
						this.sayExpired();
				}, this));
				document.dispatchEvent(new CustomEvent('luci-loaded'));
				Poll.start();
			}, this)).catch(L.error);
		},

		/* A refused call: when not even asking for rights is allowed, the login is over. */
		lookForEnd: function(message, request) {
			const code = message && message.error ? message.error.code : null;

			if (code != -32002 || (request.object == 'session' && request.method == 'access'))
				return;

			return this.rpc.declare({
				object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ], expect: { access: true }
			})('uci', 'luci', 'read').catch(L.bind(this.sayExpired, this));
		},

		sayExpired: function() {
			Poll.stop();
			this.ui.showModal(_('Session expired'), [
				E('div', { 'class': 'alert-message warning' }, [ _('A new login is required since the authentication session expired.') ]),
				E('div', { 'class': 'right' }, [
					E('button', { 'class': 'btn primary', 'click': function() { location.reload() } }, [ _('Log in…') ])
				])
			]);
			this.raise('SessionError', 'Login session is expired');
		},

		require: function(name) {
			if (!(name in modules))
				modules[name] = this.loadModule(name);

			return modules[name];
		},

		loadModule: function(name) {
			const url = '%s/%s.js?v=%s'.format(this.env.base_url || this.env.resource, name.replace(/\./g, '/'), this.env.resource_version);

			return Request.get(url, { cache: true }).then(L.bind(function(answer) {
				if (!answer.ok)
					this.raise('NetworkError', 'HTTP error %d while loading class file "%s"', answer.status, url);

				const wanted = dependencies(answer.text());

				return Promise.all(wanted.map(L.bind(function(row) { return this.require(row[0]) }, this))).then(L.bind(function(found) {
					return this.evaluate(name, url, answer.text(), wanted, found);
				}, this));
			}, this));
		},

		evaluate: function(name, url, source, wanted, found) {
			const names = wanted.map(function(row) { return row[1] });
			let body;

			try {
				body = new Function('window', 'document', 'L', ...names, '%s\n\n//# sourceURL=%s\n'.format(source, url));
			}
			catch (error) {
				this.raise('SyntaxError', '%s\n  in %s:?', error.message, url);
			}

			const made = body(window, document, this, ...found);

			if (!Class.isSubclass(made))
				this.raise('TypeError', '"%s" factory yields invalid constructor', name);

			const instance = new made();
			const path = name.split('.'), last = path.pop();
			const holder = path.reduce(function(held, part) { return held ? held[part] : null }, this);

			if (holder)
				holder[last] = instance;

			return instance;
		},

		/* --- small things --- */

		bind: function(call, self) {
			return Function.prototype.bind.apply(call, Array.prototype.slice.call(arguments, 1));
		},

		raise: function(type, words) {
			const rest = Array.prototype.slice.call(arguments, 2);
			const isError = words instanceof Error;
			const error = isError ? words : new (window[type || 'Error'] || Error)(words ? String.format(words, ...rest) : 'Unspecified error');

			if (!isError)
				error.name = type || 'Error';

			throw error;
		},

		/* As raise(), and shows it on the page. Also takes whatever a promise was rejected with. */
		error: function(type) {
			const given = Array.prototype.slice.call(arguments);

			try {
				if (type instanceof Error)
					throw type;

				LuCI.prototype.raise.apply(L, given);
			}
			catch (error) {
				if (!error.reported) {
					const box = E('div', { 'class': 'alert-message fade-in danger' }, [
						E('h4', {}, [ error.name ]), E('pre', {}, [ error.message ])
					]);
					const place = document.getElementById('maincontent');

					place.insertBefore(box, place.firstElementChild);
					error.reported = true;
				}

				throw error;
			}
		},

		resolveDefault: function(value, otherwise) {
			return Promise.resolve(value).catch(function() { return otherwise });
		},

		isObject: function(value) { return value != null && typeof(value) == 'object' },

		toArray: function(value) {
			if (value == null)
				return [];

			if (Array.isArray(value))
				return value;

			if (typeof(value) == 'object')
				return [ value ];

			const text = String(value).trim();

			return text ? text.split(/\s+/) : [];
		},

		sortedKeys: function(object) {
			return Object.keys(object || {}).sort(this.naturalCompare);
		},

		naturalCompare: function(a, b) {
			return String(a).localeCompare(String(b), undefined, { numeric: true });
		},

		/* Parts with other characters are left out. */
		path: function(prefix, parts) {
			const kept = parts.filter(function(part) { return (/^[a-zA-Z0-9_.%,;/?=&-]+$/).test(part) });

			return [ prefix ].concat(kept).join('/') || '/';
		},

		url: function() { return this.path(this.env.scriptname, Array.from(arguments)) },
		resource: function() { return this.path(this.env.resource, Array.from(arguments)) },
		media: function() { return this.path(this.env.media, Array.from(arguments)) },

		hasViewPermission: function() {
			if (!this.isObject(this.env.nodespec) || !this.env.nodespec.satisfied)
				return null;

			return !this.env.nodespec.readonly;
		}
	});

	LuCI.prototype.Class = Class;
	LuCI.prototype.Poll = Poll;
	LuCI.prototype.Request = Request;
	LuCI.prototype.dom = Dom;
	LuCI.prototype.poll = Poll;
	LuCI.prototype.request = Request;
	LuCI.prototype.session = Session;
	LuCI.prototype.view = View;

	window.E = function() { return Dom.create.apply(Dom, arguments) };
	window.LuCI = LuCI;
})(window, document);
