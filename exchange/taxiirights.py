"""Who asks, and what that member may see and do: the door's two questions, answered from one snapshot.

A collection is listed for whoever may read or write it, and for nobody else; what is not listed does not exist
(policy.md 3.3.2, channel 21). `can_read` and `can_write` are the meet of the key's scope and the policy.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import Connection

from exchange import credentials, inforce, policy
from exchange.config import Collection, Config
from exchange.inforce import InForce
from exchange.taxiierrors import RETRY_SECONDS, TaxiiError

STIX_TYPE = "application/stix+json;version=2.1"
POLICY = "policy"  # the alias of the collection of markings that a member may use


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The member behind a request, its key, and the config in force in the same snapshot."""

    key: credentials.Key
    member: str
    state: InForce

    @property
    def number(self) -> int:
        return self.key.member


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One collection as this caller sees it. `number` is the store's, None for the `policy` collection."""

    uid: str
    alias: str
    title: str
    description: str
    can_read: bool
    can_write: bool
    number: int | None

    @property
    def resource(self) -> dict[str, Any]:
        """The collection resource (T-5.2-01)."""
        return {
            "id": self.uid,
            "title": self.title,
            "description": self.description,
            "alias": self.alias,
            "can_read": self.can_read,
            "can_write": self.can_write,
            "media_types": [STIX_TYPE],
        }


def authenticate(conn: Connection, authorization: str | None, now: int) -> Caller:
    """The caller; the same 401 for a wrong, revoked or expired key and for a member that is not active (3.4.1)."""
    state = inforce.current(conn)
    if state is None:
        raise TaxiiError(503, headers={"Retry-After": str(RETRY_SECONDS)})
    key = credentials.find(conn, key_text(authorization or ""), now)
    if key is None:
        raise TaxiiError(401)
    member = state.name(key.member)
    if not policy.active(state.config, member, now):
        raise TaxiiError(401)
    return Caller(key=key, member=member, state=state)


def key_text(authorization: str) -> str:
    """The key in an Authorization header: Basic with it as password, Bearer or Token, in any case; else empty."""
    scheme, _, rest = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return rest.strip()
        case "basic":
            try:
                return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            except (NotBase64, UnicodeDecodeError):
                return ""
    return ""


def root_url(config: Config) -> str:
    """The API root as this request's client reaches it. 400 where neither the config nor the request says by which
    host."""
    if not config.url and not request.host:
        raise TaxiiError(400, "The header Host is missing, or names no host: send the one that you ask.")
    return f"{(config.url or request.host_url).rstrip('/')}/{config.root}/"


def places(caller: Caller, policy_uid: str) -> list[Place]:
    """The collections listed for the caller, by id (T-3.3-02)."""
    return sorted(_listed(caller, policy_uid), key=lambda place: place.uid)


def _listed(caller: Caller, policy_uid: str) -> Iterator[Place]:
    yield _policy_place(caller, policy_uid)
    profile = policy.profile_of(caller.state.config, caller.member)
    for collection in caller.state.config.collections.values():
        if place := _place(caller, profile, collection):
            yield place


def find(caller: Caller, policy_uid: str, reference: str) -> Place | None:
    """The listed collection with this id or alias (T-5.2-03); None otherwise, whatever the reason."""
    if reference in (policy_uid, POLICY):
        return _policy_place(caller, policy_uid)
    config = caller.state.config
    collection = config.collections.get(reference) or config.collection_by_id(reference)
    profile = policy.profile_of(config, caller.member)
    return _place(caller, profile, collection) if collection else None


def _place(caller: Caller, profile: policy.Profile, collection: Collection) -> Place | None:
    reads, writes = collection.id in profile.reads, collection.id in profile.writes
    if not reads and not writes:
        return None
    key = caller.key
    here = key.collections is None or collection.id in key.collections
    return Place(
        uid=collection.id,
        alias=collection.name,
        title=collection.title,
        description=_description(collection),
        # Who may write may read its own there (policy.md 3.4.2); then a refusal (T-5.3-03) would be wrong.
        can_read=key.read and here and (reads or not collection.own_hidden),
        can_write=key.write and here and writes,
        number=caller.state.places[collection.id],
    )


def _description(collection: Collection) -> str:
    """With the level that unmarked objects get, as policy.md 3.4 promises."""
    level = collection.unmarked
    rule = f"Objects without a TLP marking count as TLP:{level.value.upper()}." if level else "Mark every object."
    return f"{collection.description.strip()} {rule}" if collection.description else rule


def _policy_place(caller: Caller, uid: str) -> Place:
    return Place(
        uid=uid,
        alias=POLICY,
        title="Markings that you may use",
        description="Put the id of one on an object to address a group or a member. The ids are yours alone.",
        can_read=caller.key.read,
        can_write=False,
        number=None,
    )
