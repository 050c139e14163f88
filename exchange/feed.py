"""One member's view of one collection: objects, manifest, versions and single objects from one and the same query.

The view is a sequence in the member's own time: the log up to its first grant, the grant's block, the log after that
moved behind the block, the next grant, and so on. A cursor is a time in this sequence and nothing else, so `next` and
`added_after` are one code path, every process can answer it, and it stays valid through every change of rights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from exchange import grants, pages
from exchange.grants import Grant
from exchange.pages import View

FOREVER = (1 << 62) - 1
MOST_CANDIDATES = 20_000  # log rows looked at by one statement
PAGE_BYTES = 16 << 20  # of objects in one answer; a page ends before the one that would exceed it


@dataclass(frozen=True, slots=True)
class Record:
    """One object version as this member sees it: `date_added` in its own time, microseconds."""

    date_added: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What an answer shows of a record; `raw` is empty in manifest and versions.

    `number` is the version's in the store, for the ledger; 0 where the object is computed and not stored.
    """

    number: int = 0
    date_added: int
    id: str
    type: str
    version: str
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Page:
    items: tuple[Item, ...]
    more: bool


def objects(conn: Connection, view: View, *, after: int, limit: int) -> Page:
    """Whole objects after a time, oldest first, at most `limit` and at most `PAGE_BYTES` (but one always fits)."""
    found = records(conn, view, after=after, limit=limit + 1)
    items: list[Item] = []
    size = 0
    for part in _portions(found[:limit]):
        rows = pages.bodies(conn, [r.version for r in part])
        for r in part:
            row = rows[r.version]
            size += len(row.json)
            if items and size > PAGE_BYTES:
                return Page(tuple(items), more=True)
            items.append(
                Item(
                    number=r.version,
                    date_added=r.date_added,
                    id=row.id,
                    type=row.type,
                    version=row.ver_text,
                    raw=bytes(row.json),
                )
            )
    return Page(tuple(items), more=len(found) > limit)


def _portions(found: Sequence[Record], size: int = 1000) -> Iterator[Sequence[Record]]:
    for i in range(0, len(found), size):
        yield found[i : i + size]


def manifest(conn: Connection, view: View, *, after: int, limit: int) -> Page:
    """The same records without the objects: manifest and versions resources."""
    found = records(conn, view, after=after, limit=limit + 1)
    rows = pages.heads(conn, [r.version for r in found[:limit]])
    items = tuple(
        Item(number=r.version, date_added=r.date_added, id=row.id, type=row.type, version=row.ver_text)
        for r in found[:limit]
        if (row := rows[r.version])
    )
    return Page(items, more=len(found) > limit)


def records(conn: Connection, view: View, *, after: int, limit: int) -> list[Record]:
    """The first `limit` records after a time. Cost: O(limit + labels), whatever the collection's size."""
    if view.filters.ids:
        return _by_object(conn, view, after)[:limit]
    found: list[Record] = []
    for part in _parts(conn, view, after):
        if len(found) >= limit:
            break
        found += part.read(conn, view, after, limit - len(found))
    return found


@dataclass(frozen=True, slots=True)
class _Log:
    """A stretch of the log: entries in (start, stop], shown at instant + shift, of labels up to grant g."""

    g: int
    start: int
    stop: int
    shift: int

    def read(self, conn: Connection, view: View, after: int, limit: int) -> list[Record]:
        found: list[Record] = []
        bound, size = max(self.start, after - self.shift), limit + limit // 2 + 3
        while len(found) < limit and bound < self.stop:
            rows, bound = pages.log_page(conn, view, g=self.g, after=bound, upto=self.stop, limit=size)
            found += [Record(row.at + self.shift, row.version) for row in rows]
            size = min(2 * size, MOST_CANDIDATES)  # where little counts, look further at a time
        return found[:limit]


@dataclass(frozen=True, slots=True)
class _Block:
    """The block of one grant: label after label, each row at start + the run's base + its position."""

    grant: Grant

    def read(self, conn: Connection, view: View, after: int, limit: int) -> list[Record]:
        found: list[Record] = []
        g, start = self.grant.g, self.grant.start
        inside = max(after - start, 0)
        for base, upto in pages.grant_runs(conn, view, g=g, after=inside):
            if len(found) >= limit:
                break
            rest = limit - len(found)
            rows = pages.run_page(conn, view, g=g, base=base, upto=upto, after=max(inside, base), limit=rest)
            found += [Record(start + base + row.n, row.version) for row in rows]
        return found


def _parts(conn: Connection, view: View, after: int) -> Iterator[_Log | _Block]:
    """What of the view lies after a time, in order."""
    known = grants.since(conn, view.member, view.collection, after)
    before = Grant(g=0, head=0, start=0, stop=0, shift=0)
    if known and known[0].start <= after:
        before, known = known[0], known[1:]
        if after < before.stop:
            yield _Block(before)
    for grant in known:
        yield _Log(before.g, before.head, grant.head, before.shift)
        yield _Block(grant)
        before = grant
    yield _Log(before.g, before.head, FOREVER, before.shift)


def _by_object(conn: Connection, view: View, after: int) -> list[Record]:
    """The records of a few ids, by way of the ids."""
    rows = pages.object_rows(conn, view)
    known = grants.of(conn, view.member, view.collection) if rows else []
    found = [Record(_time(row.at, row.n, row.g, row.base, row.upto, known), row.version) for row in rows]
    return sorted((r for r in found if r.date_added > after), key=lambda r: r.date_added)


def _time(at: int, n: int, g: int, base: int, upto: int, known: Sequence[Grant]) -> int:
    """When this member got a row: in the grant its label came with, or in the log."""
    if g and n <= upto:
        return next(grant.start for grant in known if grant.g == g) + base + n
    return at + next((grant.shift for grant in reversed(known) if grant.head < at), 0)
