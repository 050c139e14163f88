"""A whole log, checked again from what is stored: run by `exchange audit` and after every test that writes.

Each finding is one sentence that names numbers, never contents. An empty list is the promise kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from sqlalchemy import Connection, select

from exchange import claims, entries, grants, logrows, store, tallies
from exchange import tables as t
from exchange.audiences import node, own_ids
from exchange.closure import Both, resolve
from exchange.entries import Version
from exchange.interning import Readers
from exchange.label import EVERYBODY, NOBODY, NONE, Audience, ending
from exchange.logrows import Label, Row


def audit(conn: Connection, readers: Readers) -> list[str]:
    """Every disagreement between versions, labels, rows, reach and grants. Cost: O(everything)."""
    found: list[str] = []
    for row in store.collections(conn).values():
        found += _collection(conn, row, readers)
    for publisher in entries.publishers(conn):
        found += _closure(conn, publisher)
    return found + list(_notes(conn))


def _collection(conn: Connection, row: store.CollectionRow, readers: Readers) -> Iterator[str]:
    labels = {x.number: x for x in logrows.labels_of(conn, row.number)}
    where = f"collection {row.uid}"
    rows = [Row(**r) for r in conn.execute(select(t.log).where(t.log.c.collection == row.number)).mappings()]
    by_version: dict[int, list[Row]] = defaultdict(list)
    for r in rows:
        by_version[r.version].append(r)
        if r.label not in labels or labels[r.label].lane != r.lane:
            yield f"{where}: the row at {r.at} has a label of another lane or collection"
    if rows and max(r.at for r in rows) > row.last:
        yield f"{where}: an entry stands after the last instant given out"
    versions = entries.versions(conn, t.version.c.collection == row.number)
    for v in versions:
        yield from (f"{where}: version {v.number}: {x}" for x in _entries(v, by_version.pop(v.number, []), labels))
        yield from (f"{where}: version {v.number}: {x}" for x in _steps(v))
    yield from (f"{where}: rows of version {n}, which is not stored" for n in by_version)
    yield from (f"{where}: {x}" for x in _times(rows, labels))
    yield from (f"{where}: {x}" for x in _superseded(rows))
    yield from (f"{where}: {x}" for x in _rule_10(conn, versions))
    if tallies.stored(conn, row.number) != _tallied(rows):
        yield f"{where}: the tallies count other objects than the log holds"
    for d in grants.differences(conn, row.number, readers):
        yield f"{where}: member {d.member}: {len(d.gained)} labels should be readable, {len(d.lost)} should not"


def _entries(v: Version, rows: list[Row], labels: dict[int, Label]) -> Iterator[str]:
    """A version's entries partition its audience; each entry's rows share an instant."""
    by_at: dict[int, list[Row]] = defaultdict(list)
    for r in rows:
        by_at[r.at].append(r)
        if (r.object, r.publisher, r.ver) != (v.object, v.publisher, v.ver):
            yield f"the row at {r.at} says another object, publisher or version"
    together = NOBODY
    for at, entry in by_at.items():
        exprs = {r.lane: labels[r.label].expr for r in entry}
        own = {lane: e for lane, e in exprs.items() if lane}
        common = [r for r in entry if not r.lane]
        if common and common[0].apart != bool(own):
            yield f"the entry at {at} does not know that it has rows in inboxes"
        here = Audience.make(exprs.get(0, NONE), own)
        if here & together != NOBODY:
            yield f"the entry at {at} lets in somebody whom another entry lets in"
        together = together | here
    if together != v.shown:
        yield "its entries let in others than its audience says"
    if not v.live and v.shown != NOBODY:
        yield "it is deleted and still shown"


def _steps(v: Version) -> Iterator[str]:
    """What is to come rises in time, and each step is wider, up to what it ever lets in; but for the end."""
    dues = [step.due for step in v.steps]
    rising = [v.base, *(step.audience for step in v.steps[: -1 if ending(v.steps, v.publisher) else None])]
    if dues != sorted(set(dues)) or any(a - b != NOBODY for a, b in pairwise(rising)) or rising[-1] != v.ever:
        yield "the steps of its release plan do not rise to what it ever lets in"


def _times(rows: list[Row], labels: dict[int, Label]) -> Iterator[str]:
    instants: dict[int, set[int]] = defaultdict(set)
    positions: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for r in rows:
        instants[r.at].add(r.version)
        root = labels[r.label].root
        positions[root].append((r.n, r.at))
        if r.n > labels[root].top:
            yield f"label {root}: position {r.n} lies beyond its top"
    yield from (f"two versions share the instant {at}" for at, found in instants.items() if len(found) > 1)
    for root, found in positions.items():
        by_n = sorted(set(found))
        if any(a[1] >= b[1] for a, b in pairwise(by_n)):
            yield f"label {root}: positions and instants do not rise together"


def _tallied(rows: Iterable[Row]) -> Mapping[tallies.Kind, int]:
    by_object: dict[int, list[Row]] = defaultdict(list)
    for r in rows:
        by_object[r.object].append(r)
    return tallies.difference({}, by_object)


def _superseded(rows: Iterable[Row]) -> Iterator[str]:
    newest: dict[tuple[int, int, int], int] = {}
    for r in rows:
        key = (r.object, r.publisher, r.label)
        newest[key] = max(newest.get(key, r.ver), r.ver)
    for r in rows:
        if r.superseded != (r.ver < newest[r.object, r.publisher, r.label]):
            yield f"the row at {r.at} is wrong about a newer version under its label"


def _rule_10(conn: Connection, versions: list[Version]) -> Iterator[str]:
    """What is shown of each version is its audience, less what belongs to another publisher of the id."""
    ids: dict[int, list[Version]] = defaultdict(list)
    for v in versions:
        ids[v.object].append(v)
    for object_, group in ids.items():
        live: dict[int, list[Version]] = {v.publisher: [] for v in group}
        for v in group:
            live[v.publisher] += [v] if v.live else []
        owned = dict.fromkeys(live, EVERYBODY)
        if len(live) > 1:
            creators = frozenset(v.publisher for v in group if v.live and v.creator)
            owned = claims.owners(entries.claims(conn, group[0].collection, object_), creators, own_ids(live))
        for v in group:
            if v.shown != (v.whole & owned[v.publisher] if v.live else NOBODY):
                yield f"version {v.number} is not shown as rule 10 says"


def _closure(conn: Connection, publisher: int) -> Iterator[str]:
    """Rules 8 and 9 over everything that one publisher deposited."""
    versions = entries.versions(conn, t.version.c.publisher == publisher)
    whole = resolve(publisher, (node(v) for v in versions), {})
    for v in versions:
        if v.live and whole[v.number] != Both(v.whole, v.eventual):
            yield f"publisher {publisher}: version {v.number} does not follow its references and newer versions"


def _notes(conn: Connection) -> Iterator[str]:
    """A note of the exchange is for the one member that was told by it."""
    told = dict(conn.execute(select(t.told.c.version, t.told.c.member)).all())
    for v in entries.versions(conn, t.version.c.publisher == 0):
        if v.shown.common is not NONE or len(v.shown.members()) > 1:
            yield f"version {v.number}: a note of the exchange is for more than one member"
        elif v.number in told and not v.shown.members() <= {told[v.number]}:
            yield f"version {v.number}: a note of the exchange is for another member than the one that was told"
