"""The `policy` collection: the markings that a member may put on its objects, computed from the config in force.

It answers like every other collection, but nothing of it is stored: the ids come from the exchange's secret, the
times from the config version that brought the name (interface.md, policy.md 3.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import orjson
from sqlalchemy import Connection

from exchange import markings, policy, sequencer, stix, store
from exchange.feed import Item, Page
from exchange.pages import Filters
from exchange.taxiirights import Caller


@dataclass(frozen=True, slots=True)
class _Word:
    item: Item
    created: int


def page(conn: Connection, caller: Caller, secret: bytes, filters: Filters, *, after: int, limit: int) -> Page:
    """The words after a time, oldest first, at most `limit`. Cost: O(names in the config)."""
    found = [
        word.item
        for word in _words(conn, caller, secret)
        if word.item.date_added > after and _matches(word, filters)
    ]  # fmt: skip
    return Page(tuple(found[:limit]), more=len(found) > limit)


def _matches(word: _Word, filters: Filters) -> bool:
    """A marking-definition has one version, which is its first and its last."""
    any_version = filters.every or filters.first or filters.last
    return (
        (not filters.types or word.item.type in filters.types)
        and (not filters.ids or word.item.id in filters.ids)
        and (any_version or word.created in filters.exact)
    )


def _words(conn: Connection, caller: Caller, secret: bytes) -> Iterator[_Word]:
    """In order of time: the names of one config version as one run that ends on a whole millisecond (3.6.1).

    What the member came to be able to use later has the time of that; its definition was created when the name was.
    """
    since = store.since(conn)
    first = min(since.values())  # the first version, which brought `named-only`
    usable = since | store.gained(conn, caller.number)
    dated = sorted((usable.get(word, first), word) for word in policy.vocabulary(caller.state.config, caller.member))
    last = 0
    for instant, group in groupby(dated, key=lambda pair: pair[0]):
        words = [word for _, word in group]
        end = sequencer.ceil_millisecond(max(instant, last + len(words)))
        for number, word in enumerate(words, start=end - len(words) + 1):
            created = since.get(word, first) // sequencer.MILLISECOND * sequencer.MILLISECOND
            yield _word(caller, secret, word, number, created)
        last = end


def _word(caller: Caller, secret: bytes, word: str, date_added: int, created: int) -> _Word:
    text = stix.format_timestamp(created)[:-4] + "Z"  # STIX writes milliseconds
    definition = markings.definition(secret, caller.member, word, text)
    item = Item(
        date_added=date_added, id=definition["id"], type=definition["type"], version=text, raw=orjson.dumps(definition)
    )
    return _Word(item, created)
