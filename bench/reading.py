"""Reading over HTTP: a page of 100 and an idle poll, of a member that reads much and of one that reads little."""

from __future__ import annotations

import http.client
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench import client, limit, sample, servers, stores
from bench.client import Plan, Target
from bench.stores import Store, Viewer
from bench.timing import Timing
from exchange import app, stix, store

PAGE = 100
PLACES = 96  # of the log that pages are asked from


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One kind of request at one size and number of connections, beside its limit."""

    what: str
    size: int
    labels: int  # that the member reads
    connections: int
    bytes: int  # of the answer
    ours: Timing
    limit: Timing

    @property
    def of_limit(self) -> float:
        """Our rate as a part of the limit's."""
        return self.ours.rate / self.limit.rate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    what: str
    size: int
    labels: int
    target: Target
    bytes: int


def measure(
    filled: Sequence[Store], folder: Path, connections: Sequence[int], rounds: int, burst: int
) -> Iterator[Reading]:
    """Every kind of request at every size, all servers up at once and taking turns."""
    answers = folder / "limit"
    answers.mkdir(exist_ok=True)
    with ExitStack() as stack:
        cases = [
            case for one in filled for case in _cases(one, stack.enter_context(servers.exchange(one.home)), answers)
        ]
        port = stack.enter_context(servers.limit(answers))
        limits = [
            Target(name=f"limit {c.target.name}", port=port, paths=(f"/{_name(c)}",), bytes=c.bytes) for c in cases
        ]
        pairs = [target for case, beside in zip(cases, limits, strict=True) for target in (case.target, beside)]
        for count in connections:
            found = client.run(Plan(targets=tuple(pairs), connections=count, rounds=rounds, burst=burst))
            for case in cases:
                yield Reading(
                    what=case.what, size=case.size, labels=case.labels, connections=count, bytes=case.bytes,
                    ours=found[case.target.name], limit=found[_limit(case, port).name],
                )  # fmt: skip


def _limit(case: _Case, port: int) -> Target:
    return Target(name=f"limit {case.target.name}", port=port, paths=(f"/{_name(case)}",), bytes=case.bytes)


def _name(case: _Case) -> str:
    return case.target.name.replace(" ", "-")


def _cases(filled: Store, port: int, answers: Path) -> Iterator[_Case]:
    exchange = app.open_exchange(filled.home)
    with store.reading(exchange.engine) as conn:
        wide, sparse = (stores.viewer(conn, name) for name in (sample.WIDE, sample.SPARSE))
    exchange.close()
    for what, name, who, after in (
        ("page, wide member", sample.WIDE, wide, _places(wide, filled.size)),
        ("idle poll, wide member", sample.WIDE, wide, (wide.last,)),
        ("page, sparse member", sample.SPARSE, sparse, (0,)),
        ("idle poll, sparse member", sample.SPARSE, sparse, (sparse.last,)),
    ):
        yield _case(filled, port, answers, _Question(what, name, who.labels, after))


def _places(who: Viewer, size: int) -> tuple[int, ...]:
    """Random places in a member's span from which a whole page is left."""
    within = random.Random(size)
    last = who.first + (who.last - who.first) * max(0, size - 3 * PAGE) // size
    return tuple(within.randrange(who.first, max(last, who.first + 1)) for _ in range(PLACES))


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    member: str
    labels: int
    after: tuple[int, ...]


def _case(filled: Store, port: int, answers: Path, question: _Question) -> _Case:
    """The case, with an answer of the usual size kept for the limit."""
    what, member = question.what, question.member
    path = f"/exchange/collections/{sample.COLLECTION}/objects/?limit={PAGE}&added_after="
    target = Target(
        name=f"{what} {filled.size}", port=port, key=filled.keys[member],
        paths=tuple(path + stix.format_timestamp(at) for at in question.after),
    )  # fmt: skip
    seen = sorted((_get(target, one) for one in target.paths[:15]), key=lambda pair: len(pair[0]))
    body, headers = seen[len(seen) // 2]
    expected = min(sample.SPARSE_OBJECTS, filled.size // 10) if member == sample.SPARSE else PAGE
    expected = 0 if what.startswith("idle") else expected
    got = len(orjson.loads(body).get("objects", ()))
    if got != expected:
        raise RuntimeError(f"{what} at {filled.size}: {got} objects, not {expected}")
    case = _Case(what=what, size=filled.size, labels=question.labels, target=target, bytes=len(body))
    limit.keep(answers, _name(case), body, headers)
    return case


def _get(target: Target, path: str) -> tuple[bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {target.key}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return body, dict(answer.getheaders())
