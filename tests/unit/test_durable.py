"""What a publish costs the disk and the clock: synced when it is answered, and not while its instants run out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from exchange import store
from tests.property.world import World, campaign, campaign_id, home, note, uid

GROUPS = {f"g{n:02}": f"group {n}" for n in range(12)}
COLLECTION = uid(1)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    made = World(url=database)
    rights = {"id": COLLECTION, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    made.apply(home(GROUPS, {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": ["g00"]}}, {"a": rights}))
    yield made
    assert made.audit() == []
    made.close()


def _waits(world: World) -> list[str]:
    """How each write transaction from now on is committed: waiting for the disk, or not."""
    found: list[str] = []

    def see(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        for sign, meaning in (
            ("synchronous = NORMAL", "at once"), ("synchronous_commit = off", "at once"),
            ("synchronous = FULL", "synced"), ("INSERT INTO status", "synced"), ("emit_message", "synced"),
        ):  # fmt: skip
            if sign in statement:
                found.append(meaning)

    event.listen(world.engine, "before_cursor_execute", see)
    return found


def test_entries_become_visible_at_once_and_the_answer_waits_for_the_disk(world: World) -> None:
    waits = _waits(world)
    world.post("alice", COLLECTION, [campaign(0, text="x")])
    assert [kind for kind, _ in itertools.groupby(waits)] == ["at once", "synced"]


def test_a_deletion_is_on_disk_when_it_is_answered(world: World) -> None:
    world.post("alice", COLLECTION, [campaign(0, text="x")])
    waits = _waits(world)
    world.delete("alice", COLLECTION, campaign_id(0))
    assert [kind for kind, _ in itertools.groupby(waits)] == ["at once", "synced"]


def test_a_sync_is_a_write_of_its_own_on_either_database(world: World) -> None:
    store.sync(world.engine)


def test_references_too_deep_to_close_over_are_refused_and_the_rest_is_kept(world: World) -> None:
    words = world.words("alice")
    names = sorted(GROUPS)
    pairs = list(zip(names[:6], names[6:], strict=True))  # whoever reads all is in one of each pair: 2 to the 6th ways
    marked = [
        campaign(n, text=str(n), marks=[words[f"group:{a}"], words[f"group:{b}"]]) for n, (a, b) in enumerate(pairs)
    ]
    world.post("alice", COLLECTION, marked)
    deep = note(0, [campaign_id(n) for n in range(len(pairs))], text="deep")
    status = world.post("alice", COLLECTION, [deep, campaign(99, text="plain")])
    assert (status["success_count"], status["failure_count"]) == (1, 1)
    assert "too many different audiences" in status["failures"][0]["message"]
