"""The administrator's files: what they mean, and what is said about them when they are wrong."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.config import (
    Config,
    ConfigError,
    Credit,
    Place,
    Problem,
    Rights,
    Treatment,
    duration,
    example_files,
    parse,
    read_home,
    suspicions,
)
from exchange.label import Tlp

REPOSITORY = Path(__file__).parents[2]
DAY = 86_400_000_000
ID = "7c9b7d52-0f0e-4a63-9d31-8a54a4f3d6c1"
OTHER_ID = "1f4d8c36-52ab-4e07-b9c5-6d0e7a91f284"
UUID = "f431f809-377b-45e0-aa1c-6a4751cae5ff"
HEAD = "exchange: Test Exchange\noperator: Test Operations\n"
GROUPS = "groups:\n  health: Hospitals\n  finance: Banks\n"
BOX = f"id: {ID}\ntitle: Box\n"


def home(main: str = "", **collections: str) -> dict[str, str]:
    """The files of a home with the two keys that must be there, on lines 1 and 2."""
    files = {"config/exchange.yaml": HEAD + main}
    return files | {f"collections/{name}.yaml": text for name, text in collections.items()}


def faults(files: dict[str, str], fresh_id: Callable[[], str] | None = None) -> list[str]:
    """What parse says is wrong, as printed."""
    with pytest.raises(ConfigError) as caught:
        parse(files, fresh_id=fresh_id)
    return [str(problem) for problem in caught.value.problems]


def member(keys: str) -> dict[str, str]:
    """A home with one member whose keys are on line 6."""
    return home(f"{GROUPS}members: {{ bank: {{ name: Bank, {keys} }} }}\n")


def box(rules: str, main: str = GROUPS) -> dict[str, str]:
    """A home with one collection whose rules begin on its line 3."""
    return home(main, box=BOX + rules)


# ---------------------------------------------------------------------------------------- the example home


def test_the_example_home_is_valid() -> None:
    config = parse(example_files())
    assert list(config.collections) == [
        "incidents",
        "indicators",
        "model-tests",
        "red-room",
        "vulnerabilities",
    ]
    assert len(config.members) == 7
    assert len(config.groups) == 8


def test_all_that_check_remarks_about_the_example_is_a_plan_that_ends_with_the_named() -> None:
    (only,) = suspicions(parse(example_files()))
    assert str(only) == (
        "config/exchange.yaml:34: releases.model-test: no stage is `everyone`; "
        "whom no stage names never reads what follows this plan"
    )


def test_the_repository_is_the_example_home_byte_for_byte() -> None:
    packaged = REPOSITORY / "exchange" / "example"
    names = sorted(str(file.relative_to(packaged)) for file in packaged.glob("*/*"))
    here = ["config/exchange.yaml", *(f"collections/{f.name}" for f in REPOSITORY.glob("collections/*.yaml"))]
    assert names == sorted(here)
    assert all((packaged / name).read_bytes() == (REPOSITORY / name).read_bytes() for name in names)


def test_the_example_files_are_what_reading_the_repository_as_a_home_gives() -> None:
    assert list(example_files().items()) == list(read_home(REPOSITORY).items())


def test_the_example_says_what_the_policy_page_says() -> None:
    config = parse(example_files())
    red, indicators = config.collections["red-room"], config.collections["indicators"]
    assert (red.accept, red.unmarked, red.named) == ((Tlp.RED, Tlp.RED), Tlp.RED, True)
    assert (indicators.accept, indicators.unmarked) == ((Tlp.CLEAR, Tlp.AMBER), Tlp.GREEN)
    assert config.collections["vulnerabilities"].unmarked is Tlp.AMBER  # from defaults
    assert config.members["care-isac"].relays
    assert config.members["buckeye-soc"].ends == 20_999 * DAY + DAY  # 2027-06-30 is day 20,999


# ------------------------------------------------------------------------------------------- what keys mean


def test_every_key_of_the_main_file_is_read() -> None:
    text = "root: share\nurl: https://taxii.example.org:8443/\nmax-body: 10MB\n"
    config = parse(home(text))
    assert (config.title, config.operator) == ("Test Exchange", "Test Operations")
    assert (config.root, config.url, config.max_body) == (
        "share",
        "https://taxii.example.org:8443",
        10_000_000,
    )


def test_the_main_file_needs_nothing_but_two_names() -> None:
    config = parse(home())
    assert (config.root, config.url, config.max_body) == ("exchange", None, 50 * 1024 * 1024)
    assert [len(part) for part in (config.groups, config.members, config.collections)] == [0, 0, 0]
    assert config.markings == {}


def test_every_key_of_a_member_is_read() -> None:
    text = (
        f"in: [health, finance], relays: true, identity: identity--{UUID}, suspended: true, "
        "from: 2026-01-01, until: 2026-01-31, listed: false, roles: [auditor, coordinator]"
    )
    bank = parse(member(text)).members["bank"]
    assert (bank.name, bank.title, bank.identity) == ("bank", "Bank", f"identity--{UUID}")
    assert bank.groups == {"health", "finance"}
    assert (bank.relays, bank.suspended, bank.listed) == (True, True, False)
    assert bank.roles == {"auditor", "coordinator"}
    assert (bank.place, bank.places["until"]) == (Place(file="config/exchange.yaml", line=6),) * 2


def test_what_a_member_promises_is_each_term_that_it_keeps() -> None:
    text = "agrees: { iep: { permitted-actions: internally-visible-actions, encrypt-in-transit: must } }"
    assert parse(member(text)).members["bank"].agrees == {
        "permitted-actions:internally-visible-actions",
        "permitted-actions:externally-visible-indirect-actions",
        "encrypt-in-transit:must",
    }
    assert parse(member("agrees: { iep: { unmodified-resale: may } }")).members["bank"].agrees == frozenset()


def test_what_acs_may_know_of_a_member_is_said_by_kind() -> None:
    text = "acs: { organizations: [USA.DHS, FIN], nationalities: USA, entity: [GOV], shareability: [EM] }"
    assert parse(member(text)).members["bank"].acs == {
        "organizations:USA.DHS", "organizations:FIN", "nationalities:USA", "entity:GOV", "shareability:EM",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agrees: { tlp: amber }", "agrees.tlp: unknown key; known are iep"),
        (
            "agrees: { iep: { encrypt: must } }",
            "agrees.iep.encrypt: unknown key; known are affected-party-notifications, ",
        ),
        ("agrees: { iep: { encrypt-in-transit: always } }", 'no "always" here; write must or may'),
        ("acs: { organizations: [usa] }", '"usa" is not the code of an organization; write it like USA.DHS'),
        ("acs: { nationalities: [ALL] }", '"ALL" is not the code of a nationality; write it like USA'),
        ("acs: { entity: [GOVT] }", 'no "GOVT" here; write MIL or GOV or '),
    ],
)
def test_a_promise_that_means_nothing_is_an_error(text: str, said: str) -> None:
    (found,) = faults(member(text))
    assert found.startswith("config/exchange.yaml:6: members.bank.")
    assert said in found


def test_a_member_that_says_only_its_name_is_an_ordinary_one() -> None:
    bank = parse(home("members: { bank: { name: Bank } }")).members["bank"]
    assert (bank.relays, bank.suspended, bank.listed) == (False, False, True)
    assert (bank.identity, bank.starts, bank.ends) == (None, None, None)
    assert bank.groups == bank.roles == frozenset()


def test_a_membership_holds_from_the_start_of_its_first_day_to_the_end_of_its_last() -> None:
    bank = parse(member("from: 1970-01-02, until: 1970-01-02")).members["bank"]
    assert (bank.starts, bank.ends) == (DAY, 2 * DAY)


def test_every_key_of_a_collection_is_read() -> None:
    text = (
        "description: |\n  One.\n  Two.\nread: everyone\nwrite: health\naccept: [green, amber]\n"
        "unmarked: refuse\nown: hidden\naudience: named\nunknown-markings: reject\n"
    )
    one = parse(box(text)).collections["box"]
    assert (one.id, one.title, one.description) == (ID, "Box", "One.\nTwo.")
    assert one.read == Rights(everyone=True, groups=frozenset())
    assert one.write == Rights(everyone=False, groups=frozenset({"health"}))
    assert (one.accept, one.unmarked) == ((Tlp.GREEN, Tlp.AMBER), None)
    assert (one.own_hidden, one.named, one.unknown_markings) == (True, True, "reject")
    assert one.places["accept"] == Place(file="collections/box.yaml", line=8)


def test_a_collection_that_gives_no_right_gives_none() -> None:
    one = parse(box("")).collections["box"]
    assert one.read == one.write == Rights(everyone=False, groups=frozenset())
    assert (one.accept, one.unmarked) == ((Tlp.CLEAR, Tlp.AMBER_STRICT), Tlp.AMBER)
    assert (one.own_hidden, one.named, one.unknown_markings) == (False, False, "reject")


def test_defaults_hold_where_a_collection_says_nothing_and_keep_their_own_line() -> None:
    main = f"{GROUPS}defaults: {{ read: [health], own: hidden, audience: named }}\n"
    one = parse(box("own: readable", main)).collections["box"]
    assert one.read.groups == {"health"}
    assert (one.own_hidden, one.named) == (False, True)
    assert one.places["read"] == Place(file="config/exchange.yaml", line=6)
    assert one.places["own"] == Place(file="collections/box.yaml", line=3)


def test_a_foreign_marking_means_what_the_administrator_says() -> None:
    ids = [f"marking-definition--{UUID[:-1]}{digit}" for digit in "123"]
    lines = "".join(f"  {key}: {word}\n" for key, word in zip(ids, ("ignore", "green", "health"), strict=True))
    assert list(parse(home(f"{GROUPS}markings:\n{lines}")).markings.items()) == [
        (ids[0], Treatment(ignore=True, tlp=None, group=None)),
        (ids[1], Treatment(ignore=False, tlp=Tlp.GREEN, group=None)),
        (ids[2], Treatment(ignore=False, tlp=None, group="health")),
    ]


def test_a_group_contains_the_members_of_the_groups_it_is_of_at_any_depth() -> None:
    main = (
        f"{GROUPS}  owners: {{ of: [health, finance], about: Owners }}\n  all: {{ of: [owners] }}\n"
        "members:\n  bank: { name: Bank, in: finance }\n  lab: { name: Lab, in: all }\n"
    )
    config = parse(home(main))
    assert config.groups_of("bank") == {"finance", "owners", "all"}
    assert config.groups_of("lab") == {"all"}


def test_a_member_that_the_files_do_not_name_is_in_no_group() -> None:
    assert parse(home(GROUPS)).groups_of("stranger") == frozenset()


def test_a_collection_is_found_by_its_id() -> None:
    config = parse(box(""))
    assert config.collection_by_id(ID) is config.collections["box"]
    assert config.collection_by_id(OTHER_ID) is None


def test_a_config_cannot_be_changed() -> None:
    config = parse(home())
    with pytest.raises(FrozenInstanceError):
        config.root = "other"  # type: ignore[misc]  # that it fails is the point


def test_the_words_that_yaml_would_guess_at_are_read_as_written() -> None:
    config = parse(home("groups: { no: On, on: 12:30, y: 2027-06-30, null: ~ }"))
    assert {group.name: group.about for group in config.groups.values()} == {
        "no": "On",
        "on": "12:30",
        "y": "2027-06-30",
        "null": "~",
    }


def test_a_table_left_empty_has_nothing_in_it() -> None:
    assert parse(home("members:\n  # none yet\ngroups: {}\n")).members == {}


# ------------------------------------------------------------------------------------- what is said of faults


def test_every_problem_of_every_file_is_said_at_once_in_the_order_of_files_and_lines() -> None:
    main = (
        f"{GROUPS}"
        "members:\n"
        "  bank: { name: Bank, in: [finence] }\n"
        "  Shop: { name: Shop, relay: true }\n"
        "defaults:\n"
        "  unmarked: white\n"
    )
    assert faults(home(main, a="title: A\n", b=f"id: {ID}\ntitle: B\nread:\n  - health\n  - bank\n")) == [
        'config/exchange.yaml:7: members.bank.in: no group "finence" (did you mean "finance"?)',
        "config/exchange.yaml:8: members.Shop: a name has a-z, 0-9 and - only, begins with a letter or "
        "digit, and is at most 40 long",
        'config/exchange.yaml:8: members.Shop.relay: unknown key (did you mean "relays"?)',
        'config/exchange.yaml:10: defaults.unmarked: TLP 2 has no "white"; write clear',
        "collections/a.yaml:1: id: is missing; write a UUIDv4; `exchange check` prints a fresh one",
        'collections/b.yaml:5: read: "bank" is a member, not a group; put it in a group and name that group',
    ]


MAIN_FAULTS = [
    ("colour: red", "3: colour: unknown key; known are defaults, exchange, groups, mail, markings, max-body, "),
    ("memberz: {}", '3: memberz: unknown key (did you mean "members"?)'),
    ("root: Share", "3: root: must be one path segment of a-z, 0-9 and -, at most 40 long"),
    ("root: taxii2", '3: root: the path "/taxii2" is taken'),
    ("root: taxii", '3: root: the path "/taxii" is taken'),
    ("url: https://example.org/taxii", '3: url: "https://example.org/taxii" is not a URL without a path'),
    ("url: https://example.org:99999", "is not a URL without a path"),
    ("max-body: 2GiB", '3: max-body: "2GiB" is not a size from 1KiB to 1GiB'),
    ("max-body: 1023", "is not a size"),
    ("max-body: [1]", "3: max-body: needs one value, not a list or a table"),
    ("exchange: Twice", "3: exchange: is here twice (first in line 1); remove one"),
    ("groups: [health]", "3: groups: needs a table"),
    ("groups: { everyone: All }", "3: groups.everyone: `everyone` has a meaning of its own"),
    ("groups: { named: Some }", "3: groups.named: `named` has a meaning of its own"),
    ("groups: { green: Some }", "3: groups.green: `green` has a meaning of its own"),
    ("groups: { a.b: Some }", "3: groups.a.b: a name has a-z, 0-9 and - only"),
    ("groups: { health: }", "3: groups.health: is empty; write a text"),
    ("groups: { health: { off: [] } }", '3: groups.health.off: unknown key (did you mean "of"?)'),
    ("groups: { a: { of: [b] } }", '3: groups.a.of: no group "b"; groups are declared under `groups:`'),
    ("groups:\n  a: { of: [a] }", "4: groups.a.of: goes in a circle: a -> a; remove one of these"),
    ("members: { bank: Bank }", "3: members.bank: needs a table, like `{ name: First River Bank"),
    ("members: { bank: { in: [] } }", "3: members.bank.name: is missing; write the organisation's name"),
    ("markings: { tlp: green }", "3: markings.tlp: is not the id of a marking"),
    (f"markings: {{ marking-definition--{UUID}: grren }}", 'no group "grren"'),
    (f"markings: {{ marking-definition--{UUID}: white }}", 'TLP 2 has no "white"; write clear'),
    ("defaults: { title: Box }", "3: defaults.title: cannot have a default; write it in each collection"),
    ("defaults: { reed: everyone }", '3: defaults.reed: unknown key (did you mean "read"?)'),
    ("defaults: { moderate: [bank] }", '3: defaults.moderate: no member "bank"; members are declared under `members:`'),
]


@pytest.mark.parametrize(("text", "expected"), MAIN_FAULTS)
def test_a_fault_of_the_main_file_is_said_with_its_line_and_the_mend(text: str, expected: str) -> None:
    (said,) = faults(home(text))
    assert said.startswith("config/exchange.yaml:")
    assert expected in said


MEMBER_FAULTS = [
    ("relays: yes", 'relays: write true or false, not "yes"'),
    ("listed: False", 'listed: write true or false, not "False"'),
    ("suspended: ", 'suspended: write true or false, not ""'),
    ("until: 30.6.2027", 'until: "30.6.2027" is not a date; write it like 2027-06-30'),
    ("until: 2027-06-31", 'until: "2027-06-31" is no day (day is out of range for month)'),
    ("from: 2027-W01-1", 'from: "2027-W01-1" is not a date'),
    ("from: 2027-06-30, until: 2027-06-29", "until: is before `from`"),
    ("identity: Bank", 'identity: "Bank" is not the id of a STIX identity; write identity--UUID'),
    (
        "roles: [coordinater]",
        'roles: no "coordinater" here (did you mean "coordinator"?); write coordinator or',
    ),
    ("approve-own: two", 'approve-own: no "two" here; write 1 or 2'),
    ("in: everyone", "in: every member is in `everyone` already; remove it"),
    ("in: { health: true }", "in: needs a word or a list of words"),
    ("in: [[health]]", "in: needs a word or a list of words"),
    ("in: ", "in: needs a word or a list of words"),
    ('name: ""', "is here twice"),
]


@pytest.mark.parametrize(("keys", "expected"), MEMBER_FAULTS)
def test_a_fault_of_a_member_is_said_with_its_line_and_the_mend(keys: str, expected: str) -> None:
    (said,) = faults(member(keys))
    assert said.startswith("config/exchange.yaml:6: members.bank.")
    assert expected in said


COLLECTION_FAULTS = [
    ("write: [health, finence]", '3: write: no group "finence" (did you mean "finance"?)'),
    (
        "read: [everyone, health]",
        "3: read: `everyone` includes every group; write it alone, or only the groups",
    ),
    ("read: named", "3: read: `named` is not a group; write `audience: named`"),
    ("accept: red", "3: accept: needs the lowest and the highest TLP"),
    ("accept: [clear, green, red]", "3: accept: needs the lowest and the highest TLP"),
    ("accept: [red, clear]", "3: accept: the lowest comes first; write [clear, red]"),
    ("accept: [WHITE, red]", '3: accept: TLP 2 has no "WHITE"; write clear'),
    ("accept: [clear, AMBER]", '3: accept: no TLP "AMBER" (did you mean "amber"?)'),
    ("accept: [clear, 4]", '3: accept: no TLP "4"; write clear, green, amber, amber+strict or red'),
    (
        "accept: [red, red]",
        "3: unmarked: amber (by default) is not within accept [red, red]; write `unmarked: red`",
    ),
    (
        "unmarked: red",
        "3: unmarked: red is not within accept [clear, amber+strict]; write `unmarked: amber+strict`",
    ),
    ("unmarked: none", '3: unmarked: no TLP "none"'),
    ("own: hiden", '3: own: no "hiden" here (did you mean "hidden"?); write hidden or readable'),
    ("audience: all", '3: audience: no "all" here'),
    ("unknown-markings: allow", '3: unknown-markings: no "allow" here; write reject or quarantine'),
    ("personal-data: refuse", '3: personal-data: no "refuse" here; write reject or quarantine or allow'),
    ('description: "a\\0b"', "3: description: must have no control characters"),
    ("acept: [clear, red]", '3: acept: unknown key (did you mean "accept"?)'),
]


@pytest.mark.parametrize(("rules", "expected"), COLLECTION_FAULTS)
def test_a_fault_of_a_collection_is_said_with_its_line_and_the_mend(rules: str, expected: str) -> None:
    (said,) = faults(box(rules))
    assert said.startswith("collections/box.yaml:")
    assert expected in said


REVIEWERS = (
    "groups: { federal: Agencies, health: Hospitals }\nmembers:\n  bank: { name: Bank, in: [health], approve-own: 2 }\n"
    "  cyber: { name: Cyber, in: [federal], roles: [coordinator] }\ndefaults: { read: federal, write: health }\n"
)
MODERATE_FAULTS = [
    ("moderate: [cybr]", '3: moderate: no member "cybr" (did you mean "cyber"?)'),
    ("moderate: bank", '3: moderate: "bank" is no coordinator; write `roles: [coordinator]` at members.bank'),
    ("moderate: [{ cyber: true }]", "3: moderate: needs a word or a list of words"),
]


@pytest.mark.parametrize(("rules", "expected"), MODERATE_FAULTS)
def test_a_fault_of_who_reviews_is_said_with_its_line_and_the_mend(rules: str, expected: str) -> None:
    (said,) = faults(box(rules, REVIEWERS))
    assert said.startswith("collections/box.yaml:")
    assert expected in said


def test_who_reviews_and_what_is_held_is_said_by_each_collection_or_by_default() -> None:
    files = home(
        f"{REVIEWERS}".replace("write: health }", "write: health, moderate: cyber, personal-data: reject }"),
        box=f"{BOX}moderate: []\npersonal-data: quarantine\nunknown-markings: quarantine\n",
        other=f"id: {OTHER_ID}\ntitle: Other\n",
    )
    config = parse(files)
    box_, other = config.collections["box"], config.collections["other"]
    assert (box_.moderate, box_.personal_data, box_.unknown_markings) == (frozenset(), "quarantine", "quarantine")
    assert (other.moderate, other.personal_data, other.unknown_markings) == (frozenset({"cyber"}), "reject", "reject")
    assert [name for name, member in config.members.items() if member.two_persons] == ["bank"]
    assert suspicions(config) == ()


def test_who_is_not_let_read_reviews_nothing_and_check_says_so() -> None:
    (only,) = suspicions(parse(box("moderate: cyber\nread: health", REVIEWERS)))
    assert str(only) == (
        "collections/box.yaml:3: moderate: cyber reviews nothing here: this collection does not let it read"
    )


@pytest.mark.parametrize("title", ["Level 2.1", "Reports, daily", '""', '"a\\nb"'])
def test_a_title_that_a_client_could_not_name_is_refused(title: str) -> None:
    (said,) = faults(home(box=f"id: {ID}\ntitle: {title}\n"))
    assert said.startswith("collections/box.yaml:2: title: ")


LATER = [
    *((key, "later") for key in ("keep", "sign-in")),
]


@pytest.mark.parametrize(("key", "stage"), LATER)
def test_a_key_of_a_later_stage_is_refused_wherever_it_stands(key: str, stage: str) -> None:
    said = f"`{key}` is not supported yet (stage {stage}); remove it"
    assert faults(home(f"{key}: named")) == [f"config/exchange.yaml:3: {key}: {said}"]
    assert faults(member(f"{key}: named")) == [f"config/exchange.yaml:6: members.bank.{key}: {said}"]
    assert faults(box(f"{key}: named")) == [f"collections/box.yaml:3: {key}: {said}"]
    assert faults(home(f"defaults: {{ {key}: named }}")) == [f"config/exchange.yaml:3: defaults.{key}: {said}"]


def test_credit_says_under_whose_name_a_member_publishes() -> None:
    def read(says: str) -> tuple[Credit, tuple[str, ...]]:
        found = parse(home(f"groups: {{ federal: Agencies }}\nmembers:\n  bank: {{ name: Bank, {says} }}"))
        return found.members["bank"].credit, found.members["bank"].sites

    assert read("in: []") == read("credit: named") == (Credit(), ())
    assert read("credit: anonymous") == (Credit(anonymous=True), ())
    shown = Credit(anonymous=True, shown_to="federal")
    assert read("credit: { shown-to: federal }, sites: [bank.example]") == (shown, ("bank.example",))


def test_of_two_credits_the_one_that_hides_more_holds() -> None:
    named, anonymous = Credit(), Credit(anonymous=True)
    shown, other = Credit(anonymous=True, shown_to="a"), Credit(anonymous=True, shown_to="b")
    assert named | named == named
    assert named | shown == shown | shown == shown
    assert named | anonymous == shown | anonymous == anonymous | shown == shown | other == anonymous


def test_every_key_about_anonymity_is_read() -> None:
    text = "defaults: { anonymous-tick: 90s, credit: anonymous, pseudonym: true }"
    plain, own = f"id: {ID}\ntitle: Box", f"id: {OTHER_ID}\ntitle: Other\ncredit: named\npseudonym: false"
    found = parse(home(text, box=plain, other=own))
    assert found.anonymous_tick == 90_000_000
    assert [(c.credit.anonymous, c.pseudonym) for c in found.collections.values()] == [(True, True), (False, False)]
    assert parse(home("")).anonymous_tick == 60_000_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (box("anonymous-tick: 60s"), "anonymous-tick: is one for all collections; write it under `defaults`"),
        (home("defaults: { anonymous-tick: 0s }"), "anonymous-tick: must be at least 1s"),
        (member("credit: { shown-to: bnk }"), 'members.bank.credit.shown-to: no group "bnk"'),
        (member("credit: {}"), "members.bank.credit.shown-to: is missing; write the group"),
        (member("credit: { shown-to: everyone }"), "every member is in `everyone` already"),
        (member("sites: [bank]"), 'members.bank.sites: "bank" is not the host of a site'),
    ],
)
def test_a_fault_about_anonymity_is_said_with_the_mend(given: dict[str, str], expected: str) -> None:
    (said,) = faults(given)
    assert expected in said


def test_each_of_the_nine_tlp_markings_keeps_its_meaning() -> None:
    uuids = """
        613f2e26-407d-48c7-9eca-b8e91df99dc9 34098fce-860f-48ae-8e50-ebd3cc5e41da
        f88d31f6-486f-44da-b317-01333bde0b82 5e57c739-391a-4eb3-b6be-7d15ca92d5ed
        94868c89-83c2-464b-929b-a1a8aa3c8487 bab4a63c-aed9-4cf5-a766-dfca5abac2bb
        55d920b0-5e8b-4f79-9ee9-91f868d9b421 939a9414-2ddd-4d32-a0cd-375ea402b003
        e828b379-4e03-4974-9ac4-e53a884c97c1
    """
    said = faults(home("markings:\n" + "".join(f"  marking-definition--{uuid}: ignore\n" for uuid in uuids.split())))
    assert [line.rpartition(": ")[2] for line in said] == ["is a TLP marking, whose meaning is fixed; remove it"] * 9


def test_every_circle_of_groups_is_named_once() -> None:
    main = "groups:\n  a: { of: [c] }\n  b: { of: [a] }\n  c: { of: [b] }\n  d: { of: [e, a] }\n  e: { of: [d] }\n"
    assert faults(home(main)) == [
        "config/exchange.yaml:4: groups.a.of: goes in a circle: a -> c -> b -> a; remove one of these",
        "config/exchange.yaml:7: groups.d.of: goes in a circle: d -> e -> d; remove one of these",
    ]


def test_two_members_cannot_have_one_identity() -> None:
    stanza = f"{{ name: X, identity: identity--{UUID} }}"
    assert faults(home(f"members:\n  bank: {stanza}\n  shop: {stanza}\n")) == [
        "config/exchange.yaml:5: members.shop.identity: is the identity of bank already; each member has its own"
    ]


def test_a_missing_or_wrong_collection_id_is_answered_with_a_fresh_one() -> None:
    uuid_of_version_5 = "7c9b7d52-0f0e-5a63-9d31-8a54a4f3d6c1"
    assert faults(home(a="title: A\n", b=f"title: B\nid: {uuid_of_version_5}\n"), lambda: OTHER_ID) == [
        f"collections/a.yaml:1: id: is missing; write `id: {OTHER_ID}`",
        f'collections/b.yaml:2: id: "{uuid_of_version_5}" is not a UUIDv4 in lower case; write `id: {OTHER_ID}`',
    ]


def test_an_id_or_title_that_two_collections_share_is_said_with_the_other_place() -> None:
    assert faults(home(a=BOX, b=f"# two\n{BOX}")) == [
        f'collections/b.yaml:2: id: "{ID}" is the id in collections/a.yaml:1 already; each collection has its own',
        'collections/b.yaml:3: title: "Box" is the title in collections/a.yaml:2 already; each collection has its own',
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("policy", "`policy` is the exchange's own collection"),
        ("Box", "is the collection's"),
        (ID, "and no UUID"),
    ],
)
def test_a_collection_file_with_a_name_that_cannot_be_an_alias_is_refused(name: str, expected: str) -> None:
    (said,) = faults(home(**{name: BOX}))
    assert said.startswith(f"collections/{name}.yaml:1: ")
    assert expected in said


def test_files_without_the_main_one_are_no_home() -> None:
    assert faults({"collections/box.yaml": BOX}) == [
        "config/exchange.yaml:1: is missing; `exchange init DIR` writes an example"
    ]


def test_a_file_that_no_home_has_is_refused() -> None:
    (said,) = faults(home() | {"notes.yaml": "a: b"})
    assert said == "notes.yaml:1: is not a file of a home; write config/exchange.yaml or collections/NAME.yaml"


# -------------------------------------------------------------------------------------------- YAML as such


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "is empty"),
        ("# nothing\n", 1, "is empty"),
        ("- a\n- b\n", 1, "needs lines like `key: value`"),
        (
            "a: b\nc: [d\n\n",
            3,
            "broken YAML: did not find expected ',' or ']' while parsing a flow sequence of line 2",
        ),
        ("a: b\n\tc: d\n", 2, "broken YAML: "),
        ("a: ü\nb: \x01\n", 2, "broken YAML: control characters are not allowed"),
        ("a: b\nc: \ud800\n", 2, "broken YAML: half of a surrogate pair"),
        ("a: " + "[" * 20 + "]" * 20, 1, "nested deeper than 16"),
        ("a: " + "[" * 10_000, 1, "broken YAML: exceeded maximum nesting depth"),
        ("- " * 10_000 + "a", 1, "nested deeper than 16"),
    ],
)
def test_a_file_that_is_no_table_of_yaml_is_refused_with_its_line(text: str, line: int, expected: str) -> None:
    (said,) = faults(home() | {"collections/box.yaml": text})
    assert said.startswith(f"collections/box.yaml:{line}: {expected}")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("read: &all everyone", "3: read: `&all`: anchors are not used here; remove it"),
        ("own: !!str hidden", "3: own: `tag:yaml.org,2002:str`: tags are not used here; remove it"),
        ("own: readable\nown: hidden", "4: own: is here twice (first in line 3); remove one"),
        ("? [a]\n: b", "3: a key must be one word"),
        ("--- \na: b", "3: a second document (`---`) begins; make it a file"),
    ],
)
def test_what_yaml_can_say_and_a_home_does_not_need_is_refused(rules: str, expected: str) -> None:
    assert faults(box(rules)) == [f"collections/box.yaml:{expected}"]


def test_aliases_are_refused_also_one_that_holds_itself() -> None:
    said = faults(box("read: &x [*x]\nwrite: *x"))
    assert said == [
        "collections/box.yaml:3: read: `&x`: anchors are not used here; remove it",
        "collections/box.yaml:3: read: `*x`: aliases are not used here; write the value out",
        "collections/box.yaml:4: write: `*x`: aliases are not used here; write the value out",
    ]


def test_a_main_file_that_cannot_be_read_brings_no_false_problems_of_its_names() -> None:
    files = {"config/exchange.yaml": "a: [", "collections/box.yaml": BOX + "read: health\nacept: []\n"}
    assert faults(files) == [
        "config/exchange.yaml:1: broken YAML: did not find expected node content",
        'collections/box.yaml:4: acept: unknown key (did you mean "accept"?)',
    ]


# -------------------------------------------------------------------------------------------- from the disk


def test_a_home_is_read_as_its_main_file_and_its_collections_by_name(tmp_path: Path) -> None:
    files = home(GROUPS, b=BOX, a="title: A\n")
    for name, text in (files | {"collections/.#b.yaml": "", "collections/README": ""}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(read_home(tmp_path)) == ["config/exchange.yaml", "collections/a.yaml", "collections/b.yaml"]
    assert read_home(tmp_path) == files


def test_a_folder_that_is_no_home_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config/exchange\.yaml:1: is missing; `exchange init DIR` writes"):
        read_home(tmp_path)


def test_what_cannot_be_read_of_a_home_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "exchange.yaml").write_bytes(b"exchange: A\noperator: B\xff\n")
    (tmp_path / "collections" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "collections" / "old.yml").touch()
    with pytest.raises(ConfigError) as caught:
        read_home(tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        "config/exchange.yaml:2: is not UTF-8; save the file as UTF-8",
        "collections/folder.yaml:1: cannot be read: Is a directory",
        "collections/old.yml:1: is not read; call it collections/old.yaml",
    ]


# ------------------------------------------------------------------------------------------ suspicions, forms


def test_check_remarks_on_what_is_allowed_and_looks_like_a_mistake() -> None:
    main = (
        "groups:\n  unused: A\n  empty: B\n  gone: C\n"
        "members:\n  alone: { name: Alone }\n  away: { name: Away, in: gone, suspended: true }\n"
    )
    config = parse(home(main, box=f"{BOX}write: [empty, gone]\n"))
    assert [str(problem) for problem in suspicions(config)] == [
        "config/exchange.yaml:4: groups.unused: is used nowhere: no member, collection, group or marking names it",
        "config/exchange.yaml:5: groups.empty: has no member",
        "config/exchange.yaml:6: groups.gone: has no member",
        "config/exchange.yaml:8: members.alone: is in no group; it reads and writes only what is open to everyone",
        "collections/box.yaml:1: read: no member can read this collection",
        "collections/box.yaml:3: write: no member can write this collection",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"), [("0d", 0), ("90s", 90), ("15m", 900), ("36h", 129_600), ("14d", 1_209_600)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert duration(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "14", "d", "1.5h", "-1d", "1 d", "1w", "1D", "٣d", "36526d", "9" * 30 + "s"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 90s, 15m, 36h or 14d"):
        duration(text)


def test_ten_thousand_members_are_read_each_with_its_line() -> None:
    stanzas = (f"  m{number}: {{ name: Member {number}, in: [health, finance] }}\n" for number in range(10_000))
    files = home(f"{GROUPS}members:\n{''.join(stanzas)}")
    members = parse(files).members
    assert len(members) == 10_000
    assert members["m9999"].place.line - members["m0"].place.line == 9_999


# --------------------------------------------------------------------------------------------- whatever comes

WORDS = st.sampled_from(
    "exchange operator root url max-body groups members defaults markings name in of about relays from until "
    "identity roles listed read write accept unmarked own audience id title everyone named health clear red "
    f"refuse hidden true 2027-06-30 50MiB [ ] {{ }} [clear,red] &a *a !t - ? | > ' \" # --- ... %YAML "
    f"<< ~ {ID} identity--{UUID} marking-definition--{UUID}".split()
)
GLUE = st.sampled_from([": ", ":\n  ", "\n", "\n  ", "\n    ", ", ", " "])
YAMLISH = st.lists(st.tuples(WORDS, GLUE), max_size=30).map(lambda parts: "".join(word + glue for word, glue in parts))
ANYTHING = st.text(max_size=60) | YAMLISH | YAMLISH.map(HEAD.__add__) | YAMLISH.map((HEAD + GROUPS).__add__)


def outcome(files: dict[str, str]) -> tuple[Config | None, tuple[Problem, ...]]:
    try:
        return parse(files), ()
    except ConfigError as err:
        return None, err.problems


@given(main=ANYTHING, box=ANYTHING | YAMLISH.map(BOX.__add__))
def test_whatever_is_in_the_files_parse_gives_a_config_or_problems_with_places(main: str, box: str) -> None:
    files = {"config/exchange.yaml": main, "collections/box.yaml": box}
    config, problems = outcome(files)
    assert (config is None) == bool(problems)
    assert all(problem.place.line >= 1 and problem.place.file in files for problem in problems)


@given(box=YAMLISH.map(BOX.__add__), main=YAMLISH.map((HEAD + GROUPS).__add__))
def test_whatever_parses_can_also_be_checked(main: str, box: str) -> None:
    config, _ = outcome({"config/exchange.yaml": main, "collections/box.yaml": box})
    if config is not None:
        assert all(str(remark).startswith(("config/", "collections/")) for remark in suspicions(config))


def test_a_collection_may_name_another_one_that_takes_the_answers() -> None:
    made = home(GROUPS, box=f"id: {ID}\ntitle: Box\nresponses: replies\n", replies=f"id: {OTHER_ID}\ntitle: Replies\n")
    assert parse(made).collections["box"].responses == "replies"
    assert faults(made | {"collections/box.yaml": f"id: {ID}\ntitle: Box\nresponses: replys\n"}) == [
        'collections/box.yaml:3: responses: no collection "replys" (did you mean "replies"?)'
    ]
    assert faults(made | {"collections/box.yaml": f"id: {ID}\ntitle: Box\nresponses: box\n"}) == [
        "collections/box.yaml:3: responses: is this collection: responses may come here anyway; remove it"
    ]


def test_a_box_that_hides_answers_from_those_who_publish_is_suspicious() -> None:
    rules = "write: everyone\nread: everyone"
    made = home(
        f"{GROUPS}\nmembers: {{ bank: {{ name: Bank, in: [health] }} }}",
        box=f"id: {ID}\ntitle: Box\n{rules}\nresponses: replies\n",
        replies=f"id: {OTHER_ID}\ntitle: Replies\nwrite: everyone\nread: health\nown: hidden\n",
    )
    said = [str(one) for one in suspicions(parse(made))]
    assert (
        "collections/box.yaml:5: responses: replies is `own: hidden`: some who publish here cannot read what it takes"
        in said
    )
