"""Turns to send a body: so many for each, so many for all."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

from exchange.app import THREADS
from exchange.taxiibodies import ALL, EACH, STRANGERS, Bodies


def _taken(bodies: Bodies, stack: ExitStack, member: int | None) -> bool:
    return stack.enter_context(bodies.turn(member, wait=0))


def test_together_they_leave_threads_for_everybody_else() -> None:
    assert ALL + STRANGERS < THREADS


def test_a_member_has_so_many_turns_and_others_have_theirs() -> None:
    bodies = Bodies()
    with ExitStack() as stack:
        assert [_taken(bodies, stack, 1) for _ in range(EACH + 1)] == [True] * EACH + [False]
        assert _taken(bodies, stack, 2)
        assert _taken(bodies, stack, None)


def test_all_members_have_so_many_together_and_strangers_their_own() -> None:
    bodies = Bodies()
    with ExitStack() as stack:
        assert sum(_taken(bodies, stack, member) for member in range(10) for _ in range(EACH)) == ALL
        assert sum(_taken(bodies, stack, None) for _ in range(10)) == STRANGERS


def test_a_turn_that_ends_is_free_again() -> None:
    bodies = Bodies()
    for _ in range(3):
        with ExitStack() as stack:
            assert all(_taken(bodies, stack, 1) for _ in range(EACH))


def test_a_turn_that_was_refused_takes_nothing() -> None:
    bodies = Bodies()
    with ExitStack() as held:
        assert all(_taken(bodies, held, 1) for _ in range(EACH))
        with ExitStack() as refused:
            assert not any(_taken(bodies, refused, 1) for _ in range(5))
    with ExitStack() as stack:
        assert all(_taken(bodies, stack, 1) for _ in range(EACH))


def test_who_waits_gets_the_turn_that_is_left() -> None:
    bodies = Bodies()
    held = ExitStack()
    assert all(_taken(bodies, held, 1) for _ in range(EACH))
    timer = threading.Timer(0.05, held.close)
    timer.start()
    began = time.monotonic()
    with bodies.turn(1, wait=30) as mine:
        assert mine
    timer.join()
    assert time.monotonic() - began < 10
