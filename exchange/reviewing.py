"""Review: a person's word on the deposits that are held (policy.md 3.3.8, 3.3.9, 3.5).

Whoever reviews lets them pass or refuses them; a second person of the publisher's lets them out of its own house
first. The word is looked at under the publisher's lock, so of two that are said at once the first holds, and a
deposit that comes meanwhile is not meant by it. What passes is read by whom the config in force lets read it that
day, and the clock of its release plan begins then.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from exchange import entries, inforce, log, notes, plans, policy, review, sequencer, store
from exchange.config import Collection
from exchange.entries import HELD, PUBLISHED, REFUSED, Version
from exchange.inforce import InForce
from exchange.judging import clock_of
from exchange.label import Audience, Step, ever
from exchange.markings import Said
from exchange.policy import SECOND_PERSON
from exchange.review import Held, Verdict
from exchange.sequencer import Clock

COMMIT = 500  # versions a commit
CODES = ("not-accepted", "personal-data", "wrong-marking", "duplicate", "out-of-scope", "other")
"""Why a deposit may be refused."""


class Word(enum.Enum):
    """What a word on a version came to; the value says it to people."""

    PUBLISHED = "published"
    PASSED_ON = "approved by a second person; it waits for those who review the collection"
    REFUSED = "refused"
    OVER = "does not wait for a word any more"
    INSIDE = "waits for a second person of its publisher, with another key"
    SAME_KEY = "was posted with this key; another one has to approve it"
    NO_COLLECTION = "its collection is not in the files any more; put it back, or refuse the deposit"
    NO_PLAN = "its release plan is not in the files any more; put it back, or refuse the deposit"
    TOO_DEEP = "its references have too many different audiences to close over; refuse it"

    @property
    def done(self) -> bool:
        return self in (Word.PUBLISHED, Word.PASSED_ON, Word.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One held deposit, for who may speak. `collection` and `publisher` by name; `own_id` is the id as its publisher
    calls it, which of an anonymous copy is another one; `since` in microseconds UTC."""

    number: int
    collection: str
    publisher: str
    anonymous: bool
    id: str
    own_id: str
    type: str
    version: str
    reasons: tuple[str, ...]
    since: int


def queue(conn: Connection, state: InForce) -> list[Waiting]:
    """Everything that waits for a person's word, the oldest first. Cost: O(that)."""
    names = {state.places[c.id]: c.name for c in state.config.collections.values()}
    held = review.waiting(conn)
    originals = entries.by_number(conn, [h.source for h in held if h.source is not None])
    ids = entries.ids_of(conn, sorted({v.object for v in originals}))
    own = {v.number: ids[v.object] for v in originals}
    return [
        Waiting(
            number=h.version, collection=names.get(h.collection, "(a collection taken out)"),
            publisher=state.name(h.publisher), anonymous=h.publisher < 0, id=h.id,
            own_id=h.id if h.source is None else own[h.source], type=h.type, version=h.ver_text,
            reasons=tuple(sorted(h.reasons)), since=h.at,
        )
        for h in held
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who speaks: with which key (its id; empty for the operator), by which clock."""

    engine: Engine
    clock: Clock
    key: str = ""

    def approve(self, versions: Sequence[int]) -> dict[int, Word]:
        """Publish what waits for whoever reviews; by number. The caller has looked who may say so."""
        return self._say(versions, _Approval(key=self.key, second=False))

    def vouch(self, versions: Sequence[int]) -> dict[int, Word]:
        """The second person's word, said with another key of the same member; by number."""
        return self._say(versions, _Approval(key=self.key, second=True))

    def reject(self, versions: Sequence[int], code: str) -> dict[int, Word]:
        """Refuse what waits, for one of `CODES`: nobody reads it any more, and its publisher gets a note, but where
        it can read nothing of its own. By number."""
        return self._say(versions, _Refusal(key=self.key, code=code))

    def _say(self, versions: Sequence[int], word: _Approval | _Refusal) -> dict[int, Word]:
        """In commits that are in time for the instants that they give. Raises `sequencer.TooSlow`."""
        with store.reading(self.engine) as conn:
            waiting = review.waiting_of(conn, versions)
        by_publisher: dict[int, list[int]] = defaultdict(list)
        for held in waiting:
            by_publisher[held.publisher].append(held.version)
        found = dict.fromkeys(versions, Word.OVER)
        for publisher, mine in sorted(by_publisher.items()):

            def commit(part: Sequence[int], lead: int, publisher: int = publisher) -> None:
                found.update(self._commit(publisher, part, word, lead))

            sequencer.in_parts(mine, COMMIT, commit)
        return found

    def _commit(
        self, publisher: int, versions: Sequence[int], word: _Approval | _Refusal, lead: int
    ) -> Mapping[int, Word]:
        too_deep: frozenset[str] = frozenset()
        while True:
            with store.stamping(self.engine) as conn:
                store.hold_config(conn)
                state = inforce.current(conn)
                if state is None:
                    raise LookupError("there are deposits, and no config was ever in force")
                store.lock_publisher(conn, publisher)
                writer = log.Writer(publisher=publisher, readers=state.readers, clock=self.clock, lead=lead)
                desk = _Desk(conn, state, writer, self.clock.now(conn))
                try:
                    found = word.on(desk, review.waiting_of(conn, versions), too_deep)
                except log.TooDeep as error:
                    too_deep |= error.ids
                    conn.rollback()
                    continue
                sequencer.check_in_time(self.clock.now(conn), desk.stamped, lead)
                return found


@dataclass(slots=True)
class _Desk:
    """One transaction over one publisher's deposits, under its lock."""

    conn: Connection
    state: InForce
    writer: log.Writer
    now: int
    stamped: int = 0

    def __post_init__(self) -> None:
        self.stamped = self.writer.clock.now(self.conn)

    def collection(self, held: Held) -> Collection | None:
        uid = next(uid for uid, number in self.state.places.items() if number == held.collection)
        return self.state.config.collection_by_id(uid)

    def note(self, said: Iterable[Held], state: str, code: str, key: str) -> None:
        """Write down what was said; of one version each word at an instant of its own."""
        rows = list(said)
        last = review.verdicts(self.conn, [held.version for held in rows])
        at = {held.version: max(self.now, last[held.version].at + 1 if held.version in last else 0) for held in rows}
        review.add_verdicts(self.conn, [Verdict(n, instant, state, code, key) for n, instant in at.items()])


# Letting pass -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Approval:
    """`second`: the word of a second person of the publisher's, else of who reviews."""

    key: str
    second: bool

    def on(self, desk: _Desk, waiting: Sequence[Held], too_deep: frozenset[str]) -> Mapping[int, Word]:
        found = {held.version: self._word(desk, held, too_deep) for held in waiting}
        passing = [held for held in waiting if found[held.version] is Word.PUBLISHED]
        onward = [held for held in waiting if found[held.version] is Word.PASSED_ON]
        made = {held.version: to for held, to in _published(desk, passing)}
        made |= {held.version: _passed_on(desk, held) for held in onward}
        desk.stamped = log.revise(desk.conn, desk.writer, sorted(made), lambda v: made[v.number].of(v))
        begun = {held.source: made[held.version].started for held in passing if held.source is not None}
        own = replace(desk.writer, publisher=abs(desk.writer.publisher))
        log.revise(desk.conn, own, sorted(begun), lambda v: replace(v, started=begun[v.number]))
        stored = {v.number: v for v in entries.by_number(desk.conn, [held.version for held in passing])}
        log.refuse_too_deep({held.id: stored[held.version] for held in passing})
        review.let_go(desk.conn, [held.version for held in passing])
        for held in onward:
            review.narrow(desk.conn, held.version, held.reasons - {SECOND_PERSON})
        desk.note(passing, PUBLISHED, "", self.key)
        desk.note(onward, HELD, "", self.key)
        return found

    def _word(self, desk: _Desk, held: Held, too_deep: frozenset[str]) -> Word:
        if inside := SECOND_PERSON in held.reasons:
            if not self.second:
                return Word.INSIDE
            if held.key and held.key == self.key:
                return Word.SAME_KEY
        elif self.second:
            return Word.OVER
        collection = desk.collection(held)
        if collection is None:
            return Word.NO_COLLECTION
        if inside and len(held.reasons) > 1:
            return Word.PASSED_ON
        if not plans.all_known(desk.state.config, Said.split(held.said)):
            return Word.NO_PLAN
        return Word.TOO_DEEP if held.id in too_deep else Word.PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a version becomes."""

    base: Audience
    steps: tuple[Step, ...]
    started: int
    state: str

    def of(self, v: Version) -> Version:
        last = ever(self.base, self.steps)
        return replace(v, base=self.base, ever=last, steps=self.steps, started=self.started, state=self.state)


def _passed_on(desk: _Desk, held: Held) -> _Made:
    """From now on whoever reviews reads it."""
    collection = desk.collection(held)
    if collection is None:
        raise LookupError(held.collection)
    left = held.reasons - {SECOND_PERSON}
    base = policy.waiting(collection, held.publisher, desk.state.numbers, left)
    return _Made(base=base, steps=(), started=desk.now, state=HELD)


def _published(desk: _Desk, passing: Sequence[Held]) -> Iterable[tuple[Held, _Made]]:
    """What nobody understood restricts nobody now: a person has looked."""
    if not passing:
        return
    publisher, config = desk.writer.publisher, desk.state.config
    released = store.tick(desk.conn)
    history = defaultdict(list)
    for owned in entries.owned(desk.conn, publisher, sorted({held.id for held in passing})):
        history[owned.id, owned.collection].append(owned)
    for held in passing:
        collection, what = desk.collection(held), Said.split(held.said)
        if collection is None:
            raise LookupError(held.collection)
        tick = policy.next_tick(config, desk.now)
        started = clock_of(what, history[held.id, held.collection], desk.now if publisher > 0 else tick)
        steps = policy.release(config, collection, what, publisher, desk.state.numbers, started)
        base, coming = policy.begun(steps, released)
        if publisher < 0:  # a copy enters with others; until then whoever reviews it reads it
            coming = policy.entering(steps, tick)
            base = policy.waiting(collection, publisher, desk.state.numbers, held.reasons) & coming[0].audience
        yield held, _Made(base=base, steps=coming, started=started, state=PUBLISHED)


# Refusing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    key: str
    code: str

    def on(self, desk: _Desk, waiting: Sequence[Held], _too_deep: frozenset[str]) -> Mapping[int, Word]:
        conn, writer = desk.conn, desk.writer
        told = {held.version: _own_id(conn, held) for held in waiting}
        desk.note(waiting, REFUSED, self.code, self.key)
        stamps = [log.end(conn, writer, [held.version for held in waiting], REFUSED, desk.now)]
        if originals := _originals(conn, waiting):
            review.add_verdicts(conn, [Verdict(n, desk.now, REFUSED, self.code, self.key) for n in originals])
            own = replace(writer, publisher=-writer.publisher)
            stamps.append(log.end(conn, own, originals, REFUSED, desk.now))
        for place in sorted({held.collection for held in waiting}):
            here = [held for held in waiting if held.collection == place]
            if (collection := desk.collection(here[0])) and not collection.own_hidden:
                refs = tuple(sorted({told[held.version] for held in here}))
                stamps.append(self._tell(desk, place, refs))
        desk.stamped = min(stamps)
        return {held.version: Word.REFUSED for held in waiting}

    def _tell(self, desk: _Desk, place: int, refs: tuple[str, ...]) -> int:
        note = notes.Note(
            member=abs(desk.writer.publisher), labels=("refused", self.code), refs=refs,
            content=f"Not accepted after review ({self.code}): what you deposited under these ids was held.",
        )  # fmt: skip
        sent = notes.send(desk.conn, desk.state, desk.writer.clock, place, [note], desk.now, desk.writer.lead)
        return sent.stamped


def _originals(conn: Connection, waiting: Sequence[Held]) -> list[int]:
    """What the copies stand for; what was published under its name, too, stays."""
    sources = entries.told(conn, [held.source for held in waiting if held.source is not None])
    return sorted(number for number, (_, said) in sources.items() if Said.split(said)[0].anonymous)


def _own_id(conn: Connection, held: Held) -> str:
    """The id as its publisher calls it: of an anonymous copy that of what it stands for."""
    if held.source is None:
        return held.id
    (original,) = entries.by_number(conn, [held.source])
    return entries.ids_of(conn, [original.object])[original.object]
