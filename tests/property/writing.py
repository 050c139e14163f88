"""A process that publishes to a store that others write too, and stops in the middle of its transactions.

Run as `python -m tests.property.writing URL MEMBER SEED SECONDS`; prints what it did as one JSON document. Nothing in
the exchange knows of it: it pauses on SQLAlchemy's events.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

from exchange import app, inforce, intake, pages, store
from exchange.sequencer import LEAD, Clock
from tests.property import world as w

PLACE = w.uid(1)
GROUPS = ("g1", "g2", "g3", "g4")
LEVELS = ("clear", "green", "amber")


@dataclass(slots=True, kw_only=True)
class Made:
    """One object version, and to whom it is, as words of policy.md 3.5.

    Of this host's clock, µs: `checked` is when the exchange last looked whether it was in time, `visible` when its
    commit had surely ended. `deleted` is a monotonic time, ns, at which its deletion was answered; `taken`: whether the
    exchange said so.
    """

    text: str
    id: str
    to: tuple[str, ...]
    taken: bool = False
    checked: int = 0
    visible: int = 0
    deleted: int | None = None


@dataclass(slots=True)
class Pauses:
    """Long stops between statements, some of them longer than the lead and after the instants were given."""

    chance: random.Random
    looked: int = 0
    checked: int = 0
    ended: int = 0
    _writes: bool = False

    def install(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)
        event.listen(engine, "begin", self._begin)

    def clock(self) -> Clock:
        """The exchange's own kind of clock; when it is read is known afterwards."""
        plain = app.new_clock()

        def elapsed() -> int:
            self.looked = time.time_ns() // 1000
            return plain.elapsed()

        return Clock(host=plain.host, elapsed=elapsed, wait=plain.wait)

    def _statement(self, _conn: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO log"):
            if self.chance.random() < 0.08:
                time.sleep(1.5 * LEAD / w.SECOND)
        elif self.chance.random() < 0.01:
            time.sleep(self.chance.uniform(0, 1.5) * LEAD / w.SECOND)

    def _commit(self, conn: Connection) -> None:
        if conn.get_execution_options().get("write"):
            self._writes, self.checked = True, self.looked

    def _begin(self, _conn: Connection) -> None:
        """The first transaction after a commit of objects: that one is over."""
        if self._writes:
            self.ended, self._writes = time.time_ns() // 1000, False


@dataclass(slots=True)
class Writer:
    poster: intake.Poster
    marks: dict[str, str]
    chance: random.Random
    pauses: Pauses
    made: list[Made] = field(default_factory=list)

    def step(self) -> None:
        live = [m for m in self.made if m.taken and m.deleted is None]
        if live and self.chance.random() < 0.15:
            self._delete(self.chance.choice(live).id)
        else:
            self._post(live)

    def _post(self, live: list[Made]) -> None:
        """One to three objects, and now and then another version of an old one, for the same readers."""
        new: list[Made] = []
        objects = []
        for _ in range(self.chance.randint(1, 3)):
            old = self.chance.choice(live) if live and self.chance.random() < 0.3 else None
            number = len(self.made) + len(new)
            object_id = old.id if old else f"campaign--{uuid.UUID(int=self.chance.getrandbits(128), version=4)}"
            if any(m.id == object_id for m in new):
                continue
            to = old.to if old else self._audience()
            made = Made(text=f"{self.poster.member} {number}", id=object_id, to=to)
            new.append(made)
            objects.append(self._object(made, number))
        self.made += new
        body = json.dumps({"objects": objects}).encode()
        try:
            status = intake.publish(self.poster, PLACE, body, str(uuid.uuid4()))
        except intake.Busy:  # some of it may be there
            return
        for made in new:
            made.taken = status["success_count"] == len(new)
            made.checked, made.visible = self.pauses.checked, self.pauses.ended

    def _audience(self) -> tuple[str, ...]:
        """Everybody, some groups, or one member; ever other ones, so that new labels come up all the time."""
        kind = self.chance.choice(["all", "groups", "groups", "one"])
        if kind == "one":
            return "red", "member:bob"
        groups = self.chance.sample(GROUPS, self.chance.randint(1, 3)) if kind == "groups" else []
        return self.chance.choice(LEVELS), *(f"group:{g}" for g in sorted(groups))

    def _object(self, made: Made, number: int) -> dict[str, Any]:
        marks = [w.TLP.get(word) or self.marks[word] for word in made.to]
        at = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
        return {
            "type": "campaign", "spec_version": "2.1", "id": made.id, "created": "2026-01-01T00:00:00.000Z",
            "modified": at, "name": made.text, "object_marking_refs": marks,
        }  # fmt: skip

    def _delete(self, object_id: str) -> None:
        try:
            done = intake.delete(self.poster, PLACE, object_id, pages.Filters(every=True))
        except intake.Busy:
            return
        for made in self.made:
            if made.id == object_id:
                made.taken, made.deleted = done is intake.Deletion.DONE, time.monotonic_ns()


def opened(url: str, clock: Clock) -> Engine:
    """What a process of the exchange has: connections, and a clock in step with the store's."""
    engine = store.connect(url, 4)
    with store.reading(engine) as conn:
        clock.not_before(conn)
    return engine


def main(url: str, member: str, seed: str, seconds: str) -> None:
    chance = random.Random(f"{seed} {member}")  # noqa: S311 - to be played again
    pauses = Pauses(chance)
    clock = pauses.clock()
    engine = opened(url, clock)
    with store.reading(engine) as conn:
        state = inforce.current(conn)
        assert state
        marks = dict(inforce.words(conn, state, member))
    marks = {word: mark for mark, word in marks.items()}
    pauses.install(engine)
    writer = Writer(intake.Poster(engine=engine, clock=clock, member=member), marks, chance, pauses)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        writer.step()
    engine.dispose()
    json.dump([asdict(m) for m in writer.made], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
