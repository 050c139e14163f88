"""`/api/v1/cases`: findings under one clock, their parties, and more time asked for and answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine

from exchange import apibodies, cases, inforce, policy, stix, store
from exchange.caserows import Request
from exchange.cases import ACCEPTED, DECLINED, Seen
from exchange.recipients import Unknown
from exchange.sequencer import Clock
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

LONGEST = 200  # letters of a title
REASON = 1_000  # letters of a reason
MOST = 200  # findings of a case
OTHER = "another member"


def create(
    engine: Engine, clock: Clock, new_id: Callable[[], str], caller: Caller, places: list[Place], body: bytes
) -> dict[str, Any]:
    """403 for a key that may not read and write; 422 where something is no finding of the member's."""
    _writes(caller)
    said = apibodies.read(body, {"title", "findings"})
    title, ids = apibodies.string(said, "title"), list(dict.fromkeys(apibodies.strings(said, "findings")))
    if not 0 < len(title) <= LONGEST or not title.isprintable():
        raise TaxiiError(422, f'"title" is no line of at most {LONGEST} letters.')
    if not 0 < len(ids) <= MOST:
        raise TaxiiError(422, f'"findings" names between one and {MOST} findings.')
    case_id = new_id()
    try:
        cases.create(engine, clock, caller.member, case_id, title, ids)
    except cases.NotOwn as error:
        raise TaxiiError(422, f"No findings of yours: {', '.join(error.ids[:10])}.") from error
    return _again(engine, caller, places, case_id)


def listing(conn: Connection, caller: Caller, places: list[Place]) -> dict[str, Any]:
    """403 for a key without `read`."""
    _reads(caller)
    seen = cases.listing(conn, caller.state, caller.member, _numbers(places))
    return {"cases": [_case(conn, caller, one) for one in seen]}


def one(conn: Connection, caller: Caller, places: list[Place], case_id: str) -> dict[str, Any]:
    """404 for a case that the member does not see, 403 for a key without `read`."""
    _reads(caller)
    return _case(conn, caller, _seen(conn, caller, places, case_id))


def add_party(
    engine: Engine, clock: Clock, caller: Caller, places: list[Place], case_id: str, body: bytes
) -> dict[str, Any]:  # fmt: skip
    """As `one`; 403 for a party, 422 for a name that cannot be used."""
    seen = _led(engine, caller, places, case_id)
    name = apibodies.string(apibodies.read(body, {"member"}), "member")
    if f"member:{name}" not in policy.vocabulary(caller.state.config, caller.member):
        raise TaxiiError(422, f"You cannot name: {name}. GET /api/v1/access lists whom you can.")
    try:
        found = cases.add_party(engine, clock, seen, name)
    except Unknown as error:
        raise TaxiiError(422, f"The publisher of the findings cannot name: {name}.") from error
    own = caller.number == seen.case.owner
    came = [{"finding": i, **asdict(one)} for i, widened in found.items() for one in widened] if own else []
    return {"case": _again(engine, caller, places, case_id), "versions": came}


def extension(
    engine: Engine, clock: Clock, caller: Caller, places: list[Place], case_id: str, body: bytes
) -> dict[str, Any]:  # fmt: skip
    """Ask with `until` and `reason`; answer with `request` and `answer`. As `one`; 403 for a party that answers."""
    _writes(caller)
    said = apibodies.read(body, {"until", "reason", "request", "answer"})
    with store.reading(engine) as conn:
        seen = _seen(conn, caller, places, case_id)
        now = clock.now(conn)
    if "answer" in said or "request" in said:
        _answer(engine, clock, seen, said)
    else:
        until, reason = _until(said, now), apibodies.string(said, "reason")
        if not 0 < len(reason) <= REASON:
            raise TaxiiError(422, f'"reason" has between one and {REASON} letters.')
        try:
            cases.ask(engine, clock, seen, caller.member, until, reason)
        except cases.TooEarly as error:
            raise TaxiiError(422, "There is no embargo that ends before that.") from error
    return _again(engine, caller, places, case_id)


def _answer(engine: Engine, clock: Clock, seen: Seen, said: dict[str, Any]) -> None:
    if not seen.leads:
        raise TaxiiError(403)
    number, word = said.get("request"), apibodies.string(said, "answer")
    if word not in ("accept", "decline"):
        raise TaxiiError(422, '"answer" is none of: accept, decline.')
    meant = number if isinstance(number, int) and not isinstance(number, bool) else 0
    if not cases.answer(engine, clock, seen, meant, ACCEPTED if word == "accept" else DECLINED):
        raise TaxiiError(422, '"request" is no open request of this case.')


def _until(said: dict[str, Any], now: int) -> int:
    try:
        until = stix.parse_timestamp(apibodies.string(said, "until"))
    except ValueError as error:
        raise TaxiiError(422, '"until" is not an instant like 2026-11-25T09:30:00.000Z.') from error
    if until <= now:
        raise TaxiiError(422, '"until" has passed.')
    return until


def _led(engine: Engine, caller: Caller, places: list[Place], case_id: str) -> Seen:
    _writes(caller)
    with store.reading(engine) as conn:
        seen = _seen(conn, caller, places, case_id)
    if not seen.leads:
        raise TaxiiError(403)
    return seen


def _seen(conn: Connection, caller: Caller, places: list[Place], case_id: str) -> Seen:
    found = cases.one(conn, caller.state, caller.member, case_id, _numbers(places))
    if found is None:
        raise TaxiiError(404)
    return found


def _again(engine: Engine, caller: Caller, places: list[Place], case_id: str) -> dict[str, Any]:
    with store.reading(engine) as conn:
        return _case(conn, caller, _seen(conn, caller, places, case_id))


def _writes(caller: Caller) -> None:
    if not (caller.key.read and caller.key.write):
        raise TaxiiError(403)


def _reads(caller: Caller) -> None:
    if not caller.key.read:
        raise TaxiiError(403)


def _numbers(places: list[Place]) -> frozenset[int]:
    return frozenset(place.number for place in places if place.can_read and place.number is not None)


# As JSON ----------------------------------------------------------------------------------------------------------


def _case(conn: Connection, caller: Caller, seen: Seen) -> dict[str, Any]:
    state = inforce.current(conn) or caller.state
    nameable = policy.vocabulary(state.config, caller.member)

    def called(number: int) -> str:
        name = state.member(number)
        return "you" if number == caller.number else name if f"member:{name}" in nameable else OTHER

    return {
        "id": seen.case.id,
        "title": seen.case.title,
        "opened": _time(seen.case.at),
        "leads": seen.leads,
        "findings": list(seen.findings),
        "public": seen.public,
        "embargo_ends": None if seen.ends is None else _time(seen.ends),
        "parties": [{"party": called(m), "since": _time(at)} for m, at in seen.parties.items()],
        "extensions": [_request(r, called(r.member)) for r in seen.requests],
    }


def _request(r: Request, party: str) -> dict[str, Any]:
    return {
        "request": r.number, "party": party, "until": _time(r.until), "reason": r.reason, "asked": _time(r.at),
        "answer": r.answer or None, "answered": None if r.answered is None else _time(r.answered),
    }  # fmt: skip


def _time(at: int) -> str:
    return f"{stix.format_timestamp(at)[:19]}Z"
