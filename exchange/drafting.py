"""What of pushed findings has to be stored (findings.md 1 and 5): terms → objects → compared with what stands.

What is made of a finding has ids that follow from its publisher's key alone, so a finding that is pushed again is the
same objects: what did not change is not stored again, and what did is a new version. Every comparison looks at the
same publisher's deposits only, so nobody learns what others pushed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection

from exchange import entries, findingrows, findingterms, markings, quotas, stix, store
from exchange.candidates import Candidate
from exchange.config import Collection
from exchange.entries import Owned
from exchange.findingrows import Pushed
from exchange.findings import keys, making
from exchange.findings.finding import Fault, Finding
from exchange.findings.made import How, Made
from exchange.findingterms import Defaults, Terms
from exchange.inforce import InForce
from exchange.judging import WITH_THE_REST
from exchange.status import Result
from exchange.stix import Item

OVER_QUOTA = "your quota of findings is used up: send it again after the seconds in Retry-After, or in a while."
_MILLISECOND = 1_000  # microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A finding that is there now. `finding` is its vulnerability, incident or indicator, `objects` the ids of all that
    was made of it; `status` the id of the POST that brought it as it is now."""

    index: int
    key: str
    finding: str
    objects: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One that is not taken, with every fault that was found. `retry`: nothing is wrong with it but that the member's
    quota is used up; in so many seconds it can be sent again."""

    index: int
    faults: tuple[Fault, ...]
    retry: int | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A finding on its way: what it is to be, and what of it has to be stored."""

    index: int
    key: str
    terms: Terms
    made: tuple[Made, ...]
    digest: bytes
    former: str | None  # the status of the POST that brought the finding as it was
    candidates: tuple[Candidate, ...] = ()
    retry: int | None = None  # seconds, where the quota does not reach so far
    refused: list[str] = field(default_factory=list)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one.obj["id"] for one in self.made)

    def status(self, status_id: str) -> str:
        """The POST that brought it as it is to be: this one, unless that stores nothing of it."""
        return status_id if self.candidates or self.former is None else self.former

    @property
    def faults(self) -> tuple[Fault, ...]:
        over = [OVER_QUOTA] if self.retry is not None and not self.refused else []
        return tuple(Fault("", text) for text in [*self.refused, *over])

    def hear(self, results: Mapping[int, Result]) -> None:
        """What became of its objects, by their index: why it is refused, if it is."""
        mine = [(c, results[c.index]) for c in self.candidates]
        self.refused += [f"{c.parsed.type}: {r.message}" for c, r in mine if not r.ok and r.message != WITH_THE_REST]


@dataclass(frozen=True, slots=True)
class _Meant:
    """A finding that can be taken as far as its terms go."""

    index: int
    key: str
    finding: Finding
    terms: Terms
    digest: bytes


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where findings are made into objects, in one snapshot."""

    conn: Connection
    state: InForce
    member: str
    collection: Collection
    now: int

    def drafted(
        self, findings: Sequence[tuple[int, Finding]], defaults: Defaults
    ) -> tuple[list[Filed | Failed], list[Draft]]:
        """What is answered already, and what is left to store."""
        found: list[Filed | Failed] = []
        meant: list[_Meant] = []
        desk = findingterms.Desk.of(self.state, self.collection, self.member, defaults, self.now)
        for index, finding in findings:
            terms = desk.read(finding)
            if isinstance(terms, Terms):
                meant.append(_Meant(index, finding.key or keys.of(finding), finding, terms, _digest(finding, terms)))
            else:
                found.append(Failed(index=index, faults=terms))
        place = self.state.places[self.collection.id]
        rows = findingrows.of_keys(self.conn, self._number, place, (m.key for m in meant))
        answered, objects = self._answered(meant, rows)
        found += answered.values()
        secret = store.secret(self.conn, "marking")
        drafts = [
            Draft(
                index=m.index, key=m.key, terms=m.terms, made=self._made(secret, m), digest=m.digest,
                former=rows[m.key].status if m.key in rows else None,
            )
            for m in meant
            if m.index not in answered
        ]  # fmt: skip
        self._compare(drafts, objects)
        self._allow(drafts)
        return found, drafts

    def _answered(
        self, meant: Sequence[_Meant], rows: Mapping[str, Pushed]
    ) -> tuple[dict[int, Filed], dict[str, tuple[str, ...]]]:
        """Those that stand as they are said, by index; and of all that stand the ids of their objects, by key."""
        ids = entries.ids_of(self.conn, sorted({n for row in rows.values() for n in row.objects}))
        objects = {key: tuple(ids[n] for n in row.objects) for key, row in rows.items()}
        same = [m for m in meant if m.key in rows and rows[m.key].digest == m.digest]
        standing = self.live({objects[m.key][0] for m in same})
        found = {
            m.index: Filed(
                index=m.index, key=m.key, finding=objects[m.key][0], objects=objects[m.key],
                status=rows[m.key].status,
            )
            for m in same
            if objects[m.key][0] in standing
        }  # fmt: skip
        return found, objects

    def _allow(self, drafts: Sequence[Draft]) -> None:
        """As many as the quota reaches for, in their order; what is not new costs nothing."""
        quota = self.state.config.members[self.member].quota
        if quota is None:
            return
        rest = quotas.left(self.conn, self._number, quota, self.now)
        for d in drafts:
            if d.candidates and rest < quotas.ONE:
                d.retry = quotas.wait(rest, quota)
            elif d.candidates:
                rest -= quotas.ONE

    @property
    def _number(self) -> int:
        return self.state.numbers[self.member]

    def live(self, stix_ids: set[str]) -> dict[str, Owned]:
        """The newest version of each that the publisher has here."""
        place = self.state.places[self.collection.id]
        own = entries.owned(self.conn, self._number, sorted(stix_ids)) if stix_ids else []
        return {o.id: o for o in sorted(own, key=lambda o: o.ver) if o.collection == place}

    def _made(self, secret: bytes, meant: _Meant) -> tuple[Made, ...]:
        terms = meant.terms
        named = f"finding\0{self.member}\0{meant.key}"

        def mint(kind: str, part: str) -> str:
            # An observable has no versions: for another audience it is another object.
            audience = [terms.text] if stix.kind({"type": kind}) == "sco" else []
            return f"{kind}--{markings.keyed_uuid(secret, chr(0).join([named, part, *audience]))}"

        stamp = _stamp(self.now)
        creator = None if terms.anonymous else self.state.config.members[self.member].identity
        how = How(
            mint=mint, created=stamp, modified=stamp, creator=creator, tlp=terms.tlp, highest=self.collection.accept[1]
        )
        return tuple(making.make(terms.veiled(meant.finding), how))

    def _compare(self, drafts: Sequence[Draft], former: Mapping[str, Sequence[str]]) -> None:
        """What of each draft differs from what is stored, as candidates."""
        wanted = {i for d in drafts for i in d.ids} | {i for ids in former.values() for i in ids}
        stored = self.live(wanted)
        index = 0
        for d in drafts:
            objects: list[tuple[dict[str, Any], frozenset[str]]] = []
            for one in d.made:
                words = d.terms.words(one.whom)
                if obj := self._newer(one.obj, stored.get(one.obj["id"]), words):
                    objects.append((obj, words))
            gone = [stored[i] for i in former.get(d.key, ()) if i in stored and i not in d.ids]
            objects += self._ended(gone)
            found: list[Candidate] = []
            for obj, words in objects:
                made = Candidate.make(index, item(obj), self.now, words, d.index)
                index += 1
                if isinstance(made, Candidate):
                    found.append(made)
                else:
                    d.refused.append(f"{obj['type']}: {made.message}")
            if not d.refused:
                d.candidates = tuple(found)

    def _newer(self, obj: dict[str, Any], stored: Owned | None, words: frozenset[str]) -> dict[str, Any] | None:
        """The object as it is to be stored; None where it stands so."""
        if stored is None:
            return obj
        before = orjson.loads(stored.json)
        if "modified" not in before:
            return None
        obj = {**obj, "created": before["created"]}
        if {**obj, "modified": ""} == {**before, "modified": ""} and self._meant(stored) == self._default(words):
            return None
        return {**obj, "modified": _stamp(max(self.now, stored.ver + _MILLISECOND))}

    def _ended(self, gone: Sequence[Owned]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
        """New versions that revoke what a finding no longer says; an observable stays. They say again what was there,
        so they are for those whom that was for, whatever the finding's terms are by now."""
        for stored in gone:
            before = orjson.loads(stored.json)
            if "modified" in before and not before.get("revoked"):
                named_only = any(said.named_only for said in markings.Said.split(stored.said))
                words = self._meant(stored) | ({markings.NAMED_ONLY} if named_only else set())
                ended = {**before, "modified": _stamp(max(self.now, stored.ver + _MILLISECOND)), "revoked": True}
                yield ended, words

    @staticmethod
    def _meant(stored: Owned) -> frozenset[str]:
        """Whom a stored version was meant for, and by which plan."""
        said = markings.Said.split(stored.said)
        return frozenset(
            {f"member:{m}" for s in said for m in s.members} | {f"release:{r}" for s in said for r in s.releases}
        )

    def _default(self, words: frozenset[str]) -> frozenset[str]:
        """The same of words: whom they mean in this collection."""
        found = words - {markings.NAMED_ONLY}
        plan = self.collection.release
        if plan and not any(word.startswith("release:") for word in found):
            return found | {f"release:{plan.name}"}
        return found


def item(obj: dict[str, Any]) -> Item:
    return Item(raw=orjson.dumps(obj), obj=obj, fault=None)


def _digest(finding: Finding, terms: Terms) -> bytes:
    return findingrows.digest(msgspec.json.encode(finding), terms.text.encode())


def _stamp(instant: int) -> str:
    """To the millisecond, as STIX writes it."""
    return f"{stix.format_timestamp(instant)[:23]}Z"
