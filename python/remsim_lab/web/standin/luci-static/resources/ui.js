// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require dom';
'require fs';
'require poll';
'require request';
'require rpc';
'require session';
'require uci';
'require validation';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Dialogs, notifications, tabs, widgets, menu, and Save & Apply.
 *
 * A stand-in for LuCI's ui.js: the parts that the pages of remsim use, with LuCI's observed
 * behaviour, its traps included; tests/luci/facts holds both to it. Never part of a package. */

/* --- widgets ---------------------------------------------------------------------------------- */

const AbstractElement = baseclass.extend({
	getValue: function() { return this.input ? this.input.value : null },
	setValue: function(value) { this.input.value = value },
	isValid: function() { return this.valid !== false },
	getValidationError: function() { return this.problem || '' },
	isChanged: function() { return this.node != null && this.node.getAttribute('data-changed') == 'true' },

	/* Whether that changed whether it is valid. */
	triggerValidation: function() {
		const before = this.isValid();

		if (this.check)
			this.check();

		return before != this.isValid();
	},

	/* `input` gives events, `node` tells others of them. */
	bind: function(node, input, updates, changes) {
		const tell = function(name) {
			return function() { node.dispatchEvent(new CustomEvent(name, { bubbles: true })) };
		};

		this.node = node;
		this.input = input;

		for (const event of updates)
			input.addEventListener(event, tell('widget-update'));

		this.watch(input, updates);

		for (const event of changes) {
			input.addEventListener(event, function() { node.setAttribute('data-changed', 'true') });
			input.addEventListener(event, tell('widget-change'));
		}

		dom.bindClassInstance(node, this);

		return node;
	},

	watch: function(input, events) {
		const options = this.options;

		if (!options.datatype && !options.validate)
			return;

		this.check = ui.addValidator(input, options.datatype || 'string', options.optional == null || options.optional, options.validate, ...events);
		this.node.addEventListener('validation-success', L.bind(function() {
			this.valid = true;
			this.problem = '';
		}, this));
		this.node.addEventListener('validation-failure', L.bind(function(ev) {
			this.valid = false;
			this.problem = ev.detail.message;
		}, this));
	}
});

function widgetId(options) {
	return options.id ? 'widget.' + options.id : null;
}

const Textfield = AbstractElement.extend({
	__init__: function(value, options) {
		this.value = value;
		this.options = Object.assign({ optional: true }, options);
	},

	render: function() {
		const isSecret = this.options.password;
		const input = E('input', {
			'id': widgetId(this.options), 'type': 'text', 'class': isSecret ? 'cbi-input-password' : 'cbi-input-text',
			'name': this.options.name, 'placeholder': this.options.placeholder, 'value': this.value,
			'readonly': this.options.readonly ? '' : null, 'disabled': this.options.disabled ? '' : null
		});

		if (isSecret)
			window.requestAnimationFrame(function() { input.type = 'password' });

		const node = E('div', { 'id': this.options.id }, [ isSecret ? this.withReveal(input) : input ]);

		return this.bind(node, input, [ 'keyup', 'blur' ], [ 'change' ]);
	},

	withReveal: function(input) {
		return E('div', { 'class': 'control-group' }, [ input, E('button', {
			'class': 'cbi-button cbi-button-neutral', 'title': _('Reveal/hide password'), 'aria-label': _('Reveal/hide password'),
			'click': function(ev) {
				input.type = input.type == 'password' ? 'text' : 'password';
				ev.preventDefault();
			}
		}, [ '∗' ]) ]);
	}
});

const Checkbox = AbstractElement.extend({
	__init__: function(value, options) {
		this.value = value;
		this.options = Object.assign({ value_enabled: '1', value_disabled: '0' }, options);
	},

	render: function() {
		const id = 'cb%08x'.format(Math.random() * 0xffffffff);
		const input = E('input', {
			'id': id, 'type': 'checkbox', 'name': this.options.name, 'value': this.options.value_enabled,
			'checked': this.value == this.options.value_enabled ? '' : null,
			'disabled': this.options.disabled ? '' : null,
			'data-widget-id': widgetId(this.options)
		});
		const node = E('div', { 'id': this.options.id, 'class': 'cbi-checkbox' }, [ input, E('label', { 'for': id }) ]);

		return this.bind(node, input, [ 'click', 'blur' ], [ 'change' ]);
	},

	isChecked: function() { return this.input.checked },
	getValue: function() { return this.isChecked() ? this.options.value_enabled : this.options.value_disabled },
	setValue: function(value) { this.input.checked = value == this.options.value_enabled }
});

const Select = AbstractElement.extend({
	__init__: function(value, choices, options) {
		this.value = value;
		this.choices = choices || {};
		this.options = Object.assign({ optional: false }, options);
	},

	render: function() {
		const keys = this.options.sort || Object.keys(this.choices);
		const input = E('select', {
			'id': widgetId(this.options), 'class': 'cbi-input-select', 'disabled': this.options.disabled ? '' : null
		}, (this.options.optional ? [ E('option', { 'value': '' }, [ this.options.placeholder || _('-- Please choose --') ]) ] : []).concat(
			keys.map(L.bind(function(key) {
				return E('option', { 'value': key, 'selected': key == this.value ? '' : null }, [ this.choices[key] ]);
			}, this))));

		return this.bind(E('div', { 'id': this.options.id }, [ input ]), input, [ 'change', 'click', 'blur' ], [ 'change' ]);
	}
});

/* A list of texts; a text that is typed and not added counts when it is valid. */
const DynamicList = AbstractElement.extend({
	__init__: function(values, choices, options) {
		this.values = L.toArray(values);
		this.choices = choices;
		this.options = Object.assign({}, options, { optional: true });
	},

	render: function() {
		const entry = this.entry = E('input', {
			'id': widgetId(this.options), 'type': 'text', 'class': 'cbi-input-text',
			'placeholder': this.options.placeholder, 'disabled': this.options.disabled ? '' : null
		});
		const node = E('div', { 'id': this.options.id, 'class': 'cbi-dynlist', 'disabled': this.options.disabled ? '' : null }, [
			E('div', { 'class': 'add-item control-group' }, [ entry, E('div', { 'class': 'btn cbi-button cbi-button-add' }, [ '+' ]) ])
		]);

		this.node = node;
		this.values.forEach(L.bind(this.addItem, this));
		node.addEventListener('click', L.bind(this.handleClick, this));
		node.addEventListener('keydown', L.bind(this.handleKey, this));

		if (this.options.datatype || this.options.validate)
			ui.addValidator(entry, this.options.datatype || 'string', true, this.options.validate, 'blur', 'keyup');

		this.bind(node, node, [ 'cbi-dynlist-change' ], [ 'cbi-dynlist-change' ]);
		this.input = entry;

		return node;
	},

	/* The list's own validity is that of the text being typed. */
	watch: function(input, events) {
		this.super('watch', [ this.entry, events ]);
	},

	addItem: function(value) {
		if (this.items().includes(value))
			return;

		this.node.insertBefore(E('div', { 'class': 'item', 'tabindex': 0 }, [
			E('span', {}, [ (this.choices && this.choices[value]) || value ]),
			E('input', { 'type': 'hidden', 'value': value })
		]), this.node.lastElementChild);
		this.changed();
	},

	removeItem: function(item) {
		this.node.removeChild(item);
		this.changed();
	},

	changed: function() {
		this.node.dispatchEvent(new CustomEvent('cbi-dynlist-change', { bubbles: true }));
	},

	items: function() {
		return Array.from(this.node.querySelectorAll('.item > input')).map(function(input) { return input.value });
	},

	hasText: function() {
		return this.entry.value.trim() != '' && !this.entry.classList.contains('cbi-input-invalid');
	},

	take: function() {
		if (!this.hasText())
			return;

		this.addItem(this.entry.value);
		this.entry.value = '';
	},

	handleClick: function(ev) {
		const item = ev.target.closest('.item');

		if (this.options.disabled)
			return;

		if (ev.target.closest('.cbi-button-add'))
			this.take();
		else if (item && item.getBoundingClientRect().right - ev.clientX <= parseFloat(getComputedStyle(item, '::after').width))
			this.removeItem(item);
	},

	handleKey: function(ev) {
		const item = ev.target.closest('.item');

		if (item && (ev.key == 'Delete' || ev.key == 'Backspace')) {
			this.removeItem(item);
		}
		else if (!item && ev.key == 'Enter') {
			this.take();
			ev.preventDefault();
		}
	},

	getValue: function() {
		const items = this.items();

		return this.hasText() && !items.includes(this.entry.value) ? items.concat([ this.entry.value ]) : items;
	},

	setValue: function(values) {
		for (const item of this.node.querySelectorAll('.item'))
			this.removeItem(item);

		L.toArray(values).forEach(L.bind(this.addItem, this));
	}
});

/* A button with a choice of what it does; click(ev, choice). */
const ComboButton = AbstractElement.extend({
	__init__: function(value, choices, options) {
		this.value = value;
		this.choices = choices;
		this.options = options;
	},

	render: function() {
		const open = L.bind(function(ev) {
			ev.stopPropagation();
			node.toggleAttribute('open');
		}, this);
		const node = E('div', {
			'class': 'cbi-dropdown ' + this.options.classes[this.value], 'tabindex': 0, 'role': 'button',
			'disabled': this.options.disabled != null ? '' : null,
			'click': L.bind(this.press, this),
			'keydown': function(ev) {
				if (ev.key == 'Enter' || ev.key == ' ')
					node.click();
			}
		}, [
			E('ul', {}, Object.keys(this.choices).map(L.bind(function(key) {
				return E('li', { 'data-value': key, 'display': key == this.value ? '0' : null, 'selected': key == this.value ? '' : null }, this.choices[key]);
			}, this))),
			E('span', { 'class': 'open', 'click': open }, [ '▾' ])
		]);

		return this.bind(node, node, [], []);
	},

	press: function(ev) {
		const chosen = ev.target.closest('li');

		if (this.node.hasAttribute('disabled'))
			return;

		if (this.node.hasAttribute('open')) {
			this.node.removeAttribute('open');

			if (chosen)
				this.choose(chosen.getAttribute('data-value'));

			return;
		}

		return this.options.click(ev, this.value);
	},

	choose: function(value) {
		this.node.classList.remove(...this.options.classes[this.value].split(' '));
		this.node.classList.add(...this.options.classes[value].split(' '));
		this.value = value;

		for (const item of this.node.querySelectorAll('li')) {
			item.toggleAttribute('selected', item.getAttribute('data-value') == value);
			item.toggleAttribute('display', item.getAttribute('data-value') == value);
		}
	},

	getValue: function() { return this.value }
});

/* --- tabs --------------------------------------------------------------------------------------- */

const Tabs = baseclass.singleton({
	initTabGroup: function(nodes) {
		const panes = Array.from(nodes || []), group = panes.length ? panes[0].parentNode : null;

		if (!group || group.getAttribute('data-initialized') == 'true')
			return;

		const menu = E('ul', { 'class': 'cbi-tabmenu' }, panes.map(L.bind(function(pane) {
			return E('li', { 'data-tab': pane.getAttribute('data-tab'), 'class': 'cbi-tab-disabled' }, [
				E('a', { 'href': '#', 'click': L.bind(this.switchTab, this) }, pane.getAttribute('data-tab-title'))
			]);
		}, this)));

		group.parentNode.insertBefore(menu, group);
		group.setAttribute('data-initialized', 'true');

		const wanted = panes.find(function(pane) { return pane.getAttribute('data-tab-active') == 'true' });
		const first = panes.find(L.bind(function(pane) { return !this.isEmptyPane(pane) }, this));

		this.show(group, menu, (wanted || first || panes[0]).getAttribute('data-tab'));
		this.updateTabs(null, group.parentNode);
	},

	/* Text alone counts as nothing. */
	isEmptyPane: function(pane) {
		return dom.isEmpty(pane, function(node) { return node.classList.contains('cbi-tab-descr') });
	},

	show: function(group, menu, name) {
		for (const pane of group.children)
			pane.setAttribute('data-tab-active', String(pane.getAttribute('data-tab') == name));

		for (const item of menu.children)
			item.className = item.getAttribute('data-tab') == name ? 'cbi-tab' : 'cbi-tab-disabled';

		for (const pane of group.children)
			if (pane.getAttribute('data-tab') == name)
				pane.dispatchEvent(new CustomEvent('cbi-tab-active', { detail: { tab: name } }));
	},

	switchTab: function(ev) {
		const item = ev.currentTarget.parentNode, menu = item.parentNode;

		ev.preventDefault();
		this.show(menu.nextElementSibling, menu, item.getAttribute('data-tab'));
	},

	updateTabs: function(ev, root) {
		for (const pane of (root || document).querySelectorAll('[data-tab-title]')) {
			const menu = pane.parentNode.previousElementSibling;
			const item = menu && menu.classList.contains('cbi-tabmenu') ? menu.querySelector('[data-tab="%s"]'.format(pane.getAttribute('data-tab'))) : null;

			if (!item)
				continue;

			const errors = pane.querySelectorAll('.cbi-input-invalid').length;

			item.style.display = this.isEmptyPane(pane) ? 'none' : '';
			item.toggleAttribute('data-errors', errors > 0);

			if (errors) {
				item.setAttribute('data-errors', errors);
				item.setAttribute('data-tooltip', N_(errors, '%d invalid field', '%d invalid fields').format(errors));
				item.setAttribute('data-tooltip-style', 'error');
			}
			else {
				item.removeAttribute('data-tooltip');
			}
		}
	}
});

/* --- Save & Apply ----------------------------------------------------------------------------- */

const CHANGE_TEXTS = {
	'add': function(config, change) { return 'uci add %s %s # =%s'.format(config, change[2], change[1]) },
	'set': function(config, change) { return change.length > 3 ? 'uci set %s.%s.%s=\'%s\''.format(config, change[1], change[2], change[3]) : 'uci set %s.%s=%s'.format(config, change[1], change[2]) },
	'remove': function(config, change) { return 'uci del ' + [ config ].concat(change.slice(1)).join('.') },
	'list-add': function(config, change) { return 'uci add_list %s.%s.%s=\'%s\''.format(config, change[1], change[2], change[3]) },
	'list-del': function(config, change) { return 'uci del_list %s.%s.%s=\'%s\''.format(config, change[1], change[2], change[3]) },
	'order': function(config, change) { return 'uci reorder %s.%s=%s'.format(config, change[1], change[2]) },
	'rename': function(config, change) { return 'uci rename %s=%s'.format([ config ].concat(change.slice(1, -1)).join('.'), change[change.length - 1]) }
};

const Changes = baseclass.singleton({
	init: function() {
		if (L.env.sessionid)
			return uci.changes().then(L.bind(this.show, this));
	},

	show: function(changes) {
		const count = Object.keys(changes).reduce(function(sum, config) { return sum + changes[config].length }, 0);

		this.pending = changes;
		this.setIndicator(count);
	},

	setIndicator: function(count) {
		if (count)
			ui.showIndicator('uci-changes', '%s: %d'.format(_('Unsaved Changes'), count), L.bind(this.displayChanges, this));
		else
			ui.hideIndicator('uci-changes');
	},

	displayChanges: function() {
		const list = E('div', { 'class': 'uci-change-list' });

		for (const config in this.pending) {
			list.appendChild(E('h5', {}, [ '# /etc/config/' + config ]));

			for (const change of this.pending[config])
				list.appendChild(E('var', {}, [ CHANGE_TEXTS[change[0]](config, change) ]));
		}

		ui.showModal(_('Configuration') + ' / ' + _('Changes'), [ list, E('div', { 'class': 'button-row' }, [
			E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Close') ]), ' ',
			new ComboButton('0', { 0: [ _('Save & Apply') ], 1: [ _('Apply unchecked') ] }, {
				classes: { 0: 'btn cbi-button cbi-button-positive important', 1: 'btn cbi-button cbi-button-negative important' },
				click: L.bind(function(ev, mode) { this.apply(mode == '0') }, this)
			}).render(), ' ',
			E('button', { 'class': 'btn cbi-button cbi-button-reset', 'click': L.bind(this.revert, this) }, [ _('Revert') ])
		]) ], 'uci-dialog');
	},

	/* A dialog that only says how it stands; the page does not poll meanwhile. */
	status: function(kind, content) {
		if (!kind) {
			ui.hideModal();

			if (this.wasPolling)
				poll.start();

			return;
		}

		const box = ui.showModal('', '');

		box.classList.add('alert-message', ...kind.split(' '));
		dom.content(box, content);

		if (!this.wasPolling) {
			this.wasPolling = poll.active();
			poll.stop();
		}
	},

	say: function(kind, text) {
		this.status(kind, [ E('p', {}, [ text ]) ]);
	},

	sayFor: function(text) {
		this.say('notice', text);
		window.setTimeout(L.bind(this.status, this, false), L.env.apply_display * 1000);
	},

	ask: function(action, query) {
		return request.request(L.url('admin/uci', action), {
			method: 'POST', timeout: L.env.apply_timeout * 1000, query: query || { sid: L.env.sessionid, token: L.env.token }
		});
	},

	apply: function(isChecked) {
		this.say('notice spinning', _('Starting configuration apply…'));

		return L.resolveDefault(isChecked ? fs.exec_direct('/usr/libexec/luci-peeraddr', null, 'json') : null).then(L.bind(function() {
			return this.ask(isChecked ? 'apply_rollback' : 'apply_unchecked');
		}, this)).then(L.bind(function(answer) {
			if (answer.status == (isChecked ? 200 : 204))
				this.confirm(isChecked, Date.now() + L.env.apply_rollback * 1000, isChecked ? answer.json() : undefined);
			else if (answer.status == 204)
				this.sayFor(_('There are no changes to apply'));
			else
				this.sayFor(_('Apply request failed with status %s').format(answer.statusText || answer.status));
		}, this));
	},

	/* Asks until there is an answer, at least a second apart when an answer came, at once when not. */
	confirm: function(isChecked, deadline, auth) {
		const self = this;
		let timer = null;

		function count() {
			self.say('notice spinning', _('Applying configuration changes… %ds').format(Math.max(0, (deadline - Date.now()) / 1000)));
			timer = Date.now() < deadline ? window.setTimeout(count, 1000) : null;
		}

		function look(answer) {
			if (Date.now() >= deadline) {
				window.clearTimeout(timer);
				self.waitForRollback(isChecked);
			}
			else if (answer && (answer.status == 200 || answer.status == 204)) {
				window.clearTimeout(timer);
				document.dispatchEvent(new CustomEvent('uci-applied'));
				self.setIndicator(0);
				self.say('notice', _('Configuration changes applied.'));
				window.setTimeout(self.reload, L.env.apply_display * 1000);
			}
			else {
				window.setTimeout(function() {
					self.ask('confirm', auth || {}).then(look, function() { look(null) });
				}, answer ? Math.max(1000 - (answer.duration || 0), 0) : 0);
			}
		}

		count();
		window.setTimeout(look, L.env.apply_holdoff * 1000);
	},

	waitForRollback: function(isChecked) {
		const self = this;

		if (!isChecked)
			return this.say('warning', _('Could not regain access to the device after applying the configuration changes.'));

		this.say('warning spinning', _('Failed to confirm apply within %ds, waiting for rollback…').format(L.env.apply_rollback));

		(function look(answer) {
			if (answer && answer.status == 204)
				return self.offerAfterRollback();

			window.setTimeout(function() {
				self.ask('confirm').then(look, function() { look(null) });
			}, answer ? Math.max(1000 - (answer.duration || 0), 0) : 0);
		})(null);
	},

	offerAfterRollback: function() {
		this.status('warning', [
			E('h4', {}, [ _('Configuration changes have been rolled back!') ]),
			E('p', {}, [ _('The device could not be reached within %d seconds after applying the pending changes, which caused the configuration to be rolled back for safety reasons.').format(L.env.apply_rollback) ]),
			E('div', { 'class': 'button-row' }, [
				E('button', { 'class': 'btn', 'click': L.bind(this.status, this, false) }, [ _('Dismiss') ]), ' ',
				E('button', { 'class': 'btn cbi-button-action important', 'click': L.bind(this.revert, this) }, [ _('Revert changes') ]), ' ',
				E('button', { 'class': 'btn cbi-button-negative important', 'click': L.bind(this.apply, this, false) }, [ _('Apply unchecked') ])
			])
		]);
	},

	revert: function() {
		this.say('notice spinning', _('Reverting configuration…'));

		return this.ask('revert').then(L.bind(function(answer) {
			if (!answer.ok)
				return this.sayFor(_('Revert request failed with status %s').format(answer.statusText || answer.status));

			document.dispatchEvent(new CustomEvent('uci-reverted'));
			this.setIndicator(0);
			this.say('notice', _('Changes have been reverted.'));
			window.setTimeout(this.reload, L.env.apply_display * 1000);
		}, this));
	},

	reload: function() {
		window.location = window.location.href.split('#')[0];
	}
});

/* --- menu --------------------------------------------------------------------------------------- */

const Menu = baseclass.singleton({
	load: function() {
		const held = session.getLocalData('menu');

		return held ? Promise.resolve(held) : request.get(L.url('admin/menu')).then(function(answer) {
			session.setLocalData('menu', answer.json());

			return answer.json();
		});
	},

	flushCache: function() {
		session.setLocalData('menu', null);
	},

	getChildren: function(node) {
		const children = node.children || {};

		return Object.keys(children).filter(function(name) {
			return children[name].satisfied && 'title' in children[name];
		}).map(function(name) {
			return Object.assign({}, children[name], { name: name });
		}).sort(function(a, b) {
			return (a.order == null ? 1000 : a.order) - (b.order == null ? 1000 : b.order) || L.naturalCompare(a.name, b.name);
		});
	}
});

/* --- dialogs and the rest --------------------------------------------------------------------------- */

let modal = null;

const ui = {
	AbstractElement: AbstractElement,
	Textfield: Textfield,
	Checkbox: Checkbox,
	Select: Select,
	DynamicList: DynamicList,
	ComboButton: ComboButton,
	tabs: Tabs,
	changes: Changes,
	menu: Menu,

	/* When the page is there. */
	begin: function() {
		modal = document.body.appendChild(E('div', { 'id': 'modal_overlay', 'tabindex': -1, 'keydown': this.cancelModal }, [
			E('div', { 'class': 'modal', 'role': 'dialog', 'aria-modal': true })
		]));
		document.addEventListener('poll-start', L.bind(this.showPolling, this, true));
		document.addEventListener('poll-stop', L.bind(this.showPolling, this, false));

		return Changes.init();
	},

	showPolling: function(isActive) {
		this.showIndicator('poll-status', isActive ? _('Refreshing') : _('Paused'), function() {
			poll.active() ? poll.stop() : poll.start();
		}, isActive ? 'active' : 'inactive');
	},

	/* `children` is an array or a node: a bare string is HTML and takes the title's place. */
	showModal: function(title, children) {
		const box = modal.firstElementChild;

		box.className = [ 'modal' ].concat(Array.prototype.slice.call(arguments, 2)).join(' ');
		dom.content(box, E('h4', {}, title));
		dom.append(box, children);
		document.body.classList.add('modal-overlay-active');
		modal.scrollTop = 0;
		modal.focus();

		return box;
	},

	hideModal: function() {
		document.body.classList.remove('modal-overlay-active');
		modal.blur();
	},

	cancelModal: function(ev) {
		const button = ev.key == 'Escape' ? modal.querySelector('.right > button, .button-row > button, .button-row > .btn') : null;

		if (button)
			button.click();
	},

	addNotification: function(title, children) {
		const place = document.getElementById('maincontent') || document.body;
		const box = E('div', {
			'class': [ 'alert-message fade-in' ].concat(Array.prototype.slice.call(arguments, 2)).join(' '),
			'style': 'display:flex'
		}, [
			E('div', { 'style': 'flex:10' }),
			E('div', { 'style': 'flex:1 1 auto; display:flex' }, [
				E('button', {
					'class': 'btn', 'style': 'margin-left:auto; margin-top:auto',
					'click': function() { box.remove() }
				}, [ _('Dismiss') ])
			])
		]);

		if (title != null)
			dom.append(box.firstElementChild, E('h4', {}, title));

		dom.append(box.firstElementChild, children);
		place.insertBefore(box, place.firstElementChild);

		return box;
	},

	showIndicator: function(id, label, handler, style) {
		const place = document.getElementById('indicators');

		if (!place)
			return false;

		let node = place.querySelector('[data-indicator="%s"]'.format(id));

		if (!node) {
			const isClickable = typeof(handler) == 'function';

			node = place.appendChild(E('span', {
				'data-indicator': id, 'data-clickable': isClickable ? 'true' : null, 'click': isClickable ? handler : null
			}, [ '' ]));
		}

		const wanted = style == 'inactive' ? 'inactive' : 'active';

		if (node.textContent == label && node.getAttribute('data-style') == wanted)
			return false;

		node.firstChild.data = label;
		node.setAttribute('data-style', wanted);

		return true;
	},

	hideIndicator: function(id) {
		const node = document.querySelector('#indicators [data-indicator="%s"]'.format(id));

		if (node)
			node.remove();

		return node != null;
	},

	/* [ 'Label', value, … ]; values of null are left out. */
	itemlist: function(node, items, separators) {
		const children = [];

		for (let i = 0; i < items.length; i += 2)
			if (items[i + 1] != null)
				children.push(E('span', { 'class': 'nowrap' }, [ items[i] ? E('strong', {}, [ items[i] + ': ' ]) : '', items[i + 1] ]), separators || E('br'));

		dom.content(node, children.slice(0, -1));

		return node;
	},

	/* Gives a function that checks now. A type that does not exist makes one that never objects. */
	addValidator: function(field, type, optional, check) {
		const events = Array.prototype.slice.call(arguments, 4);

		try {
			const validator = validation.create(field, type, optional, check);
			const call = L.bind(validator.validate, validator);

			for (const event of events.length ? events : [ 'blur', 'keyup' ])
				field.addEventListener(event, call);

			call();

			return call;
		}
		catch (error) {
			return null;
		}
	},

	/* Spins and refuses clicks until the promise is settled; what is thrown at once leaves it so. */
	createHandlerFn: function(self, method) {
		const given = Array.prototype.slice.call(arguments, 2);
		const call = typeof(method) == 'string' ? self[method] : method;

		if (typeof(call) != 'function')
			return null;

		return function(ev) {
			const target = ev.currentTarget;

			target.classList.add('spinning');
			target.disabled = true;
			target.blur();

			return Promise.resolve(call.apply(self, given.concat(Array.from(arguments)))).finally(function() {
				target.classList.remove('spinning');
				target.disabled = false;
			});
		};
	},

	instantiateView: function(path) {
		const name = 'view.' + path.replace(/\//g, '.');

		return L.require(name).then(function(made) {
			if (!(made instanceof L.view))
				L.raise('TypeError', 'Loaded class %s is not a descendant of View', name);

			return made;
		}).catch(function(error) {
			dom.content(document.getElementById('view'), null);
			L.error(error);
		});
	}
};

return baseclass.extend(ui);
