"""Corners of the policy: every refusal to the letter, and what a second rule would hide where it did not hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchange import config, policy
from exchange.label import ANY, Audience, Tlp, atom
from exchange.markings import Said
from exchange.policy import Decision, Profile
from tests.property.cases import PLAIN

EXAMPLE = config.parse(config.read_home(PLAIN))
INDICATORS = EXAMPLE.collections["indicators"]
NUMBERS = {name: number for number, name in enumerate(EXAMPLE.members, start=1)}
UNKNOWN = frozenset({"marking-definition--b", "marking-definition--a"})
MENDS = (
    ". Use TLP, a marking of your `policy` collection that this collection takes, or a definition that you publish "
    "with it (a statement, an IEP or ACS policy)."
)
NAMELESS = "it names no recipient: add the `member:NAME` marking of each from your `policy` collection."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Said(unknown=UNKNOWN), "marking not understood: marking-definition--a, marking-definition--b" + MENDS),
        (Said(members=frozenset({"nobody"})), "marking not understood: a member marking" + MENDS),
        (Said(tlp=Tlp.RED), "TLP:RED is outside what this collection takes (clear to amber)."),
        (Said(), None),
    ],
)
def test_a_refusal_says_what_is_wrong_and_the_mend(said: Said, told: str | None) -> None:
    assert policy.refusal(EXAMPLE, INDICATORS, said) == told


def test_a_refusal_for_want_of_a_level_says_the_mend() -> None:
    refusing = replace(INDICATORS, unmarked=None)
    told = policy.refusal(EXAMPLE, refusing, Said())
    assert told == "no TLP marking, and this collection takes none without: add one."


def test_red_that_names_nobody_is_refused_where_the_collection_is_for_everybody() -> None:
    wide = replace(INDICATORS, accept=(Tlp.CLEAR, Tlp.RED))
    assert policy.refusal(EXAMPLE, wide, Said(tlp=Tlp.RED)) == NAMELESS
    assert policy.refusal(EXAMPLE, wide, Said(tlp=Tlp.RED, groups=frozenset({"federal"}))) == NAMELESS
    assert policy.refusal(EXAMPLE, wide, Said(tlp=Tlp.RED, members=frozenset({"skyline"}))) is None
    assert policy.refusal(EXAMPLE, wide, Said(tlp=Tlp.AMBER)) is None


def test_where_everything_names_its_recipients_what_names_nobody_is_for_its_publisher() -> None:
    """It is refused at the door; if it were not, it would still not be for everybody."""
    said = policy.taken(EXAMPLE, replace(INDICATORS, named=True), Said(tlp=Tlp.GREEN))
    made = policy.audience(INDICATORS, said, NUMBERS["skyline"], NUMBERS)
    profiles = {name: policy.profile_of(EXAMPLE, name) for name in NUMBERS}
    let_in = {name for name, who in profiles.items() if policy.decide(made.of(NUMBERS[name]), who).allowed}
    assert let_in == {"skyline"}


def test_each_clause_is_what_its_rule_says_to_the_letter() -> None:
    uid, publisher, bob = INDICATORS.id, 1, 2
    said = Said(tlp=Tlp.AMBER, groups=frozenset({"finance", "health"}), members=frozenset({"bob"}))
    named = {publisher: ANY, bob: ANY}
    assert policy.clauses(INDICATORS, said, publisher, {"bob": bob}) == {
        "2 collection": Audience.make(atom(f"read:{uid}"), {publisher: atom(f"read:{uid}") | atom(f"write:{uid}")}),
        "4 own": Audience.make(ANY, {publisher: atom(f"own:{uid}")}),
        "5 TLP": Audience.make(atom("tlp:amber"), named),
        "6 addressed": Audience.make(atom("group:finance") | atom("group:health"), named),
        "6 IEP": Audience.make(ANY, {}),
        "6 ACS": Audience.make(ANY, {}),
        "9 closure": Audience.make(ANY, {}),
    }
    asked = replace(said, iep=atom("iep:unmodified-resale:must-not"), acs=atom("acs:in:nationalities:USA"))
    found = policy.clauses(INDICATORS, asked, publisher, {"bob": bob})
    assert found["6 IEP"] == Audience.make(asked.iep, {publisher: ANY})
    assert found["6 ACS"] == Audience.make(asked.acs, {publisher: ANY})
    assert policy.clauses(INDICATORS, Said(tlp=Tlp.CLEAR), publisher, {})["6 addressed"] == Audience.make(ANY, {})


def test_an_object_that_was_taken_without_a_level_is_red() -> None:
    made = policy.clauses(INDICATORS, Said(), 1, {})["5 TLP"]
    assert made == policy.clauses(INDICATORS, Said(tlp=Tlp.RED), 1, {})["5 TLP"]
    assert not made.reaches_beyond(1)


def test_an_atom_that_no_rule_or_several_answer_for_is_told_by_its_name() -> None:
    who = Profile(groups=frozenset(), relays=False, reads=frozenset(), writes=frozenset(), owns=frozenset())
    with pytest.raises(policy.NoRule, match=r"^later:x$"):
        policy.holds("later:x", who)
    with pytest.raises(policy.NoRule, match=r"^read:x$"):
        policy.holds("read:x", who, (policy.rule_2_read, policy.rule_2_read))


def test_a_kind_ends_at_the_first_colon() -> None:
    who = Profile(
        groups=frozenset({"a:b"}), relays=False, reads=frozenset({"a:b"}), writes=frozenset(), owns=frozenset()
    )
    assert policy.decide(atom("read:a:b") & atom("group:a:b"), who) == Decision(True, "")
    assert policy.decide(atom("write:a:b"), who) == Decision(False, "2 collection")


def test_a_decision_that_asks_nothing_names_no_rule() -> None:
    who = policy.profile_of(EXAMPLE, "skyline")
    assert policy.decide(ANY, who) == Decision(True, "")


def test_deciding_for_all_asks_once_for_members_who_read_alike() -> None:
    who = policy.profile_of(EXAMPLE, "skyline")
    let_in = policy.readers({1: who, 2: who, 3: replace(who, reads=frozenset())})
    label = atom(f"read:{INDICATORS.id}")
    assert let_in(label) == {1, 2}
    assert let_in(label) is let_in(label)
    assert let_in(ANY - label) == {3}


def test_a_vocabulary_has_groups_then_members_then_named_only() -> None:
    words = policy.vocabulary(EXAMPLE, "skyline")
    groups = [f"group:{g}" for g in sorted(EXAMPLE.groups)]
    members = [f"member:{m}" for m in sorted(EXAMPLE.members)]
    assert words == (*groups, *members, "credit:anonymous", "named-only")


def test_a_vocabulary_names_whom_the_collections_of_one_s_groups_let_read() -> None:
    files = config.read_home(PLAIN)
    one = files["collections/incidents.yaml"].replace("write: everyone", "write: [vendors]")
    closed = {k: v.replace("write: everyone", "write: [testers]") for k, v in files.items() if "collections" in k}
    parsed = config.parse({**files, **closed, "collections/incidents.yaml": one})
    named = {name: [w for w in policy.vocabulary(parsed, name) if w.startswith("member:")] for name in parsed.members}
    assert {"member:cyberdef", "member:evalcenter", "member:buckeye-soc"} <= set(named["skyline"])
    assert named["care-isac"] == []


def test_a_membership_without_dates_has_no_end() -> None:
    assert policy.active(EXAMPLE, "skyline", 1 << 62)
    assert policy.active(EXAMPLE, "skyline", -1)
