"""Telling those whom it concerns: who has what was withdrawn or closed, who had an embargo, who sent a copy.

A notice was made in the commit that it tells of; here, by whoever holds the release lock, the ledger says who has the
version, and each gets a note in its inbox (`notes`), with the ids that it has and nothing else. An answer that was
under way when a version went may get its ledger line later, so a notice is looked at again, a minute and an hour after
it was made. Nobody is told twice of a version, whatever ends the process in between: a note and the word that it was
sent are one commit.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from exchange import answerrows, answers, entries, inforce, ledger, notes, noticerows, sequencer, store
from exchange.entries import HELD, Version
from exchange.inforce import InForce
from exchange.markings import Said
from exchange.notes import Note
from exchange.noticerows import ALARM, ATTRIBUTION, DUE, DUE_SOON, EMBARGO_ENDED, RECALL, SUPERSEDED, Notice
from exchange.sequencer import Clock

MOST = 2_000  # notices a round
PART = 50  # notes a commit: each is a run of its own in the log
REFS = 500  # ids a note
AGAIN = 60_000_000  # when what failed is tried again
LOOKS: Mapping[str, tuple[int, ...]] = {  # microseconds after a notice was made
    RECALL: (60_000_000, 3_600_000_000),
    EMBARGO_ENDED: (60_000_000, 3_600_000_000),
    ATTRIBUTION: (),
    ALARM: (60_000_000, 3_600_000_000),  # a copy is read from the next tick on
    DUE_SOON: (),
    DUE: (),
}
_LABELS: Mapping[str, tuple[str, ...]] = {DUE_SOON: ("reminder", "due"), DUE: ("reminder", "due")}

_log = logging.getLogger("exchange.notices")


@dataclass(frozen=True, slots=True)
class Telling:
    """A note, and the notices that it answers, each of a version."""

    note: Note
    notices: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Notifier:
    """Tells who is to be told. The ledger's engine is asked, and nothing is written there."""

    engine: Engine
    ledger: Engine
    clock: Clock
    size: int = field(default=PART)

    def round(self) -> int:
        """Everything that is to be looked at by now; how many notes were sent. The caller holds the release lock.

        What fails in one collection is logged, tried again after a minute, and keeps no other one's waiting.
        Cost: a statement where there is nothing; else O(lines of the collection since the oldest version came).
        """
        with store.reading(self.engine) as conn:
            found = noticerows.due(conn, self.clock.now(conn), MOST)
            place = {v.number: v.collection for v in entries.by_number(conn, sorted({n.version for n in found}))}
        by_place: dict[int | None, list[Notice]] = defaultdict(list)
        for n in found:
            by_place[place.get(n.version)].append(n)  # None: deposited anew since, under another number
        sent = 0
        for collection, notices in by_place.items():
            dues = [(n.number, _next(n)) for n in notices]
            try:
                sent += self._tell_all(collection, notices) if collection is not None else 0
            except Exception:  # whatever it is, others are to be told, too
                _log.exception("notices in collection number %s could not be given yet", collection)
                dues = [(n.number, n.due + AGAIN) for n in notices]
            with store.writing(self.engine) as conn:
                noticerows.set_due(conn, dues)
        return sent

    def _tell_all(self, collection: int, notices: Sequence[Notice]) -> int:
        with store.reading(self.ledger) as lines:
            ledger.greatest(lines)  # a snapshot begins with what is read first: this one is the older of the two
            with store.reading(self.engine) as conn:
                state = inforce.current(conn)
                tellings = list(Look.make(conn, lines, state, collection, notices).tellings()) if state else []
        for start in range(0, len(tellings), self.size):
            self._send(collection, tellings[start : start + self.size])
        return len(tellings)

    def _send(self, collection: int, part: Sequence[Telling]) -> None:
        def act(conn: Connection, lead: int) -> None:
            store.hold_config(conn)
            state = inforce.current(conn)
            if state is None:
                raise LookupError("there are notices, and no config was ever in force")
            now = self.clock.now(conn)
            sent = notes.send(conn, state, self.clock, collection, [x.note for x in part], now, lead)
            pairs = zip(part, sent.versions, strict=True)
            noticerows.add_told(conn, [(n, x.note.member, version) for x, version in pairs for n in x.notices])
            sequencer.check_in_time(self.clock.now(conn), sent.stamped, lead)

        sequencer.committed(self.engine, act)


def _next(n: Notice) -> int | None:
    return min((n.at + after for after in LOOKS[n.kind] if n.at + after > n.due), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Whom the notices of one collection concern, in one snapshot of the store and one of the ledger."""

    state: InForce
    hidden: bool  # nobody reads its own there
    notices: Sequence[Notice]
    versions: Mapping[int, Version]  # of the notices, their sources, and all of the same objects
    ids: Mapping[int, str]
    said: Mapping[int, str]  # what the markings of the notices' versions say
    answered: frozenset[tuple[int, int, int]]  # (publisher, object, member that said how far it is with that)
    told: frozenset[tuple[str, int, int]]  # (kind, version, member)
    had: Mapping[int, Mapping[int, int]]  # version → member → when it was first served it

    @classmethod
    def make(
        cls, conn: Connection, lines: Connection, state: InForce, collection: int, notices: Sequence[Notice]
    ) -> Look:
        numbers = sorted({n.version for n in notices})
        own = entries.by_number(conn, numbers)
        sources = entries.by_number(conn, sorted({v.source for v in own if v.source is not None}))
        here = entries.versions_in(conn, collection, sorted({v.object for v in own}))
        versions = {v.number: v for v in (*sources, *here)}
        uid = next(uid for uid, number in state.places.items() if number == collection)
        rules = state.config.collection_by_id(uid)
        asking = [n for n in notices if n.kind in (DUE_SOON, DUE)]
        served = frozenset(n.version for n in notices if n.kind in (RECALL, EMBARGO_ENDED))
        return cls(
            state=state,
            hidden=rules is None or rules.own_hidden,
            notices=notices,
            versions=versions,
            ids=entries.ids_of(conn, sorted({v.object for v in versions.values()})),
            said={number: said for number, (_, said) in entries.told(conn, numbers).items()},
            answered=_answered(conn, [v.object for v in own if any(n.version == v.number for n in asking)]),
            told=frozenset((x.kind, x.version, x.member) for x in noticerows.told(conn, numbers)),
            had=_had(lines, collection, served) if served else {},
        )

    def tellings(self) -> Iterator[Telling]:
        """One note for each member and event, and for each object of a publisher that is anonymous: that two of them
        go together is nobody's business."""
        grouped: dict[tuple[object, ...], list[tuple[str, Notice]]] = defaultdict(list)
        again: set[tuple[str, int, int]] = set(self.told)
        for n in self.notices:
            v = self.versions[n.version]
            apart = v.object if v.publisher < 0 and n.kind != ATTRIBUTION else 0
            for member, stix_id in self._whom(n, v):
                if (n.kind, v.number, member) not in again:
                    again.add((n.kind, v.number, member))
                    grouped[member, n.kind, n.reason, v.publisher, n.at, apart].append((stix_id, n))
        parts = [
            (key, rows[i : i + REFS])
            for key, group in grouped.items()
            for rows in [sorted(group)]
            for i in range(0, len(rows), REFS)
        ]
        for key, rows in sorted(parts, key=lambda part: part[1][0][0]):
            member, kind, reason, publisher = int(str(key[0])), rows[0][1].kind, rows[0][1].reason, int(str(key[3]))
            labels = (kind, reason) if kind in (RECALL, ALARM) else _LABELS.get(kind, (kind,))
            refs = tuple(dict.fromkeys(stix_id for stix_id, _ in rows))
            content = self._content(kind, reason, publisher)
            note = Note(member=member, labels=labels, refs=refs, content=content)
            yield Telling(note, tuple(n.number for _, n in rows))

    def _whom(self, n: Notice, v: Version) -> Iterable[tuple[int, str]]:
        """(member, the id by which it knows the object)."""
        if n.kind == ATTRIBUTION:
            config, numbers = self.state.config, self.state.numbers
            group = (numbers[name] for name in config.members if n.reason in config.groups_of(name))
            return ((m, self.ids[v.object]) for m in group if self._reads(m, v))
        if n.kind == ALARM:
            return ((m, self.ids[v.object]) for m in self._coordinators() if self._reads(m, v))
        if n.kind in (DUE_SOON, DUE):
            return ((m, self.ids[v.object]) for m in self._asked(v) if self._reads(m, v))
        had = self.had.get(v.number, {})
        if n.kind == EMBARGO_ENDED:
            before = [(m, self.ids[v.object]) for m, first in had.items() if first <= n.at]
            return [*before, *(x for x in self._publisher(v) if x not in before)]
        return ((m, self.ids[v.object]) for m in had if self._lost(n, v, m))

    def _coordinators(self) -> Iterator[int]:
        config, numbers = self.state.config, self.state.numbers
        return (numbers[name] for name, member in config.members.items() if "coordinator" in member.roles)

    def _asked(self, v: Version) -> Iterator[int]:
        """The named recipients who have not answered, while no newer version asks otherwise."""
        same = (w for w in self.versions.values() if w.live and _place(w) == _place(v))
        if any(w.ver > v.ver for w in same):
            return
        for name in sorted(frozenset[str]().union(*(s.members for s in Said.split(self.said[v.number])))):
            member = self.state.numbers[name]
            if (v.publisher, v.object, member) not in self.answered:
                yield member

    def _lost(self, n: Notice, v: Version, member: int) -> bool:
        """It reads neither this version now nor a newer one."""
        if n.reason == SUPERSEDED and not self._closed(v, member):
            return False
        same = (w for w in self.versions.values() if (w.collection, w.object, w.publisher) == _place(v))
        return not any(w.ver >= v.ver and self._reads(member, w) for w in same)

    def _closed(self, v: Version, member: int) -> bool:
        """By a newer version, and not by a change of the config or by another publisher's."""
        readers = self.state.readers
        return v.live and member in readers(v.base.of(member)) and member not in readers(v.whole.of(member))

    def _reads(self, member: int, v: Version) -> bool:
        return v.live and v.state != HELD and member in self.state.readers(v.shown.of(member))

    def _publisher(self, v: Version) -> Iterable[tuple[int, str]]:
        """Whoever published it has it, by its own id."""
        if v.publisher and not self.hidden:
            own = self.versions.get(v.source, v) if v.source is not None else v
            yield abs(v.publisher), self.ids[own.object]

    def _content(self, kind: str, reason: str, publisher: int) -> str:
        if kind == EMBARGO_ENDED:
            return "The embargo of these objects was ended before its time: others may read them now."
        if kind in (DUE_SOON, DUE):
            return f"Its publisher asks you to answer by {reason}: a note with a label `status:…`, or a VEX document."
        if kind == ALARM:
            what = "attacks were seen" if reason == answers.ATTACKS else "an exploit is public"
            return f"Of what is under an embargo, {what}: end the embargo, or say why not."
        if kind == ATTRIBUTION:
            member = self.state.config.members.get(self.state.name(abs(publisher)))
            who = member.title if member else self.state.name(abs(publisher))
            signs = f" ({member.identity})" if member and member.identity else ""
            return f"These objects come from {who}{signs}. You are told so in confidence: other readers are not."
        if reason == SUPERSEDED:
            return "What you have of these objects is no longer current. Stop using it, and what was made of it."
        return f"These objects were withdrawn ({reason}). Remove what you have of them, and what was made of it."


def _answered(conn: Connection, objects: Sequence[int]) -> frozenset[tuple[int, int, int]]:
    rows = [row for row in answerrows.to(conn, sorted(set(objects))) if row.kind == answers.STATUS]
    by = {v.number: abs(v.publisher) for v in entries.by_number(conn, [row.version for row in rows]) if v.live}
    return frozenset((row.publisher, row.object, by[row.version]) for row in rows if row.version in by)


def _place(v: Version) -> tuple[int, int, int]:
    return v.collection, v.object, v.publisher


def _had(lines: Connection, collection: int, versions: frozenset[int]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for line in ledger.carrying(lines, collection, versions):
        for version in versions.intersection(line.versions):
            first = found[version].get(line.member, line.at)
            found[version][line.member] = min(first, line.at)
    return found
