"""Keys: who is asking, decided by something that only they know.

A key is `exk_KEYID_SECRET`. The id is public and names a row; of the secret (192 random bits) the store
holds only the SHA-256, which is enough because it cannot be guessed, and compares it in constant time
(interface.md, "Who is asking"). A key is looked up in the transaction that answers the request, so
revocation holds from the next one on.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from exchange import tables as t

SCOPES = ("read", "write")
_ID_LETTERS = 12
_SECRET_BYTES = 24
_SHAPE = re.compile(r"exk_([a-z2-7]{12})_([A-Za-z0-9_-]{32})")
_NOBODYS = bytes(32)  # compared with where the id is unknown, so that both refusals cost the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key without its secret. Instants in microseconds, UTC; `collections` are ids, None means all."""

    id: str
    member: int
    read: bool
    write: bool
    collections: frozenset[str] | None
    client: str | None
    note: str | None
    made: int
    expires: int | None
    revoked: int | None

    def usable(self, now: int) -> bool:
        """Neither revoked nor expired at that instant."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def new(
    conn: Connection,
    *,
    member: int,
    scope: Collection[str],
    now: int,
    expires: int | None = None,
    collections: Collection[str] | None = None,
    client: str | None = None,
    note: str | None = None,
    token: Callable[[int], bytes],
) -> str:
    """Make a key and return its text, which is kept nowhere. Cost: O(1).

    `scope` is one or both of `SCOPES`, ValueError if not; `collections` are ids; `token(n)` gives n random
    bytes.
    """
    if not scope or not set(scope) <= set(SCOPES):
        raise ValueError(f"scope {sorted(scope)} is not read, write or both")
    key_id = b32encode(token(8)).decode().lower()[:_ID_LETTERS]
    secret = urlsafe_b64encode(token(_SECRET_BYTES)).decode()
    row = {
        "id": key_id,
        "member": member,
        "digest": sha256(secret.encode()).digest(),
        "scope": ",".join(s for s in SCOPES if s in scope),
        "collections": None if collections is None else ",".join(sorted(collections)),
        "client": client,
        "note": note,
        "made": now,
        "expires": expires,
    }
    conn.execute(insert(t.key), [row])
    return f"exk_{key_id}_{secret}"


_BY_ID = select(t.key).where(t.key.c.id == bindparam("key_id"))


def find(conn: Connection, text: str, now: int) -> Key | None:
    """The usable key with this text; None for every other text, whatever is wrong with it. Cost: O(1)."""
    shape = _SHAPE.fullmatch(text)
    key_id, secret = shape.groups() if shape else ("", "")
    row = conn.execute(_BY_ID, {"key_id": key_id}).one_or_none()
    same = hmac.compare_digest(bytes(row.digest) if row else _NOBODYS, sha256(secret.encode()).digest())
    if row is None or not same:
        return None
    key = _key(row)
    return key if key.usable(now) else None


def listing(conn: Connection, member: int | None = None) -> list[Key]:
    """Every key that was ever made, or a member's, oldest first. Cost: O(keys)."""
    query = select(t.key).order_by(t.key.c.made, t.key.c.id)
    return [_key(row) for row in conn.execute(query if member is None else query.where(t.key.c.member == member))]


def revoke(conn: Connection, key_id: str, now: int) -> bool:
    """Close a key for good; False if there is none with that id. Cost: O(1).

    One that was revoked before keeps its instant.
    """
    found = conn.execute(select(t.key.c.id).where(t.key.c.id == key_id)).one_or_none()
    conn.execute(update(t.key).where(t.key.c.id == key_id, t.key.c.revoked.is_(None)).values(revoked=now))
    return found is not None


def _key(row: Row[tuple[object, ...]]) -> Key:
    scope = row.scope.split(",")
    return Key(
        id=row.id,
        member=row.member,
        read="read" in scope,
        write="write" in scope,
        collections=None if row.collections is None else frozenset(filter(None, row.collections.split(","))),
        client=row.client,
        note=row.note,
        made=row.made,
        expires=row.expires,
        revoked=row.revoked,
    )
