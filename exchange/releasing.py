"""Who releases, and who calls members: of all workers of all servers on one database, the one that holds the lock.

The lock ends with its process, whatever ends that: on SQLite it is a lock on a file beside the database, on PostgreSQL
one of the session.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from exchange.calling import Caller
from exchange.following import Follower
from exchange.notices import Notifier
from exchange.release import Releaser

RELEASES, CALLS = 817, 818  # PostgreSQL's numbers for the locks

_log = logging.getLogger("exchange.release")


class Lock(Protocol):
    """Held by one process at a time."""

    def held(self) -> bool:
        """Whether this process holds it now; takes it where it is free."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class FileLock:
    """For one machine."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._mine = False

    def held(self) -> bool:
        if not self._mine:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._mine = True
        return True

    def close(self) -> None:
        """Let go."""
        self._file.close()


class SessionLock:
    """For many: a connection is kept for it, and a lost one is lost with the lock."""

    def __init__(self, engine: Engine, number: int = RELEASES) -> None:
        self._engine = engine
        self._number = number
        self._session: Connection | None = None

    def held(self) -> bool:
        try:
            if self._session is not None:
                self._session.execute(text("SELECT 1"))
                return True
            return self._take()
        except SQLAlchemyError:
            self.close()
            raise

    def close(self) -> None:
        """Let go."""
        if self._session is not None:
            self._session.invalidate()  # closed, not given back to the pool: the lock is the session's
            self._session.close()
            self._session = None

    def _take(self) -> bool:
        with ExitStack() as stack:
            session = stack.enter_context(self._engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
            if not session.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": self._number}):
                return False
            self._session = session
            stack.pop_all()  # kept: the lock is the session's
        return True


def keep_releasing(
    releaser: Releaser, follower: Follower, notifier: Notifier, lock: Lock, pause: Callable[[], None]
) -> Thread:
    """Carry out what falls due, let responses follow and tell whom it concerns, round after round, in a thread that
    ends with its process."""

    def round_() -> None:
        if lock.held():
            releaser.round()
            follower.round()
            notifier.round()
        else:
            releaser.wait()

    return _keep("release", round_, pause, "releases could not be carried out yet")


def keep_calling(caller: Caller, lock: Lock, pause: Callable[[], None]) -> Thread:
    """Call members that something new is there, round after round, in a thread that ends with its process."""

    def round_() -> None:
        if lock.held():
            caller.round()

    return _keep("calls", round_, pause, "members could not be called yet")


def _keep(name: str, round_: Callable[[], object], pause: Callable[[], None], failed: str) -> Thread:
    def rounds() -> None:
        while True:
            try:
                round_()
            except Exception:  # whatever it is, the next round may do better, and nobody else would do it
                _log.exception(failed)
            pause()

    thread = Thread(target=rounds, name=name, daemon=True)
    thread.start()
    return thread
