"""Which audiences change when one publisher's versions of some objects come, go or are revised.

Rules 8 and 9 (`closure`) look at one publisher's versions alone, in all collections; rule 10 (`claims`) at all
publishers of one id in one collection. Everything is worked out before anything is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

from sqlalchemy import Connection

from exchange import claims, entries, store
from exchange.closure import Both, Node, resolve
from exchange.entries import HELD, Deposit, Version
from exchange.label import ANY, NOBODY, Audience, Expr, Step, any_of, ending, ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A version with its new audience, and the one that its entries partition now."""

    version: Version
    before: Audience


class Own(Protocol):
    """What one publisher has, in every collection: in the store, or as a preview imagines it."""

    @property
    def publisher(self) -> int: ...

    def versions(self, objects: Sequence[int]) -> list[Version]:
        """All versions of these objects, deleted ones too."""
        ...

    def referrers(self, targets: Sequence[int]) -> set[int]:
        """Objects with a live version that refers to one of these."""
        ...


@dataclass(slots=True)
class Stored:
    """`Own` as it stands in the store."""

    conn: Connection
    publisher: int

    def versions(self, objects: Sequence[int]) -> list[Version]:
        return entries.own_versions(self.conn, self.publisher, objects)

    def referrers(self, targets: Sequence[int]) -> set[int]:
        return entries.referrers(self.conn, self.publisher, targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """New versions beside what their publisher has of the same objects and of those that they refer to.

    `own` and `fresh` are by number; `put_off` are own ones whose release a newer one moves; `revived` are deleted
    versions whose place a fresh one takes; `known` the objects that count as deposited by the publisher (policy.md
    3.4.9).
    """

    own: Mapping[int, Version]
    fresh: Mapping[int, Version]
    put_off: frozenset[int]
    revived: tuple[int, ...]
    known: frozenset[int]

    @property
    def together(self) -> Mapping[int, Version]:
        """A revived one is still looked at as the deleted version that it was: what refers to it has to follow."""
        return {**self.own, **self.fresh}


def draft(
    own: Iterable[Version],
    publisher: int,
    collection: int,
    deposits: Mapping[int, Deposit],
    number: Mapping[str, int],
) -> Draft:
    """Pure. `deposits` by the numbers that their versions get, which no version has; `number` gives objects' by id."""
    had = {v.number: v for v in own}
    known = frozenset(v.object for v in had.values()) | {number[d.id] for d in deposits.values()}
    deleted = {(v.collection, v.object, v.ver): v.number for v in had.values() if not v.live}
    revived = (deleted.get((collection, number[d.id], d.ver)) for d in deposits.values())
    fresh = {
        n: Version(
            number=n, collection=collection, publisher=publisher, object=number[d.id], ver=d.ver,
            refs=frozenset(number[r] for r in d.refs if number.get(r) in known) - {number[d.id]},
            creator=d.creator, live=True, base=d.base, whole=NOBODY, shown=NOBODY, ever=d.ever, eventual=NOBODY,
            started=d.started, steps=d.steps, state=d.state, submission=d.submission, source=d.source,
        )
        for n, d in deposits.items()
    }  # fmt: skip
    later = put_off([v for v in had.values() if v.live] + list(fresh.values()), collection)
    return Draft(
        own=had | {n: v for n, v in later.items() if n in had},
        fresh=fresh | {n: v for n, v in later.items() if n in fresh},
        put_off=frozenset(later) & had.keys(),
        revived=tuple(n for n in revived if n is not None),
        known=known,
    )


def put_off(versions: Iterable[Version], collection: int) -> dict[int, Version]:
    """Those of a publisher's live versions in a collection whose release a newer one of the object moves (3.7). Pure.

    Whom a newer version does not let in yet, an older one lets in no earlier: else an embargo could not be extended.
    When a newer one ends, an older one ends: else what it replaced would come back.
    """
    groups: dict[int, list[Version]] = defaultdict(list)
    for v in versions:
        if v.collection == collection:
            groups[v.object].append(v)
    found = {}
    for group in groups.values():
        for older in group:
            bounds = [w for w in group if w.ver > older.ver and w.state != HELD and w.ever.reaches_beyond(w.publisher)]
            moved = _bounded(older, bounds)
            if moved != older:
                found[older.number] = moved
    return found


def _bounded(v: Version, newer: Sequence[Version]) -> Version:
    """The version with no step to come that a newer one does not take too, and with the end of each newer one."""
    ends = [end for w in (v, *newer) if (end := ending(w.steps, w.publisher)) is not None]
    if not newer or not (v.steps or ends):
        return v
    steps: list[Step] = []
    before = v.base
    for due in sorted({step.due for w in (v, *newer) for step in w.steps}):
        audience = reduce(Audience.__and__, (w.at(due) for w in newer), v.at(due))
        audience = audience if ends and due >= min(ends) else v.base | audience
        if audience != before:
            steps.append(Step(due, audience))
            before = audience
    return replace(v, steps=tuple(steps), ever=ever(v.base, steps))


def revise(
    stored: Own, own: Mapping[int, Version], fresh: frozenset[int], revised: frozenset[int] = frozenset()
) -> tuple[dict[int, Version], list[Version]]:
    """Rules 8 and 9: the versions that were looked at, by number as they were, and those whose audience changes.

    The arguments as in `settle`. Looks at one publisher's deposits alone and writes nothing.
    """
    start = {v.object for v in own.values() if v.number in fresh | revised or _going(v)}
    play = _follow(stored, own, start, fresh, revised)
    return play, _moved(stored, play, fresh | revised)


def settle(
    conn: Connection,
    publisher: int,
    own: Mapping[int, Version],
    fresh: frozenset[int],
    collection: int,
    revised: frozenset[int] = frozenset(),
    also: frozenset[tuple[int, int]] = frozenset(),
) -> list[Change]:
    """Every version whose audience changes, new ones included. Takes the lock of each collection concerned.

    `own` holds, by number, all the publisher's versions of each object that occurs in it, as they are to be: fresh
    ones with `whole` unset, those being deleted no longer live, `revised` ones with another `base`, `ever` or `steps`.
    `also` are (collection, object) to look at under rule 10 though none of their versions moves.
    """
    play, moved = revise(Stored(conn, publisher), own, fresh, revised)
    places = also | {(v.collection, v.object) for v in moved}
    store.lock_collections(conn, sorted({c for c, _ in places} | {collection}))
    changes: list[Change] = []
    for where in sorted({c for c, _ in places}):
        objects = sorted({o for c, o in places if c == where})
        shared = entries.shared_objects(conn, where, publisher, objects)
        mine = [v for v in moved if v.collection == where and v.object not in shared]
        changes += _alone(conn, mine, fresh)
        all_mine = {v.number: v for v in [*own.values(), *play.values(), *moved] if v.collection == where}
        for object_ in sorted(shared):
            changes += _together(conn, publisher, where, object_, all_mine, fresh, {v.number for v in moved})
    return changes


def _going(v: Version) -> bool:
    """Being deleted in this transaction: what was deleted before shows nothing any more."""
    return not v.live and v.shown != NOBODY


def _follow(
    stored: Own, own: Mapping[int, Version], start: set[int], fresh: frozenset[int], revised: frozenset[int]
) -> dict[int, Version]:
    """All versions of the objects whose audience may change: those that start it, and what refers to them, and so on.

    An id that is new has no referrers but in this same commit; a version that says the same as the one before it
    and refers to the same changes nothing for others.
    """
    play = {n: v for n, v in own.items() if v.object in start}
    inside = set(start)
    followed: set[int] = set()
    by_object: dict[int, list[Version]] = defaultdict(list)
    for v in play.values():
        by_object[v.object].append(v)
    frontier = {
        o
        for o, versions in by_object.items()
        if any(v.number in revised for v in versions) or not _nothing_new(versions, fresh)
    }
    while frontier:
        followed |= frontier
        found = stored.referrers(sorted(frontier))
        found |= {v.object for v in play.values() if v.live and v.refs & frontier}
        for v in stored.versions(sorted(found - inside)):
            play[v.number] = v
        inside |= found
        frontier = found - followed
    return play


def _nothing_new(versions: list[Version], fresh: frozenset[int]) -> bool:
    """Whether the fresh versions of one object leave every other audience as it is."""
    if any(_going(v) for v in versions):
        return False
    old = [v for v in versions if v.number not in fresh]
    if not old:
        return True
    for new in (v for v in versions if v.number in fresh):
        here = [v for v in old if v.live and v.collection == new.collection]
        last = max(here, key=lambda v: v.ver, default=None)
        if last is None or _says(last) != _says(new) or new.ver < last.ver:
            return False
    return True


def _says(v: Version) -> tuple[object, ...]:
    """What of a version others' audiences depend on."""
    return v.base, v.ever, v.steps, v.refs, v.state


def _moved(stored: Own, before: Mapping[int, Version], new: frozenset[int]) -> list[Version]:
    play = dict(before) | _void(before)
    inside = {v.object for v in play.values()}
    outside = {ref for v in play.values() if v.live for ref in v.refs} - inside
    found = resolve(stored.publisher, [node(v) for v in play.values()], unions(stored.versions(sorted(outside))))
    moved = [
        replace(play[n], whole=whole.now, eventual=whole.ever)
        for n, whole in found.items()
        if n in new or whole != Both(play[n].whole, play[n].eventual)
    ]
    return moved + [v for v in play.values() if _going(v) or (not v.live and v.whole != before[v.number].whole)]


def unions(versions: Iterable[Version]) -> dict[int, Both]:
    """Who may read at least one version of each object, by rules 2 to 9; nobody, where none is among them."""
    found: dict[int, Both] = defaultdict(lambda: Both(NOBODY, NOBODY))
    for v in versions:
        found[v.object] = Both(found[v.object].now | v.whole, found[v.object].ever | v.eventual)
    return found


def _void(play: Mapping[int, Version]) -> dict[int, Version]:
    """Deleted versions of an id that is live: only while nothing of it is left does the last audience stay."""
    live = {v.object for v in play.values() if v.live}
    return {n: replace(v, whole=NOBODY, eventual=NOBODY) for n, v in play.items() if not v.live and v.object in live}


def node(v: Version) -> Node:
    return Node(
        number=v.number, collection=v.collection, object=v.object, ver=v.ver,
        base=Both(v.base, v.ever), whole=Both(v.whole, v.eventual), refs=v.refs, live=v.live, held=v.state == HELD,
    )  # fmt: skip


def _alone(conn: Connection, moved: list[Version], fresh: frozenset[int]) -> list[Change]:
    """Versions of ids that nobody else deposited here: rule 10 has nothing to say."""
    before = entries.shown(conn, [v.number for v in moved if v.number not in fresh])
    return [
        Change(version=replace(v, shown=v.whole if v.live else NOBODY), before=before.get(v.number, NOBODY))
        for v in moved
    ]


def _together(
    conn: Connection,
    publisher: int,
    collection: int,
    object_: int,
    mine: Mapping[int, Version],
    fresh: frozenset[int],
    moved: set[int],
) -> list[Change]:
    """Every publisher's versions of one id, under rule 10."""
    others = [v for v in entries.versions_in(conn, collection, [object_]) if v.publisher != publisher]
    here = [v for v in mine.values() if v.object == object_] + others
    live: dict[int, list[Version]] = defaultdict(list)
    for v in here:
        live[v.publisher] += [v] if v.live else []
    segments = entries.claims(conn, collection, object_)
    known = {p for p, _ in segments}
    first = {p: claims.union(v.whole for v in versions) for p, versions in live.items()}
    segments = claims.updated(segments, {p: a for p, a in first.items() if p not in known and p != publisher})
    segments = claims.updated(segments, {publisher: first[publisher]})
    entries.set_claims(conn, collection, object_, segments)
    creators = frozenset(p for p, versions in live.items() if any(v.creator for v in versions))
    owned = claims.owners(segments, creators, own_ids(live))
    before = entries.shown(conn, [v.number for v in here if v.number not in fresh])
    found = [
        Change(
            version=replace(v, shown=v.whole & owned[v.publisher] if v.live else NOBODY),
            before=before.get(v.number, NOBODY),
        )
        for v in here
    ]
    return [c for c in found if c.version.number in moved or c.version.shown != c.before]


def own_ids(live: Mapping[int, list[Version]]) -> dict[int, Expr]:
    """When each publisher of an id has it to itself in its own view: see `claims.owners`."""
    return {p: any_of(v.whole.of(p) for v in versions) if versions else ANY for p, versions in live.items()}
