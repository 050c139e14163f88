"""Who wrote an anonymous object shows in nothing that others get (policy.md 3.8, channels 4, 5, 7 and 15).

Two exchanges differ in one thing alone: which member sends the anonymous submissions, each with a tool, a pace and a
site of its own. Carol, who publishes too, and Dave ask both everything, and get the same bytes, but for the ids that
the exchange draws for copies. So whatever a reader tries on ids, order, times, cadence, rounding, formatting or
references, it could as well guess. On SQLite alone: on PostgreSQL no test can hold the clock still.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import intake, ledger, log, release, store
from tests.property import world as w
from tests.property.casefaces import Http
from tests.property.unnamed import A, B, Unnamed, address, files

LONG = settings.get_current_profile_name() == "long"
SEEN = [address(f"192.0.2.{n}") for n in (1, 2)]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Post:
    """By a member, or by whoever is anonymous (""); its campaign `n`, and what it refers to."""

    by: str
    n: int
    version: int
    tlp: str
    place: str
    note: bool
    observed: int


@dataclass(frozen=True, slots=True)
class Delete:
    by: str
    n: int
    place: str


@dataclass(frozen=True, slots=True)
class Tick:
    ticks: int


Step = Post | Delete | Tick
PLACES = st.sampled_from([A, B])
TLPS = st.sampled_from(["clear", "green", "amber", "amber+strict"])
ANYBODY = st.sampled_from(["", "", "alice", "bob", "carol"])
STEPS = st.lists(
    st.one_of(
        st.builds(Post, ANYBODY, st.integers(1, 2), st.integers(1, 3), TLPS, PLACES, st.booleans(), st.integers(0, 2)),
        st.builds(Delete, ANYBODY, st.integers(1, 2), PLACES),
        st.builds(Tick, st.sampled_from([1, 1, 70])),
    ),
    min_size=3,
    max_size=12,
)


def plain(objects: list[dict[str, Any]]) -> bytes:
    """As Alice's tool writes."""
    return json.dumps({"objects": objects}).encode()


def peculiar(objects: list[dict[str, Any]]) -> bytes:
    """As Bob's does: another order, blanks, escapes, forms of numbers and times, and defaults written out."""
    made = [{k: o[k] for k in sorted(o, reverse=True)} for o in objects]
    for obj in made:
        if "created" in obj:
            obj |= {"revoked": False, "lang": "en"}
        if "first_seen" in obj:
            obj["first_seen"] = obj["first_seen"].replace(".000Z", "Z")
    text = json.dumps({"objects": made}, indent=2).replace('"confidence": 70', '"confidence": 7.0e1')
    return text.replace("storm", "st\\u006frm").encode()


@dataclass(slots=True)
class Author:
    name: str
    write: Callable[[list[dict[str, Any]]], bytes]
    pause: int  # from the beginning of a minute until it sends
    day: int  # when it says that it wrote


ALICE, BOB = Author("alice", plain, 5 * w.SECOND, 1), Author("bob", peculiar, 31 * w.SECOND, 17)


@dataclass(slots=True)
class Side:
    """One of the exchanges. `own` are all ids that the anonymous author gave."""

    unnamed: Unnamed
    face: Http
    author: Author
    own: set[str] = field(default_factory=set)
    posts: int = 0

    def do(self, step: Step) -> None:
        self._begin_a_minute()
        match step:
            case Post():
                self._post(step)
            case Delete():
                self.unnamed.world.delete(step.by or self.author.name, step.place, self._id("campaign", step))
            case Tick():
                self.unnamed.world.pass_time((step.ticks - 1) * 60 * w.SECOND)

    def _begin_a_minute(self) -> None:
        """Both exchanges stand at one instant again, and what is due has been entered."""
        world = self.unnamed.world
        world.pass_time(60 * w.SECOND - world.now() % (60 * w.SECOND))
        self.unnamed.releaser.round()

    def _id(self, kind: str, step: Post | Delete) -> str:
        """An anonymous author's ids are its own; those under a name are the same on both sides."""
        who = step.by or f"hidden {self.author.name}"
        return f"{kind}--{uuid.uuid5(uuid.NAMESPACE_URL, f'{who} {kind} {step.n}')}"

    def _post(self, step: Post) -> None:
        objects = self._objects(step)
        self.posts += 1
        if not step.by:
            self.own |= {o["id"] for o in objects if o["type"] != "ipv4-addr"}
            self.unnamed.world.pass_time(self.author.pause)
        body = (plain if step.by else self.author.write)(objects)
        poster = intake.Poster(
            engine=self.unnamed.world.engine, clock=self.unnamed.world.clock, member=step.by or self.author.name
        )
        intake.publish(poster, step.place, body, str(uuid.UUID(int=self.posts, version=4)))

    def _objects(self, step: Post) -> list[dict[str, Any]]:
        day = 1 if step.by else self.author.day
        marks = [w.TLP[step.tlp]]
        if not step.by:
            marks.append(self.unnamed.marking(self.author.name))
        common = {
            "spec_version": "2.1", "created": f"2026-01-{day:02}T00:00:00.000Z",
            "modified": f"2026-01-{day:02}T00:00:{step.version:02}.000Z", "object_marking_refs": marks,
            "created_by_ref": f"identity--{uuid.uuid5(uuid.NAMESPACE_URL, step.by or self.author.name)}",
        }  # fmt: skip
        campaign = self._id("campaign", step)
        text = f"storm {step.by} {step.n} {step.version}"
        more = {"confidence": 70, "first_seen": "2025-12-01T00:00:00.000Z"}
        made = [{"type": "campaign", "id": campaign, "name": text, **more, **common}]
        observed = SEEN[: step.observed] if not step.by or step.by == "carol" else []
        if step.note:
            refs = [campaign, *(o["id"] for o in observed)]
            made.append({"type": "note", "id": self._id("note", step), "content": text, "object_refs": refs, **common})
        return [*made, *observed]

    # What a reader gets -------------------------------------------------------------------------------------------

    def told(self, member: str) -> list[str]:
        """Everything that there is to ask, as text: status, headers and body of each answer."""
        answers = [self.ask(member, f"{place}/{what}") for place in (A, B) for what in ASKED]
        ids = sorted({o["id"] for place in (A, B) for o in self.unnamed.read(member, place)}, key=self._known)
        for stix_id in ids[:3]:
            answers += [self.ask(member, f"{A}/objects/{stix_id}/{what}") for what in ("", "versions/")]
        return answers

    def _known(self, stix_id: str) -> str:
        """An order that does not depend on the ids that the exchange draws."""
        found = [o for place in (A, B) for o in self.unnamed.read("carol", place) if o["id"] == stix_id]
        text = found[0].get("name") or found[0].get("content") if found else None
        return f"{stix_id.partition('--')[0]} {text or stix_id}"

    def ask(self, member: str, path: str) -> str:
        path, _, query = path.partition("?")
        answer = self.face._ask(member, "GET", path, dict(p.split("=") for p in query.split("&")) if query else None)
        headers = sorted(f"{k}: {v}" for k, v in answer.headers.items())
        return "\n".join([str(answer.status), *headers, answer.body.decode()])


ASKED = [
    "objects/?match[version]=all", "objects/", "objects/?match[version]=first", "objects/?limit=1",
    "manifest/?match[version]=all", "manifest/", "manifest/?match[type]=campaign", "objects/?match[spec_version]=2.1",
]  # fmt: skip


def without_drawn_ids(told: list[str], public: frozenset[str]) -> list[str]:
    """With numbers in the place of ids that nobody published: in the order in which they come up."""
    numbers: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return match[0] if match[0] in public else numbers.setdefault(match[0], f"#{len(numbers)}")

    texts = [re.sub(r'"next":"[^"]*"|"error_id":"[^"]*"', "", text) for text in told]
    return [UUID.sub(name, text) for text in texts]


# The exchanges --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exchange in force and an empty ledger; both sides have the same secrets."""
    folder = tmp_path_factory.mktemp("unlinkable")
    world = w.World(url=f"sqlite:///{folder}/exchange.db")
    world.apply(files(tick="60s"))
    world.close()
    engine = store.connect(f"sqlite:///{folder}/ledger.db", 1)
    ledger.migrate(engine)
    engine.dispose()
    return folder


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    return iter(range(1_000_000))


def side(template: Path, name: str, author: Author) -> Side:
    main = w.copied(template / "exchange.db", template, f"{name}-exchange")
    lines = w.copied(template / "ledger.db", template, f"{name}-ledger")
    world = w.World(url=main, migrated=True)
    found = Unnamed.around(world)
    return Side(found, Http.of(world, store.connect(lines, 2)), author)


PUBLIC = frozenset(
    [A, B, *(o["id"].partition("--")[2] for o in SEEN), *(m.partition("--")[2] for m in w.TLP.values())]
    + [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{who} {kind} {n}")) for who in ("alice", "bob", "carol")
       for kind in ("campaign", "note") for n in (1, 2)]
    + [str(uuid.uuid5(uuid.NAMESPACE_URL, who)) for who in ("alice", "bob", "carol")]
)  # fmt: skip


@settings(max_examples=300 if LONG else 8)
@given(steps=STEPS)
def test_who_is_anonymous_changes_no_byte_of_others(template: Path, names: Iterator[int], steps: list[Step]) -> None:
    told: dict[str, list[list[str]]] = {}
    example = next(names)
    for author in (ALICE, BOB):
        with pytest.MonkeyPatch.context() as patch:
            # What chance decides is decided alike on both sides.
            patch.setattr(release, "_chance", random.Random(7))  # noqa: S311
            patch.setattr(log, "_mix", lambda new: new.sort(key=lambda e: e.version.number))
            here = side(template, f"{example}-{author.name}", author)
            for step in steps:
                here.do(step)
            here.do(Tick(1))
            told[author.name] = [without_drawn_ids(here.told(member), PUBLIC) for member in ("carol", "dave")]
            _check_nothing_of_it(here)
            assert here.unnamed.world.audit() == []
            here.unnamed.world.close()
            here.face.ledger.dispose()
    pairs = [pair for a, b in zip(told["alice"], told["bob"], strict=True) for pair in zip(a, b, strict=True)]
    assert [pair for pair in pairs if pair[0] != pair[1]][:1] == []


def _check_nothing_of_it(here: Side) -> None:
    """No answer to anybody else has an id of the author's, or its name beside an anonymous object."""
    for member in {"alice", "bob", "dave"} - {here.author.name}:
        text = "\n".join(here.ask(member, f"{place}/objects/?match[version]=all") for place in (A, B))
        assert not [stix_id for stix_id in here.own if stix_id.partition("--")[2] in text]


def test_submissions_of_one_tick_come_in_any_order_and_each_whole(tmp_path: Path) -> None:
    """Of ten submissions in their order the chance is one in three million."""
    hidden = {name: {"credit": "anonymous"} for name in ("alice", "bob")}
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", hidden)
    for n in range(10):
        first, second = w.campaign(2 * n, text=str(n)), w.campaign(2 * n + 1, text=str(n))
        found.post("alice" if n < 5 else "bob", first, second)
    found.tick()
    order = [int(o["name"]) for o in found.read("carol")]
    assert order[::2] == order[1::2]
    assert order[::2] != sorted(order[::2])
    times = [seen.date_added for seen in _seen(found)]
    assert all(b - a == 1 for a, b in zip(times[::2], times[1::2], strict=True))
    found.world.close()


def _seen(found: Unnamed) -> tuple[w.Seen, ...]:
    answer = found.world.poll("carol", A, filters=w.ALL)
    assert answer is not None
    return answer.items


def test_times_of_anonymous_objects_are_those_of_the_tick_and_of_the_hour(tmp_path: Path) -> None:
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", {"alice": {"credit": "anonymous"}})
    found.world.pass_time(3_600 * w.SECOND)
    for n in range(3):
        found.world.pass_time(7 * w.SECOND)
        found.post("alice", w.campaign(n, text=str(n)))
        found.post("bob", w.campaign(n + 10, text=f"bob's {n}"))
    found.tick()
    times: Mapping[str, int] = {seen.text: seen.date_added for seen in _seen(found)}
    assert {times[str(n)] // (60 * w.SECOND) for n in range(3)} == {(found.world.now()) // (60 * w.SECOND)}
    assert max(times[str(n)] for n in range(3)) - min(times[str(n)] for n in range(3)) < w.SECOND
    hours = {o["created"] for o in found.read("carol") if not o["name"].startswith("bob")}
    assert hours == {"2026-06-01T01:00:00.000Z"}
    found.world.close()
