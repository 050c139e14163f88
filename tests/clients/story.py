"""One story for every client at once: what a publisher and an administrator do, what each client got of it.

A step makes some object versions readable; then every client polls until a poll brings nothing new. What it must
get in that step is known from what was published and from the policy; the rest is lost, repeated or not its own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from tests.clients.house import House, identity, words
from tests.clients.poller import Line, Obj, Poller, now, utc
from tests.protocol.served import address, indicator

TICKS = 12  # polls in one step after which a client that still gets new objects is given up
BUSY = "30 more while it polls"
STEPS = (
    "250 objects", "nothing new", BUSY, "late grant", "new versions", "deletions", "modified a day ahead", "restart",
    "503", "other filters",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Seat:
    """A client in the story; `got` is what it took in since the step began."""

    name: str
    poller: Poller
    line: Line
    got: list[Obj] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def tick(self) -> bool:
        """One poll. Whether it brought anything that this step had not brought yet."""
        known = {identity(o) for o in self.got}
        self.got += self.poller.poll()
        if self.poller.fault:
            self.faults.append(self.poller.fault)
        return not {identity(o) for o in self.got} <= known


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one step came to for one client. `foreign` are objects that it must not have."""

    lost: int = 0
    repeated: int = 0
    foreign: int = 0
    hung: bool = False
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.foreign:
            return f"leaks {self.foreign}"
        if self.hung:
            return "hangs"
        if self.lost:
            return f"loses {self.lost}"
        return f"repeats {self.repeated}" if self.repeated else "ok"

    @property
    def kind(self) -> str:
        return str(self).split()[0]


class Story:
    """`play` gives the outcome of every step for every seat."""

    def __init__(self, house: House, seats: Sequence[Seat]) -> None:
        self._house, self._seats = house, seats
        self._maker = house.member("maker")
        self._readable: set[tuple[str, str]] = set()
        self._late: list[Obj] = []
        self._known: list[Obj] = []

    def play(self, steps: Sequence[str] = STEPS) -> dict[str, dict[str, Outcome]]:
        """Some of the steps, in the order of `STEPS` and with the first of them."""
        table: dict[str, dict[str, Outcome]] = {seat.name: {} for seat in self._seats}
        for name in steps:
            for seat in self._seats:
                seat.got, seat.faults = [], []
            wanted = list(self._step(name)())
            self._readable |= {identity(o) for o in wanted}
            self._settle()
            self._quiet()
            for seat in self._seats:
                table[seat.name][name] = self._outcome(seat, wanted, counted=name != BUSY)
        return table

    def _step(self, name: str) -> Callable[[], Iterable[Obj]]:
        steps = (
            self.first, self.nothing, self.busy, self.grant, self.versions, self.deletions, self.ahead, self.restart,
            self.failing, self.filters,
        )  # fmt: skip
        return dict(zip(STEPS, steps, strict=True))[name]

    def _outcome(self, seat: Seat, wanted: Sequence[Obj], *, counted: bool) -> Outcome:
        must = {identity(o) for o in wanted if seat.poller.wants(o)}
        got = Counter(identity(o) for o in seat.got)
        # Who polls while objects come may get some twice, by when exactly it polls: not counted there.
        repeated = got.total() - len(must & got.keys()) if counted else 0
        return Outcome(
            lost=len(must - got.keys()),
            repeated=repeated,
            foreign=len(got.keys() - self._readable),
            hung=seat.line.hung,
            faults=tuple(seat.faults),
        )

    def _settle(self) -> None:
        """Until the server's clock, 100 ms ahead, and the next whole second of a client's own clock have passed."""
        moment = time.time() + 0.2
        time.sleep(0.2 + (1.01 - moment % 1))

    def _quiet(self) -> None:
        """Until three polls in a row brought nothing new, or one after the first was empty."""
        for seat in self._seats:
            idle = 0
            for count in range(TICKS):
                idle = 0 if seat.tick() or seat.poller.fault else idle + 1
                if idle and count and (idle > 2 or not seat.poller.taken):
                    break

    # What happens -----------------------------------------------------------------------------------------------------

    def _post(self, objects: Sequence[Obj]) -> Sequence[Obj]:
        found = self._maker.post("feed", *objects).json()
        assert found["success_count"] == len(objects), found.get("failures")
        return objects

    def first(self) -> Sequence[Obj]:
        """250 for everybody, and among them 20 for a group that the reader is not in."""
        late = words(self._maker)["group:late"]
        shared = [*fresh(220), *fresh(20, "malware"), *(address(f"198.51.100.{n}") for n in range(10))]
        self._late = [o | {"object_marking_refs": [late]} for o in fresh(20)]
        self._post([*shared[:120], *self._late, *shared[120:]])
        self._known = shared
        return shared

    def nothing(self) -> Sequence[Obj]:
        return []

    def busy(self) -> Sequence[Obj]:
        """30 more, one by one, while all clients poll; the first has no spec_version."""
        objects = [address("203.0.113.1"), *fresh(29)]
        self._readable |= {identity(o) for o in objects}
        poster = threading.Thread(target=lambda: [self._post([o]) for o in objects])
        poster.start()
        while poster.is_alive():
            for seat in self._seats:
                seat.tick()
        poster.join()
        return objects

    def grant(self) -> Sequence[Obj]:
        """The reader joins the group: what was for the group is older than everybody's cursor."""
        self._house.admit("readers", "late")
        return self._late

    def versions(self) -> Sequence[Obj]:
        moment = now()
        newer = [o | {"modified": stamp(moment, n)} for n, o in enumerate(self._known[:10])]
        return self._post(newer)

    def deletions(self) -> Sequence[Obj]:
        """Five objects, and the newest version of another, whose older one is readable again."""
        gone, back = self._known[20:25], self._known[0]
        paths = [f"{o['id']}/" for o in gone] + [f"{back['id']}/?match[version]=last"]
        for path in paths:
            found = self._maker.ask(f"/exchange/collections/feed/objects/{path}", "DELETE")
            assert found.status_code == 200, found.text
        return [back]

    def ahead(self) -> Sequence[Obj]:
        """A publisher whose clock is wrong is refused; else clients that keep the greatest `modified` go blind."""
        wrong = fresh(1)[0] | {"modified": utc(now() + timedelta(days=1), "%Y-%m-%dT%H:%M:%S.000Z")}
        found = self._maker.post("feed", wrong).json()
        assert found["failure_count"] == 1
        return self._post(fresh(3))

    def restart(self) -> Sequence[Obj]:
        """The server goes away when each client has read a page, and comes back after a poll that met nobody."""
        objects = self._post([address("203.0.113.2"), *fresh(119)])
        self._readable |= {identity(o) for o in objects}
        self._settle()
        self._interrupted(self._house.stop)
        for seat in self._seats:
            seat.tick()
        self._house.start()
        return objects

    def failing(self) -> Sequence[Obj]:
        """The database fails before a poll, and at the next poll when each client has read a page."""
        objects = self._post(fresh(120))
        self._readable |= {identity(o) for o in objects}
        self._settle()
        with self._house.broken():
            for seat in self._seats:
                seat.tick()
        self._interrupted(self._house.break_down)
        self._house.mend()
        return objects

    def filters(self) -> Sequence[Obj]:
        """Whoever can, asks for malware alone from now on."""
        for seat in self._seats:
            if seat.poller.types is not None:
                seat.poller.types = ("malware",)
        return self._post([*fresh(6), *fresh(6, "malware")])

    def _interrupted(self, happening: Callable[[], None]) -> None:
        """Every client polls at the same time; `happening` comes when each has read a page, or has ended."""
        arrived, over = threading.Semaphore(0), threading.Event()

        def hold() -> None:
            arrived.release()
            over.wait()

        def poll(seat: Seat) -> None:
            seat.line.when_read = hold
            seat.tick()
            if seat.line.when_read is not None:  # it read no page
                seat.line.when_read = None
                arrived.release()

        with ThreadPoolExecutor(len(self._seats)) as pool:
            polls = [pool.submit(poll, seat) for seat in self._seats]
            try:
                for _ in self._seats:
                    assert arrived.acquire(timeout=60)
                happening()
            finally:
                over.set()
            for done in polls:
                done.result()


def stamp(moment: datetime, more: int) -> str:
    """A STIX timestamp in milliseconds: `more` of them after the whole second of a moment."""
    return f"{utc(moment, '%Y-%m-%dT%H:%M:%S')}.{more:03}Z"


def fresh(count: int, kind: str = "indicator") -> list[Obj]:
    """New objects, each made a little later than the one before, all before now."""
    return list(_fresh(count, kind))


def _fresh(count: int, kind: str) -> Iterator[Obj]:
    moment = now() - timedelta(seconds=1)
    for number in range(count):
        made = stamp(moment, number)
        if kind == "indicator":
            yield indicator(created=made, modified=made, name=f"Indicator {number}")
            continue
        yield {
            "type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid4()}", "created": made, "modified": made,
            "name": f"Sample {number}", "is_family": False,
        }  # fmt: skip
