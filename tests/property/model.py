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

    @property
    def object(self) -> tuple[str, str, str]:
        """Versions of one object have it in common."""
        return self.publisher, self.collection, self.id


@dataclass(frozen=True, slots=True)
class Past:
    """The live deposits of one moment, and for each id deleted before it the moment of its last deletion."""

    live: tuple[Deposit, ...] = ()
    ends: Mapping[tuple[str, str], Past] = field(default_factory=dict)


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

    # What happens -------------------------------------------------------------------------------------------

    def post(self, deposits: Iterable[Deposit]) -> None:
        """One envelope: all of its ids count as known to each other. What is there already stays as it is."""
        new = [d for d in deposits if self.find(d.publisher, d.collection, d.id, d.version) is None]
        self.known |= {(d.publisher, d.id) for d in new}
        self.hidden -= {d.object for d in new}
        self.past = replace(self.past, live=(*self.past.live, *map(self._on_the_day, new)))
        self.history.append(self.past)

    def _on_the_day(self, d: Deposit) -> Deposit:
        known = frozenset(r for r in d.refs if (d.publisher, r) in self.known)
        c = self.collections[d.collection]
        return replace(d, refs=known, named=c.named, tlp=d.tlp or c.unmarked)

    def delete(self, publisher: str, collection: str, object_id: str, versions: Iterable[int]) -> None:
        """Policy 3.8: nobody reads those any more; with the last of them the id leaves the publisher's own view."""
        key, before = (publisher, collection, object_id), self.past
        live = tuple(d for d in before.live if d.object != key or d.version not in set(versions))
        self.past = Past(live, before.ends)
        if not self.own(*key):
            self.hidden.add(key)
        if not any((d.publisher, d.id) == (publisher, object_id) for d in live):
            self.past = Past(live, {**before.ends, (publisher, object_id): before})
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

    def rules_2_to_6(self, d: Deposit) -> frozenset[str]:
        return frozenset(m for m in self.members if self._rules_2_to_6(d, m))

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
        return addressed or (not d.to and not d.named)

    def audiences(self, past: Past | None = None) -> Audiences:
        """Deposit → who may read it by rules 2 to 9, of what is live now or was live then, under today's config."""
        past = past or self.past
        meant = self._if_everybody_were_in_every_group().meant(past)
        return self._judge(past, lambda w, _: w.seq in meant)[1]

    def meant(self, past: Past) -> set[int]:
        """Deposits that somebody but their publisher may read."""
        ever, _ = self._judge(past, lambda w, ever: bool(ever[w.seq] - {w.publisher}))
        return {d.seq for d in past.live if ever[d.seq] - {d.publisher}}

    def _if_everybody_were_in_every_group(self) -> Model:
        able = Member(groups=frozenset(self.groups))
        read = frozenset({"everyone"})
        collections = {name: replace(c, read=read, gone=False) for name, c in self.collections.items()}
        return Model({name: able for name in [*self.members, "somebody"]}, collections, self.groups)

    def _judge(self, past: Past, counts: Counts) -> tuple[Audiences, Audiences]:
        """Audiences without rule 8, and with it: the widest sets that agree with each other.

        `counts` says of a version, given the first, whether it closes older ones.
        """
        base = {d.seq: self.rules_2_to_6(d) for d in past.live}
        found: tuple[Audiences, Audiences] = base, base
        while True:
            ever = {d.seq: self._closed(d, base[d.seq], found[1], past) for d in past.live}
            closing = [w for w in past.live if counts(w, found[0])]
            now = {d.seq: _not_closed_by_newer(d, ever[d.seq], found[0], closing) for d in past.live}
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
