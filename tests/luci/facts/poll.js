/* SPDX-License-Identifier: GPL-2.0-or-later
 * Polling. The seconds are counted by hand: the poll's own timer is asked for and never runs. */
({
	'polling': async function(t) {
		const poll = await L.require('poll'), count = { rejects: 0, throws: 0, after: 0, pending: 0, slow: 0, gone: 0 };
		const calls = {
			rejects: function() { count.rejects++; return Promise.reject(new Error('fact')) },
			after: function() { count.after++ },
			pending: function() { count.pending++; return new Promise(function() {}) },
			slow: function() { count.slow++ },
			gone: function() { count.gone++ }
		};
		const asked = [], setInterval = window.setInterval;
		const settled = function() { return new Promise(function(resolve) { setTimeout(resolve) }) };

		/* What became of the promises is known to the poll in a later task. */
		const second = async function() {
			try { asked[asked.length - 1][0]() }
			finally { await settled() }
		};

		window.setInterval = function(step, every_ms) { return asked.push([ step, every_ms ]) };

		try {
			for (const name in calls)
				t.same(poll.add(calls[name], name == 'slow' ? 3 : 1), true);

			t.same([ 'the first one starts it and is called', asked.length, count.rejects ], [ 'the first one starts it and is called', 1, 1 ]);

			t.same(poll.add(calls.after, 1), false);
			t.same(poll.remove(calls.gone), true);
			t.same(poll.remove(calls.gone), false);
			await settled();
			poll.stop();
			poll.start();
			t.same(asked.map(function(row) { return row[1] }), [ 1000, 1000 ]);
			t.same([ 'all are called at once', count ], [ 'all are called at once', { rejects: 2, throws: 0, after: 1, pending: 1, slow: 1, gone: 0 } ]);
			await settled();

			for (let i = 0; i < 3; i++)
				await second();

			t.same([ 'rejected ones go on', count.rejects ], [ 'rejected ones go on', 5 ]);
			t.same([ 'a pending one is left out', count.pending ], [ 'a pending one is left out', 1 ]);
			t.same([ 'each at its own interval', count.slow ], [ 'each at its own interval', 2 ]);
			t.same([ 'a removed one is not called', count.gone ], [ 'a removed one is not called', 0 ]);

			poll.remove(calls.after);
			poll.add(function() { count.throws++; throw new Error('fact') }, 1);
			poll.add(calls.after, 1);
			count.after = 0;

			for (let i = 0; i < 3; i++)
				await second().catch(function() {});

			t.same([ 'what throws is never called again', count.throws ], [ 'what throws is never called again', 1 ]);
			t.same([ 'those after it miss that round only', count.after ], [ 'those after it miss that round only', 2 ]);

			t.same([ poll.active(), poll.stop(), poll.stop(), poll.active(), poll.start(), poll.active() ], [ true, true, false, false, true, true ]);
			poll.stop();
		}
		finally {
			window.setInterval = setInterval;
		}

		let error = null;

		try {
			poll.add('x', 1);
		}
		catch (e) {
			error = e;
		}

		t.same(error instanceof TypeError, true);
	}
})
