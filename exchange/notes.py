"""What the exchange itself says: notes that it signs, each in the inbox of one member (policy.md 3.8).

A note is a deposit of publisher 0, for one individual and nobody else, so no other member learns of it, or of whom
else the exchange has told (channel 26). It refers to ids that its reader has; what it says beside them is in `labels`
and in a sentence. Whoever sends notes owns the transaction: a note is there with what it tells of, or neither is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from exchange import log, markings, sequencer, stix, store, tables
from exchange.entries import Deposit
from exchange.inforce import InForce
from exchange.label import NONE, Audience, Expr, Tlp, atom
from exchange.markings import NAMED_ONLY
from exchange.sequencer import Clock

PUBLISHER = 0
_MARKING = next(marking for marking, level in markings.TLP_IDS.items() if level is Tlp.AMBER_STRICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One member is told, by its number. `refs`: STIX ids that it knows, at least one; `labels`: words for programs,
    at least one; `content`: plain English."""

    member: int
    labels: tuple[str, ...]
    refs: tuple[str, ...]
    content: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The numbers of the notes' versions, in the order of the notes, and when they were stamped."""

    versions: tuple[int, ...]
    stamped: int


def send(
    conn: Connection, state: InForce, clock: Clock, place: int, notes: Sequence[Note], now: int,
    lead: int = sequencer.LEAD,
) -> Sent:  # fmt: skip
    """Enter the notes in the collection with number `place`. The caller then asks `sequencer.check_in_time` before it
    commits, and sends so few at a time that this holds (`log.add`). `now`: the exchange clock, microseconds UTC.

    A reader of the collection reads its note; so does who may only write there and reads its own back.
    """
    uid = next(uid for uid, number in state.places.items() if number == place)
    names = {number: name for name, number in state.numbers.items()}
    # Nobody else has these numbers, so no note has another one's id, though the versions may get other numbers.
    numbers = store.numbers(conn, tables.version, len(notes), tables.former)
    secret = store.secret(conn, "marking")
    deposits = [
        _deposit(secret, f"note/{now}/{number}", note, names[note.member], uid, now)
        for number, note in zip(numbers, notes, strict=True)
    ]
    writer = log.Writer(publisher=PUBLISHER, readers=state.readers, clock=clock, lead=lead)
    added = log.add(conn, writer, place, deposits, now)
    return Sent(tuple(v.number for v in added.versions), added.stamped)


def audience(uid: str, member: int) -> Audience:
    """One member, as far as the collection lets it read there."""
    return Audience(NONE, ((member, _inbox(uid)),))


def _inbox(uid: str) -> Expr:
    return atom(f"read:{uid}") | (atom(f"write:{uid}") & atom(f"own:{uid}"))


def _deposit(secret: bytes, name: str, note: Note, member: str, uid: str, now: int) -> Deposit:
    modified = f"{stix.format_timestamp(now)[:-4]}Z"  # milliseconds, as STIX clients write them
    obj = {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--{markings.keyed_uuid(secret, name)}",
        "created_by_ref": markings.exchange_identity(secret),
        "created": modified,
        "modified": modified,
        "labels": list(note.labels),
        "content": note.content,
        "object_refs": list(note.refs),
        "object_marking_refs": [_MARKING],
    }
    ver, text = stix.version_of(obj)
    return Deposit(
        id=str(obj["id"]), type="note", ver=ver, ver_text=text, raw=orjson.dumps(obj),
        base=audience(uid, note.member), said=f"{Tlp.AMBER_STRICT.value} member:{member} {NAMED_ONLY}",
        refs=frozenset(), creator=True,
    )  # fmt: skip
