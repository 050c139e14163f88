"""Promise 7: what is asked of the database is the same at 200 objects and at 20,000. Work is counted, not timed.

On SQLite the instructions of its virtual machine, on PostgreSQL the rows that are read; on both the statements. The
plans and the statements of each request stand in tests/unit/test_query_plans.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url

from exchange import feed, inforce, log, pages, policy, questions, store
from exchange.entries import Deposit
from exchange.label import Tlp
from exchange.markings import Said
from tests.property import world as w

A = w.uid(1)
FEW, MANY = 200, 6_000
COMMIT, PAGE = 1_000, 50
LONG_PAGE = "a page forty times as long"
TICK = 50  # instructions between two calls of SQLite's progress handler
# What one more level of a tree or one more page of an index costs: far less than to look at 19,800 more objects.
FACTOR, SLACK = 2, 400
SAID = (
    Said(tlp=Tlp.GREEN),
    Said(tlp=Tlp.AMBER, groups=frozenset({"g1"})),
    Said(tlp=Tlp.RED, members=frozenset({"bob"})),
)


def files(*, bob: bool = False) -> dict[str, str]:
    members = {"alice": {"name": "A", "in": []}, "bob": {"name": "B", "in": ["g1"] if bob else []},
               "carol": {"name": "C", "in": ["g1"]}}  # fmt: skip
    rights = {"id": A, "read": "everyone", "write": "everyone", "accept": ["clear", "red"]}
    return w.home({"g1": "One"}, members, {"a": rights})


@dataclass(slots=True)
class Meter:
    """Counts what the connections of a world do; on SQLite through its progress handler."""

    world: w.World
    statements: int = 0
    ticks: int = 0
    _rows: int = field(default=0)

    def __post_init__(self) -> None:
        if not self.world.real_time:
            self.world.engine.dispose()
            event.listen(self.world.engine, "connect", self._connected)
        event.listen(self.world.engine, "before_cursor_execute", self._statement)

    def _connected(self, dbapi: Any, _record: object) -> None:
        dbapi.set_progress_handler(self._tick, TICK)

    def _tick(self) -> int:
        self.ticks += 1
        return 0

    def _statement(self, *_said: object) -> None:
        self.statements += 1

    def _read(self, conn: Connection) -> int:
        """Rows, on PostgreSQL: those of this transaction are known in it alone."""
        if conn.dialect.name == "sqlite":
            return self.ticks
        query = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        return int(conn.scalar(text(query)) or 0)

    def cost(self, conn: Connection, work: Callable[[], object]) -> tuple[int, int]:
        """(statements, instructions or rows) of some work in a transaction."""
        before, statements = self._read(conn), self.statements
        work()
        done = self.statements - statements
        return done, self._read(conn) - before


@contextmanager
def filled(url: str, size: int) -> Iterator[w.World]:
    """A world of Alice's objects: one in three for everybody, for a group, for Bob alone; no two of one id."""
    world = w.World(url=url)
    world.apply(files())
    with store.reading(world.engine) as conn:
        state = inforce.current(conn)
    assert state
    collection, number = state.config.collection_by_id(A), state.numbers["alice"]
    assert collection
    audiences = [policy.audience(collection, said, number, state.numbers) for said in SAID]
    for part in range(0, size, COMMIT):
        deposits = [
            Deposit(
                id=w.campaign_id(n), type="campaign", ver=1, ver_text=w.version_text(1), raw=b'{"name":"x"}',
                base=audiences[n % 3], said=SAID[n % 3].text, refs=frozenset(), creator=False,
            )
            for n in range(part, min(size, part + COMMIT))
        ]  # fmt: skip
        with store.writing(world.engine) as conn:
            writer = log.Writer(publisher=number, readers=state.readers, clock=world.clock)
            log.add(conn, writer, state.places[A], deposits, world.clock.now(conn))
    if world.real_time:
        with world.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")
    try:
        yield world
    finally:
        world.close()


def costs(url: str, size: int) -> dict[str, tuple[int, int]]:
    with filled(url, size) as world:
        meter = Meter(world)
        with world.requests() as request:
            view = pages.View(member=request.state.numbers["bob"], collection=request.state.places[A])
            long = meter.cost(request.conn, lambda: feed.objects(request.conn, view, after=0, limit=40 * PAGE))
        found = {f"a page {where}": _page(world, meter, "bob", where) for where in ("from the start", "at the end")}
        found[LONG_PAGE] = long
        found["an idle poll"] = _page(world, meter, "bob", "after the end")
        found["a diff"] = _diff(world, meter)
        found["an apply that gives a third of all"] = _apply(world, meter, files(bob=True))
        found["a page in the middle of what it gave"] = _page(world, meter, "bob", "in the middle")
        found["an idle poll after it"] = _page(world, meter, "bob", "after the end")
        found["an apply that takes it back"] = _apply(world, meter, files())
        found["publishing one more"] = _publish(world, meter)
        return found


def _page(world: w.World, meter: Meter, member: str, where: str) -> tuple[int, int]:
    with world.requests() as request:
        view = pages.View(member=request.state.numbers[member], collection=request.state.places[A])
        times = [i.date_added for i in feed.manifest(request.conn, view, after=0, limit=100_000).items]
        after = {
            "from the start": 0, "at the end": times[-PAGE - 1], "after the end": times[-1],
            "in the middle": times[-PAGE * 2],
        }[where]  # fmt: skip
        read: list[int] = []

        def work() -> None:
            read.append(len(feed.objects(request.conn, view, after=after, limit=PAGE).items))

        found = meter.cost(request.conn, work)
        assert read == [0 if where == "after the end" else PAGE], f"{where}: {read}"
        return found


def _diff(world: w.World, meter: Meter) -> tuple[int, int]:
    found: list[tuple[int, int]] = []
    with store.reading(world.engine) as conn:
        current = inforce.current(conn)
    assert current
    with inforce.proposed(world.engine, files(bob=True), world.clock) as (conn, effect):
        counted: list[Any] = []
        found.append(meter.cost(conn, lambda: counted.extend(questions.counts(conn, effect))))
        assert [c.gained > 0 for c in counted] == [True]
    return found[0]


def _apply(world: w.World, meter: Meter, wanted: Mapping[str, str]) -> tuple[int, int]:
    with store.writing(world.engine) as conn:
        return meter.cost(conn, lambda: inforce.apply(conn, wanted, world.clock))


def _publish(world: w.World, meter: Meter) -> tuple[int, int]:
    """Statements alone on PostgreSQL: it takes several transactions."""
    before = meter.statements, meter.ticks
    status = world.post("alice", A, [w.campaign(10**9, text="one more", marks=[w.TLP["green"]])])
    assert status["success_count"] == 1
    return meter.statements - before[0], meter.ticks - before[1]


def test_what_is_asked_of_the_database_does_not_grow_with_the_objects(
    request: pytest.FixtureRequest, database: str
) -> None:
    few = costs(database, FEW)
    many = costs(_another(request, database), MANY)
    grown = {
        what: (few[what], many[what])
        for what in few
        if what != LONG_PAGE and (many[what][0] > few[what][0] or many[what][1] > FACTOR * few[what][1] + SLACK)
    }
    assert grown == {}
    # The control: by the same measure a page forty times as long is told apart.
    assert many[LONG_PAGE][1] > FACTOR * many["a page from the start"][1] + SLACK


def _another(request: pytest.FixtureRequest, url: str) -> str:
    """A second database beside the first."""
    if url.startswith("sqlite"):
        return f"{url}.many"
    world = w.World(url=url)
    with world.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        name = f"{world.engine.url.database}_many"
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    world.close()

    def drop() -> None:
        again = w.World(url=url, migrated=True)
        with again.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
            conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        again.close()

    request.addfinalizer(drop)
    return make_url(url).set(database=name).render_as_string(hide_password=False)
