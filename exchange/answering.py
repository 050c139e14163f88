"""What an answer is to: a deposit that the member may read, where it writes or in what sends its answers there.

An id that the member may not read is like one that nobody has, so nothing here tells them apart (channels 18, 29).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from exchange import aliases, claims, entries, store
from exchange.config import Collection
from exchange.entries import PUBLISHED, Version
from exchange.inforce import InForce
from exchange.label import Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What `publisher` (below 0: anonymously) deposited of an object in a collection, and who may read it."""

    publisher: int
    collection: int
    object: int
    audience: Audience
    embargoed: bool  # a stage of its release plan is to come


def found(
    conn: Connection, state: InForce, member: int, collection: Collection, ids: Sequence[str]
) -> dict[str, Target]:  # fmt: skip
    """What a member that writes into a collection can answer there, by STIX id: others' deposits that it may read.

    Cost: O(collections that send their answers here × ids).
    """
    numbers = store.object_numbers(conn, sorted(ids))
    own = aliases.deposited(conn, member, sorted(numbers.values()))
    wanted = {number: i for i, number in numbers.items() if number not in own}
    made: dict[str, Target] = {}
    for place in _places(state, collection):
        left = sorted(number for number, i in wanted.items() if i not in made)
        versions = entries.versions_in(conn, place, left) if left else []
        for v in versions:
            if wanted[v.object] not in made and reads(state, member, v):
                same = [w for w in versions if (w.object, w.publisher) == (v.object, v.publisher)]
                made[wanted[v.object]] = Target(
                    publisher=v.publisher, collection=place, object=v.object, audience=union(same),
                    embargoed=any(w.steps for w in same),
                )  # fmt: skip
    return made


def reads(state: InForce, member: int, v: Version) -> bool:
    """Whether it is another member's, and the member may read it."""
    if abs(v.publisher) in (0, member) or not v.live or v.state != PUBLISHED:
        return False
    return member in state.readers(v.shown.of(member))


def audience(conn: Connection, publisher: int, collection: int, object_: int) -> Audience:
    """Who may read a version of what a publisher deposited; after deletion its last audience stays."""
    own = entries.own_versions(conn, publisher, [object_])
    return union(v for v in own if v.collection == collection)


def union(versions: Iterable[Version]) -> Audience:
    """Who may read at least one of these, by rules 2 to 9."""
    return claims.union(v.whole for v in versions)


def _places(state: InForce, collection: Collection) -> list[int]:
    """The collection itself, then those that send their answers to it."""
    senders = [c for _, c in sorted(state.config.collections.items()) if c.responses == collection.name]
    return [state.places[c.id] for c in (collection, *senders)]
