/* SPDX-License-Identifier: GPL-2.0-or-later
 * Translations and format strings. */
({
	'a text without a translation comes back as it was': function(t) {
		t.same(_('  No such \n text '), '  No such \n text ');
		t.same(_('No such text', 'context'), 'No such text');
	},

	'blanks do not count when a translation is looked for': function(t) {
		t.same(_('  Translated\n\ttext '), 'Übersetzter Text');
		t.same(_('Translated text'), 'Übersetzter Text');
	},

	'a context has translations of its own': function(t) {
		t.same([ _('Open', 'door'), _('Open') ], [ 'offen', 'Open' ]);
	},

	'a number chooses a form and is not put in': function(t) {
		t.same([ N_(1, '%d item', '%d items'), N_(3, '%d item', '%d items') ], [ '%d item', '%d items' ]);
		t.same([ N_(1, '%d gate', '%d gates'), N_(2, '%d gate', '%d gates') ], [ '%d Tor', '%d Tore' ]);
	},

	'numbers': function(t) {
		t.same([ '%d'.format('x'), '%d'.format(3.7), '%d'.format(-5), '%x'.format(255), '%X'.format(255), '%o'.format(8), '%b'.format(5) ],
			[ '0', '3', '-5', 'ff', 'FF', '10', '101' ]);
		t.same([ '%f'.format(1.5), '%.2f'.format(1.005), '%.0f'.format(2.6), '%c'.format(65) ], [ '1.5', '1.00', '3', 'A' ]);
	},

	'width and filling': function(t) {
		t.same([ '%5d|'.format(42), '%-5d|'.format(42), '%05d|'.format(42), '%\'*5d|'.format(42), '%5s|'.format('ab') ],
			[ '   42|', '42   |', '00042|', '***42|', '   ab|' ]);
	},

	'escaping': function(t) {
		t.same('%h'.format('<a b="c">&\''), '&#60;a b=&#34;c&#34;&#62;&#38;&#39;');
		t.same([ '%h'.format(null), '%h'.format({}), '%s'.format('<b>') ], [ '', '', '<b>' ]);
	},

	'durations': function(t) {
		t.same([ '%t'.format(90061), '%t'.format(59) ], [ '1d 1h 1m 1s', '0h 0m 59s' ]);
	},

	'metric prefixes': function(t) {
		t.same(['%1024mB'.format(1048576), '%1024.1mB'.format(1024 * 1024 * 5), '%1000.2mB'.format(1500) ], [ '1024.00 KiB', '5.0 MiB', '1.50 KB' ]);
	},

	'with too few arguments what was put in last is put in again': function(t) {
		t.same([ '%s %s'.format('a'), '%x %s'.format(255), '%s'.format() ], [ 'a a', 'ff ff', 'undefined' ]);
	},

	'%% is a percent sign, %i is left, %j is no JSON': function(t) {
		t.same([ '5%%'.format(), '%i'.format(5), '%j'.format({}) ], [ '5%', '%i', '[object Object]' ]);
	},

	'a single percent sign before a blank and an o is octal': function(t) {
		t.same('100% of %s'.format(8), '10010f 10');
	}
})
