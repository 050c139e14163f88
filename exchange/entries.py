"""Statements on versions, bodies, references and claims: what was deposited, and for whom. One function, one statement.

Rows go out as frozen values and come in as such; audiences travel as `label.Audience`, interned by `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, func, insert, select, union_all, update

from exchange import label, store
from exchange import tables as t
from exchange.label import Audience, Step, parse_audience

PUBLISHED = ""
HELD = "held"
REFUSED = "refused"
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One publisher's deposit of one object version in one collection.

    A publisher above 0 is a member; 0 is the exchange, and -n is member n where it stays anonymous: these two read
    nothing of their own.
    """

    number: int
    collection: int
    publisher: int
    object: int
    ver: int
    refs: frozenset[int]
    creator: bool
    live: bool
    base: Audience
    whole: Audience
    shown: Audience
    ever: Audience
    eventual: Audience
    started: int
    steps: tuple[Step, ...]
    state: str = PUBLISHED
    submission: int | None = None
    source: int | None = None

    def at(self, instant: int) -> Audience:
        """Its audience by rules 2 to 7 at an instant to come."""
        return next((s.audience for s in reversed(self.steps) if s.due <= instant), self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """What `intake` hands to the log: an accepted object, and who may read it by rules 2 to 7."""

    id: str
    type: str
    ver: int
    ver_text: str
    raw: bytes
    base: Audience
    said: str
    refs: frozenset[str]
    creator: bool
    started: int = 0  # the clock of its release plan
    steps: tuple[Step, ...] = ()  # what the plan has still to give
    state: str = PUBLISHED
    submission: int | None = None
    source: int | None = None
    reasons: frozenset[str] = frozenset()  # why it is held
    key: str = ""  # the id of the key that posted it

    @property
    def ever(self) -> Audience:
        """By rules 2 to 7 at one stage or another."""
        return label.ever(self.base, self.steps)


class Owned(NamedTuple):
    """A live version of one publisher's, with its bytes, what its markings said and when its plan's clock began.

    `held`: it, or its anonymous copy, waits for a person's word, and its clock has not begun.
    """

    id: str
    collection: int
    ver: int
    json: bytes
    said: str
    started: int
    held: bool = False


# Versions -----------------------------------------------------------------------------------------------------

_VERSIONS = select(
    t.version.c.number, t.version.c.collection, t.version.c.publisher, t.version.c.object, t.version.c.ver,
    t.version.c.refs, t.version.c.creator, t.version.c.deleted, t.version.c.base, t.version.c.whole, t.version.c.shown,
    t.version.c.ever, t.version.c.eventual, t.version.c.started, t.version.c.steps, t.version.c.state,
    t.version.c.submission, t.version.c.source,
)  # fmt: skip
_AUDIENCES = ("base", "whole", "shown", "ever", "eventual")


def versions(conn: Connection, *where: ColumnElement[bool]) -> list[Version]:
    rows = conn.execute(_VERSIONS.where(*where)).mappings().all()
    if not rows:
        return []
    wanted = {row[column] for row in rows for column in _AUDIENCES}
    wanted |= {audience for row in rows for _, audience in _unpacked(row["steps"])}
    texts = store.audience_texts(conn, sorted(wanted))
    audiences = {number: parse_audience(text) for number, text in texts.items()}
    return [_version(row, audiences) for row in rows]


def _version(row: RowMapping, audiences: dict[int, Audience]) -> Version:
    return Version(
        number=row["number"],
        collection=row["collection"],
        publisher=row["publisher"],
        object=row["object"],
        ver=row["ver"],
        refs=unpack(row["refs"]),
        creator=row["creator"],
        live=row["deleted"] is None,
        **{column: audiences[row[column]] for column in _AUDIENCES},
        started=row["started"],
        steps=tuple(Step(due, audiences[audience]) for due, audience in _unpacked(row["steps"])),
        state=row["state"],
        submission=row["submission"],
        source=row["source"],
    )


def _unpacked(steps: str) -> list[tuple[int, int]]:
    """(instant, number of the audience)."""
    return [(int(due), int(audience)) for due, _, audience in (step.partition(":") for step in steps.split())]


def pack_steps(steps: Iterable[Step], numbers: Mapping[str, int]) -> str:
    """`numbers` of the audiences, by their texts."""
    return " ".join(f"{step.due}:{numbers[step.audience.text]}" for step in steps)


def submission_of(status_id: str) -> int:
    """The number of a POST, from its status' id: 63 bits, which no other one has."""
    return int.from_bytes(blake2b(status_id.encode(), digest_size=8).digest()) >> 1


def pack(refs: Iterable[int]) -> str:
    return " ".join(map(str, sorted(refs)))


def unpack(refs: str) -> frozenset[int]:
    return frozenset(map(int, refs.split()))


def publishers(conn: Connection) -> list[int]:
    """Everybody who ever deposited anything. Cost: O(versions) on PostgreSQL, O(publishers) on SQLite."""
    return sorted(conn.scalars(select(t.version.c.publisher).distinct()))


def own_versions(conn: Connection, publisher: int, objects: Sequence[int]) -> list[Version]:
    """All versions of these objects by this publisher, deleted ones too. Cost: O(objects) by version_by_deposit."""
    return [
        v
        for part in store.chunks(objects)
        for v in versions(conn, t.version.c.publisher == publisher, t.version.c.object.in_(part))
    ]


def by_number(conn: Connection, numbers: Sequence[int]) -> list[Version]:
    """Cost: O(numbers)."""
    return [v for part in store.chunks(numbers) for v in versions(conn, t.version.c.number.in_(part))]


def meant(conn: Connection, objects: Sequence[int]) -> list[Version]:
    """What an operator means by these ids: everybody's live versions of them, the anonymous copies that stand for those
    and what copies stand for. Cost: O(collections × objects + their versions)."""
    found = {v.number: v for row in store.collections(conn).values() for v in versions_in(conn, row.number, objects)}
    for part in store.chunks(sorted({v.source for v in found.values() if v.source is not None} - found.keys())):
        found |= {v.number: v for v in versions(conn, t.version.c.number.in_(part))}
    for part in store.chunks(sorted(n for n, v in found.items() if v.source is None)):
        found |= {v.number: v for v in versions(conn, t.version.c.source.in_(part))}
    return sorted((v for v in found.values() if v.live), key=lambda v: v.number)


def submitted(conn: Connection, member: int, submission: int) -> list[Version]:
    """The live versions that one POST of a member brought, anonymous copies too. Cost: O(the member's versions)."""
    c = t.version.c
    found = versions(conn, c.publisher.in_([member, -member]), c.submission == submission, c.deleted.is_(None))
    return sorted(found, key=lambda v: v.number)


class Due(NamedTuple):
    """A version with a step of its release plan to come."""

    number: int
    publisher: int
    due: int


def waiting(conn: Connection) -> list[Due]:
    """Every live version with a step to come. Cost: O(those) by version_by_due."""
    c = t.version.c
    query = select(c.number, c.publisher, c.due).where(c.due.is_not(None), c.deleted.is_(None))
    return [Due(*row) for row in conn.execute(query.order_by(c.number))]


def due(conn: Connection, until: int, limit: int, without: Iterable[int] = ()) -> list[Due]:
    """Versions with a step due by then, the earliest first; of no publisher in `without`, and no anonymous ones.

    A deleted one has no step. Cost: O(limit, and what is left out) by version_by_due.
    """
    c = t.version.c
    query = select(c.number, c.publisher, c.due).where(c.due.is_not(None), c.due <= until, c.publisher >= 0)
    query = query.where(c.publisher.not_in(list(without)))
    return [Due(*row) for row in conn.execute(query.order_by(c.due, c.number).limit(limit))]


def owned(conn: Connection, publisher: int, ids: Sequence[str]) -> list[Owned]:
    """The publisher's live versions of these STIX ids, in every collection. Cost: as `owned_and_withdrawn`."""
    return owned_and_withdrawn(conn, publisher, ids)[0]


def owned_and_withdrawn(conn: Connection, publisher: int, ids: Sequence[str]) -> tuple[list[Owned], set[str]]:
    """The same, and those of the ids of which the exchange withdrew a version of this publisher's.

    Cost: O(ids + their versions) by version_by_deposit: the ids are looked up first, apart, so that no database takes
    it for a walk over everything that the publisher has.
    """
    found: list[Owned] = []
    withdrawn: set[str] = set()
    copy = t.version.alias()
    for part in store.chunks(ids):
        numbers = select(t.object_.c.number).where(t.object_.c.id.in_(part))
        query = (
            select(
                t.object_.c.id,
                t.version.c.collection,
                t.version.c.ver,
                t.body.c.json,
                t.version.c.said,
                t.version.c.started,
                t.version.c.state,
                copy.c.state,
            )
            .join(t.object_, t.object_.c.number == t.version.c.object)
            .join(t.body, t.body.c.number == t.version.c.body)
            .outerjoin(copy, (copy.c.source == t.version.c.number) & copy.c.deleted.is_(None))
            .where(t.version.c.publisher == publisher, t.version.c.object.in_(numbers))
            .where(t.version.c.deleted.is_(None) | (t.version.c.state == WITHDRAWN))
        )
        for i, c, v, json, said, at, *states in conn.execute(query):
            if states[0] == WITHDRAWN:
                withdrawn.add(i)
            else:
                found.append(Owned(i, c, v, bytes(json), said, at, HELD in states))
    return found, withdrawn


def versions_in(conn: Connection, collection: int, objects: Sequence[int]) -> list[Version]:
    """Everybody's versions of these objects in one collection. Cost: O(objects) by version_by_object."""
    return [
        v
        for part in store.chunks(objects)
        for v in versions(conn, t.version.c.collection == collection, t.version.c.object.in_(part))
    ]


def versions_of(conn: Connection, object_: int) -> list[Version]:
    """Everybody's versions of one object, for operators. Cost: O(collections + its versions) by version_by_object."""
    numbers = [row.number for row in store.collections(conn).values()]
    found = [
        v
        for part in store.chunks(numbers)
        for v in versions(conn, t.version.c.collection.in_(part), t.version.c.object == object_)
    ]
    return sorted(found, key=lambda v: (v.collection, v.publisher, v.ver))


def received(conn: Connection, publisher: int, objects: Sequence[int]) -> dict[int, int]:
    """When the publisher deposited each of these objects first, also what it deleted. Cost: O(its versions of them)."""
    c = t.version.c
    query = select(c.object, func.min(c.received)).group_by(c.object)
    return {
        o: at
        for part in store.chunks(objects)
        for o, at in conn.execute(query.where(c.publisher == publisher, c.object.in_(part)))
    }


def received_at(conn: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """When each version came in. Cost: O(versions)."""
    query = select(t.version.c.number, t.version.c.received)
    return {
        n: at for part in store.chunks(numbers) for n, at in conn.execute(query.where(t.version.c.number.in_(part)))
    }


def told(conn: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(version text, what its markings said) of each version. Cost: O(versions)."""
    query = select(t.version.c.number, t.version.c.ver_text, t.version.c.said)
    return {
        n: (text, said)
        for part in store.chunks(numbers)
        for n, text, said in conn.execute(query.where(t.version.c.number.in_(part)))
    }


def ids_of(conn: Connection, objects: Sequence[int]) -> dict[int, str]:
    """STIX ids of object numbers. Cost: O(objects)."""
    query = select(t.object_.c.number, t.object_.c.id)
    return {n: i for part in store.chunks(objects) for n, i in conn.execute(query.where(t.object_.c.number.in_(part)))}


def shared_objects(conn: Connection, collection: int, publisher: int, objects: Sequence[int]) -> set[int]:
    """Those of the objects that others deposited in the collection too. Cost: O(objects) by version_by_object."""
    found: set[int] = set()
    for part in store.chunks(objects):
        query = select(t.version.c.object).where(
            t.version.c.collection == collection,
            t.version.c.object.in_(part),
            t.version.c.publisher != publisher,
        )
        found.update(conn.scalars(query))
    return found


def referrers(conn: Connection, publisher: int, targets: Sequence[int]) -> set[int]:
    """Objects of the publisher with a live version that refers to one of the targets. Cost: O(referrers)."""
    found: set[int] = set()
    for part in store.chunks(targets):
        query = (
            select(t.version.c.object)
            .join(t.reference, t.reference.c.version == t.version.c.number)
            .where(t.reference.c.publisher == publisher, t.reference.c.target.in_(part))
            .where(t.version.c.deleted.is_(None))
        )
        found.update(conn.scalars(query))
    return found


def shown(conn: Connection, numbers: Sequence[int]) -> dict[int, Audience]:
    """What the entries of each version partition now. Read it under the collection's lock. Cost: O(versions)."""
    found: dict[int, int] = {}
    for part in store.chunks(numbers):
        query = select(t.version.c.number, t.version.c.shown).where(t.version.c.number.in_(part))
        found |= dict(conn.execute(query).all())
    texts = store.audience_texts(conn, sorted(set(found.values())))
    return {number: parse_audience(texts[audience]) for number, audience in found.items()}


def add_versions(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert. Cost: O(rows)."""
    names = [column.name for column in t.version.columns]
    store.insert_many(conn, t.version, names, [[row[name] for name in names] for row in rows])


class Deposited(NamedTuple):
    """A version by its number, also one that is deleted, or was deposited again since under another number."""

    number: int
    collection: int
    publisher: int
    ver: int
    ver_text: str


_FORMER = ("number", "collection", "publisher", "object", "ver", "ver_text", "received")


def deposited(conn: Connection, object_: int) -> list[Deposited]:
    """Every version of an object that ever was. Cost: O(collections + its versions) by version_by_object."""
    here = t.version.c.collection.in_([row.number for row in store.collections(conn).values()])
    columns = [[table.c[name] for name in Deposited._fields] for table in (t.version, t.former)]
    query = union_all(
        select(*columns[0]).where(here, t.version.c.object == object_),
        select(*columns[1]).where(t.former.c.object == object_),
    )
    return [Deposited(*row) for row in conn.execute(query)]


def drop_versions(conn: Connection, numbers: Sequence[int]) -> None:
    """Forget deleted versions that are deposited again: the new deposit takes their place.

    What they were stays, by their numbers: the ledger says who was served them.
    """
    for part in store.chunks(numbers):
        kept = select(*(t.version.c[name] for name in _FORMER)).where(t.version.c.number.in_(part))
        conn.execute(insert(t.former).from_select(_FORMER, kept))
        conn.execute(delete(t.reference).where(t.reference.c.version.in_(part)))
        conn.execute(delete(t.version).where(t.version.c.number.in_(part)))


def greatest(conn: Connection) -> int:
    """The greatest number that a version ever had, as far as this store knows. Cost: O(1)."""
    found = conn.execute(select(*(select(func.max(x.c.number)).scalar_subquery() for x in (t.version, t.former)))).one()
    return max(top or 0 for top in found)


def retire(conn: Connection, numbers: Sequence[int]) -> None:
    """Keep numbers from being given to versions, though nothing is known of the versions that had them."""
    nothing = {"collection": 0, "publisher": 0, "object": 0, "ver": 0, "ver_text": "", "received": 0}
    store.insert_missing(conn, t.former, [{"number": number, **nothing} for number in numbers])


def add_bodies(conn: Connection, rows: Sequence[tuple[int, bytes]]) -> None:
    """(number, JSON bytes)."""
    store.insert_many(conn, t.body, ("number", "json"), rows)


def add_references(conn: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """(publisher, target, version)."""
    store.insert_many(conn, t.reference, ("publisher", "target", "version"), rows)


def lift(conn: Connection, objects: Sequence[int]) -> int:
    """Let publishers deposit ids again that were withdrawn, their anonymous copies too; how many versions it was."""
    c = t.version.c
    count = 0
    for part in store.chunks(objects):
        own = select(c.number).where(c.object.in_(part), c.state == WITHDRAWN)
        sources = select(c.source).where(c.object.in_(part), c.source.is_not(None))
        mine = c.object.in_(part) | c.source.in_(own) | c.number.in_(sources)
        count += conn.execute(update(t.version).where(c.state == WITHDRAWN, mine).values(state=PUBLISHED)).rowcount
    return count


def set_said(conn: Connection, numbers: Sequence[int], said: str) -> None:
    """What the markings of versions say from now on."""
    for part in store.chunks(numbers):
        conn.execute(update(t.version).where(t.version.c.number.in_(part)).values(said=said))


def mark_ended(conn: Connection, numbers: Sequence[int], state: str, now: int) -> None:
    ended = {"deleted": now, "state": state, "steps": "", "due": None}
    for part in store.chunks(numbers):
        conn.execute(update(t.version).where(t.version.c.number.in_(part)).values(ended))


def set_audiences(conn: Connection, versions: Sequence[Version]) -> None:
    """Store what a change of audience touches of versions. Cost: O(versions)."""
    if not versions:
        return
    numbers = store.audience_numbers(conn, sorted({a.text for v in versions for a in audiences_of(v)}))
    names = (*_AUDIENCES, "steps", "due", "started", "state")
    statement = (
        update(t.version)
        .where(t.version.c.number == bindparam("b_number"))
        .values({name: bindparam(f"b_{name}") for name in names})
    )
    conn.execute(
        statement,
        [{"b_number": v.number, **{f"b_{name}": x for name, x in stored(v, numbers).items()}} for v in versions],
    )


def audiences_of(v: Version) -> list[Audience]:
    """Every audience of a version that is interned."""
    return [*(getattr(v, name) for name in _AUDIENCES), *(step.audience for step in v.steps)]


def stored(v: Version, numbers: Mapping[str, int]) -> dict[str, Any]:
    """The columns of a version that change; `numbers` of its audiences, by their texts."""
    found: dict[str, Any] = {name: numbers[getattr(v, name).text] for name in _AUDIENCES}
    found |= {"steps": pack_steps(v.steps, numbers), "due": v.steps[0].due if v.steps else None}
    return found | {"started": v.started, "state": v.state}


# Claims (rule 10) ---------------------------------------------------------------------------------------------


def claims(conn: Connection, collection: int, object_: int) -> list[tuple[int, Audience]]:
    """(publisher, audience) in the order in which they became readable. Cost: O(claims of the id)."""
    query = (
        select(t.claim.c.publisher, t.audience.c.text)
        .join(t.audience, t.audience.c.number == t.claim.c.audience)
        .where(t.claim.c.collection == collection, t.claim.c.object == object_)
        .order_by(t.claim.c.seq)
    )
    return [(publisher, parse_audience(text)) for publisher, text in conn.execute(query)]


def set_claims(conn: Connection, collection: int, object_: int, found: Sequence[tuple[int, Audience]]) -> None:
    conn.execute(delete(t.claim).where(t.claim.c.collection == collection, t.claim.c.object == object_))
    numbers = store.audience_numbers(conn, sorted({a.text for _, a in found}))
    rows = [
        {"collection": collection, "object": object_, "seq": seq, "publisher": p, "audience": numbers[a.text]}
        for seq, (p, a) in enumerate(found)
    ]
    if rows:
        conn.execute(insert(t.claim), rows)
