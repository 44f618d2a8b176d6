# SPDX-License-Identifier: GPL-2.0-or-later
"""The order thread: one after the other, bounded, never blocking the caller."""

from __future__ import annotations

import threading

import pytest

from remsim.errors import BusyError
from remsim.net.orders import QUEUE_MAX, OrderThread


def test_orders_are_carried_out_in_turn() -> None:
    done: list[int] = []
    ended = threading.Event()

    def work(order: int) -> None:
        done.append(order)
        if order == 3:
            ended.set()

    thread = OrderThread[int]("t", work)
    thread.start()
    for order in (1, 2, 3):
        thread.submit(order)
    assert ended.wait(5)
    thread.stop(5)
    assert done == [1, 2, 3]


def test_full_queue_says_busy_instead_of_waiting() -> None:
    release = threading.Event()
    begun = threading.Event()

    def wait(order: int) -> None:
        begun.set()
        release.wait(5)

    thread = OrderThread[int]("t", wait)
    thread.start()
    thread.submit(0)
    assert begun.wait(5)
    for order in range(QUEUE_MAX):
        thread.submit(order)
    with pytest.raises(BusyError):
        thread.submit(99)
    release.set()
    thread.stop(5)


def test_stop_leaves_waiting_orders_and_calls_the_end() -> None:
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()
    done: list[int] = []

    def work(order: int) -> None:
        begun.set()
        release.wait(5)
        done.append(order)

    thread = OrderThread[int]("t", work, ended.set)
    thread.start()
    thread.submit(1)
    thread.submit(2)
    assert begun.wait(5)
    thread.begin_stop()
    release.set()
    thread.stop(5)
    assert ended.is_set()
    assert done == [1]


def test_stop_before_start_is_nothing() -> None:
    OrderThread[int]("t", lambda order: None).stop(1)


def test_stopped_thread_can_be_started_again() -> None:
    done = threading.Event()
    thread = OrderThread[int]("t", lambda order: done.set())
    for _ in range(2):
        done.clear()
        thread.start()
        thread.submit(1)
        assert done.wait(5)
        thread.stop(5)
