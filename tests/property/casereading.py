"""Plays a decision case and asks every question about it that the exchange answers.

One decision, many questions: `decide`, objects, manifest, versions, one object by its id, `explain`, `who-can` and
`view` are asked at a `read` step. They must agree with one another, and with what the case says. Over HTTP, `who-has`
must name in the end exactly whom the answers were given to.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from exchange import entries, explaining, policy, questions, store, whohas
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Face, Http, Object, View
from tests.property.cases import Case, Reads
from tests.property.casesketch import Sketcher
from tests.property.casestage import Deposit, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """How much is asked: the commands; every resource of TAXII, not objects alone; about every member at each step."""

    commands: bool = False
    resources: bool = False
    everybody: bool = False


def play(case: Case, world: w.World, face: Face, asks: Asks) -> Stage:
    """The steps in order; the last `read` asks most. The world has the example home in force."""
    stage = Stage(Sketcher(case), world, face)
    readings = [step for step in case.steps if isinstance(step, Reads)]
    for step in case.steps:
        if isinstance(step, Reads):
            Reading(stage, case, asks, last=step is readings[-1]).check(step)
        else:
            stage.do(step)
    assert not asks.commands or world.audit() == []
    return stage


def check_who_has(stage: Stage, face: Http) -> None:
    """Who received which version of which deposit, how often, and under which configs first and last."""
    names = {stage.uid(name): name for name in stage.tree["collections"]}
    received: dict[tuple[str, ...], list[int]] = {}
    for served in face.served:
        for obj in served.objects:
            d = stage.sent[names[served.uid], json.dumps(obj)]
            received.setdefault((served.member, d.collection, d.publisher, d.text, d.id), []).append(served.config)
    told: dict[tuple[str, ...], tuple[int, int, int]] = {}
    with stage.world.requests() as request, store.reading(face.ledger) as lines:
        for object_id in sorted({d.id for d in stage.sent.values()}):
            for had in whohas.who_has(request.conn, lines, request.state, object_id) or []:
                key = (had.member, had.collection, had.publisher, had.version, object_id)
                told[key] = (had.times, had.first_config, had.last_config)
                assert had.first <= had.last <= request.now
    assert told == {key: (len(configs), configs[0], configs[-1]) for key, configs in received.items()}, "who-has"


class Reading:
    """Every question, at one moment.

    `decide` and objects are asked about every member; at the `last` moment the rest about `witnesses`: publishers, with
    the commands whom the case says something about, and for each deposit one that reads it and one that does not. Which
    one is another in each case.
    """

    def __init__(self, stage: Stage, case: Case, asks: Asks, *, last: bool) -> None:
        self.stage = stage
        self.case = case
        self.asks = asks
        self.last = last
        self.deposits = sorted(stage.deposits.values(), key=str)
        self.members = sorted(stage.tree["members"])
        self.lines = {file: text.splitlines() for file, text in casesketch.files(stage.tree).items()}

    def check(self, step: Reads) -> None:
        with self.stage.world.requests() as request:
            self.request = request
            self.active = {m for m in self.members if policy.active(request.state.config, m, request.now)}
            self.decided = self._decided()
            self.witnesses = self._witnesses(step)
            self._check_readers(step)
            self._check_denied(step)
            if self.asks.commands:
                self._check_commands()
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
        if self.asks.everybody:
            return set(self.members)
        if not self.last:
            return set()
        found = {d.publisher for d in self.deposits if d.publisher in self.members}
        if self.asks.commands:
            found |= {m for rules in step.denied.values() for m in rules if m in self.members}
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
                steps = self._explained(member, deposit.id)[str(deposit)]
                expected, _, key = rule.partition(" by ")
                assert _failing(steps) == expected, f"{deposit} is denied to {member} by {_failing(steps) or 'nothing'}"
                if key:
                    written = self._line(steps[-1]).partition('"')[2].partition('"')[0]
                    assert (written or "no key") == key, f"{deposit} is denied to {member} by the line of {written}"

    # Do all answers agree? --------------------------------------------------------------------------------------------

    def _explained(self, member: str, object_id: str) -> dict[str, tuple[explaining.Step, ...]]:
        """Deposit → the rules in order, up to the first that fails."""
        request, found = self.request, {}
        for b in explaining.explain(request.conn, request.state, member, object_id, request.now):
            if d := self.stage.deposits.get((b.publisher, b.collection, object_id, b.version)):
                found[str(d)] = b.steps
                assert b.readable == (not _failing(b.steps))
                for step in b.steps:
                    self._check_line(member, step)
        return found

    def _line(self, step: explaining.Step) -> str:
        """The line in the files that a step shows; empty if it shows none."""
        file, _, number = step.place.partition(":")
        return self.lines[file][int(number) - 1].strip() if step.place else ""

    def _check_line(self, member: str, step: explaining.Step) -> None:
        """A line that is shown holds a key of the rule, or where none is written the member, or begins the file."""
        keys = {
            "1 member": ("suspended", "from", "until", member), "2 collection": ("read", "write"),
            "3 state": ("moderate",), "4 own": ("own",),
            "5 TLP": ("relays",), "6 addressed": ("in", member), "6 IEP": ("agrees", member), "6 ACS": ("acs", member),
            "7 stage": ("release", "release-at-least"),
        }.get(step.rule, ())  # fmt: skip
        line = self._line(step)
        unwritten = step.rule == "2 collection" and step.place.endswith(".yaml:1")
        assert not line or unwritten or line.startswith(tuple(f'"{key}":' for key in keys)), f"{step}: {line}"

    def _check_commands(self) -> None:
        self._check_who_can()
        for member in sorted(self.witnesses):
            self._check_explain(member)
            self._check_view(member)

    def _check_explain(self, member: str) -> None:
        for object_id in sorted({d.id for d in self.deposits}):
            told = self._explained(member, object_id)
            for d in self.deposits:
                if d.id == object_id and member not in self.active:
                    assert _failing(told[str(d)]) == "1 member", f"{member} is not active: {told[str(d)]}"
                elif d.id == object_id:
                    rule = _failing(told[str(d)])
                    assert (rule == "") == (d in self.decided[member]), f"explain {member} {d}: {rule or 'readable'}"

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
        asked = self.asks.resources and member in self.witnesses
        ids = sorted({d.id for d in self.deposits if d.collection == collection}) if asked else []
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


def _failing(steps: Sequence[explaining.Step]) -> str:
    """The rule that fails, empty where every one is kept."""
    return next((step.rule for step in steps if not step.kept), "")


def _ends(deposits: Iterable[Deposit], end: int) -> set[Deposit]:
    """The newest (-1) or oldest (0) version of each id in each collection."""
    ids: dict[tuple[str, str], list[Deposit]] = {}
    for d in sorted(deposits, key=lambda d: d.text):
        ids.setdefault((d.collection, d.id), []).append(d)
    return {versions[end] for versions in ids.values()}
