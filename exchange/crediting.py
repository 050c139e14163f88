"""Under whose name each object of a submission goes, and the copies of those that go without one (policy.md 3.8).

An id keeps the credit of its first version: what was published under the name is not made anonymous by a later
version, and what was anonymous stays so whatever the files say then. Observables whose id follows from their value
belong to nobody, and go as their submission does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from exchange import aliases, anonymous, entries, markings, policy, schemes, stix, store
from exchange.aliases import Copied
from exchange.anonymous import Given, Publisher
from exchange.candidates import Candidate, Envelope
from exchange.config import Collection, Credit
from exchange.entries import Deposit, Owned
from exchange.inforce import InForce
from exchange.label import NOBODY, ever
from exchange.markings import Said
from exchange.schemes import Terms

_ANONYMOUS = Credit(anonymous=True)
MIXED = "some objects of this submission go under your name and some do not: send them apart."
NAMED_BEFORE = "you published this id under your name: publish what is new under a new id, or with your name."


@dataclass(slots=True)
class Crediting:
    """For the objects of one submission that are judged in one transaction."""

    conn: Connection
    state: InForce
    member: str
    collection: Collection
    envelope: Envelope
    now: int
    vocabulary: Mapping[str, str]
    definitions: Mapping[str, Terms]  # what its own marking-definitions say
    _numbers: dict[str, int] = field(default_factory=dict)  # of objects, by id
    _copies: dict[int, int] = field(default_factory=dict)  # own object → its copy
    _known: Set[int] = frozenset()  # objects that the member ever deposited
    _names: dict[str, str] = field(default_factory=dict)  # own id → id of its copy
    _made: dict[str, list[Copied]] = field(default_factory=lambda: defaultdict(list))  # own id → versions of its copy
    _secret: bytes = b""
    _credits: dict[Said, Credit] = field(default_factory=dict)
    _uuids: frozenset[str] = field(init=False)  # of this submission's ids that copies do not keep

    def __post_init__(self) -> None:
        own = (i for i in self.envelope.ids if not anonymous.keeps_id(i))
        self._uuids = frozenset(i.partition("--")[2].lower() for i in own)

    @property
    def number(self) -> int:
        return self.state.numbers[self.member]

    def prepare(self, chunk: Sequence[Candidate], said: Callable[[Candidate], Said]) -> None:
        """Look up what is known of the objects that are judged next, and of all that they mention."""
        if not self._possible(chunk, said):
            return
        wanted = {c.parsed.id for c in chunk}.union(*(c.refs for c in chunk))
        self._look_up(wanted.union(*(anonymous.mentions(c.parsed.obj) for c in chunk)))
        own = {self._copies[n]: c.parsed.id for c in chunk if (n := self._numbers.get(c.parsed.id)) in self._copies}
        for stored in sorted(aliases.copied(self.conn, self.number, sorted(own)), key=lambda stored: stored.ver):
            self._made[own[stored.object]].append(stored)

    def survey(self, candidates: Sequence[Candidate], said: Callable[[Candidate], Said]) -> Envelope:
        """The envelope, with what its objects go as; observables and definitions have a credit only by marking."""
        if not self._possible(candidates, said):
            return self.envelope
        self._look_up({c.parsed.id for c in candidates})
        found = {
            credit.anonymous
            for c in candidates
            if (credit := self.credit(c, said(c))).anonymous or not _follows(c)
            if c.parsed.id not in markings.TLP_IDS
        }
        return replace(self.envelope, anonymous=found == {True}, mixed=len(found) > 1)

    def _possible(self, candidates: Iterable[Candidate], said: Callable[[Candidate], Said]) -> bool:
        """Whether any of these may go without the name, or ever did."""
        base = policy.credit(self.state.config, self.collection, self.member, Said()).anonymous
        if base or self.envelope.anonymous or aliases.any_of(self.conn, self.number):
            return True
        return any(c.markings and said(c).anonymous for c in candidates)

    def _look_up(self, ids: Iterable[str]) -> None:
        self._secret = self._secret or store.secret(self.conn, "marking")
        self._numbers |= store.object_numbers(self.conn, sorted(ids))
        numbers = sorted(self._numbers.values())
        self._copies |= aliases.copies(self.conn, self.number, numbers)
        self._known = self._known | aliases.deposited(self.conn, self.number, numbers)
        called = entries.ids_of(self.conn, sorted(set(self._copies.values())))
        self._names |= {i: called[self._copies[n]] for i, n in self._numbers.items() if n in self._copies}

    def credit(self, c: Candidate, said: Said) -> Credit:
        """Under whose name an object goes."""
        chosen = self._chosen(said)
        stays = c.parsed.id in self._names and not anonymous.keeps_id(c.parsed.id)
        follows = stays or (self.envelope.anonymous and _follows(c))
        return chosen if chosen.anonymous or not follows else _ANONYMOUS

    def _chosen(self, said: Said) -> Credit:
        if said not in self._credits:
            self._credits[said] = policy.credit(self.state.config, self.collection, self.member, said)
        return self._credits[said]

    def refusal(self, c: Candidate, credit: Credit, history: Sequence[Owned]) -> str:
        """Why it cannot go so; empty if it can. `history`: the member's own live versions of the id."""
        if self.envelope.mixed:
            return MIXED
        if not credit.anonymous:
            return ""
        if c.parsed.type == "marking-definition" and self.definitions.get(c.parsed.id, Terms()) != Terms():
            return ""  # of IEP, ACS and the like: the exchange goes by it, and nobody else reads it
        if self._is_named(c.parsed.id) and not anonymous.keeps_id(c.parsed.id):
            return NAMED_BEFORE
        traces = anonymous.traces(c.parsed.obj, self._publisher(), self._own)
        found = [f"{f.path or '/'}: {f.message}" for f in traces]
        found += [*self._markings(c), *self._references(c)]
        if found:
            return f"this would show who you are: {'; '.join(found)}."
        if self._standing(c) is None and any(known.ver > c.ver for known in history):
            return "you published a newer version of this id anonymously: send only newer ones."
        return ""

    def _publisher(self) -> Publisher:
        """What shows who published: objects of this submission have the author of each other."""
        stanza = self.state.config.members[self.member]
        identities = self.envelope.creators | ({stanza.identity} if stanza.identity else set())
        return Publisher(names=(stanza.title, stanza.name, *stanza.sites), identities=frozenset(identities))

    def _own(self, mentioned: str) -> bool:
        """Whether an id or a UUID in a text is one that the member alone knows."""
        if "--" not in mentioned:
            return mentioned in self._uuids
        known = mentioned in self.envelope.ids or mentioned in self._names or self._is_named(mentioned)
        return known and not anonymous.keeps_id(mentioned)

    def _is_named(self, stix_id: str) -> bool:
        """Whether the member ever deposited the id, and never anonymously."""
        return stix_id not in self._names and self._numbers.get(stix_id) in self._known

    def _markings(self, c: Candidate) -> Iterable[str]:
        """Statements of its own that it marks with."""
        meant = markings.TLP_IDS.keys() | self.state.config.markings.keys() | schemes.PAP_IDS.keys() | self._left_out
        yield from (f"/object_marking_refs: {marking} is your own marking" for marking in sorted(c.markings - meant))

    @property
    def _left_out(self) -> frozenset[str]:
        """Markings that stay with the object itself: addressing, and definitions of its own that the exchange obeys."""
        obeyed = (marking for marking, terms in self.definitions.items() if terms != Terms())
        return frozenset(self.vocabulary) | frozenset(obeyed)

    def _references(self, c: Candidate) -> Iterable[str]:
        """A copy may not lead to what stands there under the member's name: closure would not hold either."""
        for ref in sorted(c.refs):
            if self._is_named(ref) and ref not in self._made:
                mend = "send it again in this submission" if anonymous.keeps_id(ref) else "leave the reference out"
                yield f"refers to {ref}, which you published under your name: {mend}"

    # The copy -----------------------------------------------------------------------------------------------------

    def copy(self, c: Candidate, what: Sequence[Said], started: int) -> Deposit:
        """What everybody else reads in its place, from the next tick on."""
        config, numbers = self.state.config, self.state.numbers
        steps = policy.release(config, self.collection, what, -self.number, numbers, started)
        steps = policy.entering(steps, policy.next_tick(config, self.now))
        made = self._standing(c) or self._new(c, ever(NOBODY, steps).text)
        self._made[c.parsed.id].append(made)
        self._names[c.parsed.id] = called = self._called(c.parsed.id)
        return Deposit(
            id=called, type=c.parsed.type, ver=made.ver, ver_text=made.ver_text, raw=made.json,
            base=NOBODY, started=started, steps=steps, said=Said.joined(what),
            refs=frozenset(self._called(ref) for ref in c.refs), creator=stix.kind(c.parsed.obj) != "sco",
            submission=self.envelope.submission,
        )  # fmt: skip

    def _standing(self, c: Candidate) -> Copied | None:
        """The copy that stands for the same version in another collection: one version has one content."""
        return next((made for made in self._made.get(c.parsed.id, ()) if made.own == c.ver), None)

    def stands(self, c: Candidate, place: int) -> bool:
        """Whether a copy of the version is there already."""
        return any(m.live and m.collection == place and m.own == c.ver for m in self._made.get(c.parsed.id, ()))

    def _new(self, c: Candidate, audience: str) -> Copied:
        earlier = self._made.get(c.parsed.id, ())
        versions = [made.ver for made in earlier]
        ver = anonymous.next_version(self.now, max(versions, default=None))
        given = Given(
            id=self._called(c.parsed.id), author=self._author(earlier, audience), created=min(versions, default=ver),
            modified=ver, without=self._left_out,
            renamed={ref: self._called(ref) for ref in c.refs},
        )  # fmt: skip
        raw = anonymous.copy(c.parsed.obj, given)
        if stix.kind(c.parsed.obj) == "sco":
            ver, text = c.ver, c.ver_text
        else:
            text = anonymous.timestamp(ver)
        return Copied(0, self.state.places[self.collection.id], ver, text, raw, True, c.ver)

    def _author(self, earlier: Sequence[Copied], audience: str) -> str:
        """Of the first version, and of all that follow it."""
        if earlier and (author := anonymous.author(earlier[0].json)):
            return author
        if not self.collection.pseudonym:
            return markings.exchange_identity(self._secret)
        name = f"pseudonym/{self.member}/{self.collection.id}/{audience}"
        return f"identity--{markings.keyed_uuid(self._secret, name)}"

    def _called(self, stix_id: str) -> str:
        """What others call it: of its own ids they know the copies' alone."""
        if stix_id in self._names:
            return self._names[stix_id]
        if stix_id not in self.envelope.ids or anonymous.keeps_id(stix_id):
            return stix_id
        kind = stix_id.partition("--")[0]
        return f"{kind}--{markings.keyed_uuid(self._secret, f'copy/{self.member}/{stix_id}')}"

    def keep(self, copies: Mapping[str, str]) -> None:
        """Store what its own ids are called: own id → id of the copy. All of them are deposited."""
        numbers = store.object_numbers(self.conn, sorted({*copies, *copies.values()}))
        aliases.add(self.conn, self.number, [(numbers[own], numbers[copy]) for own, copy in copies.items()])

    def own_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """What the member calls these: copies' ids go back to its own."""
        back = {copy: own for own, copy in self._names.items()}
        return frozenset(back.get(i, i) for i in ids)


def _follows(c: Candidate) -> bool:
    """Whether an object has no credit of its own but by a marking."""
    return stix.kind(c.parsed.obj) == "sco" or c.parsed.type in ("marking-definition", "extension-definition")
