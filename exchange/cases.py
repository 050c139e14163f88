"""Cases: findings of one publisher under one clock, with parties that are added one by one (findings.md 6).

A case gives nothing to read by itself: whoever is added to it is named as a recipient of its findings, and sees of the
case what of its findings it may read. More time that is granted puts off what their release plans have still to give,
and brings nothing forward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from exchange import (
    aliases,
    answering,
    caserows,
    entries,
    inforce,
    log,
    policy,
    recipients,
    release,
    sequencer,
    store,
)
from exchange.answers import FINDINGS
from exchange.caserows import Case, Request
from exchange.entries import Version
from exchange.inforce import InForce
from exchange.label import Step, ending, ever
from exchange.markings import Said
from exchange.recipients import Names, Widened
from exchange.sequencer import Clock

ACCEPTED, DECLINED = "accepted", "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A case as one member sees it. `leads`: it published the findings or coordinates. `findings` by the ids that it
    knows; `ends`: when the last of their stages to come falls due, None where none is; `parties` and `requests`: all
    for who leads and once all findings are public, else the member's own."""

    case: Case
    leads: bool
    findings: tuple[str, ...]
    ends: int | None
    public: bool
    parties: dict[int, int]
    requests: tuple[Request, ...]


class NotOwn(Exception):
    """Ids that are no findings of the member's, as it wrote them."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(ids)
        self.ids = ids


class TooEarly(Exception):
    """More time that is none: the embargo ends later already, or there is none."""


def create(engine: Engine, clock: Clock, member: str, case_id: str, title: str, ids: Sequence[str]) -> None:
    """A case over live findings of the member's own. Raises `NotOwn`, in the same words for others' and unknown ids."""
    with store.writing(engine) as conn:
        state = _state(conn)
        me = state.numbers[member]
        numbers = store.object_numbers(conn, ids)
        live = {v.object for v in entries.own_versions(conn, me, sorted(numbers.values())) if v.live}
        wrong = [i for i in ids if numbers.get(i) not in live or i.partition("--")[0] not in FINDINGS]
        if wrong:
            raise NotOwn(wrong)
        case = Case(case_id, me, title, clock.now(conn))
        caserows.add(conn, case, [numbers[i] for i in ids])


# Seeing -----------------------------------------------------------------------------------------------------------


def listing(conn: Connection, state: InForce, member: str, places: Set[int]) -> list[Seen]:
    """The cases that a member sees, the newest first. Cost: O(cases)."""
    return [seen for case in caserows.listing(conn) if (seen := _seen(conn, state, member, case, places))]


def one(conn: Connection, state: InForce, member: str, case_id: str, places: Set[int]) -> Seen | None:
    """None where there is none that the member may see."""
    case = caserows.get(conn, case_id)
    return _seen(conn, state, member, case, places) if case else None


def _seen(conn: Connection, state: InForce, member: str, case: Case, places: Set[int]) -> Seen | None:
    me = state.numbers[member]
    parties = caserows.parties(conn, case.id)
    coordinates = member in state.config.members and "coordinator" in state.config.members[member].roles
    own = case.owner == me
    if not (own or coordinates or me in parties):
        return None
    objects = caserows.findings(conn, case.id)
    versions = _others(conn, case.owner, objects)
    mine = [v for v in versions if v.collection in places and answering.reads(state, me, v)]
    if not own and (not mine or (me not in parties and {v.object for v in mine} != {v.object for v in versions})):
        return None  # a party sees what it reads, a coordinator the case of which it reads everything
    leads, public = own or coordinates, _public(versions)
    known = objects if own else sorted({v.object for v in mine})
    whole = leads or public
    asked = caserows.requests(conn, case.id)
    return Seen(
        case=case,
        leads=leads,
        findings=tuple(sorted(entries.ids_of(conn, known).values())),
        ends=_ends(versions if whole else mine),
        public=public,
        parties=parties if whole else {m: at for m, at in parties.items() if m == me},
        requests=tuple(r for r in asked if whole or r.member == me),
    )


def _others(conn: Connection, owner: int, objects: Sequence[int]) -> list[Version]:
    """What others read of an owner's findings: live versions, and the copies of anonymous ones in their place."""
    own = [v for v in entries.own_versions(conn, owner, objects) if v.live]
    copies = aliases.standing_for(conn, [v.number for v in own])
    told = entries.told(conn, [v.number for v in own])
    return [v for v in own if not Said.split(told[v.number][1])[0].anonymous] + copies


def _public(versions: Sequence[Version]) -> bool:
    """Whether each of the findings is for everybody whom its collection lets read."""
    by_object: dict[int, list[Version]] = defaultdict(list)
    for v in versions:
        by_object[v.object].append(v)
    return bool(by_object) and all(policy.is_everyone(answering.union(same)) for same in by_object.values())


def _ends(versions: Iterable[Version]) -> int | None:
    """When the last stage to come falls due."""
    stages = [v.steps[:-1] if ending(v.steps, v.publisher) else v.steps for v in versions]
    return max((step.due for steps in stages for step in steps), default=None)


# Parties ----------------------------------------------------------------------------------------------------------


def add_party(engine: Engine, clock: Clock, seen: Seen, name: str) -> dict[str, list[Widened]]:
    """Name a member as a recipient of all findings, and as a party; what came of it, by finding as its publisher calls
    it. Raises `recipients.Unknown`, `sequencer.TooSlow`."""
    with store.reading(engine) as conn:
        state = _state(conn)
        owner = state.member(seen.case.owner)
        ids = entries.ids_of(conn, caserows.findings(conn, seen.case.id)).values()
    found = {}
    for stix_id in sorted(ids):
        names = Names(frozenset({name}), frozenset())
        found[stix_id] = recipients.add(engine, clock, owner, stix_id, names, frozenset(state.places)) or []
    with store.writing(engine) as conn:
        caserows.add_party(conn, seen.case.id, state.numbers[name], clock.now(conn))
    return found


# More time --------------------------------------------------------------------------------------------------------


def ask(engine: Engine, clock: Clock, seen: Seen, member: str, until: int, reason: str) -> int:
    """Ask for an embargo until then (microseconds UTC); the number of the request. Raises `TooEarly`."""
    if seen.ends is None or until <= seen.ends:
        raise TooEarly
    with store.writing(engine) as conn:
        state = _state(conn)
        store.lock_publisher(conn, seen.case.owner)
        return caserows.ask(conn, seen.case.id, state.numbers[member], until, reason, clock.now(conn))


def answer(engine: Engine, clock: Clock, seen: Seen, number: int, said: str) -> bool:
    """Accept or decline; False where it is no open request. Raises `sequencer.TooSlow`."""
    request = next((r for r in seen.requests if r.number == number), None)
    if request is None:
        return False

    def act(conn: Connection, lead: int) -> bool:
        store.hold_config(conn)
        state = _state(conn)
        owner = seen.case.owner
        store.lock_publisher(conn, owner)
        now = clock.now(conn)
        if not caserows.answer(conn, seen.case.id, number, said, now):
            return False
        stamped = now
        if said == ACCEPTED:
            stamped = _put_off(conn, state, clock, lead, seen.case, (now, request.until))
        sequencer.check_in_time(clock.now(conn), stamped, lead)
        return True

    return sequencer.committed(engine, act)


def _put_off(
    conn: Connection, state: InForce, clock: Clock, lead: int, case: Case, extension: tuple[int, int]
) -> int:  # fmt: skip
    """Stages to come wait until then; whoever was let in already stays. Returns when that was stamped."""
    owner, stamped = case.owner, extension[0]
    own = [v for v in entries.own_versions(conn, owner, caserows.findings(conn, case.id)) if v.live]
    versions = [*own, *aliases.standing_for(conn, [v.number for v in own])]
    for number, (_, text) in entries.told(conn, [v.number for v in versions]).items():
        said = [replace(s, extended=s.extended | {extension}) for s in Said.split(text)]
        entries.set_said(conn, [number], Said.joined(said))
    for publisher in (owner, -owner):
        made = release.planned(conn, state, [v.number for v in versions if v.publisher == publisher and v.steps])

        def later(v: Version, made: dict[int, tuple[Step, ...]] = made) -> Version:
            return replace(v, steps=made[v.number], ever=ever(v.base, made[v.number]))

        writer = log.Writer(publisher=publisher, readers=state.readers, clock=clock, lead=lead)
        stamped = min(stamped, log.revise(conn, writer, sorted(made), later))
    return stamped


def asks(conn: Connection, owner: int, objects: Sequence[int]) -> bool:
    """Whether more time is asked for in a case of these findings, and not answered yet."""
    return any(not r.answer for case in caserows.of(conn, owner, objects) for r in caserows.requests(conn, case))


def _state(conn: Connection) -> InForce:
    state = inforce.current(conn)
    if state is None:
        raise LookupError("no config was ever in force")
    return state
