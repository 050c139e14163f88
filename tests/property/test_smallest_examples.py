"""The smallest example of each thing that went wrong in a first trial of the store, kept so that none comes back.

Every example is a handful of posts, polls and changes that a plausible simpler design gets wrong: it leaks, or a
client misses something, or gets it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import event, text

from exchange import store
from exchange.sequencer import LEAD
from tests.property import world as w
from tests.property.world import World, campaign, note

A = w.uid(1)
MEMBERS: dict[str, dict[str, Any]] = {
    "alice": {"name": "Alice", "in": []},
    "bob": {"name": "Bob", "in": ["g1"]},
    "carol": {"name": "Carol", "in": []},
    "dave": {"name": "Dave", "in": ["g2"]},
}


def files(*, read: object = "everyone", **changed: Mapping[str, Any]) -> dict[str, str]:
    """Everybody writes to one collection that takes every level; members as above but for what is given."""
    members = {name: {**MEMBERS.get(name, {"name": name}), **changed.get(name, {})} for name in MEMBERS | changed}
    collection = {"id": A, "read": read, "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    return w.home({"g1": "One", "g2": "Two"}, members, {"a": collection})


@pytest.fixture
def exchange(database: str) -> Iterator[World]:
    world = World(url=database)
    world.apply(files())
    yield world
    try:
        assert world.audit() == []
    finally:
        world.close()


def post(exchange: World, *objects: dict[str, Any], by: str = "alice") -> None:
    status = exchange.post(by, A, objects)
    assert status["failure_count"] == 0, status


def marks(exchange: World, *words: str, by: str = "alice") -> list[str]:
    """Marking ids of TLP levels and of words like `group:g1`."""
    own = exchange.words(by)
    return [w.TLP.get(word) or own[word] for word in words]


def times(exchange: World, member: str, *, after: int = 0) -> dict[str, int]:
    answer = exchange.poll(member, A, filters=w.ALL, after=after)
    assert answer is not None
    return {seen.text: seen.date_added for seen in answer.items}


# Names explode labels -----------------------------------------------------------------------------------------


def test_naming_ever_other_sets_of_members_makes_no_more_labels(exchange: World) -> None:
    names = ["alice", "bob", "carol", "dave"]

    def name_each_pair(start: int, level: str) -> int:
        for i in range(len(names)):
            pair = [f"member:{names[i]}", f"member:{names[(i + start) % len(names)]}"]
            post(exchange, campaign(10 * start + i, text=f"{start} {i}", marks=marks(exchange, level, *pair)))
        with store.reading(exchange.engine) as conn:
            return int(conn.scalar(text("SELECT count(*) FROM label")) or 0)

    once = name_each_pair(1, "red")
    assert name_each_pair(2, "red") == once
    assert name_each_pair(3, "red") == once


# One run of microseconds per commit leaks ---------------------------------------------------------------------


def test_each_audience_of_an_envelope_has_a_run_that_ends_on_its_own_millisecond(exchange: World) -> None:
    post(
        exchange,
        campaign(1, text="x"),
        campaign(2, text="h", marks=marks(exchange, "red", "member:carol")),
        campaign(3, text="y", marks=marks(exchange, "group:g1")),
    )
    seen = times(exchange, "bob")
    assert list(seen) == ["x", "y"]
    assert {at % w.MILLISECOND for at in seen.values()} == {0}


def test_a_reader_sees_its_run_without_a_gap_where_hidden_objects_stood_between(exchange: World) -> None:
    hidden = marks(exchange, "red", "member:carol")
    post(
        exchange,
        campaign(1, text="x"),
        campaign(2, text="h", marks=hidden),
        campaign(3, text="y"),
        campaign(4, text="k", marks=hidden),
    )
    x, y = times(exchange, "bob").values()
    assert (y - x, y % w.MILLISECOND) == (1, 0)


# Grant times ----------------------------------------------------------------------------------------------------


def test_what_a_gain_brings_is_numbered_without_what_stays_hidden_between(exchange: World) -> None:
    g1, g2 = marks(exchange, "group:g1"), marks(exchange, "group:g2")
    for n, marked in enumerate([g1, g2, g2, g1]):
        post(exchange, campaign(n, text=f"c{n}", marks=marked))
    exchange.apply(files(carol={"in": ["g1"]}))
    first, second = times(exchange, "carol").values()
    assert second - first == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_gain_moves_nobody_else_s_times(exchange: World) -> None:
    for n in range(3):
        post(exchange, campaign(n, text=f"c{n}", marks=marks(exchange, "group:g1")))
    last = max(times(exchange, "bob").values())
    exchange.apply(files(carol={"in": ["g1"]}))
    post(exchange, campaign(9, text="after"))
    assert times(exchange, "bob")["after"] == times(exchange, "dave")["after"] == last + w.MILLISECOND
    *gained, after = times(exchange, "carol").values()
    assert len(gained) == 3
    assert last < gained[0] < gained[-1] < after


def test_after_a_gain_a_member_s_later_runs_still_end_on_whole_milliseconds(exchange: World) -> None:
    post(exchange, campaign(1, text="x", marks=marks(exchange, "group:g1")))
    exchange.pass_time(1_234)
    exchange.apply(files(carol={"in": ["g1"]}))
    exchange.pass_time(4_321)
    post(exchange, campaign(2, text="y"), campaign(3, text="z"))
    assert times(exchange, "carol")["z"] % w.MILLISECOND == 0


def test_gains_at_one_instant_come_one_after_the_other(exchange: World) -> None:
    for n, group in enumerate(["g1", "g2", "g1", "g2"]):
        post(exchange, campaign(n, text=f"{group} {n}", marks=marks(exchange, f"group:{group}")))
    exchange.apply(files(carol={"in": ["g1"]}))
    first = times(exchange, "carol")
    exchange.apply(files(carol={"in": ["g1", "g2"]}))
    post(exchange, campaign(9, text="after"))
    assert exchange.view("carol", A, after=max(first.values())) == ["g2 1", "g2 3", "after"]
    assert exchange.view("carol", A) == ["g1 0", "g1 2", "g2 1", "g2 3", "after"]


def test_a_second_gain_stands_behind_what_a_first_one_moved(exchange: World) -> None:
    g1, g2 = marks(exchange, "group:g1"), marks(exchange, "group:g2")
    post(exchange, *(campaign(n, text=f"g1 {n}", marks=g1) for n in range(3)))
    post(exchange, campaign(5, text="g2", marks=g2))
    exchange.apply(files(carol={"in": ["g1"]}))
    post(exchange, campaign(6, text="between"))
    cursor = times(exchange, "carol")["between"]
    exchange.apply(files(carol={"in": ["g1", "g2"]}))
    assert exchange.view("carol", A, after=cursor) == ["g2"]


# Time given before the commit, seen after it ------------------------------------------------------------------


def test_an_entry_stands_ahead_of_every_poll_that_could_not_yet_see_it(exchange: World) -> None:
    asked = exchange.now()
    post(exchange, campaign(1, text="x"))
    assert times(exchange, "bob", after=asked).keys() == {"x"}
    assert times(exchange, "bob")["x"] >= asked + LEAD


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_commit_that_outlasts_the_lead_is_redone_with_a_later_time(exchange: World) -> None:
    stalls = [2 * LEAD]

    def stall(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("INSERT INTO log") and stalls:
            exchange.pass_time(stalls.pop())

    event.listen(exchange.engine, "before_cursor_execute", stall)
    start = exchange.now()
    post(exchange, campaign(1, text="x"))
    assert not stalls, "nothing was delayed"
    assert times(exchange, "bob")["x"] >= start + 3 * LEAD
    assert exchange.view("bob", A) == ["x"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_times_never_run_further_ahead_than_the_lead_however_much_is_published(exchange: World) -> None:
    for n in range(130):
        post(exchange, campaign(n, text=f"c{n}"))
        assert max(times(exchange, "bob").values()) <= exchange.now() + LEAD + w.MILLISECOND


# Narrowing in place -------------------------------------------------------------------------------------------


def test_a_narrower_version_takes_the_older_one_back_without_a_new_entry(exchange: World) -> None:
    post(exchange, campaign(1, 1, text="v1"))
    before = times(exchange, "bob")["v1"]
    post(exchange, campaign(1, 2, text="v2", marks=marks(exchange, "red", "member:bob")))
    assert exchange.view("carol", A) == []
    assert times(exchange, "bob")["v1"] == before
    assert exchange.view("bob", A) == ["v1", "v2"]


def test_a_fresh_client_misses_nothing_after_the_read_set_was_narrowed_and_widened_again(exchange: World) -> None:
    g1 = marks(exchange, "group:g1")
    post(exchange, campaign(1, 1, text="v1"))
    post(exchange, campaign(2, 1, text="other", marks=g1))
    post(exchange, campaign(1, 2, text="v2", marks=g1))
    exchange.apply(files(read=["g1"]))
    post(exchange, campaign(1, 3, text="v3"))
    exchange.apply(files())
    assert set(exchange.view("bob", A)) == {"v1", "v2", "v3", "other"}
    assert exchange.view("carol", A) == ["v3"]


# Behind the cursor --------------------------------------------------------------------------------------------


def test_deleting_the_newest_version_brings_the_older_one_to_those_who_read_both(exchange: World) -> None:
    post(exchange, campaign(1, 1, text="v1"))
    post(exchange, campaign(1, 2, text="v2"))
    cursor = max(times(exchange, "bob").values())
    exchange.delete("alice", A, w.campaign_id(1), w.LAST)
    assert exchange.view("bob", A, w.LAST, after=cursor) == ["v1"]
    assert exchange.view("bob", A) == ["v1"]


def test_deleting_a_narrower_version_brings_the_older_one_back_to_those_it_was_closed_to(exchange: World) -> None:
    post(exchange, campaign(1, 1, text="v1"))
    post(exchange, campaign(1, 2, text="v2", marks=marks(exchange, "group:g1")))
    post(exchange, campaign(2, text="later"))
    cursor = max(times(exchange, "carol").values())
    exchange.delete("alice", A, w.campaign_id(1), w.LAST)
    assert exchange.view("carol", A, after=cursor) == ["v1"]


def test_both_versions_go_with_the_right_to_the_newer_one_and_come_again_with_it(exchange: World) -> None:
    post(exchange, campaign(1, 1, text="v1"))
    post(exchange, campaign(1, 2, text="v2", marks=marks(exchange, "group:g1")))
    cursor = max(times(exchange, "bob").values())
    exchange.apply(files(bob={"in": []}))
    assert exchange.view("bob", A) == []
    exchange.apply(files())
    assert sorted(exchange.view("bob", A, after=cursor)) == ["v1", "v2"]
    assert exchange.view("bob", A, w.LAST) == ["v2"]


# Time only narrows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("away", [{"suspended": True}, {"until": "2001-01-01"}], ids=["suspended", "ended"])
def test_a_member_that_was_away_goes_on_where_it_stood(exchange: World, away: dict[str, Any]) -> None:
    post(exchange, campaign(1, text="before"))
    cursor = times(exchange, "bob")["before"]
    exchange.apply(files(bob=away))
    assert exchange.poll("bob", A) is None
    post(exchange, campaign(2, text="meanwhile"))
    exchange.apply(files())
    assert exchange.view("bob", A, after=cursor) == ["meanwhile"]
    assert times(exchange, "bob")["before"] == cursor


# Polled or not ------------------------------------------------------------------------------------------------


def test_a_new_member_reads_the_past_at_its_original_times(exchange: World) -> None:
    post(exchange, campaign(1, text="x"))
    exchange.apply(files(erin={}))
    assert times(exchange, "erin") == times(exchange, "bob")


def test_a_later_gain_is_the_same_for_who_polled_and_for_who_never_did(exchange: World) -> None:
    post(exchange, campaign(1, text="x", marks=marks(exchange, "group:g1")))
    exchange.apply(files(erin={}))
    changed = exchange.now()
    exchange.apply(files(erin={"in": ["g1"]}, carol={"in": ["g1"]}))
    assert times(exchange, "erin") == times(exchange, "carol")
    assert times(exchange, "erin", after=changed).keys() == {"x"}


# Entries of one version share out its audience ----------------------------------------------------------------


def test_an_object_widened_by_a_second_entry_is_never_in_a_view_twice(exchange: World) -> None:
    g1 = marks(exchange, "group:g1")
    post(exchange, campaign(1, 1, text="target", marks=g1))
    post(exchange, note(1, [w.campaign_id(1)], text="note"))
    assert exchange.view("carol", A) == []
    had = times(exchange, "bob")
    cursor = max(had.values())
    post(exchange, campaign(1, 2, text="target 2"))
    assert exchange.view("carol", A) == ["target 2", "note"]
    assert exchange.view("bob", A, after=cursor) == ["target 2"]
    exchange.apply(files(carol={"in": ["g1"]}))
    assert sorted(exchange.view("carol", A)) == ["note", "target", "target 2"]
    exchange.apply(files(bob={"in": []}))
    assert sorted(exchange.view("bob", A)) == ["note", "target 2"]


# What was unknown stays outside -------------------------------------------------------------------------------


def test_a_hidden_object_does_not_take_back_what_referred_to_its_id_before_it_came(exchange: World) -> None:
    post(exchange, note(1, [w.campaign_id(1)], text="note"))
    before = times(exchange, "carol")
    post(exchange, campaign(1, text="hidden", marks=marks(exchange, "red", "member:bob")))
    assert times(exchange, "carol") == before
