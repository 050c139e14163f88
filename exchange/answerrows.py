"""Statements on responses: which versions answer which finding, and which are to follow it. One each.

Whom a response is for depends on the audience of what it answers, which is another publisher's. So a change of that
marks the responses in its own commit, and they follow in commits of their own (`following`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from exchange import store
from exchange import tables as t

_COLUMNS = ("version", "kind", "word", "publisher", "collection", "object", "at", "due")


class Row(NamedTuple):
    """`version` answers what `publisher` (below 0: anonymously) deposited of an `object` in a `collection`."""

    version: int
    kind: str
    word: str
    publisher: int
    collection: int
    object: int
    at: int
    due: int | None


_ROWS = select(*(t.response.c[name] for name in _COLUMNS))


def add(conn: Connection, rows: Sequence[Row]) -> None:
    """Cost: O(rows)."""
    store.insert_many(conn, t.response, _COLUMNS, rows)


def to(conn: Connection, objects: Sequence[int]) -> list[Row]:
    """Everything that answers these objects, the oldest first. Cost: O(those) by response_by_object."""
    c = t.response.c
    found = [Row(*r) for part in store.chunks(objects) for r in conn.execute(_ROWS.where(c.object.in_(part)))]
    return sorted(found, key=lambda row: (row.at, row.version))


def touch(conn: Connection, objects: Sequence[int], now: int) -> None:
    """The audience of these changed: what answers them is to be looked at. Cost: O(objects) by response_by_object."""
    for part in store.chunks(objects):
        conn.execute(update(t.response).where(t.response.c.object.in_(part)).values(due=now))


def due(conn: Connection, until: int, limit: int) -> list[Row]:
    """What is to be looked at by then, the earliest first. Cost: O(limit) by response_by_due."""
    c = t.response.c
    query = _ROWS.where(c.due.is_not(None), c.due <= until).order_by(c.due, c.version).limit(limit)
    return [Row(*row) for row in conn.execute(query)]


def looked(conn: Connection, row: Row, again: int | None) -> None:
    """It was looked at, and is to be at `again`; what changed meanwhile stays due. Cost: O(1)."""
    c = t.response.c
    conn.execute(update(t.response).where(c.version == row.version, c.due == row.due).values(due=again))
