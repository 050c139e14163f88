"""Responses to one finding: given in a member's own name through the ordinary intake, and told to who may know them.

Who reads a response is decided where it is stored (`judging`); here nothing is shown to a member but what it reads
there, and sums. Of an anonymous responder nothing is told that would link two of its responses.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from exchange import (
    aliases,
    answering,
    answerrows,
    answers,
    casestate,
    entries,
    intake,
    markings,
    pages,
    policy,
    stix,
    store,
)
from exchange.answerrows import Row
from exchange.casestate import Case, Release
from exchange.config import Collection
from exchange.entries import HELD, PUBLISHED, Version
from exchange.inforce import InForce
from exchange.intake import Poster
from exchange.label import Tlp
from exchange.markings import Said

_TLP_2 = {level: marking for marking, level in markings.TLP_IDS.items()}  # TLP 2 stands after TLP 1 there
YOU, ANONYMOUS, ANOTHER = "you", "an anonymous member", "another member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding as one member knows it: its live versions that the member reads, or its own. `public`: it is for
    everybody whom its collection lets read."""

    id: str
    own: bool
    versions: tuple[Version, ...]
    known_as: str  # to others, where it is the member's own and anonymous; else empty


def find(
    conn: Connection, state: InForce, member: str, stix_id: str, places: Set[int]
) -> Finding | None:  # fmt: skip
    """The finding with that id in these collections; None where the member may not read one, like an unknown one.

    Its own deposit comes first, as in its view. Cost: O(collections + versions of the id).
    """
    if stix_id.partition("--")[0] not in answers.FINDINGS:
        return None
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    if number is None:
        return None
    me = state.numbers[member]
    here = [v for place in sorted(places) for v in entries.versions_in(conn, place, [number]) if v.live]
    if own := tuple(v for v in here if v.publisher == me):
        copies = aliases.copies(conn, me, [number])
        copy = entries.ids_of(conn, sorted(set(copies.values()) - {number})).values()
        return Finding(id=stix_id, own=True, versions=own, known_as=next(iter(copy), ""))
    if others := tuple(v for v in here if answering.reads(state, me, v)):
        return Finding(id=stix_id, own=False, versions=others, known_as="")
    return None


def names(conn: Connection, finding: Finding) -> frozenset[str]:
    """What others may call it: its STIX ids, its name and the ids that it has elsewhere, like a CVE's."""
    found = {finding.id}
    for raw in pages.bodies(conn, [v.number for v in finding.versions]).values():
        obj = orjson.loads(raw.json)
        found.add(str(obj.get("name", "")))
        found |= {str(ref["external_id"]) for ref in obj.get("external_references", ()) if "external_id" in ref}
    return frozenset(found)


# Giving one -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a member says of a finding: `kind` and `word` as in `answers`; `since`: from when on, microseconds UTC."""

    kind: str
    word: str
    text: str = ""
    products: tuple[str, ...] = ()
    since: int | None = None

    @property
    def content(self) -> str:
        said = self.text or f"{self.word.replace('-', ' ').capitalize()}."
        return f"{said}\nProducts: {', '.join(self.products)}" if self.products else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The response: its id, the collection that has it, and whether it is new there."""

    id: str
    collection: str
    changed: bool


class NoBox(Exception):
    """The member may write neither where the finding is nor into the box that takes answers for it."""


class NotTaken(Exception):
    """Intake refused the response; the text says why."""


def box(state: InForce, finding: Finding, writable: Set[str]) -> Collection:
    """Where the member answers: where the finding is, else the box. `writable`: collection ids. Raises `NoBox`."""
    config = state.config
    titles = sorted({state.title(v.collection) for v in finding.versions})
    here = [config.collections[title] for title in titles if title in config.collections]
    boxes = [config.collections[c.responses] for c in here if c.responses]
    for one in (*here, *boxes):
        if one.id in writable:
            return one
    raise NoBox


def respond(
    poster: Poster, finding: Finding, collection: Collection, reply: Reply, status_id: str
) -> Given:  # fmt: skip
    """Publish the response, or a new version of it. What the member said last is not said again: nothing is stored.

    Raises `NotTaken`, and what `intake.publish` raises.
    """
    with store.reading(poster.engine) as conn:
        state, _ = intake.writable(conn, poster.member, collection.id)
        made, changed = _object(conn, state, poster, finding, collection, reply)
    if changed:
        taken = intake.publish(poster, collection.id, orjson.dumps({"objects": [made]}), status_id)
        if taken["failure_count"]:
            raise NotTaken(taken["failures"][0]["message"])
    return Given(id=made["id"], collection=collection.name, changed=changed)


def _object(
    conn: Connection, state: InForce, poster: Poster, finding: Finding, collection: Collection, reply: Reply
) -> tuple[dict[str, Any], bool]:
    """The note or opinion, by an id that follows from who says what of which finding; and whether it is news."""
    now, me = poster.clock.now(conn), state.numbers[poster.member]
    kind, part = ("opinion", answers.USE) if reply.kind == answers.USE else ("note", reply.word)
    secret = store.secret(conn, "marking")
    stix_id = f"{kind}--{markings.keyed_uuid(secret, f'response/{poster.member}/{finding.id}/{part}')}"
    before = [o for o in entries.owned(conn, me, [stix_id]) if o.collection == state.places[collection.id]]
    last = orjson.loads(max(before, key=lambda o: o.ver).json) if before else None
    made: dict[str, Any] = {
        "type": kind,
        "spec_version": "2.1",
        "id": stix_id,
        "created": last["created"] if last else _time(reply.since or now),
        "modified": _time(now),
        "object_refs": [finding.id],
        "object_marking_refs": [_marking(conn, finding, collection)],
    }
    made |= {"opinion": _VALUES[reply.word], "labels": [reply.word]} if reply.kind == answers.USE else {
        "content": reply.content, "labels": [f"{answers.PREFIX}{reply.word}"],
    }  # fmt: skip
    if reply.kind == answers.USE and reply.text:
        made["explanation"] = reply.text
    identity = state.config.members[poster.member].identity
    if identity and not policy.credit(state.config, collection, poster.member, Said()).anonymous:
        made["created_by_ref"] = identity
    if last and max(o.ver for o in before) >= stix.parse_timestamp(made["modified"]):
        made["modified"] = _time(max(o.ver for o in before) + 1000)
    same = last is not None and {**last, "modified": ""} == {**made, "modified": ""}
    return made, not (same and _said_last(conn, state, me, finding, reply))


_VALUES = {"useful": "agree", "acted-on": "strongly-agree", "already-known": "neutral", "false-positive": "disagree"}
"""An opinion has to have one; the label is what counts."""


def _said_last(conn: Connection, state: InForce, me: int, finding: Finding, reply: Reply) -> bool:
    rows = answerrows.to(conn, sorted({v.object for v in finding.versions}))
    said = [r for r, v in _live(conn, rows) if abs(v.publisher) == me and r.kind == reply.kind]
    return bool(said) and said[-1].word == reply.word


def _marking(conn: Connection, finding: Finding, collection: Collection) -> str:
    """As strict as the finding, as far as the collection takes it."""
    told = entries.told(conn, [v.number for v in finding.versions])
    level = max(s.tlp or Tlp.RED for _, said in told.values() for s in Said.split(said))
    low, high = collection.accept
    return _TLP_2[min(max(level, low), high)]


def _time(at: int) -> str:
    return f"{stix.format_timestamp(at)[:-4]}Z"


# Telling of them --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One thing that a party said: the response's id, when it came (microseconds UTC), in the words of `answers`."""

    id: str
    kind: str
    word: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One that answered: `name` is a member that the asker may name, else words. `said`: the oldest first."""

    name: str
    said: tuple[Word, ...]

    @property
    def status(self) -> Word | None:
        """What it said last of how far it is."""
        return next((w for w in reversed(self.said) if w.kind == answers.STATUS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What a member may know of the answers to a finding. `usefulness` is for its publisher, None for all others."""

    case: Case
    parties: tuple[Party, ...]
    usefulness: dict[str, int] | None


def responses_to(
    conn: Connection, state: InForce, member: str, finding: Finding, places: Set[int], *, asked: bool = False
) -> Responses:
    """The answers that the member reads in these collections, by who gave them; `asked`: more time is asked for.

    Cost: O(responses to the finding).
    """
    me = state.numbers[member]
    objects = {v.object for v in finding.versions}
    if finding.own:
        objects |= set(aliases.copies(conn, me, sorted(objects)).values())
    whose = {me, -me} if finding.own else {v.publisher for v in finding.versions}
    rows = [row for row in answerrows.to(conn, sorted(objects)) if row.publisher in whose]
    live = list(_live(conn, rows))
    shown = [
        (r, v) for r, v in live if _reads(state, me, v, places) and (r.kind != answers.USE or abs(v.publisher) == me)
    ]
    parties = tuple(_parties(conn, state, member, shown))
    said = [p.status.word for p in parties if p.status]
    seen = [w.word for p in parties for w in p.said if w.kind == answers.SIGHTING]
    return Responses(
        case=casestate.case(_release(conn, state, finding, asked=asked), said, seen),
        parties=parties,
        usefulness=_sums(live) if finding.own else None,
    )


def _live(conn: Connection, rows: Sequence[Row]) -> Iterator[tuple[Row, Version]]:
    """Of each response the newest live version that is published; of an anonymous one the copy stands for it."""
    versions = [v for v in entries.by_number(conn, [r.version for r in rows]) if v.live and v.state == PUBLISHED]
    copied = {v.source for v in versions}
    newest: dict[tuple[int, int, int], Version] = {}
    for v in sorted(versions, key=lambda v: v.ver):
        if v.number not in copied:
            newest[v.publisher, v.collection, v.object] = v
    kept = {v.number: v for v in newest.values()}
    yield from ((row, kept[row.version]) for row in rows if row.version in kept)


def _reads(state: InForce, me: int, v: Version, places: Set[int]) -> bool:
    """Its own too, also where it reads the copy of it no more than anybody else reads the original."""
    return abs(v.publisher) == me or (v.collection in places and me in state.readers(v.shown.of(me)))


def _parties(
    conn: Connection, state: InForce, member: str, shown: Iterable[tuple[Row, Version]]
) -> Iterator[Party]:  # fmt: skip
    nameable = set(policy.vocabulary(state.config, member))
    by_party: dict[tuple[str, int], list[tuple[Row, Version]]] = defaultdict(list)
    for row, v in shown:
        name = _name(state, member, v, nameable)
        by_party[name, v.object if name in (ANONYMOUS, ANOTHER) else 0].append((row, v))
    ids = entries.ids_of(conn, sorted({v.object for group in by_party.values() for _, v in group}))
    for (name, _), group in by_party.items():
        # When an anonymous one came is told by its copy alone, which rounds it.
        words = [
            Word(id=ids[v.object], kind=r.kind, word=r.word, at=v.ver if name == ANONYMOUS else r.at) for r, v in group
        ]
        yield Party(name=name, said=tuple(words))


def _name(state: InForce, member: str, v: Version, nameable: Set[str]) -> str:
    name = state.member(v.publisher)
    if name == member:
        return YOU
    if v.publisher < 0:
        return ANONYMOUS
    return name if f"member:{name}" in nameable else ANOTHER


def _sums(live: Iterable[tuple[Row, Version]]) -> dict[str, int]:
    """The last word of each member, counted once however often it says it."""
    last = {abs(v.publisher): row.word for row, v in live if row.kind == answers.USE}
    counted = Counter(last.values())
    return {word: counted[word] for word in answers.USEFULNESS}


def _release(conn: Connection, state: InForce, finding: Finding, *, asked: bool) -> Release:
    versions: list[Version] = list(finding.versions)
    if finding.own:  # where it is anonymous, its copy is what is released
        versions = aliases.standing_for(conn, [v.number for v in versions]) or versions
    told = entries.told(conn, [v.number for v in versions])
    planned = any(s.releases for _, said in told.values() for s in Said.split(said))
    planned |= any((c := _rules(state, v)) is not None and c.at_least is not None for v in versions)
    return Release(
        planned=planned,
        coming=any(v.steps for v in versions),
        public=policy.is_everyone(answering.union(versions)),
        held=any(v.state == HELD for v in versions),
        asked=asked,
    )


def _rules(state: InForce, v: Version) -> Collection | None:
    uid = next(uid for uid, number in state.places.items() if number == v.collection)
    return state.config.collection_by_id(uid)
