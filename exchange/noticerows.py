"""Statements on notices: what some members are yet to be told of a version, and who was. One function, one statement.

A notice is made in the commit that it tells of, so what is withdrawn is never withdrawn in silence; whom it concerns is
worked out afterwards, from the ledger (`notices`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from exchange import store
from exchange import tables as t

RECALL = "recall"
EMBARGO_ENDED = "embargo-ended"
ATTRIBUTION = "attribution"
ALARM = "alarm"  # a sighting that ends an embargo; the reason is its word (`answers`)
DUE_SOON, DUE = "due-soon", "due"  # an answer to a finding is asked for; the reason is by when
SUPERSEDED = "superseded"  # the reason of a recall that nobody asked for: a newer version closed the older one


class Notice(NamedTuple):
    """`at`: when what it tells of happened; `due`: when to look next whom it concerns. Microseconds UTC."""

    number: int
    kind: str
    version: int
    reason: str
    at: int
    due: int


class Told(NamedTuple):
    """A member that was told of a version; `note` is the number of the note's version."""

    kind: str
    reason: str
    version: int
    member: int
    note: int


def add(
    conn: Connection, kind: str, reason: str, versions: Iterable[int], now: int, due: int | None = None
) -> None:  # fmt: skip
    """One notice for each version, to be looked at when it is `due`, by the next round if that is left out.

    Cost: O(versions).
    """
    look = now if due is None else due
    rows = [
        {"kind": kind, "version": v, "reason": reason, "at": now, "due": look} for v in sorted(set(versions))
    ]  # fmt: skip
    if rows:
        conn.execute(insert(t.notice), rows)


def due(conn: Connection, until: int, limit: int) -> list[Notice]:
    """Those to be looked at by then, the earliest first. Cost: O(limit) by notice_by_due."""
    c = t.notice.c
    query = select(c.number, c.kind, c.version, c.reason, c.at, c.due).where(c.due.is_not(None), c.due <= until)
    return [Notice(*row) for row in conn.execute(query.order_by(c.due, c.number).limit(limit))]


def set_due(conn: Connection, dues: Sequence[tuple[int, int | None]]) -> None:
    """(number, when to look next; None: never again). Cost: O(those)."""
    c = t.notice.c
    statement = update(t.notice).where(c.number == bindparam("b_number")).values(due=bindparam("b_due"))
    if dues:
        conn.execute(statement, [{"b_number": number, "b_due": at} for number, at in dues])


def told(conn: Connection, versions: Sequence[int]) -> list[Told]:
    """Who was told of these versions, and by which notes. Cost: O(versions and their notices) by notice_by_version."""
    query = (
        select(t.notice.c.kind, t.notice.c.reason, t.notice.c.version, t.told.c.member, t.told.c.version)
        .join(t.told, t.told.c.notice == t.notice.c.number)
        .order_by(t.notice.c.number, t.told.c.member)
    )
    return [
        Told(*row) for part in store.chunks(versions) for row in conn.execute(query.where(t.notice.c.version.in_(part)))
    ]


def add_told(conn: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """(notice, member, version of the note)."""
    store.insert_many(conn, t.told, ("notice", "member", "version"), rows)
