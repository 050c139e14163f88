"""A preview held against what then happens: the answer of the real POST, the database, and who may read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from exchange import entries, intake, policy, preview, store, tables
from exchange.config import Config
from exchange.inforce import InForce
from exchange.label import Audience
from tests.property import world as w

RECEIVED = "9 closure: no wider than what you received of it from others."
REVIEWERS = "who reviews this collection"
EACH = "whom each of these lets in: "
REAL = w.World


def asked(world: w.World, member: str, uid: str, objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The preview of a POST."""
    poster = intake.Poster(engine=world.engine, clock=world.clock, member=member)
    return preview.preview(poster, uid, json.dumps({"objects": objects}).encode())


def told(world: w.World, member: str, uid: str, *objects: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`x_audience` of each object, all of which have to be successes."""
    found = asked(world, member, uid, objects)
    assert "failures" not in found
    return [one["x_audience"] for one in found["successes"]]


def rows(world: w.World) -> dict[str, list[Any]]:
    """The whole database, as its driver gives it: in an order that changes with a write alone."""
    with store.reading(world.engine) as conn:
        return {
            name: [tuple(row) for row in conn.exec_driver_sql(f'SELECT * FROM "{name}"')]
            for name in tables.metadata.tables
        }


def outcome(status: Mapping[str, Any]) -> dict[str, Any]:
    """What a status says of the objects, without what a preview adds, and without its own id and time."""
    kept = {name: value for name, value in status.items() if name not in ("id", "request_timestamp", "x_dry_run")}
    for name in ("successes", "failures"):
        if name in kept:
            kept[name] = [{k: v for k, v in one.items() if k != "x_audience"} for one in kept[name]]
    return kept


class Previewed(REAL):
    """Every POST is previewed before, and compared with it."""

    def post(self, member: str, uid: str, objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        before = rows(self)
        promised = asked(self, member, uid, objects)
        assert rows(self) == before
        status = REAL.post(self, member, uid, objects)
        assert outcome(promised) == outcome(status)
        for one in promised.get("successes", []):
            check_words(self, member, uid, one)
        return status


# The words, followed by hand ----------------------------------------------------------------------------------------


ANSWERED = "the publisher of what it answers"


def check_words(world: w.World, member: str, uid: str, promised: Mapping[str, Any]) -> None:
    """Whoever follows the words and the rules comes to the very members that rules 2 to 9 let read.

    Where a newer version closes it, a stage is to come, or others have to let in as well, to no fewer.
    """
    with world.requests() as request:
        state = request.state
        audiences = {
            version: v.whole for version, v in _own(request, member, uid, promised["id"]) if v.live
        }  # fmt: skip
        if promised["version"] not in audiences:
            assert promised["x_audience"]["now"] == ["nobody"]
            return
        meant = _meant(request, member, uid, promised["x_audience"])
    there = _readers(state, [audiences[promised["version"]]])
    if ANSWERED in promised["x_audience"]["now"]:
        assert member in there, "the words keep to themselves whose finding it answers"
        return
    rules = promised["x_audience"].get("rules", [])
    if any(rule.startswith(("7", "8")) or rule == RECEIVED for rule in rules):
        assert there <= meant, f"{promised} is read by {sorted(there)}"
    else:
        assert there == meant, f"{promised} is read by {sorted(there)}"


def _own(request: w.Request, member: str, uid: str | None, stix_id: str) -> list[tuple[str, entries.Version]]:
    """The publisher's versions of an id, in one collection or in all."""
    state = request.state
    number = store.object_numbers(request.conn, [stix_id]).get(stix_id)
    found = [
        v
        for v in (entries.own_versions(request.conn, state.numbers[member], [number]) if number else [])
        if uid is None or v.collection == state.places[uid]
    ]
    texts = entries.told(request.conn, [v.number for v in found])
    return [(texts[v.number][0], v) for v in found]


def _readers(state: InForce, audiences: Sequence[Audience]) -> set[str]:
    numbers = {m: state.numbers[m] for m in state.config.members}
    return {m for m, n in numbers.items() for a in audiences if n in state.readers(a.of(n))}


def _meant(request: w.Request, member: str, uid: str, audience: Mapping[str, Sequence[str]]) -> set[str]:
    config = request.state.config
    collection = config.collection_by_id(uid)
    reviewers = collection.moderate if collection and REVIEWERS in audience["now"] else frozenset()
    found = set(reviewers).union(*(_of_word(config, member, word) for word in audience["now"]))
    for rule in audience.get("rules", []):
        found &= _of_rule(request, member, uid, rule, audience["now"])
    return found


def _of_word(config: Config, member: str, word: str) -> set[str]:
    if word in ("you", "nobody"):
        return {member} if word == "you" else set()
    if word == "everyone whom the collection lets read":
        return set(config.members)
    if word.startswith(EACH):
        parts = word.removeprefix(EACH).split("; ")
        sets = [set().union(*(_of_word(config, member, one) for one in part.split(" or "))) for part in parts]
        return set.intersection(*sets)
    if word.startswith("the group "):
        return {m for m in config.members if word.removeprefix("the group ") in config.groups_of(m)}
    assert word != member
    return {word} & config.members.keys()


def _of_rule(request: w.Request, member: str, uid: str, rule: str, now: Sequence[str]) -> set[str]:
    config = request.state.config
    everybody = set(config.members)
    kind = rule[0]
    if kind == "2":
        collection = config.collection_by_id(uid)
        assert collection
        return {m for m in everybody if policy.has(collection.read, config.groups_of(m))} | {member}
    if kind == "4":
        return everybody - {member}
    if "AMBER+STRICT" in rule:
        named = set(re.split("; | or ", " or ".join(now).removeprefix(EACH)))
        return {m for m in everybody if not config.members[m].relays or m in named} | {member}
    if kind == "9" and rule != RECEIVED:
        ref = rule.removeprefix("9 closure: no wider than your ").removesuffix(", which it refers to.")
        return _readers(request.state, [v.whole for _, v in _own(request, member, None, ref)]) | {member}
    if rule.startswith(("6 IEP", "6 ACS")):
        asked = rule.partition(" knows ")[2].removesuffix(".")
        return {m for m in everybody if _knows(config, m, asked)} | {member}
    assert kind in "356789", rule
    return everybody


def _knows(config: Config, member: str, asked: str) -> bool:
    """Whether what the config says of a member is what the words ask, as ``a and not b or c``."""
    profile = policy.profile_of(config, member)
    return any(
        all(policy.holds(word.removeprefix("not "), profile) != word.startswith("not ") for word in way.split(" and "))
        for way in asked.split(" or ")
        if asked != "nobody"
    )
