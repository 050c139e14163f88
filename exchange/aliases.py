"""Statements on anonymous deposits: what a publisher's objects are called in copies, and the copies there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from exchange import entries, store
from exchange import tables as t
from exchange.entries import Version


def copies(conn: Connection, publisher: int, objects: Sequence[int]) -> dict[int, int]:
    """Those of a member's objects that it deposited anonymously, with the copy of each. Cost: O(objects)."""
    found: dict[int, int] = {}
    c = t.alias.c
    for part in store.chunks(objects):
        query = select(c.object, c.copy).where(c.publisher == publisher, c.object.in_(part))
        found |= dict(conn.execute(query).all())
    return found


def copies_of(conn: Connection, object_: int) -> list[int]:
    """What an object is called in copies, whoever calls it so, for operators. Cost: O(anonymous objects)."""
    query = select(t.alias.c.copy).where(t.alias.c.object == object_, t.alias.c.copy != object_)
    return sorted(set(conn.scalars(query)))


def any_of(conn: Connection, publisher: int) -> bool:
    """Whether a member ever deposited anything anonymously. Cost: O(1)."""
    return conn.scalar(select(t.alias.c.object).where(t.alias.c.publisher == publisher).limit(1)) is not None


def add(conn: Connection, publisher: int, pairs: Iterable[tuple[int, int]]) -> None:
    """(object, copy); what is there stays. Cost: O(pairs)."""
    rows = [{"publisher": publisher, "object": o, "copy": c} for o, c in sorted(set(pairs))]
    store.insert_missing(conn, t.alias, rows)


def deposited(conn: Connection, publisher: int, objects: Sequence[int]) -> frozenset[int]:
    """Those of the objects that a publisher ever deposited. Cost: O(objects) by version_by_deposit."""
    found: set[int] = set()
    for part in store.chunks(objects):
        query = select(t.version.c.object).where(t.version.c.publisher == publisher, t.version.c.object.in_(part))
        found.update(conn.scalars(query))
    return frozenset(found)


class Copied(NamedTuple):
    """A version of a copy. `own`: the version of the object itself, None where that is not live any more."""

    object: int
    collection: int
    ver: int
    ver_text: str
    json: bytes
    live: bool
    own: int | None


def copied(conn: Connection, publisher: int, objects: Sequence[int]) -> list[Copied]:
    """Every version of these copies, deleted ones too. Cost: O(objects + versions) by version_by_deposit."""
    found: list[Copied] = []
    v, original = t.version.alias(), t.version.alias()
    for part in store.chunks(objects):
        query = (
            select(v.c.object, v.c.collection, v.c.ver, v.c.ver_text, t.body.c.json, v.c.deleted, original.c.ver)
            .join(t.body, t.body.c.number == v.c.body)
            .outerjoin(original, (original.c.number == v.c.source) & original.c.deleted.is_(None))
            .where(v.c.publisher == -publisher, v.c.object.in_(part))
        )
        rows = conn.execute(query)
        found += [Copied(o, c, n, text, bytes(json), gone is None, own) for o, c, n, text, json, gone, own in rows]
    return found


class Waiting(NamedTuple):
    """A copy that is to enter, or to be read by more."""

    number: int
    publisher: int
    submission: int | None


def due(conn: Connection, until: int) -> list[Waiting]:
    """All copies with a step due by then. Cost: O(what is due) by version_by_due."""
    c = t.version.c
    query = select(c.number, c.publisher, c.submission).where(c.due.is_not(None), c.due <= until, c.publisher < 0)
    return [Waiting(*row) for row in conn.execute(query.order_by(c.number))]


def standing_for(conn: Connection, numbers: Sequence[int]) -> list[Version]:
    """The live copies of these versions. Cost: O(numbers) by version_by_source."""
    live = t.version.c.deleted.is_(None)
    return [v for part in store.chunks(numbers) for v in entries.versions(conn, t.version.c.source.in_(part), live)]


def originals(conn: Connection, publisher: int, objects: Sequence[int]) -> dict[int, int]:
    """Of a member's copies, what it calls each. Cost: O(objects) by alias_by_copy."""
    found: dict[int, int] = {}
    c = t.alias.c
    for part in store.chunks(objects):
        query = select(c.copy, c.object).where(c.publisher == publisher, c.copy.in_(part))
        found |= dict(conn.execute(query).all())
    return found
