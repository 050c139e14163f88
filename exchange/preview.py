"""Audience preview: what a POST would come to and who would read it, with nothing stored and no write lock held.

The objects are judged as `intake` judges them, chunk by chunk, in a snapshot that only reads; what each chunk would
leave behind is kept in memory beside what the store has. `forecast` puts the audience into words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from exchange import (
    aliases,
    audiences,
    closure,
    entries,
    forecast,
    intake,
    label,
    log,
    markings,
    plans,
    policy,
    review,
    store,
)  # fmt: skip
from exchange.audiences import Stored
from exchange.candidates import Candidate, Envelope
from exchange.closure import Both
from exchange.config import Collection
from exchange.entries import HELD, PUBLISHED, Deposit, Version
from exchange.forecast import Forecast, Seen, Whom
from exchange.intake import Poster
from exchange.judging import Judge
from exchange.label import EVERYBODY, Audience
from exchange.markings import Said
from exchange.status import Result

# A status has to have an id that is a UUIDv4 (T-2-03, T-4.3-01). This one is given to no POST, so that asking for it
# is a 404 for ever; and the same in every preview, so that none counts anything.
NO_STATUS = "00000000-0000-4000-8000-000000000000"

_Key = tuple[int, int]  # object, version
_Judged = tuple[dict[int, Result], list[tuple[Candidate, Deposit]]]


def preview(poster: Poster, uid: str, body: bytes) -> dict[str, Any]:
    """The TAXII status resource that a POST would get, with `x_dry_run`, and `x_audience` at each success.

    Raises what `intake.publish` raises, but for `Busy`. Nothing is changed for anybody, and nothing in the answer
    depends on what others deposited or on who is in which group.
    """
    with store.reading(poster.engine) as conn:
        now = poster.clock.now(conn)
        intake.writable(conn, poster.member, uid)
    results, candidates = intake.apart(body, now)
    with store.reading(poster.engine) as conn:
        judged, forecasts = foreseen(conn, poster.member, uid, intake.ordered(candidates), now)
    resource = intake.told(NO_STATUS, now, results | judged)
    for (_, told), one in zip(sorted(forecasts.items()), resource.get("successes", ()), strict=True):
        one["x_audience"] = told.resource
    return {"x_dry_run": True, **resource}


def foreseen(
    conn: Connection, member: str, uid: str, work: Sequence[list[Candidate]], now: int
) -> tuple[dict[int, Result], dict[int, Forecast]]:
    """What would become of candidates, in groups that are committed together, and who would read those that are taken;
    both by their index. Raises `intake.Refused`."""
    candidates = [c for group in work for c in group]
    envelope = intake.surveyed(conn, member, uid, candidates, now)
    trial = _Trial.of(conn, member, uid, envelope, now)
    results: dict[int, Result] = {}
    while work:
        chunk, work = intake.take(work, intake.COMMIT)
        results |= trial.chunk(chunk)
    return results, trial.forecasts([c for c in candidates if results[c.index].ok])


@dataclass(slots=True)
class _Imagined:
    """What a publisher would have: the store's versions, and the changes of the chunks so far (`audiences.Own`).

    New objects and versions have numbers below zero. A deleted version whose place a new one takes stays: beside a
    live one of its id it counts for nothing (policy.md 3.4.9).
    """

    stored: Stored
    numbers: dict[str, int] = field(default_factory=dict)  # of objects, by id
    revised: dict[int, Version] = field(default_factory=dict)
    fresh: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))  # object → its new versions
    referring: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # target → objects
    said: dict[int, str] = field(default_factory=dict)  # of new versions
    reasons: dict[int, frozenset[str]] = field(default_factory=dict)  # why each is held

    @property
    def publisher(self) -> int:
        return self.stored.publisher

    def versions(self, objects: Sequence[int]) -> list[Version]:
        there = self.stored.versions([o for o in objects if o > 0])
        return [self.revised.get(v.number, v) for v in there] + [
            self.revised[n] for o in objects for n in self.fresh.get(o, ())
        ]

    def referrers(self, targets: Sequence[int]) -> set[int]:
        new = (self.referring.get(t, set()) for t in targets)
        return self.stored.referrers([t for t in targets if t > 0]).union(*new)

    def reasons_of(self, number: int) -> frozenset[str]:
        """Why a version is held."""
        if number < 0:
            return self.reasons[number]
        return frozenset().union(*(held.reasons for held in review.waiting_of(self.stored.conn, [number])))

    def know(self, ids: Iterable[str]) -> None:
        """Look up the objects that the exchange has seen."""
        self.numbers |= store.object_numbers(self.stored.conn, sorted(set(ids) - self.numbers.keys()))

    def add(self, collection: int, deposits: Sequence[Deposit]) -> tuple[list[Version], frozenset[str]]:
        """As `log.add`: the new versions, and the ids that count as known. Raises `log.TooDeep`; then nothing is."""
        wanted = {d.id for d in deposits}.union(*(d.refs for d in deposits))
        self.know(wanted)
        for d in deposits:
            self.numbers.setdefault(d.id, -1 - len(self.numbers))
        number = {i: self.numbers[i] for i in sorted(wanted & self.numbers.keys())}
        coming = {-1 - len(self.said) - k: d for k, d in enumerate(deposits)}
        own = self.versions(sorted(number.values()))
        draft = audiences.draft(own, self.publisher, collection, coming, number)
        _, moved = audiences.revise(self, draft.together, frozenset(coming), draft.put_off)
        made = {v.number: v for v in moved if v.number in coming}
        log.refuse_too_deep({d.id: made[n] for n, d in coming.items()})
        self.revised |= {v.number: v for v in moved}
        self.said |= {n: d.said for n, d in coming.items()}
        self.reasons |= {n: d.reasons for n, d in coming.items()}
        for n in coming:
            self.fresh[made[n].object].append(n)
            for target in made[n].refs:
                self.referring[target].add(made[n].object)
        return [made[n] for n in coming], frozenset(i for i, o in number.items() if o in draft.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One envelope, tried in one snapshot."""

    judge: Judge
    collection: Collection
    place: int
    numbers: Mapping[str, int]  # members' by name
    imagined: _Imagined
    copies: _Imagined
    copied: dict[int, Version]  # index → the new copy of an anonymous object

    @classmethod
    def of(cls, conn: Connection, member: str, uid: str, envelope: Envelope, now: int) -> _Trial:
        """Raises `intake.Refused`."""
        state, collection = intake.writable(conn, member, uid)
        return cls(
            judge=Judge(conn, state, member, collection, envelope, now),
            collection=collection,
            place=state.places[uid],
            numbers=state.numbers,
            imagined=_Imagined(Stored(conn, state.numbers[member])),
            copies=_Imagined(Stored(conn, -state.numbers[member])),
            copied={},
        )

    def chunk(self, chunk: Sequence[Candidate]) -> dict[int, Result]:
        """What `intake` would answer for objects that it would commit together."""
        too_deep: frozenset[str] = frozenset()
        while True:
            results, accepted = self.judge.chunk(chunk, too_deep)
            if not accepted and not self.judge.copies:
                return results
            try:
                made, known = self.imagined.add(self.place, [deposit for _, deposit in accepted])
                results |= self._copies()
            except log.TooDeep as error:
                too_deep |= self.judge.crediting.own_ids(error.ids)
                continue
            for (candidate, _), version in zip(accepted, made, strict=True):
                if candidate.index not in self.judge.copies:
                    results[candidate.index] = self.judge.accepted(candidate, version, known)
            return results

    def _copies(self) -> dict[int, Result]:
        """What the answer would say of anonymous objects. Their copies are as they will be once they have entered."""
        copies = [(c, d) for c, d, _ in self.judge.copies.values()]
        entered = [d if d.state == HELD else replace(d, base=d.steps[0].audience, steps=d.steps[1:]) for _, d in copies]
        made, known = self.copies.add(self.place, entered)
        self.copied.update((c.index, v) for (c, _), v in zip(copies, made, strict=True))
        told = self.judge.crediting.own_ids(known)
        return {c.index: self.judge.accepted(c, v, told) for (c, _), v in zip(copies, made, strict=True)}

    def forecasts(self, taken: Sequence[Candidate]) -> dict[int, Forecast]:
        """Who would read each object that would be taken, by its index, once the whole envelope was."""
        self.imagined.know(c.parsed.id for c in taken)
        objects = {n for c in taken if (n := self.imagined.numbers.get(c.parsed.id)) is not None}
        found: dict[_Key, Version] = {
            (v.object, v.ver): v
            for v in self.imagined.versions(sorted(objects))
            if v.collection == self.place and v.live
        }
        copies = {c.index: v for c in taken if (v := self._copy(c, found)) is not None}
        own = self._forecasts(self.imagined, found)
        read = self._forecasts(self.copies, {(v.object, v.ver): v for v in copies.values()})
        return {c.index: self._forecast(c, own, read, copies.get(c.index)) for c in taken}

    def _forecasts(self, world: _Imagined, found: Mapping[_Key, Version]) -> dict[_Key, Forecast]:
        seen = {key: one for key, one in self._seen(world, found).items() if found[key].state != HELD}
        return {key: forecast.forecast(one) for key, one in seen.items()} | self._held(world, found)

    def _copy(self, c: Candidate, found: Mapping[_Key, Version]) -> Version | None:
        """What others would read in the place of an anonymous object, as it is after the whole envelope."""
        fresh = self.copied.get(c.index)
        if fresh is not None:
            return self.copies.revised[fresh.number]
        own = found.get((self.imagined.numbers.get(c.parsed.id, 0), c.ver))
        standing = aliases.standing_for(self.copies.stored.conn, [own.number] if own and own.number > 0 else [])
        return next((self.copies.revised.get(v.number, v) for v in standing), None)

    def _forecast(
        self, c: Candidate, own: Mapping[_Key, Forecast], read: Mapping[_Key, Forecast], copy: Version | None
    ) -> Forecast:
        if c.parsed.id in markings.TLP_IDS:
            return forecast.NOT_STORED
        if copy is not None:
            return read[copy.object, copy.ver]
        return own[self.imagined.numbers[c.parsed.id], c.ver]

    def _held(self, world: _Imagined, found: Mapping[_Key, Version]) -> dict[_Key, Forecast]:
        """Of what is held, as it is and as it would be if somebody let all of it pass now."""
        held = {v.number: v for v in found.values() if v.state == HELD}
        if not held:
            return {}
        now = self._seen(world, found)
        told = dict(self._told(world, list(held)))
        passed = {n: self._passed(v, Said.split(told[n])) for n, v in held.items()}
        own = {v.number: v for v in world.versions(sorted({v.object for v in held.values()}))}
        _, moved = audiences.revise(world, own | passed, frozenset(), frozenset(passed))
        world.revised |= {v.number: v for v in moved}
        after = {key: world.revised[v.number] for key, v in found.items() if v.number in held}
        approved = {key: forecast.forecast(seen) for key, seen in self._seen(world, after).items()}
        return {key: self._waiting(world, found[key].number, now[key], approved[key]) for key in approved}

    def _passed(self, v: Version, what: Sequence[Said]) -> Version:
        """As `reviewing` would let it pass."""
        steps = policy.release(self.judge.state.config, self.collection, what, v.publisher, self.numbers, v.started)
        base, coming = policy.begun(steps, self.judge.released)
        return replace(v, base=base, ever=label.ever(base, coming), steps=coming, state=PUBLISHED)

    def _waiting(self, world: _Imagined, number: int, seen: Seen, approved: Forecast) -> Forecast:
        inside = policy.SECOND_PERSON in world.reasons_of(number)
        return forecast.held(seen, approved, inside=inside, reviewed=bool(self.collection.moderate))

    def _seen(self, world: _Imagined, found: Mapping[_Key, Version]) -> dict[_Key, Seen]:
        """Each version with what `forecast` has to know of it."""
        refs = sorted({r for v in found.values() for r in v.refs})
        whole = audiences.unions(world.versions(refs))
        ids = {number: i for i, number in world.numbers.items()}
        ids |= entries.ids_of(world.stored.conn, [r for r in refs if r not in ids])
        told = dict(self._told(world, [v.number for v in found.values()]))
        return {
            key: Seen(
                publisher=v.publisher, base=(met := self._without_others(v, Said.split(told[v.number]), whole))[0],
                whole=met[1], said=Said.split(told[v.number]),
                stages=self._stages(v, Said.split(told[v.number])),
                refs={self._own_id(ids[r]): whole[r].now for r in v.refs}, numbers=self.numbers,
                own_hidden=self.collection.own_hidden, released=self.judge.released,
            )
            for key, v in found.items()
        }  # fmt: skip

    def _own_id(self, stix_id: str) -> str:
        (own,) = self.judge.crediting.own_ids([stix_id])
        return own

    def _without_others(
        self, v: Version, said: Sequence[Said], unions: Mapping[int, Both]
    ) -> tuple[Audience, Audience]:
        """Its `base` and `whole` were all of it its publisher's own: for whom others meant theirs is not told."""
        if v.state == HELD or all(s.received == EVERYBODY and s.answers is None for s in said):
            return v.base, v.whole
        what = [replace(s, received=EVERYBODY, answers=s.answers and EVERYBODY) for s in said]
        config = self.judge.state.config
        begun = self.judge.released if v.publisher > 0 else policy.next_tick(config, self.judge.now)
        steps = policy.release(config, self.collection, what, v.publisher, self.numbers, v.started)
        base = [step.audience for step in steps if step.due <= begun][-1]
        return base, base & closure.closing(v.publisher, v.refs, {}, {}, {r: unions[r].now for r in v.refs})

    def _stages(self, v: Version, said: Sequence[Said]) -> list[Whom]:
        config, least = self.judge.state.config, self.collection.at_least
        followed = {name: plan for s in said for name in sorted(s.releases) if (plan := plans.plan(config, name))}
        followed |= {least.name: least} if least and all(s.answers is None for s in said) else {}
        first = said[0] if len(said) == 1 else Said()
        return forecast.stages(followed.values(), first, v.started, self.judge.released)

    def _told(self, world: _Imagined, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
        """What the markings of each version said."""
        yield from ((n, world.said[n]) for n in numbers if n < 0)
        stored = entries.told(world.stored.conn, [n for n in numbers if n > 0])
        yield from ((n, said) for n, (_, said) in stored.items())
