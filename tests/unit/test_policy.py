"""The one decision, rule by rule, and the right to publish, over the example home."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import config, policy
from exchange.config import Collection, Config
from exchange.label import ANY, NONE, Audience, Expr, Tlp, atom
from exchange.markings import NAMED_ONLY, Said
from exchange.policy import RULES, Decision, Profile, decide
from tests.property.cases import PLAIN

EXAMPLE = config.parse(config.read_home(PLAIN))
NUMBERS = {name: number for number, name in enumerate(EXAMPLE.members, start=1)}
PROFILES = {name: policy.profile_of(EXAMPLE, name) for name in EXAMPLE.members}
GROUPS = sorted(EXAMPLE.groups)
UIDS = sorted(one.id for one in EXAMPLE.collections.values())
TERMS = ["unmodified-resale:must-not", "permitted-actions:none"]
ATOMS = [
    *(f"read:{uid}" for uid in UIDS),
    *(f"write:{uid}" for uid in UIDS),
    *(f"own:{uid}" for uid in UIDS),
    *(f"tlp:{level.value}" for level in Tlp),
    *(f"group:{group}" for group in GROUPS),
    *(f"iep:{term}" for term in TERMS),
    "acs:in:organizations:USA.DHS+USA.USG", "acs:touches:nationalities:CAN", "acs:in:nationalities:CAN+USA",
]  # fmt: skip
UNKNOWN = ("release:cvd", "named", "tlp:purple", "", "READ:x")
EVERY_SAID = st.builds(
    Said,
    tlp=st.none() | st.sampled_from(Tlp),
    groups=st.frozensets(st.sampled_from(GROUPS), max_size=2),
    members=st.frozensets(st.sampled_from(sorted(NUMBERS)), max_size=2),
    named_only=st.booleans(),
)
ANYWHERE = st.sampled_from(list(EXAMPLE.collections.values()))
ANYBODY = st.sampled_from(sorted(NUMBERS))


def expressions(names: list[str]) -> st.SearchStrategy[Expr]:
    return st.recursive(
        st.sampled_from([ANY, NONE, *map(atom, names)]),
        lambda inner: (
            st.builds(Expr.__and__, inner, inner)
            | st.builds(Expr.__or__, inner, inner)
            | st.builds(Expr.__sub__, inner, inner)
        ),
        max_leaves=8,
    )


EXPRESSIONS = expressions(ATOMS)
WHO = st.builds(
    Profile,
    groups=st.frozensets(st.sampled_from(GROUPS)),
    relays=st.booleans(),
    reads=st.frozensets(st.sampled_from(UIDS)),
    writes=st.frozensets(st.sampled_from(UIDS)),
    owns=st.frozensets(st.sampled_from(UIDS)),
    agrees=st.frozensets(st.sampled_from(TERMS)),
    acs=st.frozensets(st.sampled_from(["organizations:USA.DHS", "nationalities:USA", "nationalities:CAN"])),
)
NOTHING = Profile(groups=frozenset(), relays=True, reads=frozenset(), writes=frozenset(), owns=frozenset())


def changed(*, was: str, now: str) -> Config:
    """The example with a text of its main file replaced."""
    files = config.read_home(PLAIN)
    main = "config/exchange.yaml"
    assert was in files[main]
    return config.parse({**files, main: files[main].replace(was, now)})


def answers(rule: policy.Rule, name: str, who: Profile) -> bool:
    kind, _, value = name.partition(":")
    return rule(kind, value, who) is not None


# decide ---------------------------------------------------------------------------------------------------------------


@given(EXPRESSIONS, WHO, st.randoms())
def test_the_order_of_the_rules_changes_no_decision(label: Expr, who: Profile, random: Random) -> None:
    shuffled = list(RULES)
    random.shuffle(shuffled)
    assert decide(label, who, tuple(shuffled)) == decide(label, who)


@given(EXPRESSIONS, WHO, st.integers(0, len(RULES) - 1))
def test_a_rule_that_raises_denies_whatever_asks_it(label: Expr, who: Profile, place: int) -> None:
    def broken(kind: str, value: str, profile: Profile) -> bool | None:
        if RULES[place](kind, value, profile) is not None:
            raise RuntimeError
        return None

    rules = (*RULES[:place], broken, *RULES[place + 1 :])
    path = label.path(lambda name: policy.holds(name, who))
    asked = any(answers(RULES[place], name, who) for name in path)
    assert decide(label, who, rules).allowed == (decide(label, who).allowed and not asked)


@given(EXPRESSIONS, WHO, st.integers(0, len(RULES) - 1))
def test_without_a_rule_its_atoms_deny(label: Expr, who: Profile, place: int) -> None:
    rules = RULES[:place] + RULES[place + 1 :]
    path = label.path(lambda name: policy.holds(name, who))
    asked = any(answers(RULES[place], name, who) for name in path)
    assert decide(label, who, rules).allowed == (decide(label, who).allowed and not asked)


@given(EXPRESSIONS, WHO, st.sampled_from(UNKNOWN))
def test_an_atom_that_no_rule_knows_denies_where_it_is_asked(label: Expr, who: Profile, name: str) -> None:
    assert not decide(label & atom(name), who).allowed
    assert not decide(label - atom(name), who).allowed, "not even its contrary lets in"


@given(EXPRESSIONS, WHO)
def test_two_rules_that_answer_for_one_atom_deny(label: Expr, who: Profile) -> None:
    doubled = (*RULES, policy.rule_2_read)
    path = label.path(lambda name: policy.holds(name, who))
    asked = any(name.startswith("read:") for name in path)
    assert decide(label, who, doubled).allowed == (decide(label, who).allowed and not asked)


@given(EXPRESSIONS, WHO)
def test_a_denial_names_a_rule_and_an_open_door_none(label: Expr, who: Profile) -> None:
    found = decide(label, who)
    assert found.allowed == (found.rule == "")


@given(EXPRESSIONS, WHO)
def test_a_decision_is_what_the_expression_says_of_the_profile(label: Expr, who: Profile) -> None:
    facts = {f"read:{uid}" for uid in who.reads} | {f"write:{uid}" for uid in who.writes}
    facts |= {f"own:{uid}" for uid in who.owns}
    facts |= {f"group:{group}" for group in who.groups} | {"tlp:clear", "tlp:green", "tlp:amber"}
    facts |= set() if who.relays else {"tlp:amber+strict"}
    facts |= {f"iep:{term}" for term in who.agrees}
    nationalities = {held.removeprefix("nationalities:") for held in who.acs if held.startswith("nationalities:")}
    facts |= {"acs:in:organizations:USA.DHS+USA.USG"} if "organizations:USA.DHS" in who.acs else set()
    facts |= {"acs:in:nationalities:CAN+USA"} if nationalities else set()
    facts |= set() if nationalities == {"USA"} else {"acs:touches:nationalities:CAN"}
    assert decide(label, who).allowed == label.holds(facts.__contains__)


@pytest.mark.parametrize(
    ("level", "relays", "allowed"),
    [
        ("clear", False, True),
        ("clear", True, True),
        ("green", False, True),
        ("green", True, True),
        ("amber", False, True),
        ("amber", True, True),
        ("amber+strict", False, True),
        ("amber+strict", True, False),
        ("red", False, False),
        ("red", True, False),
    ],
)
def test_the_tlp_table(level: str, relays: bool, allowed: bool) -> None:
    who = replace(NOTHING, relays=relays)
    assert decide(atom(f"tlp:{level}"), who) == Decision(allowed, "" if allowed else "5 TLP")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (f"read:{UIDS[0]}", "2 collection"),
        (f"write:{UIDS[0]}", "2 collection"),
        (f"own:{UIDS[0]}", "4 own"),
        ("tlp:red", "5 TLP"),
        ("group:finance", "6 addressed"),
        ("release:cvd", "nobody"),
    ],
)
def test_a_denial_names_the_rule_of_the_atom_that_closed_the_door(name: str, rule: str) -> None:
    assert decide(atom(name), NOTHING) == Decision(False, rule)


def test_nobody_is_let_in_by_nothing() -> None:
    assert decide(NONE, PROFILES["cyberdef"]) == Decision(False, "nobody")


@given(EXPRESSIONS)
def test_deciding_for_all_members_at_once_is_deciding_for_each(label: Expr) -> None:
    let_in = policy.readers({NUMBERS[name]: who for name, who in PROFILES.items()})
    assert let_in(label) == {NUMBERS[name] for name, who in PROFILES.items() if decide(label, who).allowed}


def test_a_member_is_in_the_groups_that_contain_its_groups() -> None:
    assert PROFILES["firstriver"].groups == {"finance", "owners"}


def test_who_has_a_right_in_a_collection() -> None:
    incidents = EXAMPLE.collections["incidents"].id
    assert {m for m, who in PROFILES.items() if incidents in who.reads} == {"cyberdef", "evalcenter", "buckeye-soc"}
    assert {m for m, who in PROFILES.items() if incidents in who.writes} == set(PROFILES)


# clauses and audience -------------------------------------------------------------------------------------------------


def lets_in(audience: Audience, profiles: Mapping[str, Profile] = PROFILES) -> set[str]:
    return {m for m, who in profiles.items() if decide(audience.of(NUMBERS[m]), who).allowed}


def audience(where: Collection, said: Said, publisher: str) -> Audience:
    return policy.audience(where, policy.taken(EXAMPLE, where, said), NUMBERS[publisher], NUMBERS)


@given(ANYWHERE, EVERY_SAID, ANYBODY)
def test_an_audience_is_whom_every_clause_lets_in(where: Collection, said: Said, publisher: str) -> None:
    clauses = policy.clauses(where, policy.taken(EXAMPLE, where, said), NUMBERS[publisher], NUMBERS)
    assert list(clauses) == ["2 collection", "4 own", "5 TLP", "6 addressed", "6 IEP", "6 ACS", "9 closure"]
    assert lets_in(audience(where, said, publisher)) == set.intersection(*map(lets_in, clauses.values()))


@given(ANYWHERE, EVERY_SAID, ANYBODY)
def test_nobody_reads_who_is_not_in_read_but_a_publisher_that_may_write(
    where: Collection, said: Said, publisher: str
) -> None:
    own = {publisher} if where.id in PROFILES[publisher].writes else set()
    assert lets_in(audience(where, said, publisher)) <= {m for m in PROFILES if where.id in PROFILES[m].reads} | own


@given(ANYWHERE, EVERY_SAID, ANYBODY)
def test_a_label_holds_no_name(where: Collection, said: Said, publisher: str) -> None:
    made = audience(where, said, publisher)
    assert {node.atom for node in made.common.nodes()} <= set(ATOMS)
    assert made.members() <= {NUMBERS[m] for m in said.members} | {NUMBERS[publisher]}


@given(EVERY_SAID, ANYBODY)
def test_own_hidden_denies_the_publisher_alone_and_also_what_it_deposited_before(said: Said, publisher: str) -> None:
    where = EXAMPLE.collections["indicators"]
    before = audience(where, said, publisher)
    profiles = {m: replace(who, owns=who.owns - {where.id}) for m, who in PROFILES.items()}
    assert lets_in(before, profiles) == lets_in(before) - {publisher}


def test_a_drop_box_is_no_place_of_one_s_own() -> None:
    files = config.read_home(PLAIN)
    files["collections/incidents.yaml"] += "own: hidden\n"
    hidden = policy.profile_of(config.parse(files), "cyberdef")
    assert PROFILES["cyberdef"].owns - hidden.owns == {EXAMPLE.collections["incidents"].id}


@pytest.mark.parametrize("to", [frozenset[str](), frozenset({"owners"})])
def test_a_higher_level_never_lets_in_more(to: frozenset[str]) -> None:
    where = EXAMPLE.collections["indicators"]
    readers = [lets_in(audience(where, Said(tlp=level, groups=to), "skyline")) for level in Tlp]
    assert all(narrow <= wide for wide, narrow in itertools.pairwise(readers))


@given(ANYWHERE, EVERY_SAID)
def test_what_carries_no_level_is_taken_with_the_collection_s(where: Collection, said: Said) -> None:
    made = policy.taken(EXAMPLE, where, said)
    assert made.tlp is (said.tlp or where.unmarked)
    assert made.assumed == (said.tlp is None)


@given(ANYWHERE, EVERY_SAID, ANYBODY)
def test_what_was_taken_once_is_not_changed_by_the_files_of_another_day(
    where: Collection, said: Said, publisher: str
) -> None:
    once = policy.taken(EXAMPLE, where, said)
    other = replace(where, unmarked=Tlp.RED, accept=(Tlp.RED, Tlp.RED))
    again = policy.audience(other, once, NUMBERS[publisher], NUMBERS)
    assert again == audience(where, said, publisher)


def test_what_may_not_be_unmarked_and_is_would_be_read_by_its_publisher_alone() -> None:
    refusing = replace(EXAMPLE.collections["indicators"], unmarked=None)
    assert lets_in(audience(refusing, Said(), "skyline")) == {"skyline"}


# refusal (policy 3.3) -------------------------------------------------------------------------------------------------


def refusal(name: str, said: Said, **keys: object) -> str | None:
    return policy.refusal(EXAMPLE, replace(EXAMPLE.collections[name], **keys), said)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["indicators", "vulnerabilities", "incidents", "model-tests", "red-room"])
@pytest.mark.parametrize("level", list(Tlp))
def test_a_level_is_taken_exactly_within_accept(name: str, level: Tlp) -> None:
    low, high = EXAMPLE.collections[name].accept
    said = Said(tlp=level, members=frozenset({"cyberdef"}))
    assert (refusal(name, said) is None) == (low <= level <= high)


def test_a_refused_level_is_told_with_what_is_taken() -> None:
    expected = "TLP:AMBER+STRICT is outside what this collection takes (clear to amber)."
    assert refusal("indicators", Said(tlp=Tlp.AMBER_STRICT)) == expected


def test_an_unknown_marking_is_told_by_its_id() -> None:
    unknown = "marking-definition--00000000-0000-4000-8000-000000000001"
    assert unknown in str(refusal("indicators", Said(tlp=Tlp.GREEN, unknown=frozenset({unknown}))))


def test_an_unknown_marking_is_told_before_a_level_out_of_range() -> None:
    said = Said(tlp=Tlp.RED, unknown=frozenset({"marking-definition--x"}))
    assert str(refusal("indicators", said)).startswith("marking not understood")


@pytest.mark.parametrize("named", ["skyline", "no-such-member"])
def test_whom_the_collection_does_not_let_read_is_answered_like_one_that_does_not_exist(named: str) -> None:
    told = refusal("incidents", Said(tlp=Tlp.AMBER, members=frozenset({named})))
    assert str(told).startswith("marking not understood: a member marking.")


def test_a_member_that_is_not_listed_is_answered_like_one_that_does_not_exist() -> None:
    hidden = changed(was="name: Skyline Cloud,", now="name: Skyline Cloud, listed: false,")
    said = Said(tlp=Tlp.GREEN, members=frozenset({"skyline"}))
    told = policy.refusal(hidden, hidden.collections["indicators"], said)
    nobody = policy.refusal(hidden, hidden.collections["indicators"], replace(said, members=frozenset({"nobody"})))
    assert told == nobody is not None


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (Said(tlp=Tlp.RED), False),
        (Said(tlp=Tlp.RED, groups=frozenset({"federal"})), False),
        (Said(tlp=Tlp.RED, named_only=True), False),
        (Said(tlp=Tlp.RED, members=frozenset({"cyberdef"})), True),
        (Said(tlp=Tlp.RED, members=frozenset({"cyberdef"}), groups=frozenset({"federal"})), True),
    ],
)
def test_red_names_at_least_one_member(said: Said, taken: bool) -> None:
    assert (refusal("red-room", said) is None) == taken


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (Said(tlp=Tlp.GREEN), False),
        (Said(tlp=Tlp.GREEN, named_only=True), False),
        (Said(tlp=Tlp.GREEN, groups=frozenset({"federal"})), True),
        (Said(tlp=Tlp.GREEN, members=frozenset({"cyberdef"})), True),
    ],
)
def test_in_a_collection_for_named_recipients_everything_names_one(said: Said, taken: bool) -> None:
    assert (refusal("indicators", said, named=True) is None) == taken


def test_a_collection_that_takes_nothing_unmarked_says_so() -> None:
    assert "add one" in str(refusal("indicators", Said(), unmarked=None))
    assert refusal("indicators", Said(tlp=Tlp.GREEN), unmarked=None) is None


# vocabulary -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_member_may_address_every_group_and_named_only(name: str) -> None:
    words = policy.vocabulary(EXAMPLE, name)
    assert {f"group:{g}" for g in GROUPS} | {NAMED_ONLY} <= set(words)
    assert len(words) == len(set(words))


def test_a_member_finds_those_whom_a_collection_that_it_may_write_lets_read() -> None:
    files = config.read_home(PLAIN)
    closed = {k: v.replace("write: everyone", "write: [federal]") for k, v in files.items() if "collections" in k}
    alone = config.parse({**files, **closed, "collections/incidents.yaml": files["collections/incidents.yaml"]})
    named = {w.removeprefix("member:") for w in policy.vocabulary(alone, "firstriver") if w.startswith("member:")}
    assert named == {"cyberdef", "evalcenter", "buckeye-soc"}


def test_a_member_that_is_not_listed_stands_in_no_vocabulary() -> None:
    hidden = changed(was="name: Skyline Cloud,", now="name: Skyline Cloud, listed: false,")
    assert all("member:skyline" not in policy.vocabulary(hidden, name) for name in hidden.members)


@given(ANYBODY, ANYWHERE)
def test_what_a_member_may_address_there_is_understood(name: str, where: Collection) -> None:
    if where.id not in PROFILES[name].writes:
        return
    for word in policy.vocabulary(EXAMPLE, name):
        kind, _, value = word.partition(":")
        readable = kind != "member" or where.id in PROFILES[value].reads
        said = Said.parse(f"{where.accept[1].value} {word}")
        assert str(policy.refusal(EXAMPLE, where, said)).startswith("marking not understood") != readable


# The door -------------------------------------------------------------------------------------------------------------

JULY_1_2027 = int(datetime(2027, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(("now", "expected"), [(JULY_1_2027 - 1, True), (JULY_1_2027, False), (0, True)])
def test_a_membership_ends_with_its_last_day(now: int, expected: bool) -> None:
    assert policy.active(EXAMPLE, "buckeye-soc", now) is expected


@pytest.mark.parametrize(("now", "expected"), [(JULY_1_2027 - 1, False), (JULY_1_2027, True)])
def test_a_membership_begins_with_its_first_day(now: int, expected: bool) -> None:
    later = changed(was="until: 2027-06-30", now="from: 2027-07-01")
    assert policy.active(later, "buckeye-soc", now) is expected


def test_who_is_suspended_or_not_in_the_file_is_not_active() -> None:
    suspended = changed(was="name: Skyline Cloud,", now="name: Skyline Cloud, suspended: true,")
    assert not policy.active(suspended, "skyline", 0)
    assert not policy.active(EXAMPLE, "nobody", 0)
    assert policy.active(EXAMPLE, "skyline", 0)


def test_dates_and_suspension_change_no_decision() -> None:
    for now in ("suspended: true", "from: 2030-01-01", "until: 2020-01-01"):
        other = changed(was="until: 2027-06-30", now=now)
        assert policy.profile_of(other, "buckeye-soc") == PROFILES["buckeye-soc"]
