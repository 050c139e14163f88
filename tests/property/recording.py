"""Members that poll a server in every way, each writing down what it received, to be compared with the ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests
from sqlalchemy import select

from exchange import entries, store
from exchange import tables as t
from exchange.app import Exchange
from exchange.ledger import unpack
from exchange.ledgertables import served
from tests.protocol.served import MEDIA_TYPE, indicator

Version = tuple[str, str]  # id, modified
Carried = tuple[str, str, tuple[Version, ...]]  # member, collection, what one answer carried, in order
VERSIONS = [f"2026-01-0{n}T00:00:00.000Z" for n in range(1, 5)]


@dataclass(slots=True, kw_only=True)
class Poller:
    """One client of one member's; `received` are the answers that came whole, with objects."""

    url: str
    member: str
    key: str
    collections: tuple[str, ...]
    seed: int
    received: list[Carried] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    session: requests.Session = field(default_factory=requests.Session)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311  # draws what is asked, no secret

    def work(self, rounds: int) -> None:
        """Ask in all ways, in an order that the dice give; raises what the connection raises."""
        self._pages(self.collections[-1])
        ways = [self._pages, self._filtered, self._one, self._nothing]
        for _ in range(rounds):
            self.dice.choice(ways)(self.dice.choice(self.collections))

    def _pages(self, collection: str) -> None:
        query: dict[str, Any] = {"limit": self.dice.choice([1, 3, 50])}
        for _ in range(4):
            page = self._objects(collection, f"{collection}/objects/", query)
            if not page["more"]:
                return
            query["next"] = page["next"]

    def _filtered(self, collection: str) -> None:
        query = {"match[version]": self.dice.choice(["all", "first", VERSIONS[1]]), "match[type]": "indicator,malware"}
        self._objects(collection, f"{collection}/objects/", query)

    def _one(self, collection: str) -> None:
        if self.known:
            self._objects(
                collection, f"{collection}/objects/{self.dice.choice(self.known)}/", {"match[version]": "all"}
            )

    def _nothing(self, collection: str) -> None:
        """Answers without objects, of which the ledger says nothing."""
        self._ask(f"{collection}/manifest/", {})
        self._ask(f"{collection}/objects/", {}, "HEAD")
        self._ask(f"{collection}/objects/{indicator()['id']}/", {})
        self._ask(f"{collection}/objects/", {"limit": "none"})
        self._ask("closed/objects/", {})
        self._ask("policy/objects/", {})
        if self.known:
            self._ask(f"{collection}/objects/{self.known[0]}/versions/", {})

    def _objects(self, collection: str, path: str, query: dict[str, Any]) -> dict[str, Any]:
        answer = self._ask(path, query)
        page: dict[str, Any] = answer.json() if answer.status_code == 200 else {"more": False}
        if found := tuple((o["id"], o["modified"]) for o in page.get("objects", [])):
            self.received.append((self.member, collection, found))
            self.known += [i for i, _ in found]
        return page

    def _ask(self, path: str, query: dict[str, Any], method: str = "GET") -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": MEDIA_TYPE}
        url = f"{self.url}/exchange/collections/{path}"
        answer = self.session.request(method, url, params=query, headers=headers, timeout=60)
        assert answer.status_code < 500, answer.text
        return answer


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Publishes new objects and versions, deletes, and publishes again what it deleted."""

    url: str
    key: str
    collections: tuple[str, ...]
    seed: int
    mine: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311  # draws what is published, no secret

    def work(self, rounds: int) -> None:
        for n in range(rounds):
            collection = self.dice.choice(self.collections)
            fresh = [indicator(modified=VERSIONS[0]) for _ in range(3)]
            self.post(collection, *fresh)
            self.mine += [(collection, o) for o in fresh]
            where, known = self.dice.choice(self.mine)
            self.post(where, known | {"modified": VERSIONS[1 + n % 3]})
            self._send("DELETE", f"{where}/objects/{known['id']}/")
            self.post(where, known)

    def post(self, collection: str, *objects: dict[str, Any]) -> None:
        self._send("POST", f"{collection}/objects/", {"objects": list(objects)})

    def _send(self, method: str, path: str, body: object = None) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        url = f"{self.url}/exchange/collections/{path}"
        assert requests.request(method, url, json=body, headers=headers, timeout=60).status_code in (200, 202)


def all_at_once(*work: Poller | Publisher, rounds: int) -> None:
    """Each in a thread of its own; raises what one of them raises."""
    with ThreadPoolExecutor(len(work)) as threads:
        for done in [threads.submit(one.work, rounds) for one in work]:
            done.result()


def until_it_dies(pollers: list[Poller]) -> None:
    """Poll on and on, until the server is gone."""

    def work(one: Poller) -> None:
        while True:
            try:
                one.work(1)
            except requests.RequestException:
                return

    with ThreadPoolExecutor(len(pollers)) as threads:
        for done in [threads.submit(work, one) for one in pollers]:
            done.result()


def ledger_of(exchange: Exchange) -> Counter[Carried]:
    """What the ledger says was served, line by line, in the words of those who received it."""
    with store.reading(exchange.ledger) as lines:
        rows = lines.execute(select(served)).all()
    with store.reading(exchange.engine) as conn:
        members = {n: name for name, n in store.members(conn).items()}
        uids = {row.number: uid for uid, row in store.collections(conn).items()}
        named = dict(_named(conn))
    return Counter(
        (members[row.member], uids[row.collection], tuple(named[n] for n in unpack(row.versions))) for row in rows
    )


def _named(conn: Any) -> Iterator[tuple[int, Version]]:
    for object_, stix_id in conn.execute(select(t.object_.c.number, t.object_.c.id)):
        yield from ((v.number, (stix_id, v.ver_text)) for v in entries.deposited(conn, object_))


def received_by(pollers: list[Poller]) -> Counter[Carried]:
    return Counter(carried for one in pollers for carried in one.received)
