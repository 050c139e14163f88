"""What an administrator asks: why may a member read this or not, who may, what is it served, what would change?

Answers print ids, types, rules and counts, never contents (channel 35). Each is worked out from the same stored
audiences and the same `decide` as the server's own answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlalchemy import Connection

from exchange import claims, closure, entries, feed, pages, policy, stix, store, tallies
from exchange.config import Collection, Place
from exchange.entries import Version
from exchange.grants import Difference
from exchange.inforce import Effect, InForce
from exchange.label import Audience
from exchange.markings import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule of policy.md 3.4, kept or not; `place` is ``file:line`` of what it rests on, or empty."""

    rule: str
    kept: bool
    because: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The rules over one version of one publisher's deposit, in order, up to the first that fails."""

    publisher: str
    collection: str
    version: str
    steps: tuple[Step, ...]

    @property
    def readable(self) -> bool:
        return all(step.kept for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
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


# explain ----------------------------------------------------------------------------------------------------------


def explain(conn: Connection, state: InForce, member: str, stix_id: str, now: int) -> list[Block]:
    """A block for each version of each deposit of the id; empty if nobody deposited it."""
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    if number is None:
        return []
    versions = entries.versions_of(conn, number)
    told = entries.told(conn, [v.number for v in versions])
    blocks = []
    for v in versions:
        text, said = told[v.number]
        case = _Case(conn, state, member, v, Said.split(said), versions)
        steps: list[Step] = []
        for step in case.steps(now):
            steps.append(step)
            if not step.kept:
                break
        blocks.append(Block(publisher=state.name(v.publisher), collection=case.title, version=text, steps=tuple(steps)))
    return blocks


class _Case:
    """One member before one version."""

    def __init__(
        self,
        conn: Connection,
        state: InForce,
        member: str,
        v: Version,
        said: Sequence[Said],
        versions: Sequence[Version],
    ) -> None:
        self.conn, self.state, self.member = conn, state, member
        self.v, self.said, self.versions = v, said, versions
        self.number = state.numbers[member]
        uid = next(uid for uid, n in state.places.items() if n == v.collection)
        self.collection: Collection | None = state.config.collection_by_id(uid)
        self.title = self.collection.name if self.collection else uid

    def lets_in(self, audience: Audience) -> bool:
        return self.number in self.state.readers(audience.of(self.number))

    def steps(self, now: int) -> Iterator[Step]:
        yield self.rule_1(now)
        yield from self.rules_2_to_7()
        yield self.rule_8()
        yield self.rule_9()
        yield self.rule_10()

    def rule_1(self, now: int) -> Step:
        stanza = self.state.config.members.get(self.member)
        kept = policy.active(self.state.config, self.member, now)
        because = "active" if kept else "not active: suspended, outside its dates, or taken out of the file"
        return Step(rule="1 member", kept=kept, because=because, place=_at(stanza.place if stanza else None))

    def rules_2_to_7(self) -> Iterator[Step]:
        c, v = self.collection, self.v
        if c is None:
            yield Step(rule="2 collection", kept=False, because="its file was taken out: nobody reads it")
            return
        each = [policy.clauses(c, said, v.publisher, self.state.numbers) for said in self.said]
        clauses = {rule: reduce(Audience.__and__, (one[rule] for one in each)) for rule in each[0]}
        own = self.number == v.publisher
        yield self._clause(clauses, "2 collection", f"read: {_rights(c)}", c.places.get("read", c.place))
        deleted = "deleted: nobody reads it" if not v.live else "published"
        yield Step(rule="3 state", kept=v.live, because=deleted)
        yield self._clause(clauses, "4 own", "its own" if own else "another's", c.places.get("own", c.place))
        member = self.state.config.members[self.member]
        tlp = "; ".join(_tlp(said) for said in self.said)
        yield self._clause(clauses, "5 TLP", tlp, member.places.get("relays", member.place))
        to = "; ".join(_to(said) for said in self.said)
        yield self._clause(clauses, "6 addressed", f"to {to}", member.places.get("in", member.place))
        yield Step(rule="7 stage", kept=True, because="no release plan")

    def _clause(self, clauses: dict[str, Audience], rule: str, because: str, place: Place) -> Step:
        return Step(rule=rule, kept=self.lets_in(clauses[rule]), because=because, place=_at(place))

    def rule_8(self) -> Step:
        v = self.v
        newer = [w for w in self.versions if (w.collection, w.publisher) == (v.collection, v.publisher)
                 and w.live and w.ver > v.ver]  # fmt: skip
        ever = [w.base & self._closing(w) for w in newer]
        closers = [a for a in ever if a.reaches_beyond(v.publisher)]
        kept = self.number == v.publisher or all(self.lets_in(a) for a in closers)
        because = "no newer version leaves it out" if kept else "a newer version is not for this member"
        return Step(rule="8 version", kept=kept, because=because)

    def rule_9(self) -> Step:
        unions = self._unions(self.v) if self.number != self.v.publisher else {}
        closed = [ref for ref, audience in sorted(unions.items()) if not self.lets_in(audience)]
        names = ", ".join(entries.ids_of(self.conn, closed).values())
        because = f"refers to {names}, which this member may not read" if closed else "nothing it refers to closes it"
        return Step(rule="9 closure", kept=not closed, because=because)

    def _closing(self, v: Version) -> Audience:
        return closure.closing(v.publisher, v.refs, {}, {}, self._unions(v))

    def _unions(self, v: Version) -> dict[int, Audience]:
        """The audience of each id that a version refers to, over its publisher's deposits."""
        targets = entries.own_versions(self.conn, v.publisher, sorted(v.refs))
        return {ref: claims.union(w.whole for w in targets if w.object == ref) for ref in v.refs}

    def rule_10(self) -> Step:
        kept = self.lets_in(self.v.shown)
        because = "this member's view has the id from this publisher" if kept else (
            "in this member's view the id belongs to another publisher"
        )  # fmt: skip
        return Step(rule="10 one publisher", kept=kept, because=because)


def _at(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place else ""


def _tlp(said: Said) -> str:
    level = f"TLP:{said.tlp.value.upper()}" if said.tlp else "no TLP"
    return f"{level}, as unmarked objects were taken" if said.assumed else level


def _to(said: Said) -> str:
    named = [*(f"group {g}" for g in sorted(said.groups)), *sorted(said.members)]
    return ", ".join(named) or ("nobody else" if said.named_only else "everyone")


def _rights(collection: Collection) -> str:
    return "everyone" if collection.read.everyone else ", ".join(sorted(collection.read.groups)) or "nobody"


# who-can, view, counts --------------------------------------------------------------------------------------------


def who_can(conn: Connection, state: InForce, stix_id: str, now: int) -> list[Readable]:
    """Who may read each live version now: members that are active, by name."""
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    live = [v for v in entries.versions_of(conn, number) if v.live] if number is not None else []
    told = entries.told(conn, [v.number for v in live])
    active = {state.numbers[m]: m for m in state.config.members if policy.active(state.config, m, now)}
    names = {n: c.name for c in state.config.collections.values() if (n := state.places.get(c.id)) is not None}
    return [
        Readable(
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
