"""Statements on pushed findings, on answers that are given again, and on quotas. One function, one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from exchange import store
from exchange import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A finding of a member in a collection. `objects`: numbers of all STIX objects that it is now, the main one
    first; `digest`: of what was pushed and for whom; `status`: the id of the POST that brought it as it is now."""

    member: int
    collection: int
    key: str
    objects: tuple[int, ...]
    digest: bytes
    status: str
    at: int


def digest(*parts: bytes) -> bytes:
    """16 bytes that stand for these, each with its length."""
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.digest()


def of_keys(conn: Connection, member: int, collection: int, keys: Iterable[str]) -> dict[str, Pushed]:
    """Key → the finding, of those that are there. Cost: O(keys)."""
    c = t.finding.c
    found: dict[str, Pushed] = {}
    for some in store.chunks(sorted({digest(key.encode()) for key in keys})):
        query = select(t.finding).where(c.member == member, c.collection == collection, c.key_digest.in_(some))
        found |= {row.key: _pushed(row) for row in conn.execute(query)}
    return found


def of_object(conn: Connection, member: int, object_: int) -> list[Pushed]:
    """The member's findings whose main object it is, one a collection at most. Cost: O(1)."""
    c = t.finding.c
    return [_pushed(row) for row in conn.execute(select(t.finding).where(c.member == member, c.object == object_))]


def put(conn: Connection, found: Sequence[Pushed]) -> None:
    """Store these, in the place of what stood under their keys. Cost: O(findings)."""
    c = t.finding.c
    rows = [_row(one) for one in found]
    places: dict[tuple[int, int], list[bytes]] = {}
    for row in rows:
        places.setdefault((row["member"], row["collection"]), []).append(row["key_digest"])
    for (member, collection), keys in places.items():
        for some in store.chunks(keys):
            conn.execute(
                delete(t.finding).where(c.member == member, c.collection == collection, c.key_digest.in_(some))
            )
    if rows:
        conn.execute(insert(t.finding), rows)


def _row(one: Pushed) -> dict[str, Any]:
    return {
        "member": one.member, "collection": one.collection, "key_digest": digest(one.key.encode()), "key": one.key,
        "object": one.objects[0], "objects": " ".join(map(str, one.objects)), "digest": one.digest,
        "status": one.status, "at": one.at,
    }  # fmt: skip


def _pushed(row: Row[Any]) -> Pushed:
    return Pushed(
        member=row.member, collection=row.collection, key=row.key, objects=tuple(map(int, row.objects.split())),
        digest=bytes(row.digest), status=row.status, at=row.at,
    )  # fmt: skip


# Answers that are given again ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was asked under a key, as a digest, and the answer to it."""

    request: bytes
    json: bytes


def answered(conn: Connection, member: int, key: str, since: int) -> Answered | None:
    """What a member was answered under its Idempotency-Key after an instant. Cost: O(1)."""
    c = t.answered.c
    query = select(c.request, c.json).where(c.member == member, c.key_digest == digest(key.encode()), c.at > since)
    row = conn.execute(query).one_or_none()
    return Answered(request=bytes(row.request), json=bytes(row.json)) if row else None


def answer(conn: Connection, member: int, key: str, what: Answered, now: int) -> None:
    """Keep an answer. Cost: O(1)."""
    place = {"member": member, "key_digest": digest(key.encode())}
    conn.execute(delete(t.answered).filter_by(**place))
    conn.execute(insert(t.answered), [{**place, "request": what.request, "json": what.json, "at": now}])


def forget_answers(conn: Connection, until: int) -> None:
    """Those of that instant and before. Cost: O(what is forgotten) by answered_by_at."""
    conn.execute(delete(t.answered).where(t.answered.c.at <= until))


# Quotas -----------------------------------------------------------------------------------------------------------


def left(conn: Connection, member: int) -> tuple[int, int] | None:
    """How many microfindings a member's quota had left, and when. None where it has spent nothing yet."""
    row = conn.execute(select(t.spent.c.left, t.spent.c.at).where(t.spent.c.member == member)).one_or_none()
    return (row.left, row.at) if row else None


def set_left(conn: Connection, member: int, left_: int, now: int) -> None:
    done = conn.execute(update(t.spent).where(t.spent.c.member == member).values(left=left_, at=now))
    if not done.rowcount:
        conn.execute(insert(t.spent), [{"member": member, "left": left_, "at": now}])
