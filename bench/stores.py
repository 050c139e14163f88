"""Stores filled with the sample: a home with its database and keys, made once and used again by `--keep`.

They are filled through `log.add` in real commits, as intake fills them, but for the validation; so labels, inboxes
and versions lie there as they would after as many publishes.
"""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine, text

from bench import sample
from exchange import app, config, credentials, inforce, log, policy, store
from exchange.entries import Deposit
from exchange.inforce import InForce
from exchange.label import Audience
from exchange.markings import Said
from exchange.sequencer import Clock

HOLDERS = (sample.WIDE, sample.SPARSE, sample.PUBLISHERS[0])
WEEK = 7 * 86_400_000_000  # microseconds
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A filled home: how many object versions it holds, and a key for each of `HOLDERS`."""

    home: Path
    size: int
    keys: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A member in the one collection, by number, how many labels it reads, and its span of times in microseconds."""

    member: int
    collection: int
    labels: int
    first: int
    last: int


def open_store(folder: Path, size: int, seed: str, progress: Progress) -> Store:
    """The store of that size below a folder; filled if it is not there yet."""
    home = folder / f"objects-{size}"
    kept = home / "keys.json"
    if not kept.exists():
        for name, written in sample.home_files().items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(written, encoding="utf-8")
        exchange = app.open_exchange(home)
        fill(exchange.engine, size, seed, progress)
        keys = make_keys(exchange.engine)
        exchange.close()
        kept.write_bytes(orjson.dumps(keys))
    return Store(home=home, size=size, keys=orjson.loads(kept.read_bytes()))


def fill(engine: Engine, size: int, seed: str, progress: Progress = lambda _: None) -> float:
    """Put the sample's config in force and `size` object versions into an empty, migrated store; seconds it took."""
    clock = past_clock()
    with store.writing(engine) as conn:
        inforce.apply(conn, sample.home_files(), clock)
    stream = sample.Stream(seed, vocabulary(engine))
    judged: dict[tuple[Said, int], tuple[Audience, str]] = {}
    began = time.monotonic()
    often = gc.get_threshold()
    gc.set_threshold(200_000)  # what is measured later runs with the usual one; filling takes a third less
    for publisher, made in stream.batches(size):
        with store.writing(engine) as conn:
            state = force(conn)
            number = state.numbers[publisher]
            deposits = [_deposit(state, number, one, judged) for one in made]
            writer = log.Writer(publisher=number, readers=state.readers, clock=clock)
            log.add(conn, writer, state.places[sample.COLLECTION], deposits, clock.now(conn))
        progress(len(made))
    gc.set_threshold(*often)
    took = time.monotonic() - began
    if engine.dialect.name == "postgresql":
        vacuum(engine)
    return took


def vacuum(engine: Engine) -> None:
    """What a PostgreSQL needs after a bulk load: without page counts it sorts instead of walking an index."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def past_clock() -> Clock:
    """A clock that starts a week ago, and where the sequencer must wait, is moved on instead."""
    waited = 0

    def wait(microseconds: int) -> None:
        nonlocal waited
        waited += microseconds

    return Clock(
        host=lambda: time.time_ns() // 1_000 - WEEK + waited,
        elapsed=lambda: time.monotonic_ns() // 1_000 + waited,
        wait=wait,
    )


def _deposit(
    state: InForce, publisher: int, made: sample.Made, judged: dict[tuple[Said, int], tuple[Audience, str]]
) -> Deposit:
    """As intake makes it; who may read is worked out once for each publisher and what it said."""
    key = made.said, publisher
    if key not in judged:
        collection = collection_of(state)
        taken = policy.taken(state.config, collection, made.said)
        judged[key] = policy.audience(collection, taken, publisher, state.numbers), taken.text
    base, said = judged[key]
    return Deposit(
        id=made.id, type=made.type, ver=made.ver, ver_text=made.ver_text, raw=made.raw, base=base,
        said=said, refs=made.refs, creator=False,
    )  # fmt: skip


def vocabulary(engine: Engine) -> dict[str, dict[str, str]]:
    """For each publisher, word → its marking id."""
    with store.reading(engine) as conn:
        state = force(conn)
        return {
            name: {word: marking for marking, word in inforce.words(conn, state, name).items()}
            for name in (*sample.PUBLISHERS, sample.SPARSE)
        }


def make_keys(engine: Engine) -> dict[str, str]:
    """A key for each of `HOLDERS`."""
    with store.writing(engine) as conn:
        numbers = force(conn).numbers
        return {
            name: credentials.new(
                conn, member=numbers[name], scope=credentials.SCOPES, now=0, token=secrets.token_bytes
            )
            for name in HOLDERS
        }


def viewer(conn: Connection, name: str) -> Viewer:
    """A member's place and span. It has no grants, so its own times are the log's. Cost: O(labels) by the log's key."""
    state = force(conn)
    member, collection = state.numbers[name], state.places[sample.COLLECTION]
    found = conn.execute(_SPAN, {"m": member, "c": collection}).one()
    return Viewer(member=member, collection=collection, labels=found[0], first=found[1], last=found[2])


_SPAN = text(
    "SELECT count(*), min((SELECT min(l.at) FROM log l WHERE l.label = r.label)), "
    "max((SELECT max(l.at) FROM log l WHERE l.label = r.label)) "
    "FROM reach r WHERE r.member = :m AND r.collection = :c"
)


def force(conn: Connection) -> InForce:
    """The sample's config in force."""
    state = inforce.current(conn)
    if state is None:
        raise RuntimeError("the store has no config in force: delete the folder and run again")
    return state


def collection_of(state: InForce) -> config.Collection:
    """The sample's one collection."""
    found = state.config.collection_by_id(sample.COLLECTION)
    if found is None:
        raise RuntimeError("the store was not made by this benchmark: delete the folder and run again")
    return found
