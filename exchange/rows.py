"""Log rows, planned: how a version's entries follow its audience. Pure but for nothing; `log` carries the plan out.

Narrowing happens in place: each row of each entry keeps its instant and position and gets a label that lets in fewer.
A member who is told apart for the first time gets a row in its own lane beside the common one, under a label whose
parent is the common row's, so that what it already had stays where it had it. Widening is a new entry that lets in
exactly those whom the version's entries did not let in before, so they always partition its audience.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exchange.entries import Version
from exchange.label import NONE, Audience, Expr
from exchange.logrows import Label, Row

Lanes = tuple[tuple[int, Expr], ...]  # lane → expression of one entry, the common lane (0) first


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A row that shall have the label (lane, expr, parent); `was` is the row now, or the one it is copied from."""

    was: Row
    lane: int
    expr: Expr
    parent: int
    apart: bool
    copy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    version: Version
    lanes: Lanes


@dataclass(frozen=True, slots=True)
class Narrowing:
    wishes: tuple[Wish, ...]
    drops: tuple[Row, ...]


def lanes(audience: Audience) -> Lanes:
    """The rows of one entry. Nobody's row is left out, but where it keeps an individual from the common one."""
    common = () if audience.common is NONE else ((0, audience.common),)
    return common + tuple((m, e) for m, e in audience.individuals if common or e is not NONE)


def narrow(found: Iterable[Row], labels: Mapping[int, Label], audience: Audience) -> Narrowing:
    """What the rows of one version become when its audience becomes (or is met with) `audience`."""
    entries: dict[int, list[Row]] = defaultdict(list)
    for row in found:
        entries[row.at].append(row)
    wishes: list[Wish] = []
    drops: list[Row] = []
    for entry in entries.values():
        own = {row.lane: row for row in entry if row.lane}
        common = next((row for row in entry if not row.lane), None)
        left = labels[common.label].expr & audience.common if common else NONE
        kept = list(_individual(own, common, labels, audience, left))
        drops += [row for row in own.values() if row.lane not in {w.lane for w in kept}]
        wishes += [w for w in kept if w.copy or w.parent]
        if common and left is NONE:
            drops.append(common)
        elif common:
            parent = 0 if left is labels[common.label].expr else common.label
            apart = bool(kept)
            if parent or apart != common.apart:
                wishes.append(Wish(was=common, lane=0, expr=left, parent=parent, apart=apart, copy=False))
    return Narrowing(tuple(wishes), tuple(drops))


def _individual(
    own: Mapping[int, Row], common: Row | None, labels: Mapping[int, Label], audience: Audience, left: Expr
) -> Iterator[Wish]:
    """The rows of one entry in its individuals' lanes, those that stay and those that come; `parent` 0: unchanged."""
    for lane, row in own.items():
        before = labels[row.label].expr
        expr = before & audience.of(lane)
        if expr is not NONE or left is not NONE:
            parent = 0 if expr is before else row.label
            yield Wish(was=row, lane=lane, expr=expr, parent=parent, apart=False, copy=False)
    if common is None:
        return
    for lane in sorted(audience.members() - own.keys()):
        expr = labels[common.label].expr & audience.of(lane)
        if expr is not left:
            yield Wish(was=common, lane=lane, expr=expr, parent=common.label, apart=False, copy=True)
