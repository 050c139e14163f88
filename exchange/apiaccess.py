"""`GET /api/v1/access`: what a member may do here, as far as that is its own business.

Its rights follow from the config in force and its key, never from a deposit (promise 2). Of others it hears the names
that it may address with, which its `policy` collection tells it too, and never who is in which group (policy.md 3.10,
channel 24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from exchange import inforce, markings, policy, stix
from exchange.config import Collection, Plan
from exchange.label import Tlp
from exchange.taxiirights import Caller, Place
from exchange.yamlread import length

_ABOUT = {
    markings.NAMED_ONLY: "For nobody but the members and groups that the object names, also later.",
    markings.ANONYMOUS: "Published without your name: others read a copy that the exchange makes.",
}
_TLP_2 = {level: marking for marking, level in markings.TLP_IDS.items()}  # TLP 2 stands after TLP 1 there


def answer(conn: Connection, caller: Caller, places: list[Place]) -> dict[str, Any]:
    """The answer, for the listed collections. Cost: O(names in the config), and one statement a config version."""
    config = caller.state.config
    ids = {word: marking for marking, word in inforce.words(conn, caller.state, caller.member).items()}
    member = config.members[caller.member]
    groups = [word.removeprefix("group:") for word in ids if word.startswith("group:")]
    return {
        "member": {
            "name": member.name,
            "title": member.title,
            "relays": member.relays,
            "credit": _credit(caller),
            "agrees": sorted(member.agrees),
            "acs": sorted(member.acs),
        },
        "key": _key(caller, places),
        "collections": [_collection(caller, place) for place in places if place.number is not None],
        "groups": [{"name": g, "about": config.groups[g].about, "marking": ids[f"group:{g}"]} for g in groups],
        "members": list(_members(caller, ids)),
        "releases": [_plan(plan, ids) for plan in config.releases.values()],
        "words": [{"name": word, "about": about, "marking": ids[word]} for word, about in _ABOUT.items()],
        "tlp": [{"level": level.value, "marking": _TLP_2[level]} for level in Tlp if _taken(caller, level)],
    }


def _key(caller: Caller, places: list[Place]) -> dict[str, Any]:
    """The key that asks. Its collections by alias, those that are listed; None where it is good for all."""
    key = caller.key
    limited = key.collections
    return {
        "id": key.id,
        "note": key.note,
        "client": key.client,
        "scope": [name for name, held in (("read", key.read), ("write", key.write)) if held],
        "collections": None if limited is None else [place.alias for place in places if place.uid in limited],
        "expires": None if key.expires is None else stix.format_timestamp(key.expires),
    }


def _credit(caller: Caller) -> str:
    """Its own choice."""
    credit = caller.state.config.members[caller.member].credit
    return "named" if not credit.anonymous else f"shown-to:{credit.shown_to}" if credit.shown_to else "anonymous"


def _collection(caller: Caller, place: Place) -> dict[str, Any]:
    collection = caller.state.config.collections[place.alias]
    low, high = collection.accept
    granted = policy.has(collection.read, caller.state.config.groups_of(caller.member))
    return {
        "id": place.uid,
        "alias": place.alias,
        "title": place.title,
        "can_read": place.can_read,
        "can_write": place.can_write,
        "only_own": place.can_read and not granted,
        "own_hidden": collection.own_hidden,
        "accept": {"lowest": low.value, "highest": high.value},
        "unmarked": collection.unmarked.value if collection.unmarked else "refuse",
        "audience_named": collection.named,
        "anonymous": collection.credit.anonymous,
        "release": collection.release.name if collection.release else None,
        "release_at_least": collection.at_least.name if collection.at_least else None,
    }


def _plan(plan: Plan, ids: dict[str, str]) -> dict[str, Any]:
    """A release plan with its stages; `at` is a duration from publication or an instant."""
    stages = [
        {
            "at": length(s.after or 0) if s.instant is None else f"{stix.format_timestamp(s.instant)[:19]}Z",
            "to": ["everyone"] * s.everyone + ["named"] * s.named + sorted(s.groups),
        }
        for s in plan.stages
    ]
    return {"name": plan.name, "marking": ids[f"release:{plan.name}"], "stages": stages}


def _members(caller: Caller, ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Whom it may name, and in which of the collections that it may write, whichever key asks."""
    config = caller.state.config
    writable = list(_writable(caller))
    for word, marking in ids.items():
        kind, _, name = word.partition(":")
        if kind == "member":
            where = [c.name for c in writable if policy.nameable_in(config, c, name)]
            yield {"name": name, "title": config.members[name].title, "marking": marking, "collections": where}


def _writable(caller: Caller) -> Iterator[Collection]:
    config = caller.state.config
    groups = config.groups_of(caller.member)
    return (c for c in config.collections.values() if policy.has(c.write, groups))


def _taken(caller: Caller, level: Tlp) -> bool:
    """Whether a collection that it may write takes the level."""
    return any(c.accept[0] <= level <= c.accept[1] for c in _writable(caller))
