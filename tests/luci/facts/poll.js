/* SPDX-License-Identifier: GPL-2.0-or-later
 * Polling. All at once, because each of them takes seconds. */
({
	'polling': async function(t) {
		const poll = await L.require('poll'), count = { rejects: 0, throws: 0, after: 0, pending: 0, gone: 0 };
		const until = async function(isReached) {
			for (let i = 0; i < 200 && !isReached(); i++)
				await new Promise(function(resolve) { setTimeout(resolve, 50) });
		};
		const calls = {
			rejects: function() { count.rejects++; return Promise.reject(new Error('fact')) },
			after: function() { count.after++ },
			pending: function() { count.pending++; return new Promise(function() {}) },
			gone: function() { count.gone++ }
		};

		for (const name in calls)
			t.same(poll.add(calls[name], 1), true);

		t.same(poll.add(calls.after, 1), false);
		t.same(poll.remove(calls.gone), true);
		t.same(poll.remove(calls.gone), false);
		poll.start();
		await until(function() { return count.rejects >= 3 });
		t.same([ 'rejected ones go on', count.rejects ], [ 'rejected ones go on', 3 ]);
		t.same([ 'a pending one is left out', count.pending ], [ 'a pending one is left out', 1 ]);
		t.same([ 'a removed one is not called', count.gone ], [ 'a removed one is not called', 0 ]);

		poll.remove(calls.after);
		poll.add(function() { count.throws++; throw new Error('fact') }, 1);
		poll.add(calls.after, 1);
		count.after = 0;
		await until(function() { return count.throws && count.after >= 2 });
		t.same([ 'what throws is never called again', count.throws ], [ 'what throws is never called again', 1 ]);
		t.same([ 'those after it miss that round only', count.after >= 2 ], [ 'those after it miss that round only', true ]);

		t.same([ poll.active(), poll.stop(), poll.stop(), poll.active(), poll.start(), poll.active() ], [ true, true, false, false, true, true ]);

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
