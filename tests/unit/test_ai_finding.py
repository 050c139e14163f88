"""The extension "AI finding": what is made of findings keeps to its schema, and what breaks it stays out."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import orjson
import pytest
import stix2
from hypothesis import given
from stix2validator import ValidationOptions, validate_instance

from exchange import stix, stixextension
from exchange.findings import extension
from exchange.findings.finding import Finding
from exchange.findings.making import make
from tests.unit.findingdrawing import STATED, Stated, finding, how

KEY = stix.AI_FINDING
SCHEMA = json.loads(stixextension.schema_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
PAGE = Path(__file__).parents[2] / "docs" / "ai-finding.md"
NOW = stix.parse_timestamp("2026-12-01T00:00:00.000Z")
LEAST = {
    "extension_type": "property-extension",
    "kind": "indicator",
    "found_by": [{"kind": "human", "name": "A. Tester"}],
    "verification": {"state": "triaged"},
}


def object_with(content: Any, stix_type: str = "vulnerability") -> dict[str, Any]:
    """An object of a member's own making that has the extension."""
    return {
        "type": stix_type, "spec_version": "2.1", "id": f"{stix_type}--0f2c4d2e-5a0b-4f5e-9c1d-2b7a6e8f9a01",
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "name": "x",
        "extensions": {KEY: content},
    }  # fmt: skip


@given(STATED)
def test_what_is_made_of_a_finding_keeps_to_the_schema(stated: Stated) -> None:
    VALIDATOR.validate(extension.content(finding(stated)))


def test_the_words_of_the_schema_are_those_of_findings() -> None:
    theirs = msgspec.json.schema(Finding)["$defs"]
    pairs = [("FoundBy", "found_by"), ("Verification", "verification"), ("Programme", "programme")]
    pairs += [("AiContent", "ai_content"), ("Event", "event"), ("Range", "range"), ("Model", "model")]
    for theirs_name, ours_name in pairs:
        ours = SCHEMA["$defs"][ours_name]
        assert set(theirs[theirs_name]["properties"]) == set(ours["properties"]), ours_name
        for name, part in ours["properties"].items():
            assert sorted(part.get("enum", [])) == sorted(_words(theirs[theirs_name]["properties"][name])), name
    assert set(theirs["Affected"]["properties"]) - {"asset"} == set(SCHEMA["$defs"]["affected"]["properties"])
    assert sorted(theirs["Finding"]["properties"]["kind"]["enum"]) == sorted(SCHEMA["properties"]["kind"]["enum"])


def _words(schema: dict[str, Any]) -> list[str]:
    return [word for part in (schema, *schema.get("anyOf", ())) for word in part.get("enum", ())]


@pytest.mark.parametrize("stix_type", ["vulnerability", "indicator", "incident"])
def test_an_object_of_anybody_may_have_it(stix_type: str) -> None:
    obj = object_with(LEAST, stix_type)
    if stix_type == "indicator":
        obj |= {"pattern": "x", "pattern_type": "yara", "valid_from": obj["created"]}
    assert stix.faults(obj, now=NOW) == ()


@pytest.mark.parametrize(
    ("broken", "path", "message"),
    [
        ({"kind": "bug"}, "/kind", "must be one of software-vulnerability, network-weakness, "),
        ({"found_by": []}, "/found_by", "an empty list is not allowed"),
        ({"found_by": [{"name": "x"}]}, "/found_by/0/kind", "is missing: add it"),
        ({"found_by": [{"kind": "tool", "name": "x", "nmae": "y"}]}, "/found_by/0/nmae", '(did you mean "name"?)'),
        ({"cvss": [{"version": "3.1", "vector": "9.8", "score": 9.8, "severity": "high"}]}, "/cvss/0/vector",
         "is no CVSS vector"),
        ({"cvss": [{"version": "3.1", "vector": "CVSS:3.1/AV:N", "score": 11, "severity": "high"}]}, "/cvss/0/score",
         "is too large: it is at most 10"),
        ({"affected": [{"vendor": "acme"}]}, "/affected/0", "needs at least one of purl, cpe, product, model: add one"),
        ({"affected": [{"purl": "npm/x"}]}, "/affected/0/purl", "is no package URL"),
        ({"affected": [{"product": "x", "asset": {"host": "h"}}]}, "/affected/0/asset", "is not known here"),
        ({"due": "tomorrow"}, "/due", "is no time in UTC"),
        ({"verification": "sure"}, "/verification", "must be an object, not text"),
        ({"extension_type": "new-sdo"}, "/extension_type", "must be property-extension"),
    ],
)  # fmt: skip
def test_what_breaks_it_is_refused_with_its_place_and_the_mend(broken: Stated, path: str, message: str) -> None:
    (fault,) = stix.faults(object_with(LEAST | broken), now=NOW)
    assert fault.path == f"/extensions/{KEY}{path}"
    assert message in fault.message


def test_it_is_for_three_types() -> None:
    (fault,) = stix.faults(object_with(LEAST, "campaign"), now=NOW)
    assert (fault.path, fault.message) == (
        f"/extensions/{KEY}",
        "the extension AI finding is for vulnerability, indicator and incident: leave it out",
    )


def test_the_definition_is_stix_and_has_the_schema_in_it() -> None:
    bundle = orjson.loads(stixextension.definition_bundle())
    assert stixextension.definition_bundle() == stixextension.definition_bundle()
    stix2.parse(bundle, allow_custom=False)
    author, definition = bundle["objects"]
    assert (definition["id"], definition["created_by_ref"]) == (KEY, author["id"])
    assert json.loads(definition["schema"]) == SCHEMA
    for obj in bundle["objects"]:
        assert stix.faults(obj, now=NOW) == ()
        assert not validate_instance(obj, ValidationOptions(version="2.1")).errors


def test_the_examples_of_its_page_are_what_is_made_and_keep_to_it() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    sent, made, *others = (json.loads(block) for block in blocks)
    (main, *_) = make(
        finding(sent), how(creator=made["created_by_ref"], created=made["created"], modified=made["modified"])
    )
    assert {**main.obj, "id": made["id"]} == made
    assert others, "the page has more examples"
    for content in others:
        VALIDATOR.validate(content)


def test_its_page_names_every_property() -> None:
    page = PAGE.read_text(encoding="utf-8")
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    assert not [name for part in parts for name in part["properties"] if f"`{name}`" not in page]
