"""Rights that change: what each member gains and loses, and the grants that bring what is older.

The decisions in force are stored (`reach`), so a config change, or a changed rule in new software, is a difference
between labels: lost ones are taken away from the next request on; gained ones come as one block of times of the
member's own, label by label, from the moment of the change on. No object is touched, and nobody else's times move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select

from exchange import logrows, sequencer, store
from exchange import tables as t
from exchange.interning import Readers
from exchange.logrows import Label, Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one member gains and loses in one collection, in labels. `again`: read before and after, exposed anew.

    `had` is all that it read before, by number.
    """

    member: int
    collection: int
    had: frozenset[int]
    gained: tuple[Label, ...]
    lost: tuple[Label, ...]
    again: tuple[Label, ...]


def differences(conn: Connection, collection: int, readers: Readers) -> Iterator[Difference]:
    """Stored decisions against those of `readers`. Cost: O(members × labels), nothing per object."""
    labels = {x.number: x for x in logrows.labels_of(conn, collection)}
    wanted: dict[int, set[int]] = defaultdict(set)
    for x in labels.values():
        for member in readers(x.expr) if not x.lane else readers(x.expr) & {x.lane}:
            wanted[member].add(x.number)
    have: dict[int, set[int]] = defaultdict(set)
    for r in logrows.reach_in(conn, collection):
        have[r.member].add(r.label)
    shadows = logrows.shadows(conn, collection)
    for member in sorted(wanted.keys() | have.keys()):
        lost = have[member] - wanted[member]
        gained = wanted[member] - have[member]
        again = {older for older, newer in shadows if newer in lost and older in have[member] & wanted[member]}
        if lost or gained:
            yield Difference(
                member=member, collection=collection, had=frozenset(have[member]), gained=_sorted(labels, gained),
                lost=_sorted(labels, lost), again=_sorted(labels, again),
            )  # fmt: skip


def _sorted(labels: Mapping[int, Label], numbers: set[int]) -> tuple[Label, ...]:
    return tuple(labels[n] for n in sorted(numbers))


def carry_out(
    conn: Connection, changes: Sequence[Difference], newcomers: frozenset[int], clock: sequencer.Clock,
    lead: int = sequencer.LEAD,
) -> int:  # fmt: skip
    """Put the differences in force; returns the clock when the grants got their times, for `check_in_time`.

    A newcomer reads the past at its original times. Needs the locks of all collections. The times come last.
    """
    last = store.lock_collections(conn)
    tops = _tops(conn, changes)
    latest = _latest(conn)
    logrows.drop_reach(conn, ((d.member, d.collection, x.number) for d in changes for x in (*d.lost, *d.again)))
    reach: list[Reach] = []
    blocks: list[tuple[Difference, int, int]] = []  # whose, which, how long
    for d in changes:
        coming = (*d.gained, *d.again)
        if d.member in newcomers:
            reach += [_reach(d, x, g=0, base=0, upto=0) for x in coming]
        elif coming:
            before = latest.get((d.member, d.collection))
            g = before.g + 1 if before else 1
            bases, size = _runs({x.root for x in coming}, tops)
            reach += [_reach(d, x, g=g, base=bases[x.root], upto=tops[x.root]) for x in coming]
            blocks.append((d, g, size))
    logrows.add_reach(conn, reach)
    return _stamp(conn, blocks, latest, last, clock, lead)


def _reach(d: Difference, x: Label, *, g: int, base: int, upto: int) -> Reach:
    return Reach(member=d.member, collection=d.collection, label=x.number, g=g, base=base, upto=upto)


def _tops(conn: Connection, changes: Sequence[Difference]) -> dict[int, int]:
    roots = {x.root for d in changes for x in (*d.gained, *d.again)}
    return {x.number: x.top for x in logrows.labels_by_number(conn, roots).values()}


def _runs(roots: set[int], tops: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """Where the run of each root label starts within the block, and the block's length."""
    bases: dict[int, int] = {}
    size = 0
    for root in sorted(roots):
        bases[root] = size
        size += tops[root]
    return bases, size


def _stamp(
    conn: Connection,
    blocks: Sequence[tuple[Difference, int, int]],
    latest: Mapping[tuple[int, int], Grant],
    last: Mapping[int, int],
    clock: sequencer.Clock,
    lead: int,
) -> int:
    """Give each block its times: after everything that its member could have read, from the lead on (3.6.5)."""
    where = sorted({d.collection for d, _, _ in blocks})
    now = max((clock.room(conn, last[c], lead) for c in where), default=clock.now(conn))
    rows = []
    for d, g, size in blocks:
        before = latest.get((d.member, d.collection))
        head = _head(now, last[d.collection], lead)
        first = max(head, last[d.collection] + before.shift, before.stop) if before else head
        stop = sequencer.ceil_millisecond(first + size)  # a client that cuts to milliseconds re-reads nothing
        rows.append(
            {"member": d.member, "collection": d.collection, "g": g, "head": head,
             "start": stop - size, "stop": stop, "shift": stop - head}
        )  # fmt: skip
    if rows:
        conn.execute(insert(t.grant), rows)
    for collection in where:
        store.set_last(conn, collection, _head(now, last[collection], lead))
    return now


def _head(now: int, last: int, lead: int) -> int:
    """Where the log is divided by a grant: on a whole millisecond, so that what follows ends on one for all."""
    return sequencer.ceil_millisecond(max(now + lead, last))


@dataclass(frozen=True, slots=True)
class Grant:
    """Entries up to `head` stand before this grant or in it, at start < time <= stop; later ones at instant + shift."""

    g: int
    head: int
    start: int
    stop: int
    shift: int


def _latest(conn: Connection) -> dict[tuple[int, int], Grant]:
    """The last grant of each member in each collection. Cost: O(members × collections) by the key."""
    c = t.grant.c
    newest = select(c.member, c.collection, func.max(c.g).label("g")).group_by(c.member, c.collection).subquery()
    query = select(c.member, c.collection, c.g, c.head, c.start, c.stop, c.shift).join(
        newest, (newest.c.member == c.member) & (newest.c.collection == c.collection) & (newest.c.g == c.g)
    )
    return {
        (row["member"], row["collection"]): Grant(**{k: row[k] for k in ("g", "head", "start", "stop", "shift")})
        for row in conn.execute(query).mappings()
    }


def of(conn: Connection, member: int, collection: int, first: int = 0) -> list[Grant]:
    """The member's grants in a collection from number `first` on. Cost: O(grants)."""
    c = t.grant.c
    query = select(c.g, c.head, c.start, c.stop, c.shift).where(
        c.member == member, c.collection == collection, c.g >= first
    )
    return [Grant(**row) for row in conn.execute(query.order_by(c.g)).mappings()]


def since(conn: Connection, member: int, collection: int, after: int) -> list[Grant]:
    """The grant whose block starts last at or before a time, and all later ones. Cost: O(those)."""
    values = {"m": member, "c": collection, "after": after}
    return [Grant(*row) for row in conn.execute(_SINCE, values)]


_GRANT = t.grant.c
_SINCE = (
    select(_GRANT.g, _GRANT.head, _GRANT.start, _GRANT.stop, _GRANT.shift)
    .where(_GRANT.member == bindparam("m"), _GRANT.collection == bindparam("c"))
    .where(
        _GRANT.g
        >= func.coalesce(
            select(_GRANT.g)
            .where(_GRANT.member == bindparam("m"), _GRANT.collection == bindparam("c"))
            .where(_GRANT.start <= bindparam("after"))
            .order_by(_GRANT.g.desc())
            .limit(1)
            .correlate(None)
            .scalar_subquery(),
            0,
        )
    )
    .order_by(_GRANT.g)
)
