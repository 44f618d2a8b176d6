// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.live as live';
'require remsim.rpc as api';
'require remsim.sentences as sentences';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The event log as a page follows it: all of it once, then what is new. */

const BATCH = 100;
const PENDING_MS = 400, TRIES_MAX = 25;

return baseclass.extend({
	/* A feed that keeps the newest `kept` events, oldest first. */
	feed: function(kept) {
		return { rows: [], seen: 0, kept: kept, ask: this.ask, take: this.take };
	},

	/* In a feed: asks for what is new. */
	ask: function() {
		return (this.seen ? api.events_since(this.seen, BATCH) : api.events()).then(L.bind(this.take, this));
	},

	/* In a feed: a log that went back is another one (its file was lost). */
	take: function(log) {
		const rows = log.events || [];

		if (log.newest < this.seen) {
			this.rows = [];
			this.seen = 0;
		}
		else {
			this.rows = this.rows.concat(rows).slice(-this.kept);
			this.seen = rows.length ? rows[rows.length - 1].seq : this.seen;
		}

		return this.rows;
	},

	/* Up to `limit` rows of the store that are older than `before` (a row's id; 0: the newest) and not
	 * among `rows`: { rows, before }, before being null at the store's end. An answer is what storage
	 * prepared when it was asked the last time: so the newest rows are asked for twice. */
	older: function(before, limit, rows, tries) {
		return api.audit(before, limit).then(L.bind(function(reply) {
			if (reply.pending || !(before || tries)) {
				if (tries > TRIES_MAX)
					throw new Error(_('The history does not answer.'));

				return new Promise(function(resolve) { window.setTimeout(resolve, PENDING_MS) })
					.then(L.bind(this.older, this, before, limit, rows, (tries || 0) + 1));
			}

			const found = reply.rows.map(this.stored).filter(L.bind(function(row) { return !this.has(rows, row) }, this));
			const last = reply.rows.length < limit ? null : reply.rows[reply.rows.length - 1].id;

			return found.length || last == null ? { rows: found.reverse(), before: last } : this.older(last, limit, rows);
		}, this));
	},

	/* A row of the store as one of the log. */
	stored: function(row) {
		return Object.assign({}, row, { time: row.time == null ? null : new Date(row.time * 1000).toISOString() });
	},

	/* Log and store round times differently. */
	has: function(rows, wanted) {
		return rows.some(function(row) {
			return row.text == wanted.text && row.kind == wanted.kind && Math.abs(row.uptime_s - wanted.uptime_s) < .2;
		});
	},

	/* Wall time, or how long after the router's start where the clock was not set yet. */
	when: function(row) {
		return row.time != null ? new Date(row.time).toLocaleString(document.documentElement.lang || undefined)
			: _('%s after start').format(words.span(row.uptime_s));
	},

	/* Newest first. */
	table: function(rows) {
		if (!rows.length)
			return E('p', { 'data-key': 'empty' }, [ E('em', {}, [ _('No events.') ]) ]);

		return E('table', { 'class': 'table', 'data-key': 'events' }, [
			E('tr', { 'class': 'tr table-titles' }, [ _('Time'), _('Kind'), _('What happened') ].map(function(title) {
				return E('th', { 'class': 'th', 'scope': 'col' }, [ title ]);
			}))
		].concat(rows.slice().reverse().map(L.bind(function(row) {
			return E('tr', { 'class': 'tr' }, [
				E('td', { 'class': 'td remsim-time', 'data-title': _('Time') }, [ this.when(row) ]),
				E('td', { 'class': 'td', 'data-title': _('Kind') }, [ words.kind(row.kind) ]),
				E('td', { 'class': 'td', 'data-title': _('What happened') }, [ sentences.of(row.text) ])
			]);
		}, this))));
	},

	/* Rows that a filter lets through: { kind, modem, text }, each empty for all. */
	filter: function(rows, wanted) {
		const text = (wanted.text || '').toLowerCase();

		return rows.filter(function(row) {
			return (!wanted.kind || row.kind == wanted.kind) &&
				(!wanted.modem || row.modem == wanted.modem) &&
				(!text || [ row.text, sentences.of(row.text) ].some(function(said) { return said.toLowerCase().includes(text) }));
		});
	},

	csv: function(rows) {
		return words.csv([ [ 'seq', 'time', 'uptime_s', 'kind', 'modem', 'text' ] ].concat(rows.map(function(row) {
			return [ row.seq, row.time, row.uptime_s, row.kind, row.modem, row.text ];
		})));
	},

	/* Hands a text to the browser as a file. */
	save: function(name, type, text) {
		const url = URL.createObjectURL(new Blob([ text ], { type: type }));

		E('a', { 'href': url, 'download': name }).click();
		window.setTimeout(function() { URL.revokeObjectURL(url) }, 60000);
	}
});
