"""A year with a release plan, on a clock of its own, through the web application: nothing early, missed or twice.

Labs publish, revise, put off, release early and take back; the operator breaks embargoes and withdraws; members come,
go and change groups; the exchange is down for hours and stages fall due meanwhile. At each poll a member must get
exactly what the naive model (`year.Reading`) gives it since its last one, and in the manifest at the time when it
became so.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from exchange import app, audit, credentials, inforce, markings, store, tables, withdrawing
from exchange.app import Exchange
from exchange.release import Releaser, Steady
from exchange.sequencer import LEAD, Clock
from tests.property import world as w
from tests.property import year
from tests.property.year import FLAWS, SECOND, Event, Reading, Version

MEDIA_TYPE = "application/taxii+json;version=2.1"
TLP = {level.value: i for i, level in markings.TLP_IDS.items()}  # of TLP 2, which come last
OBJECTS = f"/exchange/collections/{FLAWS}/objects/"
MANIFEST = f"/exchange/collections/{FLAWS}/manifest/"
PAGE = 200


@dataclass(slots=True)
class Poller:
    """A member's client: what it has, its cursor, and what the model says is waiting for it, since when."""

    after: str = "1970-01-01T00:00:00Z"
    last: dict[str, Version] = field(default_factory=dict)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)  # (id, version) → the clock when it became so
    # What may be sent again, since its own rights changed, or a newer version was deleted, and when (promise 3).
    again: dict[tuple[str, str], int] = field(default_factory=dict)


class Year:
    """The exchange, the model and the members' clients on one clock."""

    def __init__(self, home: Path, seed: int, count: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311
        self.machine = w.Machine()
        self.home = home
        self.reading = Reading(year.members(count, self.rng))
        self.pollers = {name: Poller() for name in self.reading.orgs}
        self.received = self.polls = self.steps = 0
        self.began = self.machine.host  # when what happens now began
        self.open()
        self.keys = self._keys()
        self.created: dict[str, str] = {}
        self.stages: list[tuple[int, str]] = []  # (due, id), the next one first
        self.referrers: dict[str, set[str]] = defaultdict(set)
        self.gone: set[str] = set()

    # The exchange ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        inforce._cache.clear()
        opened = app.open_exchange(self.home, f"sqlite:///{self.home}/data/exchange.db")
        machine = self.machine
        clock = Clock(host=lambda: machine.host, elapsed=lambda: machine.elapsed, wait=machine.tick)
        self.exchange = Exchange(
            engine=opened.engine, ledger=opened.ledger, clock=clock, home=self.home, new_id=self._uuid
        )
        with store.reading(self.exchange.engine) as conn:
            clock.not_before(conn)
        self.apply()
        self.app: Flask = app.create_app(self.exchange)
        self.client: FlaskClient = self.app.test_client()
        steady = Steady(seen=lambda: machine.host, elapsed=lambda: machine.elapsed)
        self.releaser = Releaser(engine=self.exchange.engine, clock=clock, steady=steady)

    def close(self) -> None:
        self.exchange.close()

    def apply(self) -> None:
        inforce.put(self.exchange.engine, dict(year.files(self.reading.orgs)), self.exchange.clock)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _keys(self) -> dict[str, str]:
        with store.writing(self.exchange.engine) as conn:
            numbers = store.members(conn)
            return {
                name: credentials.new(
                    conn, member=numbers[name], scope=("read", "write"), now=0, token=self.rng.randbytes
                )
                for name in self.reading.orgs
            }

    def ask(self, who: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Accept": MEDIA_TYPE, **options.pop("headers", {})}
        return self.client.open(path, headers=headers, **options)

    # Time -----------------------------------------------------------------------------------------------------

    def run(self, events: Sequence[Event]) -> None:
        heap = [(e.at + w.START, n, e) for n, e in enumerate(events)]
        heapq.heapify(heap)
        running = True
        while heap:
            at, _, event = heapq.heappop(heap)
            if running:
                self.until(at)
            else:
                self.machine.tick(max(0, at - self.machine.host))
            if event.kind == "stop":
                self.exchange.close()
                running = False
            elif event.kind == "start":
                self.open()
                running = True
                self.round()
            else:
                self.began = self.machine.host
                getattr(self, event.kind)(event)
                self.steps += 1

    def until(self, at: int) -> None:
        """Time goes on; within a second of each stage's time there is a round."""
        while (due := self._due()) is not None and due <= at:
            self.machine.tick(max(0, due - self.machine.host) + self.rng.randrange(SECOND // 2))
            self.round()
        self.machine.tick(max(0, at - self.machine.host))

    def _due(self) -> int | None:
        with store.reading(self.exchange.engine) as conn:
            found: int | None = conn.scalar(select(func.min(tables.version.c.due)))
            return found

    def round(self) -> None:
        self.began = self.machine.host
        self.releaser.round()
        with store.reading(self.exchange.engine) as conn:
            self.reading.released = store.tick(conn)
        touched = set()
        while self.stages and self.stages[0][0] <= self.reading.released:
            touched.add(heapq.heappop(self.stages)[1])
        self.settle(touched)
        self.steps += 1

    def settle(self, ids: set[str], names: Sequence[str] | None = None) -> None:
        """What became readable or another version, and what is so no longer, of these ids and what refers to them."""
        referrers = {i for id_ in ids for i in self.referrers[id_]}
        for name in names or list(self.reading.orgs):
            poller = self.pollers[name]
            for id_ in ids | referrers:
                newest, known = self.reading.newest(id_, name), poller.last.get(id_)
                if newest == known:
                    continue
                if known:
                    poller.waiting.pop((id_, known.modified), None)
                    poller.again.pop((id_, known.modified), None)
                    del poller.last[id_]
                if newest:
                    poller.waiting[id_, newest.modified] = self.began
                    poller.last[id_] = newest

    # Publishing -----------------------------------------------------------------------------------------------

    def publish(self, _event: Event) -> None:
        publisher = self.rng.choice([name for name in self.reading.orgs if name.startswith("lab")])
        new = [self._version(publisher, f"vulnerability--{self._uuid()}", 1) for _ in range(self.rng.randint(3, 5))]
        old = [i for i, vs in self.reading.versions.items() if vs and vs[0].publisher == publisher and not vs[0].refs]
        if old and self.rng.random() < 0.3:
            made = self._version(publisher, f"relationship--{self._uuid()}", 1)
            new.append(replace(made, refs=frozenset({new[0].id, self.rng.choice(old)})))
        self.post(publisher, new)

    def revise(self, _event: Event) -> None:
        ids = [i for i, vs in self.reading.versions.items() if vs and len(vs) < 3 and not vs[0].refs]
        if ids:
            id_ = self.rng.choice(ids[-400:])
            last = self.reading.versions[id_][-1]
            if last.at // 1000 < self.machine.host // 1000:
                self.post(last.publisher, [self._version(last.publisher, id_, last.number + 1)])

    def delete(self, _event: Event) -> None:
        """The newest of several, so that the one before it is the last one again."""
        ids = [i for i, vs in self.reading.versions.items() if len(vs) > 1]
        if ids:
            id_ = self.rng.choice(ids)
            newest = self.reading.versions[id_][-1]
            path = f"{OBJECTS}{id_}/?match[version]={newest.modified}"
            assert self.ask(newest.publisher, path, method="DELETE").status_code == 200
            self.reading.drop(newest)
            self.settle({id_})
            for name in self.pollers:
                self.again(name, [id_])

    def end(self, _event: Event) -> None:
        """The operator breaks an embargo."""
        if id_ := self._some():
            self.releaser.end_embargo(id_)
            self.reading.break_embargo(id_)
            self.settle({id_})

    def withdraw(self, _event: Event) -> None:
        """The operator takes something out of every view."""
        if id_ := self._some():
            engine, clock = self.exchange.engine, self.exchange.clock
            assert withdrawing.withdraw(engine, clock, withdrawing.by_ids([id_]), "error")
            self.gone |= {id_}
            for v in list(self.reading.versions[id_]):
                self.reading.drop(v)
            self.settle({id_})

    def _some(self) -> str:
        """What nothing refers to: after a withdrawal its last audience would stay with that."""
        ids = [i for i, vs in self.reading.versions.items() if vs and not vs[0].refs and not self.referrers[i]]
        return self.rng.choice(ids) if ids else ""

    def _version(self, publisher: str, id_: str, number: int) -> Version:
        rng, at = self.rng, self.machine.host
        plan = rng.choices(["cvd", "slow", "now"], [85, 10, 5])[0]
        named = frozenset(
            rng.sample([name for name in self.reading.orgs if self.reading.orgs[name].there], rng.randint(0, 2))
        )
        started = min((v.started for v in self.reading.versions.get(id_, ()) if v.plan == plan), default=at)
        return Version(
            id=id_, number=number, publisher=publisher, at=at, started=started, plan=plan, named=named - {publisher},
            tlp=rng.choice(["clear", "green", "amber", "amber", "amber+strict"]),
            only=bool(named - {publisher}) and rng.random() < 0.05,
        )  # fmt: skip

    def post(self, publisher: str, new: Sequence[Version]) -> None:
        words = self._words(publisher)
        body = json.dumps({"objects": [self._object(v, words) for v in new]})
        answer = self.ask(publisher, OBJECTS, method="POST", data=body, headers={"Content-Type": MEDIA_TYPE})
        assert answer.status_code == 202, answer.text
        assert json.loads(answer.data)["failure_count"] == 0, answer.text
        for v in new:
            self.reading.add(v)
            for delay, _ in year.PLANS[v.plan]:
                heapq.heappush(self.stages, (v.started + delay, v.id))
            for ref in v.refs:
                self.referrers[ref].add(v.id)
        self.settle({v.id for v in new})

    def _words(self, publisher: str) -> dict[str, str]:
        """Word → marking id, polled like any other collection."""
        with store.reading(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state is not None
            return {word: i for i, word in inforce.words(conn, state, publisher).items()}

    def _object(self, v: Version, words: dict[str, str]) -> dict[str, Any]:
        said = [f"member:{name}" for name in sorted(v.named)] + ["named-only"] * v.only
        said += [f"release:{v.plan}"] * (v.plan != "cvd")
        first = self.reading.versions[v.id][0] if self.reading.versions.get(v.id) else v
        common = {
            "spec_version": "2.1", "id": v.id, "created": self._created(first), "modified": v.modified,
            "object_marking_refs": [TLP[v.tlp], *(words[word] for word in said)],
        }  # fmt: skip
        if v.refs:
            source, target = sorted(v.refs)
            return common | {
                "type": "relationship", "relationship_type": "related-to", "source_ref": source, "target_ref": target,
            }  # fmt: skip
        return common | {"type": "vulnerability", "name": f"Flaw {v.id[-6:]}, version {v.number}"}

    def _created(self, first: Version) -> str:
        return self.created.setdefault(first.id, first.modified)

    # Administration, clients ----------------------------------------------------------------------------------

    def config(self, _event: Event) -> None:
        name, org = year.changed(self.reading.orgs, self.rng)
        before, self.reading.orgs[name] = self.reading.orgs[name], org
        self.apply()
        if before.within != org.within or before.relays != org.relays:
            self.settle({i for i, vs in self.reading.versions.items() if vs}, [name])
            self.again(name, self.pollers[name].last)

    def again(self, name: str, ids: Iterable[str]) -> None:
        poller = self.pollers[name]
        for id_ in ids:
            if id_ in poller.last:
                poller.again[id_, poller.last[id_].modified] = self.began

    def poll(self, event: Event) -> None:
        """One member polls to the end: what it gets is what was waiting for it."""
        name, org = event.who, self.reading.orgs[event.who]
        poller = self.pollers[name]
        self.polls += 1
        if org.away or not org.there:
            assert self.ask(name, OBJECTS).status_code == 401
            return
        got = self._objects(name, poller) if self.polls % 2 else self._manifest(name, poller)
        early, missed = set(got) - poller.waiting.keys() - poller.again.keys(), poller.waiting.keys() - set(got)
        assert not early, f"{name} got {early}"
        assert not missed, f"{name} missed {missed}"
        assert len(got) == len(set(got)), f"{name} got something twice"
        self.received += len(got)
        poller.waiting.clear()
        poller.again.clear()

    def _objects(self, name: str, poller: Poller) -> list[tuple[str, str]]:
        return [(i["id"], i["modified"]) for page in self._pages(name, OBJECTS, poller) for i in page]

    def _manifest(self, name: str, poller: Poller) -> list[tuple[str, str]]:
        found = [i for page in self._pages(name, MANIFEST, poller) for i in page]
        self._check_times(poller, found)
        return [(i["id"], i["version"]) for i in found]

    def _pages(self, name: str, path: str, poller: Poller) -> Iterator[list[dict[str, Any]]]:
        query: dict[str, str] = {"limit": str(PAGE), "added_after": poller.after}
        while True:
            answer = self.ask(name, path, query_string=query)
            assert answer.status_code == 200, answer.text
            found = json.loads(answer.data)
            if items := found.get("objects", []):
                poller.after = answer.headers["X-TAXII-Date-Added-Last"]
            yield items
            if not found.get("more"):
                return
            query = {"limit": str(PAGE), "next": found["next"]}

    def _check_times(self, poller: Poller, items: Sequence[dict[str, Any]]) -> None:
        """Not before it became readable, and within the lead of it, or of a change of the member's own rights."""
        for item in items:
            place, added = (item["id"], item["version"]), year.instant(item["date_added"])
            since = [poller.waiting.get(place, 0), poller.again.get(place, 0)]
            assert any(at < added <= at + 2 * LEAD + SECOND for at in since), (item, [year.stamp(at) for at in since])

    def finish(self) -> None:
        for name, org in self.reading.orgs.items():
            if org.there and not org.away:
                self.poll(Event(0, "poll", name))
        with store.reading(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state is not None
            assert audit.audit(conn, state.readers) == []


def live(folder: Path, *, seed: int, count: int, days: int, posts: int, polls: float, taken: int = 0) -> Year:
    folder.mkdir()
    found = Year(folder, seed, count)
    try:
        found.run(year.events(found.rng, found.reading.orgs, days=days, posts=posts, polls=polls, taken=taken))
        found.finish()
    finally:
        found.close()
    return found


def test_two_months_of_eight_members_are_what_the_model_says(tmp_path: Path) -> None:
    found = live(tmp_path / "home", seed=1, count=10, days=70, posts=30, polls=0.3, taken=8)
    assert found.gone
    assert found.received > 500


@pytest.mark.long
def test_a_year_of_forty_members_is_what_the_model_says(tmp_path: Path) -> None:
    seed = int(os.environ.get("EXCHANGE_YEAR_SEED", "1"))
    found = live(tmp_path / "home", seed=seed, count=40, days=365, posts=3_000, polls=1.0)
    print(f"{found.steps} events, {found.polls} polls, {found.received} objects received")  # noqa: T201
    assert sum(len(v) for v in found.reading.versions.values()) > 12_000
