"""`GET /api/v1/feed`: how a member's own clients get on, by collection and key, so that a stalled one is seen.

What waits is counted in the member's view by the query that would serve it, so a deposit that the member may not read
changes no count (promise 2). Nothing here is decided by it: what the exchange remembers of polls is for people to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection

from exchange import credentials, feed, stix, store
from exchange.credentials import Key
from exchange.feed import Record
from exchange.pages import View
from exchange.polls import Poll, Polls
from exchange.stixtime import SECOND
from exchange.taxiirights import Caller, Place

MOST = 10_000  # waiting records that are counted; that many take a tenth of a second
AHEAD = 60 * SECOND  # how far a view's own times may run before the clock: a microsecond for each object granted

_Waiting = Callable[[int], list[Record]]


def answer(conn: Connection, caller: Caller, places: list[Place], polls: Polls, now: int) -> dict[str, Any]:
    """The answer, for the collections that the key of the caller may read. `now` in microseconds UTC.

    Cost: O(keys) and, for each distinct time that a key reached in a collection, a page of at most `MOST` records.
    """
    keys = [key for key in credentials.listing(conn, caller.number) if key.revoked is None]
    known = {(poll.key, poll.collection): poll for poll in polls.of(caller.number)}

    def of_place(place: Place, number: int) -> Iterator[dict[str, Any]]:
        @cache
        def waiting(after: int) -> list[Record]:
            view = View(member=caller.number, collection=number)
            return feed.records(conn, view, after=after, limit=MOST + 1)

        for key in keys:
            poll = known.get((key.id, number))
            if poll or _may_poll(key, place, now):
                yield _line(key, poll or Poll(member=key.member, key=key.id, collection=number), waiting, now)

    return {
        "member": caller.member,
        "collections": [
            {"id": p.uid, "alias": p.alias, "title": p.title, "keys": list(of_place(p, p.number))}
            for p in places
            if p.can_read and p.number is not None
        ],
        "access_ended": list(_ended(conn, caller, known.values())),
    }


def _ended(conn: Connection, caller: Caller, known: Iterable[Poll]) -> Iterator[dict[str, Any]]:
    """Where a change of the files took something from the member, if it polled there: once a collection, no more said.

    A collection that it does not see any more is told by its id, which it knew.
    """
    polled = {poll.collection for poll in known if poll.at is not None}
    limited = caller.key.collections
    uids = {number: uid for uid, number in caller.state.places.items()}
    for place, at in sorted(store.ended(conn, caller.number).items()):
        if place in polled and (limited is None or uids[place] in limited):
            yield {"id": uids[place], "at": _time(at)}


def _may_poll(key: Key, place: Place, now: int) -> bool:
    return key.usable(now) and key.read and (key.collections is None or place.uid in key.collections)


def _line(key: Key, poll: Poll, waiting: _Waiting, now: int) -> dict[str, Any]:
    """One key in one collection. A time of 0 is none: the client asked from the beginning."""
    found = waiting(poll.reached or 0)
    return {
        "id": key.id,
        "note": key.note,
        "client": key.client,
        "state": _state(key, poll, bool(found), now),
        "last_poll": _time(poll.at),
        "idle_seconds": None if poll.at is None else max(now - poll.at, 0) // SECOND,
        "reached": _time(poll.reached),
        "waiting": min(len(found), MOST),
        "waiting_is_more": len(found) > MOST,
        "waiting_since": _time(found[0].date_added) if found else None,
        "error": _error(poll),
    }


def _state(key: Key, poll: Poll, waiting: bool, now: int) -> str:
    """The first that holds, in this order: what nobody can mend by waiting comes first."""
    if not key.usable(now):
        return "expired"
    if poll.error_at is not None and poll.error_at >= (poll.at or 0):
        return "failing"
    if poll.at is None:
        return "never polled"
    if (poll.reached or 0) > now + AHEAD:
        return "ahead"
    return "behind" if waiting else "up to date"


def _error(poll: Poll) -> dict[str, Any] | None:
    if poll.error_at is None:
        return None
    return {"at": _time(poll.error_at), "status": poll.error_status, "title": poll.error}


def _time(instant: int | None) -> str | None:
    return stix.format_timestamp(instant) if instant else None
