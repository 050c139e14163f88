"""Who is told to give something up, from policy.md 3.8 alone, over random histories in which processes die."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from exchange import entries, inforce, ledger, noticerows, notices, stix, store, withdrawing
from exchange import tables as t
from exchange.ledger import Line
from exchange.notices import Notifier
from tests.property import world as w

GROUPS = {"g1": "One", "g2": "Two"}
MEMBERS = {"alice": ["g1"], "bob": ["g2"], "carol": ["g1", "g2"], "dora": []}
PUBLISHERS = ("alice", "dora")
COLLECTIONS = (w.uid(1), w.uid(2))
IDS = 4  # of each publisher
VERSIONS = 5


@dataclass(slots=True)
class Made:
    """A version as its publisher meant it."""

    publisher: str
    uid: str
    id: str
    version: int
    to: frozenset[str]  # groups; empty: everyone
    withdrawn: bool = False

    def for_(self, member: str) -> bool:
        return member == self.publisher or not self.to or bool(self.to & set(MEMBERS[member]))


@dataclass(slots=True)
class History:
    world: w.World
    ledger: Engine
    chance: random.Random
    made: dict[tuple[str, str, int], Made] = field(default_factory=dict)  # by collection, id, version
    had: set[tuple[str, str, str, int]] = field(default_factory=set)  # member, then as above
    told: set[tuple[str, str, str, int]] = field(default_factory=set)
    late: list[tuple[str, Line]] = field(default_factory=list)

    def reads(self, member: str, v: Made) -> bool:
        """Rules 2 to 6, and 8: a newer version closes the older ones for those whom it leaves out."""
        newer = (x for x in self.same(v) if x.version > v.version and not x.withdrawn)
        return not v.withdrawn and v.for_(member) and (member == v.publisher or all(x.for_(member) for x in newer))

    def same(self, v: Made) -> list[Made]:
        return [x for x in self.made.values() if (x.uid, x.id) == (v.uid, v.id)]

    # Steps ----------------------------------------------------------------------------------------------------

    def post(self) -> None:
        publisher, uid = self.chance.choice(PUBLISHERS), self.chance.choice(COLLECTIONS)
        number, version = self.chance.randrange(IDS), self.chance.randint(1, VERSIONS)
        to = frozenset(self.chance.sample(sorted(GROUPS), self.chance.choice([0, 1, 1, 2])))
        words = self.world.words(publisher)
        one = w.campaign(
            100 * PUBLISHERS.index(publisher) + 10 * COLLECTIONS.index(uid) + number, version,
            text="x", marks=[words[f"group:{g}"] for g in sorted(to)],
        )  # fmt: skip
        key = uid, one["id"], version
        if key in self.made:
            return
        withdrawn = any(x.withdrawn and x.publisher == publisher for x in self.made.values() if x.id == one["id"])
        status = self.world.post(publisher, uid, [one])
        assert status["success_count"] == (not withdrawn), status
        if not withdrawn:
            self.made[key] = Made(publisher, uid, one["id"], version, to)

    def withdraw(self) -> None:
        live = sorted({v.id for v in self.made.values() if not v.withdrawn})
        if not live:
            return
        ids = self.chance.sample(live, self.chance.choice([1, 1, 2]) if len(live) > 1 else 1)
        self._dying(lambda: withdrawing.withdraw(self.world.engine, self.world.clock, withdrawing.by_ids(ids), "error"))
        for v in self.made.values():
            v.withdrawn |= v.id in ids

    def poll(self) -> None:
        """Now and then its line comes a step later."""
        member, uid = self.chance.choice(sorted(MEMBERS)), self.chance.choice(COLLECTIONS)
        answer = self.world.poll(member, uid, filters=w.ALL if self.chance.random() < 0.5 else w.LAST)
        assert answer
        if line := self.line(member, uid, [(x.id, x.version) for x in answer.items]):
            self.late.append((member, line))
            if self.chance.random() < 0.7:
                self.write()

    def line(self, member: str, uid: str, served: list[tuple[str, str]]) -> Line | None:
        """What the ledger will say of an answer; nothing of notes."""
        with store.reading(self.world.engine) as conn:
            state = inforce.current(conn)
            assert state
            rows = {(i, text): n for n, i, text in conn.execute(_NUMBERED.where(t.version.c.publisher != 0))}
            versions = tuple(rows[one] for one in served if one in rows)
        if not versions:
            return None
        return Line(
            at=self.world.now(), member=state.numbers[member], collection=state.places[uid], key="",
            config=state.version, versions=versions,
        )  # fmt: skip

    def close(self) -> None:
        self.world.close()
        self.ledger.dispose()

    def write(self) -> None:
        for member, line in self.late:
            with store.writing(self.ledger) as conn:
                ledger.add(conn, [line])
            with store.reading(self.world.engine) as conn:
                found = conn.execute(_NUMBERED.where(t.version.c.number.in_(line.versions)))
                texts = {w.version_text(n): n for n in range(VERSIONS + 1)}
                keys = [(i, texts[text]) for _, i, text in found]
            uid = next(x.uid for x in self.made.values() if x.id == keys[0][0])
            self.had |= {(member, uid, i, version) for i, version in keys}
        self.late.clear()

    def round(self) -> None:
        self.world.pass_time(2 * 3600 * w.SECOND)
        self._dying(
            lambda: Notifier(
                engine=self.world.engine, ledger=self.ledger, clock=self.world.clock, size=self.chance.randint(1, 4)
            ).round()
        )
        for member, *key in self.had:
            v = self.made[key[0], key[1], key[2]]  # type: ignore[index]
            newer = (x for x in self.same(v) if x.version >= v.version)
            if not any(self.reads(member, x) for x in newer) and (v.withdrawn or v.for_(member)):
                self.told.add((member, v.uid, v.id, v.version))

    def _dying(self, act: Callable[[], object]) -> None:
        """The process may end anywhere in it; another one does it again."""
        if self.chance.random() < 0.6:
            with self.world.dying(self.chance.randint(1, 60)):
                act()
            self.world.restart()
        act()

    # Looking --------------------------------------------------------------------------------------------------

    def look(self) -> None:
        with store.reading(self.world.engine) as conn:
            names = {number: name for name, number in store.members(conn).items()}
            uids = {row.number: uid for uid, row in store.collections(conn).items()}
            numbers = [n for n, _, _ in conn.execute(_NUMBERED)]
            known = {v.number: v for v in entries.by_number(conn, numbers)}
            ids = entries.ids_of(conn, sorted({v.object for v in known.values()}))
            found = [
                (names[x.member], uids[known[x.version].collection], ids[known[x.version].object],
                 known[x.version].ver)
                for x in noticerows.told(conn, numbers)
            ]  # fmt: skip
        vers = {_ver(n): n for n in range(VERSIONS + 1)}
        assert sorted((m, uid, i, vers[ver]) for m, uid, i, ver in found) == sorted(self.told)
        assert self.world.audit() == []


_NUMBERED = select(t.version.c.number, t.object_.c.id, t.version.c.ver_text).join(
    t.object_, t.object_.c.number == t.version.c.object
)


def _ver(version: int) -> int:
    return stix.parse_timestamp(w.version_text(version))


def begun(template: Path, folder: Path, chance: random.Random) -> History:
    world = w.World(url=w.copied(template, folder, "exchange"), migrated=True)
    members = {name: {"name": name, "in": groups} for name, groups in MEMBERS.items()}
    rules = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "amber"}
    world.apply(w.home(GROUPS, members, {f"c{n}": {"id": uid, **rules} for n, uid in enumerate(COLLECTIONS)}))
    lines = store.connect(f"sqlite:///{folder / 'ledger.db'}", 2)
    ledger.migrate(lines)
    return History(world, lines, chance)


@pytest.mark.parametrize("seed", range(5))
def test_those_are_told_who_have_it_and_read_nothing_newer_and_nobody_twice(
    seed: int, template: Path, tmp_path: Path
) -> None:
    history = begun(template, tmp_path, random.Random(seed))  # noqa: S311 - to be played again
    steps = [history.post] * 5 + [history.poll] * 5 + [history.withdraw, history.round]
    for _ in range(60):
        history.chance.choice(steps)()
        if history.late and history.chance.random() < 0.5:
            history.write()
    history.write()
    for _ in range(len(notices.LOOKS["recall"]) + 1):
        history.round()
    history.look()
    assert history.told, "nobody was told: the history shows nothing"
    history.close()


def test_who_never_fetched_the_version_that_is_closed_may_have_an_older_one(template: Path, tmp_path: Path) -> None:
    """Bob has the first version; the second leaves him out, the third does not, and he is away when the fourth does."""
    history = begun(template, tmp_path, random.Random(0))  # noqa: S311
    world, uid = history.world, COLLECTIONS[0]
    words = world.words("alice")
    for version, group in ((1, "g2"), (2, "g1"), (3, "g2"), (4, "g1")):
        world.post("alice", uid, [w.campaign(0, version, text="x", marks=[words[f"group:{group}"]])])
        history.made[uid, w.campaign_id(0), version] = Made("alice", uid, w.campaign_id(0), version, frozenset({group}))
        if version == 1:
            line = history.line("bob", uid, [(w.campaign_id(0), w.version_text(1))])
            assert line
            history.late.append(("bob", line))
            history.write()
        if version == 3:
            for _ in range(3):
                history.round()
            assert history.told == set()
    history.round()
    history.look()
    assert history.told == {("bob", uid, w.campaign_id(0), 1)}
    history.close()
