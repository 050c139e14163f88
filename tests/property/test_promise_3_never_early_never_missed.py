"""Promises 3 and 4: whatever happens, a member that polls ends with exactly what the policy grants it, in one order.

Small alphabets first: two objects of one publisher find in hundreds of histories what a wide alphabet misses in
thousands. Each history is compared with the naive model after every step (histories.py says what is checked).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy.engine import URL

from tests import databases
from tests.property.histories import Histories, run
from tests.property.model import Collection, Member
from tests.property.shapes import CHANGES, Shape
from tests.property.world import World

LONG = settings.get_current_profile_name() == "long"
IDENTITY = "identity--00000000-0000-4000-8000-00000000000"
G1, G2 = frozenset({"g1"}), frozenset({"g2"})
TWO = {"alice": Member(groups=G1), "bob": Member()}
THREE = TWO | {"carol": Member(groups=G1)}
ONE_PLACE = {"a": Collection()}

TINY = Shape(members=TWO, collections=ONE_PLACE)
WIDE = Shape(
    members={
        "alice": Member(groups=G1, identity=f"{IDENTITY}1"),
        "bob": Member(groups=G2, identity=f"{IDENTITY}2"),
        "carol": Member(relays=True),
    },
    late={"dave": Member(groups=G1)},
    collections={"a": Collection(), "b": Collection(read=G1)},
    groups=("g1", "g2"),
    publishers=("alice", "bob"),
    notes=2,
    observables=1,
    versions=3,
    tlps=("", "clear", "amber+strict", "red"),
    creators=True,
    envelope=3,
    named_only=True,
    changes=CHANGES,
)
# name → shape, histories in `make test`, in `make test-long`
SHAPES = {
    "one publisher with two objects": (TINY, 8, 8_000),
    "three versions": (Shape(members=THREE, collections=ONE_PLACE, campaigns=1, versions=3), 6, 4_000),
    "notes that refer to each other": (
        Shape(members=TWO, collections=ONE_PLACE, campaigns=1, notes=2, envelope=2),
        6,
        5_000,
    ),
    "one id by two publishers": (
        Shape(members=THREE, collections=ONE_PLACE, campaigns=1, publishers=("alice", "bob")),
        6,
        5_000,
    ),
    "one id by two publishers, one of them its creator": (
        Shape(
            members=THREE | {"bob": Member(identity=f"{IDENTITY}2")},
            collections=ONE_PLACE,
            campaigns=1,
            publishers=("alice", "bob"),
            creators=True,
        ),
        4,
        4_000,
    ),
    "relays, named recipients and objects without a level": (
        Shape(
            members=TWO | {"carol": Member(relays=True)},
            collections=ONE_PLACE,
            tlps=("", "clear", "amber+strict", "red"),
            changes=("group", "relays", "read", "door", "unmarked"),
        ),
        4,
        4_000,
    ),
    "a drop box and a room for named recipients": (
        Shape(
            members=THREE,
            collections={"a": Collection(hidden=True), "b": Collection(named=True)},
            publishers=("alice", "bob"),
            campaigns=1,
            notes=1,
            tlps=("clear", "red"),
            named_only=True,
            changes=("group", "read", "write", "own", "named"),
        ),
        4,
        4_000,
    ),
    "collections that come and go, and a group within a group": (
        Shape(
            members=TWO,
            collections={"a": Collection(), "b": Collection(read=G2)},
            groups=("g1", "g2"),
            campaigns=1,
            notes=1,
            changes=("group", "read", "gone", "nest", "file"),
        ),
        4,
        4_000,
    ),
    "everything at once": (WIDE, 5, 4_000),
}


@pytest.mark.parametrize(("shape", "short", "long"), SHAPES.values(), ids=SHAPES.keys())
def test_every_member_gets_what_the_model_grants_it(
    shape: Shape, short: int, long: int, template: Path, tmp_path: Path
) -> None:
    """In all a million steps in the long form: 42,000 worlds of at most 25."""
    run(Histories, shape, template, tmp_path, long if LONG else short, 25)


@pytest.mark.long
def test_every_member_gets_what_the_model_grants_it_in_long_histories(template: Path, tmp_path: Path) -> None:
    run(Histories, WIDE, template, tmp_path, 500, 100)


@pytest.mark.postgresql
@pytest.mark.parametrize("shape", [TINY, WIDE], ids=["one publisher with two objects", "everything at once"])
def test_every_member_gets_what_the_model_grants_it_on_postgresql(
    shape: Shape, postgresql_server: URL, postgresql_template: str, tmp_path: Path
) -> None:
    class OnPostgres(Histories):
        def fresh(self) -> World:
            self.stack = ExitStack()
            url = self.stack.enter_context(databases.postgresql(postgresql_server, postgresql_template))
            return World(url=url, migrated=True)

        def teardown(self) -> None:
            with self.stack:
                super().teardown()

    run(OnPostgres, shape, Path(), tmp_path, 400 if LONG else 2, 20)
