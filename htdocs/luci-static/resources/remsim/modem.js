// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.live as live';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * Everything known about one modem, as a table: each value with its age, and where it could not be
 * read, why not and when it is tried again. */

const FIELDS = [
	[ 'manufacturer', _('Manufacturer') ],
	[ 'model', _('Model') ],
	[ 'firmware', _('Firmware') ],
	[ 'imei', _('IMEI') ],
	[ 'sim', _('SIM') ],
	[ 'iccid', _('ICCID') ],
	[ 'imsi', _('IMSI') ],
	[ 'registration', _('Registration') ],
	[ 'operator', _('Operator') ],
	[ 'technology', _('Technology') ],
	[ 'signal', _('Signal') ],
	[ 'temperature_c', _('Temperature') ]
];

const SIGNALS = [ [ 'rsrp_dbm', 'RSRP', 'dBm' ], [ 'rssi_dbm', 'RSSI', 'dBm' ], [ 'rsrq_db', 'RSRQ', 'dB' ], [ 'sinr_db', 'SINR', 'dB' ] ];

/* An empty list is known to be empty; none at all is unknown. */
function list(values) {
	return values && (values.length ? values.join(', ') : _('none'));
}

function known(values) {
	const told = values.filter(words.known).filter(function(value, i, all) { return all.indexOf(value) == i });

	return list(told.length ? told : null);
}

function beside(badge, text) {
	return E('span', {}, [ badge, words.known(text) ? ' · ' + text : '' ]);
}

return baseclass.extend({
	/* A field's value as a list of texts. */
	texts: function(name, value) {
		if (value == null)
			return [];

		switch (name) {
		case 'registration':
			return [
				words.registration(value.stat)[1],
				words.known(value.tac) ? 'TAC ' + value.tac : null,
				words.known(value.cell_id) ? _('cell %s').format(value.cell_id) : null
			].filter(words.known);
		case 'signal':
			return SIGNALS.filter(function(row) { return value[row[0]] != null }).map(function(row) {
				return '%s %s %s'.format(row[1], value[row[0]], row[2]);
			}).concat(words.known(value.band) ? [ _('band %s').format(value.band) ] : []);
		case 'temperature_c':
			return [ '%.1f °C'.format(value) ];
		}

		return [ String(value) ];
	},

	row: function(label, value, age, failure) {
		return E('tr', { 'class': 'tr' }, [
			E('th', { 'class': 'td left', 'scope': 'row', 'width': '33%' }, [ label ]),
			E('td', { 'class': 'td left' }, [ value, failure ? live.failure(failure) : '' ]),
			E('td', { 'class': 'td left remsim-when' }, [ age == null ? '' : live.age(age) ])
		]);
	},

	table: function(modem) {
		const link = modem.link, path = modem.path, sim = modem.sim, recovery = modem.recovery;
		const rows = [
			this.row(_('State'), live.badge(words.modem(modem.state)), modem.age_s, modem.failure),
			this.row(_('Port'), live.value(known([ modem.device, modem.bus_path, modem.usb_id ])))
		];

		for (const field of FIELDS) {
			const reading = modem.fields[field[0]] || {}, texts = this.texts(field[0], reading.value);

			rows.push(this.row(field[1], live.value(known(texts)), reading.age_s, reading.error));
		}

		rows.push(
			this.row(_('SIM switch'), beside(live.badge(words.source(sim.source)), sim.line), null, sim.failure),
			this.row(_('Interface'), live.value(known([ link.interface, link.device ])), link.age_s, link.failure),
			this.row(_('Addresses'), live.value(list(link.addresses)), link.age_s),
			this.row(_('DNS servers'), live.value(list(link.dns_servers)), link.age_s),
			this.row(_('Received, sent'), link.rx_bytes == null ? live.value(null)
				: '%s, %s'.format(words.bytes(link.rx_bytes), words.bytes(link.tx_bytes)), link.age_s),
			this.row(_('Path'), beside(live.badge(words.path(path.state)), words.reason(path.reason)), path.since_s),
			this.row(_('Recovery'), this.recovery(recovery), null, recovery.failure),
			this.row(_('Profile, boot time'), list([ words.words(modem.profile), words.span(modem.boot_time_s) ]))
		);

		return E('table', { 'class': 'table' }, rows);
	},

	recovery: function(recovery) {
		const said = [];

		if (recovery.step)
			said.push(_('now: %s').format(words.step(recovery.step)));

		if ((recovery.tried || []).length)
			said.push(_('tried: %s').format(recovery.tried.map(words.step).join(', ')));

		if (recovery.helped)
			said.push(_('last helped: %s').format(words.step(recovery.helped)));

		if (recovery.next_step && recovery.next_in_s != null)
			said.push(_('next: %s in %s').format(words.step(recovery.next_step), words.span(recovery.next_in_s)));

		return said.length ? said.join(' · ') : _('not needed');
	}
});
