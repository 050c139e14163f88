"""The exchange clock, and the instants that entries get.

The clock is the greatest of the database's clock and of what this process saw before plus the monotonic time since:
it never goes back (policy.md 3.6.2). Instants stand a fixed lead ahead of it, longer than a commit takes, so a client
that keeps its own clock misses nothing that was in flight; never further, because that would tell how much others
publish: the sequencer waits instead. A commit that took longer than the lead is
redone (`TooSlow`): in smaller parts, or with a longer lead where it cannot be split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from exchange import store

MILLISECOND = 1_000
LEAD = 100 * MILLISECOND
TRIES = 20
STEPPED = 10_000 * MILLISECOND  # a log further ahead than this had a wrong clock once: go on from there


T = TypeVar("T")


class TooSlow(Exception):
    """More than the lead passed since the instants were given: nothing may become visible at them."""


@dataclass(slots=True)
class Clock:
    """Microseconds since 1970 UTC. `host` and `elapsed` are read by the composition root alone; `wait` sleeps."""

    host: Callable[[], int]
    elapsed: Callable[[], int]
    wait: Callable[[int], None]
    _value: int = 0
    _mark: int = 0
    _lock: Lock = field(default_factory=Lock)

    def now(self, conn: Connection) -> int:
        """What this process may trust as now. Cost: a round trip on PostgreSQL, none on SQLite."""
        return self._advance(store.database_clock(conn, self.host()))

    def not_before(self, conn: Connection) -> None:
        """Start where the store's own instants already are: a clock that was set back meanwhile hides nothing."""
        self._advance(store.latest(conn) - LEAD)

    def _advance(self, seen: int) -> int:
        with self._lock:
            mark = self.elapsed()
            self._value = max(seen, self._value + mark - self._mark)
            self._mark = mark
            return self._value

    def room(self, conn: Connection, last: int, lead: int = LEAD) -> int:
        """Now, once a log that ends at `last` is no more than the lead ahead of it."""
        now = self.now(conn)
        if last > now + lead + STEPPED:
            return self._advance(last - lead)
        while last > now + lead:
            self.wait(last - now - lead)
            now = self.now(conn)
        return now


def ceil_millisecond(at: int) -> int:
    return -(-at // MILLISECOND) * MILLISECOND


def runs(now: int, last: int, sizes: Sequence[int], lead: int = LEAD) -> list[int]:
    """The first instant of each run: consecutive microseconds that end on a whole millisecond (policy.md 3.6.1).

    A reader sees a run whole or not at all, so hidden entries leave no gap in it; and a client that cuts to
    milliseconds, having read a run to its end, reads nothing again.
    """
    starts = []
    at = max(now + lead, last + 1)
    for size in sizes:
        end = ceil_millisecond(at + size - 1)
        starts.append(end - size + 1)
        at = end + 1
    return starts


def in_parts(numbers: Sequence[int], size: int, commit: Callable[[Sequence[int], int], None]) -> None:
    """Have all of them committed, `size` at a time, in smaller parts or with a longer lead where that was too slow.

    `commit` takes numbers and a lead, and raises `TooSlow` where it was not in time. Raises that after `TRIES`.
    """
    left, lead, tries = list(numbers), LEAD, 0
    while left:
        part = left[:size]
        try:
            commit(part, lead)
        except TooSlow:
            size, lead = max(1, size // 2), lead if size > 1 else 2 * lead
            tries += 1
        except DBAPIError as error:
            if not store.must_retry(error):
                raise
            tries += 1
        else:
            left, lead, tries = left[len(part) :], LEAD, 0
        if tries > TRIES:
            raise TooSlow


def check_in_time(now: int, stamped: int, lead: int = LEAD) -> None:
    """Raise `TooSlow` where half the lead has gone: the rest is for the commit itself."""
    if now - stamped > lead // 2:
        raise TooSlow


def committed(engine: Engine, act: Callable[[Connection, int], T]) -> T:
    """What `act` makes in one transaction that gives instants, durable when this returns.

    `act` is given the connection and the lead, and asks `check_in_time` last. Where it was not in time it is done
    again with a longer lead; so it is after a deadlock. Raises `TooSlow`.
    """
    lead = LEAD
    for _ in range(TRIES):
        try:
            with store.stamping(engine) as conn:
                return act(conn, lead)
        except TooSlow:
            lead *= 2
        except DBAPIError as error:
            if not store.must_retry(error):
                raise
    raise TooSlow
