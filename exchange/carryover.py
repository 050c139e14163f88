"""What a restore must not forget where it puts an exchange back to an earlier day of its own.

Numbers stand for ever: the ledger names versions, members, collections and config versions by number, so none of them
is given out twice, and the ledger goes on as it is. Times only rise: a poller's cursor may stand where the restored
log has not been yet. Keys stay as they are, above all those that were revoked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, select, union_all

from exchange import entries, sequencer, store
from exchange import tables as t

_VERSION = ("number", "collection", "publisher", "object", "ver", "ver_text", "received")
_Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the target knows: how far each log and view has come, and rows that the restored state may lack.

    `last` by collection id, `tops` by (collection id, member): the greatest time in that member's view.
    """

    last: Mapping[str, int] = field(default_factory=dict)
    tops: Mapping[tuple[str, str], int] = field(default_factory=dict)
    members: _Rows = ()
    collections: _Rows = ()
    configs: _Rows = ()
    keys: _Rows = ()
    objects: _Rows = ()
    versions: _Rows = ()

    @classmethod
    def of(cls, conn: Connection, source: Connection) -> Before:
        """What `conn` knows beyond `source`. Cost: O(versions)."""
        last = {uid: row.last for uid, row in store.collections(conn).items()}
        tops = {place: max(last[place[0]] + shift, stop) for place, (shift, stop) in _shifts(conn).items()}
        versions = _unknown(conn, source)
        return cls(
            last=last, tops=tops, members=_all(conn, t.member), collections=_all(conn, t.collection),
            configs=_all(conn, t.config), keys=_all(conn, t.key),
            objects=_objects(conn, sorted({row["object"] for row in versions})), versions=versions,
        )  # fmt: skip


def same(conn: Connection, source: Connection) -> bool:
    """Whether both are one exchange, and what one has and the other has not is only later. Cost: O(1).

    Two that went apart at some point have other secrets, or another version or config under the same number.
    """
    return _secrets(conn) == _secrets(source) and all(
        _named(conn, table, number, time) == _named(source, table, number, time)
        for table, time in ((t.version, "received"), (t.config, "at"))
        for number in [min(_greatest(conn, table), _greatest(source, table))]
    )


def _secrets(conn: Connection) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in conn.execute(select(t.secret.c.name, t.secret.c.value))}


def _greatest(conn: Connection, table: Table) -> int:
    return entries.greatest(conn) if table is t.version else store.config_version(conn)[0]


def _named(conn: Connection, table: Table, number: int, time: str) -> int | None:
    """When that number was given; None if it was not."""
    for one in (table, t.former) if table is t.version else (table,):
        (key,) = one.primary_key.columns
        found: int | None = conn.scalar(select(one.c[time]).where(key == number))
        if found is not None:
            return found
    return None


def carry(conn: Connection, before: Before, now: int) -> None:
    """Put into the restored state what must not be forgotten. The version that was restored comes in force anew."""
    store.insert_missing(conn, t.member, before.members)
    store.insert_missing(conn, t.collection, before.collections)
    store.insert_missing(conn, t.object_, before.objects)
    store.insert_missing(conn, t.former, before.versions)
    if before.keys:
        conn.execute(delete(t.key).where(t.key.c.id.in_([row["id"] for row in before.keys])))
        conn.execute(t.key.insert(), before.keys)
    version, _ = store.config_version(conn)
    store.insert_missing(conn, t.config, before.configs)
    latest, _ = store.config_version(conn)
    if latest != version:
        row = store.config_row(conn, version)
        store.add_config(conn, store.ConfigRow(latest + 1, now, row.files, row.departed))


def date_on(conn: Connection, before: Before, now: int) -> None:
    """Let each log go on beyond every time that a poller may have reached since the backup, in its own time."""
    shifts = _shifts(conn)
    for uid, row in store.collections(conn).items():
        reached = [top - shifts.get(place, (0, 0))[0] for place, top in before.tops.items() if place[0] == uid]
        last = max(row.last, before.last.get(uid, 0), now + sequencer.LEAD, *reached)
        store.set_last(conn, row.number, sequencer.ceil_millisecond(last))


def _shifts(conn: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """(collection id, member) → (shift, stop) of its last grant there. Cost: O(grants)."""
    query = (
        select(t.collection.c.uid, t.member.c.name, t.grant.c.shift, t.grant.c.stop)
        .join(t.collection, t.collection.c.number == t.grant.c.collection)
        .join(t.member, t.member.c.number == t.grant.c.member)
        .order_by(t.grant.c.g)
    )
    return {(uid, name): (shift, stop) for uid, name, shift, stop in conn.execute(query)}


def _all(conn: Connection, table: Table) -> _Rows:
    return [dict(row) for row in conn.execute(select(table)).mappings()]


def _unknown(conn: Connection, source: Connection) -> _Rows:
    """Versions that the target has or had and the source does not know, as rows of `former`."""
    query = union_all(*(select(*(table.c[name] for name in _VERSION)) for table in (t.version, t.former)))
    found: list[Mapping[str, Any]] = []
    for rows in conn.execute(query, execution_options={"yield_per": store.CHUNK}).mappings().partitions():
        numbers = [row["number"] for row in rows]
        known = source.scalars(
            union_all(*(select(x.c.number).where(x.c.number.in_(numbers)) for x in (t.version, t.former)))
        )
        missing = set(numbers).difference(known)
        found += [dict(row) for row in rows if row["number"] in missing]
    return found


def _objects(conn: Connection, numbers: Sequence[int]) -> _Rows:
    found: list[Mapping[str, Any]] = []
    for part in store.chunks(numbers):
        rows = conn.execute(select(t.object_).where(t.object_.c.number.in_(part)))
        found += [dict(row) for row in rows.mappings()]
    return found
