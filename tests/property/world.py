"""One exchange under a test's control: real files, a real database, and a clock that the test moves.

On SQLite the host's clock and the monotonic clock are the test's, so waiting costs nothing and every run is the same.
On PostgreSQL the exchange trusts the database's clock; there the world lets real time pass. Several processes may
write, each with a clock of its own; `engine`, `clock` and `machine` are those of the one that acts. It may die between
any two statements.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url

from exchange import audit, feed, inforce, intake, pages, policy, store
from exchange.release import Releaser, Steady
from exchange.sequencer import Clock
from tests import databases
from tests.property.objects import (
    TLP,
    address,
    campaign,
    campaign_id,
    copied,
    home,
    note,
    note_id,
    uid,
    version_text,
)

__all__ = [  # what tests take from here
    "ALL", "FIRST", "LAST", "MILLISECOND", "SECOND", "START", "TLP", "Answer", "Crash", "Machine", "Process",
    "Request", "Seen", "World", "address", "campaign", "campaign_id", "copied", "home", "note", "note_id",
    "uid", "version_text",
]  # fmt: skip

MILLISECOND = 1_000
SECOND = 1_000_000
START = 1_780_272_000 * SECOND  # 2026-06-01
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


class Crash(BaseException):
    """The process is gone. Not an `Exception`: nothing in the exchange may go on after it."""


Process = tuple[Engine, Clock, Machine]


@dataclass(slots=True, kw_only=True)
class World:
    """An exchange on the database at `url`, with nothing in force until `apply`. `migrated`: it has the tables.

    Worlds that come one after the other at one URL may share `engines`: then statements are compiled once for all.
    """

    url: str
    machine: Machine = field(default_factory=Machine)
    migrated: bool = False
    posts: int = 0
    key: str = ""  # the id of the key that posts
    others: list[Process] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)
    engine: Engine = field(init=False)
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        inforce._cache.clear()  # another world may have stood at this URL
        self._start()
        if not self.migrated:
            databases.fill(make_url(self.url))
            store.migrate(self.engine)
        self._start_clock()

    def _start(self) -> None:
        if len(self.others) == len(self.engines):
            self.engines.append(store.connect(self.url, 4))
        self.engine = self.engines[len(self.others)]

    def _start_clock(self) -> None:
        machine = self.machine
        if self.real_time:
            self.clock = Clock(
                host=lambda: time.time_ns() // 1000 + machine.host - START,
                elapsed=lambda: time.monotonic_ns() // 1000,
                wait=lambda microseconds: time.sleep(microseconds / SECOND),
            )
        else:
            self.clock = Clock(host=lambda: machine.host, elapsed=lambda: machine.elapsed, wait=self.pass_time)
        with store.reading(self.engine) as conn:
            self.clock.not_before(conn)

    @property
    def real_time(self) -> bool:
        return make_url(self.url).get_backend_name() == "postgresql"

    def restart(self) -> None:
        """The process ends and another one starts: no memory but the database."""
        self.engine.dispose()
        inforce._cache.clear()
        self._start_clock()

    def start_another(self, ahead: int) -> None:
        """A further process, on a machine whose clock is wrong by so many microseconds; from now on it acts."""
        self.others.append((self.engine, self.clock, self.machine))
        self.machine = Machine(self.machine.host + ahead, self.machine.elapsed)
        self._start()
        self._start_clock()

    def switch(self) -> None:
        """Another of the processes acts."""
        self.others.append((self.engine, self.clock, self.machine))
        self.engine, self.clock, self.machine = self.others.pop(0)

    def close(self) -> None:
        for engine in self.engines:
            engine.dispose()

    @contextmanager
    def dying(self, after: int) -> Iterator[list[str]]:
        """The process that acts dies once it has come through `after` more statements and commits, if it comes so far.

        Yields what it committed: `kept` for each write. Whoever asks goes on after a `restart`.
        """
        left, kept, engine = [after], list[str](), self.engine

        def step(*_said: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Crash

        def commit(conn: Connection) -> None:
            step()
            if conn.get_execution_options().get("write"):
                kept.append("kept")

        event.listen(engine, "before_cursor_execute", step)
        event.listen(engine, "commit", commit)
        try:
            with suppress(Crash):
                yield kept
        finally:
            event.remove(engine, "before_cursor_execute", step)
            event.remove(engine, "commit", commit)

    def pass_time(self, microseconds: int) -> None:
        """All clocks go on, as they do between two requests."""
        if self.real_time:
            time.sleep(microseconds / SECOND)
            return
        for machine in (self.machine, *(machine for _, _, machine in self.others)):
            machine.tick(microseconds)

    def release(self) -> None:
        """What is due by the clock of the process that acts is carried out."""
        steady = Steady(seen=self.clock.host, elapsed=self.clock.elapsed)
        Releaser(engine=self.engine, clock=self.clock, steady=steady).round()

    def now(self) -> int:
        """The exchange clock of the process that acts."""
        with store.reading(self.engine) as conn:
            return self.clock.now(conn)

    def earliest(self) -> int:
        """The exchange clock of the process whose clock is furthest back."""
        with store.reading(self.engine) as conn:
            return min(clock.now(conn) for clock in (self.clock, *(clock for _, clock, _ in self.others)))

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
        return intake.Poster(engine=self.engine, clock=self.clock, member=member, key=self.key)

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
    return str(obj.get("name") or obj.get("abstract") or obj.get("x_text") or obj["content"])
