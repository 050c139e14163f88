"""Who is to be called, and when: statements on `looked` and `call`, and how far a member's view reaches.

Times of a view are the member's own (`feed`); instants are microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from exchange import grants, store
from exchange import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One member to be called by one channel; `id` stays the same however often it is tried."""

    member: int
    channel: str
    id: str
    since: int
    due: int
    tries: int


def looked(conn: Connection) -> dict[tuple[int, int], int]:
    """(member, collection) → up to where the view was looked at. Cost: O(those who want to be called)."""
    rows = conn.execute(select(t.looked.c.member, t.looked.c.collection, t.looked.c.reached))
    return {(member, collection): reached for member, collection, reached in rows}


def set_looked(conn: Connection, found: dict[tuple[int, int], int]) -> None:
    """Replace all of it."""
    conn.execute(delete(t.looked))
    rows = [{"member": m, "collection": c, "reached": reached} for (m, c), reached in sorted(found.items())]
    if rows:
        conn.execute(insert(t.looked), rows)


def reach(conn: Connection, member: int, collection: int, last: int) -> int:
    """The greatest time that the member's view of a collection knows; `last` of its log. Cost: O(grants)."""
    known = grants.of(conn, member, collection)
    return max(last + known[-1].shift, known[-1].stop) if known else last


def add(conn: Connection, calls: Sequence[Call]) -> None:
    """Those that are not waiting already: who is to be called anyway is called once."""
    store.insert_missing(conn, t.call, [asdict(one) for one in calls])


def waiting(conn: Connection, now: int) -> list[Call]:
    """Those that are due. Cost: O(calls)."""
    rows = conn.execute(select(t.call).where(t.call.c.due <= now).order_by(t.call.c.due, t.call.c.member))
    return [Call(**row) for row in rows.mappings()]


def done(conn: Connection, one: Call) -> None:
    """Made, or given up."""
    conn.execute(delete(t.call).where(_is(one)))


def later(conn: Connection, one: Call, due: int) -> None:
    """To be tried again."""
    conn.execute(update(t.call).where(_is(one)).values(due=due, tries=one.tries + 1))


def _is(one: Call) -> ColumnElement[bool]:
    return (t.call.c.member == one.member) & (t.call.c.channel == one.channel) & (t.call.c.id == one.id)
