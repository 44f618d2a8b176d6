// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require dom';
'require poll';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * A page that stays current: drawn anew every few seconds into the elements that are there, so that
 * focus, selection and listeners survive; ages go on counting, also while nothing answers.
 *
 * An element with data-key is never mistaken for one with another key; one with data-keep is left
 * as it is. */

const POLL_S = 5;
const SVG = 'http://www.w3.org/2000/svg';
const ICONS = { good: '✔', warn: '!', bad: '✖', busy: '…', off: '○', unknown: '?' };

function now() {
	return performance.now() / 1000;
}

function isSame(old, fresh) {
	return old.nodeName == fresh.nodeName &&
		(old.nodeType != 1 || old.getAttribute('data-key') == fresh.getAttribute('data-key'));
}

function morph(old, fresh) {
	if (!isSame(old, fresh))
		return old.parentNode.replaceChild(fresh, old);

	if (old.nodeType != 1)
		return old.data != fresh.data && (old.data = fresh.data);

	if (old.hasAttribute('data-keep') || old.classList.contains('spinning'))
		return;

	for (const attribute of Array.from(old.attributes))
		if (attribute.name != 'open' && !fresh.hasAttribute(attribute.name))
			old.removeAttribute(attribute.name);

	for (const attribute of Array.from(fresh.attributes))
		if (old.getAttribute(attribute.name) != attribute.value)
			old.setAttribute(attribute.name, attribute.value);

	morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
	const olds = Array.from(old.childNodes), freshs = Array.from(fresh.childNodes);

	freshs.forEach(function(node, i) {
		if (i < olds.length)
			morph(olds[i], node);
		else
			old.appendChild(node);
	});

	olds.slice(freshs.length).forEach(function(node) { old.removeChild(node) });
}

function tick() {
	for (const node of document.querySelectorAll('[data-since]'))
		node.textContent = words.ago(now() - node.getAttribute('data-since'));

	for (const node of document.querySelectorAll('[data-until]'))
		node.textContent = words.span(node.getAttribute('data-until') - now());
}

if (!document.querySelector('link[href*="remsim.css"]'))
	document.head.appendChild(E('link', {
		'rel': 'stylesheet',
		'href': '%s?v=%s'.format(L.resource('remsim/remsim.css'), L.env.resource_version || '')
	}));

return baseclass.extend({
	/* Brings the children of `node` to `children` (as E() takes them). */
	update: function(node, children) {
		morphChildren(node, E('div', {}, children));
	},

	svg: function(tag, attributes, children) {
		const node = document.createElementNS(SVG, tag);

		for (const name in attributes)
			if (attributes[name] != null)
				node.setAttribute(name, attributes[name]);

		for (const child of children || [])
			node.appendChild(typeof(child) == 'string' ? document.createTextNode(child) : child);

		return node;
	},

	/* A mark: sign and word, so that colour is never the only difference. */
	badge: function(mark) {
		return E('span', { 'class': 'remsim-badge remsim-' + mark[0] }, [
			E('span', { 'class': 'remsim-icon', 'aria-hidden': 'true' }, [ ICONS[mark[0]] ]),
			mark[1]
		]);
	},

	/* A value as text; what is not known looks different from zero. */
	value: function(value, unit) {
		return E('span', { 'class': words.known(value) ? null : 'remsim-unknown' }, [ words.words(value, unit) ]);
	},

	age: function(seconds) {
		if (seconds == null)
			return this.value(null);

		return E('span', { 'class': 'remsim-age', 'data-since': (now() - seconds).toFixed(1) }, [ words.ago(seconds) ]);
	},

	countdown: function(seconds) {
		return E('span', { 'class': 'remsim-age', 'data-until': (now() + seconds).toFixed(1) }, [ words.span(seconds) ]);
	},

	failure: function(failure) {
		return failure ? E('div', { 'class': 'remsim-failure' }, [
			E('span', { 'class': 'remsim-icon', 'aria-hidden': 'true' }, [ ICONS.warn ]),
			words.failure(failure).join(' · ')
		]) : '';
	},

	/* [ [ label, node ], … ] as a list of terms; rows of '' are left out. */
	terms: function(rows) {
		return E('dl', { 'class': 'remsim-terms' }, rows.filter(function(row) { return row }).map(function(row) {
			return E('div', {}, [ E('dt', {}, [ row[0] ]), E('dd', {}, row.slice(1)) ]);
		}));
	},

	/* The outcome of a call, so that a page can be drawn without an answer. */
	outcome: function(promise) {
		return promise.then(
			function(data) { return { data: data } },
			function(error) { return { trouble: words.trouble(error) } });
	},

	/* A root element that shows draw(data) for what ask() answers, now and every POLL_S seconds.
	 * `first` is the outcome that the view's load() got. refresh() asks at once, redraw() does not. */
	follow: function(first, ask, draw) {
		const banner = E('div', { 'role': 'alert' }), body = E('div');
		let data = null, at = 0;

		const redraw = L.bind(function() {
			if (data)
				this.update(body, draw(data));
		}, this);

		const show = L.bind(function(outcome) {
			this.update(banner, outcome.trouble ? [ this.lost(outcome.trouble, data && now() - at) ] : []);
			body.classList.toggle('remsim-lost', outcome.trouble != null);

			if (outcome.data) {
				data = outcome.data;
				at = now();
				redraw();
			}
		}, this);

		const refresh = L.bind(function() { return this.outcome(ask()).then(show) }, this);

		/* LuCI calls what polls at once, when the first answer is moments old. */
		const began = now();
		const again = function() { return first.data && now() - began < 1 ? null : refresh() };

		show(first);
		poll.add(again, POLL_S);
		this.startTicking();

		return { root: E('div', { 'class': 'remsim' }, [ banner, body ]), refresh: refresh, redraw: redraw };
	},

	/* age_s: of the state that is still shown, if any. */
	lost: function(trouble, age_s) {
		return E('div', { 'class': 'alert-message error' }, [
			E('h4', {}, [ trouble.text ]),
			E('p', {}, [
				trouble.denied ? _('Log in as a user who may.') : _('It is asked again every %d seconds.').format(POLL_S), ' ',
				age_s != null ? _('What is shown below was answered:') : '', ' ',
				age_s != null ? this.age(age_s) : ''
			]),
			trouble.absent ? E('p', {}, [
				_('A service that is switched off is switched on in the configuration.'), ' ',
				E('a', { 'href': L.url('admin/services/remsim/config') }, [ _('Configuration') ])
			]) : ''
		]);
	},

	startTicking: function() {
		if (!this.ticking)
			this.ticking = window.setInterval(tick, 1000);
	}
});
