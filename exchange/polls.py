"""When each key last polled a collection, how far it got, and what last went wrong: so a member sees a stalled client.

A poll that finds nothing must cost no write, so polls are kept in memory and stored from time to time (`save`); one
that is served objects is stored with its ledger line. What a process that was killed had not stored is lost: the
memory of polls is for people to look at, and nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from threading import Lock

from sqlalchemy import Connection, Engine, select, text

from exchange import store
from exchange.ledgertables import poll as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What is known of one key's polls of one collection: a GET of its objects or its manifest, not by id.

    `at`: the last one that was answered, microseconds UTC; `reached`: in the member's own time, the last `date_added`
    that it served, else the time that it asked from. `error_at`, `error_status` and `error` (a title) tell of the last
    one that was refused or failed, if any; it is over where `at` is later. None: there was none.
    """

    member: int
    key: str
    collection: int
    at: int | None = None
    reached: int | None = None
    error_at: int | None = None
    error_status: int | None = None
    error: str | None = None

    @property
    def place(self) -> tuple[int, str, int]:
        return self.member, self.key, self.collection


def newest(one: Poll, other: Poll) -> Poll:
    """What two memories of the same key and collection come to: of each half the later."""
    if (other.at or 0) >= (one.at or 0):
        one = replace(one, at=other.at, reached=other.reached)
    if (other.error_at or 0) >= (one.error_at or 0):
        one = replace(one, error_at=other.error_at, error_status=other.error_status, error=other.error)
    return one


class Polls:
    """The polls that this process answered and has not stored yet, over those that are stored."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._unsaved: dict[tuple[int, str, int], Poll] = {}

    def saw(self, poll: Poll) -> None:
        """Remember a poll that was answered, or one that failed. Cost: no statement."""
        with self._lock:
            known = self._unsaved.get(poll.place)
            self._unsaved[poll.place] = newest(known, poll) if known else poll

    def save(self) -> None:
        """Store what is not stored yet; what fails is kept for the next time. Raises SQLAlchemy's errors."""
        with self._lock:
            taken, self._unsaved = self._unsaved, {}
        try:
            if taken:
                with store.writing(self._engine) as conn:
                    keep(conn, taken.values())
        except BaseException:
            for poll in taken.values():
                self.saw(poll)
            raise

    def of(self, member: int) -> list[Poll]:
        """A member's polls by key and collection, in order.

        Of other processes what they have stored, which is all that served objects; of vain polls all but those of the
        last seconds. Cost: O(its keys × collections).
        """
        with store.reading(self._engine) as conn:
            found = {p.place: p for p in stored(conn, member)}
        with self._lock:
            mine = [p for p in self._unsaved.values() if p.member == member]
        for poll in mine:
            found[poll.place] = newest(found[poll.place], poll) if poll.place in found else poll
        return [found[place] for place in sorted(found)]


def stored(conn: Connection, member: int) -> list[Poll]:
    """What is stored of a member's polls. Cost: O(its keys × collections)."""
    return [Poll(**row) for row in conn.execute(select(table).where(table.c.member == member)).mappings()]


_COLUMNS = [field.name for field in fields(Poll)]
# Text, and not built: this is on the way of every answer with objects, and SQLAlchemy would compile it each time.
_KEEP = text("""
    INSERT INTO poll (member, "key", collection, at, reached, error_at, error_status, error)
    VALUES (:member, :key, :collection, :at, :reached, :error_at, :error_status, :error)
    ON CONFLICT (member, "key", collection) DO UPDATE SET
        at = CASE WHEN excluded.at >= coalesce(poll.at, 0) THEN excluded.at ELSE poll.at END,
        reached = CASE WHEN excluded.at >= coalesce(poll.at, 0) THEN excluded.reached ELSE poll.reached END,
        error_at = CASE WHEN excluded.error_at >= coalesce(poll.error_at, 0)
            THEN excluded.error_at ELSE poll.error_at END,
        error_status = CASE WHEN excluded.error_at >= coalesce(poll.error_at, 0)
            THEN excluded.error_status ELSE poll.error_status END,
        error = CASE WHEN excluded.error_at >= coalesce(poll.error_at, 0) THEN excluded.error ELSE poll.error END
    """)


def keep(conn: Connection, polls: Iterable[Poll]) -> None:
    """Store polls; each half of a row stays where it is later already. Cost: O(polls).

    In one order, so that two processes never wait for each other.
    """
    rows = [{name: getattr(poll, name) for name in _COLUMNS} for poll in sorted(polls, key=lambda p: p.place)]
    conn.execute(_KEEP, rows)
