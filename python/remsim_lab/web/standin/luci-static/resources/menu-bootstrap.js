// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require ui';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The page's menu: groups at the top, the pages of an application as tabs.
 *
 * A stand-in for the theme's menu. Never part of a package. */

return baseclass.extend({
	__init__: function() {
		ui.menu.load().then(L.bind(this.render, this));
	},

	render: function(tree) {
		const path = L.env.dispatchpath, admin = tree.children[path[0] || 'admin'];

		this.fill(document.getElementById('topmenu'), admin, path[0]);

		const app = path.slice(1, 3).reduce(function(node, name) { return node && node.children ? node.children[name] : null }, admin);

		if (app && app.children)
			this.tabs(app, path);
	},

	fill: function(list, admin, name) {
		for (const group of ui.menu.getChildren(admin)) {
			const pages = ui.menu.getChildren(group);

			list.appendChild(E('li', { 'class': pages.length ? 'dropdown' : '' }, [
				E('a', { 'class': pages.length ? 'menu' : '', 'href': pages.length ? '#' : L.url(name, group.name) }, [ _(group.title) ]),
				pages.length ? E('ul', { 'class': 'dropdown-menu' }, pages.map(function(page) {
					return E('li', {}, [ E('a', { 'href': L.url(name, group.name, page.name) }, [ _(page.title) ]) ]);
				})) : ''
			]));
		}

		list.style.display = '';
	},

	tabs: function(app, path) {
		const place = document.getElementById('tabmenu');

		place.appendChild(E('ul', { 'class': 'tabs' }, ui.menu.getChildren(app).map(function(page) {
			return E('li', { 'class': 'tabmenu-item-%s%s'.format(page.name, page.name == path[3] ? ' active' : '') }, [
				E('a', { 'href': L.url(path.slice(0, 3).join('/'), page.name) }, [ _(page.title) ])
			]);
		})));
		place.style.display = '';
	}
});
