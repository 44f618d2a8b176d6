// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require rpc';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Configuration as a page sees it: loaded once, changed locally, saved to the session's changes.
 *
 * A stand-in for LuCI's uci.js with its observed behaviour: save() is neither atomic nor idempotent;
 * tests/luci/facts holds both to it. Never part of a package. */

const calls = {
	get: rpc.declare({ object: 'uci', method: 'get', params: [ 'config' ], expect: { values: {} }, reject: true }),
	add: rpc.declare({ object: 'uci', method: 'add', params: [ 'config', 'type', 'name', 'values' ], expect: { section: '' }, reject: true }),
	set: rpc.declare({ object: 'uci', method: 'set', params: [ 'config', 'section', 'values' ], reject: true }),
	delete: rpc.declare({ object: 'uci', method: 'delete', params: [ 'config', 'section', 'options' ], reject: true }),
	changes: rpc.declare({ object: 'uci', method: 'changes', expect: { changes: {} } })
};

let lastNew = 0;

function indexed(sections) {
	return Object.keys(sections).map(function(name) { return sections[name] }).sort(function(a, b) { return a['.index'] - b['.index'] });
}

return baseclass.extend({
	__init__: function() {
		/* Of each config: what is stored, and what was done to it since. */
		this.state = { values: {}, creates: {}, changes: {}, deletes: {} };
		this.loading = {};
	},

	load: function(names) {
		const wanted = L.toArray(names), fresh = [];
		const tasks = wanted.map(L.bind(function(name) {
			if (this.state.values[name])
				return null;

			fresh.push(name);
			this.loading[name] = this.loading[name] || calls.get(name).then(L.bind(function(values) {
				this.state.values[name] = values;
			}, this)).finally(L.bind(function() { delete this.loading[name] }, this));

			return this.loading[name];
		}, this));

		return Promise.all(tasks).then(function() {
			if (fresh.length)
				document.dispatchEvent(new CustomEvent('uci-loaded', { detail: fresh }));

			return fresh;
		});
	},

	unload: function(names) {
		for (const name of L.toArray(names))
			for (const part in this.state)
				delete this.state[part][name];
	},

	part: function(which, config, section) {
		const held = this.state[which][config] || (this.state[which][config] = {});

		return section == null ? held : held[section] || (held[section] = {});
	},

	peek: function(which, config, section) {
		const held = this.state[which][config];

		return held ? held[section] : undefined;
	},

	/* "@type[n]" as a name. */
	resolve: function(config, section) {
		const match = (/^@([a-zA-Z0-9_-]+)\[(-?[0-9]+)\]$/).exec(section);

		if (!match)
			return section;

		const found = this.sections(config, match[1])[Number(match[2]) + (match[2] < 0 ? this.sections(config, match[1]).length : 0)];

		return found ? found['.name'] : null;
	},

	get: function(config, section, option) {
		const name = this.resolve(config, section);
		const created = this.peek('creates', config, name), stored = this.peek('values', config, name);
		const deleted = this.peek('deletes', config, name);

		if (name == null || deleted === true || !(created || stored))
			return null;

		if (option != null && (deleted || {})[option])
			return null;

		const merged = Object.assign({}, stored, created, this.peek('changes', config, name));

		for (const gone in deleted || {})
			delete merged[gone];

		return option == null ? merged : merged[option];
	},

	get_first: function(config, type, option) {
		const found = this.sections(config, type)[0];

		return found ? this.get(config, found['.name'], option) : null;
	},

	sections: function(config, type, callback) {
		const stored = indexed(this.state.values[config] || {}).map(function(section) { return section['.name'] });
		const names = stored.concat(Object.keys(this.state.creates[config] || {}));
		const found = names.map(L.bind(function(name) { return this.get(config, name) }, this)).filter(function(section) {
			return section && (type == null || section['.type'] == type);
		});

		if (callback)
			found.forEach(function(section) { callback(section, section['.name']) });

		return found;
	},

	add: function(config, type, name) {
		const sid = name || 'new%06d'.format(++lastNew);

		this.part('creates', config)[sid] = { '.type': type, '.name': sid, '.anonymous': !name, '.create': name || null, '.index': 1000 + lastNew };

		return sid;
	},

	remove: function(config, section) {
		const name = this.resolve(config, section);

		if (this.peek('creates', config, name))
			delete this.part('creates', config)[name];
		else
			this.part('deletes', config)[name] = true;

		delete this.part('changes', config)[name];
	},

	/* Nothing happens to a section that is not there; '' and null take an option away. */
	set: function(config, section, option, value) {
		const name = this.resolve(config, section), created = this.peek('creates', config, name);

		if (option == null || option.charAt(0) == '.' || name == null)
			return;

		if (created) {
			if (value == null)
				delete created[option];
			else
				created[option] = value;

			return;
		}

		if (!this.peek('values', config, name) || this.peek('deletes', config, name) === true)
			return;

		const changed = this.part('changes', config, name), gone = this.part('deletes', config, name);

		if (value == null || value === '') {
			delete changed[option];

			if (option in this.peek('values', config, name))
				gone[option] = true;
		}
		else {
			delete gone[option];
			changed[option] = value;
		}
	},

	unset: function(config, section, option) {
		this.set(config, section, option, null);
	},

	changes: calls.changes,

	/* Deletions, then new sections, then values; those before a failing one are saved already. */
	save: function() {
		const tasks = [], touched = new Set();
		const note = function(config, task) {
			touched.add(config);
			tasks.push(task);
		};

		for (const config in this.state.deletes)
			for (const section in this.state.deletes[config]) {
				const options = this.state.deletes[config][section];

				if (options === true)
					note(config, calls.delete(config, section, null));
				else if (Object.keys(options).length)
					note(config, calls.delete(config, section, Object.keys(options)));
			}

		for (const config in this.state.creates)
			for (const section in this.state.creates[config]) {
				const values = Object.assign({}, this.state.creates[config][section]);
				const type = values['.type'], name = values['.create'];

				Object.keys(values).filter(function(key) { return key.charAt(0) == '.' }).forEach(function(key) { delete values[key] });
				note(config, calls.add(config, type, name || undefined, values));
			}

		for (const config in this.state.changes)
			for (const section in this.state.changes[config])
				if (Object.keys(this.state.changes[config][section]).length)
					note(config, calls.set(config, section, this.state.changes[config][section]));

		return Promise.all(tasks).then(L.bind(function() {
			const names = Array.from(touched);

			this.unload(names);

			return Promise.all([ this.load(names), names.length ? L.ui.changes.init() : null ]);
		}, this));
	}
});
