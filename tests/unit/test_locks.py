"""Who has to wait for whom: the locks that writers take, asked of a second connection that does not wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from exchange import store


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = store.connect(database, 4)
    store.migrate(made)
    with store.writing(made) as conn:
        store.add_members(conn, ["alice", "bob"], 1)
        store.add_collections(conn, ["a", "b"])
    yield made
    made.dispose()


def free(engine: Engine, statement: str) -> bool:
    """Whether another connection gets what the statement asks for at once."""
    try:
        with store.writing(engine) as conn:
            return conn.execute(text(statement)).scalar() is not False
    except OperationalError:
        return False


def test_a_sqlite_transaction_that_writes_has_the_lock_from_its_beginning(tmp_path: Path) -> None:
    """One that turned to writing later would fail at once, or write on what it read before another did."""
    engine = store.connect(f"sqlite:///{tmp_path}/exchange.db")
    store.migrate(engine)
    other = sqlite3.connect(tmp_path / "exchange.db", timeout=0, isolation_level=None)
    with store.writing(engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


Take = Callable[[Connection], object]
ROW = "SELECT number FROM {} WHERE number = {} FOR UPDATE NOWAIT"
LOCKS: dict[str, tuple[Take, str, bool]] = {
    "a collection's sequencer": (lambda c: store.lock_collections(c, [1]), ROW.format("collection", 1), False),
    "and no other's": (lambda c: store.lock_collections(c, [1]), ROW.format("collection", 2), True),
    "all sequencers": (store.lock_collections, ROW.format("collection", 2), False),
    "a publisher": (lambda c: store.lock_publisher(c, 1), ROW.format("member", 1), False),
    "and no other publisher": (lambda c: store.lock_publisher(c, 1), ROW.format("member", 2), True),
    "writers hold the config": (store.hold_config, "SELECT pg_try_advisory_xact_lock(815)", False),
    "writers share it": (store.hold_config, "SELECT pg_try_advisory_xact_lock_shared(815)", True),
    "a change has it alone": (store.change_config, "SELECT pg_try_advisory_xact_lock_shared(815)", False),
}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.postgresql
def test_on_postgresql_a_lock_keeps_out_just_who_has_to_wait(engine: Engine) -> None:
    for name, (take, asked, at_once) in LOCKS.items():
        assert free(engine, asked), name
        with store.writing(engine) as conn:
            take(conn)
            assert free(engine, asked) is at_once, name
