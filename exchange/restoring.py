"""Restoring a backup: everything that an exchange holds is replaced by what the file holds, at one instant.

The file is proved first, and only a copy of it is opened for writing: it is brought to this release's schema there.
Then one transaction replaces everything, so that whoever asks meanwhile sees the state before or the one after, and
`kill -9` leaves the one before. A poller goes on with its cursor: what it has is not sent again, and what comes from
now on comes at times beyond all that were ever given out, also those after the backup was taken.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, TableClause, create_engine, func, literal_column, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from exchange import backup, carryover, ledgertables, store
from exchange.backup import Held, Progress, Stores, Taken, about
from exchange.sequencer import Clock

_MAGIC = b"SQLite format 3\0"
_MENDED = "take another copy of it"


class Unusable(Exception):
    """The file cannot be restored; the text says why, and the mend. Nothing was touched."""


class HoldsSomething(Exception):
    """The target holds an exchange already, and nobody said that it may be replaced."""

    def __init__(self, held: Held) -> None:
        super().__init__(held)
        self.held = held


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done: what the target held before, if anything, and whether that was this same exchange later on.

    `version` is the config version in force now: a new one where later ones had been in force.
    """

    taken: Taken
    replaced: Held | None
    same: bool
    version: int


# The file ---------------------------------------------------------------------------------------------------------


def check(file: Path) -> None:
    """Read the whole file and raise `Unusable` unless it is a backup of ours, and sound. Writes nothing."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
    except FileNotFoundError as error:
        raise Unusable(f"{file}: there is no such file; name one that `exchange backup` made") from error
    except OSError as error:
        raise Unusable(f"{file}: cannot be read: {error.strerror}; name a file that `exchange backup` made") from error
    if magic != _MAGIC:
        raise Unusable(f"{file}: is no backup of an exchange; name a file that `exchange backup` made")
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    engine = create_engine(URL.create("sqlite", database=file.absolute().as_uri(), query=query), poolclass=NullPool)
    try:
        with engine.connect() as conn:
            _check(conn, file)
    except DatabaseError as error:
        raise Unusable(f"{file}: is damaged: {error.orig}; {_MENDED}") from error


def _check(conn: Connection, file: Path) -> None:
    if conn.exec_driver_sql("PRAGMA application_id").scalar() != backup.APPLICATION:
        raise Unusable(f"{file}: is a database, but no backup of an exchange; `exchange backup FILE` makes one")
    found = conn.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if found != "ok":
        raise Unusable(f"{file}: is damaged: {found}; {_MENDED}")
    row = conn.execute(select(about.c.format, about.c.release)).one()
    if row.format != backup.FORMAT:
        raise Unusable(f"{file}: was made by another release ({row.release}) in a form of its own: install that one")


@contextmanager
def opened(file: Path, folder: Path) -> Iterator[Engine]:
    """A checked file as a database of this release's schema: a copy in `folder`, gone afterwards. Raises `Unusable`."""
    with tempfile.TemporaryDirectory(prefix="restore-", dir=folder) as mine:
        copy = Path(mine) / "backup.db"
        shutil.copyfile(file, copy)
        engine = store.connect(backup.url(copy), 2)
        try:
            backup.migrate(engine)
            yield engine
        except store.NewerSchema as error:
            raise Unusable(f"{file}: was made by a newer release (schema {error}): install that one") from error
        finally:
            engine.dispose()


def taken(source: Connection) -> Taken:
    """What an opened file says of itself."""
    row = source.execute(select(about.c.taken, about.c.release)).one()
    return Taken(at=row.taken, release=row.release, held=backup.held(source))


def files(source: Connection) -> dict[str, str]:
    """The files of a home, as they were in force."""
    found: dict[str, str] = json.loads(store.config_row(source, store.config_version(source)[0]).files)
    return found


# Restoring --------------------------------------------------------------------------------------------------------


def load(engine: Engine, stores: Stores, *, clock: Clock, replace: bool, progress: Progress) -> Restored:
    """Put what an opened file holds in place of what the stores hold, and return once that is durable.

    Meanwhile nobody writes: publishers are told to come again. Raises `HoldsSomething`, and `backup.Unwritable` where
    the disk is full. Cost: O(what is held and what was).
    """
    with store.reading(engine) as source:
        with store.writing(stores.main) as conn:
            held = _alone(conn)
            if held and not replace:
                raise HoldsSomething(held)
            same = held is not None and carryover.same(conn, source)
            before = carryover.Before.of(conn, source) if same else carryover.Before()
            _replace(conn, source, progress)
            _replace_ledger(conn, stores, source, progress, keep=same)
            now = clock.now(conn)
            carryover.carry(conn, before, now)
            carryover.date_on(conn, before, now)
            _number_on(conn)
            version, _ = store.config_version(conn)
        outcome = Restored(taken=taken(source), replaced=held, same=same, version=version)
    _tidy(stores.main)
    return outcome


def _alone(conn: Connection) -> Held | None:
    """Keep every writer out until this transaction ends; what is held, None where nothing was ever in force."""
    version, _ = store.change_config(conn)
    _lock(conn, reversed(backup.MAIN))  # as a new key does: what refers, then what is referred to
    return backup.held(conn) if version else None


def _lock(conn: Connection, tables: Iterable[Table]) -> None:
    """Nobody else writes to them until this transaction ends; readers go on. SQLite's write lock is all of that."""
    if conn.dialect.name == "postgresql":
        for table in tables:
            conn.exec_driver_sql(f'LOCK TABLE "{table.name}" IN EXCLUSIVE MODE')


def _replace(conn: Connection, source: Connection, progress: Progress) -> None:
    backup.empty(conn, backup.MAIN)
    with progress("restoring objects", backup.count(source, backup.MAIN)) as advance:
        for table in backup.MAIN:
            backup.copy(source, conn, table, advance)


def _replace_ledger(conn: Connection, stores: Stores, source: Connection, progress: Progress, *, keep: bool) -> None:
    """The same exchange's own record is kept: it has all that the file has and what came later.

    On SQLite it is committed before the rest: who is stopped in between runs it again, and all of it is done again.
    """
    with nullcontext(conn) if stores.one else store.writing(stores.ledger) as lines:
        if keep and lines.scalar(select(ledgertables.served.c.number).limit(1)):
            return
        _lock(lines, backup.LEDGER)
        backup.empty(lines, backup.LEDGER)
        backup.copy_ledger(source, lines, progress)


def _number_on(conn: Connection) -> None:
    """Set PostgreSQL's sequences beyond the rows, and never back: what was rolled back would be given out again."""
    if conn.dialect.name != "postgresql":
        return
    for table in (*backup.MAIN, *backup.LEDGER):
        column = table.autoincrement_column
        if column is not None:
            sequence = f"{table.name}_{column.name}_seq"
            reached = select(literal_column("last_value")).select_from(TableClause(sequence)).scalar_subquery()
            greatest = select(func.max(column)).scalar_subquery()
            conn.execute(select(func.setval(sequence, func.greatest(greatest, reached))))


def _tidy(engine: Engine) -> None:
    """PostgreSQL sorts instead of walking an index until it has counted pages; SQLite asks for nothing."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")
