"""Why a member may read an object or not: every rule of policy.md 3.4 in order, up to the first that fails.

The yes or no of each rule comes from the same stored audiences and the same `policy` as the server's own answers; this
module adds the words, and the line in the administrator's files that decides. It prints ids, types and rules, never
contents (channel 35).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlalchemy import Connection

from exchange import aliases, claims, closure, entries, notes, plans, policy, review, stix, store
from exchange.config import Collection, Member, Place, Rights
from exchange.entries import HELD, REFUSED, WITHDRAWN, Version
from exchange.inforce import InForce
from exchange.label import ANY, Audience, Tlp
from exchange.markings import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule of policy.md 3.4, kept or not.

    `place` is ``file:line`` of the key that decides, in the files as they are in force; empty where no file does.
    """

    rule: str
    kept: bool
    because: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The rules over one version of one publisher's deposit, in order, up to the first that fails.

    `id`: the object's, which for the copy of an anonymous one is not the id that its publisher gave it.
    """

    id: str
    publisher: str
    collection: str
    version: str
    steps: tuple[Step, ...]

    @property
    def readable(self) -> bool:
        return all(step.kept for step in self.steps)


def explain(conn: Connection, state: InForce, member: str, stix_id: str, now: int) -> list[Block]:
    """A block for each version of each deposit of the id; empty if nobody deposited it.

    `member`: anybody who is or was in the files; `now`: microseconds UTC. Cost: O(versions of the id and of what they
    refer to).
    """
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    if number is None:
        return []
    versions = entries.versions_of(conn, number)
    versions += aliases.standing_for(conn, [v.number for v in versions])
    ids = entries.ids_of(conn, sorted({v.object for v in versions}))
    told = entries.told(conn, [v.number for v in versions])
    texts = {n: text for n, (text, _) in told.items()}
    blocks = []
    for v in versions:
        case = _Case(conn, state, member, v, Said.split(told[v.number][1]), versions, texts)
        steps = tuple(_until_one_fails(case.steps(now)))
        publisher, text = state.name(v.publisher), texts[v.number]
        blocks.append(Block(id=ids[v.object], publisher=publisher, collection=case.title, version=text, steps=steps))
    return blocks


def _until_one_fails(steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if not step.kept:
            return


class _Case:
    """One member before one version."""

    def __init__(
        self, conn: Connection, state: InForce, member: str,
        v: Version, said: Sequence[Said], versions: Sequence[Version], texts: Mapping[int, str],
    ) -> None:  # fmt: skip
        self.conn, self.state, self.member = conn, state, member
        self.v, self.said, self.versions, self.texts = v, said, versions, texts
        self.number = state.numbers[member]
        self.own = self.number == v.publisher
        uid = next(uid for uid, n in state.places.items() if n == v.collection)
        self.collection: Collection | None = state.config.collection_by_id(uid)
        self.title = self.collection.name if self.collection else uid

    def lets_in(self, audience: Audience) -> bool:
        return self.number in self.state.readers(audience.of(self.number))

    def steps(self, now: int) -> Iterator[Step]:
        stanza = self.state.config.members.get(self.member)
        yield self.rule_1(stanza, now)
        if self.collection is None:
            yield Step(rule="2 collection", kept=False, because="its file was taken out: nobody reads it")
            return
        if stanza is not None:  # else rule 1 has failed
            yield self.rule_2(self.collection)
            yield self.rule_3(self.collection)
            yield self.rule_4(self.collection)
            if self.v.state != HELD:  # else its markings and its plan say nothing yet
                yield self.rule_5(self.collection, stanza)
                yield self.rule_6(self.collection, stanza)
                yield from self.rule_6_terms(self.collection, stanza)
                yield self.rule_7(self.collection)
            yield self.rule_8()
            yield self.rule_9()
            yield self.rule_10()

    def rule_1(self, stanza: Member | None, now: int) -> Step:
        rule, config = "1 member", self.state.config
        if stanza is None:
            return Step(rule=rule, kept=False, because="not active: not in the files any more")
        if policy.active(config, self.member, now):
            return Step(rule=rule, kept=True, because="active", place=_at(stanza.place))
        key, because = _shut_out(stanza, now)
        place = _at(stanza.places.get(key, stanza.place))
        return Step(rule=rule, kept=False, because=f"not active: {because}", place=place)

    def rule_2(self, c: Collection) -> Step:
        kept = self._keeps("2 collection", c)
        reads = c.id in policy.profile_of(self.state.config, self.member).reads
        key, because = "read", f"read: {_rights(c.read)}"
        if kept and not reads:
            key, because = "write", f"{'its own' if self.own else 'a note to it'}, and write: {_rights(c.write)}"
        elif not kept:
            because += f"; it is in {self._groups()}"
        return Step(rule="2 collection", kept=kept, because=because, place=_at(c.places.get(key, c.place)))

    def rule_3(self, c: Collection) -> Step:
        v = self.v
        if v.live and v.state == HELD:
            return self._held(c)
        ended = {REFUSED: "refused after review", WITHDRAWN: "withdrawn"}.get(v.state, "deleted")
        because = "published" if v.live else f"{ended}: nobody reads it"
        return Step(rule="3 state", kept=v.live, because=because)

    def _held(self, c: Collection) -> Step:
        reasons = {reason for held in review.waiting_of(self.conn, [self.v.number]) for reason in held.reasons}
        inside = policy.SECOND_PERSON in reasons
        kept = self.own or self.lets_in(self.v.base)
        if inside:
            because = "held until a second person of its publisher approves it"
        elif kept:
            because = "held for review" + ("" if self.own else ", which it does here")
        else:
            because = "held for review: its publisher and who reviews the collection read it"
        place = "" if inside or self.own else _at(c.places.get("moderate"))
        return Step(rule="3 state", kept=kept, because=because, place=place)

    def rule_4(self, c: Collection) -> Step:
        kept = self._keeps("4 own", c)
        because = "its own" if self.own else "another's"
        if not kept and self.own:
            because += ", and own: hidden"
        elif not kept:
            copy = self.number == -self.v.publisher
            because = "the copy of its own" if copy else "another's, which is anonymous: see its copy"
        return Step(rule="4 own", kept=kept, because=because, place=_at(c.places.get("own") if self.own else None))

    def rule_5(self, c: Collection, stanza: Member) -> Step:
        kept, said = self._keeps("5 TLP", c), self._decisive("5 TLP", c)
        because = "; ".join(_tlp(s) for s in said)
        if kept:
            return Step(rule="5 TLP", kept=True, because=because + self._for_one(said))
        if any(s.tlp is Tlp.AMBER_STRICT for s in said):
            place = _at(stanza.places.get("relays", stanza.place))
            return Step(rule="5 TLP", kept=False, because=f"{because}, and it relays", place=place)
        return Step(rule="5 TLP", kept=False, because=f"{because}, and it is not named")

    def rule_6(self, c: Collection, stanza: Member) -> Step:
        kept, said = self._keeps("6 addressed", c), self._decisive("6 addressed", c)
        because = "to " + "; ".join(_to(s) for s in said)
        alone = self._for_one(said) if kept else ""
        grouped = any(s.groups for s in said) and not alone
        because += alone or (f"; it is in {self._groups()}" if grouped else "")
        place = _at(stanza.places.get("in", stanza.place)) if grouped else ""
        return Step(rule="6 addressed", kept=kept, because=because, place=place)

    def rule_6_terms(self, c: Collection, stanza: Member) -> Iterator[Step]:
        """What IEP and ACS ask, where they ask anything."""
        for rule, key in (("6 IEP", "agrees"), ("6 ACS", "acs")):
            asked = {s.iep if key == "agrees" else s.acs for s in self.said} - {ANY}
            if asked:
                because = "its own" if self.own else f"asks for {'; '.join(sorted(e.words() for e in asked))}"
                place = "" if self.own else _at(stanza.places.get(key, stanza.place))
                yield Step(rule=rule, kept=self._keeps(rule, c), because=because, place=place)

    def rule_7(self, c: Collection) -> Step:
        """What passes 2 to 6 and is not let in by all of 2 to 7 waits for a stage, or its policy's time is over."""
        least = {c.at_least.name} if c.at_least and all(s.answers is None for s in self.said) else set[str]()
        followed = sorted({name for s in self.said for name in s.releases} | least)
        starts = max((s.starts for s in self.said if s.starts is not None), default=None)
        ends = min((s.ends for s in self.said if s.ends is not None), default=None)
        place = _at(c.places.get("release", c.places.get("release-at-least"))) if followed else ""
        kept = self.lets_in(self.v.base)
        due = next((step.due for step in self.v.steps if self.lets_in(step.audience)), None)
        if not followed and starts is None and ends is None:
            enters = self.v.publisher < 0 and not kept and due is not None
            because = f"it enters with other anonymous copies at {_instant(due or 0)}" if enters else "no release plan"
            return Step(rule="7 stage", kept=not enters, because=because)
        whence = f"plan {' and '.join(map(plans.words, followed))}" if followed else "its policy's time"
        if self.own and kept:
            because = "its own"
        elif kept:
            because = f"{whence}: a stage that includes it has come" if followed else f"{whence} has come"
            because += f", until {_instant(ends)}" if ends is not None else ""
        elif due is not None:
            because = f"{whence}: it reads this from {_instant(due)} on"
        elif ends is not None and all(step.due < ends for step in self.v.steps):
            because, place = f"its policy ended at {_instant(ends)}", ""
        else:
            because = f"{whence}: no stage to come includes it"
        return Step(rule="7 stage", kept=kept, because=because, place=place)

    def _keeps(self, rule: str, c: Collection) -> bool:
        return self.lets_in(reduce(Audience.__and__, (self._clause(rule, c, said) for said in self.said)))

    def _clause(self, rule: str, c: Collection, said: Said) -> Audience:
        if rule == "2 collection" and self.v.publisher == notes.PUBLISHER and self.number in self.v.base.members():
            return self.v.base  # a note is also for who may only write there
        return policy.clauses(c, said, self.v.publisher, self.state.numbers)[rule]

    def _decisive(self, rule: str, c: Collection) -> list[Said]:
        """Of several sets of markings that hold together, those that a member fails by; all where it passes."""
        return [s for s in self.said if not self.lets_in(self._clause(rule, c, s))] or list(self.said)

    def _for_one(self, said: Sequence[Said]) -> str:
        """Why a member passes whatever its groups are; empty if it does not."""
        if self.own:
            return ", its own"
        return ", and it is named" if all(self.member in s.members for s in said) else ""

    def _groups(self) -> str:
        return ", ".join(sorted(self.state.config.groups_of(self.member))) or "no group"

    def rule_8(self) -> Step:
        v = self.v
        newer = [w for w in self.versions if (w.collection, w.publisher) == (v.collection, v.publisher)
                 and w.live and w.state != HELD and w.ver > v.ver]  # fmt: skip
        open_ = [w for w in newer if (w.base & self._closing(w)).reaches_beyond(v.publisher)]
        closers = [w for w in open_ if not self.lets_in(w.ever & self._closing(w, ever=True))]
        kept = self.own or not closers
        because = "no newer version leaves it out" if kept else (
            f"version {self.texts[closers[0].number]}, which is newer, is not for it"
        )  # fmt: skip
        return Step(rule="8 version", kept=kept, because=because)

    def rule_9(self) -> Step:
        if not self.own and not all(self.lets_in(policy.answering(s, self.state.numbers)) for s in self.said):
            return Step(rule="9 closure", kept=False, because="it may not read what this answers")
        if not self.own and not all(self.lets_in(s.received) for s in self.said):
            because = "its publisher has it from others, who do not let this member read it"
            return Step(rule="9 closure", kept=False, because=because)
        unions = {} if self.own else self._unions(self.v)
        closed = [ref for ref, audience in sorted(unions.items()) if not self.lets_in(audience)]
        names = ", ".join(sorted(entries.ids_of(self.conn, closed).values()))
        because = f"refers to {names}, which it may not read" if closed else "nothing that it refers to closes it"
        return Step(rule="9 closure", kept=not closed, because=because)

    def _closing(self, v: Version, *, ever: bool = False) -> Audience:
        return closure.closing(v.publisher, v.refs, {}, {}, self._unions(v, ever=ever))

    def _unions(self, v: Version, *, ever: bool = False) -> dict[int, Audience]:
        """The audience of each id that a version refers to, over its publisher's deposits, now or at every stage."""
        targets = entries.own_versions(self.conn, v.publisher, sorted(v.refs))
        return {
            ref: claims.union(w.eventual if ever else w.whole for w in targets if w.object == ref) for ref in v.refs
        }

    def rule_10(self) -> Step:
        kept = self.lets_in(self.v.shown)
        publisher = self.state.name(self.v.publisher)
        because = f"its view has the id from {publisher}" if kept else self._whose()
        return Step(rule="10 one publisher", kept=kept, because=because)

    def _whose(self) -> str:
        here = [w for w in self.versions if w.collection == self.v.collection]
        holders = sorted({self.state.name(w.publisher) for w in here if w.live and self.lets_in(w.shown)})
        if holders:
            return f"its view has the id from {', '.join(holders)}"
        return "it deleted its own deposit of the id, so the id is gone from its view"


def _shut_out(member: Member, now: int) -> tuple[str, str]:
    """The key by which a member in the files is not active, and in words."""
    if member.suspended:
        return "suspended", "suspended"
    if member.starts is not None and now < member.starts:
        return "from", "its first day has not come"
    return "until", "its last day is over"


def _instant(instant: int) -> str:
    return f"{stix.format_timestamp(instant)[:19]}Z"


def _at(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place else ""


def _tlp(said: Said) -> str:
    level = f"TLP:{said.tlp.value.upper()}" if said.tlp else "no TLP"
    level += ", as unmarked objects were taken" if said.assumed else ""
    return level + (f" (it carries {', '.join(sorted(said.carried))} too)" if said.carried else "")


def _to(said: Said) -> str:
    if said.answers is not None and not said.answers_to:
        return "nobody: it is only counted"
    if said.answers is not None:
        named = [f"{said.answers_to}, whose deposit it answers", "the coordinators", *sorted(said.members)]
        return ", ".join([*named, *(["everyone"] if policy.is_everyone(said.answers) else [])])
    if said.fills:
        return "everyone, by the stages of its plan"
    named = [*(f"group {g}" for g in sorted(said.groups)), *sorted(said.members)]
    return ", ".join(named) or ("nobody else" if said.named_only else "everyone")


def _rights(rights: Rights) -> str:
    return "everyone" if rights.everyone else ", ".join(sorted(rights.groups)) or "nobody"
