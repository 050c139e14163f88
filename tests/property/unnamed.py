"""An exchange where members publish anonymously: files, objects, and the tick at which copies enter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from exchange import feed
from exchange.release import Releaser, Steady
from tests.property import world as w

A, B = w.uid(1), w.uid(2)
IDENTITY = "identity--0a11ce00-0000-4000-8000-000000000001"
Object = Mapping[str, Any]
MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "alice": {"name": "Alice Robotics", "in": ["makers"], "identity": IDENTITY, "sites": ["alice.example"]},
    "bob": {"name": "Bob Foods", "in": ["makers"]},
    "carol": {"name": "Carol Bank", "in": ["banks"]},
    "dave": {"name": "Dave Agency", "in": ["federal"]},
}


def files(
    members: Mapping[str, Mapping[str, Any]] | None = None, tick: str = "60s", **rules: Any
) -> dict[str, str]:  # fmt: skip
    """Two collections that everybody reads and writes, the second as `rules` say; `members` adds to their keys."""
    told = {name: {**keys, **(members or {}).get(name, {})} for name, keys in MEMBERS.items()}
    common = {"read": "everyone", "write": "everyone", "accept": ["clear", "red"], "unmarked": "green"}
    collections = {"a": {"id": A, **common}, "b": {"id": B, **common, **rules}}
    home = w.home({"makers": "Makers", "banks": "Banks", "federal": "Agencies"}, told, collections)
    main = json.loads(home["config/exchange.yaml"]) | {"defaults": {"anonymous-tick": tick}}
    return {**home, "config/exchange.yaml": json.dumps(main)}


@dataclass(slots=True)
class Unnamed:
    """The world, and its releaser, which has a tick of so many seconds."""

    world: w.World
    releaser: Releaser
    seconds: int

    @classmethod
    def of(cls, url: str, members: Mapping[str, Mapping[str, Any]] | None = None, **rules: Any) -> Unnamed:
        world = w.World(url=url)
        world.apply(files(members, tick="1s" if world.real_time else "60s", **rules))
        return cls.around(world)

    @classmethod
    def around(cls, world: w.World) -> Unnamed:
        """A world with the files in force."""
        elapsed = (lambda: time.monotonic_ns() // 1000) if world.real_time else (lambda: world.machine.elapsed)
        steady = Steady(seen=world.now, elapsed=elapsed)
        releaser = Releaser(engine=world.engine, clock=world.clock, steady=steady)
        made = cls(world, releaser, 1 if world.real_time else 60)
        made.releaser.round()
        return made

    def apply(self, members: Mapping[str, Mapping[str, Any]] | None = None, **rules: Any) -> None:
        self.world.apply(files(members, tick=f"{self.seconds}s", **rules))

    def tick(self) -> int:
        """The next tick comes; how many versions were entered."""
        self.world.pass_time(self.seconds * w.SECOND + w.MILLISECOND)
        return self.releaser.round()

    def post(self, member: str, *objects: Object, where: str = A) -> dict[str, str]:
        """The messages of what was taken, by id; an assertion if anything was refused."""
        status = self.world.post(member, where, objects)
        assert "failures" not in status, status["failures"]
        return {line["id"]: line.get("message", "") for line in status["successes"]}

    def refused(self, member: str, *objects: Object, where: str = A) -> dict[str, str]:
        """The messages of what was refused, by id."""
        return {line["id"]: line["message"] for line in self.world.post(member, where, objects).get("failures", ())}

    def read(self, member: str, where: str = A) -> list[dict[str, Any]]:
        """All versions that a member is served, in order."""
        with self.world.requests() as request:
            page = feed.objects(request.conn, request._view(member, where, w.ALL), after=0, limit=1000)
        return [json.loads(item.raw) for item in page.items]

    def texts(self, member: str, where: str = A) -> list[str]:
        return sorted(str(o.get("name") or o.get("abstract") or o.get("value")) for o in self.read(member, where))

    def one(self, member: str, where: str = A) -> dict[str, Any]:
        (found,) = self.read(member, where)
        return found

    def marking(self, member: str, word: str = "credit:anonymous") -> str:
        return self.world.words(member)[word]


def address(value: str, marks: Sequence[str] = ()) -> dict[str, Any]:
    """An observable without anything that is not of the standard."""
    return {k: v for k, v in w.address(value, text="", marks=marks).items() if k != "x_text"}


@contextmanager
def audited(url: str, members: Mapping[str, Mapping[str, Any]]) -> Iterator[Unnamed]:
    """With these keys of members; at the end its log is as its versions say."""
    found = Unnamed.of(url, members)
    yield found
    assert found.world.audit() == []
    found.world.close()
