"""`GET /api/v1/access`: what a member may do, and of others nothing but the names that it may use (policy.md 3.10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from exchange import store
from exchange.markings import TLP_IDS
from tests.protocol.apisite import COLLECTIONS, MAIN, MEMBERS, Asker, Site, site
from tests.protocol.served import BUILT_IN_AMBER, BUILT_IN_GREEN, collection_id, indicator

AMBER_STRICT = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
YEAR_3000 = 32_503_680_000_000_000
KEYS: list[dict[str, Any]] = [
    {},
    {"scope": ("read",)},
    {"scope": ("write",)},
    {"collections": [collection_id(3)]},
    {"collections": []},
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("access")) as found:
        yield found


def _collections(asker: Asker) -> dict[str, dict[str, Any]]:
    return {one["alias"]: one for one in asker.told("access")["collections"]}


def _words(told: dict[str, Any]) -> dict[str, str]:
    """As the `policy` collection says them."""
    named = [(f"group:{g['name']}", g["marking"]) for g in told["groups"]]
    named += [(f"member:{m['name']}", m["marking"]) for m in told["members"]]
    return dict(named + [(w["name"], w["marking"]) for w in told["words"]])


def test_a_member_hears_who_it_is(here: Site) -> None:
    other = {"name": "other", "title": "Another Maker", "relays": True, "credit": "named", "agrees": [], "acs": []}
    assert here.asker("other").told("access")["member"] == other
    assert here.asker("maker").told("access")["member"]["relays"] is False


def test_a_collection_is_told_with_its_rules(here: Site) -> None:
    rules = _collections(here.asker("maker"))
    assert rules["post"] == {
        "id": collection_id(4), "alias": "post", "title": "Collection post", "can_read": True, "can_write": True,
        "only_own": True, "own_hidden": False, "accept": {"lowest": "green", "highest": "amber+strict"},
        "unmarked": "refuse", "audience_named": False, "anonymous": False, "release": None, "release_at_least": None,
    }  # fmt: skip
    hidden = ("can_read", "can_write", "only_own", "own_hidden", "unmarked")
    assert [rules["drop"][name] for name in hidden] == [False, True, False, True, "amber"]
    assert [rules["open"][name] for name in hidden] == [True, True, False, False, "green"]
    assert rules["named"]["audience_named"] is True


@pytest.mark.parametrize("options", KEYS, ids=str)
@pytest.mark.parametrize("member", ["maker", "reader"])
def test_it_lists_what_taxii_lists_with_the_same_rights(here: Site, member: str, options: dict[str, Any]) -> None:
    asker = here.asker(member, **options)
    shared = ("id", "alias", "title", "can_read", "can_write")
    taxii = json.loads(asker.ask("/exchange/collections/").data)["collections"]
    told = asker.told("access")["collections"]
    assert [[one[name] for name in shared] for one in told] == [
        [one[name] for name in shared] for one in taxii if one["alias"] != "policy"
    ]


def test_what_is_not_listed_is_not_told_of(here: Site) -> None:
    asker = here.asker("maker", collections=[collection_id(0), collection_id(3)])
    found = asker.ask("/api/v1/access")
    assert collection_id(0) not in found.text
    assert "closed" not in found.text
    assert json.loads(found.data)["key"]["collections"] == ["open"]


def test_the_words_are_those_of_its_policy_collection(here: Site) -> None:
    for member in ("maker", "reader", "shy"):
        asker = here.asker(member)
        objects = json.loads(asker.poll("policy").data)["objects"]
        assert _words(asker.told("access")) == {o["name"]: o["id"] for o in objects}


def test_a_member_can_be_named_exactly_where_it_says(here: Site) -> None:
    maker = here.asker("maker")
    told = maker.told("access")
    levels = {level.value: marking for marking, level in TLP_IDS.items()}
    for member in told["members"]:
        for alias, rules in _collections(maker).items():
            marked = [member["marking"], levels[rules["accept"]["highest"]]]
            status = maker.post(alias, indicator(object_marking_refs=marked))
            assert (status["success_count"] == 1) == (alias in member["collections"]), (member["name"], alias)
    assert {m["name"]: m["collections"] for m in told["members"]} == {
        "asleep": ["drop", "named", "open", "post"], "maker": ["named", "open"], "other": ["named", "open"],
        "reader": ["drop", "named", "open", "post"],
    }  # fmt: skip


def test_a_member_that_is_not_listed_is_told_to_nobody(here: Site) -> None:
    for member in ("maker", "reader", "shy"):
        found = here.asker(member).told("access")
        assert "shy" not in [m["name"] for m in found["members"]]
    assert "Hidden Member" not in here.asker("maker").ask("/api/v1/access").text


def test_who_is_in_a_group_changes_no_byte_for_others(here: Site) -> None:
    maker = here.asker("maker")
    before = maker.ask("/api/v1/access").data
    for member, groups in (("other", "[makers, club]"), ("reader", "[club, readers]"), ("asleep", "[club, readers]")):
        changed = MAIN.replace(f"{member}:", f"{member} :").splitlines()
        lines = [_into(line, groups) if line.strip().startswith(f"{member} :") else line for line in changed]
        here.apply("\n".join(lines).replace(f"{member} :", f"{member}:"))
        assert maker.ask("/api/v1/access").data == before
    here.apply(MAIN)


def _into(line: str, groups: str) -> str:
    head, _, rest = line.partition("in: [")
    return f"{head}in: {groups}{rest.partition(']')[2]}"


def test_no_deposit_changes_a_byte(here: Site) -> None:
    maker, reader = here.asker("maker"), here.asker("reader")
    before = reader.ask("/api/v1/access").data
    for alias in ("open", "drop"):
        assert maker.post(alias, indicator())["success_count"] == 1
    assert reader.ask("/api/v1/access").data == before


def test_the_levels_are_those_that_a_collection_takes_from_it(here: Site) -> None:
    told = here.asker("maker").told("access")["tlp"]
    assert [one["level"] for one in told] == ["green", "amber", "amber+strict", "red"]
    assert [one["marking"] for one in told[:3]] == [BUILT_IN_GREEN, BUILT_IN_AMBER, AMBER_STRICT]
    assert [one["level"] for one in here.asker("reader").told("access")["tlp"]] == ["clear", "green", "amber"]


def test_the_key_is_told_without_its_secret(here: Site) -> None:
    asker = here.asker("reader", scope=("read",), note="the SIEM", client="elastic", expires=YEAR_3000)
    found = asker.ask("/api/v1/access")
    assert asker.key.split("_", 2)[2] not in found.text
    assert json.loads(found.data)["key"] == {
        "id": asker.id, "note": "the SIEM", "client": "elastic", "scope": ["read"], "collections": None,
        "expires": "3000-01-01T00:00:00.000000Z",
    }  # fmt: skip


def test_a_key_to_write_hears_whom_it_may_address(here: Site) -> None:
    both, write = (here.asker("maker", scope=scope).told("access") for scope in (("read", "write"), ("write",)))
    assert write["key"]["scope"] == ["write"]
    assert [one["can_read"] for one in write["collections"]] == [False] * len(write["collections"])
    assert [write[name] for name in ("groups", "members", "words", "tlp")] == [
        both[name] for name in ("groups", "members", "words", "tlp")
    ]


def test_a_new_version_of_the_files_holds_from_the_next_request_on(here: Site) -> None:
    reader = here.asker("reader")
    here.apply(MAIN.replace("name: The Reader", "name: Renamed"))
    assert reader.told("access")["member"]["title"] == "Renamed"
    here.apply(MAIN)
    assert reader.told("access")["member"]["title"] == "The Reader"


def test_a_revoked_key_hears_nothing(here: Site) -> None:
    asker = here.asker("maker")
    with store.writing(here.exchange.engine) as conn:
        conn.execute(text("UPDATE key SET revoked = 1 WHERE id = :id"), {"id": asker.id})
    assert asker.ask("/api/v1/access").status_code == 401


def test_the_sample_knows_every_member_and_collection(here: Site) -> None:
    told = [here.asker(member).told("access") for member in MEMBERS if member != "asleep"]
    assert {c["alias"] for one in told for c in one["collections"]} == set(COLLECTIONS)
