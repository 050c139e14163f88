"""Who has an object: read from the ledger of what was served, and never worked out again from the policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from exchange import entries, ledger, store
from exchange.entries import Deposited
from exchange.inforce import InForce
from exchange.ledger import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """That a member was served one publisher's version of an object: the first and the last time, and how often.

    Times in microseconds UTC; `first_config` and `last_config` are the config versions that were in force then.
    """

    member: str
    collection: str
    publisher: str
    version: str
    first: int
    first_config: int
    last: int
    last_config: int
    times: int


def who_has(conn: Connection, lines: Connection, state: InForce, stix_id: str) -> list[Had] | None:
    """Everybody who was served the object, by name, also who is no member any more; None if nobody deposited it.

    `conn` reads the store, `lines` the ledger, from a snapshot that is no younger. A publisher has what it published,
    and stands here only if it was served it. Cost: O(lines of its collections since it was deposited), as
    `ledger.carrying` says.
    """
    number = store.object_numbers(conn, [stix_id]).get(stix_id)
    versions = entries.deposited(conn, number) if number is not None else []
    if not versions:
        return None
    named = _Names.read(conn, state)
    found: dict[tuple[str, ...], Had] = {}
    by_collection: dict[int, dict[int, Deposited]] = defaultdict(dict)
    for v in versions:
        by_collection[v.collection][v.number] = v
    for collection, wanted in by_collection.items():
        for line in ledger.carrying(lines, collection, frozenset(wanted)):
            for v in (wanted[n] for n in dict.fromkeys(line.versions) if n in wanted):
                had = named.had(line, v)
                key = (had.member, had.collection, had.publisher, had.version)
                found[key] = _later(found[key], had) if key in found else had
    return [found[key] for key in sorted(found)]


def _later(known: Had, had: Had) -> Had:
    """With one more time. Lines are in the order of their writing, which is not quite that of their requests."""
    if had.first < known.first:
        known = replace(known, first=had.first, first_config=had.first_config)
    if had.last >= known.last:
        known = replace(known, last=had.last, last_config=had.last_config)
    return replace(known, times=known.times + 1)


@dataclass(frozen=True, slots=True)
class _Names:
    state: InForce
    members: Mapping[int, str]
    collections: Mapping[int, str]

    @classmethod
    def read(cls, conn: Connection, state: InForce) -> _Names:
        """Of everybody and everything that ever was; a collection that was taken out has its id left."""
        known = {c.id: c.name for c in state.config.collections.values()}
        return cls(
            state=state,
            members={number: name for name, number in store.members(conn).items()},
            collections={row.number: known.get(uid, uid) for uid, row in store.collections(conn).items()},
        )

    def had(self, line: Line, v: Deposited) -> Had:
        return Had(
            member=self.members[line.member],
            collection=self.collections[v.collection],
            publisher=self.state.name(v.publisher),
            version=v.ver_text,
            first=line.at,
            first_config=line.config,
            last=line.at,
            last_config=line.config,
            times=1,
        )
