"""Responses follow what they answer: when a finding comes to be everybody's, what was answered to it does too.

Whom a response is for depends on another publisher's deposit. A change of that marks its responses in the commit that
makes it (`log`), and here, by whoever holds the release lock, each gets the audience that follows (policy.md 3.5). So
it becomes readable by an event, within a second after the finding and never before it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine

from exchange import answering, answerrows, entries, inforce, log, policy, sequencer, store
from exchange.answerrows import Row
from exchange.entries import HELD, Version
from exchange.inforce import InForce
from exchange.label import NOBODY, ever
from exchange.markings import Said
from exchange.sequencer import Clock

MOST = 500  # responses a round and commit
AGAIN = 60_000_000  # after a response came: a change of what it answers may have been under way, and not seen it

_log = logging.getLogger("exchange.following")


@dataclass(slots=True, kw_only=True)
class Follower:
    """Gives responses the audience that follows from what they answer."""

    engine: Engine
    clock: Clock
    size: int = field(default=MOST)

    def round(self) -> int:
        """What is to be looked at by now; how many responses there were. The caller holds the release lock.

        What fails for one publisher is logged, tried again in the next round, and keeps no other one's waiting.
        Cost: a statement where there is nothing.
        """
        with store.reading(self.engine) as conn:
            found = answerrows.due(conn, self.clock.now(conn), self.size)
            publishers = {v.number: v.publisher for v in entries.by_number(conn, [row.version for row in found])}
        by_publisher: dict[int, list[Row]] = defaultdict(list)
        for row in found:
            by_publisher[publishers.get(row.version, 0)].append(row)  # 0: deposited anew since, under another number
        for publisher, rows in by_publisher.items():
            try:
                self._follow(publisher, rows)
            except Exception:  # whatever it is, others are to follow, too
                _log.exception("responses of member number %d could not follow yet", abs(publisher))
        return len(found)

    def _follow(self, publisher: int, rows: Sequence[Row]) -> None:
        def act(conn: Connection, lead: int) -> None:
            store.hold_config(conn)
            state = inforce.current(conn)
            if state is None:
                raise LookupError("there are deposits, and no config was ever in force")
            store.lock_publisher(conn, publisher)
            now = self.clock.now(conn)
            made = {v.number: v for v in _revised(conn, state, rows)}
            writer = log.Writer(publisher=publisher, readers=state.readers, clock=self.clock, lead=lead)
            stamped = log.revise(conn, writer, sorted(made), lambda v: made[v.number])
            for row in rows:
                answerrows.looked(conn, row, row.at + AGAIN if now < row.at + AGAIN else None)
            sequencer.check_in_time(self.clock.now(conn), stamped, lead)

        sequencer.committed(self.engine, act)


def _revised(conn: Connection, state: InForce, rows: Sequence[Row]) -> Iterator[Version]:
    """The responses whose audience changes, with the new one; what their markings say is stored."""
    versions = {v.number: v for v in entries.by_number(conn, [row.version for row in rows]) if v.live}
    told = entries.told(conn, sorted(versions))
    for row in rows:
        if row.version not in versions:
            continue
        v, before = versions[row.version], told[row.version][1]
        audience = answering.audience(conn, row.publisher, row.collection, row.object)
        name = state.member(row.publisher)
        said = [replace(s, answers=audience, answers_to=name if s.answers_to else "") for s in Said.split(before)]
        if (text := Said.joined(said)) == before:
            continue
        entries.set_said(conn, [v.number], text)
        uid = next(uid for uid, number in state.places.items() if number == v.collection)
        collection = state.config.collection_by_id(uid)
        if v.state == HELD or collection is None:
            continue  # it is looked at by what its markings say once it is approved
        steps = policy.release(state.config, collection, said, v.publisher, state.numbers, v.started)
        if v.publisher < 0 and v.base == NOBODY and v.steps:  # it waits for the tick at which copies enter
            coming = policy.entering(steps, v.steps[0].due)
            yield replace(v, steps=coming, ever=ever(NOBODY, coming))
        else:
            base, coming = policy.begun(steps, store.tick(conn))
            yield replace(v, base=base, steps=coming, ever=ever(base, coming))
