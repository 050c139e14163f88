"""What a reader falls back to when it loses the newest version of an object comes to it again (policy.md 3.6.7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exchange import pages, stix
from tests.property import world as w

A = w.uid(1)
UNKNOWN = w.campaign_id(9)


@pytest.fixture
def world(database: str) -> Iterator[w.World]:
    found = w.World(url=database)
    members = {name: {"name": name.title()} for name in ("alice", "bob", "carol", "dave")}
    place = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "clear"}
    found.apply(w.home({}, members, {"a": place}))
    yield found
    assert found.audit() == []
    found.close()


def received(world: w.World, member: str, after: int = 0) -> tuple[list[str], int]:
    """What a client gets that polls `last` by time, and the time that it has reached."""
    answer = world.poll(member, A, after=after)
    assert answer is not None
    return [seen.text for seen in answer.items], max((seen.date_added for seen in answer.items), default=after)


def test_an_older_version_comes_again_where_references_take_the_newer_one_from_everybody(world: w.World) -> None:
    """Two RED references with no reader in common leave the newer note to its publisher, and the older one open."""
    words = world.words("alice")
    first = [
        w.campaign(1, text="x"),
        w.campaign(2, text="z"),
        w.note(1, [UNKNOWN], 1, text="older"),
        w.note(1, [w.campaign_id(1), w.campaign_id(2)], 2, text="newer"),
    ]
    world.post("alice", A, first)
    got, reached = received(world, "bob")
    assert sorted(got) == ["newer", "x", "z"]

    for n, name in ((1, "carol"), (2, "dave")):
        world.post("alice", A, [w.campaign(n, 2, text=f"for {name}", marks=[w.TLP["red"], words[f"member:{name}"]])])

    assert world.view("bob", A, w.LAST) == ["older"]
    assert received(world, "bob", reached)[0] == ["older"]


def test_only_the_version_that_is_fallen_back_to_comes_again(world: w.World) -> None:
    world.post("alice", A, [w.campaign(1, v, text=f"version {v}") for v in (1, 2, 3)])
    _, reached = received(world, "bob")

    world.delete("alice", A, w.campaign_id(1), w.LAST)

    assert world.view("bob", A, w.ALL, after=reached) == ["version 2"]
    assert received(world, "bob", reached)[0] == ["version 2"]


def test_nothing_comes_again_where_a_still_newer_version_stays(world: w.World) -> None:
    world.post("alice", A, [w.campaign(1, v, text=f"version {v}") for v in (1, 2, 3)])
    _, reached = received(world, "bob")

    world.delete(
        "alice", A, w.campaign_id(1), pages.Filters(last=False, exact=(stix.parse_timestamp(w.version_text(2)),))
    )

    assert world.view("bob", A, w.ALL, after=reached) == []


def test_nothing_comes_again_where_the_newer_version_closes_the_older_one(world: w.World) -> None:
    words = world.words("alice")
    world.post("alice", A, [w.campaign(1, 1, text="older")])
    _, reached = received(world, "bob")

    world.post("alice", A, [w.campaign(1, 2, text="newer", marks=[w.TLP["red"], words["member:carol"]])])

    assert world.view("bob", A, w.ALL) == []
    assert received(world, "bob", reached)[0] == []
