"""What STIX becomes of a finding: strict, the same for ever, and no wider than it was meant."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from stix2validator import ValidationOptions, validate_instance

from exchange import stix
from exchange.findings import extension
from exchange.findings.made import How, Made
from exchange.findings.making import grouping, make
from exchange.findings.writing import MARKINGS
from exchange.label import Tlp
from tests.unit.findingdrawing import CREATED, CREATOR, STATED, Stated, finding, how, hows, minted

NOW = stix.parse_timestamp("2026-12-01T00:00:00.000Z")

PATH = {
    "kind": "software-vulnerability",
    "title": "Path traversal in the upload of avatars",
    "description": "A file name with dots leaves the folder of uploads.",
    "key": "scan-17/avatar-upload",
    "found_by": [{"kind": "ai-system", "name": "Lantern", "version": "4", "autonomy": "supervised"}],
    "affected": [{"purl": "pkg:npm/%40acme/portal@2.3.1", "path": "src/upload.js"}],
    "severity": ["CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:N/I:H/A:N"],
    "cwe": ["CWE-22"],
    "attack": ["T1190"],
    "evidence": [{"text": "curl -F file=@x;filename=../x …"}],
    "remediation": "Update to 2.3.2.",
    "recipients": ["acme"],
}


def of_type(found: list[Made], stix_type: str) -> list[dict[str, Any]]:
    """The objects of a type."""
    return [made.obj for made in found if made.obj["type"] == stix_type]


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    """`stix2` looks into no extension that it does not know."""
    known = stix2.registry.STIX2_OBJ_MAPS["2.1"]["extensions"]

    class AiFinding(stix2.v21._Extension):  # type: ignore[misc]
        extension_type = "property-extension"
        _properties = {  # noqa: RUF012
            "extension_type": stix2.properties.StringProperty(required=True),
            "kind": stix2.properties.StringProperty(required=True),
            "found_by": stix2.properties.ListProperty(stix2.properties.DictionaryProperty(), required=True),
            "verification": stix2.properties.DictionaryProperty(required=True),
            "cvss": stix2.properties.ListProperty(stix2.properties.DictionaryProperty()),
            "affected": stix2.properties.ListProperty(stix2.properties.DictionaryProperty()),
            "programme": stix2.properties.DictionaryProperty(),
            "due": stix2.properties.TimestampProperty(),
            "ai_content": stix2.properties.DictionaryProperty(),
        }

    known[extension.KEY] = AiFinding
    yield
    del known[extension.KEY]


def test_a_finding_with_ten_parts_becomes_ten_objects_and_the_first_stands_for_it() -> None:
    found = make(finding(PATH), how())
    types = [made.obj["type"] for made in found]
    assert types == [
        "vulnerability", "software", "relationship", "attack-pattern", "relationship", "course-of-action",
        "relationship", "note",
    ]  # fmt: skip
    main = found[0].obj
    assert main == {
        "type": "vulnerability",
        "spec_version": "2.1",
        "id": minted("vulnerability", "vulnerability"),
        "created_by_ref": CREATOR,
        "created": CREATED,
        "modified": how().modified,
        "name": PATH["title"],
        "description": PATH["description"],
        "external_references": [{"source_name": "cwe", "external_id": "CWE-22"}],
        "object_marking_refs": [MARKINGS[Tlp.GREEN]],
        "extensions": {
            extension.KEY: {
                "extension_type": "property-extension",
                "kind": "software-vulnerability",
                "cvss": [{"version": "3.1", "vector": PATH["severity"][0], "score": 6.5, "severity": "medium"}],
                "affected": PATH["affected"],
                "found_by": PATH["found_by"],
                "verification": {"state": "unverified"},
            }
        },
    }
    assert of_type(found, "software")[0] | {"id": ""} == {
        "type": "software", "spec_version": "2.1", "id": "", "name": "@acme/portal", "version": "2.3.1",
        "object_marking_refs": [MARKINGS[Tlp.GREEN]],
    }  # fmt: skip
    edges = [
        (edge["relationship_type"], edge["source_ref"], edge["target_ref"]) for edge in of_type(found, "relationship")
    ]
    assert edges == [
        ("has", found[1].obj["id"], main["id"]),
        ("targets", found[3].obj["id"], main["id"]),
        ("remediates", found[5].obj["id"], main["id"]),
    ]
    assert of_type(found, "note")[0]["object_refs"] == [main["id"]]


@given(STATED, hows())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_object_is_strict_stix_and_enters_this_exchange(stated: Stated, told: How) -> None:
    for made in make(finding(stated), told):
        read = stix2.parse(made.obj, allow_custom=False)
        assert list(json.loads(read.serialize())) == list(made.obj), "in the order of STIX"
        entry = stix.read_envelope(orjson.dumps({"objects": [made.obj]}))[0]
        assert isinstance(stix.checked(entry, now=NOW), stix.Parsed), made.obj


@given(STATED)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_validator_of_oasis_finds_no_error(stated: Stated) -> None:
    for made in make(finding(stated), how()):
        assert not validate_instance(made.obj, ValidationOptions(version="2.1")).errors, made.obj


@given(STATED, hows())
def test_the_same_finding_makes_the_same_bytes_and_each_id_once(stated: Stated, told: How) -> None:
    found = make(finding(stated), told)
    assert [orjson.dumps(made.obj) for made in make(finding(stated), told)] == [
        orjson.dumps(made.obj) for made in found
    ]
    ids = [made.obj["id"] for made in found]
    assert len(set(ids)) == len(ids)
    minted_parts = [made.part for made in found if "created" in made.obj]
    assert len(set(minted_parts)) == len(minted_parts)


@given(STATED, hows())
def test_nothing_says_whom_it_is_for_or_by_which_key_and_plan(stated: Stated, told: How) -> None:
    names = {"recipients": ["zz-recipient-zz"], "key": "zz-key-zz", "disclosure": "zz-plan-zz"}
    text = b"".join(orjson.dumps(made.obj) for made in make(finding(stated | names), told))
    assert b"zz-" not in text


@given(STATED, hows())
def test_every_reference_within_a_finding_is_to_what_at_least_its_own_readers_read(stated: Stated, told: How) -> None:
    found = make(finding(stated), told)
    by_id = {made.obj["id"]: made for made in found}
    for made in found:
        for ref in stix.references(made.obj):
            assert by_id[ref].whom in ("everyone meant", made.whom), "closure would hide it from some"


@given(STATED, hows())
def test_evidence_is_never_wider_than_the_finding_nor_above_what_may_be_published(stated: Stated, told: How) -> None:
    levels = {marking: level for level, marking in MARKINGS.items()}
    for made in make(finding(stated), told):
        (marking,) = made.obj["object_marking_refs"]
        assert told.tlp <= levels[marking] <= told.highest
        if made.obj["type"] not in ("note", "artifact"):
            assert levels[marking] is told.tlp


@pytest.mark.parametrize(
    ("tlp", "highest", "asked", "level", "whom"),
    [
        ("green", "red", None, "amber", "everyone meant"),
        ("clear", "red", None, "green", "everyone meant"),
        ("green", "green", None, "green", "named and coordinators"),
        ("red", "red", None, "red", "named and coordinators"),
        ("green", "amber", "red", "amber", "named and coordinators"),
        ("amber", "red", "green", "amber", "everyone meant"),
        ("green", "red", "green", "green", "everyone meant"),
        ("green", "red", "red", "red", "everyone meant"),
    ],
)
def test_evidence_is_one_step_stricter_and_at_the_top_for_the_named(
    tlp: str, highest: str, asked: str | None, level: str, whom: str
) -> None:
    stated = PATH | {"evidence": [{"text": "detail", **({"sensitivity": asked} if asked else {})}]}
    *_, note = make(finding(stated), how(tlp=Tlp(tlp), highest=Tlp(highest)))
    assert (note.obj["object_marking_refs"], note.whom) == ([MARKINGS[Tlp(level)]], whom)


def test_the_ids_depend_on_the_part_alone_and_never_on_cve_or_purl() -> None:
    first = make(finding(PATH | {"aliases": ["CVE-2026-12345"]}), how())
    other = make(finding(PATH | {"aliases": ["CVE-2026-54321"], "title": "Another", "cwe": ["CWE-79"]}), how())
    assert [made.obj["id"] for made in first] == [made.obj["id"] for made in other]

    def of_another_member(stix_type: str, part: str) -> str:
        return minted(stix_type, f"another/{part}")

    theirs = make(finding(PATH), how(mint=of_another_member))
    shared = {made.obj["id"] for made in first} & {made.obj["id"] for made in theirs}
    assert shared == set(), "not of an observable either: the standard's own id of it tells what it is"


def test_an_asset_is_for_its_owner_and_nothing_that_others_read_tells_of_it() -> None:
    stated = PATH | {"kind": "network-weakness", "affected": [{"asset": {"host": "192.0.2.7", "name": "gate-7"}}]}
    found = make(finding(stated), how())
    named = [made.obj for made in found if made.whom == "named"]
    assert [obj["type"] for obj in named] == ["infrastructure", "ipv4-addr", "relationship", "relationship"]
    assert [obj.get("relationship_type") for obj in named[2:]] == ["consists-of", "has"]
    others = b"".join(orjson.dumps(made.obj) for made in found if made.whom != "named")
    assert b"192.0.2.7" not in others
    assert b"gate-7" not in others


def test_what_is_not_affected_has_no_flaw() -> None:
    affected = [
        {"product": "portal", "version": "1", "status": "fixed"},
        {"product": "portal", "version": "2", "status": "not-affected", "justification": "never calls it"},
        {"product": "portal", "version": "3", "status": "affected"},
    ]
    edges = of_type(
        make(finding(PATH | {"affected": affected, "attack": [], "remediation": None}), how()), "relationship"
    )
    assert [(edge["relationship_type"], edge.get("description")) for edge in edges] == [
        ("related-to", "fixed"),
        ("related-to", "not-affected: never calls it"),
        ("has", "affected"),
    ]


def test_a_file_comes_as_an_artifact_and_a_page_by_its_hash() -> None:
    payload = base64.b64encode(b"proof").decode()
    evidence = [
        {"artifact": {"payload": payload, "mime_type": "text/plain", "name": "poc.txt"}},
        {"url": "https://lab.example/poc", "sha256": "ab" * 32},
    ]
    found = make(finding(PATH | {"evidence": evidence}), how())
    (artifact,) = of_type(found, "artifact")
    note, page = of_type(found, "note")
    assert (artifact["payload_bin"], artifact["mime_type"]) == (payload, "text/plain")
    assert note["object_refs"] == [found[0].obj["id"], artifact["id"]]
    assert page["external_references"] == [
        {"source_name": "evidence", "url": "https://lab.example/poc", "hashes": {"SHA-256": "ab" * 32}}
    ]


def test_malicious_use_is_an_incident_with_what_was_observed() -> None:
    stated = {name: PATH[name] for name in ("title", "description", "found_by")}
    observed = ["192.0.2.9", "EXAMPLE.net", "example.net", "AA" * 32]
    found = make(finding(stated | {"kind": "malicious-use", "observed": observed}), how())
    assert found[0].obj["type"] == "incident"
    (data,) = of_type(found, "observed-data")
    assert [ref.partition("--")[0] for ref in data["object_refs"]] == ["ipv4-addr", "domain-name", "file"]
    (edge,) = of_type(found, "relationship")
    assert (edge["source_ref"], edge["target_ref"]) == (found[0].obj["id"], data["id"])


def test_an_indicator_carries_its_pattern() -> None:
    stated = {name: PATH[name] for name in ("title", "description", "found_by")}
    found = make(finding(stated | {"kind": "indicator", "pattern": "rule x {}", "pattern_type": "yara"}), how())
    assert found[0].obj.items() >= {"type": "indicator", "pattern": "rule x {}", "pattern_type": "yara"}.items()
    assert found[0].obj["valid_from"] == CREATED
    assert "pattern_version" not in found[0].obj


def test_what_is_taken_back_is_revoked() -> None:
    found = make(finding(PATH | {"revoked": True}), how())
    assert all(made.obj["revoked"] for made in found if "created" in made.obj)


def test_a_programme_groups_findings_of_one_submitter() -> None:
    ids = [minted("vulnerability", str(number)) for number in range(3)]
    made = grouping("spring-2027", [ids[2], ids[0], ids[1]], how())
    assert stix2.parse(made.obj, allow_custom=False).object_refs == sorted(ids)
    assert made.part == "programme/spring-2027"
    assert grouping("spring-2027", ids[:1], how()).obj["id"] == made.obj["id"]
