"""An exchange in this process for the tests of the JSON face, and its description as a validator of answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

import exchange
from exchange import app, audit, credentials, inforce, ledgeraudit, store
from exchange.app import Exchange
from exchange.following import Follower
from exchange.notices import Notifier
from exchange.tables import notice
from tests import databases
from tests.commands import command
from tests.protocol.served import MEDIA_TYPE, collection_id, write

OPENAPI: dict[str, Any] = json.loads(Path(exchange.__file__ or "").with_name("openapi.json").read_bytes())
MEMBERS = ("maker", "other", "reader", "shy", "asleep")
MAIN = """
exchange: Sample
operator: Sample Operations
groups: { makers: Who publishes, readers: Who reads, club: Who has no rights by it }
members:
  maker:  { name: The Maker, in: [makers] }
  other:  { name: Another Maker, in: [makers], relays: true }
  reader: { name: The Reader, in: [readers] }
  shy:    { name: The Hidden Member, in: [readers], listed: false }
  asleep: { name: The Sleeper, in: [readers], suspended: true }
"""
COLLECTIONS = {
    "closed": "write: readers\nread: readers\naccept: [clear, green]\nunmarked: green",
    "drop": "write: makers\nread: readers\nown: hidden\naccept: [green, amber+strict]\nunmarked: amber",
    "named": "write: makers\nread: everyone\naudience: named\naccept: [red, red]\nunmarked: red",
    "open": "write: everyone\nread: everyone\naccept: [green, amber]\nunmarked: green",
    "post": "write: makers\nread: readers\naccept: [green, amber+strict]\nunmarked: refuse",
}


def files(main: str = MAIN) -> dict[str, str]:
    found = {"config/exchange.yaml": main}
    for number, (name, rules) in enumerate(COLLECTIONS.items()):
        found[f"collections/{name}.yaml"] = f"id: {collection_id(number)}\ntitle: Collection {name}\n{rules}\n"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Requests by one key."""

    client: FlaskClient
    key: str

    @property
    def id(self) -> str:
        return self.key.split("_")[1]

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.key}", "Accept": "*/*"} | (headers or {})
        return self.client.open(path, method=method, headers=sent, **more)

    def told(self, name: str) -> dict[str, Any]:
        """The answer of /api/v1/NAME."""
        found = self.ask(f"/api/v1/{name}")
        assert found.status_code == 200, found.text
        answer: dict[str, Any] = json.loads(found.data)
        return answer

    def post(self, collection: str, *objects: dict[str, Any]) -> dict[str, Any]:
        path, headers = f"/exchange/collections/{collection}/objects/", {"Content-Type": MEDIA_TYPE}
        found = self.ask(path, "POST", headers, data=json.dumps({"objects": objects}))
        assert found.status_code == 202, found.text
        status: dict[str, Any] = json.loads(found.data)
        return status

    def poll(self, collection: str, query: str = "") -> TestResponse:
        return self.ask(f"/exchange/collections/{collection}/objects/{query}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    exchange: Exchange
    client: FlaskClient

    def asker(self, member: str, **options: Any) -> Asker:
        """A member with a fresh key."""
        wanted: dict[str, Any] = {"scope": ("read", "write"), "token": app.random_bytes} | options
        with store.writing(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            now = self.exchange.clock.now(conn)
            key = credentials.new(conn, member=state.numbers[member], now=now, **wanted)
        return Asker(client=self.client, key=key)

    def apply(self, main: str) -> None:
        write(self.exchange.home, files(main))
        app.apply_files(self.exchange.home)


@contextmanager
def site(home: Path, database: str | None = None) -> Iterator[Site]:
    write(home, files())
    if database is None:
        databases.furnish(home)
    found = app.open_exchange(home, database)
    inforce.put(found.engine, files(), found.clock)
    yield Site(exchange=found, client=app.create_app(found).test_client())
    found.close()


@dataclass(slots=True)
class Stage:
    """A site that the operator has a shell on."""

    here: Site
    database: str

    def run(self, *words: str) -> Any:
        return command.run(*words, "--home", self.here.exchange.home, env={"EXCHANGE_DATABASE": self.database})

    def apply(self, texts: Mapping[str, str]) -> None:
        inforce.put(self.here.exchange.engine, texts, self.here.exchange.clock)

    def round(self, after: int = 0) -> int:
        """What a server does twice a second, so long after what it tells of: microseconds more than the time before.

        How many notes were sent.
        """
        exchange = self.here.exchange
        with store.writing(exchange.engine) as conn:
            conn.execute(update(notice).values(at=notice.c.at - after, due=notice.c.due - after))
        Follower(engine=exchange.engine, clock=exchange.clock).round()
        return Notifier(engine=exchange.engine, ledger=exchange.ledger, clock=exchange.clock, size=2).round()

    def audit(self) -> list[str]:
        with store.reading(self.here.exchange.engine) as conn, store.reading(self.here.exchange.ledger) as lines:
            state = inforce.current(conn)
            assert state
            return audit.audit(conn, state.readers) + ledgeraudit.audit(conn, lines)


@contextmanager
def staged(home: Path, database: str, texts: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """A site with these files in force, whose log and ledger agree at the end."""
    with site(home, database) as here:
        found = Stage(here=here, database=database)
        if texts is not None:
            found.apply(texts)
        yield found
        assert found.audit() == []


@cache
def described(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator of a schema of the description, with nothing allowed beside what it names."""
    schemas = {key: _closed(deepcopy(schema)) for key, schema in OPENAPI["components"]["schemas"].items()}
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _closed(schema: Any) -> Any:
    if isinstance(schema, dict):
        for part in schema.values():
            _closed(part)
        if "properties" in schema and "type" in schema:
            schema["additionalProperties"] = False
    return schema


def faults(name: str, answer: object) -> list[str]:
    """What of an answer is not as described."""
    return [f"{error.instance_path}: {error.message}" for error in described(name).iter_errors(answer)]
