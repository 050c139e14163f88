"""A finding in the formats of others: valid by their schemas, and saying the same once it is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given

from exchange.findings import formats
from exchange.findings.exports import csaf, openvex, osv
from exchange.findings.exports.advisory import Publisher, gather
from exchange.findings.extension import KEY
from exchange.findings.finding import Finding
from exchange.findings.making import make
from exchange.findings.reading import convert
from exchange.label import Tlp
from tests.unit.findingdrawing import STATED, how

SCHEMAS = Path(__file__).parents[3] / "shared" / "data" / "schemas"
PUBLISHER = Publisher(name="Northgate Exchange", namespace="https://exchange.example")
NOW = "2026-11-03T00:00:00Z"
FILES = {"csaf": "csaf_json_schema.json", "osv": "osv-schema.json", "openvex": "openvex_json_schema.json"}
EXPORTS: dict[str, Callable[..., dict[str, Any]]] = {"csaf": csaf.export, "osv": osv.export, "openvex": openvex.export}
FULL: dict[str, Any] = {
    "kind": "software-vulnerability",
    "title": "Heap overflow in the PNG decoder",
    "description": "A crafted image overwrites the heap.",
    "found_by": [
        {"kind": "ai-system", "name": "Bughound", "autonomy": "supervised", "provider": "ModelWorks"},
        {"kind": "human", "name": "A. Tester", "role": "verifier"},
    ],
    "affected": [
        {"purl": "pkg:pypi/pillow", "versions": ["10.1.0", "10.1.1"],
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "10.0.0"}, {"fixed": "10.2.0"}]}]},
        {"vendor": "Skyline", "product": "Viewer", "version": "3.2", "status": "not-affected",
         "justification": "vulnerable_code_not_present: built without PNG"},
        {"cpe": "cpe:2.3:a:skyline:editor:4.0:*:*:*:*:*:*:*", "status": "fixed"},
    ],
    "severity": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                 "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"],
    "cwe": ["CWE-787", "CWE-122"],
    "aliases": ["CVE-2026-12345", "GHSA-aaaa-bbbb-cccc"],
    "references": ["https://example.com/advisory"],
    "remediation": "Update to 10.2.0.",
    "workaround": "Refuse PNG.",
    "tlp": "amber",
}  # fmt: skip


def objects(finding: dict[str, Any], **other: Any) -> list[dict[str, Any]]:
    read = convert(finding)
    assert isinstance(read, Finding), read
    return [made.obj for made in make(read, how(**other))]


def exported(name: str, made: list[dict[str, Any]]) -> dict[str, Any]:
    return EXPORTS[name](made, publisher=PUBLISHER, now=NOW, document_id=made[0]["id"])


def again(name: str, document: dict[str, Any]) -> Finding:
    """What the exchange's own importer reads of it."""
    assert formats.recognise(document) == name
    (found,) = formats.findings(document)
    assert isinstance(found, Finding), found
    return found


@cache
def validator(name: str) -> Any:
    """By the format's own schema. What it says of CVSS lies elsewhere; of that, what tells 3.0 from 3.1 is here."""
    file = SCHEMAS / FILES[name]
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    scores = [
        (
            f"https://www.first.org/cvss/cvss-v{version}.json",
            {
                "properties": {"version": {"const": version}, "baseScore": {"type": "number", "maximum": 10}},
                "required": ["version", "vectorString", "baseScore", "baseSeverity"],
            },
        )
        for version in ("2.0", "3.0", "3.1")
    ]
    schema = json.loads(file.read_text(encoding="utf-8"))
    registry = jsonschema_rs.Registry(scores)
    return jsonschema_rs.Draft202012Validator(schema, registry=registry, validate_formats=True)


def faults(name: str, document: dict[str, Any]) -> list[str]:
    return [f"{one.instance_path}: {one.message[:200]}" for one in validator(name).iter_errors(document)]


@pytest.mark.parametrize("name", EXPORTS)
def test_a_full_finding_is_valid(name: str) -> None:
    assert faults(name, exported(name, objects(FULL))) == []


@pytest.mark.parametrize("name", EXPORTS)
@given(finding=STATED)
def test_any_finding_is_valid(name: str, finding: dict[str, Any]) -> None:
    assert faults(name, exported(name, objects(finding))) == []


# Read again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_exported_says_the_same_once_it_is_read_again(name: str) -> None:
    found = again(name, exported(name, objects(FULL)))

    assert {"CVE-2026-12345", "GHSA-aaaa-bbbb-cccc"} <= set(found.aliases)
    assert "A crafted image overwrites the heap." in found.description
    assert any(one.purl and one.purl.startswith("pkg:pypi/pillow") for one in found.affected)
    said = " ".join(filter(None, [found.remediation, found.workaround, found.description]))
    assert "Update to 10.2.0." in said
    assert "Refuse PNG." in said


@pytest.mark.parametrize("name", ["csaf", "osv"])
def test_title_score_weakness_pages_and_finders_are_kept(name: str) -> None:
    found = again(name, exported(name, objects(FULL)))

    assert found.title == "Heap overflow in the PNG decoder"
    assert FULL["severity"][0] in found.severity
    assert "CWE-787" in found.cwe
    assert "https://example.com/advisory" in found.references
    assert {"Bughound", "A. Tester"} <= {one.name for one in found.found_by}


def test_osv_keeps_the_ranges_and_both_scores() -> None:
    found = again("osv", exported("osv", objects(FULL)))
    (package,) = [one for one in found.affected if one.purl == "pkg:pypi/pillow"]

    assert package.versions == ("10.1.0", "10.1.1")
    assert [event.introduced or event.fixed for one in package.ranges for event in one.events] == ["10.0.0", "10.2.0"]
    assert set(found.severity) == set(FULL["severity"])


def test_csaf_and_openvex_keep_what_is_not_affected_and_why() -> None:
    for name in ("csaf", "openvex"):
        found = again(name, exported(name, objects(FULL)))
        (viewer,) = [one for one in found.affected if one.status == "not-affected"]

        assert viewer.justification == "vulnerable_code_not_present: built without PNG"
        assert "Viewer" in (viewer.product or "")
        assert any(one.status == "fixed" and one.cpe for one in found.affected)


def test_csaf_lists_versions_ranges_and_what_mends_them() -> None:
    found = again("csaf", exported("csaf", objects(FULL)))
    pillow = [(one.version, one.status) for one in found.affected if one.product == "pillow"]

    assert pillow == [
        ("10.1.0", "affected"), ("10.1.1", "affected"), ("vers:generic/>=10.0.0|<10.2.0", "affected"),
        ("10.2.0", "fixed"),
    ]  # fmt: skip
    assert found.tlp == "green"


@pytest.mark.parametrize("level", Tlp)
def test_no_export_is_marked_wider_than_the_finding(level: Tlp) -> None:
    found = again("csaf", exported("csaf", objects(FULL, tlp=level)))

    assert found.tlp is not None
    assert not Tlp(found.tlp) < level


def test_a_finding_that_is_taken_back_is_withdrawn() -> None:
    made = objects(FULL | {"revoked": True})

    assert again("osv", exported("osv", made)).revoked
    assert exported("csaf", made)["document"]["notes"][0]["title"] == "Withdrawn"


# What a reader may see ------------------------------------------------------------------------------------------------


def answer(about: str, word: str, text: str, at: str) -> dict[str, Any]:
    return {
        "type": "note", "spec_version": "2.1", "id": "note--00000000-0000-4000-8000-000000000000", "created": at,
        "modified": at, "content": text, "object_refs": [about], "labels": [f"status:{word}"],
    }  # fmt: skip


def test_the_owners_last_answer_says_how_its_one_product_stands() -> None:
    made = objects(FULL | {"affected": [{"product": "Viewer", "vendor": "Skyline", "version": "3.2"}]})
    main = made[0]["id"]
    made += [
        answer(main, "fixed", "In 3.3.", "2026-11-05T00:00:00.000Z"),
        answer(main, "received", "Thanks.", "2026-11-04T00:00:00.000Z"),
    ]

    (statement,) = exported("openvex", made)["statements"]
    assert statement["status"] == "fixed"
    assert "an owner: fixed: In 3.3." in statement["status_notes"]
    assert [one.status for one in again("csaf", exported("csaf", made)).affected] == ["fixed"]
    (vulnerability,) = exported("csaf", made)["vulnerabilities"]
    assert [one["status"] for one in vulnerability["involvements"]] == ["open", "completed"]
    assert [faults(name, exported(name, made)) for name in EXPORTS] == [[], [], []]


def test_of_several_products_an_answer_does_not_say_which_it_is_about() -> None:
    made = objects(FULL)
    made.append(answer(made[0]["id"], "fixed", "Done.", "2026-11-05T00:00:00.000Z"))

    assert "affected" in {one["status"] for one in exported("openvex", made)["statements"]}


def test_what_the_reader_was_not_given_is_in_no_export() -> None:
    made = objects(FULL | {"evidence": [{"text": "The exploit."}]})
    seen = [one for one in made if one["type"] in ("vulnerability", "software")]

    for name in EXPORTS:
        text = json.dumps(exported(name, seen))
        assert "Update to 10.2.0." not in text
        assert "The exploit." not in text
    assert "The exploit." in json.dumps(exported("csaf", made))


def test_a_vulnerability_that_was_published_as_stix_is_exported_by_what_has_it() -> None:
    made = objects({**FULL, "affected": [{"product": "Viewer", "vendor": "Skyline", "version": "3.2"}]})
    del made[0]["extensions"]

    (product,) = again("csaf", exported("csaf", made)).affected
    assert (product.vendor, product.product, product.version) == ("Skyline", "Viewer", "3.2")
    assert [faults(name, exported(name, made)) for name in EXPORTS] == [[], [], []]


def test_what_a_later_extension_may_say_is_left_out() -> None:
    made = objects(FULL)
    made[0]["extensions"][KEY]["found_by"][0]["new"] = "word"

    assert [one.name for one in gather(made).found_by] == ["A. Tester"]


def test_objects_without_a_finding_are_told() -> None:
    with pytest.raises(ValueError, match="no object of a finding"):
        csaf.export([], publisher=PUBLISHER, now=NOW, document_id="x")
