"""Labels, interned: the same expression in the same lane under the same parent is one number.

A new label gets its decisions at once (`reach`): a first one by asking who is let in, a child by copying what its
parent's readers have, so that what they read stays where they read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from exchange import logrows, store, tables
from exchange.label import Expr
from exchange.logrows import Label, Reach

Readers = Callable[[Expr], frozenset[int]]  # numbers of the members whom an expression lets in, by the config in force


class Key(NamedTuple):
    lane: int
    expr: Expr
    parent: int


def intern(conn: Connection, collection: int, keys: Iterable[Key], readers: Readers) -> dict[Key, Label]:
    """The label of each key, made where missing. Needs the collection's lock. Cost: O(keys + members × new labels)."""
    wanted = set(keys)
    candidates = logrows.labels_by_expr(conn, collection, [k.expr for k in wanted])
    found = {k: x for x in candidates if (k := Key(x.lane, x.expr, x.parent)) in wanted}
    missing = sorted(wanted - found.keys(), key=lambda k: (k.parent, k.lane, k.expr.text))
    if not missing:
        return found
    parents = logrows.labels_by_number(conn, {k.parent for k in missing if k.parent})
    numbers = store.numbers(conn, tables.label, len(missing))
    new = [
        Label(
            number=n, collection=collection, lane=k.lane, expr=k.expr, parent=k.parent,
            root=parents[k.parent].root if k.parent else n, top=0,
        )
        for n, k in zip(numbers, missing, strict=True)
    ]  # fmt: skip
    logrows.add_labels(conn, new)
    _decide(conn, new, readers)
    return found | dict(zip(missing, new, strict=True))


def _decide(conn: Connection, new: list[Label], readers: Readers) -> None:
    inherited: dict[int, list[Reach]] = {}
    for r in logrows.reach_of_labels(conn, sorted({x.parent for x in new if x.parent})):
        inherited.setdefault(r.label, []).append(r)
    rows: list[Reach] = []
    for x in new:
        members = readers(x.expr) if not x.lane else readers(x.expr) & {x.lane}
        if x.parent:
            parents = (r for r in inherited.get(x.parent, ()) if r.member in members)
            rows += [Reach(member=r.member, collection=x.collection, label=x.number, g=r.g, base=r.base, upto=r.upto)
                     for r in parents]  # fmt: skip
        else:
            rows += [Reach(member=m, collection=x.collection, label=x.number, g=0, base=0, upto=0) for m in members]
    logrows.add_reach(conn, rows)
