"""Promise 2: what a member may not read changes nothing that it gets.

Two exchanges with the same secrets and the same clock; only one of them has the hidden deposits. After every step the
member `mia` gets the same answers from both, times included: time passes between two steps, so that nobody waits for
the run of another (store.md, section 4). What is left out is the promise's own exception: a publisher takes back what
mia had of that same publisher's object. Byte for byte, on every endpoint: test_promise_2_over_http.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import pages
from tests.property import world as w
from tests.property.world import World, campaign, note

A = w.uid(1)
MALLORY = "identity--00000000-0000-4000-8000-00000000000a"
LONG = settings.get_current_profile_name() == "long"


@dataclass(frozen=True, slots=True)
class Post:
    """`to` are words, or a TLP level, besides AMBER; a note refers to the object whose number it has."""

    by: str
    kind: str
    n: int
    version: int
    to: tuple[str, ...]
    creator: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    by: str
    kind: str
    n: int
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """Groups of mia and of bob, and who reads."""

    mia: frozenset[str]
    bob: frozenset[str]
    read: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step of both exchanges, or a hidden one of the first alone."""

    what: Post | Delete | Config
    hidden: bool = False


def files(config: Config) -> dict[str, str]:
    members: dict[str, dict[str, Any]] = {
        "alice": {"name": "Alice", "in": ["g1"]},
        "bob": {"name": "Bob", "in": sorted(config.bob)},
        "mia": {"name": "Mia", "in": sorted(config.mia)},
        "mallory": {"name": "Mallory", "identity": MALLORY},
    }
    read = "everyone" if config.read == "everyone" else [config.read]
    collection = {"id": A, "read": read, "write": "everyone", "accept": ["clear", "red"], "unmarked": "amber"}
    return w.home({"g1": "One", "g2": "Two"}, members, {"a": collection})


# Alice and mia say what mia may or may not read, in both exchanges. Alice's hidden ids (from 10 on) are only hers to
# hide; mallory takes any id. Hidden things are for g2, where mia never is, or for bob alone.
KINDS = st.sampled_from(["campaign", "note"])
VERSIONS = st.integers(1, 2)
OPEN = st.sampled_from([(), ("group:g1",), ("group:g2",), ("red", "member:bob"), ("red", "member:mia")])
SECRET = st.sampled_from([("group:g2",), ("red", "member:bob"), ("group:g2", "member:bob")])
SHARED = st.one_of(
    st.builds(Post, st.sampled_from(["alice", "alice", "mia"]), KINDS, st.integers(0, 1), VERSIONS, OPEN),
    st.builds(Delete, st.sampled_from(["alice", "mia"]), KINDS, st.integers(0, 1), st.booleans()),
    st.builds(
        Config,
        st.sampled_from([frozenset(), frozenset({"g1"})]),
        st.sampled_from([frozenset({"g2"}), frozenset({"g1"})]),
        st.sampled_from(["everyone", "g1"]),
    ),
)
HIDDEN = st.one_of(
    st.builds(Post, st.just("mallory"), KINDS, st.integers(0, 1), VERSIONS, SECRET, st.just(MALLORY)),
    st.builds(Delete, st.just("mallory"), KINDS, st.integers(0, 1), st.booleans()),
    st.builds(Post, st.just("alice"), st.just("campaign"), st.integers(10, 11), VERSIONS, SECRET),
    st.builds(Delete, st.just("alice"), st.just("campaign"), st.integers(10, 11), st.booleans()),
)
STEPS = st.lists(st.one_of(st.builds(Step, SHARED), st.builds(Step, HIDDEN, st.just(True))), min_size=4, max_size=14)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both exchanges of an example live; `empty.db` is a migrated file with its secrets."""
    made = tmp_path_factory.mktemp("worlds")
    World(url=f"sqlite:///{made}/empty.db").close()
    return made


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    return iter(range(1_000_000_000))


@settings(max_examples=400 if LONG else 12)
@given(steps=STEPS)
def test_hidden_deposits_change_no_answer_that_a_member_gets(
    folder: Path, names: Iterator[int], steps: list[Step]
) -> None:
    worlds = [World(url=w.copied(folder / "empty.db", folder, f"world{next(names)}")) for _ in range(2)]
    try:
        start = Config(frozenset(), frozenset({"g2"}), "everyone")
        for number, step in enumerate([Step(start), *steps]):
            outcomes = [do(world, step.what) for world in (worlds[:1] if step.hidden else worlds)]
            if getattr(step.what, "by", "mia") == "mia":
                assert outcomes[0] == outcomes[1], f"mia's own step {number}"
            assert answers(worlds[0]) == answers(worlds[1]), f"after step {number}, {step}"
            for world in worlds:
                world.pass_time(10 * w.MILLISECOND)
        assert [world.audit() for world in worlds] == [[], []]
    finally:
        for world in worlds:
            world.close()
            Path(str(world.engine.url.database)).unlink()


def do(world: World, what: Post | Delete | Config) -> object:
    """What the one who did it was told."""
    world.pass_time(0)
    if isinstance(what, Config):
        world.apply(files(what))
        return None
    if isinstance(what, Delete):
        return world.delete(what.by, A, object_id(what), w.LAST if what.newest else w.ALL)
    words = world.words(what.by)
    marked = [w.TLP.get(word) or words[word] for word in what.to if word in w.TLP or word in words]
    more = {"created_by_ref": what.creator} if what.creator else {}
    text = f"{what.by} {what.kind} {what.n} {what.version} {what.to}"
    if what.kind == "note":
        made = note(what.n, [w.campaign_id(what.n)], what.version, text=text, marks=marked, **more)
    else:
        made = campaign(what.n, what.version, text=text, marks=marked, **more)
    status = world.post(what.by, A, [made])
    return {name: value for name, value in status.items() if name != "id"}


def object_id(what: Post | Delete) -> str:
    return w.note_id(what.n) if what.kind == "note" else w.campaign_id(what.n)


def answers(world: World) -> list[object]:
    """All that mia can ask."""
    ids = [w.campaign_id(n) for n in (0, 1, 10, 11)] + [w.note_id(n) for n in (0, 1)]
    with world.requests() as request:
        whole = [request.poll("mia", A, filters=f) for f in (w.ALL, w.LAST, w.FIRST)]
        found: list[object] = [*whole, request.manifest("mia", A, w.ALL)]
        found += [request.poll("mia", A, filters=pages.Filters(every=True, ids=(i,))) for i in ids]
        every = whole[0].items if whole[0] else ()
        for seen in every:
            found.append(request.poll("mia", A, after=seen.date_added, limit=1, filters=w.LAST))
    return found
