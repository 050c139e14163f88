"""Statements on what waits for a person's word, and on the words that were said. One function, one statement.

`log` puts a held deposit here and takes it out where it ends; who may say what is `reviewing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from exchange import store
from exchange import tables as t


class Held(NamedTuple):
    """A deposit that waits; `key` is the id of the key that posted it, empty where there was none."""

    version: int
    publisher: int
    collection: int
    id: str
    type: str
    ver_text: str
    said: str
    submission: int | None
    source: int | None
    reasons: frozenset[str]
    key: str
    at: int


def hold(conn: Connection, rows: Iterable[tuple[int, frozenset[str], str, int]]) -> None:
    """(version, reasons, key, instant)."""
    found = [(version, " ".join(sorted(reasons)), key, at) for version, reasons, key, at in rows]
    store.insert_many(conn, t.held, ("version", "reasons", "key", "at"), found)


def let_go(conn: Connection, versions: Sequence[int]) -> None:
    """These wait no longer, whatever became of them."""
    for part in store.chunks(versions):
        conn.execute(delete(t.held).where(t.held.c.version.in_(part)))


def narrow(conn: Connection, version: int, reasons: frozenset[str]) -> None:
    """Some of the reasons are settled; these are left."""
    conn.execute(update(t.held).where(t.held.c.version == version).values(reasons=" ".join(sorted(reasons))))


def waiting(conn: Connection, *where: ColumnElement[bool]) -> list[Held]:
    """Everything that waits, the oldest first. Cost: O(that)."""
    v, h = t.version.c, t.held.c
    query = (
        select(
            v.number, v.publisher, v.collection, t.object_.c.id, t.object_.c.type, v.ver_text, v.said, v.submission,
            v.source, h.reasons, h.key, h.at,
        )
        .join(t.version, v.number == h.version)
        .join(t.object_, t.object_.c.number == v.object)
        .where(*where)
        .order_by(h.at, h.version)
    )  # fmt: skip
    return [Held(*row[:9], frozenset(row.reasons.split()), row.key, row.at) for row in conn.execute(query)]


def waiting_of(conn: Connection, versions: Sequence[int]) -> list[Held]:
    """Those of these versions that wait. Cost: O(versions)."""
    return [held for part in store.chunks(versions) for held in waiting(conn, t.held.c.version.in_(part))]


class Verdict(NamedTuple):
    """A word on a version: what it was from then on, of which `code`, by which key (empty: the operator)."""

    version: int
    at: int
    state: str
    code: str
    key: str


def add_verdicts(conn: Connection, verdicts: Sequence[Verdict]) -> None:
    if verdicts:
        conn.execute(insert(t.verdict), [v._asdict() for v in verdicts])


def verdicts(conn: Connection, versions: Sequence[int]) -> dict[int, Verdict]:
    """The last word on each of these versions. Cost: O(versions)."""
    query = select(*(t.verdict.c[name] for name in Verdict._fields)).order_by(t.verdict.c.at)
    return {
        row.version: Verdict(*row)
        for part in store.chunks(versions)
        for row in conn.execute(query.where(t.verdict.c.version.in_(part)))
    }
