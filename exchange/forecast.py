"""Who would read a deposit, in words that its publisher may know. Pure.

The words are symbolic: members that the publisher named, groups that it addressed, rules. They follow from what it
said and from its own other deposits, never from who is in which group, who relays, or what others deposited. So a
thousand previews put together tell no more than the publisher wrote itself (policy.md 3.10, channels 12, 24, 29).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from exchange.label import ANY, NONE, Audience, Expr, Tlp, atom
from exchange.markings import Said

YOU, NOBODY = "you", "nobody"
EVERYONE = "everyone whom the collection lets read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`now` says whom the deposit is for, `rules` what narrows that, each beginning with the rule of policy.md 3.4."""

    now: tuple[str, ...]
    rules: tuple[str, ...] = ()

    @property
    def resource(self) -> dict[str, Any]:
        """As JSON. There is no `later` until there are release plans; no list is empty (T-2-04)."""
        return {"now": list(self.now), **({"rules": list(self.rules)} if self.rules else {})}


_AMBER = Audience(atom(f"tlp:{Tlp.AMBER.value}"))  # whoever passes it passes CLEAR and GREEN

NOT_STORED = Forecast(now=(NOBODY,), rules=("3 state: it is not stored.",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A deposit with its audience by rules 2 to 6 (`base`) and 2 to 9 (`whole`), and what its publisher said.

    `said`: several where a definition takes the audience of what uses it. `refs`: the audience of each of the
    publisher's own ids that it refers to, by STIX id. `numbers`: members' by name.
    """

    publisher: int
    base: Audience
    whole: Audience
    said: Sequence[Said]
    refs: Mapping[str, Audience]
    numbers: Mapping[str, int]
    own_hidden: bool


def forecast(seen: Seen) -> Forecast:
    """The words. Rule 10 is left out, because it would speak of other publishers; it only narrows."""
    others = _others(seen)
    own = () if seen.own_hidden else (YOU,)
    return Forecast(now=(*others, *own) or (NOBODY,), rules=tuple(_rules(seen, open_=bool(others))))


# Whom it is for ---------------------------------------------------------------------------------------------------


def _others(seen: Seen) -> list[str]:
    """Everybody but the publisher whom its own words could let in, whatever the config says of groups and rights."""
    called = list(dict.fromkeys(_called(said) for said in seen.said))
    narrow = [words for words in called if words is not None]
    if not seen.whole.reaches_beyond(seen.publisher):
        return []
    if len(narrow) > 1:
        return [f"whom each of these lets in: {'; '.join(' or '.join(_words(*words)) for words in narrow)}"]
    return [EVERYONE] if not narrow else _words(*_possible(seen, *narrow[0]))


_Called = tuple[frozenset[str], frozenset[str]]  # groups, members


def _called(said: Said) -> _Called | None:
    """Who is addressed; None is everyone. RED counts members only."""
    if said.tlp is Tlp.RED:
        return frozenset(), said.members
    return (said.groups, said.members) if said.groups or said.members or said.named_only else None


def _words(groups: frozenset[str], members: frozenset[str]) -> list[str]:
    return [*sorted(members), *(f"the group {g}" for g in sorted(groups))]


def _possible(seen: Seen, groups: frozenset[str], members: frozenset[str]) -> _Called:
    """Without those whom the publisher's own words shut out, in every config that there could be."""
    whole = seen.whole
    named = {m: seen.numbers[m] for m in members if seen.numbers[m] != seen.publisher}
    apart = {seen.publisher, *named.values()}
    unnamed = [whole.common, *(e for n, e in whole.individuals if n not in apart)]
    open_groups = frozenset(g for g in groups if any(_meets(e, g) for e in unnamed))
    return open_groups, frozenset(m for m, n in named.items() if whole.of(n) is not NONE)


def _meets(expr: Expr, group: str) -> bool:
    return (expr & atom(f"group:{group}")) is not NONE


# By which rules ---------------------------------------------------------------------------------------------------


def _rules(seen: Seen, *, open_: bool) -> Iterator[str]:
    """One sentence for each rule that narrows, in the order of policy.md 3.4; `open_`: it is for others at all."""
    if open_:
        yield "2 collection: only members that the collection lets read."
    if seen.own_hidden:
        yield "4 own: you cannot read it back from this collection."
    if sentence := _tlp(seen.said):
        yield f"5 TLP: {sentence}"
    if any(s.groups or s.members or s.named_only for s in seen.said if s.tlp is not Tlp.RED):
        yield "6 addressed: only whom its markings address."
    ever = reduce(Audience.__and__, (_closing(seen, a) for a in seen.refs.values()), seen.base)
    if _narrower(seen.whole, ever):
        yield "8 version: no wider than your newer version of it in this collection."
    for ref, audience in sorted(seen.refs.items()):
        if _narrower(seen.base & _closing(seen, audience), seen.base):
            yield f"9 closure: no wider than your {ref}, which it refers to."


def _narrower(narrowed: Audience, audience: Audience) -> bool:
    """Whether it lets in fewer under any config: CLEAR, GREEN and AMBER alone shut out nobody."""
    return narrowed & _AMBER != audience & _AMBER


def _closing(seen: Seen, audience: Audience) -> Audience:
    return audience.but(seen.publisher, ANY)


def _tlp(said: Sequence[Said]) -> str:
    strictest = max(said, key=lambda s: s.tlp or Tlp.RED)
    assumed = ", as this collection takes unmarked objects," if strictest.assumed else ""
    if strictest.tlp is Tlp.AMBER_STRICT:
        return f"AMBER+STRICT{assumed} lets in no member that relays, unless you named it."
    if strictest.tlp is Tlp.RED:
        return f"RED{assumed} lets in only the members that you named; groups do not count."
    return ""
