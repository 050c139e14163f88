"""The ledger, checked again against the store: run by `exchange audit` and after every test that serves.

Each finding is one sentence that names numbers, never contents. An empty list is the promise kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from exchange import ledger, store
from exchange import tables as t
from exchange.ledgertables import served
from exchange.sequencer import STEPPED

_LOST = 0  # the collection in `tables.former` of what a power cut took before anybody was told


@dataclass(frozen=True, slots=True)
class _Known:
    """What a line may name; collections and instants by the number of the version, instants by that of the config."""

    members: frozenset[int]
    keys: frozenset[str]
    collections: frozenset[int]
    configs: Mapping[int, int]
    versions: Mapping[int, tuple[int, int]]

    @classmethod
    def read(cls, conn: Connection) -> _Known:
        versions: dict[int, tuple[int, int]] = {}
        for table in (t.version, t.former):
            columns = select(table.c.number, table.c.collection, table.c.received)
            versions |= {number: (collection, at) for number, collection, at in conn.execute(columns)}
        return cls(
            members=frozenset(store.members(conn).values()),
            keys=frozenset(conn.scalars(select(t.key.c.id))) | {""},
            collections=frozenset(row.number for row in store.collections(conn).values()),
            configs=dict(store.config_history(conn)),
            versions=versions,
        )


def audit(conn: Connection, lines: Connection) -> list[str]:
    """Every line that cannot be read, names what the store does not know, or cannot have been served then.

    `conn` reads the store, `lines` the ledger, from a snapshot that is no younger: what is served was stored before.
    Cost: O(lines and their versions, and all versions).
    """
    known = _Known.read(conn)
    query = select(served).order_by(served.c.number).execution_options(yield_per=1000)
    return [
        f"ledger: line {row['number']} {fault}"
        for row in lines.execute(query).mappings()
        for fault in _faults(row, known)
    ]


def _faults(row: RowMapping, known: _Known) -> Iterator[str]:
    try:
        versions = ledger.unpack(bytes(row["versions"]))
    except ValueError as error:
        yield f"is damaged: {error}"
        return
    if row["member"] not in known.members:
        yield f"names member {row['member']}, which never was"
    if row["key"] not in known.keys:
        yield "names a key that was never made"
    if row["collection"] not in known.collections:
        yield f"names collection {row['collection']}, which never was"
    if row["config"] not in known.configs:
        yield f"names config version {row['config']}, which never was in force"
    elif row["at"] < known.configs[row["config"]] - STEPPED:
        yield f"is older than config version {row['config']}, which it names"
    if (row["low"], row["high"]) != (min(versions, default=None), max(versions, default=None)):
        yield "is wrong about the least and the greatest of its versions"
    yield from _of_versions(row, versions, known)


def _of_versions(row: RowMapping, versions: Sequence[int], known: _Known) -> Iterator[str]:
    for number in versions:
        collection, received = known.versions.get(number, (None, 0))
        if collection is None:
            yield f"names version {number}, which was never stored"
        elif collection not in (row["collection"], _LOST):
            yield f"names version {number}, which is of collection {collection}"
        elif row["at"] < received - STEPPED:  # the clocks of two processes may be apart as much, and no more
            yield f"is older than version {number}, which it names"
