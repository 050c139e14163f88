"""Findings become STIX and are taken (findings.md 1, 3 and 5): drafts → one commit → answer.

A finding is taken whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from exchange import findingrows, intake, preview, quotas, store
from exchange.candidates import Candidate
from exchange.drafting import Desk, Draft, Failed, Filed, item
from exchange.findingrows import Pushed
from exchange.findings import keys
from exchange.findings.finding import Finding
from exchange.findingterms import Defaults
from exchange.forecast import Forecast
from exchange.intake import Poster

CHUNK = 100  # findings that are judged together


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """One that would be taken: what of it would be stored, and who would read the main object; None where that stands
    as it is."""

    index: int
    key: str
    finding: str
    objects: tuple[dict[str, Any], ...]
    audience: Forecast | None


def file(
    poster: Poster, uid: str, findings: Sequence[tuple[int, Finding]], defaults: Defaults, status_id: str
) -> list[Filed | Failed]:  # fmt: skip
    """Take findings, at most `CHUNK` of them and each key once, into the collection with id `uid`.

    What is called filed is durable. Raises `intake.Refused`, `intake.Busy`.
    """
    with store.reading(poster.engine) as conn:
        now = poster.clock.now(conn)
        state, collection = intake.writable(conn, poster.member, uid)
        desk = Desk(conn=conn, state=state, member=poster.member, collection=collection, now=now)
        found, drafts = desk.drafted(findings, defaults)
    work = [draft for draft in drafts if draft.candidates and draft.retry is None]
    results = intake.take_groups(poster, uid, [d.candidates for d in work], now, status_id) if work else {}
    for draft in work:
        draft.hear(results)
    taken = [d for d in drafts if not d.refused and d.retry is None]
    number, place = state.numbers[poster.member], state.places[uid]
    with store.writing(poster.engine) as conn:
        numbers = store.object_numbers(conn, sorted({i for d in taken for i in d.ids}))
        quota = state.config.members[poster.member].quota
        quotas.spend(conn, number, quota, sum(bool(d.candidates) for d in taken), now)
        findingrows.put(conn, [_row(d, number, place, numbers, status_id, now) for d in taken])
        if work or any(d.status(status_id) == status_id for d in taken):
            resource = intake.told(status_id, now, results)
            store.add_status(conn, intake.status_row(poster, state, uid, resource, now))
    found += [_answer(d, status_id) for d in drafts]
    return sorted(found, key=lambda one: one.index)


def audience(poster: Poster, uid: str, finding: str) -> Forecast | None:
    """Who reads the newest version of the member's own object, now and later; None where there is none."""
    with store.reading(poster.engine) as conn:
        now = poster.clock.now(conn)
        state, collection = intake.writable(conn, poster.member, uid)
        desk = Desk(conn=conn, state=state, member=poster.member, collection=collection, now=now)
        stored = desk.live({finding}).get(finding)
        made = Candidate.make(0, item(orjson.loads(stored.json)), now) if stored else None
        if not isinstance(made, Candidate):
            return None
        return preview.foreseen(conn, poster.member, uid, [[made]], now)[1].get(0)


def foresee(
    poster: Poster, uid: str, findings: Sequence[tuple[int, Finding]], defaults: Defaults
) -> list[Foreseen | Failed]:
    """What `file` would come to, with the objects and who would read the main one. Nothing is stored."""
    with store.reading(poster.engine) as conn:
        now = poster.clock.now(conn)
        state, collection = intake.writable(conn, poster.member, uid)
        desk = Desk(conn=conn, state=state, member=poster.member, collection=collection, now=now)
        found, drafts = desk.drafted(findings, defaults)
        work = [list(d.candidates) for d in drafts if d.candidates]
        results, forecasts = preview.foreseen(conn, poster.member, uid, work, now) if work else ({}, {})
    told: list[Foreseen | Failed] = [one for one in found if isinstance(one, Failed)]
    for d in drafts:
        d.hear(results)
        told.append(Failed(index=d.index, faults=d.faults) if d.refused else _foreseen(d, forecasts))
    for one in found:
        if isinstance(one, Filed):
            told.append(Foreseen(index=one.index, key=one.key, finding=one.finding, objects=(), audience=None))
    return sorted(told, key=lambda one: one.index)


def _foreseen(d: Draft, forecasts: Mapping[int, Forecast]) -> Foreseen:
    main = next((c.index for c in d.candidates if c.parsed.id == d.ids[0]), None)
    return Foreseen(
        index=d.index, key=d.key, finding=d.ids[0], objects=tuple(c.parsed.obj for c in d.candidates),
        audience=forecasts[main] if main is not None else None,
    )  # fmt: skip


def _row(d: Draft, member: int, place: int, numbers: Mapping[str, int], status_id: str, now: int) -> Pushed:
    return Pushed(
        member=member, collection=place, key=d.key, objects=tuple(numbers[i] for i in d.ids), digest=d.digest,
        status=d.status(status_id), at=now,
    )  # fmt: skip


def _answer(d: Draft, status_id: str) -> Filed | Failed:
    if d.refused or d.retry is not None:
        return Failed(index=d.index, faults=d.faults, retry=d.retry)
    return Filed(index=d.index, key=d.key, finding=d.ids[0], objects=d.ids, status=d.status(status_id))


def batches(findings: Sequence[tuple[int, Finding]]) -> Iterator[list[tuple[int, Finding]]]:
    """At most `CHUNK` at a time, and no key twice: the second is a newer state of the same finding."""
    some: list[tuple[int, Finding]] = []
    seen: set[str] = set()
    for index, finding in findings:
        key = finding.key or keys.of(finding)
        if some and (len(some) == CHUNK or key in seen):
            yield some
            some, seen = [], set()
        some.append((index, finding))
        seen.add(key)
    if some:
        yield some
