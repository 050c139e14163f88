"""An exchange in the middle of a decision case: what the steps so far have made of it, and who deposited what."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange import stix
from exchange.reviewing import Reviewer, Word, queue
from tests.property import casesketch
from tests.property import world as w
from tests.property.casefaces import Face, News, Object
from tests.property.cases import Changes, Deletes, ItIs, Polls, Posts, Reviews, Sketch, Step, Which
from tests.property.casesketch import Sketcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    publisher: str
    collection: str
    name: str
    version: int
    id: str
    text: str  # of the version
    object: Object = field(hash=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.version} of {self.publisher} in {self.collection}"


@dataclass(slots=True)
class Stage:
    """The exchange in the state that the steps so far have made."""

    sketcher: Sketcher
    world: w.World
    face: Face
    tree: Mapping[str, Any] = field(default_factory=casesketch.example)
    deposits: dict[tuple[str, str, str, str], Deposit] = field(default_factory=dict)
    sent: dict[tuple[str, str], Deposit] = field(default_factory=dict)  # (collection, bytes): whatever came of it
    cursors: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # date_added, clock of the poll

    def __post_init__(self) -> None:
        self.world.release()  # a server does, each second

    def do(self, step: Step) -> None:
        """Any step but `Reads`, which `casereading` answers."""
        match step:
            case Posts():
                self._post(step)
            case Deletes():
                self._delete(step)
            case Polls():
                self._poll(step)
            case Changes():
                self._change(step)
            case ItIs():
                self.world.pass_time(step.now - self.world.machine.host)
                self.world.release()
            case Reviews():
                self._review(step)

    def uid(self, collection: str) -> str:
        found: str = self.tree["collections"][collection].get("id") or casesketch.collection_id(collection)
        return found

    def find(self, wanted: Which) -> Deposit:
        found = [
            d
            for d in self.deposits.values()
            if (d.name, d.version) == (wanted.name, wanted.version)
            and wanted.of in (None, d.publisher)
            and wanted.where in (None, d.collection)
        ]
        assert len(found) == 1, f"{wanted} means {[str(d) for d in found]}"
        return found[0]

    # Steps ----------------------------------------------------------------------------------------------------

    def _post(self, step: Posts) -> None:
        words = self._words(step)
        objects = [self.sketcher.object(s, f"{s.name}@{s.version} of {step.member}", words) for s in step.objects]
        answer = self.face.post(step.member, self.uid(step.collection), objects)
        if isinstance(answer, int) or step.door:
            assert answer == step.door
            return
        told = {(line["id"], line["version"]): line.get("message", "") for line in _lines(answer)}
        failures = {(line["id"], line["version"]) for line in answer.get("failures", [])}
        refused = set()
        for sketch, obj in zip(step.objects, objects, strict=True):
            key = (obj["id"], stix.version_of(obj)[1])
            written = _written(sketch)
            _check_words(step, written, told[key])
            if key in failures:
                refused.add(written)
                assert written in step.refused, f"{written}: {told[key]}"
            elif "already here" not in told[key]:
                self._deposited(step, sketch, obj)
        assert refused == set(step.refused)

    def _deposited(self, step: Posts, sketch: Sketch, obj: Object) -> None:
        made = Deposit(
            publisher=step.member, collection=step.collection, name=sketch.name, version=sketch.version,
            id=obj["id"], text=stix.version_of(obj)[1], object=obj,
        )  # fmt: skip
        self.deposits[made.publisher, made.collection, made.id, made.text] = made
        self.sent[made.collection, json.dumps(obj)] = made

    def _words(self, step: Posts) -> Mapping[str, str]:
        """``group:finance`` is the publisher's own marking, ``group:finance of skyline`` another's."""
        said = {word for sketch in step.objects for word in sketch.to}
        found = dict(self.world.words(step.member)) if said else {}
        for other in {word.partition(" of ")[2] for word in said} - {""}:
            found |= {f"{word} of {other}": mark for word, mark in self.world.words(other).items()}
        return found

    def _delete(self, step: Deletes) -> None:
        version = {None: "all", "newest": "last", "oldest": "first"}.get(step.which, "")
        version = version or w.version_text(int(step.which or 0))
        answer = self.face.delete(step.member, self.uid(step.collection), self.sketcher.id(step.name), version)
        assert answer == {"deleted": 200, "403": 403, "404": 404}[step.answer]

    def _poll(self, step: Polls) -> None:
        place = (step.member, step.collection)
        after, clock = self.cursors.get(place, (0, 0))
        news = self.face.news(step.member, self.uid(step.collection), after)
        if not isinstance(news, News) or step.door:
            assert news == step.door
            return
        assert [str(self.seen(step.collection, o)) for o in news.objects] == [str(self.find(x)) for x in step.new]
        assert all(a < b for a, b in itertools.pairwise([after, *news.times]))
        assert all(t > clock for t in news.times), "something arrived in a time that the client had passed"
        self.cursors[place] = (max([after, *news.times]), self.world.now())

    def seen(self, collection: str, obj: Object) -> Deposit:
        """Whose deposit this is: every value as it was sent."""
        found = [d for d in self.deposits.values() if d.collection == collection and d.object == obj]
        assert len(found) == 1, f"served, but never sent: {obj}"
        return found[0]

    def _change(self, step: Changes) -> None:
        self.tree = casesketch.merged(self.tree, step.config)
        self.world.apply(casesketch.files(self.tree))
        self.face.changed()

    def _review(self, step: Reviews) -> None:
        reviewer = Reviewer(engine=self.world.engine, clock=self.world.clock)
        for wanted, word in step.words.items():
            d = self.find(wanted)
            with self.world.requests() as request:
                waiting = queue(request.conn, request.state)
            meant = [x.number for x in waiting if (x.publisher, x.id, x.version) == (d.publisher, d.id, d.text)]
            said = reviewer.approve(meant) if word == "approved" else reviewer.reject(meant, "other")
            assert list(said.values()) == [Word.PUBLISHED if word == "approved" else Word.REFUSED], f"{d}: {said}"


def _lines(answer: Mapping[str, Any]) -> list[Mapping[str, str]]:
    return [*answer.get("successes", []), *answer.get("failures", [])]


def _written(sketch: Sketch) -> str:
    return sketch.name if sketch.version == 1 else f"{sketch.name}@{sketch.version}"


def _check_words(step: Posts, written: str, message: str) -> None:
    for said in (step.refused, step.told):
        if written in said:
            assert said[written] in message, f"{written}: {message}"
