"""`/api/v1/submissions`: what became of a member's own POSTs, object by object, also where it reads nothing back.

A second person of a publisher with `approve-own: 2` says its word here, with another key than the one that posted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from exchange import aliases, entries, review, stix, store
from exchange.entries import HELD, REFUSED, WITHDRAWN, Version
from exchange.policy import SECOND_PERSON
from exchange.reviewing import Reviewer, Word
from exchange.sequencer import Clock
from exchange.store import StatusRow
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

PAGE = 100


def listing(conn: Connection, caller: Caller, after: str | None) -> dict[str, Any]:
    """The member's POSTs, newest first; `after` is the id of the last one that was shown. 404 where that is none."""
    last = store.submission(conn, after, caller.number) if after else None
    if after and last is None:
        raise TaxiiError(404)
    found = store.submissions(conn, caller.number, last, PAGE + 1)
    page = found[:PAGE]
    return {
        "submissions": [_head(caller, row) for row in page],
        "next": page[-1].id if len(found) > PAGE else None,
    }


def one(conn: Connection, caller: Caller, status_id: str) -> dict[str, Any]:
    """One POST with the fate of each object, as it is now. 404 for what is not the member's own."""
    row = store.submission(conn, status_id, caller.number)
    if row is None:
        raise TaxiiError(404)
    return {**_head(caller, row), "objects": list(_objects(conn, caller, row))}


def approve(engine: Engine, clock: Clock, caller: Caller, places: list[Place], status_id: str) -> dict[str, Any]:
    """The second person's word on what of a POST waits for it. 403 with the key that posted it, or one that may not
    write there; 404 as `one`."""
    with store.reading(engine) as conn:
        row = store.submission(conn, status_id, caller.number)
        if row is None:
            raise TaxiiError(404)
        mine = entries.submitted(conn, caller.number, entries.submission_of(status_id))
        waiting = review.waiting_of(conn, [v.number for v in mine])
    writable = {place.number for place in places if place.can_write}
    if not caller.key.write or any(held.collection not in writable for held in waiting):
        raise TaxiiError(403)
    meant = [held.version for held in waiting if SECOND_PERSON in held.reasons]
    found = Reviewer(engine=engine, clock=clock, key=caller.key.id).vouch(meant)
    if Word.SAME_KEY in found.values():
        raise TaxiiError(403, "This key posted it: another key of yours has to approve it.")
    with store.reading(engine) as conn:
        return one(conn, caller, status_id)


def _head(caller: Caller, row: StatusRow) -> dict[str, Any]:
    status = json.loads(row.json)
    return {
        "id": row.id,
        "received": stix.format_timestamp(row.at),
        "collection": caller.state.title(row.collection) if row.collection else None,
        "key": row.key or None,
        "taken": status["success_count"],
        "refused": status["failure_count"],
    }


def _objects(conn: Connection, caller: Caller, row: StatusRow) -> Iterator[dict[str, Any]]:
    status = json.loads(row.json)
    taken = status.get("successes", [])
    numbers = store.object_numbers(conn, sorted({line["id"] for line in taken}))
    own = [v for v in entries.own_versions(conn, caller.number, sorted(numbers.values())) if _there(v, row)]
    told = entries.told(conn, [v.number for v in own])
    by_name = {(v.object, told[v.number][0]): v for v in own}
    copies = {v.source: v for v in aliases.standing_for(conn, [v.number for v in own])}
    shown = [v.number for v in (*own, *copies.values())]
    reasons = {held.version: held.reasons for held in review.waiting_of(conn, shown)}
    codes = {n: verdict.code for n, verdict in review.verdicts(conn, shown).items()}
    for line in taken:
        v = by_name.get((numbers.get(line["id"], 0), line["version"]))
        copy = copies.get(v.number) if v else None
        state = _fate(v, copy)
        waits = next((reasons[x.number] for x in (v, copy) if x and x.number in reasons), frozenset[str]())
        yield _line(line, state, sorted(waits), codes.get(v.number, "") if v and state == REFUSED else "")
    for line in status.get("failures", []):
        yield _line(line, "not taken", [], "")


def _there(v: Version, row: StatusRow) -> bool:
    return not row.collection or v.collection == row.collection


def _fate(v: Version | None, copy: Version | None) -> str:
    """As it is now, by whatever POST it came last."""
    if v is None:
        return "not stored"
    if not v.live:
        return v.state if v.state in (REFUSED, WITHDRAWN) else "deleted"
    return HELD if v.state == HELD or (copy and copy.state == HELD) else "published"


def _line(line: Mapping[str, str], fate: str, reasons: list[str], code: str) -> dict[str, Any]:
    return {
        "id": line["id"], "version": line["version"], "fate": fate, "reasons": reasons, "code": code or None,
        "message": line.get("message", ""),
    }  # fmt: skip
