"""Publishing over HTTP, validated and synced, beside the least that any exchange would have to do with the bytes."""

from __future__ import annotations

import http.client
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson

from bench import sample, servers, stores
from bench.sample import BATCH, Stream
from bench.stores import Store
from bench.timing import clocked
from exchange import app, stix, stixschema

POSTER = sample.PUBLISHERS[0]


@dataclass(slots=True, kw_only=True)
class Publishing:
    """Envelopes at one size of the store: seconds that each took here and at the limit."""

    size: int
    objects: int = BATCH  # an envelope
    ours: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects * len(self.ours) / sum(self.ours)

    @property
    def limit_rate(self) -> float:
        return self.objects * len(self.limit) / sum(self.limit)


def measure(filled: Sequence[Store], folder: Path, rounds: int, objects: int = BATCH) -> list[Publishing]:
    """`rounds` envelopes to a copy of each store, turn by turn with the limit on the same bytes."""
    found = [Publishing(size=one.size, objects=objects) for one in filled]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="publishing-", dir=folder)))
        homes = [Path(shutil.copytree(one.home, scratch / one.home.name)) for one in filled]
        ports = [stack.enter_context(servers.exchange(home)) for home in homes]
        streams = [Stream(f"publishing {one.size}", _vocabulary(one)) for one in filled]
        raw = _Raw(scratch / "limit.db")
        for number in range(-1, rounds):  # the first does not count: it warms up
            for which, made in _turns(filled, number):
                body = sample.envelope(streams[which].batch(objects, POSTER)[1])
                ours, limit = _post(ports[which], made.keys[POSTER], body, objects), clocked(partial(raw.take, body))
                if number >= 0:
                    found[which].ours.append(ours)
                    found[which].limit.append(limit)
        raw.close()
    return found


def _turns(filled: Sequence[Store], number: int) -> Iterator[tuple[int, Store]]:
    pairs = list(enumerate(filled))
    yield from pairs if number % 2 == 0 else reversed(pairs)


def _vocabulary(one: Store) -> dict[str, dict[str, str]]:
    exchange = app.open_exchange(one.home)
    try:
        return stores.vocabulary(exchange.engine)
    finally:
        exchange.close()


def _post(port: int, key: str, body: bytes, objects: int) -> float:
    """Seconds of one POST, all of whose objects have to be taken."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/taxii+json;version=2.1"}
    began = time.perf_counter()
    connection.request("POST", f"/exchange/collections/{sample.COLLECTION}/objects/", body=body, headers=headers)
    answer = connection.getresponse()
    status = orjson.loads(answer.read())
    took = time.perf_counter() - began
    connection.close()
    if answer.status != 202 or status["success_count"] != objects:
        raise RuntimeError(f"publishing: {answer.status}: {status.get('failures', status)}")
    return took


class _Raw:
    """The limit: parse, check against the schema, insert the bytes, one synced commit an envelope."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE body (number INTEGER PRIMARY KEY, json BLOB NOT NULL)")

    def take(self, body: bytes) -> None:
        rows = []
        for item in stix.read_envelope(body):
            obj = item.obj or {}
            if not stixschema.validator(obj["type"]).is_valid(obj):
                raise RuntimeError(f"the sample breaks the schema of {obj['type']}")
            rows.append((item.raw,))
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO body (json) VALUES (?)", rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
