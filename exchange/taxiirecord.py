"""What is written down about an answer before it leaves: the ledger's line (promise 9), and how far a poll got."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.feed import Item
from exchange.ledger import Line
from exchange.polls import Poll
from exchange.taxiidoor import Asked, Service
from exchange.taxiirights import Place


def write_down(service: Service, found: Asked, items: Sequence[Item], *, carried: bool, poll: bool) -> None:
    """Returns once it may be sent. `items` are on its page, `carried` whole; `poll`: it goes on from time to time.

    Nothing is written of an answer to HEAD, which has no body, nor of the `policy` collection, whose words are the
    member's own and no deposits. Raises `ledger.Unwritten`.
    """
    place, caller = found.place, found.caller
    if found.head or place is None or place.number is None:
        return
    seen = None
    if poll:
        reached = items[-1].date_added if items else found.query.after
        seen = Poll(member=caller.number, key=caller.key.id, collection=place.number, at=found.now, reached=reached)
    if carried and items:
        service.ledger.write(_line(found, place.number, items), seen)
    elif seen is not None:
        service.polls.saw(seen)


def deliver(service: Service, found: Asked, place: Place, items: Sequence[Item]) -> None:
    """The same of an answer of the JSON face that tells what is in objects of one place. Raises `ledger.Unwritten`."""
    if not found.head and place.number is not None and items:
        service.ledger.write(_line(found, place.number, items))


def _line(found: Asked, collection: int, items: Sequence[Item]) -> Line:
    caller = found.caller
    return Line(
        at=found.now,
        member=caller.number,
        collection=collection,
        key=caller.key.id,
        config=caller.state.version,
        versions=tuple(item.number for item in items),
    )
