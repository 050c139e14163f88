"""IEP and ACS beside anonymity, and what is published again: on both databases (policy.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from exchange import stix
from tests.property import casesketch
from tests.property import world as w
from tests.property.unnamed import IDENTITY, B, Unnamed, audited
from tests.property.world import campaign, note

KEEPS = {"bob": {"agrees": {"iep": {"unmodified-resale": "must-not"}}}}
X, N = w.campaign_id(1), w.note_id(1)


@pytest.fixture
def exchange(database: str) -> Iterator[Unnamed]:
    with audited(database, KEEPS) as found:
        yield found


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Unnamed]:
    with audited(f"sqlite:///{tmp_path}/exchange.db", KEEPS) as found:
        yield found


def policy(scheme: str = "iep", number: int = 1, **terms: Any) -> dict[str, Any]:
    """A definition that asks for nothing but these terms."""
    extension, asks_nothing = casesketch.SCHEMES[scheme]
    return {
        "type": "marking-definition", "spec_version": "2.1", "created": w.version_text(0), "name": "terms",
        "id": f"marking-definition--00000000-0000-4000-8000-{number:012x}",
        "extensions": {extension: {"extension_type": "property-extension", **asks_nothing, **terms}},
    }  # fmt: skip


def marked(obj: Mapping[str, Any], *definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {**obj, "object_marking_refs": [d["id"] for d in definitions]}


def after(exchange: Unnamed, ticks: int) -> str:
    return stix.format_timestamp(exchange.world.now() + ticks * exchange.seconds * w.SECOND)


def test_a_policy_begins_and_ends_when_it_says_for_everybody_but_the_publisher(exchange: Unnamed) -> None:
    terms = policy(start_date=after(exchange, 2), end_date=after(exchange, 6))
    exchange.post("alice", marked(campaign(1, text="x"), terms), note(1, [X], text="about"), terms)
    assert exchange.texts("bob") == []
    while exchange.texts("bob") == []:
        assert exchange.world.now() < stix.parse_timestamp(after(exchange, 5))
        exchange.tick()
    assert exchange.texts("bob") == ["about", "terms", "x"]
    for _ in range(6):
        exchange.tick()
    assert exchange.texts("bob") == exchange.texts("carol") == []
    assert exchange.texts("alice") == ["about", "terms", "x"]


def test_who_promises_later_gets_what_it_asks_for(exchange: Unnamed) -> None:
    terms = policy(unmodified_resale="must-not")
    exchange.post("alice", marked(campaign(1, text="x"), terms), terms)
    assert (exchange.texts("bob"), exchange.texts("carol")) == (["terms", "x"], [])
    exchange.apply({"carol": KEEPS["bob"]})
    assert (exchange.texts("bob"), exchange.texts("carol")) == ([], ["terms", "x"])


@pytest.mark.parametrize(
    "terms",
    [
        policy(provider_attribution="must-not"),
        policy("acs", policy_reference="urn:isa:policy:acs:ns:v3.0?privdefault=permit&sharedefault=permit",
               access_privilege=[{"privilege_action": "IDSRC", "privilege_scope": {"entity": ["ALL"]},
                                  "rule_effect": "deny"}]),
    ],
)  # fmt: skip
def test_a_policy_that_hides_its_publisher_makes_the_object_anonymous(light: Unnamed, terms: dict[str, Any]) -> None:
    assert light.post("alice", marked(campaign(1, text="x", created_by_ref=IDENTITY), terms), terms)[X] == (
        "others read an anonymous copy of it."
    )
    assert light.read("bob") == []
    light.tick()
    copy = light.one("bob")
    assert copy["id"] != X
    assert IDENTITY not in str(copy)
    assert terms["id"] not in str(copy)
    assert X in [o["id"] for o in light.read("alice")]


def test_an_anonymous_copy_ends_with_its_policy(light: Unnamed) -> None:
    terms = policy(provider_attribution="must-not", end_date=after(light, 4))
    light.post("alice", marked(campaign(1, text="x"), terms), terms)
    light.tick()
    assert light.texts("bob") == ["x"]
    for _ in range(4):
        light.tick()
    assert light.texts("bob") == []
    assert "x" in light.texts("alice")


def test_an_anonymous_copy_is_published_again_for_nobody_who_could_not_read_it(exchange: Unnamed) -> None:
    words = [exchange.marking("alice"), exchange.marking("alice", "group:makers"), w.TLP["amber"]]
    exchange.post("alice", campaign(1, text="x") | {"object_marking_refs": words})
    exchange.tick()
    copy = exchange.one("bob")
    assert exchange.refused("bob", copy | {"object_marking_refs": [w.TLP["clear"]]}, where=B) == {
        copy["id"]: "wider than you received it: mark it TLP:AMBER or stricter."
    }
    assert exchange.post("bob", copy, where=B) == {copy["id"]: "no wider than what you received of it from others."}
    assert exchange.texts("bob", B) == ["x"]
    assert exchange.texts("alice", B) == exchange.texts("carol", B) == [], "its publisher learns nothing of it either"


def test_a_pseudonyms_object_is_the_exchange_s(tmp_path: Path) -> None:
    found = Unnamed.of(f"sqlite:///{tmp_path}/exchange.db", {"alice": {"credit": "anonymous"}}, pseudonym="true")
    marks = [found.marking("alice", "group:makers")]
    found.post("alice", campaign(1, text="x") | {"object_marking_refs": marks}, where=B)
    found.tick()
    copy = found.one("bob", B)
    assert found.post("bob", copy) == {copy["id"]: "no wider than what you received of it from others."}
    assert found.texts("carol") == []
    found.world.close()


def test_the_operator_is_told_of_what_is_classified_and_of_nothing_in_it(
    light: Unnamed, caplog: pytest.LogCaptureFixture
) -> None:
    terms = policy("acs", control_set={"classification": "TS"})
    refused = light.refused("alice", marked(campaign(1, text="x"), terms), terms)
    assert {text.partition(",")[0] for text in refused.values()} == {"its ACS marking does not say unclassified"}
    assert refused.keys() == {X, terms["id"]}
    assert caplog.messages.count("member alice sent what ACS calls classified to a") == len(caplog.messages) > 0
    assert X not in caplog.text
    assert light.texts("alice") == []
