// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require dom';
'require fs';
'require poll';
'require view';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Status, Overview: the blocks that are installed, each drawn anew with every poll.
 *
 * A stand-in for LuCI's page of that name: all blocks wait for the slowest, and one whose load()
 * rejected once is not shown again. Never part of a package. */

return view.extend({
	load: function() {
		return L.resolveDefault(fs.list('/www' + L.resource('view/status/include')), []).then(function(entries) {
			return Promise.all(entries.map(function(entry) { return entry.name }).filter(function(name) {
				return (/\.js$/).test(name);
			}).sort().map(function(name) {
				return L.require('view.status.include.' + name.replace(/\.js$/, ''));
			}));
		});
	},

	render: function(blocks) {
		const places = blocks.map(function() { return E('div') });
		const page = E([], blocks.map(function(block, i) {
			return E('div', { 'class': 'cbi-section', 'style': 'display:none' }, [ E('div', { 'class': 'cbi-title' }, [ E('h3', {}, [ block.title ]) ]), places[i] ]);
		}));
		const show = L.bind(this.show, this, blocks, places);

		return show().then(function() {
			poll.add(show);

			return page;
		});
	},

	show: function(blocks, places) {
		return Promise.all(blocks.map(function(block) {
			return block.load ? block.load().catch(function() { block.failed = true }) : null;
		})).then(function(found) {
			blocks.forEach(function(block, i) {
				const content = block.failed ? null : block.render(found[i]);

				if (content != null) {
					places[i].parentNode.style.display = '';
					dom.content(places[i], content);
				}
			});
		});
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
