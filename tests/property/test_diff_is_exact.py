"""`exchange diff` says, before it happens, exactly how many objects each member gains and loses: asked before every
config change of random histories, compared with what the views then hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import text

from exchange import feed, inforce, pages, questions, store
from tests.property import world as w
from tests.property.histories import Histories, run
from tests.property.model import Collection, Member
from tests.property.shapes import Shape

LONG = settings.get_current_profile_name() == "long"
G1, G2 = frozenset({"g1"}), frozenset({"g2"})
SHAPES = {
    "versions and named recipients": Shape(
        members={"alice": Member(groups=G1), "bob": Member(), "carol": Member(groups=G1, relays=True)},
        collections={"a": Collection()},
        versions=3,
        tlps=("clear", "amber+strict", "red"),
        named_only=True,
        changes=("group", "relays", "read", "own"),
    ),
    "closure and two publishers of one id": Shape(
        members={"alice": Member(groups=G1), "bob": Member(groups=G2), "carol": Member(groups=G2)},
        late={"dave": Member(groups=G1)},
        collections={"a": Collection(), "b": Collection(read=G1)},
        groups=("g1", "g2"),
        publishers=("alice", "bob"),
        campaigns=1,
        notes=2,
        tlps=("clear", "amber"),
        envelope=3,
        changes=("group", "group", "read", "write", "own", "file", "new"),
    ),
}
Told = dict[tuple[str, str], tuple[int, int]]  # (member, collection) → gained, lost


class Announced(Histories):
    """Before each apply `diff` is asked; after it the views must have moved by just that."""

    def apply(self) -> None:
        files = self.shape.files(self.model, self.drawing.absent)
        told, before = self.told(files), self.readable()
        self.world.apply(files)
        after = self.readable()
        moved = {}
        for place in before.keys() | after.keys():
            had, has = before.get(place, set()), after.get(place, set())
            if had != has:
                moved[place] = (len(has - had), len(had - has))
        assert {place: counts for place, counts in told.items() if any(counts)} == moved

    def told(self, files: Mapping[str, str]) -> Told:
        with inforce.proposed(self.world.engine, files, self.world.clock) as (conn, effect):
            return {(c.member, c.collection): (c.gained, c.lost) for c in questions.counts(conn, effect)}

    def readable(self) -> dict[tuple[str, str], set[str]]:
        """Ids by member and collection, by the decisions alone: whoever is suspended is asked too."""
        found: dict[tuple[str, str], set[str]] = {}
        with store.reading(self.world.engine) as conn:
            if (state := inforce.current(conn)) is None:
                return found
            for (name, number), c in itertools.product(state.numbers.items(), state.config.collections.values()):
                view = pages.View(member=number, collection=state.places[c.id], filters=w.ALL)
                found[name, c.name] = {i.id for i in feed.manifest(conn, view, after=0, limit=10_000).items}
        return found


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_diff_tells_what_each_member_gains_and_loses(shape: Shape, template: Path, tmp_path: Path) -> None:
    run(Announced, shape, template, tmp_path, 300 if LONG else 4, 25)


def test_a_home_of_before_the_counters_gets_them_from_its_log(database: str) -> None:
    """The tallies that the migration counts are those that the commits would have kept."""
    world = w.World(url=database)
    world.apply(
        w.home(
            {"g1": "One"},
            {"alice": {"name": "A", "in": ["g1"]}, "bob": {"name": "B"}, "carol": {"name": "C", "in": ["g1"]}},
            {"a": {"id": w.uid(1), "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}},
        )
    )
    words = world.words("alice")
    world.post("alice", w.uid(1), [w.campaign(1, text="one", marks=[w.TLP["red"], words["member:bob"]])])
    world.post("alice", w.uid(1), [w.campaign(2, text="two", marks=[w.TLP["green"]])])
    world.post("alice", w.uid(1), [w.campaign(2, 2, text="three", marks=[w.TLP["amber"], words["group:g1"]])])
    world.post("bob", w.uid(1), [w.note(1, [w.campaign_id(2)], text="four", marks=[w.TLP["clear"]])])
    world.post("alice", w.uid(1), [w.note(2, [w.campaign_id(1)], text="five", marks=[w.TLP["clear"]])])
    assert world.audit() == []
    with store.writing(world.engine) as conn:
        newest = store.schema_version(conn)
        conn.execute(text("DROP TABLE tally"))
        conn.execute(text("DROP TABLE label_set"))
        conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    store.migrate(world.engine, revision="0002")

    with store.writing(world.engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    assert world.audit() == []
    world.close()
