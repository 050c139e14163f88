"""The config in force: read from the store, bound to members' numbers, and changed whole or not at all (promise 6).

The files in force are those of the last version that was applied, as the store keeps them; the files on disk are a
proposal. A member taken out of the files is as suspended (policy.md 3.4.1): its last profile is kept with the version,
so that it goes on where it stood when it comes back.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine

from exchange import config as configuration
from exchange import entries, grants, log, markings, policy, review, sequencer, store, tallies
from exchange.config import Config
from exchange.entries import Version
from exchange.grants import Difference
from exchange.interning import Readers
from exchange.label import NOBODY, NONE, Audience, Tlp, atom
from exchange.logrows import Label
from exchange.sequencer import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One applied version with everything that depends on it."""

    version: int
    at: int
    config: Config
    files: Mapping[str, str]
    departed: Mapping[str, policy.Profile]
    numbers: Mapping[str, int]  # member name → number
    places: Mapping[str, int]  # collection id → number
    readers: Readers
    vocabularies: dict[str, Mapping[str, str]] = field(default_factory=dict)  # member → its words, once asked for

    def name(self, publisher: int) -> str:
        """For operators: a member's name, or what stands for a publisher that is not a member under its own name."""
        if publisher == 0:
            return "the exchange"
        name = self.member(publisher)
        return name if publisher > 0 else f"{name} (anonymous)"

    def member(self, publisher: int) -> str:
        """The name of the member that is or stands behind a publisher."""
        return next(name for name, n in self.numbers.items() if n == abs(publisher))

    def title(self, place: int) -> str:
        """For operators: a collection's name; its id where its file was taken out."""
        uid = next(uid for uid, number in self.places.items() if number == place)
        collection = self.config.collection_by_id(uid)
        return collection.name if collection else uid


def current(conn: Connection) -> InForce | None:
    """What is in force in this transaction; None before the first apply. Cost: one statement, once parsed."""
    version, at = store.config_version(conn)
    return _loaded(conn, version, at) if version else None


_cache: dict[tuple[str, int, int], InForce] = {}


def _loaded(conn: Connection, version: int, at: int) -> InForce:
    """A version never changes once it was applied, so a process parses it once."""
    key = (str(conn.engine.url), version, at)  # with the instant: after a restore the same number may come again
    if key not in _cache:
        row = store.config_row(conn, version)
        config = _parsed(row.files)
        departed = {name: _profile(config, kept) for name, kept in json.loads(row.departed).items()}
        _cache[key] = _bound(conn, version, row.at, config, json.loads(row.files), departed)
    return _cache[key]


@lru_cache(maxsize=8)
def _parsed(files: str) -> Config:
    return configuration.parse(json.loads(files))


def _profile(config: Config, kept: Mapping[str, Any]) -> policy.Profile:
    agrees, acs, roles = (frozenset(kept.get(key, ())) for key in ("agrees", "acs", "roles"))
    return policy.profile(config, frozenset(kept["groups"]), kept["relays"], agrees, acs, roles)


def _bound(
    conn: Connection,
    version: int,
    at: int,
    config: Config,
    files: Mapping[str, str],
    gone: Mapping[str, policy.Profile],
) -> InForce:
    numbers = store.members(conn)
    profiles = {numbers[name]: policy.profile_of(config, name) for name in config.members}
    profiles |= {numbers[name]: profile for name, profile in gone.items()}
    return InForce(
        version=version, at=at, config=config, files=files, departed=gone, numbers=numbers,
        places={uid: row.number for uid, row in store.collections(conn).items()},
        readers=policy.readers(profiles),
    )  # fmt: skip


# Changing it ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an apply does, or would do: the version it makes (or keeps), and who gains and loses what."""

    before: InForce | None
    after: InForce
    differences: tuple[Difference, ...]
    stamped: int = 0  # the clock when its grants, and what is held for new reviewers, got their times
    reviewers: bool = False  # somebody gets to read what was held before

    @property
    def changed(self) -> bool:
        return self.before is None or self.before.version != self.after.version


def apply(conn: Connection, files: Mapping[str, str], clock: Clock, lead: int = sequencer.LEAD) -> Effect:
    """Put the files in force, in this transaction. Raises `ConfigError`; then nothing is changed.

    With unchanged files it still compares the stored decisions with those of this software, and if they differ makes
    a new version, so that a changed rule counts as a change of rights. Cost: O(members × labels), never O(objects).
    """
    config = configuration.parse(files)
    version, at = store.change_config(conn)
    before = _loaded(conn, version, at) if version else None
    now = clock.now(conn)
    newcomers = _register(conn, config, now)
    gone = _departed(before, config)
    text = json.dumps(dict(files), sort_keys=True)
    profiles = {name: _profile(config, kept) for name, kept in gone.items()}
    after = _bound(conn, version + 1, now, config, dict(files), profiles)
    found = tuple(
        d for number in sorted(after.places.values()) for d in grants.differences(conn, number, after.readers)
    )
    if before and not found and before.files == after.files:
        return Effect(before=before, after=before, differences=())
    stamped = grants.carry_out(conn, found, frozenset(after.numbers[name] for name in newcomers), clock, lead)
    store.set_gained(conn, list(_gained(conn, before, after)), now)
    store.set_ended(conn, list(_ended(conn, found)), now)
    store.add_config(conn, store.ConfigRow(version + 1, now, text, json.dumps(gone, sort_keys=True)))
    moved, gains = _follow_reviewers(conn, after, clock, lead)
    stamps = [at for at in (stamped, *moved) if at]
    return Effect(before=before, after=after, differences=found, stamped=min(stamps, default=0), reviewers=gains)


def _follow_reviewers(conn: Connection, after: InForce, clock: Clock, lead: int) -> tuple[list[int], bool]:
    """What is held is read by whoever reviews now (policy.md 3.4.3): when that was stamped, and whether any gain."""
    held = {h.version: h for h in review.waiting(conn)}
    made: dict[int, Audience] = {}
    gains = False
    for v in entries.by_number(conn, sorted(held)):
        uid = next(uid for uid, number in after.places.items() if number == v.collection)
        if collection := after.config.collection_by_id(uid):
            base = policy.waiting(collection, v.publisher, after.numbers, held[v.number].reasons)
            if base != v.base:
                made[v.number] = base
                gains |= base - v.base != NOBODY

    def follow(v: Version) -> Version:
        return replace(v, base=made[v.number], ever=made[v.number])

    stamps = []
    for publisher in sorted({held[number].publisher for number in made}):
        writer = log.Writer(publisher=publisher, readers=after.readers, clock=clock, lead=lead)
        mine = [number for number in made if held[number].publisher == publisher]
        stamps.append(log.revise(conn, writer, mine, follow))
    return stamps, gains


def _register(conn: Connection, config: Config, now: int) -> list[str]:
    """Give numbers to new names; returns the members that never were before."""
    known = store.members(conn)
    newcomers = [name for name in config.members if name not in known]
    store.add_members(conn, newcomers, now)
    plans = (f"release:{name}" for name in sorted(config.releases))
    store.add_words(conn, [*sorted(config.groups), *plans, markings.ANONYMOUS], now)
    places = store.collections(conn)
    store.add_collections(conn, [c.id for c in config.collections.values() if c.id not in places])
    return newcomers


def _gained(conn: Connection, before: InForce | None, after: InForce) -> Iterator[tuple[int, str]]:
    """(member, word): what a member can use in its markings now and could not before, though it was there.

    Else a client that polls its `policy` collection by time would never hear of it.
    """
    if before is None:
        return
    there = {word for word, at in store.since(conn).items() if at < after.at}
    for name in after.config.members:
        if f"member:{name}" in there:
            had = policy.vocabulary(before.config, name) if name in before.config.members else ()
            for word in set(policy.vocabulary(after.config, name)) & there - set(had):
                yield after.numbers[name], word


def _ended(conn: Connection, differences: Sequence[Difference]) -> Iterator[tuple[int, int]]:
    """(member, collection) where a member can read fewer objects; labels without any are nothing to be told of.

    Cost: O(members that lose a label × kinds of `tallies`).
    """
    by_place: dict[int, list[Difference]] = defaultdict(list)
    for d in differences:
        if d.lost:
            by_place[d.collection].append(d)
    for place, lost in by_place.items():
        counts = tallies.Counts(conn, place, (d.member for d in lost))
        for d in lost:
            if counts.moved(d.member, d.had, d.had - {x.number for x in d.lost} | {x.number for x in d.gained}).lost:
                yield d.member, place


def _departed(before: InForce | None, config: Config) -> dict[str, dict[str, object]]:
    """Members that were once in the files and are not now, with what decided over them then."""
    if before is None:
        return {}
    kept: dict[str, policy.Profile] = dict(before.departed)
    kept |= {name: policy.profile_of(before.config, name) for name in before.config.members}
    return {
        name: {
            "groups": sorted(p.groups),
            "relays": p.relays,
            "agrees": sorted(p.agrees),
            "acs": sorted(p.acs),
            "roles": sorted(p.roles),
        }
        for name, p in sorted(kept.items())
        if name not in config.members
    }


def _anything(_effect: Effect) -> None:
    """Whatever it changes is welcome."""


def put(
    engine: Engine, files: Mapping[str, str], clock: Clock, approve: Callable[[Effect], None] = _anything
) -> Effect:
    """`apply` in a transaction of its own, again where it was not in time, durable when it returns.

    `approve` may raise: then nothing is changed. Raises `ConfigError`, `TooSlow`.
    """

    def act(conn: Connection, lead: int) -> Effect:
        effect = apply(conn, files, clock, lead)
        approve(effect)
        if effect.stamped:
            sequencer.check_in_time(clock.now(conn), effect.stamped, lead)
        return effect

    return sequencer.committed(engine, act)


@contextmanager
def proposed(engine: Engine, files: Mapping[str, str], clock: Clock) -> Iterator[tuple[Connection, Effect]]:
    """What `apply` would do, found by doing it; taken back at the end, so that it can be looked at until then."""
    with engine.execution_options(write=True).connect() as conn, conn.begin() as transaction:
        yield conn, apply(conn, files, clock)
        transaction.rollback()


def widens(effect: Effect) -> bool:
    """Whether anybody gains a label above GREEN, or what is held: then it needs a person's `apply`."""
    if effect.before is None:
        return False
    return effect.reviewers or any(not _open(x) for d in effect.differences for x in d.gained)


def _open(label: Label) -> bool:
    """Whether a label lets in by TLP CLEAR or GREEN alone."""
    green = atom(f"tlp:{Tlp.CLEAR.value}") | atom(f"tlp:{Tlp.GREEN.value}")
    atoms = {node.atom for node in label.expr.nodes()}
    closed = {f"tlp:{Tlp.AMBER.value}", f"tlp:{Tlp.AMBER_STRICT.value}"}
    return not label.lane and not atoms & closed and (label.expr - green) is NONE


def words(conn: Connection, state: InForce, name: str) -> Mapping[str, str]:
    """A member's vocabulary: marking id → word. Cost: O(names), once a member and config version."""
    if name not in state.vocabularies:
        secret = store.secret(conn, "marking")
        named = policy.vocabulary(state.config, name)
        state.vocabularies[name] = {markings.marking_id(secret, name, word): word for word in named}
    return state.vocabularies[name]
