"""Who has an object: read from the ledger of what was served, and never worked out again from the policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from exchange import aliases, entries, ledger, noticerows, polls, stix, store
from exchange.entries import Deposited
from exchange.inforce import InForce
from exchange.ledger import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """That a member was told to give a version up: why, when it was told (the note's own time), when it was first
    served the note, and when a key of its last polled the collection; None: not yet. Times in microseconds UTC."""

    reason: str
    told: int
    fetched: int | None
    last_poll: int | None

    @property
    def words(self) -> str:
        if self.fetched is not None:
            return f"{self.reason}: fetched"
        polled = self.last_poll is not None and self.last_poll > self.told
        return f"{self.reason}: told, {'not fetched yet' if polled else 'not polled since'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """That a member was served one publisher's version of an object: the first and the last time, and how often.

    Times in microseconds UTC; `first_config` and `last_config` are the config versions that were in force then.
    `recall`: None where it was not told to give it up.
    """

    member: str
    collection: str
    publisher: str
    version: str
    first: int
    first_config: int
    last: int
    last_config: int
    times: int
    recall: Recall | None = None


def who_has(conn: Connection, lines: Connection, state: InForce, stix_id: str) -> list[Had] | None:
    """Everybody who was served the object, or an anonymous copy of it, by name, also who is no member any more; None if
    nobody deposited it.

    `conn` reads the store, `lines` the ledger, from a snapshot that is no younger. A publisher has what it published,
    and stands here only if it was served it. Cost: O(lines of its collections since it was deposited), as
    `ledger.carrying` says.
    """
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    versions = entries.deposited(conn, number) if number is not None else []
    copies = aliases.copies_of(conn, number) if versions and number is not None else []
    versions += [v for copy in copies for v in entries.deposited(conn, copy) if v.publisher < 0]
    if not versions:
        return None
    named = _Names.read(conn, state)
    found: dict[tuple[str, ...], Had] = {}
    by_collection: dict[int, dict[int, Deposited]] = defaultdict(dict)
    for v in versions:
        by_collection[v.collection][v.number] = v
    for collection, wanted in by_collection.items():
        recalled = _recalled(conn, lines, collection, list(wanted))
        for line in ledger.carrying(lines, collection, frozenset(wanted)):
            for v in (wanted[n] for n in dict.fromkeys(line.versions) if n in wanted):
                had = replace(named.had(line, v), recall=recalled.get((v.number, line.member)))
                key = (had.member, had.collection, had.publisher, had.version)
                found[key] = _later(found[key], had) if key in found else had
    return [found[key] for key in sorted(found)]


def _recalled(
    conn: Connection, lines: Connection, collection: int, versions: list[int]
) -> dict[tuple[int, int], Recall]:
    """By (version, member): who was told, and what became of it. Cost: O(lines since the first note)."""
    told = [x for x in noticerows.told(conn, versions) if x.kind == noticerows.RECALL]
    if not told:
        return {}
    sent = {n: stix.parse_timestamp(text) for n, (text, _) in entries.told(conn, [x.note for x in told]).items()}
    fetched: dict[int, int] = {}
    for line in ledger.carrying(lines, collection, frozenset(sent)):
        for note in sent.keys() & line.versions:
            fetched[note] = min(line.at, fetched.get(note, line.at))
    polled = {
        member: max((p.at for p in polls.stored(lines, member) if p.collection == collection and p.at), default=None)
        for member in {x.member for x in told}
    }
    return {
        (x.version, x.member): Recall(
            reason=x.reason, told=sent[x.note], fetched=fetched.get(x.note), last_poll=polled[x.member]
        )
        for x in told
        if x.note in sent
    }


def _later(known: Had, had: Had) -> Had:
    """With one more time. Lines are in the order of their writing, which is not quite that of their requests."""
    if had.first < known.first:
        known = replace(known, first=had.first, first_config=had.first_config)
    if had.last >= known.last:
        known = replace(known, last=had.last, last_config=had.last_config)
    return replace(known, times=known.times + 1)


@dataclass(frozen=True, slots=True)
class _Names:
    state: InForce
    members: Mapping[int, str]
    collections: Mapping[int, str]

    @classmethod
    def read(cls, conn: Connection, state: InForce) -> _Names:
        """Of everybody and everything that ever was; a collection that was taken out has its id left."""
        known = {c.id: c.name for c in state.config.collections.values()}
        return cls(
            state=state,
            members={number: name for name, number in store.members(conn).items()},
            collections={row.number: known.get(uid, uid) for uid, row in store.collections(conn).items()},
        )

    def had(self, line: Line, v: Deposited) -> Had:
        return Had(
            member=self.members[line.member],
            collection=self.collections[v.collection],
            publisher=self.state.name(v.publisher),
            version=v.ver_text,
            first=line.at,
            first_config=line.config,
            last=line.at,
            last_config=line.config,
            times=1,
        )
