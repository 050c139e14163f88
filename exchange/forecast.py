"""Who would read a deposit, in words that its publisher may know. Pure.

The words are symbolic: members that the publisher named, groups that it addressed, rules. They follow from what it
said and from its own other deposits, never from who is in which group, who relays, or what others deposited. So a
thousand previews put together tell no more than the publisher wrote itself (policy.md 3.10, channels 12, 24, 29).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from exchange import stix
from exchange.config import Plan
from exchange.label import ANY, EVERYBODY, NONE, Audience, Expr, Tlp, atom
from exchange.markings import Said

YOU, NOBODY = "you", "nobody"
REVIEWERS = "who reviews this collection"
EVERYONE = "everyone whom the collection lets read"
ANSWERED = ("the publisher of what it answers", "the coordinators")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`now` says whom the deposit is for, `later` who follows from which instant on by its release plan, and `rules`
    what narrows that, each beginning with the rule of policy.md 3.4. `approved`: of a held one, whom it would be for
    once somebody let it pass now."""

    now: tuple[str, ...]
    later: tuple[tuple[int, tuple[str, ...]], ...] = ()
    rules: tuple[str, ...] = ()
    approved: Forecast | None = None

    @property
    def resource(self) -> dict[str, Any]:
        """As JSON. No list is empty (T-2-04)."""
        later = [{"from": f"{stix.format_timestamp(due)[:19]}Z", "to": list(to)} for due, to in self.later]
        found = {"now": list(self.now), "later": later, "rules": list(self.rules)}
        approved = {"once_approved": self.approved.resource} if self.approved else {}
        return {name: values for name, values in found.items() if values} | approved


_AMBER = Audience(atom(f"tlp:{Tlp.AMBER.value}"))  # whoever passes it passes CLEAR and GREEN

_READ = "2 collection: only members that the collection lets read."

NOT_STORED = Forecast(now=(NOBODY,), rules=("3 state: it is not stored.",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whom a stage of a release plan lets in, of a deposit that says what it says; `due` is None where it has come."""

    plan: str
    due: int | None
    everyone: bool
    groups: frozenset[str]
    members: frozenset[str]


def stages(plans: Iterable[Plan], said: Said, started: int, released: int) -> list[Whom]:
    """The stages of the plans that a deposit follows, in time; what was due at `released` has come.

    None is earlier than its policy starts.
    """
    found, begin = [], said.starts or 0
    for plan in plans:
        for stage in plan.stages:
            due = stage.due(started)
            found.append(
                Whom(
                    plan=plan.name, due=None if max(due, begin) <= released else max(due, begin),
                    everyone=stage.everyone,
                    groups=stage.groups | (said.groups if stage.named else frozenset()),
                    members=said.members if stage.named else frozenset(),
                )
            )  # fmt: skip
    return sorted(found, key=lambda w: w.due or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A deposit with its audience by rules 2 to 6 (`base`) and 2 to 9 (`whole`), and what its publisher said.

    `said`: several where a definition takes the audience of what uses it. `refs`: the audience of each of the
    publisher's own ids that it refers to, by STIX id. `numbers`: members' by name. `stages`: those of its plans;
    what was due at `released` has come.
    """

    publisher: int
    base: Audience
    whole: Audience
    said: Sequence[Said]
    refs: Mapping[str, Audience]
    numbers: Mapping[str, int]
    own_hidden: bool
    stages: Sequence[Whom] = ()
    released: int = 0


def forecast(seen: Seen) -> Forecast:
    """The words. Rule 10 is left out, because it would speak of other publishers; it only narrows."""
    others = _others(seen)
    own = () if seen.own_hidden else (YOU,)
    rules = tuple(_rules(seen, open_=bool(others)))
    return Forecast(now=(*others, *own) or (NOBODY,), later=tuple(_later(seen)), rules=rules)


def held(seen: Seen, approved: Forecast, *, inside: bool, reviewed: bool) -> Forecast:
    """Of a deposit that waits for a person's word: `inside` for one of its publisher's own people first, else for
    whoever reviews the collection, who are members if it is `reviewed`."""
    reviewers = (REVIEWERS,) if reviewed and not inside else ()
    readers = reviewers + (() if seen.own_hidden else (YOU,))
    sentence = "until another key of yours approves it." if inside else "until somebody has looked at it."
    rules = (
        *((_READ,) if reviewers else ()),
        f"3 state: held for review {sentence}",
        *(f"4 own: {sentence}" for sentence in _own(seen)),
        *_versions(seen),
    )
    return Forecast(now=readers or (NOBODY,), rules=rules, approved=approved)


# Whom it is for ---------------------------------------------------------------------------------------------------


def _others(seen: Seen) -> list[str]:
    """Everybody but the publisher whom its own words could let in, whatever the config says of groups and rights."""
    if any(said.answers is not None for said in seen.said):
        named = sorted(frozenset[str]().union(*(said.members for said in seen.said)))
        return [*ANSWERED, *named] if all(said.answers_to for said in seen.said) else []
    called = list(dict.fromkeys(_called(said) for said in seen.said))
    if _by_stages(seen):
        called = [_together([w for w in seen.stages if w.due is None])]
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


def _by_stages(seen: Seen) -> bool:
    """Whether its plan alone says whom it is for: then the addressed fill a stage."""
    return bool(seen.stages) and all(said.fills for said in seen.said) and len({w.plan for w in seen.stages}) == 1


def _together(stages_: Sequence[Whom]) -> _Called | None:
    if any(w.everyone for w in stages_):
        return None
    none = frozenset[str]()
    return none.union(*(w.groups for w in stages_)), none.union(*(w.members for w in stages_))


def _later(seen: Seen) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Who follows when, where the plan alone says it, or its policy's start; else rule 7 has a sentence."""
    if _by_stages(seen):
        for whom in seen.stages:
            if whom.due is not None:
                yield whom.due, (EVERYONE,) if whom.everyone else tuple(_words(whom.groups, whom.members))
    elif (begin := _begin(seen)) and len(seen.said) == 1:
        called = _called(seen.said[0])
        yield begin, (EVERYONE,) if called is None else tuple(_words(*called))


def _words(groups: frozenset[str], members: frozenset[str]) -> list[str]:
    return [*sorted(members), *(f"the group {g}" for g in sorted(groups))]


def _possible(seen: Seen, groups: frozenset[str], members: frozenset[str]) -> _Called:
    """Without those whom the publisher's own words shut out, in every config that there could be."""
    whole = seen.whole
    named = {m: seen.numbers[m] for m in members if seen.numbers[m] != abs(seen.publisher)}
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
        yield _READ
    yield from (f"4 own: {sentence}" for sentence in _own(seen))
    if sentence := _tlp(seen.said):
        yield f"5 TLP: {sentence}"
    if any(_narrows(s) for s in seen.said):
        yield "6 addressed: only whom its markings address."
    yield from _asked(seen.said)
    yield from (f"7 stage: {sentence}" for sentence in (*_plans(seen.stages), *_window(seen)))
    yield from _versions(seen)


def _versions(seen: Seen) -> Iterator[str]:
    """Rules 8 and 9."""
    ever = reduce(Audience.__and__, (_closing(seen, a) for a in seen.refs.values()), seen.base)
    if _narrower(seen.whole, ever):
        yield "8 version: no wider than your newer version of it in this collection."
    if any(s.answers_to for s in seen.said):
        yield "9 closure: everybody who reads what it answers, once that is everybody whom its collection lets read."
    if any(s.received != EVERYBODY for s in seen.said):
        yield "9 closure: no wider than what you received of it from others."
    for ref, audience in sorted(seen.refs.items()):
        if _narrower(seen.base & _closing(seen, audience), seen.base):
            yield f"9 closure: no wider than your {ref}, which it refers to."


def _own(seen: Seen) -> Iterator[str]:
    if seen.own_hidden:
        yield "you cannot read it back from this collection."
    if seen.publisher < 0:
        yield "others read an anonymous copy, which enters with those of others."


def _narrows(said: Said) -> bool:
    """Whether rule 6 does: RED has its own sentence, and what fills a stage narrows nothing."""
    return said.tlp is not Tlp.RED and not said.fills and bool(said.groups or said.members or said.named_only)


def _asked(said: Sequence[Said]) -> Iterator[str]:
    for rule, asked in (("6 IEP", {s.iep for s in said}), ("6 ACS", {s.acs for s in said})):
        words = sorted(e.words() for e in asked if e is not ANY)
        yield from (f"{rule}: only members of whom the exchange knows {w}." for w in words)
    if carried := sorted({word for s in said for word in s.carried}):
        yield f"5 TLP: it carries {', '.join(carried)} too, which shut out nobody."


def _begin(seen: Seen) -> int | None:
    """When its policy starts, if that is to come."""
    return max((s.starts for s in seen.said if s.starts is not None and s.starts > seen.released), default=None)


def _window(seen: Seen) -> Iterator[str]:
    if begin := _begin(seen):
        yield f"nobody else before {stix.format_timestamp(begin)[:19]}Z, when its policy starts."
    if ends := [s.ends for s in seen.said if s.ends is not None]:
        yield f"nobody else after {stix.format_timestamp(min(ends))[:19]}Z, when its policy ends."


def _plans(stages_: Sequence[Whom]) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for w in stages_:
        whom = [EVERYONE] if w.everyone else _words(w.groups, w.members) or ["whom it names, which is nobody"]
        when = "at once" if w.due is None else f"from {stix.format_timestamp(w.due)[:19]}Z on"
        told.setdefault(w.plan, []).append(f"{when} {', '.join(whom)}")
    yield from (f"by the plan {plan} {'; '.join(told[plan])}." for plan in sorted(told))


def _narrower(narrowed: Audience, audience: Audience) -> bool:
    """Whether it lets in fewer under any config: CLEAR, GREEN and AMBER alone shut out nobody."""
    return narrowed & _AMBER != audience & _AMBER


def _closing(seen: Seen, audience: Audience) -> Audience:
    return audience.but(seen.publisher, ANY) if seen.publisher > 0 else audience


def _tlp(said: Sequence[Said]) -> str:
    strictest = max(said, key=lambda s: s.tlp or Tlp.RED)
    assumed = ", as this collection takes unmarked objects," if strictest.assumed else ""
    if strictest.tlp is Tlp.AMBER_STRICT:
        return f"AMBER+STRICT{assumed} lets in no member that relays, unless you named it."
    if strictest.tlp is Tlp.RED:
        return f"RED{assumed} lets in only the members that you named; groups do not count."
    return ""
