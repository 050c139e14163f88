"""What a member received of an object before it deposited it itself: for whom it may publish it again (policy.md 3.5).

Only what the member itself may read counts, so nothing that it cannot read changes an answer to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from exchange import claims, entries, store
from exchange.audiences import own_ids
from exchange.entries import PUBLISHED, Version
from exchange.interning import Readers
from exchange.label import Audience


@dataclass(frozen=True, slots=True)
class Received:
    """Who may read at least one of the deposits that a member has from others, and what the markings of each said.

    `by_exchange`: one of them at least is the exchange's own, or an anonymous copy.
    """

    audience: Audience
    said: tuple[str, ...]
    by_exchange: bool


def received(conn: Connection, publisher: int, readers: Readers, objects: Sequence[int]) -> dict[int, Received]:
    """By object, of those of which the member has anything. Its own later deposits of the id change nothing.

    Cost: O(collections × objects + their versions) by version_by_object.
    """
    if not objects:
        return {}
    had: dict[int, list[Version]] = defaultdict(list)
    since = entries.received(conn, publisher, objects)
    for place in store.collections(conn).values():
        by_object: dict[int, list[Version]] = defaultdict(list)
        for v in entries.versions_in(conn, place.number, objects):
            if abs(v.publisher) != publisher:
                by_object[v.object].append(v)
        for object_, others in by_object.items():
            shown = _shown(conn, place.number, object_, others)
            had[object_] += [
                v for v in others
                if v.live and v.state == PUBLISHED and publisher in readers(shown[v.number].of(publisher))
            ]  # fmt: skip
    came = entries.received_at(conn, [v.number for versions in had.values() for v in versions])
    found = {}
    for object_, versions in had.items():
        before = [v for v in versions if object_ not in since or came[v.number] < since[object_]]
        if before:
            said = entries.told(conn, [v.number for v in before])
            found[object_] = Received(
                audience=claims.union(v.whole for v in before),
                said=tuple(sorted(text for _, text in said.values())),
                by_exchange=any(v.publisher <= 0 for v in before),
            )
    return found


def _shown(conn: Connection, collection: int, object_: int, others: Sequence[Version]) -> Mapping[int, Audience]:
    """What rule 10 shows of each version, by number, had the member itself deposited nothing."""
    live: dict[int, list[Version]] = {v.publisher: [] for v in others}
    for v in others:
        live[v.publisher] += [v] if v.live else []
    if len(live) == 1:
        return {v.number: v.whole for v in others}
    segments = [(p, a) for p, a in entries.claims(conn, collection, object_) if p in live]
    creators = frozenset(p for p, versions in live.items() if any(v.creator for v in versions))
    owned = claims.owners(segments, creators, own_ids(live))
    return {v.number: v.whole & owned[v.publisher] for v in others}
