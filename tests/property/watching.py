"""Every member's view of a random history, held against the naive model.

When an object may come again (architecture.md, promise 3):
- it was lost and gained since (3.6.6), be it by a right, or by a newer or another publisher's deposit (3.4.8, 3.4.10);
- the member's own rights changed since: its groups, `relays`, or what it may read or write anywhere (3.6.5: a block
  comes label by label, whole);
- a newer version of the same publisher's object was deleted, or its audience narrowed by a deposit or a deletion
  (3.6.7).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exchange import pages
from tests.property import model as naive
from tests.property import world as w
from tests.property.model import Deposit, Model
from tests.property.shapes import Shape, text

Place = tuple[str, str]  # member, collection


@dataclass(slots=True)
class Sight:
    """What one view looked like when last seen: deposit (by number) → time, and the greatest times ever shown."""

    step: int
    times: dict[int, int] = field(default_factory=dict)
    last: set[int] = field(default_factory=set)
    top: int = 0
    top_last: int = 0


@dataclass(slots=True)
class Poller:
    """One client: `after` is its cursor; `received` says at which step it last got a deposit."""

    filters: pages.Filters
    limit: int
    own_clock: bool = False
    after: int = 0
    received: dict[int, int] = field(default_factory=dict)


def pollers() -> dict[str, Poller]:
    return {
        "quick": Poller(w.ALL, 100),
        "slow": Poller(w.ALL, 1),
        "newest": Poller(w.LAST, 2),
        "clocked": Poller(w.ALL, 2, own_clock=True),
    }


@dataclass(slots=True)
class Watch:
    """`step` counts what happened, `kind` says what that was; dicts by deposit hold the step of an event."""

    world: w.World
    model: Model
    shape: Shape
    step: int = 0
    kind: str = "config"
    texts: dict[tuple[str, str], Deposit] = field(default_factory=dict)
    audiences: Mapping[int, frozenset[str]] = field(default_factory=dict)
    views: dict[Place, set[Deposit]] = field(default_factory=dict)
    lasts: dict[Place, set[Deposit]] = field(default_factory=dict)
    since: dict[tuple[Place, int], int] = field(default_factory=dict)
    since_last: dict[tuple[Place, int], int] = field(default_factory=dict)
    clock_then: dict[tuple[Place, int], int] = field(default_factory=dict)
    again: dict[int, int] = field(default_factory=dict)
    rights: dict[str, object] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    sights: dict[Place, Sight] = field(default_factory=dict)
    pollers: dict[Place, dict[str, Poller]] = field(default_factory=dict)

    def places(self) -> list[Place]:
        return list(itertools.product(self.model.members, self.model.collections))

    # What the model says now ----------------------------------------------------------------------------------

    def settle(self, clock: int) -> None:
        """After a step that began at `clock`: who gained what, and who may get what again."""
        audiences = self.model.audiences()
        if self.kind in ("post", "delete", "release"):
            self._note_narrowed(audiences)
        self.audiences = audiences
        for member in self.model.members:
            new = member not in self.rights
            if self.rights.get(member) != (rights := self._rights(member)):
                self.rights[member], self.changed[member] = rights, self.step
            for collection in self.model.collections:
                # A new member reads the past at its original times.
                self._settle_view((member, collection), 0 if new else clock)

    def _rights(self, member: str) -> object:
        has = self.model.has
        each = [(has(member, c.reads), has(member, c.writes), c.hidden) for c in self.model.collections.values()]
        return self.model.groups_of(member), self.model.members[member].relays, each

    def _settle_view(self, place: Place, clock: int) -> None:
        view = self.model.view(*place, self.audiences)
        for d in view - self.views.get(place, set()):
            self.since[place, d.seq], self.clock_then[place, d.seq] = self.step, clock
        last = naive.newest(view)
        for d in last - self.lasts.get(place, set()):
            self.since_last[place, d.seq] = self.step
        self.views[place], self.lasts[place] = view, last
        self.pollers.setdefault(place, pollers())

    def _note_narrowed(self, audiences: Mapping[int, frozenset[str]]) -> None:
        """A deleted version has lost its whole audience."""
        narrowed = {seq for seq, who in self.audiences.items() if who - audiences.get(seq, frozenset())}
        narrowed |= self.audiences.keys() - audiences.keys()
        newer = [x for x in self.texts.values() if x.seq in narrowed]
        for d in self.model.past.live:
            if any(x.version > d.version and x.object == d.object for x in newer):
                self.again[d.seq] = self.step

    def _explained(self, place: Place, seq: int, step: int) -> bool:
        """Whether something since `step` lets a deposit be sent again."""
        return max(self.since[place, seq], self.again.get(seq, -1), self.changed[place[0]]) > step

    # What the exchange shows ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Every view, from scratch."""
        with self.world.requests() as request:
            for place in self.places():
                self._look(request, place)

    def _look(self, request: w.Request, place: Place) -> None:
        answer = request.poll(place[0], self.shape.uid(place[1]), filters=w.ALL)
        assert (answer is not None) == self.model.opens(*place)
        if answer is None:
            return
        every = self._known(place, answer.items, self.views[place])
        last = self._filtered(request, place, w.LAST, naive.newest(self.views[place]))
        self._filtered(request, place, w.FIRST, naive.oldest(self.views[place]))
        assert all(every[seq] == at for seq, at in last.items()), "one version has two times"
        self._check_times(place, every, last)

    def _filtered(
        self, request: w.Request, place: Place, filters: pages.Filters, wanted: set[Deposit]
    ) -> dict[int, int]:
        uid = self.shape.uid(place[1])
        answer = request.poll(place[0], uid, filters=filters)
        assert answer is not None
        if self.step % 3 == 0:
            rows = [(i.date_added, i.id, i.version) for i in answer.items]
            assert request.manifest(place[0], uid, filters) == rows
        return self._known(place, answer.items, wanted)

    def _known(self, place: Place, items: Iterable[w.Seen], wanted: set[Deposit]) -> dict[int, int]:
        """Deposit → time, if they are the wanted ones in one rising order."""
        found = [(self.texts[place[1], i.text], i.date_added) for i in items]
        assert all(a[1] < b[1] for a, b in itertools.pairwise(found)), f"{place}: not rising, {found}"
        deposits = {d for d, _ in found}
        assert deposits == wanted, f"{place} reads {deposits - wanted} and misses {wanted - deposits}"
        assert len(deposits) == len(found), f"{place}: one entry twice, {found}"
        return {d.seq: at for d, at in found}

    def _check_times(self, place: Place, times: dict[int, int], last: dict[int, int]) -> None:
        """Times stay, or move behind all that was shown before, and never stand before the clock of the gain."""
        before = self.sights.setdefault(place, Sight(self.step - 1))
        new = {seq: at for seq, at in times.items() if before.times.get(seq) != at}
        for seq, at in new.items():
            assert at > self.clock_then[place, seq], f"{place}: {seq} is early"
            assert at > before.top, f"{place}: {seq} entered behind the cursor"
            assert seq not in before.times or self._explained(place, seq, before.step), f"{place}: {seq} moved"
        for seq in last.keys() - before.last:
            assert last[seq] > before.top_last, f"{place}: {seq} became the last one behind the cursor"
        if self.kind in ("post", "delete") and before.step == self.step - 1:
            _check_runs(new.values())
        top, top_last = max([before.top, *times.values()]), max([before.top_last, *last.values()])
        self.sights[place] = Sight(self.step, times, set(last), top, top_last)

    # Clients --------------------------------------------------------------------------------------------------

    def poll_to_the_end(self, place: Place, kind: str) -> None:
        poller = self.pollers[place][kind]
        start = self.world.earliest()
        while self.page(place, poller):
            pass
        if poller.own_clock:
            poller.after = start

    def page(self, place: Place, poller: Poller) -> bool:
        """One page, which must be the next part of the whole view; whether there is more."""
        uid = self.shape.uid(place[1])
        whole = self.world.poll(place[0], uid, filters=poller.filters)
        answer = self.world.poll(place[0], uid, after=poller.after, limit=poller.limit, filters=poller.filters)
        assert whole is not None
        assert answer is not None
        rest = [i for i in whole.items if i.date_added > poller.after]
        assert list(answer.items) == rest[: poller.limit]
        assert answer.more == (len(rest) > poller.limit)
        for item in answer.items:
            self._receive(place, poller, item)
        if not answer.more:
            self._check_whole(place, poller)
        return answer.more

    def _receive(self, place: Place, poller: Poller, item: w.Seen) -> None:
        d = self.texts[place[1], item.text]
        assert d in self.views[place], f"{place} was served {d}"
        # A client by its own clock asks again for what stood ahead of it.
        if d.seq in poller.received and not poller.own_clock:
            assert self._explained(place, d.seq, poller.received[d.seq]), f"{place} got {d} twice"
        poller.received[d.seq] = self.step
        poller.after = item.date_added

    def _check_whole(self, place: Place, poller: Poller) -> None:
        """Everything readable came at or after it became so."""
        wanted, since = self.views[place], self.since
        if poller.filters == w.LAST:
            wanted, since = self.lasts[place], self.since_last
        for d in wanted:
            assert poller.received.get(d.seq, -1) >= since[place, d.seq], f"{place} missed {d}"

    def set_own_clocks(self) -> None:
        """After a restart. A new process knows no clock of the one before but what the database kept: a host's clock
        that is set back while nothing runs is a limit for clients by their own clock, not for those by ours."""
        now = self.world.earliest()
        for poller in (p for kinds in self.pollers.values() for p in kinds.values() if p.own_clock):
            poller.after = min(poller.after, now)

    def took(self, deposits: Iterable[Deposit]) -> None:
        """Remember by its text what is live of these."""
        for d in deposits:
            live = self.model.find(d.publisher, d.collection, d.id, d.version)
            assert live is not None
            self.texts[d.collection, text(live)] = live


def _check_runs(times: Iterable[int]) -> None:
    """Each run of consecutive microseconds ends on a whole millisecond (policy 3.6.1)."""
    found: Sequence[int] = sorted(times)
    for at in found:
        assert at + 1 in found or at % w.MILLISECOND == 0, f"a run ends at {at}"
