"""`POST /api/v1/findings/ID/recipients`: a publisher lets more read what it has published, without a new version."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from exchange import apibodies, recipients
from exchange.recipients import Names, Unknown
from exchange.sequencer import Clock
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

LISTED = 10  # names told in one error


def answer(
    engine: Engine, clock: Clock, caller: Caller, places: list[Place], stix_id: str, body: bytes
) -> dict[str, Any]:  # fmt: skip
    """What came of each version. 404 for an id that the member has no live deposit of, whoever else has; 403 where
    none of them is in a collection that the key may write."""
    if not caller.key.write:
        raise TaxiiError(403)
    said = apibodies.read(body, {"members", "groups"})
    names = Names(frozenset(apibodies.strings(said, "members")), frozenset(apibodies.strings(said, "groups")))
    if not names.members and not names.groups:
        raise TaxiiError(422, 'Nobody is named: write "members", "groups" or both.')
    uids = {place.uid for place in places if place.can_write}
    try:
        found = recipients.add(engine, clock, caller.member, stix_id, names, uids)
    except Unknown as error:
        named = ", ".join(error.names[:LISTED])
        raise TaxiiError(422, f"You cannot name: {named}. GET /api/v1/access lists whom you can.") from error
    if found is None:
        raise TaxiiError(404)
    if not found:
        raise TaxiiError(403)
    return {"id": stix_id, "versions": [asdict(one) for one in found]}
