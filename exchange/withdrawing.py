"""Withdrawal: the exchange takes deposits out of every view, their publishers' too, and those who have them are told.

It is for what must not be read any more, whoever published it and wherever: every live version of an id, held ones
too. Of an anonymous deposit both go, by whatever id it was named: what its publisher sees, and the copy that everybody
else does. The publisher cannot deposit the id again until the withdrawal is lifted (policy.md 3.8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from exchange import entries, inforce, log, noticerows, sequencer, store
from exchange.entries import WITHDRAWN, Version
from exchange.sequencer import Clock

REASONS = ("error", "false-positive", "personal-data", "wrong-marking", "legal", "source-request", "other")
COMMIT = 500  # versions a commit, all of one publisher and whole objects

Find = Callable[[Connection], Sequence[Version]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A version that was withdrawn; `collection` and `publisher` as operators call them."""

    id: str
    version: str
    collection: str
    publisher: str


def by_ids(ids: Sequence[str]) -> Find:
    """Everybody's live versions of these STIX ids."""

    def find(conn: Connection) -> Sequence[Version]:
        return entries.meant(conn, sorted(store.object_numbers(conn, ids).values()))

    return find


def seen(ids: Sequence[str], member: int, places: frozenset[int]) -> Find:
    """Of these ids in these collections, the deposits of which the member may read a version: all versions of them,
    and what stands for them or they for."""

    def find(conn: Connection) -> Sequence[Version]:
        state = inforce.current(conn)
        found = [v for v in by_ids(ids)(conn) if v.collection in places] if state else []
        source = {v.number: v.source or v.number for v in found}
        read = {(source[v.number], v.publisher, v.collection, v.object) for v in found
                if state and member in state.readers(v.shown.of(member))}  # fmt: skip
        deposits = {(abs(publisher), collection, object_) for _, publisher, collection, object_ in read}
        origins = {source[v.number] for v in found if (abs(v.publisher), v.collection, v.object) in deposits}
        return [v for v in found if source[v.number] in origins]

    return find


def by_status(status_id: str) -> Find:
    """What is left of one POST, by the id of its status."""

    def find(conn: Connection) -> Sequence[Version]:
        member = store.poster(conn, status_id)
        return entries.submitted(conn, member, entries.submission_of(status_id)) if member else []

    return find


def withdraw(engine: Engine, clock: Clock, find: Find, reason: str) -> list[Gone]:
    """Withdraw what is found, in commits of `COMMIT`; each holds its notices, so nothing is withdrawn in silence.

    Empty where nothing was found. Raises `sequencer.TooSlow`: what went before it is withdrawn, the same call does the
    rest.
    """
    gone: list[Gone] = []
    while True:
        with store.reading(engine) as conn:
            found = find(conn)
        if not found:
            return gone
        for objects in _parts(found):
            gone += sequencer.committed(engine, _act(clock, find, objects, reason))


def _parts(found: Sequence[Version]) -> Iterator[tuple[int, frozenset[int]]]:
    """(member, objects) to withdraw together: a deposit under its own id goes with its anonymous copies."""
    by_member: dict[int, dict[int, list[Version]]] = defaultdict(lambda: defaultdict(list))
    own = {v.number: v for v in found}
    for v in found:
        original = own.get(v.source, v) if v.source is not None else v
        by_member[abs(v.publisher)][original.object].append(v)
    for member, groups in by_member.items():
        part: list[Version] = []
        for group in groups.values():
            if part and len(part) + len(group) > COMMIT:
                yield member, frozenset(v.object for v in part)
                part = []
            part += group
        yield member, frozenset(v.object for v in part)


def _act(
    clock: Clock, find: Find, part: tuple[int, frozenset[int]], reason: str
) -> Callable[[Connection, int], list[Gone]]:
    member, objects = part

    def act(conn: Connection, lead: int) -> list[Gone]:
        store.hold_config(conn)
        state = inforce.current(conn)
        if state is None:
            raise LookupError("there are deposits, and no config was ever in force")
        store.lock_publisher(conn, member)  # a version that comes meanwhile is found, or refused
        found = [v for v in find(conn) if abs(v.publisher) == member and v.object in objects]
        told = entries.told(conn, [v.number for v in found])
        ids = entries.ids_of(conn, sorted(objects))
        now = clock.now(conn)
        stamped = now
        for publisher in sorted({v.publisher for v in found}):
            writer = log.Writer(publisher=publisher, readers=state.readers, clock=clock, lead=lead)
            numbers = [v.number for v in found if v.publisher == publisher]
            stamped = min(stamped, log.end(conn, writer, numbers, WITHDRAWN, now))
        noticerows.add(conn, noticerows.RECALL, reason, _recalled(conn, found), now)
        sequencer.check_in_time(clock.now(conn), stamped, lead)
        return [
            Gone(
                id=ids[v.object], version=told[v.number][0], collection=state.title(v.collection),
                publisher=state.name(v.publisher),
            )
            for v in found
        ]  # fmt: skip

    return act


def _recalled(conn: Connection, gone: Sequence[Version]) -> set[int]:
    """With the older versions that their publishers had deleted: who has one of those is to be told, too."""
    newest: dict[tuple[int, int, int], int] = {}
    for v in gone:
        place = v.publisher, v.collection, v.object
        newest[place] = max(v.ver, newest.get(place, v.ver))
    older = {
        v.number
        for collection in sorted({v.collection for v in gone})
        for v in entries.versions_in(conn, collection, sorted({v.object for v in gone if v.collection == collection}))
        if not v.live and v.ver <= newest.get((v.publisher, v.collection, v.object), v.ver - 1)
    }
    return older | {v.number for v in gone}


def lift(engine: Engine, ids: Sequence[str]) -> int:
    """Let the ids be deposited again; how many versions had been withdrawn. What was withdrawn stays so."""
    with store.writing(engine) as conn:
        return entries.lift(conn, sorted(store.object_numbers(conn, ids).values()))
