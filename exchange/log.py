"""The log: publishing, deleting and releasing, which are all *the audience of a version changed*.

`audiences` says which versions get another audience. Here, under the sequencer's lock of the collections concerned,
their entries are narrowed in place, what became readable is entered anew, and last of all the new entries get their
instants, so that little time passes between stamping and commit. This module knows no rule that depends on the config:
whom an expression lets in is asked of `readers`, which is `policy` bound to the config in force.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from random import SystemRandom

from sqlalchemy import Connection

from exchange import answerrows, attribution, entries, logrows, noticerows, review, sequencer, store, tables, tallies
from exchange.audiences import Change, draft, put_off, settle
from exchange.entries import Deposit, Version
from exchange.interning import Key, Readers, intern
from exchange.label import NOBODY, ever
from exchange.logrows import Label, Row
from exchange.rows import Entry, Narrowing, lanes, narrow

_chance = SystemRandom()
MAX_NODES = 64  # of an audience: deeper references are refused at intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, under which decisions, by which clock: bound once for each transaction."""

    publisher: int
    readers: Readers
    clock: sequencer.Clock
    lead: int = sequencer.LEAD


@dataclass(frozen=True, slots=True)
class Added:
    """The new versions in the order of the deposits, the ids of known references, and when they were stamped."""

    versions: tuple[Version, ...]
    known: frozenset[str]
    stamped: int


class TooDeep(Exception):
    """References that cannot be closed over within `MAX_NODES`; `ids` are the STIX ids of the deposits at fault."""

    def __init__(self, ids: frozenset[str]) -> None:
        super().__init__(ids)
        self.ids = ids


def add(conn: Connection, writer: Writer, collection: int, deposits: Sequence[Deposit], now: int) -> Added:
    """Store the deposits and enter them. The caller then asks `sequencer.check_in_time` before it commits.

    The caller has refused what contradicts the publisher's own earlier versions. Ids that the publisher deposited
    before, or that are among these deposits, count as known references (policy.md 3.4.9). Raises `TooDeep`.
    """
    store.lock_publisher(conn, writer.publisher)
    store.add_objects(conn, {d.id: d.type for d in deposits})
    number = store.object_numbers(conn, sorted({d.id for d in deposits}.union(*(d.refs for d in deposits))))
    own = entries.own_versions(conn, writer.publisher, sorted(number.values()))
    numbers = store.numbers(conn, tables.version, len(deposits), tables.former)
    drafted = draft(own, writer.publisher, collection, dict(zip(numbers, deposits, strict=True)), number)
    entries.drop_versions(conn, drafted.revived)
    fresh = frozenset(drafted.fresh)
    changes = settle(conn, writer.publisher, drafted.together, fresh, collection, drafted.put_off)
    made = {c.version.number: c.version for c in changes if c.version.number in fresh}
    refuse_too_deep({d.id: made[n] for n, d in zip(numbers, deposits, strict=True)})
    _store(conn, [(made[n], d) for n, d in zip(numbers, deposits, strict=True)], now)
    entries.set_audiences(conn, [c.version for c in changes if c.version.number not in fresh])
    _notice(conn, writer, changes, drafted.together.values(), now)
    stamped = _enter(conn, writer, changes, {v.object for v in own})
    known = frozenset(i for i, o in number.items() if o in drafted.known)
    return Added(tuple(made[n] for n in numbers), known, stamped)


def refuse_too_deep(made: Mapping[str, Version]) -> None:
    """Raise `TooDeep` for those of the versions, by STIX id, whose audience has more than `MAX_NODES` nodes."""
    deep = frozenset(
        i for i, v in made.items() if max(len(a.common.nodes()) for a in (v.whole, v.eventual)) > MAX_NODES
    )
    if deep:
        raise TooDeep(deep)


def _store(conn: Connection, made: Sequence[tuple[Version, Deposit]], now: int) -> None:
    number = store.audience_numbers(conn, sorted({a.text for v, _ in made for a in entries.audiences_of(v)}))
    bodies = store.numbers(conn, tables.body, len(made))
    entries.add_bodies(conn, [(b, d.raw) for b, (_, d) in zip(bodies, made, strict=True)])
    rows = [
        {
            "number": v.number, "collection": v.collection, "publisher": v.publisher, "object": v.object,
            "ver": v.ver, "ver_text": d.ver_text, "body": b, "said": d.said, "refs": entries.pack(v.refs),
            "creator": v.creator, "received": now, "deleted": None, "submission": v.submission, "source": v.source,
            **entries.stored(v, number),
        }
        for b, (v, d) in zip(bodies, made, strict=True)
    ]  # fmt: skip
    entries.add_versions(conn, rows)
    entries.add_references(conn, [(v.publisher, r, v.number) for v, _ in made for r in sorted(v.refs)])
    review.hold(conn, [(v.number, d.reasons, d.key, now) for v, d in made if v.state == entries.HELD])


def remove(conn: Connection, writer: Writer, collection: int, object_: int, vers: frozenset[int], now: int) -> int:
    """Delete the publisher's live versions `vers` of an object; what they hid comes again (policy.md 3.6.7, 3.8)."""
    return end(conn, writer, live(conn, writer, collection, object_, vers), entries.PUBLISHED, now)


def live(conn: Connection, writer: Writer, collection: int, object_: int, vers: frozenset[int]) -> list[int]:
    """The numbers of those of the publisher's versions of an object that are live there."""
    own = entries.own_versions(conn, writer.publisher, [object_])
    return [v.number for v in own if v.collection == collection and v.live and v.ver in vers]


def end(conn: Connection, writer: Writer, numbers: Sequence[int], state: str, now: int) -> int:
    """End live versions of the writer's publisher; nobody reads them any more. `state`: `entries.PUBLISHED` for those
    that it deleted itself, else `REFUSED` or `WITHDRAWN`.

    Returns the clock when the entries were stamped, for `sequencer.check_in_time`.
    """
    own = _own(conn, writer, numbers)
    gone = sorted(n for n in numbers if n in own and own[n].live)
    if not gone:
        return writer.clock.now(conn)
    entries.mark_ended(conn, gone, state, now)
    review.let_go(conn, [n for n in gone if own[n].state == entries.HELD])
    after = own | {n: _ended(own[n], state) for n in gone}
    unseen = frozenset(n for n in gone if own[n].shown == NOBODY)  # what refers to them counted on them all the same
    changes = settle(conn, writer.publisher, after, frozenset(), own[gone[0]].collection, unseen)
    entries.set_audiences(conn, [*(c.version for c in changes), *(after[n] for n in sorted(unseen))])
    return _enter(conn, writer, changes)


def _ended(v: Version, state: str) -> Version:
    """What its plan had still to give never comes."""
    return replace(v, live=False, ever=v.base, eventual=v.whole, steps=(), state=state)


def advance(conn: Connection, writer: Writer, numbers: Sequence[int], until: int) -> int:
    """Carry out the steps of release plans that are due at `until`, of the writer's publisher's versions.

    Others' stages are untouched. What is due of the same objects goes along: of versions that end together none may
    outlast another. Returns the clock when the entries were stamped, for `sequencer.check_in_time`.
    """

    def step(v: Version) -> Version:
        base, steps = v.at(until), tuple(step for step in v.steps if step.due > until)
        return replace(v, base=base, steps=steps, ever=ever(base, steps))

    own = _own(conn, writer, numbers)
    due = [v for v in own.values() if v.live and v.steps and v.steps[0].due <= until]
    return _revised(conn, writer, own, {v.number: step(v) for v in due})


def revise(conn: Connection, writer: Writer, numbers: Sequence[int], to: Callable[[Version], Version]) -> int:
    """Give live versions of the writer's publisher another `base`, `ever`, `steps`, `started` or `state`, and let
    everything follow.

    A newer version still puts off an older one (`audiences.put_off`). Returns the clock when the entries were
    stamped, for `sequencer.check_in_time`.
    """
    own = _own(conn, writer, numbers)
    changed = {n: made for n in numbers if n in own and own[n].live and (made := to(own[n])) != own[n]}
    return _revised(conn, writer, own, changed)


def _own(conn: Connection, writer: Writer, numbers: Sequence[int]) -> dict[int, Version]:
    """All versions of the objects of these, by number, under their publisher's lock."""
    store.lock_publisher(conn, writer.publisher)
    objects = sorted({v.object for v in entries.by_number(conn, numbers)})
    return {v.number: v for v in entries.own_versions(conn, writer.publisher, objects)}


def _revised(
    conn: Connection, writer: Writer, own: Mapping[int, Version], changed: Mapping[int, Version],
    also: frozenset[tuple[int, int]] = frozenset(),
) -> int:  # fmt: skip
    """Let everything follow what changed of `own`; `also` as in `settle`."""
    if not changed and not also:
        return writer.clock.now(conn)
    after = {**own, **changed}
    moved = set(changed)
    for place in {v.collection for v in changed.values()}:
        later = put_off([v for v in after.values() if v.live], place)
        after |= later
        moved |= later.keys()
    where = min([v.collection for v in changed.values()] or [place for place, _ in also])
    changes = settle(conn, writer.publisher, after, frozenset(), where, frozenset(moved), also)
    entries.set_audiences(conn, [c.version for c in changes])
    _notice(conn, writer, changes, after.values(), writer.clock.now(conn))
    return _enter(conn, writer, changes)


def adopt(conn: Connection, writer: Writer, numbers: Sequence[int], to: Callable[[Version], Version]) -> int:
    """Let everything follow once versions were given to the writer's publisher by another one, deleted ones too.

    `to` gives each what its new publisher and its old one may read of it. Returns as `revise` does.
    """
    own = _own(conn, writer, numbers)
    own |= {n: to(own[n]) for n in numbers}
    ended = [own[n] for n in numbers if not own[n].live]
    entries.set_audiences(conn, ended)
    live = {n: own[n] for n in numbers if own[n].live}
    return _revised(conn, writer, own, live, frozenset((v.collection, v.object) for v in ended))


def _notice(
    conn: Connection, writer: Writer, changes: Sequence[Change], own: Iterable[Version], now: int
) -> None:  # fmt: skip
    """Those who lose a version because a newer one leaves them out are to be told, if they have it (policy.md 3.8)."""
    here: dict[tuple[int, int], list[Version]] = defaultdict(list)
    for v in own:
        if v.live and v.state == entries.PUBLISHED:
            here[v.collection, v.object].append(v)
    closed: set[int] = set()
    for v, lost in ((c.version, c.before - c.version.shown) for c in changes):
        same = here[v.collection, v.object] if v.publisher == writer.publisher and v.live else []
        if any(w.ver > v.ver for w in same) and lost.reaches_beyond(v.publisher):
            closed |= {w.number for w in same if w.ver <= v.ver}  # who never fetched this one may have an older one
    noticerows.add(conn, noticerows.RECALL, noticerows.SUPERSEDED, closed, now)


def _exposed(conn: Connection, changes: Sequence[Change]) -> list[Version]:
    """Versions that are the newest for readers who lose a newer one of the object: they have to come again (3.6.7).

    Where the newer one closed them, they lose those readers too and nothing is exposed. Needs the collections' locks,
    and the changed audiences stored.
    """
    lost = {c.version.number: gone for c in changes if (gone := c.before - c.version.shown) != NOBODY}
    places = {(c.version.collection, c.version.object) for c in changes if c.version.number in lost}
    found: dict[int, Version] = {}
    for collection in sorted({c for c, _ in places}):
        here = entries.versions_in(conn, collection, sorted(o for c, o in places if c == collection))
        for v in here:
            left = lost.get(v.number, NOBODY)
            others = [w for w in here if (w.object, w.publisher) == (v.object, v.publisher)]
            for newer in (w for w in others if w.ver > v.ver):
                left = left - newer.shown  # that is still their last one
            for older in sorted((w for w in others if w.ver < v.ver), key=lambda w: w.ver, reverse=True):
                if left & older.shown != NOBODY:
                    found[older.number] = older
                left = left - older.shown
    return list(found.values())


# Entries ------------------------------------------------------------------------------------------------------


def _enter(conn: Connection, writer: Writer, changed: Sequence[Change], had: Set[int] | None = None) -> int:
    """Let the log follow, and soon what answers these; the last thing done is stamping. Returns the clock at that
    moment. `had`: the objects that may have been answered, all where it is left out."""
    answered = {c.version.object for c in changed if had is None or c.version.object in had}
    answerrows.touch(conn, sorted(answered), writer.clock.now(conn))
    exposed = {v.number: v for v in _exposed(conn, changed)}
    rest = exposed.keys() - {c.version.number for c in changed}
    changes = [*changed, *(Change(version=exposed[n], before=exposed[n].shown) for n in sorted(rest))]
    again = frozenset(exposed)
    where = sorted({c.version.collection for c in changes})
    pending: list[tuple[int, list[Row]]] = []
    for collection in where:
        here = [c for c in changes if c.version.collection == collection]
        pending.append((collection, _follow(conn, writer, collection, here, again)))
    last = store.lock_collections(conn, where)
    now = max((writer.clock.room(conn, last[c], writer.lead) for c in where), default=writer.clock.now(conn))
    for collection, rows in pending:
        if rows:
            stamped = _stamp(rows, now, last[collection], writer.lead)
            logrows.add_rows(conn, stamped)
            store.set_last(conn, collection, stamped[-1].at)
    if copies := sorted({row.version for _, rows in pending for row in rows if row.publisher < 0}):
        attribution.entered(conn, copies, now)
    return now


def _follow(
    conn: Connection, writer: Writer, collection: int, changes: Sequence[Change], again: frozenset[int]
) -> list[Row]:
    """Narrow what is there and return the rows of the new entries, still without instants (`at` counts from 0)."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in logrows.rows_of(conn, [c.version.number for c in changes if c.before != NOBODY]):
        found[row.version].append(row)
    labels = logrows.labels_by_number(conn, {r.label for rows in found.values() for r in rows})
    plans: list[Narrowing] = []
    new: list[Entry] = []
    for change in changes:
        v, before = change.version, change.before
        if v.number in again or v.shown == NOBODY:
            plans.append(Narrowing((), tuple(found[v.number])))
            before = NOBODY
        elif before != NOBODY:
            plans.append(narrow(found[v.number], labels, v.shown))
        if (gained := v.shown - before) != NOBODY:
            new.append(Entry(version=v, lanes=lanes(gained)))
    if writer.publisher < 0:
        _mix(new)
    interned = intern(conn, collection, _keys(plans, new), writer.readers)
    _carry_out(conn, plans, interned)
    rows = _rows(conn, collection, new, interned)
    stored = logrows.rows_of_objects(conn, collection, sorted({c.version.object for c in changes}))
    tallies.add(conn, collection, _counted(changes, found, stored, rows))
    return _supersede(conn, {(c.version.object, c.version.publisher) for c in changes}, stored, rows)


def _mix(new: list[Entry]) -> None:
    """Objects in any order, so that those of one publisher are not told by it; of each, the older version first."""
    ranks = {e.version.object: _chance.random() for e in new}
    new.sort(key=lambda e: (ranks[e.version.object], e.version.ver))


def _counted(
    changes: Sequence[Change], was: Mapping[int, Sequence[Row]], stored: Sequence[Row], new: Sequence[Row]
) -> Mapping[tallies.Kind, int]:
    """What is to be added to the tallies: `was` are the changed versions' rows before, `stored` what stands now."""
    changed = {c.version.number for c in changes}
    before, after = defaultdict[int, list[Row]](list), defaultdict[int, list[Row]](list)
    for row in chain((r for r in stored if r.version not in changed), *was.values()):
        before[row.object].append(row)
    for row in chain(stored, new):
        after[row.object].append(row)
    return tallies.difference(before, after)


def _keys(plans: Sequence[Narrowing], new: Sequence[Entry]) -> set[Key]:
    wishes = {Key(w.lane, w.expr, w.parent) for plan in plans for w in plan.wishes if w.parent}
    return wishes | {Key(lane, expr, 0) for e in new for lane, expr in e.lanes}


def _carry_out(conn: Connection, plans: Sequence[Narrowing], interned: Mapping[Key, Label]) -> None:
    """Drop, relabel and copy rows; whether a newer version supersedes them is worked out afterwards."""
    logrows.drop_rows(conn, [row for plan in plans for row in plan.drops])
    moves: list[tuple[Row, Row]] = []
    copies: list[Row] = []
    for wish in (w for plan in plans for w in plan.wishes):
        label = interned[Key(wish.lane, wish.expr, wish.parent)].number if wish.parent else wish.was.label
        row = wish.was._replace(label=label, lane=wish.lane, apart=wish.apart)
        if wish.copy:
            copies.append(row)
        else:
            moves.append((wish.was, row))
    logrows.relabel(conn, moves)
    logrows.add_rows(conn, copies)


def _rows(conn: Connection, collection: int, new: Sequence[Entry], interned: Mapping[Key, Label]) -> list[Row]:
    """The rows of new entries, run by run; `at` is (run, place in the run) packed until `_stamp` knows the instant."""
    runs: dict[object, list[Entry]] = defaultdict(list)
    for entry in new:
        runs[entry.lanes].append(entry)
    tops = {x.number: x.top for x in interned.values()}
    rows: list[Row] = []
    for run, group in enumerate(runs.values()):
        for place, entry in enumerate(group):
            for lane, expr in entry.lanes:
                label = interned[Key(lane, expr, 0)].number
                tops[label] += 1
                v = entry.version
                rows.append(
                    Row(
                        label=label, at=(run << 32) + place, collection=collection, lane=lane, n=tops[label],
                        version=v.number, object=v.object, publisher=v.publisher, ver=v.ver,
                        apart=not lane and len(entry.lanes) > 1, superseded=False,
                    )
                )  # fmt: skip
    logrows.set_tops(conn, {x.number: tops[x.number] for x in interned.values() if tops[x.number] != x.top})
    return rows


def _stamp(rows: Sequence[Row], now: int, last: int, lead: int) -> list[Row]:
    sizes: dict[int, int] = defaultdict(int)
    for row in rows:
        sizes[row.at >> 32] = max(sizes[row.at >> 32], (row.at & 0xFFFFFFFF) + 1)
    starts = sequencer.runs(now, last, list(sizes.values()), lead)
    return [row._replace(at=starts[row.at >> 32] + (row.at & 0xFFFFFFFF)) for row in rows]


def _supersede(conn: Connection, objects: set[tuple[int, int]], known: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Mark rows that a newer version of the same object under the same label hides, and note what shadows what.

    A reader of the label reads both, so under `match[version]=last` it never needs the older row.
    """
    coming: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in new:
        coming[row.object, row.publisher].append(row)
    stored: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in known:
        stored[row.object, row.publisher].append(row)
    shadows: set[tuple[int, int]] = set()
    moves: list[tuple[Row, Row]] = []
    flagged: dict[Row, Row] = {}
    for key in objects:
        rows = stored[key] + coming[key]
        if len({row.ver for row in rows}) < 2:
            hidden: set[Row] = set()
        else:
            hidden = {a for a in rows for b in rows if b.ver > a.ver and b.label == a.label}
            shadows |= {
                (a.label, b.label) for a in rows for b in rows
                if b.ver > a.ver and b.label != a.label and (a.lane == b.lane or not a.lane or not b.lane)
            }  # fmt: skip
        moves += [(r, r._replace(superseded=r in hidden)) for r in stored[key] if r.superseded != (r in hidden)]
        flagged |= {r: r._replace(superseded=True) for r in coming[key] if r in hidden}
    logrows.relabel(conn, moves)
    logrows.add_shadows(conn, shadows)
    return [flagged.get(row, row) for row in new]
