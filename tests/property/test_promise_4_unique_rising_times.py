"""Promise 4: in a member's view no two entries share a time, and times rise in the order of the commits.

Several processes write, each with a clock of its own that is set wrong, steps, and forgets at a restart. Under real
concurrency the same is checked in test_promise_3_with_many_processes.py, and beside everything else that can happen in
test_promise_3_never_early_never_missed.py.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from exchange.sequencer import LEAD
from tests.property import world as w

LONG = settings.get_current_profile_name() == "long"
A = w.uid(1)
READERS = ("alice", "bob", "carol")
WRONG = st.sampled_from([-3_600 * w.SECOND, -11 * w.SECOND, -50_000, 0, 9 * w.SECOND, 3_600 * w.SECOND])
# What happens before a commit: to which process, and for whom the objects are.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["stay", "stay", "switch", "restart", "step", "grant"]),
        WRONG,
        st.lists(st.sampled_from(["", "group:g1", "member:carol"]), min_size=1, max_size=4),
        st.sampled_from([0, 1, 999, 250_000]),
    ),
    min_size=2,
    max_size=10,
)


def files(inside: bool) -> dict[str, str]:
    members = {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": ["g1"] if inside else []},
               "carol": {"name": "C", "in": ["g1"]}}  # fmt: skip
    rights = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    return w.home({"g1": "One"}, members, {"a": rights})


@pytest.fixture(scope="module")
def engines() -> list[Engine]:
    return []


@settings(max_examples=2_000 if LONG else 30)
@given(steps=STEPS)
def test_times_rise_in_the_order_of_commits_whichever_process_writes(
    template: Path, engines: list[Engine], steps: list[tuple[str, int, list[str], int]]
) -> None:
    url = w.copied(template, template.parent, "times")
    world = w.World(url=url, migrated=True, engines=engines)
    try:
        _play(world, steps)
    finally:
        world.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@settings(max_examples=100 if LONG else 3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_times_rise_on_postgresql_whatever_the_hosts_say(
    database: str, steps: list[tuple[str, int, list[str], int]]
) -> None:
    """The same database again and again, so that each example goes on where the one before ended."""
    world = w.World(url=database)
    try:
        _play(world, [(what, wrong, to, min(passed, 2_000)) for what, wrong, to, passed in steps])
    finally:
        world.close()


def _play(world: w.World, steps: list[tuple[str, int, list[str], int]]) -> None:
    world.apply(files(inside=False))
    world.start_another(steps[0][1])
    inside = False
    objects = itertools.count(len(world.view("carol", A)))
    world.posts = 100 * next(objects)
    for what, wrong, audiences, passed in steps:
        inside ^= what == "grant"
        _before_a_commit(world, what, wrong, inside)
        before = {m: _times(world, m) for m in READERS}
        words = world.words("alice")
        new = [(next(objects), to) for to in audiences]
        now = world.now()
        status = world.post(
            "alice", A, [w.campaign(n, text=str(n), marks=[words[to]] if to else [w.TLP["clear"]]) for n, to in new]
        )
        assert status["success_count"] == len(new)
        for member in READERS:
            _check(before[member], _times(world, member), now)
        world.pass_time(passed)
    assert world.audit() == []


def _before_a_commit(world: w.World, what: str, wrong: int, inside: bool) -> None:
    if what == "switch":
        world.switch()
    elif what == "restart":
        world.restart()
    elif what == "step":
        world.machine.host += wrong
    elif what == "grant":
        world.apply(files(inside))


def _times(world: w.World, member: str) -> dict[str, int]:
    answer = world.poll(member, A, filters=w.ALL)
    assert answer
    return {seen.text: seen.date_added for seen in answer.items}


def _check(before: dict[str, int], after: dict[str, int], now: int) -> None:
    assert len(set(after.values())) == len(after), "two entries share a time"
    assert {text: after[text] for text in before} == before, "a commit moved the times of earlier ones"
    new = [at for text, at in after.items() if text not in before]
    assert all(at >= now + LEAD for at in new), "a time stands less than the lead ahead"
    assert all(at > max(before.values(), default=0) for at in new), "a later commit has an earlier time"
