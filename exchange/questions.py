"""What an administrator asks: who may read this, what is a member served, what would change? (Why: `explaining`.)

Answers print ids, types, rules and counts, never contents (channel 35). Each is worked out from the same stored
audiences and the same `decide` as the server's own answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from exchange import aliases, entries, feed, pages, policy, stix, store, tallies
from exchange.grants import Difference
from exchange.inforce import Effect, InForce


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    id: str
    collection: str
    publisher: str
    version: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Objects that a member gains and loses in a collection."""

    member: str
    collection: str
    gained: int
    lost: int


def who_can(conn: Connection, state: InForce, stix_id: str, now: int) -> list[Readable]:
    """Who may read each live version now, and the copy of each anonymous one: members that are active, by name."""
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    live = [v for v in entries.versions_of(conn, number) if v.live] if number is not None else []
    live += aliases.standing_for(conn, [v.number for v in live])
    ids = entries.ids_of(conn, sorted({v.object for v in live}))
    told = entries.told(conn, [v.number for v in live])
    active = {state.numbers[m]: m for m in state.config.members if policy.active(state.config, m, now)}
    names = {n: c.name for c in state.config.collections.values() if (n := state.places.get(c.id)) is not None}
    return [
        Readable(
            id=ids[v.object],
            collection=names[v.collection],
            publisher=state.name(v.publisher),
            version=told[v.number][0],
            members=tuple(sorted(m for n, m in active.items() if n in state.readers(v.shown.of(n)))),
        )
        for v in live
        if v.collection in names
    ]


def view(conn: Connection, state: InForce, member: str) -> Iterator[tuple[str, str, str, str, str]]:
    """(collection, date_added, id, type, version) of everything that a poll from the start would serve the member.

    Its door (rule 1) is not looked at: a suspended member's view is what it finds when it is back.
    """
    number = state.numbers[member]
    profile = policy.profile_of(state.config, member)
    for c in sorted(state.config.collections.values(), key=lambda c: c.name):
        if c.id not in profile.reads | profile.writes:
            continue
        after, more = 0, True
        while more:
            page = feed.manifest(
                conn, pages.View(member=number, collection=state.places[c.id]), after=after, limit=1000
            )
            for item in page.items:
                yield c.name, stix.format_timestamp(item.date_added), item.id, item.type, item.version
            more = page.more
            after = page.items[-1].date_added if page.items else after


def counts(conn: Connection, effect: Effect) -> list[Change]:
    """What an apply gives and takes away, in objects, whatever else the members read of them.

    Cost: O(members × kinds of `tallies`), nothing per object.
    """
    names = {n: effect.after.config.collection_by_id(uid) for uid, n in effect.after.places.items()}
    by_collection: dict[int, list[Difference]] = defaultdict(list)
    for d in effect.differences:
        by_collection[d.collection].append(d)
    found = []
    for number, differences in by_collection.items():
        objects = tallies.Counts(conn, number, (d.member for d in differences))
        c = names[number]
        title = c.name if c else "(a collection taken out)"
        for d in differences:
            has = d.had - {x.number for x in d.lost} | {x.number for x in d.gained}
            moved = objects.moved(d.member, d.had, has)
            name = effect.after.name(d.member)
            found.append(Change(member=name, collection=title, gained=moved.gained, lost=moved.lost))
    return found
