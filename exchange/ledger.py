"""The ledger: before the first byte of an answer that carries objects is sent, a durable line says who got what.

Promise 9: whatever a member received, a line has, also after `kill -9` or a power cut, so "who has it?" is answered
exactly and without replaying the policy. A line may stand for an answer that was cut off on its way; it is never
missing. Threads that answer at the same time share one commit: the first writes for all that wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from sqlalchemy import Connection, Engine, RowMapping, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from exchange import entries, polls, store
from exchange.ledgertables import metadata, served
from exchange.polls import Poll

_SCHEMA = store.Schema(metadata, folder="ledger", version_table="ledger_version")


def migrate(engine: Engine) -> None:
    """Bring the ledger's schema to what this release expects. Raises `store.NewerSchema`."""
    store.migrate(engine, _SCHEMA)


def hold_numbers(engine: Engine, ledger: Engine) -> None:
    """See that no version number in the ledger is ever given to another version.

    On SQLite, whose two files are synced apart, a power cut may take deposits that nobody was told of yet but somebody
    was served already. PostgreSQL's one log has them wherever it has the line.
    """
    if engine.dialect.name != "sqlite":
        return
    with store.reading(ledger) as conn:
        named = greatest(conn)
    with store.reading(engine) as conn:  # after the ledger: a server that runs meanwhile goes on
        known = entries.greatest(conn)
    if named > known:
        with store.writing(engine) as conn:
            entries.retire(conn, range(known + 1, named + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One answer: when its request came (microseconds UTC), to whom, under which config, and the versions in order.

    `versions` are numbers of `tables.version`, at least one; `key` is the key's id, empty where there is none.
    """

    at: int
    member: int
    collection: int
    key: str
    config: int
    versions: tuple[int, ...]


class Unwritten(Exception):
    """A line could not be made durable: its answer must not be sent. The cause says why."""


def reason(error: Unwritten) -> str:
    """Why, for the operator's log: what the database said, and nothing of what was to be written."""
    cause = error.__cause__
    return str(getattr(cause, "orig", None) or cause or type(error).__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    line: Line
    poll: Poll | None
    done: bool = False
    failure: SQLAlchemyError | None = None


class Ledger:
    """Writes lines, those of all threads that wait in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = Condition()
        self._queue: list[_Waiting] = []
        self._busy = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """What is written down, in one snapshot."""
        with store.reading(self._engine) as conn:
            yield conn

    def write(self, line: Line, poll: Poll | None = None) -> None:
        """Returns once the line is durable; `poll` is stored with it. Raises `Unwritten`: then neither is there.

        Cost: one synced commit for all threads that wait at the same time.
        """
        mine = _Waiting(line, poll)
        with self._changed:
            self._queue.append(mine)
            while self._busy and not mine.done:
                self._changed.wait()
            batch = [] if mine.done else self._take()
        if batch:
            self._commit(batch)
        if mine.failure is not None:
            raise Unwritten from mine.failure

    def _take(self) -> list[_Waiting]:
        """All that waits, for this thread to write."""
        self._busy = True
        batch, self._queue = self._queue, []
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        failure: SQLAlchemyError | None = SQLAlchemyError("the thread that wrote for all was ended")
        try:
            with store.writing(self._engine) as conn:
                add(conn, [one.line for one in batch])
                if found := [one.poll for one in batch if one.poll is not None]:
                    polls.keep(conn, found)
            failure = None
        except SQLAlchemyError as error:
            failure = error
        finally:
            with self._changed:
                self._busy = False
                for one in batch:
                    one.done, one.failure = True, failure
                self._changed.notify_all()


# Statements -------------------------------------------------------------------------------------------------------


def add(conn: Connection, lines: Sequence[Line]) -> None:
    """Insert lines. Cost: O(lines and their versions)."""
    rows = [
        {
            "at": x.at, "member": x.member, "collection": x.collection, "key": x.key, "config": x.config,
            "low": min(x.versions), "high": max(x.versions), "versions": pack(x.versions),
        }
        for x in lines
    ]  # fmt: skip
    conn.execute(insert(served), rows)


_LINE = (served.c.at, served.c.member, served.c.collection, served.c.key, served.c.config, served.c.versions)


def carrying(conn: Connection, collection: int, versions: frozenset[int]) -> Iterator[Line]:
    """The lines of a collection that carry one of these versions, oldest first.

    Cost: by served_by_high, one index entry for each line that was written since the oldest of the versions came, and
    O(versions) for each of those that could hold one by its least and greatest number.
    """
    query = (
        select(*_LINE)
        .where(served.c.collection == collection, served.c.high >= min(versions), served.c.low <= max(versions))
        .order_by(served.c.number)
        .execution_options(yield_per=1000)
    )
    for row in conn.execute(query).mappings():
        line = _line(row)
        if not versions.isdisjoint(line.versions):
            yield line


def greatest(conn: Connection) -> int:
    """The greatest version number that anybody was served, 0 if none. Cost: O(collections)."""
    each = select(func.max(served.c.high)).group_by(served.c.collection)
    return max(conn.scalars(each), default=0)


def _line(row: RowMapping) -> Line:
    return Line(**{**row, "versions": unpack(bytes(row["versions"]))})


# Version numbers as bytes -----------------------------------------------------------------------------------------


def pack(versions: Sequence[int]) -> bytes:
    """Numbers in their order: differences, zigzag, base 128 with the high bit for "more"; about a byte a number.

    Differences of neighbours are small: what is served together came together.
    """
    found = bytearray()
    before = 0
    for number in versions:
        step, before = number - before, number
        rest = step << 1 if step >= 0 else ~(step << 1)
        while rest > 0x7F:
            found.append(rest & 0x7F | 0x80)
            rest >>= 7
        found.append(rest)
    return bytes(found)


def unpack(packed: bytes) -> tuple[int, ...]:
    """What `pack` was given. Raises `ValueError` where it ends within a number."""
    found: list[int] = []
    number = rest = shift = 0
    for byte in packed:
        rest |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += rest >> 1 if not rest & 1 else ~(rest >> 1)
            found.append(number)
            rest = shift = 0
    if shift:
        raise ValueError("the packed numbers end within one")
    return tuple(found)
