"""Publishing: validate → markings → audience → one commit (several, if large) → status.

The straight flow of a POST. Each object is judged by itself (policy.md 3.3): good objects of a mixed envelope are
kept, each refused one says why, and every comparison looks at the same publisher's deposits only, so nobody learns
what others hold. What an object refers to is committed before it, a circle of references in one commit; nothing is
readable before its audience is decided, because its audience is decided in the commit that stores it.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from exchange import (
    aliases,
    answerrows,
    answers,
    deadlines,
    entries,
    feed,
    inforce,
    log,
    noticerows,
    pages,
    policy,
    sequencer,
    status,
    stix,
    store,
)
from exchange.candidates import Candidate, Envelope
from exchange.config import Collection
from exchange.entries import Deposit, Version
from exchange.inforce import InForce
from exchange.judging import Judge
from exchange.sequencer import Clock
from exchange.status import Result

COMMIT = 500  # objects a commit: well within the sequencer's lead on a small machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Who writes, with which key (its id; empty where there is none), where, and by which clock."""

    engine: Engine
    clock: Clock
    member: str
    key: str = ""


class Refused(Exception):
    """The member may not write there now: `listed` says whether it may know of the collection (403, else 404)."""

    def __init__(self, *, listed: bool) -> None:
        super().__init__(listed)
        self.listed = listed


class Busy(Exception):
    """The store could not commit in time, again and again: nothing of what is left was taken; ask again later."""


def publish(poster: Poster, uid: str, body: bytes, status_id: str) -> dict[str, Any]:
    """Take the objects of an envelope or bundle into the collection with id `uid`; the TAXII status resource.

    Raises `stix.EnvelopeError` for a body that cannot be taken as a whole, `Refused`, `Busy`. Once it returns,
    everything it calls a success is durable, and so is the status.
    """
    with store.reading(poster.engine) as conn:
        now = poster.clock.now(conn)
        state, _ = writable(conn, poster.member, uid)
    results, candidates = apart(body, now)
    with store.reading(poster.engine) as conn:
        envelope = surveyed(conn, poster.member, uid, candidates, now, status_id, poster.key)
    results |= _commit_all(poster, uid, envelope, now, ordered(candidates))
    resource = told(status_id, now, results)
    with store.writing(poster.engine) as conn:
        store.add_status(conn, status_row(poster, state, uid, resource, now))
    return resource


def told(status_id: str, now: int, results: Mapping[int, Result]) -> dict[str, Any]:
    """The TAXII status resource of objects that came in this order."""
    return status.resource(status_id, now, [result for _, result in sorted(results.items())])


def status_row(poster: Poster, state: InForce, uid: str, resource: dict[str, Any], now: int) -> store.StatusRow:
    return store.StatusRow(
        id=resource["id"], member=state.numbers[poster.member], at=now, json=status.dump(resource),
        collection=state.places[uid], key=poster.key,
    )  # fmt: skip


def take_groups(
    poster: Poster, uid: str, groups: Sequence[Sequence[Candidate]], now: int, status_id: str
) -> dict[int, Result]:  # fmt: skip
    """Take objects in groups, each in one commit, whole or not at all (`Candidate.group`); results by index.

    The order within a group is of no account. Raises `Refused`, `Busy`. Durable once the next synced commit is.
    """
    every = [c for group in groups for c in group]
    with store.reading(poster.engine) as conn:
        envelope = surveyed(conn, poster.member, uid, every, now, status_id, poster.key)
    return _commit_all(poster, uid, envelope, now, [list(group) for group in groups])


def apart(body: bytes, now: int) -> tuple[dict[int, Result], list[Candidate]]:
    """The objects of a body, by their index: refused as no valid STIX, or to be judged. Raises `stix.EnvelopeError`."""
    results: dict[int, Result] = {}
    candidates: list[Candidate] = []
    for index, item in enumerate(stix.read_envelope(body)):
        found = Candidate.make(index, item, now)
        if isinstance(found, Result):
            results[index] = found
        else:
            candidates.append(found)
    return results, candidates


def surveyed(
    conn: Connection, member: str, uid: str, candidates: Sequence[Candidate], now: int, status_id: str | None = None,
    key: str = "",
) -> Envelope:  # fmt: skip
    """The objects of a POST together. Raises `Refused`."""
    state, collection = writable(conn, member, uid)
    envelope = Envelope.of(candidates, status_id, key)
    return Judge(conn, state, member, collection, envelope, now).surveyed(candidates)


def writable(conn: Connection, member: str, uid: str) -> tuple[InForce, Collection]:
    """What is in force, and the collection if the member may write there. Raises `Refused` (policy.md 3.3.1, 2)."""
    state = inforce.current(conn)
    collection = state.config.collection_by_id(uid) if state else None
    if state is None or collection is None or member not in state.config.members:
        raise Refused(listed=False)
    groups = state.config.groups_of(member)
    if not policy.has(collection.write, groups):
        raise Refused(listed=policy.has(collection.read, groups))
    return state, collection


def _commit_all(
    poster: Poster, uid: str, envelope: Envelope, now: int, work: Sequence[list[Candidate]]
) -> dict[int, Result]:
    results: dict[int, Result] = {}
    size, lead, tries = COMMIT, sequencer.LEAD, 0
    while work:
        chunk, rest = take(work, size)
        try:
            results |= _commit(poster, uid, chunk, envelope, now, lead)
        except sequencer.TooSlow:
            if len(work) - len(rest) > 1:
                size = max(1, len(chunk) // 2)
            else:
                lead *= 2
            tries += 1
        except DBAPIError as error:
            if not store.must_retry(error):
                raise
            tries += 1
        else:
            work, lead, tries = rest, sequencer.LEAD, 0
        if tries > sequencer.TRIES:
            raise Busy
    return results


def ordered(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Groups to commit together, what is referred to first: all versions of one id, and circles of references."""
    by_id: dict[str, list[Candidate]] = defaultdict(list)
    for c in candidates:
        by_id[c.parsed.id].append(c)
    inside = [(c.parsed.id, ref) for c in candidates for ref in sorted(c.refs) if ref in by_id]
    components: Iterable[Iterable[str]] = ((i,) for i in by_id)
    if inside:
        import networkx  # a fifth of a second, which no command and no server should wait for at its start

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        graph.add_nodes_from(by_id)
        graph.add_edges_from(inside)
        # Tarjan's algorithm yields a component only after all that it points to.
        components = networkx.strongly_connected_components(graph)
    return [sorted((c for i in ids for c in by_id[i]), key=lambda c: (c.ver, c.index)) for ids in components]


def take(work: Sequence[list[Candidate]], size: int) -> tuple[list[Candidate], list[list[Candidate]]]:
    """Whole groups up to `size` objects, and at least one."""
    chunk: list[Candidate] = []
    for taken, group in enumerate(work):
        if chunk and len(chunk) + len(group) > size:
            return chunk, list(work[taken:])
        chunk += group
    return chunk, []


def _commit(
    poster: Poster, uid: str, chunk: Sequence[Candidate], envelope: Envelope, now: int, lead: int
) -> dict[int, Result]:
    """One transaction. Raises `TooSlow` where it took too long to be seen at the instants it gave."""
    too_deep: frozenset[str] = frozenset()
    while True:
        with store.writing(poster.engine, synced=False) as conn:  # the status, last, makes it all durable
            store.hold_config(conn)
            state, collection = writable(conn, poster.member, uid)
            number = state.numbers[poster.member]
            store.lock_publisher(conn, number)
            judge = Judge(conn, state, poster.member, collection, envelope, now)
            results, accepted = judge.chunk(chunk, too_deep)
            if not accepted and not judge.copies:
                return results
            writer = log.Writer(publisher=number, readers=state.readers, clock=poster.clock, lead=lead)
            try:
                stamped, added = _add(conn, writer, judge, state.places[uid], accepted, now)
            except log.TooDeep as error:
                too_deep |= error.ids
                conn.rollback()
                continue
            for candidate, made, known in added:
                results[candidate.index] = judge.accepted(candidate, made, known)
            sequencer.check_in_time(poster.clock.now(conn), stamped, lead)
        return results


def _add(
    conn: Connection, writer: log.Writer, judge: Judge, place: int, accepted: Sequence[tuple[Candidate, Deposit]],
    now: int,
) -> tuple[int, list[tuple[Candidate, Version, frozenset[str]]]]:  # fmt: skip
    """Store the deposits, and the copies of anonymous ones. Returns when they were stamped, and of each what the
    answer speaks of: the version that others read, and the known ids as the publisher calls them. Raises `TooDeep`."""
    added = log.add(conn, writer, place, [deposit for _, deposit in accepted], now)
    _keep_answers(conn, judge, zip((c for c, _ in accepted), added.versions, strict=True), now)
    sources = {c.index: made.number for (c, _), made in zip(accepted, added.versions, strict=True)}
    told = {c.index: (c, made, added.known) for (c, _), made in zip(accepted, added.versions, strict=True)}
    copies = [(c, replace(d, source=source or sources[i])) for i, (c, d, source) in judge.copies.items()]
    if copies:
        unnamed = replace(writer, publisher=-writer.publisher)
        try:
            veiled = log.add(conn, unnamed, place, [deposit for _, deposit in copies], now)
        except log.TooDeep as error:
            raise log.TooDeep(judge.crediting.own_ids(error.ids)) from error
        _keep_answers(conn, judge, zip((c for c, _ in copies), veiled.versions, strict=True), now)
        judge.crediting.keep({c.parsed.id: deposit.id for c, deposit in copies})
        known = judge.crediting.own_ids(veiled.known)
        told |= {c.index: (c, made, known) for (c, _), made in zip(copies, veiled.versions, strict=True)}
    deadlines.keep(conn, ((c.parsed.obj, made) for c, made, _ in told.values()), now)
    return added.stamped, list(told.values())


def _keep_answers(conn: Connection, judge: Judge, made: Iterable[tuple[Candidate, Version]], now: int) -> None:
    """They are looked at once more, soon: what they answer may be changing while this is written."""
    found = [(v.number, *judge.answered[c.index]) for c, v in made if c.index in judge.answered]
    rows = [
        answerrows.Row(n, a.kind, a.word, target.publisher, target.collection, target.object, now, now)
        for n, a, target in found
    ]
    answerrows.add(conn, rows)
    for word in (answers.ATTACKS, answers.EXPLOIT):
        alarming = [n for n, a, t in found if (a.kind, a.word) == (answers.SIGHTING, word) and t.embargoed]
        noticerows.add(conn, noticerows.ALARM, word, alarming, now)


# Deleting ---------------------------------------------------------------------------------------------------------


class Deletion(enum.Enum):
    """What a DELETE came to (T-5.7-01, T-5.7-05)."""

    DONE = "deleted"
    FOREIGN = "the member may see it, but it is another's"
    HIDDEN = "nothing there that the member may see"


def delete(poster: Poster, uid: str, object_id: str, filters: pages.Filters) -> Deletion:
    """Delete the member's own versions of an object that the filters name; `Filters(every=True)` is all of them.

    Raises `Refused`, `Busy`. The id then is gone from the member's own view (policy.md 3.8).
    """
    try:
        return sequencer.committed(
            poster.engine, lambda conn, lead: _delete(conn, poster, uid, object_id, filters, lead)
        )
    except sequencer.TooSlow as error:
        raise Busy from error


def _delete(conn: Connection, poster: Poster, uid: str, object_id: str, filters: pages.Filters, lead: int) -> Deletion:
    store.hold_config(conn)
    state, _ = writable(conn, poster.member, uid)
    member, place = state.numbers[poster.member], state.places[uid]
    store.lock_publisher(conn, member)
    live = sorted(o.ver for o in entries.owned(conn, member, [object_id]) if o.collection == place)
    if not live:
        view = pages.View(member=member, collection=place, filters=pages.Filters(every=True, ids=(object_id,)))
        return Deletion.FOREIGN if feed.records(conn, view, after=0, limit=1) else Deletion.HIDDEN
    wanted = _matching(live, filters)
    if not wanted:
        return Deletion.HIDDEN
    number = store.object_numbers(conn, [object_id])[object_id]
    now = poster.clock.now(conn)
    writer = log.Writer(publisher=member, readers=state.readers, clock=poster.clock, lead=lead)
    copies = aliases.standing_for(conn, log.live(conn, writer, place, number, wanted))
    stamped = log.remove(conn, writer, place, number, wanted, now)
    if copies:
        log.end(conn, replace(writer, publisher=-member), [v.number for v in copies], entries.PUBLISHED, now)
    sequencer.check_in_time(poster.clock.now(conn), stamped, lead)
    return Deletion.DONE


def _matching(live: Sequence[int], filters: pages.Filters) -> frozenset[int]:
    """Of the member's own versions, those that `match[version]` names (T-5.7-03)."""
    if filters.every:
        return frozenset(live)
    chosen = [live[-1]] * filters.last + [live[0]] * filters.first
    return frozenset(chosen) | (frozenset(filters.exact) & frozenset(live))
