"""Rules 8 and 9 of policy.md 3.4: what a version's audience is, given the others of its publisher. Pure.

Rule 8: a version is closed to those whom a newer one leaves out at every stage, once the newer one is readable to
anybody but its publisher. Rule 9: a deposit is met with the audience of its publisher's own deposits of every id that
it refers to, in whatever collection. Both only narrow, so the answer is the greatest fixed point: start from what
each deposit says by itself and narrow until nothing changes. References in a circle then close each other no more
than they must.

Both are asked twice: `ever` is the answer once all stages of all release plans have fallen due, `now` the one for
those that have. What a newer version leaves out at every stage is what its `ever` leaves out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from exchange.label import ANY, EVERYBODY, NOBODY, Audience


@dataclass(frozen=True, slots=True)
class Both:
    """An audience for the stages that have fallen due, and for all."""

    now: Audience
    ever: Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One version of one publisher. `base` is by rules 2 to 7, `whole` by 8 and 9 too, as stored; for a deleted one
    that stays for ever."""

    number: int
    collection: int
    object: int
    ver: int
    base: Both
    whole: Both
    refs: frozenset[int]  # objects
    live: bool
    held: bool = False  # not published yet: it closes no older one


def resolve(publisher: int, nodes: Iterable[Node], unions: Mapping[int, Both]) -> dict[int, Both]:
    """The audience by rules 2 to 9 of every live node, by number.

    `unions` gives, for each object that a node refers to, the audience of those of its versions that are not among
    the nodes. All versions of one object are among the nodes, or none.
    """
    groups: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        groups[node.object].append(node)
    live = [n.number for group in groups.values() for n in group if n.live]
    last = _Stages(publisher, groups, {o: u.ever for o, u in unions.items()}, lambda both: both.ever, {})
    ever = last.settled()
    if _nothing_to_come(groups, unions):
        return {n: Both(ever[n], ever[n]) for n in live}
    closers = {n.number: last.alone(n, ever) for group in groups.values() for n in group if n.live}
    now = _Stages(publisher, groups, {o: u.now for o, u in unions.items()}, lambda both: both.now, closers).settled()
    return {n: Both(now[n], ever[n]) for n in live}


def _nothing_to_come(groups: Mapping[int, list[Node]], unions: Mapping[int, Both]) -> bool:
    both = [n.base if n.live else n.whole for group in groups.values() for n in group]
    return all(b.now == b.ever for b in (*both, *unions.values()))


@dataclass(frozen=True, slots=True)
class _Stages:
    """The fixed point for some stages: `of` picks their audience. `closers` is what each version leaves to older ones
    at every stage; where it has none, that is what its own audience leaves."""

    publisher: int
    groups: Mapping[int, list[Node]]
    unions: Mapping[int, Audience]
    of: Callable[[Both], Audience]
    closers: Mapping[int, Audience]

    def settled(self) -> dict[int, Audience]:
        whole = {n.number: self.of(n.base if n.live else n.whole) for group in self.groups.values() for n in group}
        referrers: dict[int, set[int]] = defaultdict(set)
        for group in self.groups.values():
            for node in group:
                for ref in node.refs & self.groups.keys():
                    referrers[ref].add(node.object)
        pending = dict.fromkeys(o for o, group in self.groups.items() if len(group) > 1 or group[0].refs)
        while pending:
            object_ = next(iter(pending))
            del pending[object_]
            for number, audience in self._narrowed(self.groups[object_], whole):
                if audience != whole[number]:
                    whole[number] = audience
                    pending |= dict.fromkeys(referrers[object_])
        return whole

    def alone(self, node: Node, whole: Mapping[int, Audience]) -> Audience:
        """A version's audience but for newer ones of its object."""
        return self.of(node.base) & closing(self.publisher, node.refs, whole, self.groups, self.unions)

    def _narrowed(self, group: list[Node], whole: Mapping[int, Audience]) -> Iterable[tuple[int, Audience]]:
        """Rules 8 and 9 once over the versions of one object, newest first."""
        newer: dict[int, Audience] = {}  # collection → what closes older versions there
        for node in sorted((n for n in group if n.live), key=lambda n: n.ver, reverse=True):
            alone = self.alone(node, whole)
            above = newer.get(node.collection, EVERYBODY)
            yield node.number, alone & with_own(above, self.publisher)
            if not node.held and alone.reaches_beyond(self.publisher):
                newer[node.collection] = above & self.closers.get(node.number, alone)


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
    return with_own(met, publisher)


def with_own(audience: Audience, publisher: int) -> Audience:
    """The same, and the publisher, where that is a member under its own name: another one reads nothing of its own."""
    return audience.but(publisher, ANY) if publisher > 0 else audience
