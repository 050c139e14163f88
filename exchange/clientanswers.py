"""What an exchange answers to findings, as values, and its refusals as exceptions; `exchange.client` hands them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
import requests

from exchange.clientserver import Trouble, Unavailable
from exchange.findings.finding import Fault

T = TypeVar("T")
LINES = "application/x-ndjson"


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
class Pushed:
    """One finding, taken. `finding` is its STIX id, `key` the lab's own id of it, `status` where its objects are
    followed, `objects` the STIX ids made of it, `audience` who reads it by which rule. Of a dry run `objects` are the
    objects themselves, and nothing was stored."""

    finding: str
    key: str = ""
    status: str = ""
    objects: tuple[Any, ...] = ()
    audience: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Pushed):
    """One of several, taken. `index` counts from 0."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One of several, not taken."""

    index: int
    errors: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedMany:
    """Of all together: how many were taken, also such as were there already, and those that were not."""

    taken: int = 0
    failed: tuple[Failed, ...] = ()

    def __add__(self, other: PushedMany) -> PushedMany:
        return PushedMany(taken=self.taken + other.taken, failed=self.failed + other.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a finding stands in one collection. `stages` are those of its release plan: `plan`, whom they are `to` and
    `from` when, None for what has come. What follows is for its publisher alone; `served` has the members that it can
    name."""

    collection: str
    version: str
    state: str
    mine: bool
    stages: tuple[dict[str, Any], ...] = ()
    key: str | None = None
    status: str | None = None
    objects: tuple[str, ...] = ()
    served: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingState:
    """A finding in each of the collections where this member reads it."""

    id: str
    collections: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Responded:
    """An answer to a finding: the STIX id of the note that carries it, and the collection that it went to. `changed`
    is False where it was the member's last word already."""

    finding: str
    response: str
    collection: str
    changed: bool


Each = Callable[[Taken | Failed], None]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    failures: tuple[Failed, ...] = ()


class _One(msgspec.Struct):
    """What every form of answer may say: of one finding, of one line, of the whole."""

    finding: str | None = None
    key: str = ""
    status: str | int = ""  # a problem has that of HTTP
    objects: tuple[Any, ...] = ()
    audience: dict[str, Any] | None = None
    index: int = 0
    errors: tuple[Fault, ...] = ()
    taken: int | None = None  # of the whole; a line that has it is the last
    findings: tuple[_One, ...] = ()
    failures: tuple[Failed, ...] = ()
    stix: dict[str, Any] | None = None

    def told(self) -> list[Taken | Failed]:
        """The findings that it is about, in order; none of a line that sums up."""
        if self.finding is not None:
            return [Taken(index=self.index, finding=self.finding, key=self.key, status=str(self.status),
                          objects=self.objects, audience=self.audience)]  # fmt: skip
        if self.errors:
            return [Failed(index=self.index, errors=self.errors)]
        several = [one for some in self.findings for one in some.told()]
        return sorted((*several, *self.failures, *self._objects()), key=lambda one: one.index)

    def _objects(self) -> Iterator[Taken | Failed]:
        """Of STIX: each object by itself, as the status has it."""
        said = self.stix or {}
        for number, one in enumerate(said.get("successes", ())):
            yield Taken(index=number, finding=one["id"], status=str(self.status), objects=(one["id"],))
        for number, one in enumerate(said.get("failures", ()), len(said.get("successes", ()))):
            yield Failed(index=number, errors=(Fault(pointer=f"/{one['id']}", detail=one.get("message", "")),))


def good(answer: requests.Response) -> requests.Response:
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


def read(answer: requests.Response, kind: type[T]) -> T:
    return _decoded(answer, answer.content, kind)


def _decoded(answer: requests.Response, text: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Trouble(f"{answer.url}: answers, but not as an exchange does: {error}; is it one?") from error


def read_many(answer: requests.Response, start: int, each: Each) -> PushedMany:
    """The sum of an answer about several findings, the first of which has the index `start`."""
    in_lines = answer.headers.get("Content-Type", "").startswith(LINES)
    failed: list[Failed] = []
    taken, whole = 0, not in_lines
    for part in answer.iter_lines() if in_lines else [answer.content]:
        said = _decoded(answer, part, _One)
        whole = whole or said.taken is not None
        for one in said.told():
            placed = replace(one, index=start + one.index)
            each(placed)
            if isinstance(placed, Failed):
                failed.append(placed)
            else:
                taken += 1
    if not whole:
        raise Unavailable(f"{answer.url}: the answer ends early; what was taken so far is safe: push the same again")
    return PushedMany(taken=taken, failed=tuple(failed))
