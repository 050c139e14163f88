"""Statements on versions, labels, log rows, reach and claims: what the log is made of. One function, one statement.

Rows go out as frozen values and come in as such; audiences travel as `label.Audience`, interned by `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, insert, select, update

from exchange import store
from exchange import tables as t
from exchange.label import Audience, Expr, parse, parse_audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One publisher's deposit of one object version in one collection."""

    number: int
    collection: int
    publisher: int
    object: int
    ver: int
    refs: frozenset[int]
    creator: bool
    live: bool
    base: Audience
    whole: Audience
    shown: Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """What `intake` hands to the log: an accepted object, and who may read it by rules 2 to 7."""

    id: str
    type: str
    ver: int
    ver_text: str
    raw: bytes
    base: Audience
    said: str
    refs: frozenset[str]
    creator: bool


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


class Owned(NamedTuple):
    """A live version of one publisher's, with its bytes."""

    id: str
    collection: int
    ver: int
    json: bytes


# Versions -----------------------------------------------------------------------------------------------------

_VERSION = (
    t.version.c.number, t.version.c.collection, t.version.c.publisher, t.version.c.object, t.version.c.ver,
    t.version.c.refs, t.version.c.creator, t.version.c.deleted, t.version.c.base, t.version.c.whole, t.version.c.shown,
)  # fmt: skip


def versions(conn: Connection, *where: ColumnElement[bool]) -> list[Version]:
    rows = conn.execute(select(*_VERSION).where(*where)).mappings().all()
    wanted = {row[column] for row in rows for column in ("base", "whole", "shown")}
    texts = store.audience_texts(conn, sorted(wanted))
    audiences = {number: parse_audience(text) for number, text in texts.items()}
    return [_version(row, audiences) for row in rows]


def _version(row: RowMapping, audiences: dict[int, Audience]) -> Version:
    return Version(
        number=row["number"],
        collection=row["collection"],
        publisher=row["publisher"],
        object=row["object"],
        ver=row["ver"],
        refs=unpack(row["refs"]),
        creator=row["creator"],
        live=row["deleted"] is None,
        base=audiences[row["base"]],
        whole=audiences[row["whole"]],
        shown=audiences[row["shown"]],
    )


def pack(refs: Iterable[int]) -> str:
    return " ".join(map(str, sorted(refs)))


def unpack(refs: str) -> frozenset[int]:
    return frozenset(map(int, refs.split()))


def own_versions(conn: Connection, publisher: int, objects: Sequence[int]) -> list[Version]:
    """All versions of these objects by this publisher, deleted ones too. Cost: O(objects) by version_by_deposit."""
    return [
        v
        for part in store.chunks(objects)
        for v in versions(conn, t.version.c.publisher == publisher, t.version.c.object.in_(part))
    ]


def owned(conn: Connection, publisher: int, ids: Sequence[str]) -> list[Owned]:
    """The publisher's live versions of these STIX ids, in every collection. Cost: O(ids + versions)."""
    query = (
        select(t.object_.c.id, t.version.c.collection, t.version.c.ver, t.body.c.json)
        .join(t.version, t.version.c.object == t.object_.c.number)
        .join(t.body, t.body.c.number == t.version.c.body)
        .where(t.version.c.publisher == publisher, t.version.c.deleted.is_(None))
    )
    return [
        Owned(i, c, v, bytes(j))
        for part in store.chunks(ids)
        for i, c, v, j in conn.execute(query.where(t.object_.c.id.in_(part)))
    ]


def versions_in(conn: Connection, collection: int, objects: Sequence[int]) -> list[Version]:
    """Everybody's versions of these objects in one collection. Cost: O(objects) by version_by_object."""
    return [
        v
        for part in store.chunks(objects)
        for v in versions(conn, t.version.c.collection == collection, t.version.c.object.in_(part))
    ]


def versions_of(conn: Connection, object_: int) -> list[Version]:
    """Everybody's versions of one object, for operators. Cost: O(collections + its versions) by version_by_object."""
    found = [v for row in store.collections(conn).values() for v in versions_in(conn, row.number, [object_])]
    return sorted(found, key=lambda v: (v.collection, v.publisher, v.ver))


def told(conn: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(version text, what its markings said) of each version. Cost: O(versions)."""
    query = select(t.version.c.number, t.version.c.ver_text, t.version.c.said)
    return {
        n: (text, said)
        for part in store.chunks(numbers)
        for n, text, said in conn.execute(query.where(t.version.c.number.in_(part)))
    }


def ids_of(conn: Connection, objects: Sequence[int]) -> dict[int, str]:
    """STIX ids of object numbers. Cost: O(objects)."""
    query = select(t.object_.c.number, t.object_.c.id)
    return {n: i for part in store.chunks(objects) for n, i in conn.execute(query.where(t.object_.c.number.in_(part)))}


def shared_objects(conn: Connection, collection: int, publisher: int, objects: Sequence[int]) -> set[int]:
    """Those of the objects that others deposited in the collection too. Cost: O(objects) by version_by_object."""
    found: set[int] = set()
    for part in store.chunks(objects):
        query = select(t.version.c.object).where(
            t.version.c.collection == collection,
            t.version.c.object.in_(part),
            t.version.c.publisher != publisher,
        )
        found.update(conn.scalars(query))
    return found


def referrers(conn: Connection, publisher: int, targets: Sequence[int]) -> set[int]:
    """Objects of the publisher with a live version that refers to one of the targets. Cost: O(referrers)."""
    found: set[int] = set()
    for part in store.chunks(targets):
        query = (
            select(t.version.c.object)
            .join(t.reference, t.reference.c.version == t.version.c.number)
            .where(t.reference.c.publisher == publisher, t.reference.c.target.in_(part))
            .where(t.version.c.deleted.is_(None))
        )
        found.update(conn.scalars(query))
    return found


def shown(conn: Connection, numbers: Sequence[int]) -> dict[int, Audience]:
    """What the entries of each version partition now. Read it under the collection's lock. Cost: O(versions)."""
    found: dict[int, int] = {}
    for part in store.chunks(numbers):
        query = select(t.version.c.number, t.version.c.shown).where(t.version.c.number.in_(part))
        found |= dict(conn.execute(query).all())
    texts = store.audience_texts(conn, sorted(set(found.values())))
    return {number: parse_audience(texts[audience]) for number, audience in found.items()}


def add_versions(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert. Cost: O(rows)."""
    names = [column.name for column in t.version.columns]
    store.insert_many(conn, t.version, names, [[row[name] for name in names] for row in rows])


def drop_versions(conn: Connection, numbers: Sequence[int]) -> None:
    """Forget deleted versions that are deposited again: the new deposit takes their place."""
    for part in store.chunks(numbers):
        conn.execute(delete(t.reference).where(t.reference.c.version.in_(part)))
        conn.execute(delete(t.version).where(t.version.c.number.in_(part)))


def add_bodies(conn: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    """(number, JSON bytes)."""
    store.insert_many(conn, t.body, ("number", "json"), rows)


def add_references(conn: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """(publisher, target, version)."""
    store.insert_many(conn, t.reference, ("publisher", "target", "version"), rows)


def mark_deleted(conn: Connection, numbers: Sequence[int], now: int) -> None:
    for part in store.chunks(numbers):
        conn.execute(update(t.version).where(t.version.c.number.in_(part)).values(deleted=now))


def set_audiences(conn: Connection, versions: Sequence[Version]) -> None:
    """Store `whole` and `shown` of changed versions. Cost: O(versions)."""
    if not versions:
        return
    numbers = store.audience_numbers(conn, sorted({a.text for v in versions for a in (v.whole, v.shown)}))
    statement = (
        update(t.version)
        .where(t.version.c.number == bindparam("b_number"))
        .values(whole=bindparam("b_whole"), shown=bindparam("b_shown"))
    )
    conn.execute(
        statement,
        [{"b_number": v.number, "b_whole": numbers[v.whole.text], "b_shown": numbers[v.shown.text]} for v in versions],
    )


# Claims (rule 10) ---------------------------------------------------------------------------------------------


def claims(conn: Connection, collection: int, object_: int) -> list[tuple[int, Audience]]:
    """(publisher, audience) in the order in which they became readable. Cost: O(claims of the id)."""
    query = (
        select(t.claim.c.publisher, t.audience.c.text)
        .join(t.audience, t.audience.c.number == t.claim.c.audience)
        .where(t.claim.c.collection == collection, t.claim.c.object == object_)
        .order_by(t.claim.c.seq)
    )
    return [(publisher, parse_audience(text)) for publisher, text in conn.execute(query)]


def set_claims(conn: Connection, collection: int, object_: int, found: Sequence[tuple[int, Audience]]) -> None:
    conn.execute(delete(t.claim).where(t.claim.c.collection == collection, t.claim.c.object == object_))
    numbers = store.audience_numbers(conn, sorted({a.text for _, a in found}))
    rows = [
        {"collection": collection, "object": object_, "seq": seq, "publisher": p, "audience": numbers[a.text]}
        for seq, (p, a) in enumerate(found)
    ]
    if rows:
        conn.execute(insert(t.claim), rows)


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
