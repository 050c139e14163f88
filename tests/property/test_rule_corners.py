"""Corners of rules 8 to 10 that need a history: each a handful of posts, and who reads what then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.property import world as w
from tests.property.world import World, campaign, note

A = w.uid(1)
X, Y = w.campaign_id(1), w.campaign_id(2)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[World]:
    members = {name: {"name": name} for name in ("alice", "bob", "carol", "dave")}
    collection = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    made = World(url=f"sqlite:///{tmp_path}/exchange.db")
    made.apply(w.home({}, members, {"a": collection}))
    yield made
    assert made.audit() == []
    made.close()


def for_bob(exchange: World) -> list[str]:
    return [w.TLP["red"], exchange.words("alice")["member:bob"]]


def test_what_was_published_before_closes_what_refers_to_it(exchange: World) -> None:
    exchange.post("alice", A, [campaign(1, text="x", marks=for_bob(exchange))])
    exchange.post("alice", A, [note(1, [X], text="on x")])
    assert exchange.view("carol", A) == []
    assert exchange.view("bob", A) == ["x", "on x"]


def test_a_deleted_object_closes_with_all_that_closed_it(exchange: World) -> None:
    """Y is RED, X refers to Y, the note to X: once X is deleted it still closes the note as it was closed itself."""
    exchange.post("alice", A, [campaign(2, text="y", marks=for_bob(exchange))])
    exchange.post("alice", A, [note(2, [Y], text="x")])
    exchange.post("alice", A, [note(1, [w.note_id(2)], text="on x")])
    exchange.delete("alice", A, w.note_id(2))
    assert exchange.view("carol", A) == []
    assert exchange.view("alice", A) == ["y", "on x"]


def test_a_new_version_with_other_references_takes_what_refers_to_it_along(exchange: World) -> None:
    exchange.post("alice", A, [campaign(2, text="y", marks=for_bob(exchange))])
    exchange.post("alice", A, [note(2, [w.campaign_id(9)], text="x"), note(1, [w.note_id(2)], text="on x")])
    assert exchange.view("carol", A) == ["x", "on x"]
    exchange.post("alice", A, [note(2, [Y], 2, text="x 2")])
    assert exchange.view("carol", A) == []


def test_versions_of_two_publishers_are_not_compared(exchange: World) -> None:
    exchange.post("alice", A, [campaign(1, 1, text="alice's")])
    exchange.post("bob", A, [campaign(1, 2, text="bob's")])
    assert exchange.view("carol", A, w.LAST) == ["alice's"]
    assert exchange.view("bob", A, w.LAST) == ["bob's"]


def test_a_version_that_its_references_leave_to_its_publisher_uncovers_the_older_one(exchange: World) -> None:
    """It was the last one for all; now it closes nothing any more, and its mark on the older one is gone."""
    words = exchange.words("alice")
    exchange.post("alice", A, [campaign(1, text="x"), campaign(2, text="y")])
    exchange.post("alice", A, [note(1, [w.campaign_id(9)], 1, text="v1"), note(1, [X, Y], 2, text="v2")])
    had = exchange.poll("bob", A)
    assert had is not None
    assert [seen.text for seen in had.items] == ["x", "y", "v2"]
    for number, name in ((1, "carol"), (2, "dave")):
        exchange.post("alice", A, [campaign(number, 2, text=name, marks=[w.TLP["red"], words[f"member:{name}"]])])
    assert exchange.view("bob", A, w.LAST) == ["v1"]
    assert exchange.view("bob", A, w.LAST, after=had.items[-1].date_added) == ["v1"], "behind the cursor"


def test_what_is_narrowed_after_a_gain_stands_where_the_gain_put_it(exchange: World) -> None:
    """Its rows get labels of their own, which let in as their parents did, in the same block."""
    groups = {"g1": "One"}
    collection = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    members: dict[str, Any] = {name: {"name": name, "in": []} for name in ("alice", "bob", "carol", "dave")}
    exchange.apply(w.home(groups, members, {"a": collection}))
    exchange.post("alice", A, [campaign(1, text="v1", marks=[exchange.words("alice")["group:g1"]])])
    exchange.apply(w.home(groups, members | {"bob": {"name": "bob", "in": ["g1"]}}, {"a": collection}))
    before = exchange.poll("bob", A)
    exchange.post("alice", A, [campaign(1, 2, text="v2", marks=for_bob(exchange))])
    after = exchange.poll("bob", A, filters=w.ALL)
    assert before is not None
    assert after is not None
    assert [seen.text for seen in after.items] == ["v1", "v2"]
    assert after.items[0] == before.items[0]


def test_whoever_names_an_identity_that_nobody_registered_is_not_its_creator(exchange: World) -> None:
    stranger = "identity--00000000-0000-4000-8000-00000000000f"
    exchange.post("alice", A, [campaign(1, text="alice's")])
    exchange.post("bob", A, [campaign(1, text="bob's", created_by_ref=stranger)])
    assert exchange.view("carol", A) == ["alice's"]


def test_an_older_version_that_its_references_narrow_goes_on_under_a_label_of_its_own(exchange: World) -> None:
    """The newer one hides it no more from those who read both by one label: there is no such label now."""
    exchange.post(
        "alice", A, [campaign(1, text="x"), note(1, [X], 1, text="v1"), note(1, [w.campaign_id(9)], 2, text="v2")]
    )
    exchange.post("alice", A, [campaign(1, 2, text="x 2", marks=for_bob(exchange))])
    assert exchange.view("carol", A) == ["v2"]
    assert exchange.view("bob", A, w.LAST) == ["v2", "x 2"]
    assert exchange.audit() == []
