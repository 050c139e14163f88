"""How many threads of a worker may wait for what clients send: a slow sender must not stop everybody else.

A read that waits cannot be ended, and the thread that waits in it answers nobody. So a member has `EACH` of them at
most, all members together `ALL`, and clients without a key, of whom nothing is read but what they were refused for,
`STRANGERS`; together these are fewer than a worker's threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

EACH = 4
ALL = 10
STRANGERS = 4
WAIT = 1.0  # seconds until somebody's turn is given up: short, because who waits holds a thread too


class Bodies:
    """The bodies that arrive at this moment, by member; None is whoever has no key."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._arriving: Counter[int | None] = Counter()

    @contextmanager
    def turn(self, member: int | None, wait: float = WAIT) -> Iterator[bool]:
        """Whether the body may be read inside; False if its turn did not come within `wait` seconds."""
        with self._changed:
            mine = self._changed.wait_for(lambda: self._free(member), wait)
            self._arriving[member] += mine
        try:
            yield mine
        finally:
            with self._changed:
                self._arriving[member] -= mine
                self._arriving += Counter()  # forgets whoever has none
                self._changed.notify_all()

    def _free(self, member: int | None) -> bool:
        own = self._arriving[member]
        if member is None:
            return own < STRANGERS
        return own < EACH and self._arriving.total() - self._arriving[None] < ALL
