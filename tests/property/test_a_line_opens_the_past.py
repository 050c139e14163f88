"""Must show of a config line that opens the past: its member reads on while it is given, taken back and given again,
and the process dies in between; nothing is missed, and nobody else's times move."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from tests.property import world as w

OBJECTS, PAGE = 400, 37
PLACE = w.uid(1)


class Died(Exception):
    """The process ended here."""


@contextmanager
def dying(engine: Engine, statement: int) -> Iterator[None]:
    """The process dies before its n-th statement; later ones are not reached."""
    left = statement

    def count(*_given: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


def files(*, given: bool) -> dict[str, str]:
    """`late` reads half of everything anyway; the line gives it the rest. `other` reads all."""
    members = {
        "maker": {"name": "Maker", "in": ["readers"]},
        "late": {"name": "Late", "in": ["readers", "extra"] if given else ["readers"]},
        "other": {"name": "Other", "in": ["readers", "extra"]},
    }
    place = {"id": PLACE, "read": ["readers"], "write": ["readers"], "accept": ["clear", "amber"]}
    return w.home({"readers": "Readers", "extra": "Extra"}, members, {"a": place})


@pytest.fixture
def world(database: str) -> Iterator[w.World]:
    """Half of the objects are for `extra` alone."""
    found = w.World(url=database)
    found.apply(files(given=False))
    extra = found.words("maker")["group:extra"]
    for first in range(0, OBJECTS, 100):
        found.post(
            "maker",
            PLACE,
            [
                w.campaign(n, text=str(n), marks=[w.TLP["amber"], *([extra] if n % 2 else [])])
                for n in range(first, first + 100)
            ],
        )
    yield found
    assert found.audit() == []
    found.close()


def times(world: w.World, member: str) -> list[tuple[int, str]]:
    answer = world.poll(member, PLACE, filters=w.ALL)
    assert answer is not None
    return [(seen.date_added, seen.id) for seen in answer.items]


def page(world: w.World, reached: int, got: list[str]) -> int:
    """One poll of `late` by the greatest time that it has received."""
    answer = world.poll("late", PLACE, after=reached, limit=PAGE)
    assert answer is not None
    got += [seen.id for seen in answer.items]
    return answer.items[-1].date_added if answer.items else reached


@pytest.mark.parametrize("seed", range(3))
def test_a_member_that_pages_through_what_a_line_gave_misses_nothing(world: w.World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # repeatable, no secret
    given, reached, got = False, 0, list[str]()
    before = times(world, "other")
    for _ in range(12):
        if chance.random() < 0.6:
            given = not given
            try:
                with dying(world.engine, chance.randrange(60)):
                    world.apply(files(given=given))
            except Died:
                given = not given  # nothing was committed
                world.restart()
        reached = page(world, reached, got)
    world.apply(files(given=True))
    while (further := page(world, reached, got)) != reached:
        reached = further

    assert set(got) == {w.campaign_id(n) for n in range(OBJECTS)}
    assert times(world, "other") == before


def test_what_was_given_again_comes_after_everything_received(world: w.World) -> None:
    """The block of a grant stands behind what the member has, so `added_after` finds it."""
    reached = times(world, "late")[-1][0]
    world.apply(files(given=True))
    first = times(world, "late")
    world.apply(files(given=False))
    world.apply(files(given=True))
    second = times(world, "late")

    assert [i for t, i in first if t > reached] == [w.campaign_id(n) for n in range(1, OBJECTS, 2)]
    assert min(t for t, i in second if int(i[-12:]) % 2) > max(t for t, i in first)
    assert [i for _, i in first] == [i for _, i in second]
