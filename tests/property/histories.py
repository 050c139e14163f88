"""Random histories of an exchange beside the naive model: what every member's polls show, after every step.

After each step every open view, from scratch, must equal the model's (`all`, `last`, `first`, objects and manifest),
and be one rising order whose times only move for a reason. Pollers with rhythms of their own must end with exactly what
the model grants.

When an object may come again (docs/design.md, promise 3):
- it was lost and gained since (3.6.6), be it by a right, by a newer or another publisher's deposit (3.4.8, 3.4.10);
- the member's own rights changed since: its groups, `relays`, or what it may read or write anywhere (3.6.5: a block
  comes label by label, whole);
- a newer version of the same publisher's object was deleted, or its audience narrowed by a deposit or a deletion (3.6.7).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exchange import intake, pages
from tests.property import model as naive
from tests.property import world as w
from tests.property.model import Deposit, Model

Place = tuple[str, str]  # member, collection
PAUSES = [1, 700, 5_000, 250_000, 3_600 * w.SECOND]
CLOCK_STEPS = [-3_600 * w.SECOND, -5 * w.SECOND, -50_000, 5 * w.SECOND, 3_600 * w.SECOND]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The alphabet of a machine. `notes` refer to any of `campaigns` and `notes`; `late` members come later."""

    members: Mapping[str, naive.Member]
    collections: Mapping[str, naive.Collection]
    late: Mapping[str, naive.Member] = field(default_factory=dict)
    groups: Sequence[str] = ("g1",)
    publishers: Sequence[str] = ("alice",)
    campaigns: int = 2
    notes: int = 0
    observables: int = 0
    versions: int = 2
    tlps: Sequence[str] = ("clear",)
    creators: bool = False
    envelope: int = 1
    named_only: bool = False
    changes: Sequence[str] = ("group", "group", "relays", "read", "write", "door", "file", "new")


@dataclass(slots=True)
class Poller:
    """One client: `after` is its cursor; `received` says at which step it last got a deposit (by number)."""

    filters: pages.Filters
    limit: int
    own_clock: bool = False
    after: int = 0
    received: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Sight:
    """What one view looked like when last seen: deposit → time, the step, and the greatest time ever shown."""

    step: int
    times: dict[int, int] = field(default_factory=dict)
    top: int = 0
    top_last: int = 0
    last: set[int] = field(default_factory=set)


def pollers() -> dict[str, Poller]:
    return {
        "quick": Poller(w.ALL, 100),
        "slow": Poller(w.ALL, 1),
        "newest": Poller(w.LAST, 2),
        "clocked": Poller(w.ALL, 2, own_clock=True),
    }


class Histories(RuleBasedStateMachine):
    """Set `shape`, and `template` and `folder` for SQLite, in a subclass."""

    shape: ClassVar[Shape]
    template: ClassVar[Path]
    folder: ClassVar[Path]
    made: ClassVar[itertools.count[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.world = w.World(url=self.fresh())
        self.model = Model(dict(self.shape.members), dict(self.shape.collections), self.shape.groups)
        self.absent: set[str] = set()
        self.step = 0
        self.looked = -1
        self.kind = "start"
        self.bodies: dict[tuple[str, str, int], Deposit] = {}
        self.creators: dict[tuple[str, str], str | None] = {}
        self.texts: dict[tuple[str, str], Deposit] = {}
        self.views: dict[Place, set[Deposit]] = {}
        self.lasts: dict[Place, set[Deposit]] = {}
        self.audiences: dict[int, frozenset[str]] = {}
        self.since: dict[tuple[Place, int], int] = {}
        self.since_last: dict[tuple[Place, int], int] = {}
        self.clock_then: dict[tuple[Place, int], int] = {}
        self.again: dict[int, int] = {}
        self.rights: dict[str, object] = {}
        self.changed: dict[str, int] = {}
        self.sights: dict[Place, Sight] = {}
        self.pollers: dict[Place, dict[str, Poller]] = {}
        self.world.apply(self.files())
        self.settle(0)

    def fresh(self) -> str:
        return w.copied(self.template, self.folder, f"history{next(self.made)}")

    def teardown(self) -> None:
        try:
            for member, collection in self.places():
                if self.model.opens(member, collection):
                    for kind in self.pollers[member, collection]:
                        self.poll_to_the_end(member, collection, kind)
            assert self.world.audit() == []
        finally:
            self.world.close()
            if not self.world.real_time:
                for end in ("", "-wal", "-shm"):
                    Path(str(self.world.engine.url.database) + end).unlink(missing_ok=True)

    # The config ---------------------------------------------------------------------------------------------

    def uid(self, collection: str) -> str:
        return w.uid(1 + list(self.shape.collections).index(collection))

    def files(self) -> dict[str, str]:
        members: dict[str, dict[str, Any]] = {}
        for name, m in self.model.members.items():
            if name not in self.absent:
                members[name] = {"name": name, "in": sorted(m.groups), "relays": m.relays, "suspended": not m.present}
                if m.identity:
                    members[name]["identity"] = m.identity
        return w.home(
            {g: f"Group {g}" for g in self.shape.groups},
            members,
            {
                name: {
                    "id": self.uid(name),
                    "read": right(c.read),
                    "write": right(c.write),
                    "accept": ["clear", "red"],
                    "own": "hidden" if c.hidden else "readable",
                    "audience": "named" if c.named else "open",
                }
                for name, c in self.model.collections.items()
            },
        )

    def places(self) -> list[Place]:
        return list(itertools.product(self.model.members, self.model.collections))

    def rights_of(self, member: str) -> object:
        m = self.model.members[member]
        has = self.model.has
        each = [(has(member, c.read), has(member, c.write), c.hidden) for c in self.model.collections.values()]
        return m.groups, m.relays, each

    # After every step ---------------------------------------------------------------------------------------

    def settle(self, clock: int) -> None:
        """Compare the model with what it said before: who gained what at this step, who may get what again."""
        audiences = self.model.audiences()
        if self.kind in ("post", "delete"):
            self.note_narrowed(audiences)
        self.audiences = audiences
        for member in self.model.members:
            new = member not in self.rights
            if self.rights.get(member) != (rights := self.rights_of(member)):
                self.rights[member], self.changed[member] = rights, self.step
            for collection in self.model.collections:
                self.settle_view((member, collection), 0 if new else clock)

    def settle_view(self, place: Place, clock: int) -> None:
        view = self.model.view(*place, self.audiences)
        for d in view - self.views.get(place, set()):
            self.since[place, d.seq], self.clock_then[place, d.seq] = self.step, clock
        last = naive.newest(view)
        for d in last - self.lasts.get(place, set()):
            self.since_last[place, d.seq] = self.step
        self.views[place], self.lasts[place] = view, last
        self.pollers.setdefault(place, pollers())

    def note_narrowed(self, audiences: Mapping[int, frozenset[str]]) -> None:
        narrowed = {seq for seq, who in self.audiences.items() if who - audiences.get(seq, frozenset())}
        for d in self.model.past.live:
            newer = {x.seq for x in self.texts.values() if same_object(d, x) and x.version > d.version}
            if newer & narrowed:
                self.again[d.seq] = self.step

    def explained(self, place: Place, seq: int, step: int) -> bool:
        """Whether something since `step` lets a deposit be sent again."""
        return max(self.since[place, seq], self.again.get(seq, -1), self.changed[place[0]]) > step

    @precondition(lambda self: self.looked < self.step)
    @invariant()
    def every_view_is_the_model_s(self) -> None:
        self.looked = self.step
        with self.world.requests() as request:
            for place in self.places():
                self.look(request, place)
        if self.step % 7 == 3:
            assert self.world.audit() == []

    def look(self, request: w.Request, place: Place) -> None:
        member, uid = place[0], self.uid(place[1])
        answer = request.poll(member, uid, filters=w.ALL)
        assert (answer is not None) == self.model.opens(*place)
        if answer is None:
            return
        every = self.known(place, answer.items)
        assert set(every) == self.views[place], differ(place, every, self.views[place])
        last = self.checked(request, place, w.LAST, naive.newest(self.views[place]))
        self.checked(request, place, w.FIRST, naive.oldest(self.views[place]))
        assert all(every[d] == at for d, at in last.items()), "one version has two times"
        self.check_times(place, {d.seq: at for d, at in every.items()}, {d.seq: at for d, at in last.items()})

    def checked(
        self, request: w.Request, place: Place, filters: pages.Filters, wanted: set[Deposit]
    ) -> dict[Deposit, int]:
        answer = request.poll(place[0], self.uid(place[1]), filters=filters)
        assert answer is not None
        assert not answer.more
        found = self.known(place, answer.items)
        assert set(found) == wanted, f"{filters} {differ(place, found, wanted)}"
        if self.step % 3 == 0:
            rows = [(i.date_added, i.id, i.version) for i in answer.items]
            assert request.manifest(place[0], self.uid(place[1]), filters) == rows
        return found

    def known(self, place: Place, items: Iterable[w.Seen]) -> dict[Deposit, int]:
        """Deposit → time. Rising and unique."""
        times = [i.date_added for i in items]
        assert all(a < b for a, b in itertools.pairwise(times)), f"not rising: {times}"
        found = {self.texts[place[1], i.text]: i.date_added for i in items}
        assert len(found) == len(times), "one entry twice in a view"
        return found

    def check_times(self, place: Place, times: dict[int, int], last: dict[int, int]) -> None:
        """Times stay, or move behind everything that was shown before, and never stand before the clock."""
        before = self.sights.get(place)
        new = {seq: at for seq, at in times.items() if before is None or before.times.get(seq) != at}
        for seq, at in new.items():
            assert at > self.clock_then[place, seq], f"{place} early: {seq}"
            if before:
                assert at > before.top, f"{place}: {seq} entered behind the cursor"
                assert seq not in before.times or self.explained(place, seq, before.step), f"{place}: {seq} moved"
        if before:
            for seq in last.keys() - before.last:
                assert last[seq] > before.top_last, f"{place}: {seq} became the last one behind the cursor"
        if self.kind in ("post", "delete") and (before is None or before.step == self.step - 1):
            check_runs(sorted(new.values()))
        sight = self.sights.setdefault(place, Sight(self.step))
        sight.step, sight.times, sight.last = self.step, times, set(last)
        sight.top = max([sight.top, *times.values()])
        sight.top_last = max([sight.top_last, *last.values()])

    def act(self, kind: str) -> int:
        """A step begins; the exchange clock before it."""
        self.step += 1
        self.kind = kind
        return self.world.now()

    # Publishing ---------------------------------------------------------------------------------------------

    def writers(self) -> list[Place]:
        """Who may publish where now."""
        return [
            (publisher, name)
            for publisher in self.shape.publishers
            for name, c in self.model.collections.items()
            if self.model.opens(publisher, name) and self.model.has(publisher, c.write)
        ]

    def deletable(self) -> list[tuple[str, str, str]]:
        writers = self.writers()
        objects = {(d.publisher, d.collection, d.id) for d in self.model.past.live}
        return sorted(o for o in objects if o[:2] in writers)

    @precondition(lambda self: self.writers())
    @rule(draw=st.data())
    def post(self, draw: st.DataObject) -> None:
        self.publish(draw)

    @precondition(lambda self: self.writers())
    @rule(draw=st.data())
    def post_again(self, draw: st.DataObject) -> None:
        """A second rule for it: most steps of a history should publish."""
        self.publish(draw)

    def publish(self, draw: st.DataObject) -> None:
        publisher, collection = draw.draw(st.sampled_from(self.writers()), "where")
        count = draw.draw(st.integers(1, self.shape.envelope), "objects")
        deposits = {}
        for _ in range(count):
            d = self.deposit(draw, publisher, collection)
            deposits.setdefault(d.id, d)
        for d in deposits.values():
            self.bodies[d.publisher, d.id, d.version] = d
        clock = self.act("post")
        words = self.world.words(publisher)
        status = self.world.post(publisher, self.uid(collection), [self.body(d, words) for d in deposits.values()])
        assert status["failure_count"] == 0, status
        self.model.post(deposits.values())
        for d in deposits.values():
            live = self.model.find(d.publisher, d.collection, d.id, d.version)
            assert live is not None
            self.texts[collection, text(live)] = live
        self.settle(clock)

    def deposit(self, draw: st.DataObject, publisher: str, collection: str) -> Deposit:
        ids = self.ids()
        object_id = draw.draw(st.sampled_from(ids), "id")
        observable = object_id.startswith("ipv4")
        version = 0 if observable else draw.draw(st.integers(1, self.shape.versions), "version")
        key = publisher, object_id, version
        live = any((d.publisher, d.id, d.version) == key for d in self.model.past.live)
        known = self.bodies.get(key)
        self.model.seq += 1
        if live and known and self.still_takes(collection, known):
            return replace(known, collection=collection, seq=self.model.seq)
        if live and known:
            return self.deposit_elsewhere(publisher, collection)
        return self.say(draw, key, collection, [i for i in ids if i != object_id])

    def deposit_elsewhere(self, publisher: str, collection: str) -> Deposit:
        """A campaign of its own, where what is live may not be said again here."""
        key = publisher, w.campaign_id(100 + self.model.seq), 1
        word = f"member:{min(self.nameable(collection), default=publisher)}"
        tlp, to = ("amber", frozenset({word})) if self.nameable(collection) else ("clear", frozenset({"group:g1"}))
        return self.keep(key, collection, tlp, to, frozenset(), None)

    def say(self, draw: st.DataObject, key: tuple[str, str, int], collection: str, others: Sequence[str]) -> Deposit:
        c = self.model.collections[collection]
        names = self.nameable(collection)
        tlp = draw.draw(st.sampled_from([t for t in self.shape.tlps if t != "red" or names]), "tlp")
        people = [f"member:{m}" for m in names]
        words = people if tlp == "red" else [f"group:{g}" for g in self.shape.groups] + people
        least = int(tlp == "red" or c.named)
        if not least and self.shape.named_only:
            words = [*words, "named-only"]
        to = draw.draw(st.sets(st.sampled_from(words), min_size=least, max_size=2), "to")
        refs: set[str] = set()
        if key[1].startswith("note"):
            refs = draw.draw(st.sets(st.sampled_from(others), min_size=1, max_size=2), "refs")
        return self.keep(key, collection, tlp, frozenset(to), frozenset(refs), self.creator(draw, key[:2]))

    def creator(self, draw: st.DataObject, key: tuple[str, str]) -> str | None:
        """The same in every version (STIX 2.1 section 3.6)."""
        if not self.shape.creators or key[1].startswith("ipv4"):
            return None
        if key not in self.creators:
            identities = [None, *(m.identity for m in self.model.members.values() if m.identity)]
            self.creators[key] = draw.draw(st.sampled_from(identities), "creator")
        return self.creators[key]

    def keep(
        self,
        key: tuple[str, str, int],
        collection: str,
        tlp: str,
        to: frozenset[str],
        refs: frozenset[str],
        creator: str | None,
    ) -> Deposit:
        publisher, object_id, version = key
        return Deposit(
            seq=self.model.seq,
            publisher=publisher,
            collection=collection,
            id=object_id,
            version=version,
            tlp=tlp,
            to=to,
            refs=refs,
            creator=creator,
            said=self.model.seq,
        )

    def still_takes(self, collection: str, d: Deposit) -> bool:
        names = {word.removeprefix("member:") for word in d.to if word.startswith("member:")}
        return names <= set(self.nameable(collection)) and bool(d.to or not self.model.collections[collection].named)

    def nameable(self, collection: str) -> list[str]:
        """Members in the file that the collection lets read (3.5)."""
        read = self.model.collections[collection].read
        return [m for m in self.model.members if m not in self.absent and self.model.has(m, read)]

    def ids(self) -> list[str]:
        return [
            *(w.campaign_id(n) for n in range(self.shape.campaigns)),
            *(w.note_id(n) for n in range(self.shape.notes)),
            *(w.address(f"192.0.2.{n}", text="")["id"] for n in range(self.shape.observables)),
        ]

    def body(self, d: Deposit, words: Mapping[str, str]) -> dict[str, Any]:
        marks = [w.TLP[d.tlp], *(words[word] for word in sorted(d.to))]
        more = {"created_by_ref": d.creator} if d.creator else {}
        n = int(d.id[-12:]) if not d.id.startswith("ipv4") else self.ids().index(d.id)
        if d.id.startswith("note"):
            return w.note(n, sorted(d.refs), d.version, text=text(d), marks=marks, **more)
        if d.id.startswith("campaign"):
            return w.campaign(n, d.version, text=text(d), marks=marks, **more)
        return w.address(f"192.0.2.{n - self.shape.campaigns - self.shape.notes}", text=text(d), marks=marks)

    @precondition(lambda self: self.deletable())
    @rule(draw=st.data(), which=st.sampled_from(["every", "last", "first"]))
    def delete(self, draw: st.DataObject, which: str) -> None:
        publisher, collection, object_id = draw.draw(st.sampled_from(self.deletable()), "object")
        own = [d.version for d in self.model.own(publisher, collection, object_id)]
        gone = {"every": own, "last": own[-1:], "first": own[:1]}[which]
        filters = {"every": w.ALL, "last": w.LAST, "first": w.FIRST}[which]
        clock = self.act("delete")
        for d in self.model.past.live:
            if (d.publisher, d.collection, d.id) == (publisher, collection, object_id) and d.version < max(gone):
                self.again[d.seq] = self.step
        done = self.world.delete(publisher, self.uid(collection), object_id, filters)
        assert done is intake.Deletion.DONE
        self.model.delete(publisher, collection, object_id, gone)
        self.settle(clock)

    @precondition(lambda self: self.model.past.live)
    @rule(draw=st.data())
    def delete_what_is_not_one_s_own(self, draw: st.DataObject) -> None:
        member, collection = draw.draw(st.sampled_from(self.places()), "who")
        object_id = draw.draw(st.sampled_from(self.ids()), "id")
        c = self.model.collections[collection]
        if not (self.model.opens(member, collection) and self.model.has(member, c.write)):
            return
        if self.model.own(member, collection, object_id):
            return
        seen = any(d.id == object_id for d in self.views[member, collection])
        wanted = intake.Deletion.FOREIGN if seen else intake.Deletion.HIDDEN
        assert self.world.delete(member, self.uid(collection), object_id) is wanted

    # Administration -----------------------------------------------------------------------------------------

    @rule(draw=st.data(), count=st.integers(1, 2))
    def change_the_config(self, draw: st.DataObject, count: int) -> None:
        clock = self.act("config")
        for _ in range(count):
            change = draw.draw(st.sampled_from(list(self.shape.changes)), "change")
            getattr(self, f"_change_{change}")(draw)
        self.world.apply(self.files())
        self.settle(clock)

    def _change_group(self, draw: st.DataObject) -> None:
        name = self._present(draw)
        group = draw.draw(st.sampled_from(list(self.shape.groups)), "group")
        m = self.model.members[name]
        self.model.members[name] = replace(m, groups=m.groups ^ {group})

    def _change_relays(self, draw: st.DataObject) -> None:
        name = self._present(draw)
        m = self.model.members[name]
        self.model.members[name] = replace(m, relays=not m.relays)

    def _change_read(self, draw: st.DataObject) -> None:
        name = draw.draw(st.sampled_from(list(self.model.collections)), "collection")
        self.model.collections[name] = replace(self.model.collections[name], read=self._right(draw))

    def _change_write(self, draw: st.DataObject) -> None:
        name = draw.draw(st.sampled_from(list(self.model.collections)), "collection")
        self.model.collections[name] = replace(self.model.collections[name], write=self._right(draw))

    def _change_own(self, draw: st.DataObject) -> None:
        name = draw.draw(st.sampled_from(list(self.model.collections)), "collection")
        c = self.model.collections[name]
        self.model.collections[name] = replace(c, hidden=not c.hidden)

    def _change_named(self, draw: st.DataObject) -> None:
        name = draw.draw(st.sampled_from(list(self.model.collections)), "collection")
        c = self.model.collections[name]
        self.model.collections[name] = replace(c, named=not c.named)

    def _change_door(self, draw: st.DataObject) -> None:
        """Suspended, or no longer."""
        name = self._present(draw)
        m = self.model.members[name]
        self.model.members[name] = replace(m, present=not m.present)

    def _change_file(self, draw: st.DataObject) -> None:
        """Out of the file, or back with the stanza it had."""
        name = draw.draw(st.sampled_from(list(self.model.members)), "member")
        if name in self.absent:
            self.absent.discard(name)
            self.model.members[name] = replace(self.model.members[name], present=True)
        elif len(self.absent) + 1 < len(self.model.members):
            self.absent.add(name)
            self.model.members[name] = replace(self.model.members[name], present=False)

    def _change_new(self, draw: st.DataObject) -> None:
        waiting = {name: m for name, m in self.shape.late.items() if name not in self.model.members}
        if waiting:
            name = draw.draw(st.sampled_from(sorted(waiting)), "newcomer")
            self.model.members[name] = waiting[name]

    def _present(self, draw: st.DataObject) -> str:
        found: str = draw.draw(st.sampled_from([m for m in self.model.members if m not in self.absent]), "member")
        return found

    def _right(self, draw: st.DataObject) -> frozenset[str]:
        rights = [frozenset({"everyone"}), *(frozenset({g}) for g in self.shape.groups)]
        found: frozenset[str] = draw.draw(st.sampled_from(rights), "right")
        return found

    # Time ---------------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["pass", "set", "restart"]), draw=st.data())
    def meanwhile(self, what: str, draw: st.DataObject) -> None:
        """Time passes, the host's clock is set, or the process restarts."""
        if what == "restart":
            self.act(what)
            self.world.restart()
            self.set_own_clocks()
        elif what == "set":
            self.world.machine.host += draw.draw(st.sampled_from(CLOCK_STEPS), "microseconds")
        else:
            passed = draw.draw(st.sampled_from(PAUSES), "microseconds")
            self.world.pass_time(min(passed, 5_000) if self.world.real_time else passed)

    def set_own_clocks(self) -> None:
        """A process knows no clock of the one before it but what the database kept: a host's clock that is set back
        while nothing runs is a known limit for clients that keep their own clock, not for those that use ours."""
        now = self.world.now()
        for poller in (p for kinds in self.pollers.values() for p in kinds.values() if p.own_clock):
            poller.after = min(poller.after, now)

    # Polling ------------------------------------------------------------------------------------------------

    @rule(draw=st.data(), kind=st.sampled_from(sorted(pollers())), count=st.integers(1, 3))
    def poll(self, draw: st.DataObject, kind: str, count: int) -> None:
        place = draw.draw(st.sampled_from(self.places()), "who")
        if not self.model.opens(*place):
            assert self.world.poll(place[0], self.uid(place[1])) is None
        elif kind == "clocked":
            self.poll_to_the_end(*place, kind)
        else:
            for _ in range(count):
                self.page(place, self.pollers[place][kind])

    def poll_to_the_end(self, member: str, collection: str, kind: str) -> None:
        place = member, collection
        poller = self.pollers[place][kind]
        start = self.world.now()
        while self.page(place, poller):
            pass
        if poller.own_clock:
            poller.after = start

    def page(self, place: Place, poller: Poller) -> bool:
        """One page; whether there is more."""
        uid = self.uid(place[1])
        whole = self.world.poll(place[0], uid, filters=poller.filters)
        answer = self.world.poll(place[0], uid, after=poller.after, limit=poller.limit, filters=poller.filters)
        assert whole is not None
        assert answer is not None
        rest = [i for i in whole.items if i.date_added > poller.after]
        assert list(answer.items) == rest[: poller.limit]
        assert answer.more == (len(rest) > poller.limit)
        self.receive(place, poller, answer)
        if not answer.more:
            self.check_whole(place, poller)
        return answer.more

    def receive(self, place: Place, poller: Poller, answer: w.Answer) -> None:
        for item in answer.items:
            d = self.texts[place[1], item.text]
            assert d in self.views[place], f"{place} was served {d}"
            if d.seq in poller.received and not poller.own_clock:
                assert self.explained(place, d.seq, poller.received[d.seq]), f"{place} got {d} twice"
            poller.received[d.seq] = self.step
            poller.after = item.date_added

    def check_whole(self, place: Place, poller: Poller) -> None:
        """Everything readable came at or after it became so."""
        last = poller.filters == w.LAST
        for d in self.lasts[place] if last else self.views[place]:
            since = (self.since_last if last else self.since)[place, d.seq]
            assert poller.received.get(d.seq, -1) >= since, f"{place} missed {d}"


def differ(place: Place, found: Iterable[Deposit], wanted: Iterable[Deposit]) -> str:
    return f"{place} reads {set(found) - set(wanted)} and misses {set(wanted) - set(found)}"


def text(d: Deposit) -> str:
    return f"{d.publisher} {d.said}"


def right(groups: frozenset[str]) -> str | list[str]:
    return "everyone" if "everyone" in groups else sorted(groups)


def same_object(a: Deposit, b: Deposit) -> bool:
    return (a.publisher, a.collection, a.id) == (b.publisher, b.collection, b.id)


def check_runs(times: Sequence[int]) -> None:
    """Each run of consecutive microseconds ends on a whole millisecond (policy 3.6.1)."""
    for at in times:
        assert at + 1 in times or at % w.MILLISECOND == 0, f"a run ends at {at}"
