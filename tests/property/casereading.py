"""Plays a decision case and asks every question about it that the exchange answers.

One decision, many questions: `decide`, objects, manifest, versions, one object by its id, `explain`, `who-can` and
`view` are asked at a `read` step. They must agree with one another, and with what the case says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from hashlib import sha256

from exchange import entries, policy, questions, store
from tests.property import world as w
from tests.property.casefaces import Face, Object, View
from tests.property.cases import Case, Reads
from tests.property.casesketch import Sketcher
from tests.property.casestage import Deposit, Stage


def play(case: Case, world: w.World, face: Face) -> None:
    """The steps in order; the last `read` asks most. The world has the example home in force."""
    stage = Stage(Sketcher(case), world, face)
    readings = [step for step in case.steps if isinstance(step, Reads)]
    for step in case.steps:
        if isinstance(step, Reads):
            Reading(stage, case, thorough=step is readings[-1]).check(step)
        else:
            stage.do(step)
    assert world.audit() == []


class Reading:
    """Every question, at one moment.

    `decide`, objects and who-can are asked about every member; if `thorough`, the rest about `witnesses`: publishers,
    whom the case says something about, and for each deposit one that reads it and one that does not. Which one is
    another in each case.
    """

    def __init__(self, stage: Stage, case: Case, *, thorough: bool) -> None:
        self.stage = stage
        self.case = case
        self.thorough = thorough
        self.deposits = sorted(stage.deposits.values(), key=str)
        self.members = sorted(stage.tree["members"])

    def check(self, step: Reads) -> None:
        with self.stage.world.requests() as request:
            self.request = request
            self.active = {m for m in self.members if policy.active(request.state.config, m, request.now)}
            self.decided = self._decided()
            self.witnesses = self._witnesses(step) if self.thorough else set()
            self._check_readers(step)
            self._check_denied(step)
            self._check_who_can()
            for member in sorted(self.witnesses):
                self._check_explain(member)
                self._check_view(member)
        for member in self.members:
            for collection in sorted({d.collection for d in self.deposits}):
                self._check_served(member, collection)

    def _decided(self) -> dict[str, set[Deposit]]:
        """`decide` on each version's stored audience, before the door is looked at."""
        state = self.request.state
        profiles = {m: policy.profile_of(state.config, m) for m in self.members}
        places = {state.places[self.stage.uid(d.collection)]: d.collection for d in self.deposits}
        found: dict[str, set[Deposit]] = {m: set() for m in self.members}
        for object_id, number in store.object_numbers(self.request.conn, sorted({d.id for d in self.deposits})).items():
            versions = [v for v in entries.versions_of(self.request.conn, number) if v.live]
            told = entries.told(self.request.conn, [v.number for v in versions])
            for v in versions:
                key = (state.name(v.publisher), places[v.collection], object_id, told[v.number][0])
                for m, profile in profiles.items():
                    if policy.decide(v.shown.of(state.numbers[m]), profile).allowed:
                        found[m].add(self.stage.deposits[key])
        return found

    def _witnesses(self, step: Reads) -> set[str]:
        found = {d.publisher for d in self.deposits if d.publisher in self.members}
        found |= {m for rules in step.denied.values() for m in rules}
        order = sorted(self.members, key=lambda m: sha256(f"{m} {self.case.name}".encode()).digest())
        for d in self.deposits:
            others = [m for m in order if m not in found]
            found |= {m for reads in (True, False) for m in [x for x in others if (x in self.readers(d)) == reads][:1]}
        return found

    # What the case says -----------------------------------------------------------------------------------------------

    def readers(self, deposit: Deposit) -> set[str]:
        return {m for m in self.active if deposit in self.decided[m]}

    def _check_readers(self, step: Reads) -> None:
        for wanted, people in step.readers.items():
            deposit = self.stage.find(wanted)
            expected = people.among(frozenset(self.members))
            assert self.readers(deposit) == expected, f"{deposit} is read by {sorted(self.readers(deposit))}"

    def _check_denied(self, step: Reads) -> None:
        for wanted, rules in step.denied.items():
            deposit = self.stage.find(wanted)
            for member, rule in rules.items():
                told = self._explained(member, deposit.id)[str(deposit)]
                assert told == rule, f"{deposit} is denied to {member} by {told or 'nothing'}"

    # Do all answers agree? --------------------------------------------------------------------------------------------

    def _explained(self, member: str, object_id: str) -> dict[str, str]:
        """Deposit → the rule that fails, empty where every one is kept."""
        request, found = self.request, {}
        for b in questions.explain(request.conn, request.state, member, object_id, request.now):
            if d := self.stage.deposits.get((b.publisher, b.collection, object_id, b.version)):
                found[str(d)] = next((s.rule for s in b.steps if not s.kept), "")
                assert b.readable == (not found[str(d)])
        return found

    def _check_explain(self, member: str) -> None:
        for object_id in sorted({d.id for d in self.deposits}):
            told = self._explained(member, object_id)
            for d in self.deposits:
                if d.id == object_id and member not in self.active:
                    assert told[str(d)] == "1 member", f"{member} is not active, and explain says {told[str(d)]}"
                elif d.id == object_id:
                    allowed = d in self.decided[member]
                    assert (told[str(d)] == "") == allowed, f"explain {member} {d}: {told[str(d)] or 'readable'}"

    def _check_who_can(self) -> None:
        found: dict[str, set[str]] = {str(d): set() for d in self.deposits}
        for object_id in sorted({d.id for d in self.deposits}):
            for r in questions.who_can(self.request.conn, self.request.state, object_id, self.request.now):
                d = self.stage.deposits[r.publisher, r.collection, object_id, r.version]
                found[str(d)] = set(r.members)
        assert found == {str(d): self.readers(d) for d in self.deposits}, "who-can"

    def _check_view(self, member: str) -> None:
        """`view` shows the newest of each id, whatever the door says."""
        shown = sorted(
            (c, i, text) for c, _, i, _, text in questions.view(self.request.conn, self.request.state, member)
        )
        assert shown == sorted((d.collection, d.id, d.text) for d in _ends(self.decided[member], -1)), f"view {member}"

    def _check_served(self, member: str, collection: str) -> None:
        allowed = {d for d in self.decided[member] if d.collection == collection}
        ids = sorted({d.id for d in self.deposits if d.collection == collection}) if member in self.witnesses else []
        served = self.stage.face.look(member, self.stage.uid(collection), ids)
        if not isinstance(served, View):
            assert (served == 401) == (member not in self.active)
            assert served == 401 or not allowed, f"{member} may read {allowed}, and the door says {served}"
            return
        objects = self._known(member, collection, served.objects, allowed)
        if ids:
            first = [(d.id, d.text) for d in objects if d in _ends(allowed, 0)]
            assert [(i, text) for _, i, text in served.manifest] == first, f"manifest {member}"
            assert all(a[0] < b[0] for a, b in itertools.pairwise(served.manifest))
        for i in ids:
            versions = [d for d in objects if d.id == i]
            assert self._deposits(collection, served.by_id[i]) == [d for d in versions if d in _ends(versions, -1)]
            assert served.versions[i] == [d.text for d in versions], f"{member} versions of {i}"

    def _known(
        self, member: str, collection: str, served: Mapping[str, list[Object]], allowed: set[Deposit]
    ) -> list[Deposit]:
        """All that is served, in order; `last` shows the ends of it."""
        wanted = {"all": allowed, "last": _ends(allowed, -1)}
        for name, objects in served.items():
            found = self._deposits(collection, objects)
            assert len(found) == len(set(found))
            assert set(found) == wanted[name], f"{member} {name} {collection}: {[str(d) for d in found]}"
        return self._deposits(collection, served["all"])

    def _deposits(self, collection: str, objects: Iterable[Object]) -> list[Deposit]:
        return [self.stage.seen(collection, o) for o in objects]


def _ends(deposits: Iterable[Deposit], end: int) -> set[Deposit]:
    """The newest (-1) or oldest (0) version of each id in each collection."""
    ids: dict[tuple[str, str], list[Deposit]] = {}
    for d in sorted(deposits, key=lambda d: d.text):
        ids.setdefault((d.collection, d.id), []).append(d)
    return {versions[end] for versions in ids.values()}
