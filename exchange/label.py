"""Labels: the one value that policy looks at, and the algebra that intake and the log do with it.

An *expression* (`Expr`) says who may read in terms of what the config knows: ``read:ID`` and ``write:ID``
(rights in a collection), ``tlp:LEVEL``, ``group:NAME``, ``iep:…`` and ``acs:…`` (`schemes`). It holds no publisher
and no other name, so an exchange has tens to hundreds of them. It is kept as a reduced ordered
decision diagram (Bryant 1986): two expressions are the same object if and only if they mean the same, so "did this
audience change?" and "is there anybody left?" are exact and cheap.

An *audience* (`Audience`) is what a deposit's publisher and the exchange say together: one expression for
everybody, and one for each individual who is meant by name (the publisher, named recipients). The log puts the
first into the common lane and the others into the inboxes of those members.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce, total_ordering
from threading import Lock
from weakref import WeakValueDictionary


@total_ordering
class Tlp(enum.Enum):
    """Traffic Light Protocol 2.0 levels, from the widest to the narrowest."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    def __lt__(self, other: Tlp) -> bool:
        order = list(Tlp)
        return order.index(self) < order.index(other)


class Expr:
    """One node of the diagram: where `atom` holds, go to `high`, else to `low`. Made by `atom`, `ANY`, `NONE` only."""

    __slots__ = ("__weakref__", "_text", "atom", "high", "low")

    atom: str
    low: Expr
    high: Expr
    _text: str

    def __and__(self, other: Expr) -> Expr:
        return _choose(self, other, NONE)

    def __or__(self, other: Expr) -> Expr:
        return _choose(self, ANY, other)

    def __sub__(self, other: Expr) -> Expr:
        """Those who satisfy this one and not the other."""
        return _choose(other, NONE, self)

    def holds(self, is_true: Callable[[str], bool]) -> bool:
        """Follow one path. Whatever `is_true` raises is the caller's to turn into a denial."""
        node = self
        while node is not ANY and node is not NONE:
            node = node.high if is_true(node.atom) else node.low
        return node is ANY

    def path(self, is_true: Callable[[str], bool]) -> tuple[str, ...]:
        """The atoms that decided, in order: the last one is the one that closed or opened the door."""
        node, seen = self, []
        while node is not ANY and node is not NONE:
            seen.append(node.atom)
            node = node.high if is_true(node.atom) else node.low
        return tuple(seen)

    def nodes(self) -> tuple[Expr, ...]:
        """Every inner node once, children before parents."""
        order: dict[Expr, None] = {}
        stack = [(self, False)]
        while stack:
            node, done = stack.pop()
            if node is ANY or node is NONE or node in order:
                continue
            if done:
                order[node] = None
            else:
                stack += [(node, True), (node.high, False), (node.low, False)]
        return tuple(order)

    @property
    def text(self) -> str:
        """Canonical text: ``0`` nobody, ``1`` anybody, else ``atom,low,high;…`` with the root last."""
        if not self._text:
            self._text = self._written()
        return self._text

    def _written(self) -> str:
        index = {NONE: 0, ANY: 1}
        parts = []
        for node in self.nodes():
            parts.append(f"{node.atom},{index[node.low]},{index[node.high]}")
            index[node] = len(index)
        return ";".join(parts) if parts else str(index[self])

    def __repr__(self) -> str:
        return f"Expr({self.words()})"

    def words(self) -> str:
        """For people: the ways to satisfy it, ``a and not b or c``."""
        if self is ANY or self is NONE:
            return "anybody" if self is ANY else "nobody"
        return " or ".join(" and ".join(way) for way in self._ways())

    def _ways(self) -> Iterable[tuple[str, ...]]:
        for child, literal in ((self.high, self.atom), (self.low, f"not {self.atom}")):
            if child is ANY:
                yield (literal,)
            elif child is not NONE:
                yield from ((literal, *rest) for rest in child._ways())


def _leaf(name: str) -> Expr:
    leaf = object.__new__(Expr)
    leaf.atom, leaf.low, leaf.high, leaf._text = name, leaf, leaf, ""
    return leaf


NONE = _leaf("none")
ANY = _leaf("any")

_KINDS = {
    "read": 2,
    "write": 3,
    "own": 4,
    "tlp": 5,
    "group": 6,
    "iep": 7,
    "acs": 8,
    "role": 9,
}  # as in policy.md 3.4: a denial names its rule
_LEVELS = [f"tlp:{level.value}" for level in reversed(Tlp)]  # the strictest first
_unique: WeakValueDictionary[tuple[str, Expr, Expr], Expr] = WeakValueDictionary()
_unique_lock = Lock()  # two threads must never make the same node twice: identity is equality here


def _rank(name: str) -> tuple[int, str]:
    kind = name.partition(":")[0]
    return _KINDS.get(kind, 9), str(_LEVELS.index(name)) if name in _LEVELS else name


def _node(name: str, low: Expr, high: Expr) -> Expr:
    if low is high:
        return low
    key = (name, low, high)
    with _unique_lock:
        found = _unique.get(key)
        if found is None:
            found = object.__new__(Expr)
            found.atom, found.low, found.high = key
            found._text = ""
            _unique[key] = found
    return found


@lru_cache(maxsize=65536)
def _choose(test: Expr, then: Expr, other: Expr) -> Expr:
    """If `test` then `then` else `other`: the one operation that all others are made of."""
    if test is ANY or then is other:
        return then
    if test is NONE:
        return other
    first = min((e.atom for e in (test, then, other) if e is not ANY and e is not NONE), key=_rank)
    low = _choose(*(_at(e, first).low for e in (test, then, other)))
    high = _choose(*(_at(e, first).high for e in (test, then, other)))
    if first in _LEVELS:
        high = _passing(high, first)
        if high is _passing(low, first):
            return low
    return _node(first, low, high)


def _passing(expr: Expr, level: str) -> Expr:
    """What is left of an expression for those who pass a TLP level: they pass every wider one too.

    TLP is one order, so an expression needs no two levels on one path. Without this, every pair of levels that meets
    in a closure would be a label of its own.
    """
    while expr.atom in _LEVELS and _LEVELS.index(expr.atom) > _LEVELS.index(level):
        expr = expr.high
    return expr


@dataclass(frozen=True, slots=True)
class _Sides:
    low: Expr
    high: Expr


def _at(expr: Expr, name: str) -> Expr | _Sides:
    return expr if expr.atom == name and expr is not ANY and expr is not NONE else _Sides(expr, expr)


def atom(name: str) -> Expr:
    """Those for whom the config makes ``kind:value`` true."""
    return _node(name, NONE, ANY)


def any_of(exprs: Iterable[Expr]) -> Expr:
    return reduce(Expr.__or__, exprs, NONE)


@lru_cache(maxsize=65536)
def parse(text: str) -> Expr:
    """The expression of a canonical text, whatever the order of atoms was when it was written."""
    made = [NONE, ANY]
    if text in ("0", "1"):
        return made[int(text)]
    for part in text.split(";"):
        name, low, high = part.rsplit(",", 2)
        made.append(_choose(atom(name), made[int(high)], made[int(low)]))
    return made[-1]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may read: `common` for everybody, but for the individuals (member number → expression) listed apart."""

    common: Expr
    individuals: tuple[tuple[int, Expr], ...] = ()

    @classmethod
    def make(cls, common: Expr, individuals: Mapping[int, Expr]) -> Audience:
        """Canonical: sorted, and nobody listed who is treated like everybody."""
        return cls(common, tuple(sorted((m, e) for m, e in individuals.items() if e is not common)))

    def of(self, member: int) -> Expr:
        return next((e for m, e in self.individuals if m == member), self.common)

    def members(self) -> frozenset[int]:
        return frozenset(m for m, _ in self.individuals)

    def __and__(self, other: Audience) -> Audience:
        return _pointwise(Expr.__and__, self, other)

    def __or__(self, other: Audience) -> Audience:
        return _pointwise(Expr.__or__, self, other)

    def __sub__(self, other: Audience) -> Audience:
        return _pointwise(Expr.__sub__, self, other)

    def but(self, member: int, expr: Expr) -> Audience:
        """The same, with one individual told apart."""
        return Audience.make(self.common, {**dict(self.individuals), member: expr})

    def reaches_beyond(self, member: int) -> bool:
        """Whether any config could let anybody but this member read."""
        return self.common is not NONE or any(e is not NONE for m, e in self.individuals if m != member)

    @property
    def size(self) -> int:
        """Nodes of all its expressions: what the cap on the depth of references counts."""
        return len(self.common.nodes()) + sum(len(e.nodes()) for _, e in self.individuals)

    @property
    def text(self) -> str:
        return "/".join([self.common.text, *(f"{m}={e.text}" for m, e in self.individuals)])


@dataclass(frozen=True, slots=True)
class Step:
    """Whom a release plan, or the time of a policy, lets in from an instant on (microseconds UTC)."""

    due: int
    audience: Audience


def ever(base: Audience, steps: Iterable[Step]) -> Audience:
    """Whom an audience and the steps to come let in at one time or another."""
    return reduce(Audience.__or__, (step.audience for step in steps), base)


def ending(steps: Sequence[Step], publisher: int) -> int | None:
    """The instant from which on nobody but the publisher is let in; only the last step can be that."""
    return steps[-1].due if steps and not steps[-1].audience.reaches_beyond(publisher) else None


@lru_cache(maxsize=65536)
def _pointwise(op: Callable[[Expr, Expr], Expr], a: Audience, b: Audience) -> Audience:
    members = a.members() | b.members()
    return Audience.make(op(a.common, b.common), {m: op(a.of(m), b.of(m)) for m in members})


@lru_cache(maxsize=16384)
def parse_audience(text: str) -> Audience:
    common, *rest = text.split("/")
    pairs = (part.split("=", 1) for part in rest)
    return Audience.make(parse(common), {int(m): parse(e) for m, e in pairs})


NOBODY = Audience(NONE)
EVERYBODY = Audience(ANY)
