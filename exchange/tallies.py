"""How many objects stand under which labels, kept in each commit: what makes `diff` exact and quick at any size.

Whether a member reads an object depends on the labels of the rows that it uses of it: its own lane's, and the common
ones where it has none of its own. So objects are counted by the set of those labels. A change of rights then asks each
set, and not each object, whether the member reads anything under it before and after.

Lane 0 counts every object by its common labels; a member's lane counts the objects of which it has rows of its own, by
the common labels that they have too and by those that the member uses instead.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from exchange import store
from exchange import tables as t
from exchange.logrows import Row

Labels = frozenset[int]
NONE: Labels = frozenset()


class Kind(NamedTuple):
    """What objects are counted by: `common` their common labels; `own` what the lane's member uses, empty in lane 0."""

    lane: int
    common: Labels
    own: Labels


@dataclass(frozen=True, slots=True)
class Moved:
    """Objects that a member gains and loses."""

    gained: int
    lost: int


def kinds(rows: Iterable[Row]) -> list[Kind]:
    """Of one object in one collection, from all its rows there. Pure."""
    entries: dict[int, int] = {}
    own: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        if row.lane:
            own[row.lane][row.at] = row.label
        else:
            entries[row.at] = row.label
    common = frozenset(entries.values())
    found = [Kind(0, common, NONE)] if common else []
    return found + [Kind(lane, common, frozenset((entries | mine).values())) for lane, mine in own.items()]


def difference(before: Mapping[int, Sequence[Row]], after: Mapping[int, Sequence[Row]]) -> Counter[Kind]:
    """What a commit adds to the tallies of a collection; `before` and `after` hold all rows of each object that it
    touches. Pure."""
    delta: Counter[Kind] = Counter()
    for rows in after.values():
        delta.update(kinds(rows))
    for rows in before.values():
        delta.subtract(kinds(rows))
    return delta


def add(conn: Connection, collection: int, delta: Mapping[Kind, int]) -> None:
    """Needs the collection's lock. Cost: O(kinds that change)."""
    changed = {kind: count for kind, count in delta.items() if count}
    digests = {labels: _digest(labels) for kind in changed for labels in (kind.common, kind.own)}
    store.insert_missing(conn, t.label_set, [{"digest": d, "labels": _text(s)} for s, d in digests.items()])
    rows = [
        {"collection": collection, "lane": k.lane, "common": digests[k.common], "own": digests[k.own], "objects": n}
        for k, n in changed.items()
    ]
    store.add_up(conn, t.tally, "objects", rows)
    if any(n < 0 for n in changed.values()):
        conn.execute(delete(t.tally).where(t.tally.c.collection == collection, t.tally.c.objects == 0))


def _text(labels: Labels) -> str:
    return " ".join(map(str, sorted(labels)))


def _digest(labels: Labels) -> bytes:
    return blake2b(_text(labels).encode(), digest_size=16).digest()


def stored(conn: Connection, collection: int, lanes: Sequence[int] | None = None) -> dict[Kind, int]:
    """The tallies of a collection, of some lanes or of all. Cost: O(kinds)."""
    common, own = t.label_set.alias(), t.label_set.alias()
    query = (
        select(t.tally.c.lane, common.c.labels, own.c.labels, t.tally.c.objects)
        .join(common, common.c.digest == t.tally.c.common)
        .join(own, own.c.digest == t.tally.c.own)
        .where(t.tally.c.collection == collection)
    )
    parts = [query] if lanes is None else [query.where(t.tally.c.lane.in_(part)) for part in store.chunks(lanes)]
    return {Kind(lane, _labels(a), _labels(b)): n for part in parts for lane, a, b, n in conn.execute(part)}


def _labels(text: str) -> Labels:
    return frozenset(map(int, text.split()))


class Counts:
    """The tallies of a collection as far as some members' questions need them."""

    def __init__(self, conn: Connection, collection: int, members: Iterable[int]) -> None:
        self._common: list[tuple[Labels, int]] = []
        self._own: dict[int, list[tuple[Kind, int]]] = defaultdict(list)
        for kind, count in stored(conn, collection, [0, *sorted(set(members))]).items():
            if kind.lane:
                self._own[kind.lane].append((kind, count))
            else:
                self._common.append((kind.common, count))
        self._known: dict[tuple[Labels, Labels], int] = {}

    def moved(self, member: int, before: Labels, after: Labels) -> Moved:
        """What the member gains and loses where it read the labels `before` and reads `after`. Cost: O(kinds)."""
        return Moved(gained=self._only(member, after, before), lost=self._only(member, before, after))

    def _only(self, member: int, labels: Labels, other: Labels) -> int:
        """Objects that one reads by `labels` and not by `other`. Members who read alike share the common count."""

        def counts(labels_of_object: Labels) -> bool:
            return not labels.isdisjoint(labels_of_object) and other.isdisjoint(labels_of_object)

        key = labels, other
        if key not in self._known:
            self._known[key] = sum(count for common, count in self._common if counts(common))
        return self._known[key] + sum(self._apart(member, counts))

    def _apart(self, member: int, counts: Callable[[Labels], bool]) -> Iterator[int]:
        """What differs from the common count: objects of which the member uses rows of its own."""
        for kind, count in self._own[member]:
            yield count * (counts(kind.own) - counts(kind.common))
