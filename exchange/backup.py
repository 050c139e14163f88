"""A backup: one file that holds one moment of the exchange, and restores into either database.

The file is an SQLite database with the schema that the migrations make (the exchange's and the ledger's), filled row
by row from one snapshot, so it does not depend on the database that it came from and can be migrated like any other.
While it is made the exchange goes on: a snapshot keeps nobody from reading or writing. It appears under its name once
it is whole and on disk, and never otherwise.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from exchange import entries, ledger, ledgertables, store
from exchange import tables as t
from exchange.sequencer import Clock

APPLICATION = 0x45786368  # "Exch", SQLite's application_id: `file` shows it, `restore` asks for it
FORMAT = 1
ROWS = 2_000  # copied at a time

MAIN = tuple(t.metadata.sorted_tables)  # what is referred to comes first
# Lines before polls, as they are written: else two could wait for each other.
LEDGER = tuple(sorted(ledgertables.metadata.sorted_tables, key=lambda table: table is not ledgertables.served))

about = Table(  # one row: what this file is
    "backup", MetaData(),
    Column("format", Integer, nullable=False),
    Column("release", String(40), nullable=False),  # that made it
    Column("taken", BigInteger, nullable=False),  # the exchange clock, microseconds
)  # fmt: skip

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Begins a bar: what is going on and how many steps it has; gives the function that moves it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The two databases of an exchange; on PostgreSQL they are one, reached by two engines."""

    main: Engine
    ledger: Engine

    @property
    def one(self) -> bool:
        return self.main.url == self.ledger.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an exchange holds: objects that are not deleted, members that ever were, the config version in force."""

    objects: int
    members: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a backup says of itself; `at` in microseconds."""

    at: int
    release: str
    held: Held


class Unwritable(Exception):
    """The file cannot be written; the text says why."""


def held(conn: Connection) -> Held:
    """Cost: O(versions)."""
    objects = select(func.count(t.version.c.object.distinct())).where(t.version.c.deleted.is_(None))
    return Held(
        objects=conn.scalar(objects) or 0,
        members=conn.scalar(select(func.count()).select_from(t.member)) or 0,
        version=store.config_version(conn)[0],
    )


def write(stores: Stores, file: Path, *, clock: Clock, release: str, progress: Progress) -> Taken:
    """Make the file, which must not be there yet; returns once it is on disk under its name.

    Raises `FileExistsError`, other `OSError`s, and `Unwritable` (the disk is full). Cost: O(everything).
    """
    if file.exists():
        raise FileExistsError(file)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)  # nobody else may read
    os.close(handle)
    part = Path(name)
    try:
        with _unwritable():
            _prepare(part)
        taken = _fill(stores, part, clock=clock, release=release, progress=progress)
        _keep(part, file)
    finally:
        part.unlink(missing_ok=True)
    return taken


def url(file: Path) -> str:
    """SQLAlchemy's name of an SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def migrate(engine: Engine) -> None:
    """Bring both schemas of one database to what this release expects. Raises `store.NewerSchema`."""
    store.migrate(engine)
    ledger.migrate(engine)


@contextmanager
def _unwritable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise Unwritable(str(error.orig)) from error
    except psycopg.Error as error:
        raise Unwritable(str(error)) from error


def _prepare(part: Path) -> None:
    """An empty file with both schemas and the table that says what it is."""
    engine = store.connect(url(part), 1)
    try:
        migrate(engine)
        with store.writing(engine) as conn:
            about.create(conn)
            conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
    finally:
        engine.dispose()


def _fill(stores: Stores, part: Path, *, clock: Clock, release: str, progress: Progress) -> Taken:
    engine = _unsynced(part)
    try:
        with engine.begin() as target, store.reading(stores.main) as source:
            found = Taken(at=clock.now(source), release=release, held=held(source))
            with _unwritable():
                empty(target, MAIN)
                target.execute(insert(about), [{"format": FORMAT, "release": release, "taken": found.at}])
            total = count(source, MAIN)
            with progress("copying objects", total) as advance:
                for table in MAIN:
                    copy(source, target, table, advance)
            _fill_ledger(stores, source, target, found.at, progress)
            return found
    finally:
        engine.dispose()


def _fill_ledger(stores: Stores, source: Connection, target: Connection, at: int, progress: Progress) -> None:
    """Lines of the same moment, which name only what the copy holds."""
    if stores.one:
        copy_ledger(source, target, progress)
        return
    served = ledgertables.served.c
    version, _ = store.config_version(source)
    with store.reading(stores.ledger) as lines:
        # An answer may begin before this snapshot and read after it.
        known = served.at <= at, served.high <= entries.greatest(source), served.config <= version
        copy_ledger(lines, target, progress, *known)


def _unsynced(part: Path) -> Engine:
    """No journal and no syncs: the file counts once it is whole, and until then nothing of it does."""
    engine = create_engine(url(part), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(dbapi: object, _record: object) -> None:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536", "temp_store = MEMORY"):
            dbapi.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # sqlite3's connection

    return engine


def _keep(part: Path, file: Path) -> None:
    """On disk, then under its name, then its name on disk."""
    _sync(part)
    if file.exists():
        raise FileExistsError(file)
    part.rename(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Copying ----------------------------------------------------------------------------------------------------------


def count(conn: Connection, tables: Sequence[Table]) -> int:
    """All their rows. Cost: O(rows)."""
    return sum(conn.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def empty(conn: Connection, tables: Sequence[Table]) -> None:
    """Delete every row, first of those that refer to others. Cost: O(rows)."""
    for table in reversed(tables):
        conn.execute(table.delete())


def copy(
    source: Connection, target: Connection, table: Table, advance: Callable[[int], None], *where: ColumnElement[bool]
) -> None:
    """All rows that meet the conditions, a few at a time. Cost: O(rows). Raises `Unwritable`."""
    names = [column.name for column in table.columns]
    query = select(table).where(*where)
    for rows in source.execute(query, execution_options={"yield_per": ROWS}).partitions():
        with _unwritable():
            _insert(target, table, names, rows)
        advance(len(rows))


def _insert(conn: Connection, table: Table, names: Sequence[str], rows: Sequence[Row[Any]]) -> None:
    if conn.dialect.name == "sqlite":
        store.insert_many(conn, table, names, rows)
        return
    # COPY: a third of the time, while which nobody can publish.
    quoted = conn.dialect.identifier_preparer.quote
    statement = f"COPY {quoted(table.name)} ({', '.join(map(quoted, names))}) FROM STDIN"
    driver: Any = conn.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as into:
        for row in rows:
            into.write_row(row)


def copy_ledger(source: Connection, target: Connection, progress: Progress, *lines: ColumnElement[bool]) -> None:
    """The ledger's tables, of its lines those that meet the conditions."""
    with progress("copying the ledger", count(source, LEDGER)) as advance:
        for table in LEDGER:
            copy(source, target, table, advance, *(lines if table is ledgertables.served else ()))
