// SPDX-License-Identifier: GPL-2.0-or-later
'use strict';
'require baseclass';
'require remsim.status as words';

/* SPDX-License-Identifier: GPL-2.0-or-later
 * The sentences of the daemon's log in the reader's language. The log itself is kept in one language,
 * so that files of it can be searched and compared; what is not known here stays as it is.
 * Sources: note() in python/remsim/failover, core.py, job_starter.py, sim_follower.py; alerts.py. */

function modem(name) { return words.modemName(name) }
function carrier(title) { return words.carrier(title) }
function path(state) { return words.path(state)[1] }
function reason(text) { return words.reason(text) }
function same(text) { return text }

function step(text) {
	const name = text.replace(/ /g, '_'), word = words.step(name);

	return word == name ? text : word;
}

function state(text) {
	const mark = words.modem(text.replace(/ /g, '_'));

	return mark[0] == 'unknown' ? text : mark[1];
}

/* [ pattern, sentence, what each group is ]; the first that fits counts. */
const SENTENCES = [
	[ /^registered over (\w+) as (.*)$/, _('registered over %s as %s'), [ carrier, same ] ],
	[ /^(iot|primary) path(?: is)? (\w+): (.*)$/, _('path over %s is %s: %s'), [ carrier, path, reason ] ],
	[ /^control traffic: (\w+)$/, _('control traffic goes over %s'), [ carrier ] ],
	[ /^assignment is active again after (\d+) s$/, _('the assignment is active again after %s s'), [ same ] ],
	[ /^assignment lost: (.*)$/, _('the assignment is lost: %s'), [ reason ] ],
	[ /^no answer: grace period, (\d+) s left$/, _('no answer: grace period, %s s left'), [ same ] ],
	[ /^no heartbeat answered, the bank lets go in (\d+) s(.*)$/, _('no heartbeat is answered, the bank lets go in %s s%s'), [ same, same ] ],
	[ /^grace period over: the assignment counts as lost$/, _('the grace period is over, the assignment counts as lost'), [] ],
	[ /^the assignment counts as lost(.*)$/, _('the assignment counts as lost%s'), [ same ] ],
	[ /^heartbeat failed: (.*)$/, _('heartbeat failed: %s'), [ reason ] ],
	[ /^registration fail(?:ed|s)(.*)$/, _('registration failed%s'), [ same ] ],
	[ /^unregistered$/, _('unregistered'), [] ],
	[ /^unregistered without an answer$/, _('unregistered without an answer'), [] ],
	[ /^bank connected \((.*)\)$/, _('the bank is connected (%s)'), [ same ] ],
	[ /^bank lost \((.*)\)$/, _('the connection to the bank is lost (%s)'), [ same ] ],
	[ /^(modem[12]): round (\d+) of recovery did not help$/, _('%s: round %s of recovery did not help'), [ modem, same ] ],
	[ /^(modem[12]): SIM is (remote|local)$/, _('%s: SIM is %s'), [ modem, function(source) { return words.source(source)[1] } ] ],
	[ /^(modem[12]): SIM switch failed: (.*)$/, _('%s: SIM switch failed: %s'), [ modem, reason ] ],
	[ /^(modem[12]): (\w+) failed: (.*)$/, _('%s: %s failed: %s'), [ modem, step, reason ] ],
	[ /^(modem[12]): no SIM$/, _('%s: no SIM'), [ modem ] ],
	[ /^(modem[12]): the SIM wants a PIN$/, _('%s: the SIM wants a PIN'), [ modem ] ],
	[ /^(modem[12]) is ([\w ]+)$/, '%s: %s', [ modem, state ] ],
	[ /^(modem[12]): ([\w ]+)$/, '%s: %s', [ modem, step ] ],
	[ /^routing could not be applied: (.*)$/, _('routing could not be applied: %s'), [ reason ] ],
	[ /^routes were lost: (.*)$/, _('routes were lost: %s'), [ reason ] ],
	[ /^([\w ]+) asked for by (.*)$/, _('%s, asked for by %s'), [ same, same ] ],
	[ /^(error|warning): (.*)$/, '%s: %s', [ function(level) { return words.levelWord(level == 'error' ? 'bad' : 'warn') }, sentence ] ],
	[ /^over: (.*)$/, _('over: %s'), [ sentence ] ]
];

function sentence(text) {
	for (const row of SENTENCES) {
		const found = row[0].exec(text);

		if (found)
			return row[2].length ? row[1].format(...row[2].map(function(word, i) { return word(found[i + 1]) })) : row[1];
	}

	return text;
}

return baseclass.extend({
	/* One line of the log. */
	of: sentence
});
