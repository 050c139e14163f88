"""A line in the config that opens nearly everything to one member: how long `diff` and `apply` take, and afterwards
the pages of that member and of another one. On copies, so that what is measured elsewhere stays as it is."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from bench import sample, stores
from bench.timing import Core, Timing, clocked, timing
from exchange import app, feed, grants, inforce, questions, store
from exchange.pages import View
from exchange.sequencer import Clock

TIMES = 5
PAGE = 100
DIFF, APPLY, OPENED, OTHER = (
    "a line opens nearly all: diff",
    "a line opens nearly all: apply",
    "a line opens nearly all: a page of it",
    "a line opens nearly all: another member's page",
)
KINDS = (DIFF, APPLY, OPENED, OTHER)


@contextmanager
def copied(engine: Engine) -> Iterator[Engine]:
    """A copy of an SQLite store, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="exchange-bench-") as folder:
        path = str(Path(folder, "exchange.db"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.connection.driver_connection.execute("VACUUM INTO ?", (path,))  # type: ignore[union-attr]
        other = store.connect(URL.create("sqlite", database=path).render_as_string())
        yield other
        other.dispose()


def measure(engine: Engine, database: str, size: int, count: int) -> Iterator[Core]:
    """The line given and taken back `TIMES` times and given again; then `count` pages of each member."""
    diffs, applies = _changes(engine)
    with store.reading(engine) as conn:
        opened, other = stores.viewer(conn, sample.SPARSE), stores.viewer(conn, sample.WIDE)
        block = grants.of(conn, opened.member, opened.collection)[-1]
        found = (
            (DIFF, sample.SPARSE, opened, _timing(diffs)),
            (APPLY, sample.SPARSE, opened, _timing(applies)),
            (OPENED, sample.SPARSE, opened, _pages(conn, opened, block.start, block.stop, count)),
            (OTHER, sample.WIDE, other, _pages(conn, other, other.first, other.last, count)),
        )
    for what, name, who, took in found:
        yield Core(database=database, size=size, member=name, labels=who.labels, what=what, took=took)


def _changes(engine: Engine) -> tuple[list[float], list[float]]:
    """Seconds of each diff and apply."""
    clock, before, after = app.new_clock(), sample.home_files(), sample.home_files(open_to_sparse=True)
    with store.reading(engine) as conn:
        clock.not_before(conn)
    diffs, applies = [], []
    for _ in range(TIMES):
        diffs.append(clocked(partial(_diff, engine, after, clock)))
        applies.append(clocked(partial(inforce.put, engine, after, clock)))
        inforce.put(engine, before, clock)
    inforce.put(engine, after, clock)
    return diffs, applies


def _diff(engine: Engine, files: Mapping[str, str], clock: Clock) -> None:
    with inforce.proposed(engine, files, clock) as (conn, effect):
        questions.counts(conn, effect)


def _pages(conn: Connection, who: stores.Viewer, first: int, last: int, count: int) -> Timing:
    """Pages from random places between two times of a member."""
    within, view = random.Random(count), View(member=who.member, collection=who.collection)
    asks = [partial(feed.objects, conn, view, after=within.randint(first, last), limit=PAGE) for _ in range(count)]
    for ask in asks:  # warms up
        ask()
    return _timing([clocked(ask) for ask in asks])


def _timing(seconds: list[float]) -> Timing:
    return timing(seconds, sum(seconds))
