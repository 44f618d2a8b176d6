// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require dom';
'require rpc';
'require uci';
'require ui';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Forms over a configuration: a map of sections of options.
 *
 * A stand-in for LuCI's form.js: the parts that the pages of remsim use, with LuCI's observed rules
 * of what an untouched, an emptied and a hidden field do on save; tests/luci/facts holds both to
 * them. Never part of a package. */

const callAccess = rpc.declare({ object: 'session', method: 'access', params: [ 'scope', 'object', 'function' ], expect: { access: false } });
const DEPENDS_ROUNDS = 10;

function plain(text) {
	return E('div', {}, text == null ? [] : String(text)).textContent.trim();
}

function isSame(a, b) {
	if (b instanceof RegExp)
		return a != null && b.test(a);

	if (Array.isArray(a) && Array.isArray(b))
		return a.length == b.length && a.every(function(each, i) { return isSame(each, b[i]) });

	return a == null || b == null ? a == b : typeof(a) == typeof(b) && a == b;
}

function contains(value, wanted) {
	return Array.isArray(value) || typeof(value) == 'string' ? value.includes(wanted) : false;
}

const AbstractElement = baseclass.extend({
	__init__: function(title, description) {
		this.title = title || '';
		this.description = description || '';
		this.children = [];
	},

	append: function(child) { this.children.push(child) },

	renderChildren: function(tab, section, inTable) {
		return Promise.all(this.children.filter(function(child) { return !tab || child.tab === tab }).map(function(child, i) {
			return child.render(i, section, inTable);
		}));
	}
});

/* --- map -------------------------------------------------------------------------------------- */

const FormMap = AbstractElement.extend({
	__init__: function(config) {
		this.super('__init__', Array.prototype.slice.call(arguments, 1));
		this.config = config;
		this.parsechain = [ config ];
		this.data = uci;
	},

	chain: function(config) {
		if (!this.parsechain.includes(config))
			this.parsechain.push(config);
	},

	section: function(Section) {
		const section = new Section(this, ...Array.prototype.slice.call(arguments, 1));

		this.append(section);

		return section;
	},

	findElement: function(name, value) {
		return this.root.querySelector(value == null ? name : '[%s="%s"]'.format(name, value));
	},

	load: function() {
		const access = this.readonly == null ? callAccess('uci', this.config, 'write') : true;
		const configs = this.parsechain.map(L.bind(function(config, i) {
			return i ? L.resolveDefault(this.data.load(config)) : this.data.load(config);
		}, this));

		return Promise.all([ access ].concat(configs)).then(L.bind(function(found) {
			if (found[0] === false)
				this.readonly = true;

			return Promise.all(this.children.map(function(section) { return section.load() }));
		}, this));
	},

	parse: function() {
		return Promise.all(this.children.map(function(section) { return section.parse() }));
	},

	save: function(cb, silent) {
		this.checkDepends();

		return this.parse()
			.then(cb)
			.then(L.bind(this.data.save, this.data))
			.then(L.bind(this.load, this))
			.catch(L.bind(function(error) {
				if (!silent)
					this.showProblem(error);

				return Promise.reject(error);
			}, this))
			.then(L.bind(this.renderContents, this));
	},

	showProblem: function(error) {
		ui.showModal(_('Save error'), [
			E('p', {}, [ _('An error occurred while saving the form:') ]),
			E('p', {}, [ E('em', { 'style': 'white-space:pre-wrap' }, [ error.message ]) ]),
			E('div', { 'class': 'right' }, [ E('button', { 'class': 'cbi-button', 'click': ui.hideModal }, [ _('Dismiss') ]) ])
		]);
	},

	reset: function() {
		return this.renderContents();
	},

	render: function() {
		return this.load().then(L.bind(this.renderContents, this));
	},

	renderContents: function() {
		const root = this.root = this.root || E('div', { 'id': 'cbi-' + this.config, 'class': 'cbi-map' });

		dom.bindClassInstance(root, this);

		return this.renderChildren(null).then(L.bind(function(nodes) {
			dom.content(root, null);

			if (this.title)
				root.appendChild(E('h2', { 'name': 'content' }, this.title));

			if (this.description)
				root.appendChild(E('div', { 'class': 'cbi-map-descr' }, this.description));

			dom.append(root, this.tabbed ? E('div', { 'class': 'cbi-map-tabbed' }, nodes) : nodes);
			this.checkDepends();

			for (const group of root.querySelectorAll('.cbi-map-tabbed, .cbi-section-node-tabbed'))
				ui.tabs.initTabGroup(group.childNodes);

			return root;
		}, this));
	},

	/* By name in a section, or by "config.section.option". */
	lookupOption: function(name, section, config) {
		const field = name.includes('.') ? 'cbid.' + name : 'cbid.%s.%s.%s'.format(config || this.config, section, name);
		const node = this.findElement('data-field', field);
		const option = node ? dom.findClassInstance(node) : null;

		return option instanceof AbstractValue ? [ option, field.split('.')[2] ] : null;
	},

	checkDepends: function(ev, round) {
		const isChanged = this.children.map(function(section) { return section.checkDepends(ev, round) }).includes(true);

		if (isChanged && (round || 0) < DEPENDS_ROUNDS)
			this.checkDepends(ev, (round || DEPENDS_ROUNDS) + 1);

		ui.tabs.updateTabs(ev, this.root);
	},

	/* Alternatives, each of conditions that must all hold. */
	isDependencySatisfied: function(alternatives, config, section) {
		if (!alternatives.length)
			return true;

		return alternatives.some(L.bind(function(rule) { return this.holds(rule, config, section) }, this)) ||
			alternatives.some(function(rule) { return '!default' in rule });
	},

	holds: function(rule, config, section) {
		let all = !('!default' in rule);

		for (const name in rule) {
			if (name.charAt(0) == '!')
				continue;

			const found = this.lookupOption(name, section, config);
			const value = found && found[0].isActive(found[1]) ? found[0].formvalue(found[1]) : null;

			all = all && (rule['!contains'] ? contains(value, rule[name]) : isSame(value, rule[name]));
		}

		return all != !!rule['!reverse'];
	}
});

/* --- sections ----------------------------------------------------------------------------------- */

const AbstractSection = AbstractElement.extend({
	__init__: function(map, type) {
		this.super('__init__', Array.prototype.slice.call(arguments, 2));
		this.map = map;
		this.config = map.config;
		this.sectiontype = type;
	},

	tab: function(name, title, description) {
		this.tabs = (this.tabs || []).concat([ { name: name, title: title, description: description } ]);
	},

	option: function(Option) {
		const option = new Option(this.map, this, ...Array.prototype.slice.call(arguments, 1));

		this.append(option);

		return option;
	},

	taboption: function(tab) {
		const option = this.option.apply(this, Array.prototype.slice.call(arguments, 1));

		option.tab = tab;

		return option;
	},

	getOption: function(name) {
		return this.children.find(function(option) { return option.option == name }) || null;
	},

	formvalue: function(section, name) {
		const option = this.getOption(name);

		return option ? option.formvalue(section) : null;
	},

	/* The loaded value is stored by calling cfgvalue with two arguments. */
	load: function() {
		return Promise.all(this.cfgsections().map(L.bind(function(section) {
			return Promise.all(this.children.map(function(option) { return option.load(section) })).then(L.bind(function(values) {
				values.forEach(L.bind(function(value, i) { this.children[i].cfgvalue(section, value) }, this));
			}, this));
		}, this)));
	},

	parse: function() {
		const tasks = [];

		for (const section of this.cfgsections())
			for (const option of this.children)
				tasks.push(option.parse(section));

		return Promise.all(tasks);
	},

	checkDepends: function(ev, round) {
		let isChanged = false;

		for (const section of this.cfgsections())
			for (const option of this.children) {
				const isSatisfied = option.checkDepends(section);

				if (option.isActive(section) != isSatisfied) {
					option.setActive(section, isSatisfied);
					isChanged = true;
				}

				if (!round && isSatisfied)
					option.triggerValidation(section);
			}

		return isChanged;
	},

	renderOptions: function(section) {
		if (!this.tabs)
			return this.renderChildren(null, section).then(function(nodes) { return E([], nodes) });

		return Promise.all(this.tabs.map(L.bind(function(tab) {
			return this.renderChildren(tab.name, section).then(function(nodes) {
				return E('div', { 'data-tab': tab.name, 'data-tab-title': tab.title }, nodes);
			});
		}, this))).then(function(panes) { return E([], panes) });
	}
});

const NamedSection = AbstractSection.extend({
	__init__: function(map, name) {
		this.super('__init__', [ map ].concat(Array.prototype.slice.call(arguments, 2)));
		this.section = name;
	},

	cfgsections: function() {
		return [ this.section ];
	},

	render: function() {
		const stored = this.map.data.get(this.config, this.section), id = 'cbi-%s-%s'.format(this.config, this.section);

		return this.renderOptions(this.section).then(L.bind(function(options) {
			const node = E('div', { 'id': stored ? null : id, 'class': 'cbi-section' });

			if (this.title)
				node.appendChild(E('h3', {}, this.title));

			if (this.description)
				node.appendChild(E('div', { 'class': 'cbi-section-descr' }, this.description));

			if (stored)
				node.appendChild(E('div', {
					'id': id, 'class': 'cbi-section-node' + (this.tabs ? ' cbi-section-node-tabbed' : ''), 'data-section-id': this.section
				}, options));

			dom.bindClassInstance(node, this);

			return node;
		}, this));
	}
});

/* --- options ------------------------------------------------------------------------------------ */

const AbstractValue = AbstractElement.extend({
	__init__: function(map, section, option) {
		this.super('__init__', Array.prototype.slice.call(arguments, 3));
		this.map = map;
		this.section = section;
		this.option = option;
		this.config = map.config;
		this.deps = [];
		this.rmempty = true;
		this.default = null;
		this.optional = false;
		this.retain = false;
	},

	depends: function(field, value) {
		this.deps.push(typeof(field) == 'string' ? { [field]: value } : field);
	},

	cbid: function(section) {
		return 'cbid.%s.%s.%s'.format(this.config, section, this.option);
	},

	load: function(section) {
		return this.map.data.get(this.config, section, this.ucioption || this.option);
	},

	cfgvalue: function(section, value) {
		if (arguments.length == 2) {
			this.data = this.data || {};
			this.data[section] = value;
		}

		return this.data ? this.data[section] : null;
	},

	getUIElement: function(section) {
		const node = this.map.findElement('id', this.cbid(section));
		const widget = node ? dom.findClassInstance(node) : null;

		return widget instanceof ui.AbstractElement ? widget : null;
	},

	formvalue: function(section) {
		const widget = this.getUIElement(section);

		return widget ? widget.getValue() : null;
	},

	validate: function() { return true },

	isValid: function(section) {
		const widget = this.getUIElement(section);

		return widget ? widget.isValid() : true;
	},

	getValidationError: function(section) {
		const widget = this.getUIElement(section);

		return widget ? widget.getValidationError() : '';
	},

	triggerValidation: function(section) {
		const widget = this.getUIElement(section);

		return widget ? widget.triggerValidation() : true;
	},

	row: function(section) {
		return this.map.findElement('data-field', this.cbid(section));
	},

	isActive: function(section) {
		const row = this.row(section);

		return row != null && !row.classList.contains('hidden');
	},

	setActive: function(section, isActive) {
		const row = this.row(section);

		if (row)
			row.classList.toggle('hidden', !isActive);
	},

	checkDepends: function(section) {
		return this.map.isDependencySatisfied(this.deps, this.config, section);
	},

	invalid: function(section) {
		return Promise.reject(new TypeError('%s %s'.format(
			_('Option "%s" contains an invalid input value.').format(plain(this.title) || this.option), this.getValidationError(section))));
	},

	/* write() only what changed, remove() on every save what is empty or hidden and not retained. */
	parse: function(section) {
		if (!this.isActive(section))
			return Promise.resolve(this.retain ? null : this.remove(section));

		if (!this.isValid(section))
			return this.invalid(section);

		const value = this.formvalue(section);

		if (value == null || value == '') {
			if (this.rmempty || this.optional)
				return Promise.resolve(this.remove(section));

			return Promise.reject(new TypeError(_('Option "%s" must not be empty.').format(plain(this.title) || this.option)));
		}

		return Promise.resolve(this.forcewrite || !isSame(this.cfgvalue(section), value) ? this.write(section, value) : null);
	},

	write: function(section, value) {
		return this.map.data.set(this.config, section, this.ucioption || this.option, value);
	},

	remove: function(section) {
		return this.map.data.unset(this.config, section, this.ucioption || this.option);
	}
});

const Value = AbstractValue.extend({
	value: function(key, label) {
		this.keylist = (this.keylist || []).concat([ String(key) ]);
		this.vallist = (this.vallist || []).concat([ dom.elem(label) ? label : String(label != null ? label : key) ]);
	},

	choices: function() {
		const choices = {};

		(this.keylist || []).forEach(L.bind(function(key, i) { choices[key] = this.vallist[i] }, this));

		return this.keylist ? choices : null;
	},

	render: function(index, section) {
		return Promise.resolve(this.cfgvalue(section))
			.then(L.bind(this.renderWidget, this, section, index))
			.then(L.bind(this.renderFrame, this, section, index));
	},

	renderFrame: function(section, index, widget) {
		const target = 'widget.' + this.cbid(section);
		const field = E('div', { 'class': 'cbi-value-field' }, [ widget ]);
		const row = E('div', {
			'id': 'cbi-%s-%s-%s'.format(this.config, section, this.option), 'class': 'cbi-value' + (this.deps.length ? ' hidden' : ''),
			'data-index': index, 'data-field': this.cbid(section), 'data-name': this.option
		}, [
			E('label', { 'class': 'cbi-value-title', 'for': target, 'click': this.focusWidget }, this.title), field
		]);

		if (this.description)
			field.appendChild(E('div', { 'class': 'cbi-value-description' }, this.description.trim()));

		row.addEventListener('widget-change', L.bind(this.map.checkDepends, this.map));
		dom.bindClassInstance(row, this);

		return row;
	},

	/* The label's target has dots in its id or, for a checkbox, another id. */
	focusWidget: function(ev) {
		const label = ev.currentTarget;
		const widget = label.parentNode.querySelector('[data-widget-id="%s"]'.format(label.getAttribute('for')));

		if (widget) {
			widget.click();
			widget.focus();
		}
	},

	shared: function(section) {
		return {
			id: this.cbid(section), sort: this.keylist, optional: this.optional || this.rmempty, datatype: this.datatype,
			placeholder: this.placeholder, validate: L.bind(this.validate, this, section),
			disabled: this.readonly != null ? this.readonly : this.map.readonly
		};
	},

	renderWidget: function(section, index, stored) {
		const value = stored != null ? stored : this.default;
		const options = Object.assign(this.shared(section), { password: this.password });

		return new ui.Textfield(Array.isArray(value) ? value.join(' ') : value, options).render();
	}
});

const ListValue = Value.extend({
	__init__: function() {
		this.super('__init__', Array.from(arguments));
		this.rmempty = true;
	},

	renderWidget: function(section, index, stored) {
		const options = Object.assign(this.shared(section), { optional: this.optional });

		return new ui.Select(stored != null ? stored : this.default, this.choices(), options).render();
	}
});

const DynamicListValue = Value.extend({
	renderWidget: function(section, index, stored) {
		return new ui.DynamicList(L.toArray(stored != null ? stored : this.default), this.choices(), this.shared(section)).render();
	}
});

/* Its default is never stored, unless rmempty is false. */
const FlagValue = Value.extend({
	__init__: function() {
		this.super('__init__', Array.from(arguments));
		this.enabled = '1';
		this.disabled = '0';
		this.default = this.disabled;
	},

	renderWidget: function(section, index, stored) {
		const options = Object.assign(this.shared(section), { value_enabled: this.enabled, value_disabled: this.disabled });

		return new ui.Checkbox(stored != null ? stored : this.default, options).render();
	},

	formvalue: function(section) {
		const widget = this.getUIElement(section);

		return widget && widget.isChecked() ? this.enabled : this.disabled;
	},

	parse: function(section) {
		if (!this.isActive(section))
			return Promise.resolve(this.retain ? null : this.remove(section));

		if (!this.isValid(section))
			return this.invalid(section);

		const value = this.formvalue(section);

		return Promise.resolve(value == this.default && (this.optional || this.rmempty) ? this.remove(section) : this.write(section, value));
	}
});

return baseclass.extend({
	Map: FormMap,
	AbstractSection: AbstractSection,
	NamedSection: NamedSection,
	AbstractValue: AbstractValue,
	Value: Value,
	ListValue: ListValue,
	DynamicList: DynamicListValue,
	Flag: FlagValue
});
