"""A real server on a home of its own, and small things to ask it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import taxii2client.v21 as t2c

from exchange import app, credentials, inforce, store
from exchange.app import Exchange
from tests import databases

MEDIA_TYPE = "application/taxii+json;version=2.1"
BUILT_IN_GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
BUILT_IN_AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"

MAIN = """
exchange: Protocol Exchange
operator: Protocol Operations
max-body: 1 MiB
groups:
  makers: Makers
  readers: Readers
members:
  alpha: { name: Alpha, in: [makers] }
  beta: { name: Beta, in: [makers] }
  gamma: { name: Gamma, in: [readers] }
  asleep: { name: Asleep, in: [makers], suspended: true }
"""
RIGHTS = {
    "closed": "write: [readers]\nread: [readers]",
    "drop": "write: [makers]\nread: [readers]\nown: hidden",
    "post": "write: [makers]\nread: [readers]",
    "notice": "write: [readers]\nread: everyone",
}
FRESH = 250  # collections open to everybody, one for each test that asks


def collection_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def files() -> dict[str, str]:
    """A home with every kind of right, and many collections that differ by name only."""
    rights = RIGHTS | {f"fresh{n:02}": "write: everyone\nread: everyone" for n in range(FRESH)}
    rights["vulnerabilities"] = "write: [makers]\nread: everyone"
    found = {"config/exchange.yaml": MAIN}
    for number, (name, rule) in enumerate(rights.items()):
        found[f"collections/{name}.yaml"] = (
            f"id: {collection_id(number)}\ntitle: Collection {name}\n{rule}\naccept: [clear, amber]\nunmarked: green\n"
        )
    return found


def write(home: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    return home


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Requests of one member."""

    url: str
    key: str

    def ask(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        """A raw request to a path below the server; `headers` win over the ones that are always sent."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": MEDIA_TYPE} | options.pop("headers", {})
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=60, **options)

    def post(self, collection: str, *objects: dict[str, Any], **options: Any) -> requests.Response:
        headers = {"Content-Type": MEDIA_TYPE} | options.pop("headers", {})
        path = f"/exchange/collections/{collection}/objects/"
        body = {"json": {"objects": list(objects)}} if objects else {}
        return self.ask(path, "POST", headers=headers, **body, **options)

    def server(self) -> t2c.Server:
        return t2c.Server(f"{self.url}/taxii2/", user="anybody", password=self.key)

    def collection(self, name: str) -> t2c.Collection:
        """taxii2-client's view of a collection, by its alias."""
        found = {c.alias: c for c in self.server().default.collections}
        return found[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that runs: its address, its home, its master process, and the file of its messages."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path
    exchange: Exchange

    def member(self, name: str, **options: Any) -> Member:
        """Somebody with a fresh key."""
        return Member(url=self.url, key=self.new_key(name, **options))

    def new_key(self, member: str, **options: Any) -> str:
        wanted: dict[str, Any] = {"scope": ("read", "write"), "token": app.random_bytes} | options
        with store.writing(self.exchange.engine) as conn:
            state = inforce.current(conn)
            assert state
            now = self.exchange.clock.now(conn)
            return credentials.new(conn, member=state.numbers[member], now=now, **wanted)

    def version(self) -> int:
        """The config version in force."""
        with store.reading(self.exchange.engine) as conn:
            state = inforce.current(conn)
        assert state
        return state.version

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + 30
        while text not in self.log.read_text(encoding="utf-8"):
            assert time.monotonic() < deadline, f"{text!r} did not come; the log says {self.log.read_text()}"
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a server's certificate and its key."""

    certificate: Path
    key: Path


@contextmanager
def running(home: Path, workers: int = 1, tls: Tls | None = None, database: str | None = None) -> Iterator[Served]:
    """`exchange.app.serve` in a process of its own, on a free port of loopback; SQLite unless `database` is a URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    if database is None:
        databases.furnish(home)
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    with log.open("wb") as out, start(home, port, workers, out, tls, database) as process:
        try:
            wait_until_ready(process, url, log, verify=str(tls.certificate) if tls else True)
            exchange = app.open_exchange(home, database)
            yield Served(url=url, home=home, process=process, log=log, exchange=exchange)
            exchange.close()
        finally:
            process.terminate()


def start(
    home: Path, port: int, workers: int, out: Any, tls: Tls | None = None, database: str | None = None
) -> subprocess.Popen[bytes]:
    code = "import sys; from pathlib import Path; from exchange import app; "
    code += "cert, key = [Path(name) for name in sys.argv[4:]] or [None, None]; "
    code += "app.serve(Path(sys.argv[1]), port=int(sys.argv[2]), workers=int(sys.argv[3]), tls_cert=cert, tls_key=key)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EXCHANGE_")}
    environment |= {"EXCHANGE_DATABASE": database} if database else {}
    command = [sys.executable, "-c", code, str(home), str(port), str(workers)]
    command += [str(tls.certificate), str(tls.key)] if tls else []
    return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path, verify: str | bool = True) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/readyz", timeout=5, verify=verify).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")


def indicator(**more: Any) -> dict[str, Any]:
    """A valid object with an id of its own."""
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid4()}",
        "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-01-01T00:00:00.000Z",
        "name": "Zahlungsverkehr gestört ☃",
        "pattern": "[ipv4-addr:value = '198.51.100.3']",
        "pattern_type": "stix",
        "valid_from": "2024-01-01T00:00:00Z",
        **more,
    }


def address(value: str) -> dict[str, Any]:
    """An SCO without versions."""
    namespace = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
    name = f'{{"value":"{value}"}}'
    return {"type": "ipv4-addr", "id": f"ipv4-addr--{uuid.uuid5(namespace, name)}", "value": value}
