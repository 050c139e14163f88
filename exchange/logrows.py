"""Statements on labels, log rows, reach and shadows: the log in the database. One function, one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from exchange import store
from exchange import tables as t
from exchange.label import Expr, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    number: int
    collection: int
    lane: int
    expr: Expr
    parent: int
    root: int
    top: int


class Row(NamedTuple):
    """One row of the log."""

    label: int
    at: int
    collection: int
    lane: int
    n: int
    version: int
    object: int
    publisher: int
    ver: int
    apart: bool
    superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    member: int
    collection: int
    label: int
    g: int
    base: int
    upto: int


# Labels -------------------------------------------------------------------------------------------------------


def labels(conn: Connection, *where: ColumnElement[bool]) -> list[Label]:
    c = t.label.c
    query = select(c.number, c.collection, c.lane, c.expr, c.parent, c.root, c.top).where(*where)
    rows = conn.execute(query.order_by(c.number)).mappings()
    return [Label(**{**row, "expr": parse(row["expr"])}) for row in rows]


def labels_of(conn: Connection, collection: int) -> list[Label]:
    """Every label of a collection. Cost: O(labels)."""
    return labels(conn, t.label.c.collection == collection)


def labels_by_number(conn: Connection, numbers: Iterable[int]) -> dict[int, Label]:
    """Those and their roots. Cost: O(labels)."""
    found = {
        x.number: x for part in store.chunks(sorted(set(numbers))) for x in labels(conn, t.label.c.number.in_(part))
    }
    missing = {x.root for x in found.values()} - found.keys()
    return found | (labels_by_number(conn, missing) if missing else {})


def labels_by_expr(conn: Connection, collection: int, exprs: Sequence[Expr]) -> list[Label]:
    """Candidates for interning. Cost: O(labels with one of the expressions)."""
    return [
        x
        for part in store.chunks(sorted({e.text for e in exprs}))
        for x in labels(conn, t.label.c.collection == collection, t.label.c.expr.in_(part))
    ]


def add_labels(conn: Connection, new: Sequence[Label]) -> None:
    if new:
        rows = [
            {"number": x.number, "collection": x.collection, "lane": x.lane, "expr": x.expr.text,
             "parent": x.parent, "root": x.root, "top": x.top} for x in new
        ]  # fmt: skip
        conn.execute(insert(t.label), rows)


def set_tops(conn: Connection, tops: dict[int, int]) -> None:
    if tops:
        statement = update(t.label).where(t.label.c.number == bindparam("b_number")).values(top=bindparam("b_top"))
        conn.execute(statement, [{"b_number": n, "b_top": top} for n, top in tops.items()])


# Log rows -----------------------------------------------------------------------------------------------------


def rows_of(conn: Connection, versions: Sequence[int]) -> list[Row]:
    """All rows of these versions. Cost: O(rows) by log_by_version."""
    return [
        Row(**row)
        for part in store.chunks(versions)
        for row in conn.execute(select(t.log).where(t.log.c.version.in_(part))).mappings()
    ]


def rows_of_objects(conn: Connection, collection: int, objects: Sequence[int]) -> list[Row]:
    """All rows of these objects in one collection. Cost: O(rows) by log_by_object."""
    return [
        Row(**row)
        for part in store.chunks(objects)
        for row in conn.execute(
            select(t.log).where(t.log.c.collection == collection, t.log.c.object.in_(part))
        ).mappings()
    ]


def add_rows(conn: Connection, rows: Sequence[Row]) -> None:
    if rows:
        store.insert_many(conn, t.log, Row._fields, rows)


def relabel(conn: Connection, changes: Sequence[tuple[Row, Row]]) -> None:
    """(before, after): label, apart and superseded may differ; instant and n never do. Cost: O(changes)."""
    if not changes:
        return
    statement = (
        update(t.log)
        .where(t.log.c.label == bindparam("b_label"), t.log.c.at == bindparam("b_at"))
        .values(label=bindparam("n_label"), apart=bindparam("n_apart"), superseded=bindparam("n_superseded"))
    )
    conn.execute(
        statement,
        [
            {
                "b_label": a.label,
                "b_at": a.at,
                "n_label": b.label,
                "n_apart": b.apart,
                "n_superseded": b.superseded,
            }
            for a, b in changes
        ],
    )


def drop_rows(conn: Connection, rows: Sequence[Row]) -> None:
    if rows:
        statement = delete(t.log).where(t.log.c.label == bindparam("b_label"), t.log.c.at == bindparam("b_at"))
        conn.execute(statement, [{"b_label": r.label, "b_at": r.at} for r in rows])


# Reach and shadows --------------------------------------------------------------------------------------------


def reach_of_labels(conn: Connection, wanted: Sequence[int]) -> list[Reach]:
    """Who reads these labels. Cost: O(rows) by reach_by_label."""
    return [
        Reach(**row)
        for part in store.chunks(wanted)
        for row in conn.execute(select(t.reach).where(t.reach.c.label.in_(part))).mappings()
    ]


def reach_in(conn: Connection, collection: int) -> Iterator[Reach]:
    """Every decision in force in a collection. Cost: O(members × labels)."""
    query = select(t.reach).where(t.reach.c.collection == collection)
    return (Reach(**row) for row in conn.execute(query).mappings())


def add_reach(conn: Connection, rows: Sequence[Reach]) -> None:
    if rows:
        conn.execute(insert(t.reach), [{name: getattr(r, name) for name in Reach.__slots__} for r in rows])


def drop_reach(conn: Connection, rows: Iterable[tuple[int, int, int]]) -> None:
    """(member, collection, label) no longer readable."""
    values = [{"b_member": m, "b_collection": c, "b_label": x} for m, c, x in rows]
    if values:
        c = t.reach.c
        statement = delete(t.reach).where(
            c.member == bindparam("b_member"),
            c.collection == bindparam("b_collection"),
            c.label == bindparam("b_label"),
        )
        conn.execute(statement, values)


def add_shadows(conn: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    store.insert_missing(conn, t.shadow, [{"older": a, "newer": b} for a, b in sorted(set(pairs))])


def shadows(conn: Connection, collection: int) -> list[tuple[int, int]]:
    """(older, newer) labels of a collection. Cost: O(pairs)."""
    query = select(t.shadow.c.older, t.shadow.c.newer).join(t.label, t.label.c.number == t.shadow.c.older)
    return [(a, b) for a, b in conn.execute(query.where(t.label.c.collection == collection))]
