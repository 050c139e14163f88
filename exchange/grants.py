"""Rights that change: what each member gains and loses, and the grants that bring what is older.

The decisions in force are stored (`reach`), so a config change, or a changed rule in new software, is a difference
between labels: lost ones are taken away from the next request on; gained ones come as one block of times of the
member's own, label by label, from the moment of the change on. No object is touched, and nobody else's times move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from exchange import entries, sequencer, store
from exchange import tables as t
from exchange.entries import Label, Reach
from exchange.interning import Readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one member gains and loses in one collection, in labels. `again`: read before and after, exposed anew."""

    member: int
    collection: int
    gained: tuple[Label, ...]
    lost: tuple[Label, ...]
    again: tuple[Label, ...]


def differences(conn: Connection, collection: int, readers: Readers) -> Iterator[Difference]:
    """Stored decisions against those of `readers`. Cost: O(members × labels), nothing per object."""
    labels = {x.number: x for x in entries.labels_of(conn, collection)}
    wanted: dict[int, set[int]] = defaultdict(set)
    for x in labels.values():
        for member in readers(x.expr) if not x.lane else readers(x.expr) & {x.lane}:
            wanted[member].add(x.number)
    have: dict[int, set[int]] = defaultdict(set)
    for r in entries.reach_in(conn, collection):
        have[r.member].add(r.label)
    shadows = entries.shadows(conn, collection)
    for member in sorted(wanted.keys() | have.keys()):
        lost = have[member] - wanted[member]
        gained = wanted[member] - have[member]
        again = {older for older, newer in shadows if newer in lost and older in have[member] & wanted[member]}
        if lost or gained:
            yield Difference(
                member=member, collection=collection, gained=_sorted(labels, gained),
                lost=_sorted(labels, lost), again=_sorted(labels, again),
            )  # fmt: skip


def _sorted(labels: Mapping[int, Label], numbers: set[int]) -> tuple[Label, ...]:
    return tuple(labels[n] for n in sorted(numbers))


def carry_out(
    conn: Connection, changes: Sequence[Difference], newcomers: frozenset[int], clock: sequencer.Clock
) -> None:
    """Put the differences in force. A newcomer reads the past at its original times. Needs all collections' locks."""
    last = store.lock_collections(conn)
    tops = _tops(conn, changes)
    for d in changes:
        entries.drop_reach(conn, [(d.member, d.collection, x.number) for x in (*d.lost, *d.again)])
        coming = (*d.gained, *d.again)
        if d.member in newcomers:
            entries.add_reach(conn, [_reach(d, x, g=0, base=0, upto=0) for x in coming])
        elif coming:
            last[d.collection] = _grant(conn, d, coming, tops, last[d.collection], clock)
    for collection, at in last.items():
        store.set_last(conn, collection, at)


def _reach(d: Difference, x: Label, *, g: int, base: int, upto: int) -> Reach:
    return Reach(member=d.member, collection=d.collection, label=x.number, g=g, base=base, upto=upto)


def _tops(conn: Connection, changes: Sequence[Difference]) -> dict[int, int]:
    roots = {x.root for d in changes for x in (*d.gained, *d.again)}
    return {x.number: x.top for x in entries.labels_by_number(conn, roots).values()}


def _grant(
    conn: Connection,
    d: Difference,
    coming: Sequence[Label],
    tops: Mapping[int, int],
    last: int,
    clock: sequencer.Clock,
) -> int:
    """One block of the member's own times, a run for each root label; returns the log's new last instant.

    The block starts after everything that the member could have read, and its later times move behind the block.
    """
    before = _latest(conn, d.member, d.collection)
    head = max(clock.room(conn, last) + sequencer.LEAD, last)
    first = max(head, last + before.shift, before.stop) if before else head
    roots = sorted({x.root for x in coming})
    size = sum(tops[root] for root in roots)
    stop = sequencer.ceil_millisecond(first + size)  # a client that cuts to milliseconds re-reads nothing
    start = base = stop - size
    bases: dict[int, int] = {}
    for root in roots:
        bases[root] = base
        base += tops[root]
    g = before.g + 1 if before else 1
    entries.add_reach(conn, [_reach(d, x, g=g, base=bases[x.root], upto=tops[x.root]) for x in coming])
    _add(conn, d, Grant(g=g, head=head, start=start, stop=stop, shift=stop - head))
    return head


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Entries up to `head` stand before this grant or in it, at start < time <= stop; later ones at instant + shift."""

    g: int
    head: int
    start: int
    stop: int
    shift: int


def _latest(conn: Connection, member: int, collection: int) -> Grant | None:
    query = select(func.max(t.grant.c.g)).where(t.grant.c.member == member, t.grant.c.collection == collection)
    found = of(conn, member, collection, conn.scalar(query) or 0)
    return found[-1] if found else None


def of(conn: Connection, member: int, collection: int, first: int = 0) -> list[Grant]:
    """The member's grants in a collection from number `first` on. Cost: O(grants)."""
    c = t.grant.c
    query = select(c.g, c.head, c.start, c.stop, c.shift).where(
        c.member == member, c.collection == collection, c.g >= first
    )
    return [Grant(**row) for row in conn.execute(query.order_by(c.g)).mappings()]


def _add(conn: Connection, d: Difference, grant: Grant) -> None:
    values = {"member": d.member, "collection": d.collection, "g": grant.g, "head": grant.head,
              "start": grant.start, "stop": grant.stop, "shift": grant.shift}  # fmt: skip
    conn.execute(insert(t.grant), [values])


def since(conn: Connection, member: int, collection: int, after: int) -> list[Grant]:
    """The grant whose block starts last at or before a time, and all later ones. Cost: O(those)."""
    c = t.grant.c
    first = (
        select(c.g)
        .where(c.member == member, c.collection == collection, c.start <= after)
        .order_by(c.g.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(c.g, c.head, c.start, c.stop, c.shift).where(
        c.member == member, c.collection == collection, c.g >= func.coalesce(first, 0)
    )
    return [Grant(**row) for row in conn.execute(query.order_by(c.g)).mappings()]
