"""What a publisher said with its markings, read from their ids."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import schemes
from exchange.label import ANY, EVERYBODY, Audience, Tlp, atom
from exchange.markings import (
    ANONYMOUS,
    NAMED_ONLY,
    TLP_IDS,
    Said,
    definition,
    keyed_uuid,
    marking_id,
    read,
)
from exchange.schemes import Terms

FINANCE = "marking-definition--00000000-0000-4000-8000-000000000001"
SKYLINE = "marking-definition--00000000-0000-4000-8000-000000000002"
NAMED = "marking-definition--00000000-0000-4000-8000-000000000003"
FOREIGN = "marking-definition--00000000-0000-4000-8000-000000000004"
COPYRIGHT = "marking-definition--00000000-0000-4000-8000-000000000005"
VOCABULARY = {FINANCE: "group:finance", SKYLINE: "member:skyline", NAMED: NAMED_ONLY}
SECRET = b"a secret of this test"
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=10)
SAID = st.builds(
    Said,
    tlp=st.none() | st.sampled_from(Tlp),
    groups=st.frozensets(NAMES, max_size=3),
    members=st.frozensets(NAMES, max_size=3),
    named_only=st.booleans(),
    assumed=st.booleans(),
    anonymous=st.booleans(),
    iep=st.sampled_from([ANY, atom("iep:unmodified-resale:must-not"), atom("iep:permitted-actions:none")]),
    acs=st.sampled_from([ANY, atom("acs:in:nationalities:CAN+USA") - atom("acs:touches:entity:CTR")]),
    starts=st.none() | st.integers(0, 2**53),
    ends=st.none() | st.integers(0, 2**53),
    received=st.sampled_from(
        [EVERYBODY, Audience.make(atom("read:x") & atom("tlp:amber"), {1: ANY, 7: atom("own:x")})]
    ),
    carried=st.frozensets(st.sampled_from(["pap:amber", "cui:CUI+SP-A", "acs:FOUO"])),
)


@dataclass(frozen=True)
class Meaning:
    tlp: Tlp | None = None
    group: str | None = None


def said(*ids: str, foreign: Meaning | None = None) -> Said:
    """`foreign`, if given, is what the administrator wrote about FOREIGN."""
    treatments = {FOREIGN: foreign} if foreign else {}
    return read(ids, VOCABULARY, treatments, {COPYRIGHT: Terms()})


@pytest.mark.parametrize(
    ("marking", "level"),
    [
        ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp.CLEAR),
        ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp.GREEN),
        ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", Tlp.AMBER),
        ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp.RED),
        ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp.CLEAR),
        ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp.GREEN),
        ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp.AMBER),
        ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp.AMBER_STRICT),
        ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp.RED),
    ],
)
def test_the_nine_official_ids_mean_their_level(marking: str, level: Tlp) -> None:
    assert said(marking) == Said(tlp=level)


@given(st.lists(st.sampled_from(sorted(TLP_IDS)), min_size=1))
def test_of_several_levels_the_most_restrictive_counts(ids: list[str]) -> None:
    assert said(*ids).tlp is max(TLP_IDS[marking] for marking in ids)


def test_no_marking_says_nothing() -> None:
    assert said() == Said()


def test_words_of_the_policy_collection_address() -> None:
    assert said(FINANCE, SKYLINE) == Said(groups=frozenset({"finance"}), members=frozenset({"skyline"}))


def test_named_only_is_a_word_of_its_own() -> None:
    assert said(NAMED) == Said(named_only=True)


def test_credit_is_a_word_of_its_own() -> None:
    assert read([NAMED], {NAMED: ANONYMOUS}, {}, {}) == Said(anonymous=True)
    assert Said(anonymous=True).text == "credit:anonymous"


def test_a_foreign_marking_is_unknown_until_an_administrator_says_what_it_means() -> None:
    assert said(FOREIGN) == Said(unknown=frozenset({FOREIGN}))
    assert said(FOREIGN, foreign=Meaning()) == Said()
    assert said(FOREIGN, foreign=Meaning(tlp=Tlp.AMBER)) == Said(tlp=Tlp.AMBER)
    assert said(FOREIGN, foreign=Meaning(group="health")) == Said(groups=frozenset({"health"}))


def test_a_foreign_level_joins_the_others() -> None:
    green = next(marking for marking, level in TLP_IDS.items() if level is Tlp.GREEN)
    assert said(green, FOREIGN, foreign=Meaning(tlp=Tlp.RED)).tlp is Tlp.RED
    assert said(green, FOREIGN, foreign=Meaning(tlp=Tlp.CLEAR)).tlp is Tlp.GREEN


def test_a_foreign_group_joins_those_that_the_publisher_addressed() -> None:
    assert said(FINANCE, FOREIGN, foreign=Meaning(group="health")).groups == {"finance", "health"}


def test_a_statement_of_the_publisher_s_own_restricts_nobody() -> None:
    assert said(COPYRIGHT) == Said()


def test_what_the_exchange_says_comes_before_what_the_publisher_deposited() -> None:
    assert read([FINANCE], VOCABULARY, {}, {FINANCE: Terms()}).groups == {"finance"}
    assert read([FOREIGN], {}, {FOREIGN: Meaning(tlp=Tlp.RED)}, {FOREIGN: Terms()}).tlp is Tlp.RED


@given(st.lists(st.sampled_from([*sorted(TLP_IDS), FINANCE, SKYLINE, NAMED, FOREIGN, COPYRIGHT])), st.randoms())
def test_the_order_of_markings_means_nothing(ids: list[str], random: Random) -> None:
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert said(*shuffled) == said(*ids)


@given(SAID)
def test_what_was_said_is_read_back_from_its_text(what: Said) -> None:
    assert Said.parse(what.text) == what


@given(st.lists(SAID, min_size=1, max_size=3))
def test_several_that_hold_together_are_split_again(several: list[Said]) -> None:
    assert Said.split(Said.joined(several)) == several


# Definitions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "harmless"),
    [
        ({"definition_type": "statement", "definition": {"statement": "Copyright"}}, True),
        ({"definition_type": "statement", "definition": {"statement": "x"}, "extensions": {}}, True),
        ({"definition_type": "statement", "extensions": {"extension-definition--x": {}}}, False),
        ({"extensions": {"extension-definition--x": {}}}, False),
        ({"definition_type": "iep", "definition": {}}, False),
        ({}, False),
    ],
)
def test_a_plain_statement_and_nothing_else_restricts_nobody(body: dict[str, object], harmless: bool) -> None:
    assert (schemes.read(body) == Terms()) is harmless


@given(st.binary(min_size=1, max_size=40), st.text(max_size=20))
def test_a_keyed_id_has_the_form_of_a_random_one(secret: bytes, name: str) -> None:
    made = uuid.UUID(keyed_uuid(secret, name))
    assert (made.version, made.variant) == (4, uuid.RFC_4122)
    assert keyed_uuid(secret, name) == str(made)


@given(NAMES, NAMES, NAMES, NAMES)
def test_no_two_members_and_no_two_words_share_an_id(member: str, word: str, other: str, another: str) -> None:
    same = (member, word) == (other, another)
    assert (marking_id(SECRET, member, word) == marking_id(SECRET, other, another)) is same


def test_another_exchange_has_other_ids() -> None:
    assert marking_id(SECRET, "skyline", "group:finance") != marking_id(b"another", "skyline", "group:finance")


def test_a_definition_of_the_policy_collection_is_told_by_its_name() -> None:
    made = definition(SECRET, "skyline", "group:finance", "2026-06-01T00:00:00.000Z")
    assert made["id"] == marking_id(SECRET, "skyline", "group:finance")
    assert (made["type"], made["spec_version"], made["name"]) == ("marking-definition", "2.1", "group:finance")
    assert schemes.read(made) == Terms()


def test_a_plan_that_a_marking_names_is_part_of_what_was_said() -> None:
    found = read(["marking-definition--1"], {"marking-definition--1": "release:cvd"}, {}, {})
    assert found == Said(releases=frozenset({"cvd"}))


def test_what_was_said_of_a_plan_is_stored_and_read_again() -> None:
    said = Said(tlp=Tlp.AMBER, releases=frozenset({"cvd", "slow"}), fills=True)
    assert said.text == "amber release:cvd release:slow fills-stage"
    assert Said.parse(said.text) == said
    assert Said.parse("amber release:cvd").fills is False
