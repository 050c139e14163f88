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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import requests

from exchange import clientfiles
from exchange.clientserver import Server, Trouble, Unavailable, checked
from exchange.findings.finding import Fault, Finding

__all__ = [
    "Client", "Defaults", "Denied", "Failed", "Fault", "Finding", "NotFound", "Pushed", "PushedMany", "Refused",
    "Responded", "Taken", "Trouble", "Unavailable",
]  # fmt: skip

COLLECTION = "vulnerabilities"
BATCH = 1_000  # findings of one request
BATCH_BYTES = 4 << 20  # a server answers such a request within seconds
T = TypeVar("T")
_JSON, _LINES = "application/json", "application/x-ndjson"


class Denied(Trouble):
    """The key is unknown, revoked or expired, or may not do this."""


class NotFound(Trouble):
    """Nothing is there for this key: no such collection or finding, or none that it may see."""


class Refused(Trouble):
    """What was sent is wrong. `errors` has every fault at once: where (RFC 6901), what, and the mend."""

    def __init__(self, said: str, errors: tuple[Fault, ...] = ()) -> None:
        super().__init__(said)
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """For what has no place for them, like a SARIF file: marking, release plan or end of an embargo, and the members
    or groups that it is for. What a finding says itself wins."""

    tlp: str | None = None
    plan: str | None = None
    embargo_until: str | None = None  # RFC 3339, UTC
    recipients: tuple[str, ...] = ()

    def query(self) -> list[tuple[str, str]]:
        """As parameters of a URL."""
        said = [("tlp", self.tlp), ("plan", self.plan), ("embargo_until", self.embargo_until)]
        return [(name, value) for name, value in said if value] + [("recipient", one) for one in self.recipients]


_NOTHING = Defaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One finding, taken. `finding` is its STIX id, `key` the lab's own id of it, `status` where its objects are
    followed, `objects` the STIX ids made of it, `audience` who reads it by which rule. Of a dry run `objects` are the
    objects themselves, and nothing was stored."""

    finding: str
    key: str = ""
    status: str = ""
    objects: tuple[Any, ...] = ()
    audience: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One of several, taken. `index` counts from 0; `changed` is False where it was there already."""

    finding: str
    index: int = 0
    key: str = ""
    objects: tuple[Any, ...] = ()
    changed: bool = True
    audience: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One of several, not taken."""

    index: int
    errors: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedMany:
    """Of all together. `statuses`: where their objects are followed, one for each request that was made."""

    taken: int = 0
    changed: int = 0  # of those taken
    failed: tuple[Failed, ...] = ()
    statuses: tuple[str, ...] = ()

    def __add__(self, other: PushedMany) -> PushedMany:
        return PushedMany(
            taken=self.taken + other.taken, changed=self.changed + other.changed, failed=self.failed + other.failed,
            statuses=self.statuses + other.statuses,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Responded:
    """An answer to a finding: the STIX id of the note that carries it."""

    note: str
    finding: str = ""
    status: str = ""


Each = Callable[[Taken | Failed], None]
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
        return _read(answer, Pushed)

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
            answer = self._post(url, b"\n".join(batch) + b"\n", _LINES)
            total += _read_many(answer, start, each)
            start += len(batch)
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
        answer = self._post(self._findings(collection, defaults, dry_run), content.text, _JSON)
        return _read_many(answer, 0, each)

    def finding(self, finding: str) -> dict[str, Any]:
        """What this member may see of a finding: its states, the parties and the stages of its release plan."""
        answer = self._server.get(f"{self.url}api/v1/findings/{quote(finding)}", extra={"Accept": _JSON})
        return _read(_good(answer), dict[str, Any])

    def respond(self, finding: str, status: str, text: str = "") -> Responded:
        """Answer a finding: `received`, `under-investigation`, `affected`, `not-affected`, `fix-planned`, `fixed`, …"""
        body = {"status": status} | ({"text": text} if text else {})
        url = f"{self.url}api/v1/findings/{quote(finding)}/responses"
        return _read(self._post(url, msgspec.json.encode(body), _JSON), Responded)

    def _findings(self, collection: str, defaults: Defaults, dry_run: bool) -> str:
        query = defaults.query() + ([("dry_run", "true")] if dry_run else [])
        url = f"{self.url}api/v1/collections/{quote(collection, safe='')}/findings"
        return f"{url}?{urlencode(query)}" if query else url

    def _post(self, url: str, body: bytes, kind: str) -> requests.Response:
        """A success, or a 422 that tells of several findings."""
        extra = {"Accept": kind, "Content-Type": kind, "Idempotency-Key": secrets.token_hex(16)}
        return _good(self._server.post(url, body, extra))


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


# Reading answers --------------------------------------------------------------------------------------------------


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    failures: tuple[Failed, ...] = ()


class _One(msgspec.Struct):
    """What every form of answer may say: of one finding, of one line, of the whole."""

    finding: str | None = None
    key: str = ""
    objects: tuple[Any, ...] = ()
    audience: dict[str, Any] = {}
    index: int = 0
    changed: bool = True
    errors: tuple[Fault, ...] = ()
    status: str | None = None
    taken: int | None = None  # of the line that sums up, which is the last
    findings: tuple[Taken, ...] = ()
    failures: tuple[Failed, ...] = ()

    def told(self) -> list[Taken | Failed]:
        """The findings that it is about, in order; none of a line that sums up."""
        if self.finding is not None:
            return [Taken(finding=self.finding, index=self.index, key=self.key, objects=self.objects,
                          changed=self.changed, audience=self.audience)]  # fmt: skip
        if self.errors:
            return [Failed(index=self.index, errors=self.errors)]
        return sorted((*self.findings, *self.failures), key=lambda one: one.index)


def _good(answer: requests.Response) -> requests.Response:
    """An answer that something was taken, or a 422 about several; raises for all others."""
    code = answer.status_code
    if code in (200, 201, 202):
        return answer
    problem = _problem(answer)
    said = f"{answer.url.partition('?')[0]}: {problem.detail or problem.title or f'{code} {answer.reason}'}"
    if code == 401:
        raise Denied(f"{answer.url.partition('?')[0]}: the key is not accepted: it is unknown, revoked or expired")
    if code == 403:
        raise Denied(said)
    if code == 404:
        raise NotFound(said)
    if code >= 500:
        raise Unavailable(said)
    if problem.failures:
        return answer
    raise Refused(_sentence(said, problem.errors), problem.errors)


def _sentence(said: str, errors: tuple[Fault, ...]) -> str:
    return "; ".join([said, *(f"{one.pointer or '/'}: {one.detail}" for one in errors)])


def _problem(answer: requests.Response) -> _Problem:
    try:
        return msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Problem()


def _read(answer: requests.Response, kind: type[T]) -> T:
    return _decoded(answer, answer.content, kind)


def _decoded(answer: requests.Response, text: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Trouble(f"{answer.url}: answers, but not as an exchange does: {error}; is it one?") from error


def _read_many(answer: requests.Response, start: int, each: Each) -> PushedMany:
    """The sum of an answer about several findings, the first of which has the index `start`."""
    in_lines = answer.headers.get("Content-Type", "").startswith(_LINES)
    failed: list[Failed] = []
    statuses: list[str] = []
    taken, changed, whole = 0, 0, not in_lines
    for part in answer.iter_lines() if in_lines else [answer.content]:
        said = _decoded(answer, part, _One)
        whole = whole or said.taken is not None
        statuses += [said.status] if whole and said.status else []
        for one in said.told():
            placed = replace(one, index=start + one.index)
            each(placed)
            if isinstance(placed, Failed):
                failed.append(placed)
            else:
                taken, changed = taken + 1, changed + placed.changed
    if not whole:
        raise Unavailable(f"{answer.url}: the answer ends early; what was taken so far is safe: push the same again")
    return PushedMany(taken=taken, changed=changed, failed=tuple(failed), statuses=tuple(statuses))
