"""The copy of an anonymous object, and the traces that give a publisher away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from exchange import anonymous
from exchange.anonymous import Given, Publisher
from exchange.stix import AI_FINDING
from tests.property import world as w

HOUR = 3_600_000_000
AT = 1_780_272_000_000_000 + 17 * 60_000_000  # 2026-06-01 00:17
IDENTITY = "identity--11111111-1111-4111-8111-111111111111"
EXCHANGE = "identity--99999999-9999-4999-8999-999999999999"
COPY = "campaign--22222222-2222-4222-8222-222222222222"
MINE = "marking-definition--33333333-3333-4333-8333-333333333333"
BANK = Publisher(names=("First River Bank", "firstriver", "firstriver.example"), identities=frozenset({IDENTITY}))


def given(**other: Any) -> Given:
    made = {
        "id": COPY, "author": EXCHANGE, "created": anonymous.floor_hour(AT), "modified": anonymous.floor_hour(AT),
        "without": frozenset({MINE}), "renamed": {},
    }  # fmt: skip
    return Given(**{**made, **other})


def copied(obj: Mapping[str, Any], **other: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(anonymous.copy(obj, given(**other)))
    return found


def paths(obj: Mapping[str, Any], own: frozenset[str] = frozenset()) -> list[str]:
    return [fault.path for fault in anonymous.traces(obj, BANK, own.__contains__)]


# The copy -------------------------------------------------------------------------------------------------------------


def test_a_copy_has_the_exchange_s_id_author_and_times_and_says_the_same() -> None:
    obj = w.campaign(1, text="storm", created_by_ref=IDENTITY, confidence=70)
    assert copied(obj) == {
        "type": "campaign", "spec_version": "2.1", "id": COPY, "created_by_ref": EXCHANGE, "name": "storm",
        "created": "2026-06-01T00:00:00.000Z", "modified": "2026-06-01T00:00:00.000Z", "confidence": 70,
    }  # fmt: skip


def test_a_copy_has_one_form_whatever_tool_wrote_the_object() -> None:
    one = w.campaign(1, text="storm é", revoked=False, lang="en", confidence=70, first_seen="2026-05-01T10:00:00Z")
    other = json.loads('{"confidence": 7e1, "first_seen":"2026-05-01T10:00:00.000000Z", "name":"storm \\u00e9"}')
    other |= {k: one[k] for k in reversed(list(one)) if k in ("type", "spec_version", "id", "created", "modified")}
    assert anonymous.copy(one, given()) == anonymous.copy(other, given())


def test_addressing_is_left_out_and_other_markings_stay() -> None:
    granular = [
        {"marking_ref": MINE, "selectors": ["name"]},
        {"marking_ref": w.TLP["red"], "selectors": ["name"]},
        {"lang": "fr", "selectors": ["name"]},
    ]
    obj = w.campaign(1, text="x", marks=[MINE, w.TLP["amber"]], granular_markings=granular)
    assert copied(obj)["object_marking_refs"] == [w.TLP["amber"]]
    assert copied(obj)["granular_markings"] == granular[1:]
    assert not {"object_marking_refs", "granular_markings"} & copied(w.campaign(1, text="x", marks=[MINE])).keys()


def test_references_lead_to_copies_at_any_depth_and_markings_do_not() -> None:
    obj = w.note(1, [w.campaign_id(1), w.campaign_id(2)], text="x", marks=[w.TLP["amber"]])
    obj["extensions"] = {"x": {"deep_refs": [w.campaign_id(1)]}}
    made = copied(obj, renamed={w.campaign_id(1): COPY, w.TLP["amber"]: "nothing"})
    assert made["object_refs"] == [COPY, w.campaign_id(2)]
    assert made["extensions"] == {"x": {"deep_refs": [COPY]}}
    assert made["object_marking_refs"] == [w.TLP["amber"]]


def test_an_observable_gets_no_author_and_no_times_and_may_keep_its_id() -> None:
    address = {k: v for k, v in w.address("192.0.2.1", text="x").items() if k not in ("x_text", "spec_version")}
    assert copied(address, id=address["id"]) == {**address, "spec_version": "2.1"}
    assert anonymous.keeps_id(address["id"])
    assert not anonymous.keeps_id("process--22222222-2222-4222-8222-222222222222")
    assert not anonymous.keeps_id("indicator--22222222-2222-5222-8222-222222222222")


def test_a_time_that_is_the_moment_of_writing_is_cut_to_its_hour_and_others_stay() -> None:
    moment = "2026-05-31T23:59:58.123Z"
    pattern = {"pattern": "[a:b = 1]", "pattern_type": "stix", "valid_until": moment}
    obj = {"type": "indicator", "created": moment, "modified": moment, "valid_from": moment, **pattern}
    made = copied(obj)
    assert (made["valid_from"], made["valid_until"]) == ("2026-05-31T23:00:00.000Z", moment)
    assert copied({**obj, "valid_from": "2026-05-30T01:02:03.5Z"})["valid_from"] == "2026-05-30T01:02:03.500Z"


def test_a_translation_does_not_tell_when_its_object_was_written() -> None:
    obj = {"type": "language-content", "object_ref": w.campaign_id(1), "object_modified": w.version_text(1)}
    assert "object_modified" not in copied({**obj, "contents": {"de": {"name": "Sturm"}}})


def test_versions_of_a_copy_rise_by_the_hour_of_receipt_or_by_a_millisecond() -> None:
    first = anonymous.next_version(AT, None)
    assert first == anonymous.floor_hour(AT) == AT - 17 * 60_000_000
    assert anonymous.next_version(AT + 1, first) == first + 1_000
    assert anonymous.next_version(AT + HOUR, first) == first + HOUR


# Traces ---------------------------------------------------------------------------------------------------------------


def test_an_object_without_traces_has_none() -> None:
    obj = w.campaign(1, text="a bank by the first river", created_by_ref=IDENTITY, description="a riverbank")
    assert paths(obj) == []


@pytest.mark.parametrize(
    ("properties", "path"),
    [
        ({"content": "seen by First-River  BANK."}, "/content"),
        ({"content": "seen by ﬁrst river bank"}, "/content"),
        ({"labels": ["ok", "firstriver"]}, "/labels/1"),
        ({"external_references": [{"source_name": "First River Bank"}]}, "/external_references/0/source_name"),
        (
            {"external_references": [{"source_name": "x", "url": "https://www.firstriver.example/1"}]},
            "/external_references/0/url",
        ),
        ({"x_ticket": "7"}, "/x_ticket"),
        ({"ticket": "7"}, "/ticket"),
        (
            {"external_references": [{"source_name": "x", "description": "y", "ticket": 1}]},
            "/external_references/0/ticket",
        ),
        ({"extensions": {f"extension-definition--{IDENTITY[10:]}": {"x": 1}}}, None),
        ({"content": f"see {w.campaign_id(7)}"}, "/content"),
        ({"authors": ["Somebody"]}, "/authors"),
    ],
)
def test_a_trace_is_found_at_its_path(properties: dict[str, Any], path: str | None) -> None:
    obj = {**w.note(1, [w.campaign_id(1)], text="x"), **properties}
    wanted = path or f"/extensions/extension-definition--{IDENTITY[10:]}"
    assert paths(obj, frozenset({w.campaign_id(7)})) == [wanted]


def test_an_identity_of_its_own_is_a_trace_wherever_it_is_referred_to_but_as_author() -> None:
    obj = w.note(1, [w.campaign_id(1), IDENTITY], text="x", created_by_ref=IDENTITY)
    assert paths(obj) == ["/object_refs/1"]
    assert paths({"type": "identity", "id": IDENTITY, "name": "x"}) == ["/id"]


@pytest.mark.parametrize("kind", ["marking-definition", "extension-definition"])
def test_a_definition_cannot_be_anonymous(kind: str) -> None:
    assert "/type" in paths({"type": kind, "id": f"{kind}--{IDENTITY[10:]}", "name": "x"})


def test_an_id_that_only_its_publisher_knows_is_a_trace_in_any_text() -> None:
    obj = w.campaign(1, text="x", description=f"ticket {w.campaign_id(7)[10:].upper()}")
    assert paths(obj, frozenset({w.campaign_id(7)[10:]})) == ["/description"]
    assert paths(obj) == []


def test_a_name_of_two_letters_is_not_looked_for() -> None:
    publisher = Publisher(names=("It",), identities=frozenset())
    assert anonymous.traces(w.campaign(1, text="it is"), publisher, frozenset[str]().__contains__) == ()


def test_the_extension_of_findings_is_of_no_one_publisher_but_what_is_in_it_may_be() -> None:
    content = {"found_by": [{"kind": "ai-system", "name": "a model"}, {"kind": "human", "name": "First River Bank"}]}
    obj = {**w.campaign(1, text="x"), "type": "vulnerability", "extensions": {AI_FINDING: content}}
    assert paths(obj) == [f"/extensions/{AI_FINDING}/found_by/1/name"]
