"""`POST /api/v1/queue/withdraw` and `/release`: what a coordinator does with deposits that it reviews.

It acts on what it may read there, and an id that it may not read is answered like one that nobody has. An anonymous
deposit is withdrawn whole, and the answer names no id but those that were sent.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from exchange import apibodies, store, withdrawing
from exchange.release import Releaser, Steady
from exchange.sequencer import Clock
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller
from exchange.withdrawing import REASONS


def withdraw(engine: Engine, clock: Clock, caller: Caller, body: bytes) -> dict[str, Any]:
    """All of the ids or none: 404 where one of them is not there for the coordinator."""
    places = reviewed(caller)
    said = apibodies.read(body, {"ids", "reason"})
    reason = apibodies.string(said, "reason")
    if reason not in REASONS:
        raise TaxiiError(422, f'"reason" is none of: {", ".join(REASONS)}.')
    ids = _ids(engine, caller, places, said)
    withdrawing.withdraw(engine, clock, withdrawing.seen(ids, caller.number, places), reason)
    return {"reason": reason, "withdrawn": ids}


def release(engine: Engine, clock: Clock, caller: Caller, body: bytes) -> dict[str, Any]:
    """Of the ids, those that had a stage to come: none has any more."""
    places = reviewed(caller)
    ids = _ids(engine, caller, places, apibodies.read(body, {"ids"}))
    releaser = Releaser(engine=engine, clock=clock, steady=_TIMELESS)
    done = [one for one in ids if releaser.end_embargoes(withdrawing.seen([one], caller.number, places))]
    return {"released": done}


_TIMELESS = Steady(seen=lambda: 0, elapsed=lambda: 0)  # it is told what is due


def reviewed(caller: Caller) -> frozenset[int]:
    """The collections, by number, that name the member in `moderate`, as far as its key goes. 403 where there is none,
    and for a key that may not write."""
    key, state = caller.key, caller.state
    found = frozenset(
        state.places[c.id]
        for c in state.config.collections.values()
        if caller.member in c.moderate and (key.collections is None or c.id in key.collections)
    )
    if not found or not key.write:
        raise TaxiiError(403)
    return found


def _ids(engine: Engine, caller: Caller, places: frozenset[int], said: dict[str, Any]) -> list[str]:
    ids = list(dict.fromkeys(apibodies.strings(said, "ids")))
    if not ids:
        raise TaxiiError(422, '"ids" is missing: name the STIX ids.')
    with store.reading(engine) as conn:
        if not all(withdrawing.seen([one], caller.number, places)(conn) for one in ids):
            raise TaxiiError(404)
    return ids
