"""What becomes of each object of an envelope: policy.md 3.3 from 3 on, in its order.

Everything here is asked of the same publisher's deposits and of the config. The answer speaks of the publisher's own
object and of nothing else (channel 18).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection

from exchange import (
    anonymous,
    answering,
    answers,
    entries,
    inforce,
    markings,
    personaldata,
    policy,
    resharing,
    schemes,
    stix,
    store,
)
from exchange.answering import Target
from exchange.answers import Answer
from exchange.candidates import Candidate, Envelope
from exchange.config import Collection, Credit
from exchange.crediting import Crediting
from exchange.entries import Deposit, Owned, Version
from exchange.inforce import InForce
from exchange.label import NOBODY, Audience, Step, Tlp
from exchange.markings import Said
from exchange.resharing import Received
from exchange.schemes import Terms
from exchange.status import Result

_log = logging.getLogger("exchange.intake")

LISTED = 3  # ids told in one message
WITH_THE_REST = "not taken, because another part of the finding is refused."
MARKED = 32  # different sets of markings that an unmarked definition can take together


class Judge:
    """One chunk of one publisher's envelope against the config in force and its earlier deposits."""

    def __init__(
        self,
        conn: Connection,
        state: InForce,
        member: str,
        collection: Collection,
        envelope: Envelope,
        now: int,
    ) -> None:
        self.conn = conn
        self.now = now
        self.released = store.tick(conn)  # what is due later, the releaser enters
        self.state = state
        self.collection = collection
        self.member = member
        self.publisher = state.numbers[member]
        self.identity = state.config.members[member].identity
        self.two_persons = state.config.members[member].two_persons
        self.envelope = envelope
        self.vocabulary = inforce.words(conn, state, member)
        self.definitions = self._definitions()
        self.crediting = Crediting(conn, state, member, collection, envelope, now, self.vocabulary, self.definitions)
        # By index, what others read in the place of anonymous objects, and which stored version it stands for, if any.
        self.copies: dict[int, tuple[Candidate, Deposit, int | None]] = {}
        self.received: Mapping[str, Received] = {}
        # By index, what objects say of findings that the member may read.
        self.answered: Mapping[int, tuple[Answer, Target]] = {}
        # Objects that are pushed together mostly say the same.
        self._alike: dict[frozenset[str], Said] = {}
        self._refusals: dict[Said, str | None] = {}
        self._releases: dict[tuple[str, int], tuple[Audience, tuple[Step, ...]]] = {}
        self._accepted: dict[tuple[Said, Credit], Said] = {}

    def _definitions(self) -> Mapping[str, Terms]:
        """What the publisher's own definitions say, in this envelope or before (policy.md 3.5)."""
        here = self.envelope.definitions
        used = self.envelope.users.keys() - here.keys() - markings.TLP_IDS.keys()
        earlier = entries.owned(self.conn, self.publisher, sorted(used))
        return {**schemes.understood({o.id: orjson.loads(o.json) for o in earlier}), **here}

    def surveyed(self, candidates: Sequence[Candidate]) -> Envelope:
        """The envelope that it was made with, with the credit of all its objects."""
        return self.crediting.survey(candidates, self._said)

    def chunk(
        self, chunk: Sequence[Candidate], too_deep: frozenset[str]
    ) -> tuple[dict[int, Result], list[tuple[Candidate, Deposit]]]:
        """The results that are already known, and what is left to store."""
        earlier: dict[str, list[Owned]] = {}
        ids = sorted({c.parsed.id for c in chunk})
        standing, withdrawn = entries.owned_and_withdrawn(self.conn, self.publisher, ids)
        for owned in standing:
            earlier.setdefault(owned.id, []).append(owned)
        results: dict[int, Result] = {}
        accepted: list[tuple[Candidate, Deposit]] = []
        place = self.state.places[self.collection.id]
        self.received = self._received(chunk)
        self.answered = self._answered(chunk)
        self.crediting.prepare(chunk, self._said)
        for c in chunk:
            history = earlier.setdefault(c.parsed.id, [])
            found = self._builtin(c) or _taken_back(c, withdrawn)
            found = found or self._own(c, history, place) or self._policy(c, too_deep)
            found = found or self._credit(c, history)
            if found:
                results[c.index] = self._beside(c, found, history, place)
            else:
                made = self._deposit(c, [known for known in history if known.collection == place])
                accepted.append((c, made))
                held = made.state == entries.HELD
                history.append(Owned(c.parsed.id, place, c.ver, c.parsed.raw, made.said, made.started, held))
        return results, self._whole(chunk, results, accepted)

    def _whole(
        self, chunk: Sequence[Candidate], results: dict[int, Result], accepted: list[tuple[Candidate, Deposit]]
    ) -> list[tuple[Candidate, Deposit]]:
        """Without those of a group of which something is refused; they are added to the results."""
        broken = {c.group for c in chunk if c.group is not None and c.index in results and not results[c.index].ok}
        for c, _ in accepted:
            if c.group in broken:
                results[c.index] = c.result(ok=False, message=WITH_THE_REST)
                self.copies.pop(c.index, None)
        return [(c, made) for c, made in accepted if c.group not in broken]

    def _received(self, chunk: Sequence[Candidate]) -> dict[str, Received]:
        """What the publisher has from others of the objects that are another's by their `created_by_ref`, by id."""
        objects = [c.parsed.obj for c in chunk if stix.kind(c.parsed.obj) in ("sdo", "sro")]
        authors = {o["id"]: a for o in objects if (a := o.get("created_by_ref")) is not None and a != self.identity}
        if not authors:
            return {}
        config = self.state.config
        known = {m.identity for name, m in config.members.items() if m.identity and name != self.member}
        known.add(markings.exchange_identity(store.secret(self.conn, "marking")))
        pseudonyms = any(c.pseudonym for c in config.collections.values())
        numbers = store.object_numbers(self.conn, sorted(i for i, a in authors.items() if pseudonyms or a in known))
        found = resharing.received(self.conn, self.publisher, self.state.readers, sorted(numbers.values()))
        return {i: found[n] for i, n in numbers.items() if n in found and (authors[i] in known or found[n].by_exchange)}

    def _answered(self, chunk: Sequence[Candidate]) -> Mapping[int, tuple[Answer, Target]]:
        """An id that the member may not read is answered by nothing here, like one that nobody has."""
        said = {c.index: answer for c in chunk if (answer := _answer(c)) is not None}
        if not said:
            return {}
        ids = sorted({answer.target for answer in said.values()})
        found = answering.found(self.conn, self.state, self.publisher, self.collection, ids)
        return {index: (answer, found[answer.target]) for index, answer in said.items() if answer.target in found}

    def _builtin(self, c: Candidate) -> Result | None:
        if c.parsed.id in markings.TLP_IDS:
            return c.result(ok=True, message="a TLP marking: every exchange knows it, so it is not stored.")
        return None

    def _own(self, c: Candidate, history: Sequence[Owned], place: int) -> Result | None:
        """Against the publisher's own live versions of the id (S-3.6-01 to 04, T-5.5-03, A-12)."""
        again = [known for known in history if known.ver == c.ver]
        if again:
            return self._again(c, min(again, key=lambda known: known.collection != place), place)
        for known in history:
            if reason := _contradicts(c, known):
                return c.result(ok=False, message=reason)
        return None

    def _again(self, c: Candidate, known: Owned, place: int) -> Result | None:
        same = _plain(orjson.loads(known.json)) == _plain(c.parsed.obj)
        if same and known.collection != place:
            return None
        if same:
            message = "already here, held for review." if known.held else "already here, unchanged."
            return c.result(ok=True, message=message)
        if c.ver_text == stix.NO_VERSION and known.collection == place:
            return c.result(ok=True, message="already here with other properties, which stay: delete it to replace it.")
        message = "you published this id and version with another content: give the change a new `modified`."
        return c.result(ok=False, message=message)

    def _policy(self, c: Candidate, too_deep: frozenset[str]) -> Result | None:
        if c.parsed.id in too_deep or len({self._said(u) for u in self._users(c)}) > MARKED:
            message = "its references have too many different audiences to close over: split the object."
            return c.result(ok=False, message=message)
        said = self._said(c)
        reason = _wrong_answer(c) or self._refusal(said) or self._personal(c)
        if said.classified:
            _log.warning("member %s sent what ACS calls classified to %s", self.member, self.collection.name)
        elif reason is None and (had := self.received.get(c.parsed.id)):
            level = policy.taken(self.state.config, self.collection, said).tlp
            reason = policy.reshared(level, [Said.split(text) for text in had.said])
        if reason is None and said.ends is not None and said.ends <= self.now:
            reason = "the policy that it is marked with has ended: nobody else would read it."
        return c.result(ok=False, message=reason) if reason else None

    def _refusal(self, said: Said) -> str | None:
        if said not in self._refusals:
            self._refusals[said] = policy.refusal(self.state.config, self.collection, said)
        return self._refusals[said]

    def _personal(self, c: Candidate) -> str | None:
        """3.3.8, where the collection refuses it: where it stands, never what it is."""
        if self.collection.personal_data != "reject" or not (paths := personaldata.find(c.parsed.obj)):
            return None
        return f"it holds personal data at {_list(frozenset(paths))}: take it out, and send it again."

    def _credit(self, c: Candidate, history: Sequence[Owned]) -> Result | None:
        reason = self.crediting.refusal(c, self.crediting.credit(c, self._said(c)), history)
        return c.result(ok=False, message=reason) if reason else None

    def _beside(self, c: Candidate, found: Result, history: Sequence[Owned], place: int) -> Result:
        """An observable that the publisher has under its name here goes anonymously as well: only the copy is new."""
        named = [o for o in history if (o.collection, o.ver) == (place, c.ver) and not Said.split(o.said)[0].anonymous]
        if not (found.ok and named and self.crediting.credit(c, self._said(c)).anonymous):
            return found
        if not anonymous.keeps_id(c.parsed.id) or self.crediting.stands(c, place):
            return found
        if reason := self.crediting.refusal(c, self.crediting.credit(c, self._said(c)), history):
            return c.result(ok=False, message=reason)
        (number,) = store.object_numbers(self.conn, [c.parsed.id]).values()
        stored = entries.own_versions(self.conn, self.publisher, [number])
        source = next(v.number for v in stored if (v.collection, v.ver) == (place, c.ver))
        what = self._taken(c)
        self.copies[c.index] = c, self._copy(c, what, self._started(what, [])), source
        return found

    def _copy(self, c: Candidate, what: Sequence[Said], started: int) -> Deposit:
        """What others read in the place of an anonymous object: it is the copy that is held."""
        made = self.crediting.copy(c, what, started)
        first = made.steps[0].audience
        embargoed = any(step.audience - first != NOBODY for step in made.steps)
        if not (reasons := self._reasons(c, what, embargoed=embargoed)):
            return made
        base = policy.waiting(self.collection, -self.publisher, self.state.numbers, reasons)
        return replace(made, base=base, steps=(), state=entries.HELD, reasons=reasons, key=self.envelope.key)

    def _said(self, c: Candidate) -> Said:
        marks = c.markings | c.words
        if (said := self._alike.get(marks)) is None:
            known = self.vocabulary if not c.words else {**self.vocabulary, **{word: word for word in c.words}}
            said = markings.read(sorted(marks), known, self.state.config.markings, self.definitions)
            self._alike[marks] = said
        itself = self.envelope.definitions.get(c.parsed.id)
        had = self.received.get(c.parsed.id)
        if c.index in self.answered:
            answer, target = self.answered[c.index]
            said = answered(said, answer, target.audience, self.state.member(target.publisher))
        elif itself is None and had is None:
            return said
        return replace(
            said,
            classified=said.classified or (itself is not None and itself.classified),
            received=had.audience if had else said.received,
        )

    def _deposit(self, c: Candidate, history: Sequence[Owned]) -> Deposit:
        """`history`: the publisher's other versions of the id in the collection."""
        what = _extended(self._taken(c), history)
        started = self._started(what, history)
        text = Said.joined(what)
        base, coming = self._begun(what, text, started)
        reasons = frozenset[str]()
        if not what[0].anonymous:
            embargoed = self.two_persons and any(step.audience - base != NOBODY for step in coming)
            reasons = self._reasons(c, what, embargoed=embargoed)
        if reasons:
            base, coming = policy.waiting(self.collection, self.publisher, self.state.numbers, reasons), ()
        creator = self.identity is not None and c.parsed.obj.get("created_by_ref") == self.identity
        if what[0].anonymous and c.parsed.type != "marking-definition":
            self.copies[c.index] = c, self._copy(c, what, started), None
        return Deposit(
            id=c.parsed.id, type=c.parsed.type, ver=c.ver, ver_text=c.ver_text, raw=c.parsed.raw,
            base=base, started=started, steps=coming,
            said=text, refs=c.refs, creator=creator, submission=self.envelope.submission,
            state=entries.HELD if reasons else entries.PUBLISHED, reasons=reasons, key=self.envelope.key,
        )  # fmt: skip

    def _begun(self, what: Sequence[Said], text: str, started: int) -> tuple[Audience, tuple[Step, ...]]:
        """Who may read it at once by rules 2 to 7, and what its plan has still to give; `text` is what it says."""
        key = text, started
        if key not in self._releases:
            steps = policy.release(
                self.state.config, self.collection, what, self.publisher, self.state.numbers, started
            )
            self._releases[key] = policy.begun(steps, self.released)
        return self._releases[key]

    def _started(self, what: Sequence[Said], history: Sequence[Owned]) -> int:
        begins = policy.next_tick(self.state.config, self.now) if what[0].anonymous else self.now
        return clock_of(what, history, begins)

    def _reasons(self, c: Candidate, what: Sequence[Said], *, embargoed: bool) -> frozenset[str]:
        """Why it is held (3.3.4, 8, 9); empty if it is published at once.

        An unmarked definition is held for the markings of what uses it, too: it would tell of them.
        """
        marked = [self._said(x) for x in (c, *self._users(c))]
        quarantines_people = self.collection.personal_data == "quarantine"
        quarantines = self.collection.unknown_markings == "quarantine"
        found = {
            policy.REVIEW: bool(self.collection.moderate),
            policy.MARKING: quarantines
            and any(policy.not_understood(self.state.config, self.collection, said) for said in marked),
            policy.PERSONAL_DATA: quarantines_people and bool(personaldata.find(c.parsed.obj)),
            policy.SECOND_PERSON: self.two_persons and (embargoed or any(s.tlp is Tlp.RED for s in what)),
        }
        return frozenset(reason for reason, holds in found.items() if holds)

    def _users(self, c: Candidate) -> Sequence[Candidate]:
        """The objects whose audience an unmarked definition takes; of anything else nobody's."""
        unmarked = c.parsed.type == "marking-definition" and self._said(c) == Said()
        return self.envelope.users.get(c.parsed.id, ()) if unmarked else ()

    def _taken(self, c: Candidate) -> list[Said]:
        """Its markings; those of the objects that use it, all of them, for an unmarked definition (channel 8)."""
        said = self._said(c)
        users = {self._said(u) for u in self._users(c)}
        found = {s for s in users if self._refusal(s) is None} or {said}
        credit = self.crediting.credit(c, said)
        taken = {self._credited(s, credit) for s in found}
        return sorted(taken, key=lambda s: s.text) if len(taken) > 1 else list(taken)

    def _credited(self, said: Said, credit: Credit) -> Said:
        key = said, credit
        if key not in self._accepted:
            self._accepted[key] = policy.credited(policy.taken(self.state.config, self.collection, said), credit)
        return self._accepted[key]

    def accepted(self, c: Candidate, made: Version, known: frozenset[str]) -> Result:
        """The answer for what was stored: what closes it, and which ids it gives away (policy.md 3.4.9)."""
        parts = []
        others = c.parsed.id in self.received  # whose audience then does not show in what is said of one's own
        if made.state == entries.HELD:
            parts.append("held for review.")
        closed = made.whole != made.base if made.publisher > 0 else made.eventual != made.ever
        if (others or closed) and c.refs & known:
            parts.append(f"no wider than your {_list(c.refs & known)}, which it refers to.")
        if others:
            parts.append("no wider than what you received of it from others.")
        told = frozenset[str]()
        if c.index in self.answered:
            answer, _ = self.answered[c.index]
            told = frozenset({answer.target})
            parts.append(_answers(answer))
        if unknown := c.refs - known - told:
            parts.append(f"refers to {_list(unknown)}, not deposited by you: whoever reads this reads that id.")
        if made.publisher < 0:
            parts.append("others read an anonymous copy of it.")
        return c.result(ok=True, message=" ".join(parts))


def _answer(c: Candidate) -> Answer | None:
    try:
        return answers.read(c.parsed.obj)
    except answers.Wrong:
        return None


def _wrong_answer(c: Candidate) -> str | None:
    try:
        answers.read(c.parsed.obj)
    except answers.Wrong as error:
        return str(error)
    return None


def answered(said: Said, answer: Answer, audience: Audience, publisher: str) -> Said:
    """What the markings of an answer come to: the exchange says whom it is for (policy.md 3.5). `publisher`: the name
    of the member whose deposit it answers."""
    if answer.kind == answers.USE:  # counted, and nobody else's to read
        return replace(said, answers=audience, members=frozenset())
    return replace(said, answers=audience, answers_to=publisher)


def _answers(answer: Answer) -> str:
    if answer.kind == answers.USE:
        return f"counted for the publisher of {answer.target}; nobody but you reads it."
    return (
        f"for the publisher of {answer.target} and the coordinators; "
        "for everybody who reads that, once everybody whom its collection lets read may."
    )


def _taken_back(c: Candidate, withdrawn: Set[str]) -> Result | None:
    """What the exchange withdrew does not come again by the same id, newer or not, until its operator lets it."""
    if c.parsed.id not in withdrawn:
        return None
    return c.result(ok=False, message="withdrawn by the exchange: ask its operator, or use a new id.")


def clock_of(what: Sequence[Said], history: Sequence[Owned], now: int) -> int:
    """When a version's plan begins: with the first accepted one under the same plan (policy.md 3.7), else now.

    `history`: its publisher's other versions of the id in the collection.
    """
    plans = {s.releases for s in what}
    accepted = (o for o in history if not o.held and {s.releases for s in Said.split(o.said)} == plans)
    return min((o.started for o in accepted), default=now)


def _extended(what: Sequence[Said], history: Sequence[Owned]) -> list[Said]:
    """With the time that was granted to earlier versions under the same plan: a newer one does not take it back."""
    plans = {s.releases for s in what}
    before = [Said.split(o.said) for o in history]
    granted = (s.extended for said in before if {s.releases for s in said} == plans for s in said)
    more = frozenset[tuple[int, int]]().union(*granted)
    return [replace(s, extended=s.extended | more) for s in what] if more else list(what)


def _contradicts(c: Candidate, known: Owned) -> str:
    """Why a version cannot stand beside another one of the same publisher."""
    obj, before = c.parsed.obj, orjson.loads(known.json)
    if obj.get("created") != before.get("created"):
        return f"`created` was {before.get('created')} in your other versions: it never changes (S-3.6-01)."
    if obj.get("created_by_ref") != before.get("created_by_ref"):
        return "`created_by_ref` differs from your other versions: use a new id (S-3.6-02)."
    if c.parsed.type == "marking-definition":
        return "marking-definitions have no versions: use a new id (S-7.2-01)."
    if before.get("revoked") and known.ver < c.ver:
        return "you revoked this id: nothing newer can follow, use a new one (S-3.6-04)."
    return ""


def _plain(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Without properties at their default: leaving those out is no change (S-3.6-03)."""
    defaults = {"revoked": False, "defanged": False, "lang": "en"}
    return {k: v for k, v in obj.items() if k not in defaults or v != defaults[k]}


def _list(ids: frozenset[str]) -> str:
    shown = ", ".join(sorted(ids)[:LISTED])
    return shown if len(ids) <= LISTED else f"{shown} and {len(ids) - LISTED} more"
