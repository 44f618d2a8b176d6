// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require form';
'require uci';
'require ui';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.schema as schema';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The configuration form, made from the schema that the daemon judges by too.
 *
 * An option that is not set shows its default as a placeholder and is not written unless it is
 * changed; one that is hidden keeps its value; a stored secret is never shown. Before anything is
 * saved the daemon judges the whole of it, because options can contradict each other. */

const CONFIG = 'remsim';
const FORGET = '_forget_';

const PAGES = { general: _('General'), modems: _('Modems'), network: _('Network'), advanced: _('Advanced') };

const WIDGETS = { flag: form.Flag, choice: form.ListValue, list: form.DynamicList, value: form.Value };

function isDefault(option, value) {
	return String(value) == String(option.default == null ? '' : option.default);
}

function isSet(path) {
	const value = uci.get(CONFIG, path.split('.')[0], path.split('.')[1]);

	return value != null && value !== '';
}

function titleOf(option) {
	return option.unit ? '%s (%s)'.format(option.title, option.unit) : option.title;
}

function depend(field, option) {
	for (const alternative of option.depends || []) {
		const rule = {};

		for (const path in alternative)
			rule[CONFIG + '.' + path] = alternative[path];

		field.depends(rule);
	}
}

/* What a schema's option adds to LuCI's form element `field`. */
function shape(field, option) {
	field.retain = true;
	field.optional = true;
	field.datatype = option.datatype;

	for (const choice of option.choices || [])
		field.value(choice[0], choice[1]);

	depend(field, option);

	if (option.type == 'flag' || option.type == 'choice') {
		field.default = option.default;
		field.optional = option.type == 'choice' && option.default == null;
	}
	else if (option.default != null) {
		field.placeholder = String(option.default).replace(/,/g, ' ');
	}

	field.validate = function(_section, value) {
		return remsimForm.fault(option, value) || true;
	};

	/* A section that an older file lacks is added with its first value; a default that nobody chose
	 * is not written. */
	field.write = function(section, value) {
		if (isSet(option.path) ? String(uci.get(CONFIG, section, option.name)) == String(value) : isDefault(option, value))
			return;

		if (uci.get(CONFIG, section) == null)
			uci.add(CONFIG, section, section);

		return this.super('write', [ section, value ]);
	};

	/* LuCI takes a box that stands at its default out of the file; a value that is there may stay. */
	if (option.type == 'flag')
		field.remove = function(section) {
			if (!isDefault(option, uci.get(CONFIG, section, option.name)))
				this.super('remove', [ section ]);
		};
}

/* A stored secret never comes back into the page, and is never emptied by accident: forgetting it
 * is a choice of its own, which is there while something is stored. */
function keepSecret(section, field, option) {
	const forget = section.option(form.Flag, FORGET + option.name, _('Forget: %s').format(option.title));

	field.password = true;
	field.cfgvalue = forget.cfgvalue = function() { return null };
	field.remove = forget.remove = function() {};
	forget.retain = true;
	forget.write = function(name) { uci.unset(CONFIG, name, option.name) };
	depend(forget, option);
}

const RemsimMap = form.Map.extend({
	/* Missing sections exist while the form is drawn, and are gone again before it is saved. */
	renderContents: function() {
		const missing = schema.sections.filter(function(section) { return uci.get(CONFIG, section.name) == null });

		missing.forEach(function(section) { uci.add(CONFIG, section.name, section.name) });

		return this.super('renderContents', []).then(L.bind(function(root) {
			missing.forEach(function(section) { uci.remove(CONFIG, section.name) });
			this.arrange(root);

			return root;
		}, this));
	},

	/* Sections into tabs; what most users never need is marked unless it is in use. */
	arrange: function(root) {
		const panes = {}, container = root.appendChild(E('div'));

		for (const page in PAGES)
			panes[page] = container.appendChild(E('div', {
				'data-tab': page,
				'data-tab-title': PAGES[page],
				'data-tab-active': this.selected == page ? 'true' : null
			}));

		for (const section of schema.sections) {
			panes[section.page].appendChild(root.querySelector('#cbi-%s-%s'.format(CONFIG, section.name)).closest('.cbi-section'));

			for (const option of section.options)
				this.mark(section, option, isSet(option.path));
		}

		ui.tabs.initTabGroup(container.childNodes);
		this.tidy();
	},

	mark: function(section, option, stored) {
		this.name(option.path, option.title);

		if (option.expert && !stored)
			this.row(option.path).setAttribute('data-expert', '');

		if (option.secret) {
			this.row(option.path).querySelector('input').placeholder = stored ? _('stored; empty keeps it') : '';
			this.name('%s.%s%s'.format(section.name, FORGET, option.name), option.title).toggleAttribute('data-absent', !stored);
		}
	},

	/* LuCI gives its check boxes and lists no name that a screen reader could say. */
	name: function(path, title) {
		const row = this.row(path), input = row.querySelector('input[type="checkbox"], .cbi-dynlist input[type="text"]');

		input && input.setAttribute('aria-label', title);

		return row;
	},

	row: function(path) {
		return this.root.querySelector('[data-field="cbid.%s.%s"]'.format(CONFIG, path));
	},

	checkDepends: function(ev, n) {
		this.super('checkDepends', [ ev, n ]);
		this.tidy();
	},

	/* A section of which nothing is shown shows no title either. */
	tidy: function() {
		const simple = this.root.classList.contains('remsim-simple');

		for (const node of this.root.querySelectorAll('.cbi-section')) {
			const shown = node.querySelector('.cbi-value:not(.hidden):not([data-absent])' + (simple ? ':not([data-expert])' : ''));

			node.classList.toggle('hidden', !shown);
		}
	},

	showExpert: function(shown) {
		this.root.classList.toggle('remsim-simple', !shown);
		this.tidy();
	},

	/* What a refused save has noted down already must not be saved by the next one. */
	save: function(cb, silent) {
		return this.super('save', [ L.bind(function() { return this.judge(cb) }, this), true ]).catch(L.bind(function(error) {
			uci.unload(CONFIG);

			return L.resolveDefault(uci.load(CONFIG)).then(L.bind(function() {
				throw this.refused(error, silent);
			}, this));
		}, this));
	},

	/* The daemon's judgement of what would be stored. A daemon that does not run judges nothing: the
	 * form's own rules have been kept then, and it judges when it starts. */
	judge: function(cb) {
		return live.outcome(api.validate(remsimForm.values())).then(function(outcome) {
			const problems = outcome.data ? outcome.data.problems : [];

			if (outcome.trouble && !outcome.trouble.absent)
				throw new Error(outcome.trouble.text);

			if (problems.length)
				throw Object.assign(new Error(_('Not saved.')), { problems: problems });

			remsimForm.silence();

			if (outcome.data && outcome.data.warnings.length)
				remsimForm.notify(_('Saved, but:'), outcome.data.warnings.map(function(warning) { return warning.text }), 'warning');

			return cb && cb();
		});
	},

	/* Names the fields, opens the first one's tab and puts the cursor there. */
	refused: function(error, silent) {
		const problems = error.problems || [], root = this.root;

		for (const old of root.querySelectorAll('.remsim-refused'))
			old.remove();

		for (const problem of problems) {
			const row = this.row(problem.path);

			if (row)
				(row.querySelector('.cbi-value-field') || row).appendChild(
					E('div', { 'class': 'remsim-refused' }, [ live.badge([ 'bad', _('Expected: %s').format(problem.expected) ]) ]));
		}

		if (!silent)
			remsimForm.notify(_('Not saved.'), problems.length ? problems.map(remsimForm.problemText) : [ error.message ], 'error');

		this.reveal(problems.length ? this.row(problems[0].path) : root.querySelector('.cbi-input-invalid'));

		return error;
	},

	reveal: function(node) {
		const pane = node && node.closest('[data-tab]');

		if (!pane)
			return;

		const tab = this.root.querySelector('.cbi-tabmenu [data-tab="%s"] a'.format(pane.getAttribute('data-tab')));
		const input = node.matches('input, select, textarea') ? node : node.querySelector('input:not([type="hidden"]), select, textarea');

		tab && tab.click();
		input && input.focus();
	}
});

const remsimForm = {
	/* What is wrong with a value by the schema's pattern; null if nothing. Lists: each entry. */
	fault: function(option, value) {
		if (!option.pattern || value == null || value === '')
			return null;

		const pattern = new RegExp(option.pattern);
		const bad = (Array.isArray(value) ? value : [ value ]).some(function(entry) { return !pattern.test(entry) });

		return bad ? _('Expected: %s').format(option.expected) : null;
	},

	/* All options as they would be stored; '' for one that is not set. */
	values: function() {
		const values = {};

		for (const section of schema.sections)
			for (const option of section.options) {
				const value = uci.get(CONFIG, section.name, option.name);

				values[option.path] = value == null ? '' : value;
			}

		return values;
	},

	option: function(path) {
		return [].concat(...schema.sections.map(function(section) { return section.options }))
			.find(function(option) { return option.path == path });
	},

	/* One notification at a time: what the last attempt to save said. */
	notify: function(title, texts, kind) {
		remsimForm.silence();
		ui.addNotification(title, texts.map(function(text) { return E('p', {}, [ text ]) }), kind, 'remsim-notice')
			.setAttribute('role', 'alert');
	},

	silence: function() {
		for (const old of document.querySelectorAll('.remsim-notice'))
			old.remove();
	},

	/* "Heartbeat, Time limit: 90 is not less than …" */
	problemText: function(problem) {
		const option = remsimForm.option(problem.path);
		const section = option && schema.sections.find(function(candidate) { return candidate.options.includes(option) });
		const name = option ? '%s, %s'.format(section.title, option.title) : problem.path;

		return problem.value ? _('%s: %s is not possible. Expected: %s').format(name, problem.value, problem.expected)
			: '%s: %s'.format(name, problem.expected);
	},

	/* The map; its root is there once it was rendered. `selected`: the page to open, if not the first
	 * or the last one that was open. */
	map: function(selected) {
		const map = new RemsimMap(CONFIG);

		map.selected = selected;

		for (const part of schema.sections) {
			const section = map.section(form.NamedSection, part.name, part.name, part.title, part.help);

			for (const option of part.options) {
				const field = section.option(WIDGETS[option.type], option.name, titleOf(option), option.help);

				shape(field, option);

				if (option.secret)
					keepSecret(section, field, option);
			}
		}

		return map;
	}
};

return baseclass.extend(remsimForm);
