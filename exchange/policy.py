"""Whether a member may read, and whether it may publish: policy.md sections 3.3 and 3.4 for what depends on the config.

`decide` is the one decision (promise 1): a pure function of a label's expression and a member's profile, which is all
that the config says about it. `clauses` is how a deposit's audience comes about, rule by rule. Dates and suspension
are a check at the door, `active`; they are not in `decide`, so a renewed member goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import reduce

from exchange import closure, plans, schemes
from exchange.config import Collection, Config, Credit, Plan, Rights
from exchange.label import ANY, EVERYBODY, NONE, Audience, Expr, Step, Tlp, any_of, atom
from exchange.markings import ANONYMOUS, NAMED_ONLY, Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the config says of a member, as far as reading depends on it. Members with one profile read alike."""

    groups: frozenset[str]
    relays: bool
    reads: frozenset[str]  # collection ids
    writes: frozenset[str]
    owns: frozenset[str]  # where one's own deposits can be read back
    agrees: frozenset[str] = frozenset()  # the IEP terms that it keeps
    acs: frozenset[str] = frozenset()  # what it is in the words of ACS, as ``organizations:USA.DHS``
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` names what closed the door, e.g. ``5 TLP``; empty where it is open."""

    allowed: bool
    rule: str


def profile(
    config: Config,
    groups: frozenset[str],
    relays: bool,
    agrees: frozenset[str] = frozenset(),
    acs: frozenset[str] = frozenset(),
    roles: frozenset[str] = frozenset(),
) -> Profile:
    """The profile of somebody in these groups (transitively), under this config."""
    return Profile(
        groups=groups,
        relays=relays,
        agrees=agrees,
        acs=acs,
        roles=roles,
        reads=frozenset(c.id for c in config.collections.values() if has(c.read, groups)),
        writes=frozenset(c.id for c in config.collections.values() if has(c.write, groups)),
        owns=frozenset(c.id for c in config.collections.values() if not c.own_hidden),
    )


def profile_of(config: Config, name: str) -> Profile:
    member = config.members[name]
    return profile(config, config.groups_of(name), member.relays, member.agrees, member.acs, member.roles)


def has(rights: Rights, groups: frozenset[str]) -> bool:
    return rights.everyone or bool(rights.groups & groups)


# Rules that a label carries: each answers for its own kind of atom and is silent (None) on others -----------------

Rule = Callable[[str, str, Profile], bool | None]


def rule_2_read(kind: str, value: str, who: Profile) -> bool | None:
    """The member is in the collection's `read`."""
    return value in who.reads if kind == "read" else None


def rule_2_write(kind: str, value: str, who: Profile) -> bool | None:
    """Who may write may read its own there."""
    return value in who.writes if kind == "write" else None


def rule_4_own(kind: str, value: str, who: Profile) -> bool | None:
    """Not in a true drop box: there not even one's own can be read back."""
    return value in who.owns if kind == "own" else None


def rule_5_tlp(kind: str, value: str, who: Profile) -> bool | None:
    """The table of policy.md 3.4. RED lets nobody in but the named, who have an expression of their own."""
    if kind != "tlp":
        return None
    level = Tlp(value)
    return level <= Tlp.AMBER or (level is Tlp.AMBER_STRICT and not who.relays)


def rule_6_addressed(kind: str, value: str, who: Profile) -> bool | None:
    """The member is in an addressed group."""
    return value in who.groups if kind == "group" else None


def rule_6_role(kind: str, value: str, who: Profile) -> bool | None:
    """The member has a role that the exchange addresses: responses are for the coordinators, too."""
    return value in who.roles if kind == "role" else None


def rule_6_iep(kind: str, value: str, who: Profile) -> bool | None:
    """The member promised to keep this term of an IEP policy."""
    return value in who.agrees if kind == "iep" else None


def rule_6_acs(kind: str, value: str, who: Profile) -> bool | None:
    """``in``: the member is surely among these; ``touches``: it may be. Of whom nothing is said, nothing is sure.

    One organization or community of its own is enough to be among these; of its nationalities and entities all have
    to be, because any of its people may read.
    """
    if kind != "acs":
        return None
    how, what, listed = value.split(":")
    values = frozenset(listed.split("+"))
    own = frozenset(held.removeprefix(f"{what}:") for held in who.acs if held.startswith(f"{what}:"))
    if how == "touches":
        return not own or bool(own & values)
    if how != "in" or what not in schemes.KINDS:
        raise NoRule(value)
    return bool(own & values) if what in ("organizations", "shareability") else bool(own) and own <= values


COORDINATORS = atom("role:coordinator")

RULES: tuple[Rule, ...] = (
    rule_2_read, rule_2_write, rule_4_own, rule_5_tlp, rule_6_addressed, rule_6_role, rule_6_iep,
    rule_6_acs,
)  # fmt: skip
_NAMES = {
    "read": "2 collection", "write": "2 collection", "own": "4 own", "tlp": "5 TLP", "group": "6 addressed",
    "role": "6 addressed", "iep": "6 IEP", "acs": "6 ACS",
}  # fmt: skip


class NoRule(Exception):
    """An atom that no rule, or more than one, answers for: denied."""


def holds(name: str, who: Profile, rules: tuple[Rule, ...] = RULES) -> bool:
    """Whether an atom is true of a member. Raises `NoRule`."""
    kind, _, value = name.partition(":")
    answers = [a for rule in rules if (a := rule(kind, value, who)) is not None]
    if len(answers) != 1:
        raise NoRule(name)
    return answers[0]


def decide(label: Expr, who: Profile, rules: tuple[Rule, ...] = RULES) -> Decision:
    """Whether a label lets a member in, and if not, by which rule. A rule that raises denies."""
    path: list[str] = []

    def is_true(name: str) -> bool:
        path.append(name)
        return holds(name, who, rules)

    try:
        allowed = label.holds(is_true)
    except Exception:
        allowed = False
    if allowed:
        return Decision(True, "")
    kind = path[-1].partition(":")[0] if path else ""
    return Decision(False, _NAMES.get(kind, "nobody"))


def readers(profiles: Mapping[int, Profile]) -> Callable[[Expr], frozenset[int]]:
    """`decide` for all members at once, once for each distinct profile and expression."""
    alike: dict[Profile, set[int]] = {}
    for number, who in profiles.items():
        alike.setdefault(who, set()).add(number)
    known: dict[str, frozenset[int]] = {}

    def let_in(label: Expr) -> frozenset[int]:
        key = label.text
        if key not in known:
            groups = (numbers for who, numbers in alike.items() if decide(label, who).allowed)
            known[key] = frozenset().union(*groups)
        return known[key]

    return let_in


# How an audience comes about --------------------------------------------------------------------------------------


def taken(config: Config, collection: Collection, said: Said) -> Said:
    """What a deposit's markings come to in a collection, on the day it is taken and from then on.

    The level is as marked, else as the collection says for unmarked objects (None: it refuses them); with
    `audience: named` only the named are addressed; the plan is the one that is named, else the collection's, and where
    it has a stage for the named, the addressed fill that stage and narrow nothing else (3.5).
    A response has no plan of its own.
    """
    plan = {collection.release.name} if collection.release and said.answers is None else frozenset[str]()
    found = replace(
        said,
        tlp=said.tlp or collection.unmarked,
        assumed=said.tlp is None and collection.unmarked is not None,
        named_only=said.named_only or collection.named,
        releases=frozenset(said.releases if said.answers is None and said.releases else plan),
    )
    fills = any(stage.named for name in found.releases for stage in plans.known(config, name).stages)
    return replace(found, fills=fills and not found.named_only)


def clauses(collection: Collection, said: Said, publisher: int, numbers: Mapping[str, int]) -> dict[str, Audience]:
    """The audience of a deposit by each of the rules 2 to 6, and by what its publisher received of it from others
    (3.5); together they are its `base`.

    `said` is what `taken` made of its markings; `numbers` gives members' numbers by name. Rules 5 and 6 let in the
    publisher, and the named whatever the TLP; what IEP and ACS ask is asked of the named, too. Of an anonymous
    deposit, rule 4 leaves the object itself to its publisher, and its copy (publisher below 0) to everybody else.
    """
    level = said.tlp or Tlp.RED
    read, write = atom(f"read:{collection.id}"), atom(f"write:{collection.id}")
    asked = read | (write & atom(f"own:{collection.id}"))  # a response is also for who may only write there
    itself = {publisher} if publisher > 0 else set[int]()
    answered = {numbers[said.answers_to]} if said.answers_to else set[int]()
    named = {numbers[m]: ANY for m in said.members} | dict.fromkeys(itself | answered, ANY)
    tlp = NONE if level is Tlp.RED else atom(f"tlp:{level.value}")
    own = {publisher: atom(f"own:{collection.id}")} if itself else {-publisher: NONE}
    return {
        "2 collection": Audience.make(read, dict.fromkeys(answered, asked) | dict.fromkeys(itself, read | write)),
        "4 own": Audience.make(NONE if itself and said.anonymous else ANY, own),
        "5 TLP": Audience.make(tlp, named),
        "6 addressed": Audience.make(_addressed(said), named),
        "6 IEP": Audience.make(said.iep, dict.fromkeys(itself, ANY)),
        "6 ACS": Audience.make(said.acs, dict.fromkeys(itself, ANY)),
        "9 closure": closure.with_own(said.received & answering(said, numbers), publisher),
    }


def _addressed(said: Said) -> Expr:
    if said.answers is not None:
        return any_of(_answerers(said))
    if said.fills:
        return ANY
    if said.groups:
        return any_of(atom(f"group:{g}") for g in sorted(said.groups))
    return NONE if said.members or said.named_only else ANY


def _answerers(said: Said) -> Iterator[Expr]:
    """Whom a response is for, besides the named: nobody, where it is only counted."""
    if said.answers is not None and said.answers_to:
        yield COORDINATORS
        yield from (atom(f"group:{g}") for g in said.groups)
        if is_everyone(said.answers) and not said.named_only:
            yield ANY


def answering(said: Said, numbers: Mapping[str, int]) -> Audience:
    """A response is no wider than what it answers, but for whom the exchange addresses."""
    if said.answers is None:
        return EVERYBODY
    answered = {numbers[said.answers_to]: ANY} if said.answers_to else {}
    return said.answers | Audience.make(COORDINATORS, answered)


def is_everyone(audience: Audience) -> bool:
    """Whether no stage and no address keeps anybody out whom the collection lets read, at its TLP and on its terms."""
    kinds = {node.atom.partition(":")[0] for node in audience.common.nodes()}
    return audience.common is not NONE and kinds <= {"read", "tlp", "iep", "acs"}


def audience(collection: Collection, said: Said, publisher: int, numbers: Mapping[str, int]) -> Audience:
    """Who may read a deposit by rules 2 to 6; 8 to 10 need the log."""
    return reduce(Audience.__and__, clauses(collection, said, publisher, numbers).values())


# Release plans (policy.md 3.7) ------------------------------------------------------------------------------------


def steps(
    config: Config, collection: Collection, said: Said, publisher: int, numbers: Mapping[str, int], started: int
) -> tuple[Step, ...]:
    """Rule 7 for a deposit whose clock started then: rising in time, the first from the beginning, each one wider.

    `said` is what `taken` made of its markings. Of several plans, and of the collection's `release-at-least`, a
    member's time is the latest.
    """
    followed = [plans.known(config, name) for name in sorted(said.releases)]
    followed += [collection.at_least] if collection.at_least and said.answers is None else []
    if not followed:
        return (Step(0, EVERYBODY),)
    named = {numbers[m] for m in said.members}
    found: list[Step] = []
    for at in sorted({0} | {stage.due(started) for plan in followed for stage in plan.stages}):
        reached = reduce(Audience.__and__, (_reached(plan, said.groups, named, started, at) for plan in followed))
        audience = reached.but(publisher, ANY) if publisher > 0 else reached
        if not found or audience != found[-1].audience:
            due = said.put_off(at)
            found = [step for step in found if step.due < due] + [Step(due, audience)]
    return tuple(found)


def release(
    config: Config, collection: Collection, what: Sequence[Said], publisher: int, numbers: Mapping[str, int],
    started: int,
) -> tuple[Step, ...]:  # fmt: skip
    """Who may read by rules 2 to 7, from each instant on; the first from the beginning. `what` holds all together.

    Each lets in more than the one before, but for the last, where a policy ends: from then on nobody else reads it.
    """
    plain = reduce(Audience.__and__, (audience(collection, said, publisher, numbers) for said in what))
    each = [steps(config, collection, said, publisher, numbers, started) for said in what]
    each += [_window(said, publisher) for said in what]
    found: list[Step] = []
    for due in sorted({step.due for one in each for step in one}):
        now = reduce(Audience.__and__, (_at(one, due) for one in each), plain)
        if not found or now != found[-1].audience:
            found.append(Step(due, now))
    return tuple(found)


def _window(said: Said, publisher: int) -> tuple[Step, ...]:
    """From when until when the policy of an object lets in anybody but its publisher (3.5)."""
    alone = Audience.make(NONE, {publisher: ANY} if publisher > 0 else {})
    found = [Step(0, alone), Step(said.starts, EVERYBODY)] if said.starts is not None else [Step(0, EVERYBODY)]
    return tuple([*found, Step(said.ends, alone)] if said.ends is not None else found)


def begun(steps_: Sequence[Step], released: int) -> tuple[Audience, tuple[Step, ...]]:
    """Of what `release` gives: who may read where releases were carried out up to then, and what is still to come."""
    past = [step for step in steps_ if step.due <= released]
    return past[-1].audience, tuple(steps_[len(past) :])


def _at(steps_: Sequence[Step], instant: int) -> Audience:
    return next(step.audience for step in reversed(steps_) if step.due <= instant)


def _reached(plan: Plan, groups: frozenset[str], named: Set[int], started: int, at: int) -> Audience:
    """Whom the stages let in that have fallen due at an instant."""
    due = [stage for stage in plan.stages if stage.due(started) <= at]
    if any(stage.everyone for stage in due):
        return EVERYBODY
    fills = any(stage.named for stage in due)
    names = frozenset[str]().union(*(stage.groups for stage in due), groups if fills else ())
    common = any_of(atom(f"group:{name}") for name in sorted(names))
    return Audience.make(common, dict.fromkeys(named, ANY) if fills else {})


# Anonymity (policy.md 3.8) ----------------------------------------------------------------------------------------


def credit(config: Config, collection: Collection, member: str, said: Said) -> Credit:
    """Under whose name a member's deposit of a new id goes: what hides most of its own choice, the collection's and
    its marking."""
    return config.members[member].credit | collection.credit | Credit(anonymous=said.anonymous)


def credited(said: Said, chosen: Credit) -> Said:
    """With the credit, as a deposit keeps it."""
    return replace(said, anonymous=chosen.anonymous, shown_to=chosen.shown_to or "")


def next_tick(config: Config, now: int) -> int:
    """The next instant at which anonymous copies enter."""
    return (now // config.anonymous_tick + 1) * config.anonymous_tick


def entering(steps_: Sequence[Step], tick: int) -> tuple[Step, ...]:
    """The same, with nothing before the tick at which a copy enters."""
    first = [step for step in steps_ if step.due <= tick]
    begin = (Step(tick, first[-1].audience),) if first else ()
    return (*begin, *steps_[len(first) :])


# Review (policy.md 3.3.8, 3.3.9, 3.4.3) ---------------------------------------------------------------------------

REVIEW, MARKING, PERSONAL_DATA, SECOND_PERSON = "review", "marking", "personal-data", "second-person"
REASONS = (REVIEW, MARKING, PERSONAL_DATA, SECOND_PERSON)
"""Why a deposit is held: its collection is moderated; a marking is not understood; it holds personal data; its
publisher wants a second person of its own to look."""


def waiting(collection: Collection, publisher: int, numbers: Mapping[str, int], reasons: Set[str]) -> Audience:
    """Who reads a deposit while it is held: its publisher, and the coordinators once its own people are done with it.

    Coordinators are individuals, so that whoever reviews today is found again when the files change.
    """
    read = atom(f"read:{collection.id}")
    inside = SECOND_PERSON in reasons
    seats = {} if inside else {numbers[m]: read for m in collection.moderate}
    if publisher < 0:
        return Audience.make(NONE, seats | {-publisher: NONE})
    own = (read | atom(f"write:{collection.id}")) & atom(f"own:{collection.id}")
    return Audience.make(NONE, seats | {publisher: own})


# Right to publish (policy.md 3.3) ---------------------------------------------------------------------------------


def refusal(config: Config, collection: Collection, said: Said) -> str | None:
    """Why markings keep an object out of a collection: 3.3.4, 6 and 7. None if they do not."""
    what = not_understood(config, collection, said)
    if what and collection.unknown_markings == "reject":
        return (
            f"marking not understood: {what}. Use TLP, a marking of your `policy` collection that this collection "
            "takes, or a definition that you publish with it (a statement, an IEP or ACS policy)."
        )
    if said.classified:
        return "its ACS marking does not say unclassified, and this exchange takes nothing else: its operator was told."
    level = taken(config, collection, said).tlp
    low, high = collection.accept
    if level is None:
        return "no TLP marking, and this collection takes none without: add one."
    if not low <= level <= high:
        return f"TLP:{level.value.upper()} is outside what this collection takes ({low.value} to {high.value})."
    if said.answers is not None:
        return None  # the exchange names whom it is for
    if (level is Tlp.RED or collection.named) and not (said.members or (said.groups and level is not Tlp.RED)):
        return "it names no recipient: add the `member:NAME` marking of each from your `policy` collection."
    return None


def reshared(level: Tlp | None, had: Sequence[Sequence[Said]]) -> str | None:
    """Why an object of another's is refused at a level: its publisher received it at stricter ones alone (3.5).

    `had`: what the markings of each deposit said that it received, at least one.
    """
    widest = min(max(s.tlp or Tlp.RED for s in what) for what in had)
    if level is not None and level < widest:
        return f"wider than you received it: mark it TLP:{widest.value.upper()} or stricter."
    return None


def not_understood(config: Config, collection: Collection, said: Said) -> str:
    """Which markings mean nothing in a collection; empty if there are none.

    A member that may not be named there answers as an unknown one (3.3.7).
    """
    unreadable = any(not nameable_in(config, collection, m) for m in said.members)
    return ", ".join(sorted(said.unknown)) or ("a member marking" if unreadable else "")


def nameable_in(config: Config, collection: Collection, name: str) -> bool:
    """Whether a member may be named as a recipient there: listed, and let read by the collection."""
    member = config.members.get(name)
    return member is not None and member.listed and has(collection.read, config.groups_of(name))


def vocabulary(config: Config, name: str) -> tuple[str, ...]:
    """The words that a member may use: every group and plan, and whom a collection that it may write lets read."""
    groups = config.groups_of(name)
    writable = [c for c in config.collections.values() if has(c.write, groups)]
    members = {m for m in config.members for c in writable if nameable_in(config, c, m)}
    return (
        *(f"group:{g}" for g in sorted(config.groups)),
        *(f"member:{m}" for m in sorted(members)),
        *(f"release:{r}" for r in sorted(config.releases)),
        ANONYMOUS,
        NAMED_ONLY,
    )


# The door ---------------------------------------------------------------------------------------------------------


def active(config: Config, name: str, now: int) -> bool:
    """Rule 1: a member that is in the file, not suspended, and within its dates (policy.md 3.4.1)."""
    member = config.members.get(name)
    if member is None or member.suspended:
        return False
    return (member.starts is None or member.starts <= now) and (member.ends is None or now < member.ends)
