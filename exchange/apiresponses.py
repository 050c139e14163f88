"""`/api/v1/findings/ID/responses`: an owner's answer as a few facts, and how far a finding is, for who may know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from exchange import answers, apibodies, cases, casestate, intake, responding, stix, store, vexanswers
from exchange.intake import Poster
from exchange.responding import Finding, Party, Reply, Responses, Word
from exchange.sequencer import Clock
from exchange.stixtime import MINUTE
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

KNOWN = frozenset({"status", "useful", "text", "products", "at"})
LONGEST = 10_000  # letters of a text
NO_BOX = (
    "You may not write to the collection that you have it from, and it names no box of responses that you may write: "
    "ask its operator for `responses:`."
)


def post(
    engine: Engine, clock: Clock, new_id: Callable[[], str], caller: Caller, places: list[Place], stix_id: str,
    body: bytes,
) -> dict[str, Any]:  # fmt: skip
    """404 for what the member may not read; 403 for a key that may not read and write, and where no box takes it;
    422 for its own finding, and for what is wrong with the body."""
    if not (caller.key.read and caller.key.write):
        raise TaxiiError(403)
    with store.reading(engine) as conn:
        finding = _finding(conn, caller, places, stix_id)
        now = clock.now(conn)
        names = responding.names(conn, finding)
    reply = _answer(body, names, now)
    if finding.own:
        raise TaxiiError(422, "It is your own finding: publish a new version of it.")
    try:
        box = responding.box(caller.state, finding, {place.uid for place in places if place.can_write})
    except responding.NoBox as error:
        raise TaxiiError(403, NO_BOX) from error
    poster = Poster(engine=engine, clock=clock, member=caller.member, key=caller.key.id)
    try:
        given = responding.respond(poster, finding, box, reply, new_id())
    except responding.NotTaken as error:
        raise TaxiiError(422, str(error)) from error
    except intake.Refused as error:
        raise TaxiiError(403 if error.listed else 404) from error
    return {
        "finding": finding.id, "response": given.id, "collection": given.collection,
        "status": reply.word if reply.kind == answers.STATUS else None,
        "useful": reply.word if reply.kind == answers.USE else None,
        "changed": given.changed,
    }  # fmt: skip


def get(conn: Connection, caller: Caller, places: list[Place], stix_id: str) -> dict[str, Any]:
    """404 for what the member may not read, 403 for a key without `read`."""
    if not caller.key.read:
        raise TaxiiError(403)
    finding = _finding(conn, caller, places, stix_id)
    readable = frozenset(place.number for place in places if place.can_read and place.number is not None)
    asked = finding.own and cases.asks(conn, caller.number, sorted({v.object for v in finding.versions}))
    found = responding.responses_to(conn, caller.state, caller.member, finding, readable, asked=asked)
    return {"finding": finding.id, "known_as": finding.known_as or None, **resource(found)}


def resource(found: Responses) -> dict[str, Any]:
    """As JSON: the states, the parties and what they said, and the sums."""
    case = found.case
    return {
        "case": {
            "embargo": case.embargo,
            "vendor_aware": case.vendor_aware,
            "fix_ready": case.fix_ready,
            "fix_deployed": case.fix_deployed,
            "public": case.public,
            "exploit_public": case.exploit_public,
            "attacks_seen": case.attacks_seen,
            "must_end": list(case.must_end),
        },
        "parties": [_party(party) for party in found.parties],
        "usefulness": found.usefulness,
    }


def _party(party: Party) -> dict[str, Any]:
    status = party.status
    return {
        "party": party.name,
        "state": casestate.OF_STATUS[status.word] if status else None,
        "status": status.word if status else None,
        "since": _time(status.at) if status else None,
        "said": [_word(word) for word in party.said],
    }


def _word(word: Word) -> dict[str, Any]:
    return {"response": word.id, "kind": word.kind, "word": word.word, "at": _time(word.at)}


def _time(at: int) -> str:
    return f"{stix.format_timestamp(at)[:19]}Z"


def _finding(conn: Connection, caller: Caller, places: list[Place], stix_id: str) -> Finding:
    numbers = frozenset(place.number for place in places if place.can_read and place.number is not None)
    found = responding.find(conn, caller.state, caller.member, stix_id, numbers)
    if found is None:
        raise TaxiiError(404)
    return found


def _answer(body: bytes, names: frozenset[str], now: int) -> Reply:
    """A few facts, or a VEX document."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None  # `_reply` says so
    if not vexanswers.is_vex(document):
        return _reply(apibodies.read(body, KNOWN), now)
    try:
        found = vexanswers.read(document, names)
    except vexanswers.NoAnswer as error:
        raise TaxiiError(422, f"Of this VEX document: {error}") from error
    return Reply(kind=answers.STATUS, word=found.status, text=found.text[:LONGEST], products=found.products)


def _reply(said: dict[str, Any], now: int) -> Reply:
    text = apibodies.string(said, "text") if "text" in said else ""
    if len(text) > LONGEST:
        raise TaxiiError(422, f'"text" is longer than {LONGEST} letters.')
    if ("status" in said) == ("useful" in said):
        raise TaxiiError(422, 'Say one of "status" and "useful".')
    kind, name, known = (
        (answers.STATUS, "status", answers.STATUSES)
        if "status" in said
        else (answers.USE, "useful", answers.USEFULNESS)
    )
    word = apibodies.string(said, name)
    if word not in known:
        raise TaxiiError(422, f'"{name}" is none of: {", ".join(known)}.')
    products = tuple(apibodies.strings(said, "products"))
    return Reply(kind=kind, word=word, text=text, products=products, since=_since(said, now))


def _since(said: dict[str, Any], now: int) -> int | None:
    if "at" not in said:
        return None
    try:
        at = stix.parse_timestamp(apibodies.string(said, "at"))
    except ValueError as error:
        raise TaxiiError(422, '"at" is not an instant like 2026-11-25T09:30:00.000Z.') from error
    if at > now + MINUTE:
        raise TaxiiError(422, '"at" is still to come.')
    return min(at, now)
