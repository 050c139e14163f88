"""One exchange under a test's control: real files, a real database, and a clock that the test moves.

On SQLite the host's clock and the monotonic clock are the test's, so waiting costs nothing and every run is the same.
On PostgreSQL the exchange trusts the database's clock; there the world lets real time pass.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url

from exchange import audit, feed, inforce, intake, pages, policy, store
from exchange.sequencer import Clock

MILLISECOND = 1_000
SECOND = 1_000_000
START = 1_780_272_000 * SECOND  # 2026-06-01
TLP = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
ALL = pages.Filters(every=True)
LAST = pages.Filters(last=True)
FIRST = pages.Filters(first=True, last=False)


@dataclass(slots=True)
class Machine:
    """The clocks of one computer, in microseconds: `host` can be set wrong, `elapsed` only grows."""

    host: int = START
    elapsed: int = 0

    def tick(self, microseconds: int) -> None:
        self.host += microseconds
        self.elapsed += microseconds


@dataclass(frozen=True, slots=True)
class Seen:
    """What a poll shows of one object: its time, its id and version, and the note that its publisher wrote in it."""

    date_added: int
    id: str
    version: str
    text: str


@dataclass(slots=True, kw_only=True)
class World:
    """An exchange on the database at `url`, with nothing in force until `apply`."""

    url: str
    machine: Machine = field(default_factory=Machine)
    posts: int = 0
    engine: Engine = field(init=False)
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.engine = store.connect(self.url, 4)
        store.migrate(self.engine)
        self._start_clock()

    def _start_clock(self) -> None:
        if self.real_time:
            self.clock = Clock(
                host=lambda: time.time_ns() // 1000,
                elapsed=lambda: time.monotonic_ns() // 1000,
                wait=lambda microseconds: time.sleep(microseconds / SECOND),
            )
        else:
            self.clock = Clock(
                host=lambda: self.machine.host, elapsed=lambda: self.machine.elapsed, wait=self.machine.tick
            )
        with store.reading(self.engine) as conn:
            self.clock.not_before(conn)

    @property
    def real_time(self) -> bool:
        return make_url(self.url).get_backend_name() == "postgresql"

    def restart(self) -> None:
        """The process ends and another one starts: no memory but the database."""
        self.close()
        self.engine = store.connect(self.url, 4)
        self._start_clock()

    def close(self) -> None:
        self.engine.dispose()

    def pass_time(self, microseconds: int) -> None:
        """Both clocks go on, as they do between two requests."""
        if self.real_time:
            time.sleep(microseconds / SECOND)
        else:
            self.machine.tick(microseconds)

    def now(self) -> int:
        """The exchange clock."""
        with store.reading(self.engine) as conn:
            return self.clock.now(conn)

    # Writing ------------------------------------------------------------------------------------------------

    def apply(self, files: Mapping[str, str]) -> inforce.Effect:
        with store.writing(self.engine) as conn:
            return inforce.apply(conn, files, self.clock)

    def post(self, member: str, uid: str, objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The status resource of a POST."""
        self.posts += 1
        status_id = str(uuid.UUID(int=self.posts, version=4))
        return intake.publish(self._poster(member), uid, json.dumps({"objects": objects}).encode(), status_id)

    def delete(self, member: str, uid: str, object_id: str, filters: pages.Filters = ALL) -> intake.Deletion:
        return intake.delete(self._poster(member), uid, object_id, filters)

    def _poster(self, member: str) -> intake.Poster:
        return intake.Poster(engine=self.engine, clock=self.clock, member=member)

    def words(self, member: str) -> dict[str, str]:
        """Word → marking id, as the member finds them in its own `policy` collection."""
        with store.reading(self.engine) as conn:
            return {word: mark for mark, word in inforce.words(conn, self._state(conn), member).items()}

    # Reading ------------------------------------------------------------------------------------------------

    @contextmanager
    def requests(self) -> Iterator[Request]:
        """A snapshot in which any number of polls see the same instant."""
        with store.reading(self.engine) as conn:
            yield Request(conn, self._state(conn), self.clock.now(conn))

    def poll(
        self, member: str, uid: str, *, after: int = 0, limit: int = 1000, filters: pages.Filters = LAST
    ) -> Answer | None:
        """One GET objects as the face does it; None where the door stays shut."""
        with self.requests() as request:
            return request.poll(member, uid, after=after, limit=limit, filters=filters)

    def view(self, member: str, uid: str, filters: pages.Filters = ALL, *, after: int = 0) -> list[str]:
        """The texts of everything that a member may read there, in order; empty where the door stays shut."""
        answer = self.poll(member, uid, after=after, filters=filters)
        return [seen.text for seen in answer.items] if answer else []

    def audit(self) -> list[str]:
        with store.reading(self.engine) as conn:
            return audit.audit(conn, self._state(conn).readers)

    @staticmethod
    def _state(conn: Connection) -> inforce.InForce:
        state = inforce.current(conn)
        assert state is not None, "apply a config first"
        return state


@dataclass(frozen=True, slots=True)
class Answer:
    """One page."""

    items: tuple[Seen, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Request:
    """The face's way of asking, in one snapshot."""

    conn: Connection
    state: inforce.InForce
    now: int

    def opens(self, member: str, uid: str) -> bool:
        """Rule 1, and whether the collection is listed for the member (policy 3.3.2)."""
        config = self.state.config
        collection = config.collection_by_id(uid)
        if collection is None or not policy.active(config, member, self.now):
            return False
        groups = config.groups_of(member)
        return policy.has(collection.read, groups) or policy.has(collection.write, groups)

    def poll(
        self, member: str, uid: str, *, after: int = 0, limit: int = 1000, filters: pages.Filters = LAST
    ) -> Answer | None:
        if not self.opens(member, uid):
            return None
        page = feed.objects(self.conn, self._view(member, uid, filters), after=after, limit=limit)
        items = tuple(Seen(i.date_added, i.id, i.version, _text(i.raw)) for i in page.items)
        return Answer(items, page.more)

    def manifest(self, member: str, uid: str, filters: pages.Filters) -> list[tuple[int, str, str]] | None:
        """GET manifest, whole."""
        if not self.opens(member, uid):
            return None
        page = feed.manifest(self.conn, self._view(member, uid, filters), after=0, limit=1000)
        return [(i.date_added, i.id, i.version) for i in page.items]

    def _view(self, member: str, uid: str, filters: pages.Filters) -> pages.View:
        return pages.View(member=self.state.numbers[member], collection=self.state.places[uid], filters=filters)


def _text(raw: bytes) -> str:
    obj = json.loads(raw)
    return str(obj.get("name") or obj.get("abstract") or obj["x_text"])


# Objects ------------------------------------------------------------------------------------------------------


def campaign_id(n: int) -> str:
    return f"campaign--00000000-0000-4000-8000-{n:012d}"


def note_id(n: int) -> str:
    return f"note--00000000-0000-4000-8000-{n:012d}"


def version_text(version: int) -> str:
    return f"2026-01-01T00:00:{version:02d}.000Z"


def campaign(n: int, version: int = 1, *, text: str, marks: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return _sdo(campaign_id(n), version, marks, name=text, **more)


def note(
    n: int, refs: Sequence[str], version: int = 1, *, text: str, marks: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    return _sdo(note_id(n), version, marks, abstract=text, content="x", object_refs=list(refs), **more)


def address(value: str, *, text: str, marks: Sequence[str] = ()) -> dict[str, Any]:
    """An observable; its id follows from its value (STIX 2.1 section 2.9)."""
    found = uuid.uuid5(uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), f'{{"value":"{value}"}}')
    made = {"type": "ipv4-addr", "spec_version": "2.1", "id": f"ipv4-addr--{found}", "value": value, "x_text": text}
    return made | ({"object_marking_refs": list(marks)} if marks else {})


def _sdo(object_id: str, version: int, marks: Sequence[str], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": object_id.split("--")[0],
        "spec_version": "2.1",
        "id": object_id,
        "created": version_text(0),
        "modified": version_text(version),
        **more,
    }
    return made | ({"object_marking_refs": list(marks)} if marks else {})


# Files --------------------------------------------------------------------------------------------------------


def uid(n: int) -> str:
    """A collection's id."""
    return f"10000000-0000-4000-8000-{n:012d}"


def home(
    groups: Mapping[str, Any], members: Mapping[str, Mapping[str, Any]], collections: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """The files of a home; JSON is YAML. Collections need no title."""
    main = {"exchange": "Test", "operator": "Tester", "groups": groups, "members": members}
    files = {"config/exchange.yaml": json.dumps(main)}
    for name, keys in collections.items():
        files[f"collections/{name}.yaml"] = json.dumps({"title": name, **keys})
    return files


def copied(template: Path, folder: Path, name: str) -> str:
    """URL of a copy of a migrated SQLite file: a migration for each history would take most of the time."""
    target = folder / f"{name}.db"
    shutil.copyfile(template, target)
    return URL.create("sqlite", database=str(target)).render_as_string()
