"""For labs: push findings from Python.

    from exchange.client import Client

    client = Client("https://exchange.example", key)
    pushed = client.push({"kind": "software-vulnerability", "title": "…", …})

docs/client.md is its page. Every call may be made again: the same finding gives the same answer and is stored once,
and what was lost on the way is asked again by itself, with a pause, under one Idempotency-Key.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import requests

from exchange import clientfiles
from exchange.clientanswers import (
    LINES,
    Denied,
    Each,
    Failed,
    FindingState,
    NotFound,
    Pushed,
    PushedMany,
    Refused,
    Responded,
    Standing,
    Taken,
    good,
    read,
    read_many,
)
from exchange.clientserver import Server, Trouble, Unavailable, checked
from exchange.findings.finding import Fault, Finding

__all__ = [
    "Client", "Defaults", "Denied", "Failed", "Fault", "Finding", "FindingState", "NotFound", "Pushed", "PushedMany",
    "Refused", "Responded", "Standing", "Taken", "Trouble", "Unavailable",
]  # fmt: skip

COLLECTION = "vulnerabilities"
BATCH = 1_000  # findings of one request
BATCH_BYTES = 4 << 20  # a server answers such a request within seconds
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """For what has no place for them, like a SARIF file: marking, release plan or end of an embargo, and the members
    that it is for. What a finding says itself wins."""

    tlp: str | None = None
    plan: str | None = None
    embargo_until: str | None = None  # RFC 3339, UTC
    recipients: tuple[str, ...] = ()

    def query(self) -> list[tuple[str, str]]:
        """As parameters of a URL."""
        said = [("tlp", self.tlp), ("plan", self.plan), ("embargo_until", self.embargo_until)]
        return [(name, value) for name, value in said if value] + [("recipient", one) for one in self.recipients]


_NOTHING = Defaults()


Source = Mapping[str, Any] | Finding


@dataclass(slots=True)
class Client:
    """An exchange, by the URL of its server, and a key to it that may write. The URL is https, but for loopback.

    `wait` sleeps before something is asked again, `note` hears why. One client is for one thread.
    Every method raises `Denied`, `NotFound`, `Refused`, or `Unavailable` after some tries; all are `Trouble`.
    """

    url: str
    key: str = field(repr=False)
    wait: Callable[[float], None] = field(default=time.sleep, repr=False)
    note: Callable[[str], None] = field(default=lambda _said: None, repr=False)
    _server: Server = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.url = checked(self.url)
        self._server = Server(key=self.key, wait=self.wait, note=self.note)

    def push(self, finding: Source, collection: str = COLLECTION, *, dry_run: bool = False) -> Pushed:
        """One finding. A dry run stores nothing and shows what would be made, and who would read it."""
        answer = self._post(self._findings(collection, _NOTHING, dry_run), msgspec.json.encode(finding), _JSON)
        return read(answer, Pushed)

    def push_many(
        self, findings: Iterable[Source], collection: str = COLLECTION, *, defaults: Defaults = _NOTHING,
        dry_run: bool = False, each: Each = lambda _one: None,
    ) -> PushedMany:  # fmt: skip
        """Any number of findings, taken from the iterable as they are sent: memory stays flat. The good ones are
        taken, the bad ones are `failed`. `each` hears of every one, in order."""
        lines = (msgspec.json.encode(one) for one in findings)
        return self.push_lines(lines, collection, defaults=defaults, dry_run=dry_run, each=each)

    def push_lines(
        self, lines: Iterable[bytes], collection: str = COLLECTION, *, defaults: Defaults = _NOTHING,
        dry_run: bool = False, each: Each = lambda _one: None,
    ) -> PushedMany:  # fmt: skip
        """The same of findings that are JSON already, one a line."""
        url, total, start = self._findings(collection, defaults, dry_run), PushedMany(), 0
        for batch in _batches(lines):
            answer = self._post(url, b"\n".join(batch) + b"\n", LINES)
            some = read_many(answer, start, each)
            total += some
            start += some.taken + len(some.failed)
        return total

    def push_file(
        self, path: str | Path, collection: str = COLLECTION, *, defaults: Defaults = _NOTHING, dry_run: bool = False,
        each: Each = lambda _one: None,
    ) -> PushedMany:  # fmt: skip
        """A file in any format that the exchange takes. `Refused` where it cannot be read as one at all."""
        with clientfiles.opened(str(path)) as content:
            return self.push_content(content, collection, defaults=defaults, dry_run=dry_run, each=each)

    def push_content(
        self, content: clientfiles.Content, collection: str = COLLECTION, *, defaults: Defaults = _NOTHING,
        dry_run: bool = False, each: Each = lambda _one: None,
    ) -> PushedMany:  # fmt: skip
        """The same of a file that is open already."""
        if isinstance(content, clientfiles.Lines):
            return self.push_lines(content.lines, collection, defaults=defaults, dry_run=dry_run, each=each)
        text = clientfiles.enveloped(content.text) if isinstance(content, clientfiles.Stix) else content.text
        answer = self._post(self._findings(collection, defaults, dry_run), text, _JSON)
        return read_many(answer, 0, each)

    def finding(self, finding: str) -> FindingState:
        """How a finding stands, for this member."""
        return read(self._get(f"findings/{quote(finding, safe='')}"), FindingState)

    def responses(self, finding: str) -> dict[str, Any]:
        """How far a finding is, and who said what of it, as docs/api.md has it."""
        return read(self._get(f"findings/{quote(finding, safe='')}/responses"), dict[str, Any])

    def respond(self, finding: str, status: str, text: str = "") -> Responded:
        """Answer a finding: `received`, `under-investigation`, `affected`, `not-affected`, `fix-planned`, `fixed`, …"""
        body = {"status": status} | ({"text": text} if text else {})
        url = f"{self.url}api/v1/findings/{quote(finding, safe='')}/responses"
        return read(self._post(url, msgspec.json.encode(body), _JSON), Responded)

    def _get(self, path: str) -> requests.Response:
        return good(self._server.get(f"{self.url}api/v1/{path}", extra={"Accept": _JSON}))

    def _findings(self, collection: str, defaults: Defaults, dry_run: bool) -> str:
        query = defaults.query() + ([("dry_run", "true")] if dry_run else [])
        url = f"{self.url}api/v1/collections/{quote(collection, safe='')}/findings"
        return f"{url}?{urlencode(query)}" if query else url

    def _post(self, url: str, body: bytes, kind: str) -> requests.Response:
        """A success, or a 422 that tells of several findings."""
        extra = {"Accept": kind, "Content-Type": kind, "Idempotency-Key": secrets.token_hex(16)}
        return good(self._server.post(url, body, extra))


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) >= BATCH or size + len(line) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line.strip())
        size += len(line)
    if batch:
        yield batch
