"""Rule 10 of policy.md 3.4: in one view an id belongs to one publisher. Pure.

The publisher whose registered identity is the object's creator comes first; among the others, each reader keeps the
one whose entry it could read first. `segments` is that history for one id in one collection: what each publisher's
audience grew by, in order. A member is in at most one segment of each publisher, and belongs to the earliest.
Everybody reads its own deposit, and after deleting it nobody else's (policy.md 3.8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from exchange.label import ANY, NOBODY, Audience, Expr

Segments = list[tuple[int, Audience]]  # (publisher, audience)


def union(audiences: Iterable[Audience]) -> Audience:
    return reduce(Audience.__or__, audiences, NOBODY)


def updated(segments: Segments, now: Mapping[int, Audience]) -> Segments:
    """The history after some publishers' audiences became what `now` says: narrowed in place, grown at the end."""
    kept = [(p, a & now[p] if p in now else a) for p, a in segments]
    grown = [(p, a - union(s for q, s in segments if q == p)) for p, a in now.items()]
    return [(p, a) for p, a in kept + grown if a != NOBODY]


def owners(segments: Segments, creators: frozenset[int], own: Mapping[int, Expr]) -> dict[int, Audience]:
    """For each publisher that ever deposited the id: who sees the id as its. Disjoint.

    `own` says of each of them when it has the id to itself: while it may read its own, and for ever after deletion.
    """
    ordered = sorted(segments, key=lambda s: s[0] not in creators)
    owned = dict.fromkeys(own, NOBODY)
    for i, (publisher, audience) in enumerate(ordered):
        earlier = union(a for q, a in ordered[:i] if q != publisher)
        owned[publisher] = owned[publisher] | (audience - earlier)
    return {p: _own_first(p, a, own) for p, a in owned.items()}


def _own_first(publisher: int, owned: Audience, own: Mapping[int, Expr]) -> Audience:
    apart = {p: ANY if p == publisher else owned.of(p) - mine for p, mine in own.items() if p > 0}
    return Audience.make(owned.common, dict(owned.individuals) | apart)
