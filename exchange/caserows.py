"""Statements on cases: findings of one publisher under one clock, their parties, and more time asked for. One each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from exchange import store
from exchange import tables as t


class Case(NamedTuple):
    """`owner` published all its findings; `at` in microseconds UTC."""

    id: str
    owner: int
    title: str
    at: int


class Request(NamedTuple):
    """More time, asked for by a member; `answer` is empty, ``accepted`` or ``declined``."""

    number: int
    member: int
    until: int
    reason: str
    at: int
    answer: str
    answered: int | None


def add(conn: Connection, case: Case, objects: Sequence[int]) -> None:
    """With its findings, as their publisher calls them. Cost: O(findings)."""
    conn.execute(insert(t.case).values(id=case.id, owner=case.owner, title=case.title, at=case.at))
    conn.execute(insert(t.case_finding), [{"case": case.id, "object": o} for o in sorted(set(objects))])


def get(conn: Connection, case: str) -> Case | None:
    row = conn.execute(select(t.case).where(t.case.c.id == case)).first()
    return Case(*row) if row else None


def listing(conn: Connection) -> list[Case]:
    """Every case, the newest first. Cost: O(cases)."""
    return [Case(*row) for row in conn.execute(select(t.case).order_by(t.case.c.at.desc(), t.case.c.id))]


def findings(conn: Connection, case: str) -> list[int]:
    query = select(t.case_finding.c.object).where(t.case_finding.c.case == case)
    return sorted(conn.scalars(query))


def of(conn: Connection, owner: int, objects: Sequence[int]) -> list[str]:
    """The owner's cases that hold one of its findings. Cost: O(findings + their cases) by case_finding_by_object."""
    c = t.case_finding.c
    query = select(c.case).join(t.case, t.case.c.id == c.case).where(t.case.c.owner == owner)
    return sorted({i for part in store.chunks(objects) for i in conn.scalars(query.where(c.object.in_(part)))})


def parties(conn: Connection, case: str) -> dict[int, int]:
    """Members, with when each was added."""
    c = t.case_party.c
    return dict(conn.execute(select(c.member, c.at).where(c.case == case).order_by(c.at, c.member)).all())


def add_party(conn: Connection, case: str, member: int, now: int) -> None:
    """Who is there stays as it is."""
    store.insert_missing(conn, t.case_party, [{"case": case, "member": member, "at": now}])


def requests(conn: Connection, case: str) -> list[Request]:
    """The oldest first."""
    c = t.case_request.c
    query = select(c.number, c.member, c.until, c.reason, c.at, c.answer, c.answered).where(c.case == case)
    return [Request(*row) for row in conn.execute(query.order_by(c.number))]


def ask(conn: Connection, case: str, member: int, until: int, reason: str, now: int) -> int:
    """The number of the request, in its case. Whoever asks has locked the owner's deposits."""
    c = t.case_request.c
    number = (conn.scalar(select(func.max(c.number)).where(c.case == case)) or 0) + 1
    row = {"case": case, "number": number, "member": member, "until": until, "reason": reason, "at": now, "answer": ""}
    conn.execute(insert(t.case_request), [row])
    return number


def answer(conn: Connection, case: str, number: int, said: str, now: int) -> bool:
    """Whether it was open until now."""
    c = t.case_request.c
    query = update(t.case_request).where(c.case == case, c.number == number, c.answer == "")
    return conn.execute(query.values(answer=said, answered=now)).rowcount == 1
