"""The exchange that the clients poll: one server that can be stopped, broken and mended, and its publisher."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from exchange import app, audit, inforce, store
from exchange.app import Exchange
from tests.clients.poller import Line, Obj
from tests.protocol.served import Member, Served, start, wait_until_ready, write

MAIN = """
exchange: Clients Exchange
operator: Clients Operations
max-body: 1 MiB
groups: {{ makers: Makers, readers: Readers, late: Those who come later }}
members:
  maker:  {{ name: Maker,  in: [makers, late] }}
  reader: {{ name: Reader, in: [{groups}] }}
"""
COLLECTION_ID = "0a1b2c3d-0000-4000-8000-00000000c11e"
TITLE = "Findings for clients"
COLLECTION = f"id: {COLLECTION_ID}\ntitle: {TITLE}\nread: everyone\nwrite: [makers]\nunmarked: green\n"


def files(*groups: str) -> dict[str, str]:
    return {"config/exchange.yaml": MAIN.format(groups=", ".join(groups)), "collections/feed.yaml": COLLECTION}


@dataclass(slots=True, kw_only=True)
class House:
    """A home and the server on it, always at the same address."""

    home: Path
    port: int
    exchange: Exchange
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self.home / "server.log"
        with log.open("ab") as out:
            self.process = start(self.home, self.port, 1, out)
        wait_until_ready(self.process, self.url, log)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None

    def served(self) -> Served:
        assert self.process is not None
        log = self.home / "server.log"
        return Served(url=self.url, home=self.home, process=self.process, log=log, exchange=self.exchange)

    def member(self, name: str, profile: str | None = None) -> Member:
        return self.served().member(name, client=profile)

    def line(self, profile: str | None) -> Line:
        """A fresh key of the reader's."""
        return Line(url=self.url, key=self.member("reader", profile).key, collection=COLLECTION_ID, title=TITLE)

    def admit(self, *groups: str) -> None:
        """Put the reader into these groups."""
        inforce.put(self.exchange.engine, files(*groups), self.exchange.clock)

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Objects cannot be read: the database says so, and every page that has some is a 503."""
        self._execute("ALTER TABLE body RENAME TO body_away")
        try:
            yield
        finally:
            self.mend()

    def mend(self) -> None:
        with suppress(sqlite3.OperationalError):  # it is not broken
            self._execute("ALTER TABLE body_away RENAME TO body")

    def break_down(self) -> None:
        self._execute("ALTER TABLE body RENAME TO body_away")

    def _execute(self, statement: str) -> None:
        database = sqlite3.connect(self.home / "data" / "exchange.db", isolation_level=None)
        database.execute("PRAGMA legacy_alter_table = ON")  # leaves the foreign keys of other tables alone
        database.execute(statement)
        database.close()

    def audit(self) -> list[str]:
        with store.reading(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            return [str(fault) for fault in audit.audit(conn, state.readers)]


@contextmanager
def opened(home: Path) -> Iterator[House]:
    """A house whose reader is in `readers` alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write(home, files("readers"))
    exchange = app.open_exchange(home)
    house = House(home=home, port=port, exchange=exchange)
    try:
        house.start()
        yield house
    finally:
        house.stop()
        exchange.close()


def words(maker: Member) -> dict[str, str]:
    """The markings that the publisher may use, by name."""
    found = maker.ask("/exchange/collections/policy/objects/").json()["objects"]
    return {o["name"]: o["id"] for o in found}


def identity(obj: Obj) -> tuple[str, str]:
    """What makes two objects the same version; a cyber-observable has one version."""
    return obj["id"], obj.get("modified", "")
