"""Statements by which deposits change hands. One function, one statement but where two tables hold the same."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, select, union_all, update
from sqlalchemy.orm import aliased

from exchange import entries, store
from exchange import tables as t
from exchange.entries import Version


def versions_of(conn: Connection, publisher: int) -> list[Version]:
    """All versions of a publisher. Cost: O(those)."""
    return entries.versions(conn, t.version.c.publisher == publisher)


def in_common(conn: Connection, old: int, new: int) -> list[tuple[int, str, str]]:
    """(collection, STIX id, version) of what both have live, under a name or none. Cost: O(old's versions)."""
    a, b = aliased(t.version), aliased(t.version)
    parts = [
        select(a.c.collection, t.object_.c.id, a.c.ver_text)
        .join(b, and_(b.c.publisher == sign * new, b.c.object == a.c.object, b.c.collection == a.c.collection,
                      b.c.ver == a.c.ver))
        .join(t.object_, t.object_.c.number == a.c.object)
        .where(a.c.publisher == sign * old, a.c.deleted.is_(None), b.c.deleted.is_(None))
        for sign in (1, -1)
    ]  # fmt: skip
    return sorted((c, i, v) for c, i, v in conn.execute(union_all(*parts)))


def deleted_twins(conn: Connection, numbers: Sequence[int], new: int) -> list[int]:
    """Of the same versions that both had, the successor's, which is deleted. Cost: O(numbers)."""
    a, b = aliased(t.version), aliased(t.version)
    query = select(b.c.number).join(
        a, and_(b.c.publisher == new, b.c.object == a.c.object, b.c.collection == a.c.collection, b.c.ver == a.c.ver)
    )
    return [n for part in store.chunks(numbers) for n in conn.scalars(query.where(a.c.number.in_(part)))]


def move_versions(conn: Connection, numbers: Sequence[int], old: int, new: int) -> None:
    """Versions, their entries and what they refer to. Cost: O(old's references, and the versions' entries)."""
    for part in store.chunks(numbers):
        conn.execute(update(t.version).where(t.version.c.number.in_(part)).values(publisher=new))
        conn.execute(update(t.log).where(t.log.c.version.in_(part)).values(publisher=new))
    conn.execute(update(t.reference).where(t.reference.c.publisher == old).values(publisher=new))


def move_aliases(conn: Connection, old: int, new: int) -> None:
    """The links from anonymous copies; where both have one for an id, each keeps its own. Cost: O(old's)."""
    known = select(t.alias.c.object).where(t.alias.c.publisher == new).scalar_subquery()
    mine = and_(t.alias.c.publisher == old, t.alias.c.object.not_in(known))
    conn.execute(update(t.alias).where(mine).values(publisher=new))


def move_responses(conn: Connection, old: int, new: int, now: int) -> None:
    """What answers old's deposits is for the successor, once it follows. Cost: O(responses)."""
    c = t.response.c
    for sign in (1, -1):
        mine = c.publisher == sign * old
        conn.execute(update(t.response).where(mine).values(publisher=sign * new, due=now))


def move_cases(conn: Connection, old: int, new: int) -> None:
    """With its findings goes what they are grouped in. Cost: O(cases)."""
    conn.execute(update(t.case).where(t.case.c.owner == old).values(owner=new))


def move_statuses(conn: Connection, old: int, new: int) -> None:
    """What became of old's submissions is the successor's to ask. Cost: O(old's statuses)."""
    conn.execute(update(t.status).where(t.status.c.member == old).values(member=new))
