"""Rules 8 and 9 of policy.md 3.4: what a version's audience is, given the others of its publisher. Pure.

Rule 8: a version is closed to those whom the audience of a newer one leaves out, once the newer one is readable to
anybody but its publisher. Rule 9: a deposit is met with the audience of its publisher's own deposits of every id that
it refers to, in whatever collection. Both only narrow, so the answer is the greatest fixed point: start from what
each deposit says by itself and narrow until nothing changes. References in a circle then close each other no more
than they must.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from exchange.label import ANY, EVERYBODY, NOBODY, Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One version of one publisher. `whole` is its audience as stored; for a deleted one it stays that for ever."""

    number: int
    collection: int
    object: int
    ver: int
    base: Audience
    whole: Audience
    refs: frozenset[int]  # objects
    live: bool


def resolve(publisher: int, nodes: Iterable[Node], unions: Mapping[int, Audience]) -> dict[int, Audience]:
    """The audience by rules 2 to 9 of every live node, by number.

    `unions` gives, for each object that a node refers to, the audience of those of its versions that are not among
    the nodes. All versions of one object are among the nodes, or none.
    """
    by_object: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        by_object[node.object].append(node)
    whole = {n.number: n.base if n.live else n.whole for group in by_object.values() for n in group}
    referrers: dict[int, set[int]] = defaultdict(set)
    for group in by_object.values():
        for node in group:
            for ref in node.refs & by_object.keys():
                referrers[ref].add(node.object)
    pending = dict.fromkeys(o for o, group in by_object.items() if len(group) > 1 or group[0].refs)
    while pending:
        object_ = next(iter(pending))
        del pending[object_]
        for number, audience in _narrowed(publisher, by_object[object_], whole, by_object, unions):
            if audience != whole[number]:
                whole[number] = audience
                pending |= dict.fromkeys(referrers[object_])
    return {n.number: whole[n.number] for group in by_object.values() for n in group if n.live}


def _narrowed(
    publisher: int,
    group: list[Node],
    whole: Mapping[int, Audience],
    by_object: Mapping[int, list[Node]],
    unions: Mapping[int, Audience],
) -> Iterable[tuple[int, Audience]]:
    """Rules 8 and 9 once over the versions of one object, newest first."""
    newer: dict[int, Audience] = {}  # collection → what closes older versions there
    for node in sorted((n for n in group if n.live), key=lambda n: n.ver, reverse=True):
        ever = node.base & closing(publisher, node.refs, whole, by_object, unions)
        above = newer.get(node.collection, EVERYBODY)
        yield node.number, ever & above.but(publisher, ANY)
        if ever.reaches_beyond(publisher):
            newer[node.collection] = above & ever


def closing(
    publisher: int,
    refs: Iterable[int],
    whole: Mapping[int, Audience],
    by_object: Mapping[int, list[Node]],
    unions: Mapping[int, Audience],
) -> Audience:
    """Rule 9: who may read at least one version of each referenced object. Publishers always read their own."""
    met = EVERYBODY
    for ref in refs:
        inside = (whole[n.number] for n in by_object.get(ref, ()))
        met = met & reduce(Audience.__or__, inside, unions.get(ref, NOBODY))
    return met.but(publisher, ANY)
