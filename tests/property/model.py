"""Who may read what, from policy.md alone: a list of deposits and the rules of section 3.4 as sets of members.

Nothing here knows labels, logs or times. Where the policy leaves a choice, this model takes the following reading:

- 3.4.8, "once it is readable to anybody but its publisher": a version without a plan is so at once if it is meant for
  anybody else at all, be it a group that is empty today; one that is addressed to its publisher alone closes nothing.
- 3.4.9: an id's audience is that of its publisher's live deposits of it, together; once none is left, the audience that
  it had before the last deletion stays, with groups that mean their members of today.
- 3.4.9: deposits that refer to each other in a circle hold each other up (the widest audience that agrees with all).
- 3.4.10, "the earliest entry that the member may read": the publisher of whose deposits of the id the member could
  read one for the longest time without a break, where only deposits and deletions make breaks (who could have read
  what then is asked under today's config, for an entry lets in groups, which mean their members of today).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

Stage = tuple[int, frozenset[str]]  # microseconds after publication → groups, "named", "everyone"
INFINITY = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`present`: in the file, and not away, be it suspended, ended or not begun, as `away` says."""

    groups: frozenset[str] = frozenset()
    relays: bool = False
    identity: str | None = None
    present: bool = True
    away: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """`read` and `write` are groups; "everyone" is one that has every member. `gone`: taken out of the files.

    `unmarked` is the level of a deposit that says none.
    """

    read: frozenset[str] = frozenset({"everyone"})
    write: frozenset[str] = frozenset({"everyone"})
    hidden: bool = False
    named: bool = False
    unmarked: str = "amber"
    gone: bool = False
    plan: str = ""

    @property
    def reads(self) -> frozenset[str]:
        return frozenset() if self.gone else self.read

    @property
    def writes(self) -> frozenset[str]:
        return frozenset() if self.gone else self.write


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """`to` are the words of its markings; `refs` the ids that its publisher had deposited when it came in.

    `named`: the collection asked for names on the day it came in. `said` is the same where one body was deposited in
    several collections.
    """

    seq: int
    publisher: str
    collection: str
    id: str
    version: int
    tlp: str
    to: frozenset[str]
    refs: frozenset[str]
    creator: str | None = None
    said: int = 0
    named: bool = False
    plan: str = ""
    stages: tuple[Stage, ...] = ()
    started: int = 0
    # Newer versions that put it off, and what was released when they came.
    bounds: tuple[tuple[int, Deposit], ...] = field(default=(), compare=False)

    @property
    def words(self) -> frozenset[str]:
        """Whom it addresses."""
        return frozenset(word for word in self.to if not word.startswith("release:"))

    @property
    def fills(self) -> bool:
        """Whoever is addressed fills a stage, and narrows nothing else (3.5)."""
        return any("named" in words for _, words in self.stages) and not self.named and "named-only" not in self.to

    @property
    def object(self) -> tuple[str, str, str]:
        """Versions of one object have it in common."""
        return self.publisher, self.collection, self.id


@dataclass(frozen=True, slots=True)
class Past:
    """The live deposits of one moment, and for each id deleted before it the moment of its last deletion."""

    live: tuple[Deposit, ...] = ()
    ends: Mapping[tuple[str, str], Past] = field(default_factory=dict)
    at: int = 0  # releases were carried out up to here


Audiences = Mapping[int, frozenset[str]]  # deposit → members
Config = tuple[dict[str, Member], dict[str, Collection], bool]
Counts = Callable[[Deposit, Audiences], bool]


@dataclass(slots=True)
class Model:
    """What happened, and the config of today: `groups` are the names of all, `nested` if the first is in the last.

    `known` are the ids that each publisher ever deposited, `hidden` the objects that a publisher deleted whole,
    `history` what was live after each post and deletion.
    """

    members: dict[str, Member]
    collections: dict[str, Collection]
    groups: Sequence[str]
    past: Past = field(default_factory=Past)
    known: set[tuple[str, str]] = field(default_factory=set)
    hidden: set[tuple[str, str, str]] = field(default_factory=set)
    history: list[Past] = field(default_factory=list)
    nested: bool = False
    plans: Mapping[str, tuple[Stage, ...]] = field(default_factory=dict)

    # What happens -------------------------------------------------------------------------------------------

    def release(self, until: int) -> None:
        """Every stage that is due by then is carried out."""
        self.past = replace(self.past, at=max(until, self.past.at))

    def post(self, deposits: Iterable[Deposit], now: int = 0) -> None:
        """One envelope: all of its ids count as known to each other. What is there already stays as it is."""
        new = [d for d in deposits if self.find(d.publisher, d.collection, d.id, d.version) is None]
        self.known |= {(d.publisher, d.id) for d in new}
        self.hidden -= {d.object for d in new}
        for d in new:
            self.past = replace(self.past, live=(*self.past.live, self._on_the_day(d, now)))
        self.past = replace(self.past, live=tuple(self._put_off(d, {x.seq for x in new}) for d in self.past.live))
        self.history.append(self.past)

    def _on_the_day(self, d: Deposit, now: int) -> Deposit:
        known = frozenset(r for r in d.refs if (d.publisher, r) in self.known)
        c = self.collections[d.collection]
        plan = next((word.removeprefix("release:") for word in d.to if word.startswith("release:")), c.plan)
        started = min((x.started for x in self.own(*d.object) if x.plan == plan), default=now)
        stages = self.plans.get(plan, ())
        return replace(
            d, refs=known, named=c.named, tlp=d.tlp or c.unmarked, plan=plan, stages=stages, started=started
        )  # fmt: skip

    def _put_off(self, d: Deposit, new: set[int]) -> Deposit:
        """With the newer versions that came just now, or that were there when it came (3.7)."""
        able = self._if_everybody_were_in_every_group()
        newer = [
            x for x in self.past.live
            if x.object == d.object and x.version > d.version and (x.seq in new or d.seq in new)
            and any(m != x.publisher and able.rule_2_to_7(x, m, INFINITY) for m in able.members)
        ]  # fmt: skip
        return replace(d, bounds=(*d.bounds, *((self.past.at, x) for x in newer)))

    def delete(self, publisher: str, collection: str, object_id: str, versions: Iterable[int]) -> None:
        """Policy 3.8: nobody reads those any more; with the last of them the id leaves the publisher's own view."""
        key, before = (publisher, collection, object_id), self.past
        live = tuple(d for d in before.live if d.object != key or d.version not in set(versions))
        self.past = replace(before, live=live)
        if not self.own(*key):
            self.hidden.add(key)
        if not any((d.publisher, d.id) == (publisher, object_id) for d in live):
            self.past = replace(before, live=live, ends={**before.ends, (publisher, object_id): before})
        self.history.append(self.past)

    def own(self, publisher: str, collection: str, object_id: str) -> list[Deposit]:
        """Live ones, oldest version first."""
        key = publisher, collection, object_id
        return sorted((d for d in self.past.live if d.object == key), key=lambda d: d.version)

    def find(self, publisher: str, collection: str, object_id: str, version: int) -> Deposit | None:
        return next((d for d in self.own(publisher, collection, object_id) if d.version == version), None)

    def config(self) -> Config:
        return dict(self.members), dict(self.collections), self.nested

    def set_config(self, config: Config) -> None:
        members, collections, self.nested = config
        self.members, self.collections = dict(members), dict(collections)

    # Who may read -------------------------------------------------------------------------------------------

    def opens(self, member: str, collection: str) -> bool:
        """Rule 1, and 3.3.2: listed for whoever may read or write."""
        c = self.collections[collection]
        return self.members[member].present and (self.has(member, c.reads) or self.has(member, c.writes))

    def has(self, member: str, right: frozenset[str]) -> bool:
        return "everyone" in right or bool(right & self.groups_of(member))

    def groups_of(self, member: str) -> frozenset[str]:
        own = self.members[member].groups
        return own | {self.groups[-1]} if self.nested and self.groups[0] in own else own

    def rules_2_to_7(self, d: Deposit, at: int) -> frozenset[str]:
        return frozenset(m for m in self.members if self.rule_2_to_7(d, m, at))

    def rule_2_to_7(self, d: Deposit, member: str, at: int) -> bool:
        return self._rules_2_to_6(d, member) and self._let_in(d, member, at, len(d.bounds))

    def _let_in(self, d: Deposit, member: str, at: int, bounds: int) -> bool:
        """Rule 7, as the first so many of its bounds leave it."""
        if member == d.publisher or not d.stages:
            return True
        if not bounds:
            return any(self._in_stage(d, member, words) for delay, words in d.stages if _due(d, delay) <= at)
        since, newer = d.bounds[bounds - 1]
        if self._let_in(d, member, min(at, since), bounds - 1):
            return True
        return self._let_in(d, member, at, bounds - 1) and self.rule_2_to_7(newer, member, at)

    def _in_stage(self, d: Deposit, member: str, words: frozenset[str]) -> bool:
        groups = self.groups_of(member)
        addressed = f"member:{member}" in d.to or any(f"group:{g}" in d.to for g in groups)
        return "everyone" in words or bool(words & groups) or ("named" in words and addressed)

    def _rules_2_to_6(self, d: Deposit, member: str) -> bool:
        c = self.collections[d.collection]
        if member == d.publisher:
            return not c.hidden and (self.has(member, c.reads) or self.has(member, c.writes))
        named = f"member:{member}" in d.to
        if not self.has(member, c.reads):
            return False
        if d.tlp == "red":
            return named
        if d.tlp == "amber+strict" and self.members[member].relays and not named:
            return False
        addressed = named or any(f"group:{g}" in d.to for g in self.groups_of(member))
        return addressed or d.fills or (not d.words and not d.named)

    def audiences(self, past: Past | None = None) -> Audiences:
        """Deposit → who may read it by rules 2 to 9, of what is live now or was live then, under today's config."""
        past = past or self.past
        able = self._if_everybody_were_in_every_group()
        meant = able.meant(past, INFINITY)
        ever, last = self._judge(past, INFINITY, lambda w, _: w.seq in meant)
        if not any(d.stages for d in past.live):
            return last
        meant_now = able.meant(past, past.at)
        return self._judge(past, past.at, lambda w, _: w.seq in meant_now, ever)[1]

    def meant(self, past: Past, at: int) -> set[int]:
        """Deposits that somebody but their publisher may read by then."""
        ever, _ = self._judge(past, INFINITY, lambda w, ever: bool(ever[w.seq] - {w.publisher}))
        if at < INFINITY:
            ever, _ = self._judge(past, at, lambda w, ever: bool(ever[w.seq] - {w.publisher}), ever)
        return {d.seq for d in past.live if ever[d.seq] - {d.publisher}}

    def _if_everybody_were_in_every_group(self) -> Model:
        able = Member(groups=frozenset(self.groups))
        read = frozenset({"everyone"})
        collections = {name: replace(c, read=read, gone=False) for name, c in self.collections.items()}
        return Model({name: able for name in [*self.members, "somebody"]}, collections, self.groups, plans=self.plans)

    def _judge(self, past: Past, at: int, counts: Counts, last: Audiences | None = None) -> tuple[Audiences, Audiences]:
        """Audiences by then without rule 8, and with it: the widest sets that agree with each other.

        `counts` says of a version, given the first, whether it closes older ones: to those whom `last` leaves out,
        its audience at every stage.
        """
        base = {d.seq: self.rules_2_to_7(d, at) for d in past.live}
        found: tuple[Audiences, Audiences] = base, base
        while True:
            ever = {d.seq: self._closed(d, base[d.seq], found[1], past) for d in past.live}
            closing = [w for w in past.live if counts(w, found[0])]
            now = {d.seq: _not_closed_by_newer(d, ever[d.seq], last or found[0], closing) for d in past.live}
            if (ever, now) == found:
                return found
            found = ever, now

    def _closed(self, d: Deposit, allowed: frozenset[str], now: Audiences, past: Past) -> frozenset[str]:
        """Rule 9."""
        own = allowed & {d.publisher}
        for r in d.refs:
            allowed &= self._of_id(d.publisher, r, now, past)
        return allowed | own

    def _of_id(self, publisher: str, object_id: str, now: Audiences, past: Past) -> frozenset[str]:
        live = [d for d in past.live if (d.publisher, d.id) == (publisher, object_id)]
        if live:
            return frozenset().union(*(now[d.seq] for d in live))
        end = past.ends[publisher, object_id]
        return self._of_id(publisher, object_id, self.audiences(end), end)

    def view(self, member: str, collection: str, audiences: Audiences) -> set[Deposit]:
        """Every version that the member may read there: rule 10 on top of the others."""
        readable = [d for d in self.past.live if d.collection == collection and member in audiences[d.seq]]
        owners = {i: self._owner(member, [d for d in readable if d.id == i]) for i in {d.id for d in readable}}
        return {d for d in readable if d.publisher == owners[d.id] and (member, collection, d.id) not in self.hidden}

    def _owner(self, member: str, readable: Sequence[Deposit]) -> str:
        publishers = {d.publisher for d in readable}
        if member in publishers:
            return member
        creators = {d.publisher for d in readable if d.creator and d.creator == self.members[d.publisher].identity}
        left = creators or publishers
        return min(left) if len(left) == 1 else min(left, key=lambda p: self._first_read(member, p, readable[0]))

    def _first_read(self, member: str, publisher: str, like: Deposit) -> int:
        """Since which moment of the history the member could read the publisher's deposits of the same id there."""
        key = publisher, like.collection, like.id
        for moment in reversed(range(len(self.history))):
            past, now = self.history[moment], self.audiences(self.history[moment])
            if not any(d.object == key and member in now[d.seq] for d in past.live):
                return moment + 1
        return 0


def _due(d: Deposit, delay: int) -> int:
    """What has no delay holds from the beginning."""
    return d.started + delay if delay else 0


def _not_closed_by_newer(
    d: Deposit, allowed: frozenset[str], ever: Audiences, closing: Iterable[Deposit]
) -> frozenset[str]:
    """Rule 8."""
    own = allowed & {d.publisher}
    for w in closing:
        if w.object == d.object and w.version > d.version:
            allowed &= ever[w.seq]
    return allowed | own


def newest(view: Iterable[Deposit]) -> set[Deposit]:
    """`last`: of each id the newest version of a view."""
    best: dict[str, Deposit] = {}
    for d in view:
        if d.id not in best or d.version > best[d.id].version:
            best[d.id] = d
    return set(best.values())


def oldest(view: Iterable[Deposit]) -> set[Deposit]:
    """`first`: of each id the oldest version of a view."""
    best: dict[str, Deposit] = {}
    for d in view:
        if d.id not in best or d.version < best[d.id].version:
            best[d.id] = d
    return set(best.values())
