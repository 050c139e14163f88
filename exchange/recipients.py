"""Recipients that a publisher adds to what it has published: same bytes, read by more (policy.md 3.5).

The audience of each live version becomes what it would be had its markings named them, and what that adds is added:
nobody whom TLP, its plan or the collection keeps out comes in, and nobody loses anything. The words are kept with the
version, so `explain` tells of them. They are nowhere in the object: a reader cannot count recipients (channel 25).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import reduce

from sqlalchemy import Connection, Engine

from exchange import aliases, entries, inforce, log, plans, policy, sequencer, store
from exchange.config import Collection
from exchange.entries import HELD, Version
from exchange.inforce import InForce
from exchange.label import NOBODY, Audience, Step, ever
from exchange.markings import Said
from exchange.sequencer import Clock

OPEN = "it addresses nobody in particular: to name recipients, publish a new version with their markings."
KEPT_OUT = "nobody new: they read it already, or its TLP, its plan or what it refers to keeps them out."
WAITS = "held for review: they count once it is approved."
NO_PLAN = "its release plan is gone: publish a new version."


@dataclass(frozen=True, slots=True, kw_only=True)
class Widened:
    """What came of one version; `changed`: its audience, of now or of a later stage, became wider. That is said of the
    audience and not of who is in it, so answers cannot be added up to who is in a group (channel 24)."""

    collection: str
    version: str
    changed: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """Recipients by their short names."""

    members: frozenset[str]
    groups: frozenset[str]


class Unknown(Exception):
    """Names that the publisher may not address with, as it wrote them."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = names


def add(
    engine: Engine, clock: Clock, member: str, stix_id: str, names: Names, uids: Set[str]
) -> list[Widened] | None:  # fmt: skip
    """Let more read the member's own live versions of an id, in the collections with these ids.

    None where it has none, anywhere; an empty list where it has none there. Raises `Unknown`, `sequencer.TooSlow`.
    """

    def act(conn: Connection, lead: int) -> list[Widened] | None:
        store.hold_config(conn)
        state = inforce.current(conn)
        number = store.object_numbers(conn, [stix_id]).get(stix_id)
        if state is None or number is None:
            return None
        publisher = state.numbers[member]
        store.lock_publisher(conn, publisher)
        own = [v for v in entries.own_versions(conn, publisher, [number]) if v.live]
        if not own:
            return None
        _check(state, member, names)
        places = {state.places[uid] for uid in uids if uid in state.places}
        stamped = clock.now(conn)
        found: list[Widened] = []
        for v in sorted((v for v in own if v.collection in places), key=lambda v: (v.collection, v.ver)):
            text, words = entries.told(conn, [v.number])[v.number]
            # What is anonymous others read as copies, and its publisher alone as it is.
            shown = aliases.standing_for(conn, [v.number]) + [v] * (not Said.split(words)[0].anonymous)
            messages = set[str]()
            for one in shown:
                writer = log.Writer(publisher=one.publisher, readers=state.readers, clock=clock, lead=lead)
                at, message = _widen(conn, state, writer, one, names)
                stamped = min(stamped, at)
                messages.add(message)
            message = "" if "" in messages else max(messages, default=KEPT_OUT)
            found.append(
                Widened(collection=state.title(v.collection), version=text, changed=not message, message=message)
            )
        sequencer.check_in_time(clock.now(conn), stamped, lead)
        return found

    return sequencer.committed(engine, act)


def _check(state: InForce, member: str, names: Names) -> None:
    words = set(policy.vocabulary(state.config, member))
    unknown = [m for m in sorted(names.members) if f"member:{m}" not in words]
    unknown += [g for g in sorted(names.groups) if f"group:{g}" not in words]
    if unknown:
        raise Unknown(unknown)


def _widen(conn: Connection, state: InForce, writer: log.Writer, v: Version, names: Names) -> tuple[int, str]:
    """When it was stamped, and why nothing changed; empty where something did."""
    now = writer.clock.now(conn)
    _, words = entries.told(conn, [v.number])[v.number]
    collection = state.config.collections[state.title(v.collection)]
    nameable = frozenset(m for m in names.members if policy.nameable_in(state.config, collection, m))
    said = Said.split(words)
    made = [_with(s, Names(nameable, names.groups)) for s in said]
    if message := _refusal(state, said, made):
        return now, message
    entries.set_said(conn, [v.number], Said.joined(made))
    if v.state == HELD:
        return now, WAITS
    released = store.tick(conn)
    begins = policy.next_tick(state.config, now) if v.publisher < 0 else 0  # a copy's times link to nothing

    def wider(v: Version) -> Version:
        gained = _gained(state, collection, v, said, made)
        come = [step for step in gained if step.due <= released]
        return _widened(v, (Step(0, come[-1].audience), *gained[len(come) :]), begins)

    stamped = log.revise(conn, writer, [v.number], wider)
    [after] = entries.by_number(conn, [v.number])
    return stamped, "" if (after.whole, after.eventual) != (v.whole, v.eventual) else KEPT_OUT


def _with(said: Said, names: Names) -> Said:
    """What addresses nobody in particular stays so: a name would take it from everybody else."""
    if not (said.groups or said.members or said.named_only or said.fills):
        return said
    return replace(said, members=said.members | names.members, groups=said.groups | names.groups)


def _refusal(state: InForce, said: Sequence[Said], made: Sequence[Said]) -> str:
    if not plans.all_known(state.config, said):
        return NO_PLAN
    if list(made) != list(said):
        return ""
    return KEPT_OUT if any(s.groups or s.members or s.named_only or s.fills for s in said) else OPEN


def _gained(
    state: InForce, collection: Collection, v: Version, said: Sequence[Said], made: Sequence[Said]
) -> tuple[Step, ...]:
    """Whom the new names let in, from each instant on; the first from the beginning.

    The same plan, by its text of today, counts with and without them, so nobody else gains by a text that changed.
    """
    new = {state.numbers[m] for after, before in zip(made, said, strict=True) for m in after.members - before.members}
    before, after = (
        policy.release(state.config, collection, what, v.publisher, state.numbers, v.started) for what in (said, made)
    )
    found = []
    for due in sorted({0, *(step.due for step in (*before, *after))}):
        full = _at(after, due)
        gained = full - _at(before, due)
        found.append(Step(due, Audience.make(gained.common, dict(gained.individuals) | {m: full.of(m) for m in new})))
    return tuple(found)


def _at(steps: Iterable[Step], instant: int) -> Audience:
    return reduce(lambda found, step: step.audience if step.due <= instant else found, steps, NOBODY)


def _widened(v: Version, gained: tuple[Step, ...], begins: int) -> Version:
    """With what is gained beside what it gives now and later. `begins`: from when on; 0: at once."""
    base = v.base | _at(gained, 0) if not begins else v.base
    steps: list[Step] = []
    before = base
    dues = {step.due for step in v.steps} | {max(begins, step.due) for step in gained}
    for due in sorted(dues - {0}):
        audience = v.at(due) | (_at(gained, due) if due >= begins else NOBODY)
        if audience != before:
            steps.append(Step(due, audience))
            before = audience
    return replace(v, base=base, steps=tuple(steps), ever=ever(base, steps))
