"""A member's deposits become its successor's, also those under no name; one commit, in which nobody else can write.

Who publishes is who deposited, so the successor may version, revoke and delete them, reads them as its own, and its
own deposits of the same ids stand beside them as if it had made all (rules 8 and 9). For everybody else they are what
they were: the same bytes under the same entries. What the predecessor deleted stays its own, but for what is still
referred to, whose last audience counts for ever (policy.md 3.4.9), and for what the exchange withdrew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from exchange import claims, entries, handoverrows, inforce, log, policy, sequencer, store
from exchange.entries import WITHDRAWN, Version
from exchange.inforce import InForce
from exchange.label import NOBODY, Audience, Step
from exchange.sequencer import Clock


@dataclass(frozen=True, slots=True)
class HandedOver:
    """How many live versions of how many objects changed hands."""

    versions: int
    objects: int


class Refused(Exception):
    """Nothing was changed; the text says why, and the mend."""


def hand_over(engine: Engine, clock: Clock, old: str, new: str) -> HandedOver:
    """Give all of `old`'s deposits to `new`. Raises `Refused`, `sequencer.TooSlow`. Cost: O(both's versions)."""

    def act(conn: Connection, lead: int) -> HandedOver:
        store.change_config(conn)
        state = inforce.current(conn)
        if state is None:
            raise Refused("nothing is in force yet: `exchange apply` puts the files of this home in force")
        _check(conn, state, old, new, clock.now(conn))
        numbers = state.numbers[old], state.numbers[new]
        handoverrows.move_statuses(conn, *numbers)
        handoverrows.move_aliases(conn, *numbers)
        handoverrows.move_cases(conn, *numbers)
        handoverrows.move_responses(conn, *numbers, clock.now(conn))
        stamped, versions, objects = clock.now(conn), 0, set[int]()
        for sign in (1, -1):
            writer = log.Writer(publisher=sign * numbers[1], readers=state.readers, clock=clock, lead=lead)
            moved = _moved(conn, sign * numbers[0])
            if moved:
                stamped = min(stamped, _move(conn, writer, sign * numbers[0], moved))
            if sign == 1:
                live = [v for v in moved if v.live]
                versions, objects = len(live), {v.object for v in live}
        sequencer.check_in_time(clock.now(conn), stamped, lead)
        return HandedOver(versions, len(objects))

    return sequencer.committed(engine, act)


def _check(conn: Connection, state: InForce, old: str, new: str, now: int) -> None:
    if old not in state.numbers:
        raise Refused(f'no member "{old}" ever was')
    if new not in state.config.members or new == old:
        raise Refused(f'"{new}" is no other member in force: write it into config/exchange.yaml and apply that first')
    if policy.active(state.config, old, now):
        place = state.config.members[old].place
        where = f"{place.file}:{place.line}"
        raise Refused(f"{where}: {old} is active: suspend it (`suspended: true`) or take it out, and apply that first")
    both = handoverrows.in_common(conn, state.numbers[old], state.numbers[new])
    if both:
        listed = "\n".join(f"{state.title(place)}: {stix_id}, version {text}" for place, stix_id, text in both)
        raise Refused(f"{new} has deposits of its own of these; one of the two has to delete them:\n{listed}")


def _moved(conn: Connection, publisher: int) -> list[Version]:
    """What changes hands: live ones, withdrawn ones, and deleted ones that a live one refers to."""
    found = handoverrows.versions_of(conn, publisher)
    needed = frozenset[int]().union(*(v.refs for v in found if v.live)) - {v.object for v in found if v.live}
    return [v for v in found if v.live or v.state == WITHDRAWN or v.object in needed]


def _move(conn: Connection, writer: log.Writer, old: int, moved: Sequence[Version]) -> int:
    new = writer.publisher
    numbers = [v.number for v in moved]
    entries.drop_versions(conn, handoverrows.deleted_twins(conn, numbers, new))
    handoverrows.move_versions(conn, numbers, old, new)
    for collection, object_ in sorted({(v.collection, v.object) for v in moved}):
        segments = entries.claims(conn, collection, object_)
        if any(publisher == old for publisher, _ in segments):
            entries.set_claims(conn, collection, object_, _renamed(segments, old, new))
    return log.adopt(conn, writer, numbers, lambda v: _adopted(v, abs(old), abs(new)))


def _renamed(segments: claims.Segments, old: int, new: int) -> claims.Segments:
    """A member is in at most one segment of each publisher: the earlier one."""
    found: claims.Segments = []
    for publisher, audience in segments:
        if publisher not in (old, new):
            found.append((publisher, audience))
            continue
        own = _for(audience, abs(old), abs(new)) if publisher == old else audience
        found.append((new, own - claims.union(a for p, a in found if p == new)))
    return [(p, a) for p, a in found if a != NOBODY]


def _adopted(v: Version, old: int, new: int) -> Version:
    steps = tuple(Step(step.due, _for(step.audience, old, new)) for step in v.steps)
    made = replace(v, base=_for(v.base, old, new), ever=_for(v.ever, old, new), steps=steps)
    if v.live:
        return made  # the rest follows
    return replace(made, whole=_for(v.whole, old, new), eventual=_for(v.eventual, old, new))


def _for(audience: Audience, old: int, new: int) -> Audience:
    """What was the predecessor's own is the successor's; the predecessor is like everybody."""
    return audience.but(new, audience.of(old)).but(old, audience.common)
