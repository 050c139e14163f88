"""`/api/v1/queue`: what waits for a coordinator's word in the collections that it reviews (policy.md 3.3.9).

It shows ids, types, times and reasons, never contents: those it reads by TAXII, as far as it may. A deposit is named by
a ticket that says nothing else, so that a word is meant for the very version that was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine

from exchange import apibodies, markings, policy, reviewing, stix, store
from exchange.policy import SECOND_PERSON
from exchange.reviewing import CODES, Reviewer, Waiting, Word
from exchange.sequencer import Clock
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

MOST = 1_000  # that are shown at once


def answer(conn: Connection, caller: Caller, places: list[Place]) -> dict[str, Any]:
    """What waits, the oldest first. 403 for a member that is no coordinator, and for a key without `read`."""
    _admit(caller, read=True)
    found = list(_waiting(conn, caller, places))
    return {"waiting": [_line(conn, one) for one in found[:MOST]], "more": len(found) > MOST}


def say(
    engine: Engine, clock: Clock, caller: Caller, places: list[Place], word: str, body: bytes
) -> dict[str, Any]:  # fmt: skip
    """`word`: approve or reject. 403 as `answer`, and for a key without `write`; what is no ticket of what waits there
    is answered like one that is over."""
    _admit(caller, read=False)
    said = apibodies.read(body, {"tickets"} if word == "approve" else {"tickets", "reason"})
    tickets = apibodies.strings(said, "tickets")
    if not tickets:
        raise TaxiiError(422, 'Nothing is meant: write "tickets", as GET /api/v1/queue shows them.')
    reason = said.get("reason")
    if word == "reject" and reason not in CODES:
        raise TaxiiError(422, f'"reason" is one of: {", ".join(CODES)}.')
    with store.reading(engine) as conn:
        secret = store.secret(conn, "marking")
        known = {_ticket(secret, one.number): one for one in _waiting(conn, caller, places)}
    meant = [known[one].number for one in dict.fromkeys(tickets) if one in known]
    reviewer = Reviewer(engine=engine, clock=clock, key=caller.key.id)
    found = reviewer.approve(meant) if word == "approve" else reviewer.reject(meant, str(reason))
    return {"results": list(_results(tickets, known, found))}


def _admit(caller: Caller, *, read: bool) -> None:
    roles = caller.state.config.members[caller.member].roles
    if "coordinator" not in roles or not (caller.key.read if read else caller.key.write):
        raise TaxiiError(403)


def _waiting(conn: Connection, caller: Caller, places: list[Place]) -> Iterator[Waiting]:
    """Of the collections that name it, that let it read, and that its key is good for."""
    config = caller.state.config
    profile = policy.profile_of(config, caller.member)
    mine = {
        place.alias for place in places
        if place.uid in profile.reads and (place.can_read or place.can_write)
        and caller.member in config.collections[place.alias].moderate
    }  # fmt: skip
    for one in reviewing.queue(conn, caller.state):
        if one.collection in mine and SECOND_PERSON not in one.reasons:
            yield one


def _ticket(secret: bytes, number: int) -> str:
    return markings.keyed_uuid(secret, f"queue/{number}")


def _line(conn: Connection, one: Waiting) -> dict[str, Any]:
    return {
        "ticket": _ticket(store.secret(conn, "marking"), one.number),
        "collection": one.collection,
        "id": one.id,
        "type": one.type,
        "version": one.version,
        "publisher": None if one.anonymous else one.publisher,
        "since": stix.format_timestamp(one.since),
        "reasons": list(one.reasons),
    }


def _results(
    tickets: Sequence[str], known: Mapping[str, Waiting], found: Mapping[int, Word]
) -> Iterator[dict[str, Any]]:  # fmt: skip
    for ticket in dict.fromkeys(tickets):
        word = found[known[ticket].number] if ticket in known else Word.OVER
        yield {"ticket": ticket, "result": word.name.lower(), "message": word.value}
