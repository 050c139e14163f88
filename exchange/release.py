"""What becomes visible later: the stages of release plans, carried out by one worker that holds the release lock.

Requests never execute releases. What falls due is found by its instant and entered like a new deposit, so the time of
its arrival is the time of execution, also after a downtime (policy.md 3.6.4, 3.7).

**What may be trusted as now** is decided here (`Steady`). Late is safe and early is not, so a clock that is set
forward releases nothing: the releaser's time runs with the monotonic clock from where it began, and the clock of the
host or of the database can hold it back but not push it. A new releaser goes on from the tick that the one before it
left, if that was alive while it waited; after a downtime it has nothing better than the clock.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from random import SystemRandom

from sqlalchemy import Connection, Engine

from exchange import aliases, entries, inforce, log, noticerows, plans, policy, sequencer, store
from exchange.entries import Due, Version
from exchange.inforce import InForce
from exchange.label import Step, ending, ever
from exchange.markings import Said
from exchange.sequencer import Clock

ROUND = 1_000_000  # microseconds between two rounds: a stage is entered within a second of its time
COMMIT = 500  # versions a commit
DRIFT = 1_000  # of which one is the most that a clock may honestly run ahead of the monotonic one
JUMP = 5_000_000  # a clock so far ahead was set, and the operator should know

_log = logging.getLogger("exchange.release")
_chance = SystemRandom()


@dataclass(slots=True)
class Steady:
    """The releaser's time. `seen` reads the clock that the exchange goes by, `elapsed` one that only runs."""

    seen: Callable[[], int]
    elapsed: Callable[[], int]
    _began: tuple[int, int] | None = None  # (instant, elapsed) from which it runs
    _warned: bool = False
    _observed: tuple[int, int] | None = None  # the last tick of another releaser that was seen to come

    def observe(self, tick: int) -> None:
        """A tick that another releaser may have left, looked at again and again while waiting for the lock."""
        if self._observed is None:
            self._observed = (tick, -1)
        elif tick != self._observed[0]:
            self._observed = (tick, self.elapsed())

    def now(self) -> int:
        """An instant that has come."""
        seen, mark = self.seen(), self.elapsed()
        if self._began is None:
            self._began = (self._first(seen, mark), mark)
        instant, since = self._began
        most = instant + (mark - since) + (mark - since) // DRIFT
        if seen > most + JUMP and not self._warned:
            self._warned = True
            _log.warning(
                "the clock was set forward by %d s; releases go by the time before that until a restart",
                (seen - most) // 1_000_000,
            )
        return min(seen, most)

    def _first(self, seen: int, mark: int) -> int:
        if self._observed is None or self._observed[1] < 0:
            return seen
        tick, at = self._observed
        return min(seen, tick + (mark - at) + ROUND)


@dataclass(slots=True, kw_only=True)
class Releaser:
    """Carries out what is due. `clock` gives the new entries their times."""

    engine: Engine
    clock: Clock
    steady: Steady
    size: int = field(default=COMMIT)

    def wait(self) -> None:
        """Somebody else holds the lock: see where it is."""
        with store.reading(self.engine) as conn:
            self.steady.observe(store.tick(conn))

    def round(self) -> int:
        """Everything that is due by now; how many versions stepped. The caller holds the release lock.

        What fails for one publisher is logged, tried again in the next round, and keeps no other one's waiting.
        """
        until = self.steady.now()
        done, failed = 0, set[int]()
        while found := self._due(until, failed):  # a step that was carried out is due no longer
            by_publisher: dict[int, list[int]] = defaultdict(list)
            for one in found:
                by_publisher[one.publisher].append(one.number)
            for publisher, numbers in by_publisher.items():
                try:
                    done += self._carry_out(publisher, numbers, _advance(until))
                except Exception:  # whatever it is, the others' stages are due, too
                    failed.add(publisher)
                    _log.exception("releases of member number %d could not be carried out yet", publisher)
        done += self._tick(until)
        with store.writing(self.engine, synced=False) as conn:
            store.set_tick(conn, until)
        return done

    def _tick(self, until: int) -> int:
        """Copies of anonymous objects that are due, once a tick: submissions of all members in any order, each in
        commits of its own, and its objects in any order, so that times and order link to nothing (policy.md 3.8)."""
        with store.reading(self.engine) as conn:
            state = inforce.current(conn)
            tick = state.config.anonymous_tick if state else 0
            if not tick or until // tick == store.tick(conn) // tick:
                return 0
            waiting = aliases.due(conn, until // tick * tick)
        submissions: dict[tuple[int, int], list[int]] = defaultdict(list)
        for one in waiting:
            whole = one.number if one.submission is None else one.submission
            submissions[one.publisher, whole].append(one.number)
        order = list(submissions.items())
        _chance.shuffle(order)
        done = 0
        for (publisher, _), numbers in order:
            _chance.shuffle(numbers)
            try:
                done += self._carry_out(publisher, numbers, _advance(until))
            except Exception:  # whatever it is, the others are due, too
                _log.exception("anonymous copies could not be entered yet")
        return done

    def end_embargo(self, stix_id: str) -> int:
        """All stages to come of all live versions of an object fall due now; how many versions had any (3.7).

        What is to end still ends at its time. The object may be called as its anonymous publisher does, or as others
        do; a copy follows at the next tick.
        """

        def find(conn: Connection) -> Sequence[Version]:
            number = store.object_numbers(conn, [stix_id]).get(stix_id)
            return entries.meant(conn, [number]) if number else []

        return self.end_embargoes(find)

    def end_embargoes(self, find: Callable[[Connection], Sequence[Version]]) -> int:
        """The same, of the live versions that are found."""
        with store.reading(self.engine) as conn:
            waiting = [v for v in find(conn) if v.base != v.ever]
        for publisher in sorted({v.publisher for v in waiting}):
            self._carry_out(publisher, [v.number for v in waiting if v.publisher == publisher], _break)
        return len(waiting)

    def replan(self) -> int:
        """Let running deposits follow their plans as they are now in force; how many changed.

        Whom a deposit was released to already keeps it. A deposit whose plan is gone goes on as it was.
        """
        before = self._steps()
        for publisher in sorted({publisher for publisher, _ in before}):
            self._carry_out(publisher, [number for p, number in before if p == publisher], _replan)
        after = self._steps()
        return sum(steps != after.get(place, ()) for place, steps in before.items())

    def _steps(self) -> dict[tuple[int, int], tuple[Step, ...]]:
        """What is to come, by (publisher, number) of the version."""
        with store.reading(self.engine) as conn:
            waiting = [one.number for one in entries.waiting(conn)]
            return {(v.publisher, v.number): v.steps for v in entries.by_number(conn, waiting)}

    def _due(self, until: int, failed: Set[int]) -> list[Due]:
        with store.reading(self.engine) as conn:
            return entries.due(conn, until, 4 * self.size, failed)

    def _carry_out(self, publisher: int, numbers: Sequence[int], revise: _Revise) -> int:
        """In commits that are in time for the instants that they give (`sequencer.check_in_time`)."""
        sequencer.in_parts(numbers, self.size, lambda part, lead: self._commit(publisher, part, revise, lead))
        return len(numbers)

    def _commit(self, publisher: int, numbers: Sequence[int], revise: _Revise, lead: int) -> None:
        with store.stamping(self.engine) as conn:
            store.hold_config(conn)
            state = inforce.current(conn)
            if state is None:
                raise LookupError("there are deposits, and no config was ever in force")
            writer = log.Writer(publisher=publisher, readers=state.readers, clock=self.clock, lead=lead)
            stamped = revise(conn, state, writer, numbers)
            sequencer.check_in_time(self.clock.now(conn), stamped, lead)


_Revise = Callable[[Connection, InForce, log.Writer, Sequence[int]], int]


def _advance(until: int) -> _Revise:
    return lambda conn, _state, writer, numbers: log.advance(conn, writer, numbers, until)


def _break(conn: Connection, _state: InForce, writer: log.Writer, numbers: Sequence[int]) -> int:
    """Those who have it are to be told that others may read it now; anonymous copies go on at the next tick."""

    def opened(v: Version) -> Version:
        ends = v.steps[-1:] if ending(v.steps, v.publisher) else ()
        if v.publisher < 0:
            return replace(v, steps=(Step(1, v.ever), *ends))
        return replace(v, base=v.ever, steps=ends)

    noticerows.add(conn, noticerows.EMBARGO_ENDED, "", numbers, writer.clock.now(conn))
    return log.revise(conn, writer, numbers, opened)


def _replan(conn: Connection, state: InForce, writer: log.Writer, numbers: Sequence[int]) -> int:
    made = planned(conn, state, numbers)

    def follow(v: Version) -> Version:
        steps = made[v.number]
        return replace(v, steps=steps, ever=ever(v.base, steps))

    return log.revise(conn, writer, sorted(made), follow)


def planned(conn: Connection, state: InForce, numbers: Sequence[int]) -> dict[int, tuple[Step, ...]]:
    """The steps to come of running deposits by the plans in force, of those whose steps change.

    What is due already is entered by the next round.
    """
    versions = entries.by_number(conn, numbers)
    told = entries.told(conn, numbers)
    found = {}
    for v in versions:
        uid = next(uid for uid, n in state.places.items() if n == v.collection)
        collection, what = state.config.collection_by_id(uid), Said.split(told[v.number][1])
        if collection is None or not plans.all_known(state.config, what):
            continue
        steps = policy.release(state.config, collection, what, v.publisher, state.numbers, v.started)
        coming: list[Step] = []
        before = v.base
        end = ending(steps, v.publisher) if len(steps) > 1 else None
        for step in steps:
            audience = step.audience if step.due == end else v.base | step.audience
            if audience != before:
                coming.append(Step(max(step.due, 1), audience))
                before = audience
        if tuple(coming) != v.steps:
            found[v.number] = tuple(coming)
    return found
